"""The demo world is a function of seed and day: the same in every process, and a later day only adds."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from conformance.state import Seen, changes_in, declared, everything, live_deals, pages_of

from adapters.base import ContactInput
from adapters.demo import DemoCrm, DemoSettings, DemoStore, MemoryDemoStore
from adapters.errors import SkippableError
from adapters.records import Activity, Contact, Deal, DealField, Deletion, Kind, Merge, Owner
from snapshots.database import Database
from snapshots.demo_store import DatabaseDemoStore

SETTINGS = DemoSettings(seed=21, owners=9, deals=260, activities=2_600, years=1.0, born=date(2025, 2, 3))
MONDAY = datetime(2026, 1, 26, 21, tzinfo=UTC)

SHOW = f"""
import sys
from datetime import UTC, datetime
from hashlib import sha256
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conformance.state import everything
from adapters.demo import DemoCrm, DemoSettings, MemoryDemoStore
settings = DemoSettings(seed=21, owners=9, deals=260, activities=2_600, years=1.0)
crm = DemoCrm(settings, now=lambda: datetime(2026, 1, 26, 21, tzinfo=UTC), store=MemoryDemoStore())
print(sha256(repr(everything(crm)).encode()).hexdigest())
"""


def demo(at: datetime, store: DemoStore | None = None, settings: DemoSettings = SETTINGS) -> DemoCrm:
    return DemoCrm(settings, now=lambda: at, store=store or MemoryDemoStore(), page_size=500)


def seen(crm: DemoCrm) -> Seen:
    return Seen().take(everything(crm))


def test_another_process_with_another_hash_seed_draws_the_same_world() -> None:
    shown = [
        subprocess.run(
            [sys.executable, "-c", SHOW],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "4242")
    ]
    assert shown[0] == shown[1]
    assert len(shown[0].strip()) == 64


def test_another_seed_makes_another_world() -> None:
    ours, theirs = live_deals(demo(MONDAY)), live_deals(demo(MONDAY, settings=replace(SETTINGS, seed=22)))
    assert {deal.name for deal in ours} != {deal.name for deal in theirs}


def test_a_day_asked_for_first_or_last_is_the_same() -> None:
    crm = demo(MONDAY)
    deals = live_deals(crm)
    assert live_deals(demo(MONDAY + timedelta(days=400))) != deals
    assert live_deals(demo(MONDAY)) == deals


def test_nothing_of_the_past_changes_overnight() -> None:
    for day in range(7):
        before = seen(demo(MONDAY + timedelta(days=day)))
        after = seen(demo(MONDAY + timedelta(days=day + 1)))
        assert before.live.keys() <= after.live.keys() | after.gone
        assert before.gone <= after.gone
        for place, record in before.live.items():
            later = after.live.get(place)
            if isinstance(record, Deal) and isinstance(later, Deal):
                assert set(record.history) <= set(later.history)
                assert (record.created_at, record.name) == (later.created_at, later.name)
                assert record.closed_at in {None, later.closed_at}
            elif isinstance(record, Activity) and isinstance(later, Activity):
                assert record.outcome == "scheduled" or record == later
            elif later is not None and place[0] not in {Kind.LEAD, Kind.OWNER}:
                assert record == later


def test_what_is_new_overnight_carries_the_new_day() -> None:
    evening, next_evening = MONDAY, MONDAY + timedelta(days=1)
    known = {deal.external_id: deal for deal in live_deals(demo(evening))}
    for deal in live_deals(demo(next_evening)):
        old = known.get(deal.external_id)
        added = set(deal.history) - set(old.history if old else ())
        assert all(evening < change.at <= next_evening for change in added)
        assert bool(added) == (deal != old)


def test_tomorrows_sync_brings_tomorrows_changes() -> None:
    today = demo(MONDAY)
    for days, least in ((1, 10), (2, 20), (7, 60)):
        tomorrow = demo(MONDAY + timedelta(days=days))
        brought = 0
        for kind in declared(today):
            cursor = pages_of(today, kind)[-1].cursor
            brought += len(changes_in(pages_of(tomorrow, kind, cursor)))
        assert brought >= least


@pytest.mark.parametrize("kind", [Kind.LEAD, Kind.CONTACT, Kind.DEAL])
def test_what_goes_is_there_until_the_instant_at_which_it_goes(kind: Kind) -> None:
    def gone(at: datetime) -> set[tuple[Kind, str]]:
        return Seen().take(changes_in(pages_of(demo(at), kind))).gone

    ends = [one for one in changes_in(pages_of(demo(MONDAY), kind)) if isinstance(one, Deletion | Merge)]
    assert ends
    for end in ends[:2]:
        lost = {(kind, one) for one in (end.loser_ids if isinstance(end, Merge) else (end.external_id,))}
        assert end.at is not None
        assert not lost & gone(end.at - timedelta(seconds=1))
        assert lost <= gone(end.at)


@pytest.mark.parametrize("weekday", range(7))
def test_a_world_may_be_born_on_any_day_of_the_week(weekday: int) -> None:
    born = date(2024, 11, 18) + timedelta(days=weekday)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crm = demo(MONDAY, settings=replace(SETTINGS, deals=30, activities=100, born=born))
        first = min(deal.created_at for deal in live_deals(crm) if deal.created_at)
    assert first.date() >= born


def test_a_weekend_is_quiet() -> None:
    friday, sunday = MONDAY + timedelta(days=4), MONDAY + timedelta(days=6)
    cursor = pages_of(demo(friday), Kind.DEAL)[-1].cursor
    assert changes_in(pages_of(demo(sunday), Kind.DEAL, cursor)) == []


def test_a_world_of_many_years_stays_as_it_was() -> None:
    early = live_deals(demo(MONDAY))
    late = {deal.external_id: deal for deal in live_deals(demo(MONDAY + timedelta(days=3 * 365)))}
    kept = [(deal, late[deal.external_id]) for deal in early if deal.external_id in late]
    assert len(kept) > 0.95 * len(early)
    assert all(set(deal.history) <= set(later.history) for deal, later in kept)


def test_owners_change_teams_and_leave_with_the_day_on_which_they_do() -> None:
    states = [one for one in changes_in(pages_of(demo(MONDAY), Kind.OWNER)) if isinstance(one, Owner)]
    assert any(not one.is_active for one in states)
    moved = {one.external_id for one in states if one.since is not None and one.is_active}
    assert moved
    assert all(one.since is None or one.since <= MONDAY for one in states)


def test_a_field_history_starts_with_the_deal() -> None:
    for deal in live_deals(demo(MONDAY)):
        assert deal.created_at == min(change.at for change in deal.history if change.field is DealField.STAGE)


# --- what is written -----------------------------------------------------------------------------------------------


def people(crm: DemoCrm) -> dict[str | None, Contact]:
    changes = changes_in(pages_of(crm, Kind.CONTACT))
    return {one.email: one for one in changes if isinstance(one, Contact)}


def test_what_one_process_writes_another_reads_and_another_organization_does_not(
    database: Database, organization: int, other_organization: int
) -> None:
    ours = demo(MONDAY, DatabaseDemoStore(database, organization))
    cursor = pages_of(ours, Kind.CONTACT)[-1].cursor
    written = ours.upsert_contact(ContactInput(email="ada@x.example", first_name="Ada", last_name="King"))
    second = Database(database.url)
    later = demo(MONDAY + timedelta(minutes=1), DatabaseDemoStore(second, organization))
    assert people(later)["ada@x.example"].external_id == written.external_id
    assert [one.external_id for one in changes_in(pages_of(later, Kind.CONTACT, cursor))] == [written.external_id]  # type: ignore[union-attr]
    assert later.upsert_contact(ContactInput(email="ADA@x.example", first_name="Ada")).outcome == "exists"
    second.close()
    theirs = demo(MONDAY, DatabaseDemoStore(database, other_organization))
    assert "ada@x.example" not in people(theirs)


def test_a_contact_of_the_world_is_updated_in_place_and_the_rest_of_it_stays() -> None:
    store = MemoryDemoStore()
    before = next(one for one in people(demo(MONDAY)).values() if one.email and one.phone is None)
    assert before.email
    result = demo(MONDAY, store).upsert_contact(ContactInput(email=before.email, phone="+49 1"))
    after = people(demo(MONDAY + timedelta(days=1), store))[before.email]
    assert (result.outcome, result.changed, result.external_id) == ("updated", ("phone",), before.external_id)
    assert after == replace(before, phone="+49 1", raw=after.raw)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SkippableError, match="e-mail"):
        demo(MONDAY).upsert_contact(ContactInput(email="nobody"))
