"""What was issued, promised or said of owners and deals before a CRM merged them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text
from stored_crm import Stored, day, noon

from adapters.records import Kind, Merge, Product
from snapshots import activity_weeks, alarms, audit, forecast_calls, forecasts, health_flags, note_reads, quotas
from snapshots.alarms import Raised
from snapshots.database import Database
from snapshots.forecasts import Card, NewRun, NodeKind
from snapshots.health_flags import HealthRun
from snapshots.organizations import get_organization
from snapshots.slices import Role, Slice, Viewer


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    """o1 and o3 are in team t2, o2 is in t1; two of o1's deals are open, one of o3's."""
    made = Stored(database, organization)
    for key, owner in (("a", "o1"), ("b", "o1"), ("c", "o3")):
        made.crm.create(key, noon(0), owner=owner)
    made.sync(1)
    return made


def key_of(stored: Stored, name: str, kind: Kind = Kind.OWNER) -> str:
    return str(stored.id_of(kind, name))


def admin(stored: Stored) -> Viewer:
    return Viewer(stored.organization_id, Role.ADMIN)


def merge(stored: Stored, winner: str, *losers: str, kind: Kind = Kind.OWNER, n: int = 10) -> None:
    stored.crm.log[kind].append(Merge(kind=kind, winner_id=winner, loser_ids=losers, at=noon(n)))
    stored.sync(n + 1)


def put(stored: Stored, table: str, **values: object) -> None:
    names = ("organization_id", *values)
    with stored.database.as_app(stored.organization_id) as connection:
        connection.execute(
            text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"),
            {"organization_id": stored.organization_id, **values},
        )


# --- forecasts and calls ---------------------------------------------------------------------------------------------


def issue(stored: Stored, made_on: date, *nodes: tuple[NodeKind, str, str | None]) -> int:
    """A weekly run with two steps of each node: kind, key, and the team of an owner."""
    rows = [
        {
            "node_kind": kind, "node_key": key, "node_name": None, "parent_key": team, "currency": "EUR",
            "step_no": step, "first_day": pd.Timestamp(made_on) + pd.Timedelta(weeks=step - 1),
            "last_day": pd.Timestamp(made_on) + pd.Timedelta(days=7 * step - 1), "value": 9.0, "low": 4.0,
            "high": 15.0, "won": 0.0, "method": "naive",
        }
        for kind, key, team in nodes
        for step in (1, 2)
    ]  # fmt: skip
    run = NewRun(
        made_on=made_on, step="week", measure="bookings", method_version="1", data_hash="ab", packed=b"x",
        known_at=noon(0), inputs={}, seconds=1.0, rows=pd.DataFrame(rows),
        cards=[
            (Card(node_kind=kind, node_key=key, currency="EUR", card={}, past={}), team) for kind, key, team in nodes
        ],
    )  # fmt: skip
    return forecasts.keep(stored.database, stored.organization_id, run, by="Ann", now=noon(1))


def torn(stored: Stored, run_id: int) -> set[tuple[str, str]]:
    """Nodes of which a step cannot be graded any more."""
    rows = forecasts.rows(stored.database, admin(stored), run_id)
    return {(row.node_kind, row.node_key) for row in rows[rows["not_gradable"] == "merged"].itertuples()}


def test_two_owners_who_were_forecast_and_are_merged_are_not_graded_by_each_other(stored: Stored) -> None:
    team, one, two, three = key_of(stored, "t2", Kind.TEAM), *(key_of(stored, name) for name in ("o1", "o2", "o3"))
    run = issue(stored, day(0), ("total", "", None), ("team", team, None), ("owner", one, team), ("owner", two, None),
                ("owner", three, team))  # fmt: skip
    stored.ask("UPDATE forecasts SET actual = 5, graded_at = now() WHERE step_no = 1 RETURNING 1")
    before = forecasts.rows(stored.database, admin(stored), run)
    merge(stored, "o1", "o3")
    assert torn(stored, run) == {("owner", one), ("owner", three)}
    due = forecasts.ungraded(stored.database, stored.organization_id, over_by=day(60))
    assert set(zip(due["node_kind"], due["node_key"], strict=True)) == {("total", ""), ("team", team), ("owner", two)}
    after = forecasts.rows(stored.database, admin(stored), run)
    assert after[after["step_no"] == 1]["actual"].tolist() == [5.0] * 5
    pd.testing.assert_frame_equal(before.drop(columns="not_gradable"), after.drop(columns="not_gradable"))
    asked: dict[str, Any] = {"step": "week", "measure": "bookings", "node_kind": "owner", "currency": "EUR"}
    counts = [
        forecasts.n_not_gradable(stored.database, admin(stored), node_key=key, until=day(n), **asked)
        for key, n in ((one, 13), (one, 12), (two, 60))
    ]
    assert counts == [1, 0, 0]
    rep = Viewer(stored.organization_id, Role.REP, int(two))
    assert forecasts.n_not_gradable(stored.database, rep, node_key=one, until=day(60), **asked) == 0


def test_a_survivor_who_was_forecast_alone_is_still_graded(stored: Stored) -> None:
    one, three = key_of(stored, "o1"), key_of(stored, "o3")
    alone = issue(stored, day(0), ("owner", one, None))
    loser = issue(stored, day(7), ("owner", three, None))
    merge(stored, "o1", "o3")
    assert (torn(stored, alone), torn(stored, loser)) == (set(), {("owner", three)})


def test_teams_between_which_a_merge_moves_deals_are_not_graded(stored: Stored) -> None:
    first, second = key_of(stored, "t1", Kind.TEAM), key_of(stored, "t2", Kind.TEAM)
    two, three = key_of(stored, "o2"), key_of(stored, "o3")
    owners: list[tuple[NodeKind, str, str | None]] = [("owner", two, first), ("owner", three, second)]
    run = issue(stored, day(0), *owners, ("team", first, None), ("team", second, None), ("total", "", None))
    without_winner = issue(stored, day(7), owners[1], ("team", first, None), ("team", second, None), ("team", "", None))
    merge(stored, "o2", "o3")
    teams = {("team", first), ("team", second)}
    assert torn(stored, run) == {("owner", two), ("owner", three), *teams}
    assert torn(stored, without_winner) == {("owner", three), *teams}


def test_products_that_are_merged_are_not_graded_by_each_other(stored: Stored) -> None:
    stored.crm.kinds |= {Kind.PRODUCT}
    stored.crm.add(*(Product(external_id=key, name=key) for key in ("x", "y", "z")))
    stored.sync(2)
    keys = [key_of(stored, name, Kind.PRODUCT) for name in ("x", "y", "z")]
    run = issue(stored, day(0), *(("product", key, None) for key in keys))
    merge(stored, "x", "y", kind=Kind.PRODUCT)
    assert torn(stored, run) == {("product", keys[0]), ("product", keys[1])}


def test_calls_about_either_are_marked_and_a_new_one_is_graded(stored: Stored) -> None:
    def call(name: str) -> int:
        return forecast_calls.put_call(
            stored.database, admin(stored), node_kind="owner", node_key=key_of(stored, name), first_day=day(0),
            last_day=day(20), amount_minor=100, currency="EUR", by="Ann", now=noon(1), today=day(1),
        )  # fmt: skip

    calls = {name: call(name) for name in ("o1", "o2", "o3")}
    merge(stored, "o1", "o3")
    later = call("o1")
    due = forecast_calls.ungraded_calls(stored.database, stored.organization_id, over_by=day(60))
    assert {one.call_id for one in due} == {calls["o2"], later}
    known = {one.call_id: one.not_gradable for one in forecast_calls.calls(stored.database, admin(stored))}
    assert known == {calls["o1"]: "merged", calls["o2"]: None, calls["o3"]: "merged", later: None}
    assert forecast_calls.fill_in(stored.database, stored.organization_id, {calls["o3"]: 5}, now=noon(30)) == 0


# --- quotas ----------------------------------------------------------------------------------------------------------


def test_the_survivor_keeps_its_quota_and_the_losers_is_closed_with_a_reason(stored: Stored) -> None:
    for name, minor in (("o1", 500), ("o2", 400), ("o3", 300)):
        quotas.put_quota(
            stored.database, admin(stored), owner_id=stored.id_of(Kind.OWNER, name), first_day=day(0),
            last_day=day(89), amount_minor=minor, currency="EUR", by="Ops", now=noon(1),
        )  # fmt: skip
    merge(stored, "o1", "o3")
    held = {one.owner_id: one.amount_minor for one in quotas.list_quotas(stored.database, admin(stored))}
    assert held == {stored.id_of(Kind.OWNER, "o1"): 500, stored.id_of(Kind.OWNER, "o2"): 400}
    before = quotas.list_quotas(stored.database, admin(stored), as_of=day(5))
    assert sorted(one.amount_minor for one in before) == [300, 400, 500]
    newest = audit.list_entries(stored.database, stored.organization_id, subject="quota")[0]
    assert (newest.by, newest.before) == (audit.PROGRAM, {"amount_minor": 300})
    assert newest.after is not None
    assert newest.after["reason"] == "the owner was merged"
    assert newest.after["merged_into"] == stored.id_of(Kind.OWNER, "o1")


def test_a_quota_that_was_replaced_before_stays_as_it_was(stored: Stored) -> None:
    for n, minor in enumerate((300, 350), start=1):
        quotas.put_quota(
            stored.database, admin(stored), owner_id=stored.id_of(Kind.OWNER, "o3"), first_day=day(0),
            last_day=day(89), amount_minor=minor, currency="EUR", by="Ops", now=noon(n),
        )  # fmt: skip
    merge(stored, "o1", "o3")
    found = stored.ask("SELECT amount_minor, replaced_by, replaced_at < set_at + interval '2 days' FROM quotas")
    assert sorted(found) == [(300, "Ops", True), (350, audit.PROGRAM, False)]


# --- weeks, alarms, notes --------------------------------------------------------------------------------------------


def test_weeks_are_summed_up_at_once_and_counted_again_later(stored: Stored) -> None:
    organization = get_organization(stored.database, stored.organization_id)

    def count() -> None:
        activity_weeks.count_week(stored.database, organization, day(0), now=noon(30))

    def n_open() -> dict[int, int]:
        found = activity_weeks.weeks(stored.reader(), first=day(0), last=day(0))
        return dict(zip(found["owner_id"], found["n_open"], strict=True))

    one, three = stored.id_of(Kind.OWNER, "o1"), stored.id_of(Kind.OWNER, "o3")
    count()
    assert n_open() == {one: 2, three: 1}
    merge(stored, "o1", "o3")
    assert n_open() == {one: 3}
    assert activity_weeks.counted_weeks(stored.database, stored.organization_id) == set()
    count()
    assert n_open() == {one: 3}
    assert activity_weeks.counted_weeks(stored.database, stored.organization_id) == {day(0)}


def test_a_week_that_the_loser_alone_had_is_counted_again_too(stored: Stored) -> None:
    organization = get_organization(stored.database, stored.organization_id)
    activity_weeks.count_week(stored.database, organization, day(0), now=noon(30))
    with stored.database.as_app(stored.organization_id) as connection:
        connection.execute(
            text("DELETE FROM activity_weeks WHERE owner_id <> :loser"), {"loser": stored.id_of(Kind.OWNER, "o3")}
        )
    merge(stored, "o1", "o3")
    assert activity_weeks.counted_weeks(stored.database, stored.organization_id) == set()


def alarm(stored: Stored, name: str, n: int, score: float = 1.5) -> Raised:
    owner = stored.id_of(Kind.OWNER, name)
    return Raised(
        subject_key=str(owner), owner_id=owner, name=name, day=day(n), since=day(n), direction="drop",
        kind="lost week", score=score, value=0, expected=8.0, low=4, high=12, team=1.0, n_weeks=1, value_n=0,
        expected_n=8.0, why="0 this week.",
    )  # fmt: skip


def test_alarms_are_the_survivors_but_for_one_that_stands_there_already(stored: Stored) -> None:
    raised = [alarm(stored, "o3", 0), alarm(stored, "o1", 7), alarm(stored, "o3", 7), alarm(stored, "o2", 7)]
    alarms.issue(
        stored.database, stored.organization_id, "activities", raised, made_on=day(8), card={}, budget=0.25, now=noon(9)
    )
    one, two, three = (key_of(stored, name) for name in ("o1", "o2", "o3"))
    merge(stored, "o1", "o3")
    found = alarms.list_alarms(stored.reader(), "activities", Slice(first_day=None, last_day=day(30), as_of=day(30)))
    assert sorted(zip(found["day"].dt.date, found["subject_key"], found["name"], strict=True)) == sorted(
        [(day(0), one, "o3"), (day(7), one, "o1"), (day(7), three, "o3"), (day(7), two, "o2")]
    )
    assert set(found["owner_id"]) == {int(one), int(two)}


def test_of_alarms_of_two_losers_that_say_the_same_one_is_the_survivors(stored: Stored) -> None:
    raised = [alarm(stored, "o2", 0, score=1.1), alarm(stored, "o3", 0, score=2.2)]
    alarms.issue(
        stored.database, stored.organization_id, "activities", raised, made_on=day(8), card={}, budget=0.25, now=noon(9)
    )
    one, two = key_of(stored, "o1"), key_of(stored, "o2")
    merge(stored, "o1", "o2", "o3")
    assert sorted(stored.ask("SELECT name, subject_key FROM alarms")) == [("o2", two), ("o3", one)]


def test_notes_of_both_are_the_survivors_and_say_whose_they_were(stored: Stored) -> None:
    one, three = stored.id_of(Kind.OWNER, "o1"), stored.id_of(Kind.OWNER, "o3")
    for owner in (one, three):
        put(
            stored, "coaching_notes", owner_id=owner, written_for=owner, week=day(0), note_for="rep", version=1,
            text=f"Of {owner}", sentences="[]", facts="[]", facts_hash="h", cache_key="k", level="L0", asked_level="L0",
            prompt_version="1", verifier_version="1", codes="[]", n_completions=0, latency_ms=0, written_at=noon(7),
        )  # fmt: skip
    merge(stored, "o1", "o3")
    found = note_reads.history(stored.reader(), one, day(0))
    assert {note.text for note in found} == {f"Of {one}", f"Of {three}"}
    assert note_reads.history(stored.reader(), three, day(0)) == []
    assert set(stored.ask("SELECT owner_id, written_for FROM coaching_notes")) == {(one, one), (one, three)}


# --- flags and snoozes -----------------------------------------------------------------------------------------------


def flag(stored: Stored, n: int, *said: tuple[str, str]) -> None:
    run = HealthRun(
        day=day(n), judged_at=noon(n), is_replayed=False, rules_version="1", n_open=3, n_won=0, not_applied={},
        record={},
    )  # fmt: skip
    raised = [health_flags.Raised(stored.id_of(Kind.DEAL, name), rule, {"value": 1}) for name, rule in said]
    health_flags.keep(stored.database, stored.organization_id, run, raised)


def flags(stored: Stored) -> set[tuple[str, str, int]]:
    """Deal, rule, and how many days after the first one it began."""
    names = {stored.id_of(Kind.DEAL, name): name for name in "abc"}
    found = stored.ask("SELECT deal_id, rule, first_day FROM health_flags")
    return {(names[deal], rule, (first - day(0)).days) for deal, rule, first in found}


def merge_deals(stored: Stored, winner: str, *losers: str, n: int = 10) -> None:
    names = {name: stored.id_of(Kind.DEAL, name) for name in "abc"}  # links of losers mean the survivor afterwards
    for loser in losers:
        stored.crm.merge(winner, loser, noon(n))
    stored.sync(n + 1)
    stored.id_of = lambda kind, key: names[key]  # type: ignore[method-assign]


def test_flags_are_the_survivors_where_it_had_none_of_the_rule_meanwhile(stored: Stored) -> None:
    flag(stored, 2, ("b", "pushed"))
    flag(stored, 5, ("a", "stale"), ("b", "stale"), ("b", "slow_stage"), ("c", "stale"))
    merge_deals(stored, "a", "b")
    assert flags(stored) == {
        ("a", "stale", 5), ("b", "stale", 5), ("a", "slow_stage", 5), ("a", "pushed", 2), ("c", "stale", 5),
    }  # fmt: skip


def test_of_flags_of_two_losers_at_the_same_time_one_is_the_survivors(stored: Stored) -> None:
    flag(stored, 5, ("b", "stale"), ("c", "stale"))
    merge_deals(stored, "a", "b", "c")
    assert flags(stored) == {("a", "stale", 5), ("c", "stale", 5)}


def test_a_flag_of_a_day_on_which_the_survivor_was_not_open_stays_where_it_was(stored: Stored) -> None:
    flag(stored, 2, ("b", "stale"))
    stored.crm.create("c2", noon(4))
    stored.sync(5)
    flag(stored, 6, ("b", "pushed"))
    names = {name: stored.id_of(Kind.DEAL, name) for name in ("b", "c2")}
    stored.crm.merge("c2", "b", noon(10))
    stored.sync(11)
    found = stored.ask("SELECT rule, deal_id FROM health_flags ORDER BY rule")
    assert found == [("pushed", names["c2"]), ("stale", names["b"])]


def test_snoozes_are_the_survivors_and_the_one_that_lasts_longest_holds(stored: Stored) -> None:
    def snooze(name: str, rule: str, days: int) -> None:
        deal = stored.id_of(Kind.DEAL, name)
        health_flags.snooze(stored.database, stored.organization_id, deal, rule, reason=f"{name} waits",
                            until=day(days), by="Ann", now=noon(3))  # fmt: skip

    snooze("a", "stale", 20)
    snooze("b", "stale", 30)
    snooze("b", "pushed", 20)
    snooze("a", "slow_stage", 4)
    snooze("b", "slow_stage", 5)
    merge_deals(stored, "a", "b")
    found = health_flags.snoozes_of(stored.database, stored.organization_id, stored.id_of(Kind.DEAL, "a"))
    assert {(one.rule, one.reason, one.ended_by) for one in found} == {
        ("stale", "a waits", audit.PROGRAM), ("stale", "b waits", None), ("pushed", "b waits", None),
        ("slow_stage", "a waits", None), ("slow_stage", "b waits", None),
    }, "the last two were over"  # fmt: skip


def test_another_organization_keeps_what_it_has_under_the_same_ids(stored: Stored, other_organization: int) -> None:
    """Ids are never shared; a statement that forgot whose they are would still be wrong."""
    three = stored.id_of(Kind.OWNER, "o3")
    with stored.database.as_worker() as connection:
        connection.execute(
            text(
                "INSERT INTO quotas (organization_id, owner_id, first_day, last_day, amount_minor, currency, set_at, "
                "set_by) VALUES (:other, :owner, :first, :last, 1, 'EUR', :at, 'Ops')"
            ),
            {"other": other_organization, "owner": three, "first": day(0), "last": day(9), "at": noon(1)},
        )
    merge(stored, "o1", "o3")
    theirs = Viewer(other_organization, Role.ADMIN)
    assert [one.owner_id for one in quotas.list_quotas(stored.database, theirs)] == [three]
