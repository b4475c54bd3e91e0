"""Nothing is lost at equal times, with a forgotten cursor, or while the account is being edited; and what is gone is
noticed though no list tells it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stamina
from conformance.state import Seen, changes_in, pages_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pipedrive import FREE, NOW, made_adapter, made_server, made_world

from adapters.errors import CrmError, FatalError, RetriableError
from adapters.pipedrive.known import FIRST, Known
from adapters.pipedrive.passes import SWEEP_EVERY, place_of
from adapters.records import Contact, Deal, DealField, Deletion, Kind
from adapters.sandbox import Clock, Fault, Mishap, World, live_on
from adapters.sandbox.pipedrive import PipedriveServer
from adapters.sandbox.pipedrive.deals import lead_id

DAY_S = SWEEP_EVERY.total_seconds() + 60
DRAWN = (Kind.COMPANY, Kind.CONTACT, Kind.LEAD, Kind.DEAL, Kind.ACTIVITY)
NAMES = {"company": Kind.COMPANY, "contact": Kind.CONTACT, "deal": Kind.DEAL, "call": Kind.ACTIVITY}


def many_of_one_instant(count: int) -> PipedriveServer:
    world = World(Clock(NOW), merges_to_new_id=False)
    world.create("owner", {"first_name": "A", "last_name": "B", "email": "a@b.example"})
    for number in range(count):
        world.create("contact", {"first_name": "N", "last_name": str(number)})
    return made_server(world, plan=FREE)


def test_an_import_of_many_records_of_one_instant_is_read_in_full() -> None:
    """Also when it is all that was modified, over many pages of one second."""
    server = many_of_one_instant(1_700)
    adapter = made_adapter(server, page_size=500)
    pages = pages_of(adapter, Kind.CONTACT)
    assert len({one.external_id for one in changes_in(pages)}) == len(changes_in(pages)) == 1_700  # type: ignore[union-attr]
    server.world.clock.advance(30)
    again = changes_in(pages_of(adapter, Kind.CONTACT, pages[-1].cursor))
    assert len({one.external_id for one in again}) == 1_700  # type: ignore[union-attr]


def test_filters_carry_whole_seconds_for_fractions_are_refused() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server)
    since = world.clock.now() - timedelta(days=3, microseconds=1)
    expected = {
        deal.external_id
        for deal in adapter.search_deals()
        if deal.modified_at is not None and deal.modified_at >= since
    }
    assert {deal.external_id for deal in adapter.search_deals(modified_since=since)} == expected
    assert {one.status for one in server.log} == {200}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_later_sync_brings_what_was_modified_alone(kind: Kind) -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server)
    cursor = pages_of(adapter, kind)[-1].cursor
    for wait_s in (600, DAY_S):
        world.clock.advance(wait_s)
        pages = pages_of(adapter, kind, cursor)
        assert changes_in(pages) == []
        cursor = pages[-1].cursor


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["archived", "purged", "merged"])
def test_what_is_gone_is_told_once_a_day_whatever_happened_to_it(name: str, how: str) -> None:
    world = made_world()
    kind, server = NAMES[name], made_server(world, plan=FREE)
    adapter = made_adapter(server, page_size=4)
    cursor = pages_of(adapter, kind)[-1].cursor
    first, *_, last = [row for row in world.live(name) if row.fields.get("status", "done") == "done"]
    world.clock.advance(DAY_S)
    if how == "merged":
        world.merge(first, last)
    elif how == "archived":
        world.archive(last)
    else:
        world.purge(last)
    told = changes_in(pages_of(adapter, kind, cursor))
    assert {one.external_id for one in told if isinstance(one, Deletion)} == {str(last.row_id)}


@pytest.mark.parametrize("how", ["archived", "purged", "left out"])
def test_a_lead_is_gone_when_it_is_in_no_list_and_not_to_be_read(how: str) -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server, page_size=4)
    cursor = pages_of(adapter, Kind.LEAD)[-1].cursor
    row = next(row for row in world.live("lead") if row.fields.get("converted_at") is None)
    world.clock.advance(DAY_S)
    if how == "left out":
        server.skips.add(row.row_id)
    elif how == "archived":
        world.archive(row)
    else:
        world.purge(row)
    told = changes_in(pages_of(adapter, Kind.LEAD, cursor))
    expected = [] if how == "left out" else [Deletion(kind=Kind.LEAD, external_id=lead_id(row))]
    assert told == expected


def test_nobody_is_called_gone_whom_a_shifting_list_left_out() -> None:
    """Each suspect is asked for by id; here one page of the list loses a row that is there."""
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server, page_size=4)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(DAY_S)
    hidden = world.live("contact")[6]
    server.skips.add(hidden.row_id)
    pages = pages_of(adapter, Kind.CONTACT, cursor)
    assert not [one for one in changes_in(pages) if isinstance(one, Deletion)]
    assert hidden.row_id in place_of(pages[-1].cursor).held("persons")


def test_an_archived_deal_leaves_the_pipeline_or_stays_closed_and_comes_back_when_it_is_taken_out() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter, seen = made_adapter(server), Seen(adds_history=True)
    by_status = {deal.status: world.get("deal", int(deal.external_id)) for deal in adapter.search_deals()}
    rows = [row for row in by_status.values() if row is not None]
    cursor = None
    for is_archived in (False, True, False):
        for row in rows:
            world.update(row, {"is_archived": is_archived})
        for wait_s in (600, DAY_S):
            pages = pages_of(adapter, Kind.DEAL, cursor)
            cursor = pages[-1].cursor
            seen.take(changes_in(pages))
            world.clock.advance(wait_s)
        live = {row.row_id for row in rows if (Kind.DEAL, str(row.row_id)) in seen.live}
        closed = {row.row_id for status, row in by_status.items() if status.value != "open" and row is not None}
        assert live == (closed if is_archived else {row.row_id for row in rows})
        found = {one.external_id for one in adapter.search_deals()}
        assert {row.row_id for row in rows if str(row.row_id) in found} == live


def test_a_deal_that_moved_twice_between_two_syncs_tells_both_moves_and_one_that_did_not_costs_no_history() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server)
    cursor = pages_of(adapter, Kind.DEAL)[-1].cursor
    stages = [row for row in world.live("stage") if row.fields["outcome"] == "open"]
    moved, edited, *_ = [row for row in world.live("deal") if len(row.history) > 6]
    mine = [row for row in stages if row.fields["pipeline_id"] == moved.fields["pipeline_id"]]
    server.log.clear()
    for step in (0, 1, 0, 1):
        world.clock.advance(300)
        world.update(moved, {"stage_id": mine[step].row_id})
    world.update(edited, {"name": "Renamed"})
    told = {one.external_id: one for one in changes_in(pages_of(adapter, Kind.DEAL, cursor)) if isinstance(one, Deal)}
    assert told.keys() == {str(moved.row_id), str(edited.row_id)}
    stages_told = [one.at for one in told[str(moved.row_id)].history if one.field is DealField.STAGE]
    assert len([one for one in stages_told if one > NOW]) >= 3
    assert len(told[str(edited.row_id)].history) == 1
    assert [one.path for one in server.log if "changelog" in one.path] == [f"/api/v1/deals/{moved.row_id}/changelog"]


def test_a_re_owned_record_and_a_re_created_one_come() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE))
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    row, owner = world.live("contact")[0], world.live("owner")[-1]
    gone = next(one for one in world.all("contact") if one.archived_at is not None)
    world.clock.advance(600)
    world.update(row, {"owner_id": owner.row_id})
    world.restore(gone)
    told = {
        one.external_id: one for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor)) if isinstance(one, Contact)
    }
    assert told.keys() == {str(row.row_id), str(gone.row_id)}
    assert told[str(row.row_id)].owner_id == str(owner.row_id)


def test_what_was_written_late_with_an_earlier_time_comes() -> None:
    """Its time is that of its beginning; it was not there to be read then."""
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE))
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    row = world.update(world.live("contact")[0], {"phone": "+1 555"})
    row.modified_at -= timedelta(seconds=90)
    world.clock.advance(60)
    assert "+1 555" in {getattr(one, "phone", None) for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))}


def test_what_changes_while_a_pass_is_under_way_comes_with_the_next_one() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    first = world.live("contact")[0]

    def edit() -> None:
        world.update(first, {"phone": "+1 555"})
        world.clock.advance(3_600)

    server.faults.plan(Fault(mishap=Mishap.EDIT, route="GET /api/v2/persons", skip=3, edit=edit))
    with stamina.set_testing(True, attempts=4):
        cursor = pages_of(made_adapter(server, page_size=4), Kind.CONTACT)[-1].cursor
    told = changes_in(pages_of(made_adapter(server), Kind.CONTACT, cursor))
    assert "+1 555" in {getattr(one, "phone", None) for one in told}


def test_a_clock_of_ours_that_goes_wrong_loses_nothing() -> None:
    """Passes begin by the time that Pipedrive tells, which dates the records."""
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE))
    adapter._now = lambda: world.clock.now() + timedelta(hours=3)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(60)
    world.update(world.live("contact")[0], {"phone": "+1 555"})
    world.clock.advance(60)
    assert "+1 555" in {getattr(one, "phone", None) for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_cursor_that_pipedrive_has_forgotten_is_done_without(kind: Kind) -> None:
    server = made_server(made_world(), plan=FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server), kind)))
    pages = pages_of(made_adapter(server, page_size=5), kind)
    for number, page in enumerate(pages[:-1]):
        server.cursors += 1
        before, resumed = (
            changes_in(some)
            for some in (pages[: number + 1], pages_of(made_adapter(server, page_size=7), kind, page.cursor))
        )
        assert Seen().take(before).take(resumed) == whole
        assert len(before) + len(resumed) == len(changes_in(pages))


@pytest.mark.parametrize("nests", [False, True])
def test_leads_are_paged_through_however_their_paging_is_told(nests: bool) -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    server.nests_paging = nests
    listed = [row for row in world.live("lead") if row.fields.get("converted_at") is None]
    assert len(list(made_adapter(server)._client.leads(archived=False, limit=2))) == len(listed)


@settings(max_examples=15)
@given(
    kind=st.sampled_from(DRAWN),
    seed=st.integers(0, 10**6),
    deeds=st.lists(st.tuples(st.integers(8, 30), st.integers(10, 40)), min_size=1, max_size=3),
    page_size=st.sampled_from([3, 50]),
)
def test_edits_while_being_read_end_in_the_account_as_it_is(
    kind: Kind, seed: int, deeds: list[tuple[int, int]], page_size: int
) -> None:
    """Between any two requests somebody creates, edits, deletes and merges; after a quiet sync all is equal."""
    world = made_world(seed=seed % 3)
    server = made_server(world, plan=FREE)
    for number, (skip, count) in enumerate(deeds):
        edit = lambda count=count, number=number: live_on(world, seed=seed + number, deeds=count, step_s=20)  # noqa: E731
        server.faults.plan(Fault(mishap=Mishap.EDIT, route="GET /api", skip=skip, edit=edit))
    adapter, seen, cursor = made_adapter(server, page_size=page_size), Seen(adds_history=True), None
    with stamina.set_testing(True, attempts=4):  # so many edits that the request is given up
        for _ in range(2):
            pages = pages_of(adapter, kind, cursor)
            seen.take(changes_in(pages))
            cursor = pages[-1].cursor
    server.faults.planned.clear()
    world.clock.advance(DAY_S)
    seen.take(changes_in(pages_of(adapter, kind, cursor)))
    assert seen.live == Seen(adds_history=True).take(changes_in(pages_of(made_adapter(server), kind))).live


@pytest.mark.parametrize(
    "fault",
    [
        Fault(mishap=Mishap.STATUS, status=502), Fault(mishap=Mishap.CUT), Fault(mishap=Mishap.LOST_BEFORE),
        Fault(mishap=Mishap.LOST_AFTER), Fault(mishap=Mishap.THROTTLED),
    ],
    ids=lambda fault: str(fault.mishap),
)  # fmt: skip
@pytest.mark.parametrize("kind", [Kind.DEAL, Kind.LEAD])
def test_a_fault_at_any_request_of_a_sync_changes_nothing_of_its_result(kind: Kind, fault: Fault) -> None:
    server = made_server(made_world(), plan=FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server), kind)))
    asked = len(server.log)
    for skip in range(0, asked, 3):
        hit = Fault(mishap=fault.mishap, status=fault.status, skip=skip)
        server.faults.plan(hit)
        with stamina.set_testing(True, attempts=3):
            assert Seen().take(changes_in(pages_of(made_adapter(server), kind))) == whole
        assert hit.times == 0


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault(mishap=Mishap.LOGIN_PAGE, times=9), FatalError, "web page"),
        (Fault(mishap=Mishap.EXPIRED, times=9), FatalError, "PIPEDRIVE_API_TOKEN"),
        (Fault(mishap=Mishap.STATUS, status=503, times=99), RetriableError, "503"),
        (Fault(mishap=Mishap.DRIP, seconds=1.0, times=99), RetriableError, "60 s"),
    ],
    ids=lambda value: str(getattr(value, "mishap", "")),
)
@pytest.mark.parametrize("kind", [Kind.CONTACT, Kind.LEAD])
def test_an_outage_is_an_error_and_never_an_empty_page(
    kind: Kind, fault: Fault, error: type[CrmError], says: str
) -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server, page_size=5)
    pages = pages_of(adapter, kind)
    for cursor in (None, pages[0].cursor, pages[-1].cursor):
        server.faults.planned = [Fault(mishap=fault.mishap, status=fault.status, seconds=fault.seconds, times=99)]
        with stamina.set_testing(True, attempts=2), pytest.raises(error, match=says):
            pages_of(adapter, kind, cursor)


def test_an_empty_account_is_read_without_a_fault() -> None:
    adapter = made_adapter(made_server(World(Clock(NOW)), plan=FREE))
    for kind in adapter.capabilities.kinds:
        pages = pages_of(adapter, kind)
        assert changes_in(pages) == []
        assert pages[-1].done
        assert changes_in(pages_of(adapter, kind, pages[-1].cursor)) == []


@pytest.mark.parametrize("cursor", ["{", "[]", '{"known":{"persons":"?"}}', '{"last":"x"}', '{"unheard":1}'])
def test_a_damaged_cursor_is_refused_in_a_sentence(cursor: str) -> None:
    with pytest.raises(FatalError, match="Sync from the beginning"):
        pages_of(made_adapter(made_server(made_world(), plan=FREE)), Kind.CONTACT, cursor)


# --- who was there ---

IDS = st.sets(st.integers(0, 60))


@given(ids=IDS, page=IDS, after=st.integers(FIRST, 60), until=st.none() | st.integers(0, 60))
def test_known_ids_are_a_set(ids: set[int], page: set[int], after: int, until: int | None) -> None:
    known = Known().with_ids(ids)
    within = {one for one in ids if one > after and (until is None or one <= until)}
    assert {one for one in range(62) if one in known} == ids
    assert set(known.between(after, until)) == within
    there = {one for one in page if one > after and (until is None or one <= until)}
    assert set(known.read(after, until, there).between(FIRST, None)) == (ids - within) | there
    assert Known.of(known.text()) == known
    assert all(before[1] + 1 < run[0] for before, run in zip(known.runs, known.runs[1:], strict=False))


def test_a_million_ids_with_many_gaps_fit_into_a_cursor() -> None:
    known = Known().with_ids(one for one in range(1_000_000) if one % 10)
    assert len(known.text()) < 150_000
