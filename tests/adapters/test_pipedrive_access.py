"""Rights that are missing are named, take only their object away, and come back when they are granted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made_pipedrive import FREE, TOKEN, made_adapter, made_server, made_world

from adapters.errors import ConfigError, MissingScopeError
from adapters.records import ActivityKind, Kind
from adapters.sandbox.pipedrive import ALL_RIGHTS, Plan

RIGHTS = {
    "users:read": {Kind.OWNER, Kind.TEAM}, "deals:read": {Kind.DEAL, Kind.PIPELINE, Kind.STAGE},
    "contacts:read": {Kind.CONTACT, Kind.COMPANY}, "activities:read": {Kind.ACTIVITY},
}  # fmt: skip


@pytest.mark.parametrize(("right", "gone"), RIGHTS.items())
def test_a_missing_right_takes_its_objects_and_no_other(right: str, gone: set[Kind]) -> None:
    adapter = made_adapter(made_server(made_world(), plan=FREE, rights=ALL_RIGHTS - {right}))
    kinds, missing = adapter.capabilities.kinds, {one.kind: one.reason for one in adapter.capabilities.missing}
    assert set(Kind) - kinds == gone | {Kind.PRODUCT}
    for kind in gone:
        assert right in missing[kind.value]
        with pytest.raises(MissingScopeError):
            adapter.changes(kind, None)
    for kind in kinds:
        assert list(adapter.changes(kind, None))[-1].done
    failed = [check for check in adapter.check() if not check.ok]
    assert {check.name for check in failed} == {f"right {right}"}
    assert all("without it" in (check.remedy or "") for check in failed)


def test_leads_and_teams_are_optional() -> None:
    server = made_server(made_world(), plan=FREE, rights=ALL_RIGHTS - {"leads:read"})
    server.has_teams = False
    adapter = made_adapter(server)
    assert set(Kind) - adapter.capabilities.kinds == {Kind.LEAD, Kind.TEAM, Kind.PRODUCT}
    assert all(owner.team_id is None for owner in adapter.list_owners())
    checks = {check.name: check for check in adapter.check()}
    assert all(check.ok for check in checks.values())
    assert "leads are missing" in checks["right leads:read"].detail
    assert "teams are missing" in checks["teams"].detail


def test_mails_and_notes_are_declared_missing_and_counted_as_unknown() -> None:
    adapter = made_adapter(made_server(made_world(), plan=FREE))
    for kind, says in ((ActivityKind.EMAIL, "no activities"), (ActivityKind.NOTE, "not read")):
        counted = adapter.count_activity(kind=kind)
        assert counted.count is None
        assert says in (counted.unavailable or "")


def test_without_the_right_no_activity_is_counted_as_zero() -> None:
    adapter = made_adapter(made_server(made_world(), plan=FREE, rights=ALL_RIGHTS - {"activities:read"}))
    counted = adapter.count_activity(kind=ActivityKind.CALL)
    assert counted.count is None
    assert "activities:read" in (counted.unavailable or "")


def test_types_of_the_account_s_own_are_what_the_settings_say() -> None:
    server = made_server(made_world(), plan=FREE)
    plain = made_adapter(server)
    told = made_adapter(server, activity_types={"appointment": ActivityKind.MEETING})
    assert ActivityKind.APPOINTMENT in plain.capabilities.activity_kinds
    assert ActivityKind.APPOINTMENT not in told.capabilities.activity_kinds
    assert "PIPEDRIVE_ACTIVITY_TYPES" in (told.count_activity(kind=ActivityKind.APPOINTMENT).unavailable or "")
    both = sum(plain.count_activity(kind=kind).count or 0 for kind in (ActivityKind.APPOINTMENT, ActivityKind.MEETING))
    assert told.count_activity(kind=ActivityKind.MEETING).count == both > 0


def test_a_right_that_is_granted_is_noticed_and_its_object_read_from_the_beginning() -> None:
    server = made_server(made_world(), plan=FREE, rights=ALL_RIGHTS - {"activities:read"})
    adapter = made_adapter(server)
    assert Kind.ACTIVITY not in adapter.capabilities.kinds
    server.rights = set(ALL_RIGHTS)
    server.world.clock.advance(timedelta(minutes=11).total_seconds())
    assert [one for page in adapter.changes(Kind.ACTIVITY, None) for one in page.changes]


def test_a_user_who_is_no_administrator_is_told_so() -> None:
    server = made_server(made_world(), plan=FREE)
    for is_administrator, says in ((True, "who is an administrator"), (False, "are missing, without a word")):
        server.is_administrator = is_administrator
        [access] = [one for one in made_adapter(server).check() if one.name == "access"]
        assert access.detail.endswith(says)


def test_the_tokens_of_the_day_are_told_where_pipedrive_tells_them() -> None:
    server = made_server(made_world(), plan=Plan(daily=30_000))
    [daily] = [one for one in made_adapter(server).check() if one.name == "daily tokens"]
    assert "of 30000 are left" in daily.detail
    server.tells_tokens = False
    assert "daily tokens" not in {one.name for one in made_adapter(server).check()}


def test_a_token_that_is_refused_is_a_check_that_names_the_setting() -> None:
    server = made_server(made_world(), plan=FREE)
    server.token = "another"
    adapter = made_adapter(server)
    [check] = adapter.check()
    assert not check.ok
    assert "PIPEDRIVE_API_TOKEN" in (check.remedy or "")
    assert TOKEN not in repr(check)
    with pytest.raises(ConfigError):
        adapter.list_owners()


def test_the_look_at_rights_is_not_repeated_for_each_call() -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server)
    assert adapter.capabilities.kinds
    asked = len(server.log)
    server.world.clock.advance(3_600)
    assert adapter.capabilities.activity_kinds
    assert len(server.log) == asked
