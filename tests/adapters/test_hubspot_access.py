"""Rights that are missing are named, take only their object away, and come back when they are granted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made_hubspot import TOKEN, made_adapter, made_server, made_world

from adapters.errors import ConfigError, MissingScopeError
from adapters.records import ActivityKind, Kind
from adapters.sandbox.hubspot import ALL_SCOPES

SCOPES = {
    "crm.objects.owners.read": {Kind.OWNER, Kind.TEAM}, "crm.objects.deals.read": {Kind.DEAL},
    "crm.objects.companies.read": {Kind.COMPANY}, "crm.objects.contacts.read": {Kind.CONTACT},
}  # fmt: skip


@pytest.mark.parametrize(("scope", "gone"), SCOPES.items())
def test_a_missing_scope_takes_its_object_and_no_other(scope: str, gone: set[Kind]) -> None:
    adapter = made_adapter(made_server(made_world(), scopes=ALL_SCOPES - {scope}))
    kinds, missing = adapter.capabilities.kinds, {one.kind: one.reason for one in adapter.capabilities.missing}
    assert set(Kind) - kinds == gone | {Kind.PRODUCT}
    for kind in gone:
        assert scope in missing[kind.value]
        with pytest.raises(MissingScopeError):
            adapter.changes(kind, None)
    for kind in kinds:
        assert list(adapter.changes(kind, None))[-1].done
    failed = [check for check in adapter.check() if not check.ok]
    assert {check.name for check in failed} == {f"scope {scope}"}
    assert all("without it" in (check.remedy or "") for check in failed)


def test_without_the_contacts_scope_activities_are_appointments_alone() -> None:
    adapter = made_adapter(made_server(made_world(), scopes=ALL_SCOPES - {"crm.objects.contacts.read"}))
    assert adapter.capabilities.activity_kinds == {ActivityKind.APPOINTMENT}
    counted = adapter.count_activity(kind=ActivityKind.CALL)
    assert counted.count is None
    assert "crm.objects.contacts.read" in (counted.unavailable or "")


def test_an_account_without_appointments_is_no_fault() -> None:
    server = made_server(made_world())
    server.lacks = {"appointment"}
    adapter = made_adapter(server)
    assert ActivityKind.APPOINTMENT not in adapter.capabilities.activity_kinds
    assert "does not have" in (adapter.count_activity(kind=ActivityKind.APPOINTMENT).unavailable or "")
    assert all(check.ok for check in adapter.check())


def test_a_scope_that_is_granted_is_noticed_and_its_object_read_from_the_beginning() -> None:
    server = made_server(made_world(), scopes=ALL_SCOPES - {"crm.objects.appointments.read"})
    adapter = made_adapter(server)
    cursor = list(adapter.changes(Kind.ACTIVITY, None))[-1].cursor
    server.scopes = set(ALL_SCOPES)
    server.world.clock.advance(timedelta(minutes=11).total_seconds())
    pages = list(adapter.changes(Kind.ACTIVITY, cursor))
    brought = [one for page in pages for one in page.changes if getattr(one, "kind", None) is ActivityKind.APPOINTMENT]
    assert len(brought) == len(server.world.live("appointment"))


def test_the_right_to_write_is_checked_without_writing() -> None:
    server = made_server(made_world(), scopes=ALL_SCOPES - {"crm.objects.contacts.write"})
    [writing] = [one for one in made_adapter(server).check() if one.name == "scope crm.objects.contacts.write"]
    assert not writing.ok
    assert not [one for one in server.log if one.method in {"PATCH", "DELETE"}]


def test_a_token_that_is_refused_is_a_check_that_names_the_setting() -> None:
    server = made_server(made_world())
    server.expired = True
    adapter = made_adapter(server)
    [check] = adapter.check()
    assert not check.ok
    assert "HUBSPOT_API_KEY" in (check.remedy or "")
    assert TOKEN not in repr(check)
    with pytest.raises(ConfigError):
        adapter.list_owners()


def test_the_look_at_rights_is_not_repeated_for_each_call() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    assert adapter.capabilities.kinds
    asked = len(server.log)
    assert adapter.capabilities.activity_kinds
    assert len(server.log) == asked
