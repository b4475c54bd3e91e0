"""Nothing is lost at borders of pages, at equal times, behind the feed, or while the account is being edited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import stamina
from conformance.state import Seen, changes_in, pages_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_nutshell import FREE, NOW, made_adapter, made_server, made_world

from adapters.base import MemoryBudget
from adapters.errors import CrmError, FatalError, RetriableError
from adapters.http import Limits
from adapters.nutshell.passes import OVERLAP, SCAN_EVERY
from adapters.records import ActivityKind, Company, Deal, DealField, Deletion, Kind, Merge
from adapters.sandbox import Clock, Fault, Mishap, World, live_on
from adapters.sandbox.nutshell import NutshellServer

DRAWN = (Kind.COMPANY, Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY)
PLENTY = MemoryBudget(10**9, 10**9)


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


def many_of_one_instant(count: int) -> NutshellServer:
    world = World(Clock(NOW), merges_to_new_id=False)
    owner = world.create("owner", {"first_name": "A", "last_name": "B", "email": "a@b.example"})
    for number in range(count):
        world.create("contact", {"first_name": f"Person {number}", "owner_id": owner.row_id})
        world.create("call", {"at": NOW, "subject": f"Call {number}", "owner_id": owner.row_id, "status": "done"})
    return made_server(world, plan=FREE)


def test_an_import_of_one_instant_is_read_in_full_by_the_lists_and_by_the_feed() -> None:
    server = many_of_one_instant(1_300)
    adapter = made_adapter(server, page_size=500, budget=PLENTY)
    listed = [one.external_id for one in changes_in(pages_of(adapter, Kind.CONTACT))]
    cursor = f'{{"since":{int(NOW.timestamp()) - 9},"scanned":{int(NOW.timestamp())}}}'
    fed = [one.external_id for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))]
    assert len(listed) == len(fed) == 1_300
    assert set(listed) == set(fed)
    assert adapter.expected_count(Kind.CONTACT) == 1_300
    assert adapter.count_activity(kind=ActivityKind.CALL).count == 1_300


def test_a_total_that_is_too_small_does_not_end_the_lists() -> None:
    server = many_of_one_instant(23)
    honest = server._envelope
    server._envelope = lambda entity, rows, total=None: honest(entity, rows, total and total // 3)  # type: ignore[method-assign]
    found = changes_in(pages_of(made_adapter(server, page_size=5, budget=PLENTY), Kind.CONTACT))
    assert len({one.external_id for one in found}) == 23


def test_what_is_deleted_while_a_list_is_read_takes_nothing_else_out_of_sight() -> None:
    server = many_of_one_instant(40)
    world = server.world
    for place in (0, -1):
        oldest_or_newest = lambda place=place: world.archive(world.live("contact")[place])  # noqa: E731
        server.faults.plan(Fault(mishap=Mishap.EDIT, route="/contacts$", times=99, edit=oldest_or_newest))
    seen = Seen().take(changes_in(pages_of(made_adapter(server, page_size=4, budget=PLENTY), Kind.CONTACT)))
    assert {one for _, one in seen.live} == {f"{row.row_id}-contacts" for row in world.live("contact")}


def test_only_what_was_touched_is_read_again_and_a_scan_comes_once_a_week() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server, budget=PLENTY)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(3600)
    world.update(world.live("contact")[0], {"phone": "+1 555"})
    pages = pages_of(adapter, Kind.CONTACT, cursor)
    assert [getattr(one, "phone", None) for one in changes_in(pages)] == ["+1 555"]
    world.clock.advance(SCAN_EVERY.total_seconds() + 1)
    whole = pages_of(adapter, Kind.CONTACT, pages[-1].cursor)
    assert len([one for one in changes_in(whole) if not isinstance(one, Deletion)]) == len(world.live("contact"))


def test_a_change_that_the_feed_never_told_comes_with_the_next_scan() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    cursor = pages_of(adapter, Kind.DEAL)[-1].cursor
    world.live("deal")[0].fields["name"] = "Renamed behind the feed"
    for wait_s, is_seen in ((3600.0, False), (SCAN_EVERY.total_seconds(), True)):
        world.clock.advance(wait_s)
        pages = pages_of(adapter, Kind.DEAL, cursor)
        assert ("Renamed behind the feed" in {getattr(one, "name", None) for one in changes_in(pages)}) is is_seen
        cursor = pages[-1].cursor


def test_an_event_that_is_written_late_is_caught_by_the_overlap() -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    adapter = made_adapter(server, budget=PLENTY)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    server.feed.catch_up()
    late = dict(server.feed.events[-1], id="999999-events", payloadType="contacts")
    row = world.live("contact")[0]
    row.fields["phone"] = "+1 556"
    late |= {"createdTime": int((NOW - OVERLAP + timedelta(seconds=1)).timestamp())}
    late["links"] = {"payloads": [f"{row.row_id}-contacts"]}
    server.feed.events.append(late)
    world.clock.advance(60)
    assert "+1 556" in {getattr(one, "phone", None) for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))}


def test_a_clock_of_ours_that_goes_wrong_loses_nothing() -> None:
    """Passes begin by the time that Nutshell tells, which dates the events."""
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    adapter._now = lambda: world.clock.now() + timedelta(hours=3)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(600)
    world.update(world.live("contact")[0], {"phone": "+1 555"})
    world.clock.advance(60)
    assert "+1 555" in {getattr(one, "phone", None) for one in changes_in(pages_of(adapter, Kind.CONTACT, cursor))}


def test_a_restored_record_comes_back_and_is_not_taken_for_deleted() -> None:
    world = made_world()
    adapter, deal = made_adapter(made_server(world, plan=FREE), budget=PLENTY), world.live("deal")[0]
    key = (Kind.DEAL, f"{deal.row_id}-leads")
    cursor = pages_of(adapter, Kind.DEAL)[-1].cursor
    for act, is_there in ((world.archive, False), (world.restore, True)):
        world.clock.advance(600)
        act(deal)
        pages = pages_of(adapter, Kind.DEAL, cursor)
        seen, cursor = Seen().take(changes_in(pages)), pages[-1].cursor
        assert ((key in seen.live), (key in seen.gone)) == (is_there, not is_there)
    whole = Seen().take(changes_in(pages_of(adapter, Kind.DEAL)))
    assert key in whole.live
    assert key not in whole.gone


@pytest.mark.parametrize("returns_deleted", [True, False])
def test_what_was_purged_since_is_gone(returns_deleted: bool) -> None:
    world = made_world()
    server = made_server(world, plan=FREE)
    server.returns_deleted = returns_deleted
    adapter = made_adapter(server, budget=PLENTY)
    cursor = pages_of(adapter, Kind.CONTACT)[-1].cursor
    world.clock.advance(600)
    gone, kept = world.live("contact")[:2]
    world.update(kept, {"phone": "+1 557"})
    world.update(gone, {"phone": "+1 558"})
    world.purge(gone)
    seen = Seen().take(changes_in(pages_of(adapter, Kind.CONTACT, cursor)))
    assert (Kind.CONTACT, f"{gone.row_id}-contacts") in seen.gone
    assert (Kind.CONTACT, f"{kept.row_id}-contacts") in seen.live


def test_mergers_in_a_chain_name_the_survivor_of_all() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    cursor = pages_of(adapter, Kind.COMPANY)[-1].cursor
    world.clock.advance(600)
    first, second, third, *_ = world.live("company")
    world.merge(second, first)
    world.merge(third, second)
    changes = changes_in(pages_of(adapter, Kind.COMPANY, cursor))
    [merge] = [one for one in changes if isinstance(one, Merge)]
    assert merge.winner_id == f"{third.row_id}-accounts"
    assert set(merge.loser_ids) == {f"{first.row_id}-accounts", f"{second.row_id}-accounts"}
    told = [one for one in changes if isinstance(one, Merge | Deletion)]
    assert told[0] is merge  # what is told of a loser afterwards says nothing of the survivor


def test_a_merger_is_told_also_where_the_weekly_scan_is_what_comes_next() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    cursor = pages_of(adapter, Kind.COMPANY)[-1].cursor
    world.clock.advance(SCAN_EVERY.total_seconds() + 1)
    first, second, *_ = world.live("company")
    world.merge(first, second)
    changes = changes_in(pages_of(adapter, Kind.COMPANY, cursor))
    told = [(one.winner_id, one.loser_ids) for one in changes if isinstance(one, Merge)]
    assert told == [(f"{first.row_id}-accounts", (f"{second.row_id}-accounts",))]
    assert len({one.external_id for one in changes if isinstance(one, Company)}) == len(world.live("company"))


def test_a_survivor_that_is_gone_as_well_is_no_survivor() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    cursor = pages_of(adapter, Kind.COMPANY)[-1].cursor
    world.clock.advance(600)
    first, second, *_ = world.live("company")
    world.archive(world.merge(first, second))
    changes = changes_in(pages_of(adapter, Kind.COMPANY, cursor))
    assert not [one for one in changes if isinstance(one, Merge)]
    gone = {f"{first.row_id}-accounts", f"{second.row_id}-accounts"}
    assert gone <= {one.external_id for one in changes if isinstance(one, Deletion)}


def test_a_deal_s_stages_and_owners_are_told_however_it_is_read() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world, plan=FREE), budget=PLENTY)
    listed = {one.external_id: one for one in changes_in(pages_of(adapter, Kind.DEAL)) if isinstance(one, Deal)}
    cursor = f'{{"since":1,"scanned":{int(NOW.timestamp())}}}'
    fed = {one.external_id: one for one in changes_in(pages_of(adapter, Kind.DEAL, cursor)) if isinstance(one, Deal)}
    searched = {one.external_id: one for one in adapter.search_deals()}
    assert listed == fed == searched
    moves = {one.field for deal in listed.values() for one in deal.history}
    assert moves == {DealField.STAGE, DealField.OWNER}
    assert max(len(deal.history) for deal in listed.values()) > 3


@settings(max_examples=12)
@given(
    kind=st.sampled_from(DRAWN),
    seed=st.integers(0, 10**6),
    deeds=st.lists(st.tuples(st.integers(3, 25), st.integers(15, 40)), min_size=1, max_size=4),
    page_size=st.sampled_from([2, 7, 50]),
)
def test_edits_while_being_read_end_in_the_account_as_it_is(
    kind: Kind, seed: int, deeds: list[tuple[int, int]], page_size: int
) -> None:
    """Between any two requests somebody creates, edits, deletes and merges; after a quiet sync all is equal."""
    world = made_world(seed=seed % 3)
    server = made_server(world, plan=FREE)
    for number, (skip, count) in enumerate(deeds):
        edit = lambda count=count, number=number: live_on(world, seed=seed + number, deeds=count, step_s=20)  # noqa: E731
        server.faults.plan(Fault(mishap=Mishap.EDIT, route="/rest/", skip=skip, edit=edit))
    limits = Limits(deadline_s=10**6)  # what is done meanwhile takes its time
    adapter, seen, cursor = made_adapter(server, page_size=page_size, budget=PLENTY, limits=limits), Seen(), None
    for _ in range(2):
        pages = pages_of(adapter, kind, cursor)
        seen.take(changes_in(pages))
        cursor = pages[-1].cursor
    server.faults.planned.clear()
    world.clock.advance(300)
    seen.take(changes_in(pages_of(adapter, kind, cursor)))
    assert seen.live == Seen().take(changes_in(pages_of(made_adapter(server, budget=PLENTY), kind))).live


@pytest.mark.parametrize(
    "fault",
    [
        Fault(mishap=Mishap.STATUS, status=500), Fault(mishap=Mishap.CUT), Fault(mishap=Mishap.LOST_BEFORE),
        Fault(mishap=Mishap.THROTTLED),
    ],
    ids=lambda fault: fault.mishap,
)  # fmt: skip
def test_a_fault_at_any_request_of_a_sync_changes_nothing_of_its_result(fault: Fault) -> None:
    server = made_server(made_world(), plan=FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server, budget=PLENTY), Kind.DEAL)))
    for skip in range(len(server.log)):
        hit = Fault(mishap=fault.mishap, status=fault.status, skip=skip)
        server.faults.plan(hit)
        adapter = made_adapter(server, budget=MemoryBudget(10**9, 10**9, sleep=lambda _: None))
        assert Seen().take(changes_in(pages_of(adapter, Kind.DEAL))) == whole
        assert hit.times == 0


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault(mishap=Mishap.LOGIN_PAGE, times=9), FatalError, "web page"),
        (Fault(mishap=Mishap.EXPIRED, times=9), FatalError, "NUTSHELL_API_KEY"),
        (Fault(mishap=Mishap.STATUS, status=503, times=99), RetriableError, "503"),
        (Fault(mishap=Mishap.STATUS, status=404, times=99), FatalError, "404"),
        (Fault(mishap=Mishap.DRIP, seconds=1.0, times=99), RetriableError, "60 s"),
    ],
    ids=lambda value: str(getattr(value, "mishap", "")),
)
def test_an_outage_is_an_error_and_never_an_empty_page(fault: Fault, error: type[CrmError], says: str) -> None:
    server = made_server(made_world(), plan=FREE)
    adapter = made_adapter(server, budget=PLENTY)
    pages = pages_of(adapter, Kind.CONTACT)
    server.world.clock.advance(60)
    server.faults.plan(fault)
    for cursor in (None, pages[0].cursor, pages[-1].cursor):
        fault.times = 99
        with pytest.raises(error, match=says):
            pages_of(adapter, Kind.CONTACT, cursor)


def test_an_empty_account_is_read_without_a_fault() -> None:
    adapter = made_adapter(made_server(World(Clock(NOW)), plan=FREE), budget=PLENTY)
    for kind in adapter.capabilities.kinds:
        [page] = pages_of(adapter, kind)
        assert (page.changes, page.done) == ((), True)
        assert adapter.expected_count(kind) == 0
        assert changes_in(pages_of(adapter, kind, page.cursor)) == []
    assert adapter.count_activity(kind=ActivityKind.CALL).count == 0
    assert list(adapter.search_deals()) == []


def test_a_damaged_cursor_is_refused_in_a_sentence() -> None:
    with pytest.raises(FatalError, match="Sync from the beginning"):
        made_adapter(made_server(made_world(), plan=FREE), budget=PLENTY).changes(Kind.DEAL, "{")
