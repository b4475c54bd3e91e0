"""Nothing is lost past the search's cap, at equal times, behind its lag, or while the account is being edited."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stamina
from conformance.state import Seen, changes_in, pages_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hubspot import FREE, NOW, made_adapter, made_server, made_world

from adapters.errors import CrmError, FatalError, RetriableError
from adapters.records import ActivityKind, Deletion, Kind, Merge
from adapters.sandbox import Clock, Fault, Mishap, World, live_on
from adapters.sandbox.hubspot import HubSpotServer
from adapters.sandbox.hubspot import server as sandbox

DRAWN = (Kind.COMPANY, Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY)


def many_of_one_instant(count: int) -> HubSpotServer:
    world = World(Clock(NOW))
    owner = world.create("owner", {"first_name": "A", "last_name": "B", "email": "a@b.example"})
    for number in range(count):
        world.create("note", {"at": NOW, "subject": f"Note {number}", "owner_id": owner.row_id})
    return made_server(world, plan=FREE)


def test_an_import_of_more_than_a_query_shows_in_one_instant_is_read_in_full_and_counted() -> None:
    """12,345 records of one millisecond: paging by time would end at 10,000 or go round for ever."""
    server = many_of_one_instant(12_345)
    adapter = made_adapter(server, page_size=200)
    place = '{"since":{"notes":0}}'
    found = [change.external_id for change in changes_in(pages_of(adapter, Kind.ACTIVITY, place))]
    assert len(found) == len(set(found)) == 12_345
    assert any(one.path.endswith("/notes/search") for one in server.log)
    assert adapter.expected_count(Kind.ACTIVITY) == 12_345
    assert adapter.count_activity(kind=ActivityKind.NOTE).count == 12_345


def test_a_total_that_stops_at_the_cap_is_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether HubSpot's totals stop there is not documented."""
    server = many_of_one_instant(20_001)
    honest = sandbox.search

    def capped(*given):
        found = honest(*given)
        return type(found)(min(found.total, 10_000), found.rows, found.after)

    monkeypatch.setattr(sandbox, "search", capped)
    assert made_adapter(server).count_activity(kind=ActivityKind.NOTE).count == 20_001


def test_what_the_index_does_not_show_yet_comes_with_a_later_sync() -> None:
    world = made_world()
    world.lag_s = 30.0
    adapter = made_adapter(made_server(world, plan=FREE))
    cursor = pages_of(adapter, Kind.DEAL)[-1].cursor
    world.clock.advance(100)
    deal = world.live("deal")[3]
    world.update(deal, {"name": "Renamed just now"})
    hidden = pages_of(adapter, Kind.DEAL, cursor)
    assert "Renamed just now" not in {getattr(change, "name", None) for change in changes_in(hidden)}
    world.clock.advance(31)
    shown = pages_of(adapter, Kind.DEAL, hidden[-1].cursor)
    assert "Renamed just now" in {getattr(change, "name", None) for change in changes_in(shown)}


def test_a_clock_of_ours_that_goes_wrong_loses_nothing() -> None:
    """Passes end by the time that HubSpot tells, which dates the records."""
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE))
    adapter._now = lambda: world.clock.now() + timedelta(hours=3)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(60)
    world.update(world.live("contact")[0], {"phone": "+1 555"})
    world.clock.advance(60)
    assert "+1 555" in {getattr(one, "phone", None) for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))}


def test_a_restored_record_comes_back() -> None:
    world = made_world()
    adapter, deal = made_adapter(made_server(world, plan=FREE)), world.live("deal")[0]
    seen = Seen().take(changes_in(pages_of(adapter, Kind.DEAL)))
    world.archive(deal)
    pages = pages_of(adapter, Kind.DEAL)
    assert (Kind.DEAL, str(deal.row_id)) not in seen.take(changes_in(pages)).live
    world.clock.advance(600)
    world.restore(deal)
    seen.take(changes_in(pages_of(adapter, Kind.DEAL, pages[-1].cursor)))
    assert (Kind.DEAL, str(deal.row_id)) in seen.live


def test_a_merge_names_all_that_went_into_the_survivor() -> None:
    world = made_world()
    first, second, third, *_ = world.live("company")
    survivor = world.merge(world.merge(first, second), third)
    merges = [
        one for one in changes_in(pages_of(made_adapter(made_server(world)), Kind.COMPANY)) if isinstance(one, Merge)
    ]
    [told] = [one for one in merges if one.winner_id == str(survivor.row_id)]
    assert {str(row.row_id) for row in (first, second, third)} <= set(told.loser_ids)


