"""Rights that are missing are named, take only their object away, and come back when they are granted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made_nutshell import API_KEY, EMAIL, FREE, made_adapter, made_server, made_world

from adapters.errors import ConfigError, MissingScopeError
from adapters.nutshell.contacts import FieldNames
from adapters.nutshell.objects import activity_kind, configured_types
from adapters.records import ActivityKind, Deal, Deletion, Kind

RIGHTS = {
    "users": ("to see users", {Kind.OWNER}), "leads": ("to see leads", {Kind.DEAL}),
    "accounts": ("to see companies", {Kind.COMPANY}), "contacts": ("to see people", {Kind.CONTACT}),
    "activities": ("to see activities", {Kind.ACTIVITY}),
}  # fmt: skip


@pytest.mark.parametrize("entity", RIGHTS)
def test_a_missing_right_takes_its_object_and_no_other(entity: str) -> None:
    right, gone = RIGHTS[entity]
    adapter = made_adapter(made_server(made_world(), plan=FREE, hidden={entity}))
    kinds, missing = adapter.capabilities.kinds, {one.kind: one.reason for one in adapter.capabilities.missing}
    assert set(Kind) - kinds == gone | {Kind.LEAD, Kind.PRODUCT, Kind.TEAM}
    for kind in gone:
        assert right in missing[kind.value]
        with pytest.raises(MissingScopeError):
            adapter.changes(kind, None)
    for kind in kinds:
        assert list(adapter.changes(kind, None))[-1].done
    failed = [check for check in adapter.check() if not check.ok]
    assert {check.name for check in failed} == {f"right {right}"}
    assert all("Without it" in (check.remedy or "") for check in failed)


def test_without_activities_every_kind_of_them_is_not_available_and_never_zero() -> None:
    adapter = made_adapter(made_server(made_world(), plan=FREE, hidden={"activities"}))
    for kind in ActivityKind:
        counted = adapter.count_activity(kind=kind)
        assert counted.count is None
        assert "to see activities" in (counted.unavailable or "")


def test_what_nutshell_does_not_list_is_not_available_with_the_reason() -> None:
    adapter = made_adapter(made_server(made_world(), plan=FREE))
    assert adapter.capabilities.activity_kinds == {ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.APPOINTMENT}
    for kind in (ActivityKind.EMAIL, ActivityKind.NOTE, ActivityKind.TASK):
        counted = adapter.count_activity(kind=kind)
        assert (counted.count, "Nutshell" in (counted.unavailable or "")) == (None, True)


def test_without_the_timeline_everything_is_read_each_time_and_no_history_is_claimed() -> None:
    server = made_server(made_world(), plan=FREE, hidden={"events"})
    adapter = made_adapter(server)
    told = adapter.capabilities
    assert (told.has_stage_history, told.reports_deletions, told.reports_merges) == (False, False, False)
    first = list(adapter.changes(Kind.DEAL, None))
    server.world.clock.advance(3600)
    again = list(adapter.changes(Kind.DEAL, first[-1].cursor))
    deals = [one for page in again for one in page.changes if isinstance(one, Deal)]
    assert len(deals) == len(server.world.live("deal"))
    assert {deal.modified_at for deal in deals} == {None}
    [failed] = [check for check in adapter.check() if not check.ok]
    assert (failed.name, "stage history" in (failed.remedy or "")) == ("right to see the timeline", True)


def test_a_right_that_is_granted_is_noticed_and_its_object_read() -> None:
    server = made_server(made_world(), plan=FREE, hidden={"events"})
    adapter = made_adapter(server)
    cursor = list(adapter.changes(Kind.DEAL, None))[-1].cursor
    server.hidden.clear()
    server.world.archive(server.world.live("deal")[0])
    server.world.clock.advance(timedelta(minutes=11).total_seconds())
    assert adapter.capabilities.has_stage_history
    ends = [one for page in adapter.changes(Kind.DEAL, cursor) for one in page.changes if isinstance(one, Deletion)]
    assert ends


def test_a_user_who_sees_a_part_only_is_a_fault_that_is_told() -> None:
    world = made_world()
    [user] = [row for row in world.live("owner") if row.text("email") == EMAIL]
    world.update(user, {"is_restricted": True})
    [failed] = [check for check in made_adapter(made_server(world, plan=FREE)).check() if not check.ok]
    assert (failed.name, EMAIL in failed.detail) == ("view", True)


def test_fields_for_leads_are_looked_for_without_writing() -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server, fields=FieldNames(lead_id="SLMS lead", source="No such field"))
    found = {check.name: check.ok for check in adapter.check() if check.name.startswith("field")}
    assert found == {"field SLMS lead": True, "field No such field": False}
    assert {one.method for one in server.log} == {"GET"}


def test_credentials_that_are_refused_are_a_check_that_names_the_setting() -> None:
    server = made_server(made_world(), plan=FREE)
    server.expired = True
    adapter = made_adapter(server)
    [check] = adapter.check()
    assert (check.ok, "NUTSHELL_API_KEY" in (check.remedy or "")) == (False, True)
    assert API_KEY not in repr(check)
    with pytest.raises(ConfigError):
        adapter.list_owners()


@pytest.mark.parametrize("base_url", ["https://app.nutshell.com/", "https://app.nutshell.com/rest/"])
def test_an_address_with_and_without_its_last_part_is_the_same(base_url: str) -> None:
    assert made_adapter(made_server(made_world(), plan=FREE), base_url=base_url).list_owners()


def test_the_look_at_rights_is_not_repeated_for_each_call() -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server)
    assert adapter.capabilities.kinds
    asked = len(server.log)
    assert adapter.capabilities.activity_kinds
    assert len(server.log) == asked


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Phone Call", ActivityKind.CALL), ("Phone Call / Meeting", ActivityKind.CALL), ("E-mail", ActivityKind.EMAIL),
        ("Site visit", ActivityKind.APPOINTMENT), ("Demo", ActivityKind.MEETING), ("昼食", ActivityKind.MEETING),
        ("To-do", ActivityKind.TASK), ("Note", ActivityKind.NOTE),
    ],
)  # fmt: skip
def test_an_activity_type_s_name_says_what_it_is_unless_the_settings_do(name: str, kind: ActivityKind) -> None:
    assert activity_kind(name, {}) is kind
    assert activity_kind(f" {name.upper()} ", configured_types(f"{name} = appointment;")) is ActivityKind.APPOINTMENT


@pytest.mark.parametrize("text", ["Demo", "Demo=party", "=call"])
def test_a_setting_of_types_that_makes_no_sense_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"NAME=KIND"):
        configured_types(text)


def test_a_type_that_is_configured_is_counted_as_that() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), activity_types={"meeting": ActivityKind.CALL})
    assert adapter.capabilities.activity_kinds == {ActivityKind.CALL, ActivityKind.APPOINTMENT}
    told = [one for page in adapter.changes(Kind.ACTIVITY, None) for one in page.changes]
    calls = sum(getattr(one, "kind", None) is ActivityKind.CALL for one in told)
    assert calls == len(world.live("call")) + len(world.live("meeting"))
