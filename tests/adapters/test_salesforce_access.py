"""Rights that are missing are named, take only what they give away, and count again when they are granted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from made_salesforce import made_adapter, made_server, made_world

from adapters.base import Check
from adapters.errors import MissingScopeError
from adapters.records import ActivityKind, Contact, Deal, Kind
from adapters.salesforce import Salesforce
from adapters.sandbox import World

WORLD = made_world()
OBJECTS = {
    "User": {Kind.OWNER, Kind.TEAM}, "UserRole": {Kind.TEAM}, "OpportunityStage": {Kind.PIPELINE, Kind.STAGE},
    "Opportunity": {Kind.DEAL}, "Account": {Kind.COMPANY}, "Contact": {Kind.CONTACT}, "Lead": {Kind.LEAD},
}  # fmt: skip
HIDDEN_FIELDS = ("Opportunity.Amount", "Contact.Email", "Task.CompletedDateTime", "Event.Subject", "Lead.IsConverted")


def lacking(*hidden: str, world: World = WORLD, **org: Any) -> Salesforce:
    return made_adapter(made_server(world, hidden=frozenset(hidden), **org))


def failed(adapter: Salesforce) -> list[Check]:
    return [check for check in adapter.check() if not check.ok]


@pytest.mark.parametrize(("name", "gone"), OBJECTS.items())
def test_a_missing_right_takes_its_object_and_no_other(name: str, gone: set[Kind]) -> None:
    adapter = lacking(name)
    kinds, missing = adapter.capabilities.kinds, {one.kind: one.reason for one in adapter.capabilities.missing}
    assert set(Kind) - kinds == gone | {Kind.PRODUCT}
    for kind in gone:
        assert name in missing[kind.value]
        with pytest.raises(MissingScopeError):
            adapter.changes(kind, None)
    for kind in kinds:
        assert list(adapter.changes(kind, None))[-1].done
    told = {check.name for check in failed(adapter)}
    assert name == "Lead" or f"right Read on {name}" in told


@pytest.mark.parametrize("name", HIDDEN_FIELDS)
def test_a_hidden_field_is_named_with_what_is_missing_and_the_rest_is_read(name: str) -> None:
    adapter = lacking(name)
    [check] = failed(adapter)
    assert check.name == f"field {name}"
    assert "without it" in (check.remedy or "")
    assert name in {one.kind for one in adapter.capabilities.missing}
    for kind in adapter.capabilities.kinds:
        assert list(adapter.changes(kind, None))[-1].done
        adapter.expected_count(kind)
    for activity in adapter.capabilities.activity_kinds:
        assert adapter.count_activity(kind=activity).count is not None


def test_without_subtypes_calls_and_mails_are_not_known_and_never_zero() -> None:
    adapter = lacking("Task.TaskSubtype")
    assert ActivityKind.TASK in adapter.capabilities.activity_kinds
    for kind in (ActivityKind.CALL, ActivityKind.EMAIL):
        counted = adapter.count_activity(kind=kind)
        assert counted.count is None
        assert "TaskSubtype" in (counted.unavailable or "")


def test_without_amounts_deals_have_none_and_no_history_of_them() -> None:
    deals = [one for page in lacking("Opportunity.Amount").changes(Kind.DEAL, None) for one in page.changes]
    assert {one.amount_minor for one in deals if isinstance(one, Deal)} == {None}


def test_a_field_that_is_granted_is_read_for_all_records() -> None:
    server = made_server(made_world(), hidden=frozenset({"Contact.Email"}))
    adapter = made_adapter(server)
    cursor = list(adapter.changes(Kind.CONTACT, None))[-1].cursor
    server.hidden.clear()
    server.world.clock.advance(timedelta(minutes=11).total_seconds())
    told = [one for page in adapter.changes(Kind.CONTACT, cursor) for one in page.changes if isinstance(one, Contact)]
    assert len(told) == len(server.world.live("contact"))
    assert any(one.email for one in told)


def test_records_that_sharing_hides_are_warned_of() -> None:
    [check] = failed(lacking(view_all=frozenset({"Account", "Contact"})))
    assert check.name == "right View All"
    assert "Lead, Opportunity" in check.detail
    assert "unnoticed" in (check.remedy or "")


def test_where_permissions_may_not_be_looked_at_that_is_said() -> None:
    adapter = lacking("PermissionSetAssignment")
    assert not failed(adapter)
    [check] = [one for one in adapter.check() if one.name == "right View All"]
    assert "not known" in check.detail


def test_a_version_that_the_org_does_not_serve_is_named() -> None:
    checks = made_adapter(made_server(WORLD), version="99.0").check()
    assert any(not check.ok and "99.0" in check.detail for check in checks)


def test_the_field_for_the_lead_s_id_is_checked() -> None:
    [check] = failed(made_adapter(made_server(WORLD), lead_id_field="Nowhere__c"))
    assert "SALESFORCE_LEAD_ID_FIELD" in (check.remedy or "")
    assert not failed(made_adapter(made_server(WORLD)))


def test_the_right_to_write_is_checked_without_writing() -> None:
    server = made_server(WORLD, hidden=frozenset({"Contact:create"}))
    [check] = failed(made_adapter(server))
    assert check.name == "right Create and Edit on Contact"
    assert not [one for one in server.log if one.method in {"PATCH", "DELETE"} or one.path.endswith("/Contact")]


def test_the_look_at_rights_is_one_call_for_many_questions() -> None:
    server = made_server(WORLD)
    adapter = made_adapter(server)
    for _ in range(3):
        assert adapter.capabilities.kinds
        assert adapter.capabilities.activity_kinds
    assert [one.path.rpartition("/")[2] for one in server.log] == ["token", "batch"]