@settings(max_examples=8)
@given(
    kind=st.sampled_from(DRAWN),
    seed=st.integers(0, 10**6),
    deeds=st.lists(st.tuples(st.integers(10, 30), st.integers(20, 60)), min_size=1, max_size=4),
    page_size=st.sampled_from([3, 50]),
    lag_s=st.sampled_from([0.0, 40.0]),
)
def test_edits_while_being_read_end_in_the_account_as_it_is(
    kind: Kind, seed: int, deeds: list[tuple[int, int]], page_size: int, lag_s: float
) -> None:
    """Between any two requests somebody creates, edits, archives and merges; after a quiet sync all is equal."""
    world = made_world(seed=seed % 3)
    world.lag_s = lag_s
    server = made_server(world, plan=FREE)
    for number, (skip, count) in enumerate(deeds):
        edit = lambda count=count, number=number: live_on(world, seed=seed + number, deeds=count, step_s=20)  # noqa: E731
        server.faults.plan(Fault(mishap=Mishap.EDIT, route="/(list|search|batch|objects)", skip=skip, edit=edit))
    adapter, seen, cursor = made_adapter(server, page_size=page_size), Seen(), None
    for _ in range(2):
        pages = pages_of(adapter, kind, cursor)
        seen.take(changes_in(pages))
        cursor = pages[-1].cursor
    server.faults.planned.clear()
    world.clock.advance(300)  # the index has caught up
    seen.take(changes_in(pages_of(adapter, kind, cursor)))
    assert seen.live == Seen().take(changes_in(pages_of(made_adapter(server), kind))).live


@pytest.mark.parametrize(
    "fault",
    [
        Fault(mishap=Mishap.STATUS, status=502), Fault(mishap=Mishap.STATUS, status=423),
        Fault(mishap=Mishap.STATUS, status=477, retry_after_s=5.0), Fault(mishap=Mishap.CUT),
        Fault(mishap=Mishap.LOST_BEFORE), Fault(mishap=Mishap.LOST_AFTER), Fault(mishap=Mishap.THROTTLED),
    ],
    ids=lambda fault: f"{fault.mishap}-{fault.status}",
)  # fmt: skip
def test_a_fault_at_any_request_of_a_sync_changes_nothing_of_its_result(fault: Fault) -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server), Kind.DEAL)))
    asked = len(server.log)
    for skip in range(asked):
        hit = Fault(mishap=fault.mishap, status=fault.status, skip=skip, retry_after_s=fault.retry_after_s)
        server.faults.plan(hit)
        with stamina.set_testing(True, attempts=3):
            assert Seen().take(changes_in(pages_of(made_adapter(server), Kind.DEAL))) == whole
        assert hit.times == 0


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault(mishap=Mishap.LOGIN_PAGE, times=9), FatalError, "web page"),
        (Fault(mishap=Mishap.EXPIRED, times=9), FatalError, "HUBSPOT_API_KEY"),
        (Fault(mishap=Mishap.STATUS, status=503, times=99), RetriableError, "503"),
        (Fault(mishap=Mishap.DRIP, seconds=1.0, times=99), RetriableError, "60 s"),
    ],
    ids=lambda value: str(getattr(value, "mishap", "")),
)
def test_an_outage_is_an_error_and_never_an_empty_page(fault: Fault, error: type[CrmError], says: str) -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server)
    pages = pages_of(adapter, Kind.CONTACT)
    server.faults.plan(fault)
    for cursor in (None, pages[0].cursor, pages[-1].cursor):
        fault.times = 99
        with stamina.set_testing(True, attempts=2), pytest.raises(error, match=says):
            pages_of(adapter, Kind.CONTACT, cursor)


def test_an_empty_account_is_read_without_a_fault() -> None:
    adapter = made_adapter(made_server(World(Clock(NOW))))
    for kind in adapter.capabilities.kinds:
        [page] = pages_of(adapter, kind)
        assert (page.changes, page.done) == ((), True)
        assert adapter.expected_count(kind) == 0
        assert not [one for one in changes_in(pages_of(adapter, kind, page.cursor)) if not isinstance(one, Deletion)]


def test_a_damaged_cursor_is_refused_in_a_sentence() -> None:
    with pytest.raises(FatalError, match="Sync from the beginning"):
        made_adapter(made_server(made_world())).changes(Kind.DEAL, "{")
