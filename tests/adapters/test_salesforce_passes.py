"""Nothing is lost at equal times, by forgotten lists, in bulk queries that fail, or while the org is being edited."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import stamina
from conformance.state import Seen, changes_in, pages_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_salesforce import NOW, made_adapter, made_server, made_world

from adapters.errors import CrmError, FatalError, MissingScopeError, RetriableError
from adapters.records import Activity, ActivityKind, Change, Deal, Deletion, Kind, Merge
from adapters.salesforce import Salesforce
from adapters.sandbox import Clock, Fault, Mishap, Reply, Request, Size, World, live_on
from adapters.sandbox.salesforce import SalesforceServer
from adapters.sandbox.salesforce.values import error, id_of

FREE: dict[str, Any] = {"daily": 10**7}
DRAWN = (Kind.COMPANY, Kind.CONTACT, Kind.LEAD, Kind.DEAL, Kind.ACTIVITY)
QUARTER_S = 15 * 60


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def empty_server(**org: Any) -> SalesforceServer:
    world = World(Clock(NOW), merges_to_new_id=False)
    world.create("owner", {"first_name": "A", "last_name": "B", "email": "a@b.example"})
    return made_server(world, **FREE, **org)


def activities(adapter: Salesforce, cursor: str | None = None) -> list[Activity]:
    return [one for one in changes_in(pages_of(adapter, Kind.ACTIVITY, cursor)) if isinstance(one, Activity)]


def synced(adapter: Salesforce, kind: Kind, cursor: str | None = None) -> tuple[list[Change], str]:
    pages = pages_of(adapter, kind, cursor)
    return changes_in(pages), pages[-1].cursor


def slow_down(server: SalesforceServer, is_slow: Callable[[str], bool]) -> None:
    """Queries that are too slow for Salesforce."""
    honest = server._query

    def answer(request: Request, match: re.Match[str]) -> Reply:
        if is_slow(request.query["q"]):
            return error(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
        return honest(request, match)

    server.routes = [
        (method, path, answer if handler == honest else handler) for method, path, handler in server.routes
    ]


# --- pages ---


@pytest.mark.parametrize("batch", [2_000, 7])
def test_an_import_of_more_than_a_page_in_one_instant_is_read_in_full_and_counted(batch: int) -> None:
    """3,001 rows of one second; answers may also hold fewer rows than were asked for."""
    server = empty_server(batch=batch)
    for number in range(3_001 if batch > 7 else 301):
        server.world.create("note", {"at": NOW, "subject": f"Note {number}"})
    adapter = made_adapter(server, page_size=100)
    found = activities(adapter)
    assert len({one.external_id for one in found}) == len(found) == len(server.world.live("note"))
    assert adapter.expected_count(Kind.ACTIVITY) == len(found)
    assert not [one for one in server.log if "/query/" in one.path]


def test_a_pass_that_is_cut_off_at_every_page_ends_like_a_whole_one() -> None:
    server = made_server(made_world(), **FREE)
    for kind in (Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY):
        whole = Seen().take(changes_in(pages_of(made_adapter(server), kind)))
        seen, cursor, done = Seen(), None, False
        while not done:
            page = next(iter(made_adapter(server, page_size=7).changes(kind, cursor)))
            seen.take(page.changes)
            cursor, done = page.cursor, page.done
        assert seen == whole, kind


def test_a_query_that_takes_too_long_is_asked_for_fewer_rows() -> None:
    server = made_server(made_world(size=Size(companies=250, contacts=1, deals=1, activities=1)), **FREE)
    slow_down(server, lambda soql: int(soql.rpartition("LIMIT ")[2]) > 60 if "LIMIT" in soql else False)
    found, _ = synced(made_adapter(server, page_size=2_000), Kind.COMPANY)
    assert len(Seen().take(found).live) == len(server.world.live("company"))


def test_a_list_that_salesforce_forgets_is_read_again_from_its_beginning() -> None:
    server = made_server(made_world(size=Size(owners=20, companies=1, contacts=1, deals=1, activities=1)), batch=5)
    adapter = made_adapter(server)
    whole = adapter.list_owners()
    server.faults.plan(Fault(mishap=Mishap.EDIT, route="/query/", skip=1, edit=server.forget_locators))
    assert adapter.list_owners() == whole
    server.faults.plan(Fault(mishap=Mishap.EDIT, route="/query/", times=99, edit=server.forget_locators))
    with pytest.raises(RetriableError, match="INVALID_QUERY_LOCATOR"):
        adapter.list_owners()


def test_a_damaged_cursor_is_told() -> None:
    adapter = made_adapter(made_server(made_world()))
    for cursor in ("{", '{"whatever": 1}', '{"part": "Contact", "until": 9, "after": "yesterday 003"}'):
        with pytest.raises(FatalError, match="damaged"):
            pages_of(adapter, Kind.CONTACT, cursor)


# --- what changed ---


def test_a_row_that_is_seen_later_than_its_time_says_comes_with_the_next_sync() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world))
    world.clock.advance(3_600)
    _, cursor = synced(adapter, Kind.CONTACT)
    late = world.create("contact", {"last_name": "Late"})
    late.created_at = late.modified_at = world.clock.now() - timedelta(minutes=4)
    found, _ = synced(adapter, Kind.CONTACT, cursor)
    assert id_of("003", late.row_id) in {getattr(one, "external_id", None) for one in found}


def test_a_clock_of_ours_that_goes_wrong_loses_nothing() -> None:
    """Passes end by the time that Salesforce tells, which dates the rows."""
    world = made_world()
    adapter = made_adapter(made_server(world))
    assert adapter.capabilities
    object.__setattr__(adapter._ports, "now", lambda: world.clock.now() + timedelta(minutes=9))
    _, cursor = synced(adapter, Kind.CONTACT)
    world.clock.advance(60)
    world.update(world.live("contact")[0], {"phone": "+1 555"})
    assert "+1 555" in {getattr(one, "phone", None) for one in synced(adapter, Kind.CONTACT, cursor)[0]}


def test_a_row_that_is_deleted_restored_and_given_to_another_owner_comes_each_time() -> None:
    world = made_world()
    adapter, deal = made_adapter(made_server(world)), world.live("deal")[0]
    external_id = id_of("006", deal.row_id)
    _, cursor = synced(adapter, Kind.DEAL)
    world.clock.advance(600)
    world.archive(deal)
    gone, cursor = synced(adapter, Kind.DEAL, cursor)
    assert Deletion(kind=Kind.DEAL, external_id=external_id, at=deal.modified_at, reason="deleted") in gone
    world.clock.advance(600)
    world.restore(deal)
    owner = world.live("owner")[2]
    world.update(deal, {"owner_id": owner.row_id})
    back, _ = synced(adapter, Kind.DEAL, cursor)
    assert [(one.external_id, one.owner_id) for one in back if isinstance(one, Deal)] == [
        (external_id, id_of("005", owner.row_id))
    ]


def test_a_merge_names_the_last_survivor() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world))
    _, cursor = synced(adapter, Kind.COMPANY)
    first, second, third, *_ = world.live("company")
    world.clock.advance(600)
    world.merge(second, first)
    world.clock.advance(600)
    world.merge(third, second)
    told = {one.loser_ids: one.winner_id for one in synced(adapter, Kind.COMPANY, cursor)[0] if isinstance(one, Merge)}
    winner = id_of("001", third.row_id)
    assert told == {(id_of("001", row.row_id),): winner for row in (first, second)}


def test_a_contact_that_joins_a_deal_is_told_though_the_deal_stays_as_it_is() -> None:
    world = made_world()
    adapter, deal = made_adapter(made_server(world)), world.live("deal")[0]
    _, cursor = synced(adapter, Kind.DEAL)
    world.clock.advance(3_600)
    newcomer = world.live("contact")[-1]
    before = deal.modified_at
    world.link(deal, "contact", [newcomer.row_id])
    roles_at, deal.modified_at = deal.modified_at, before
    server = made_server(world)
    honest = server.objects["OpportunityContactRole"].rows

    def later(of: World):
        for row in honest(of):
            yield row | ({"SystemModstamp": roles_at} if row["of"] is deal else {})

    object.__setattr__(server.objects["OpportunityContactRole"], "rows", later)
    found, _ = synced(made_adapter(server), Kind.DEAL, cursor)
    assert [one.contact_ids for one in found if isinstance(one, Deal)] == [(id_of("003", newcomer.row_id),)]


def test_what_was_emptied_from_the_bin_stays_for_the_reconciliation_to_show() -> None:
    world = made_world()
    adapter = made_adapter(made_server(world))
    found, cursor = synced(adapter, Kind.CONTACT)
    world.archive(world.live("contact")[0])
    world.clock.advance(timedelta(days=16).total_seconds())
    later, _ = synced(adapter, Kind.CONTACT, cursor)
    assert not [one for one in later if isinstance(one, Deletion)]
    assert adapter.expected_count(Kind.CONTACT) == len(Seen().take(found).of(Kind.CONTACT)) - 1


# --- activities ---


def test_a_mail_counts_once_though_it_is_kept_twice() -> None:
    server = empty_server()
    mail = server.world.create("email", {"at": NOW, "status": "done", "direction": "in", "subject": "Hi"})
    adapter = made_adapter(server)
    [found] = activities(adapter)
    assert (found.kind, found.direction, found.external_id) == (ActivityKind.EMAIL, "in", id_of("00T", mail.row_id))
    assert adapter.count_activity(kind=ActivityKind.EMAIL).count == 1
    server.hidden.add("EmailMessage")
    [found] = activities(made_adapter(server))
    assert (found.kind, found.direction) == (ActivityKind.EMAIL, None)


def test_copies_for_invitees_and_heads_of_series_do_not_count() -> None:
    server = empty_server()
    for more in ({}, {"is_child": True}, {"is_series": True}):
        server.world.create("meeting", {"at": NOW, "status": "done", **more})
    adapter = made_adapter(server)
    assert len(activities(adapter)) == adapter.expected_count(Kind.ACTIVITY) == 1
    assert adapter.count_activity(kind=ActivityKind.MEETING).count == 1


def test_activities_that_were_archived_are_read_and_counted() -> None:
    server = empty_server()
    server.world.create("call", {"at": NOW - timedelta(days=500), "status": "done"})
    adapter = made_adapter(server)
    assert len(activities(adapter)) == 1
    assert adapter.count_activity(kind=ActivityKind.CALL).count == 1


def test_all_day_meetings_are_counted_on_their_day() -> None:
    server = empty_server()
    server.world.create("meeting", {"at": NOW.replace(hour=0), "is_all_day": True})
    adapter = made_adapter(server)
    [found] = activities(adapter)
    assert found.occurred_at is not None
    for since, expected in ((found.occurred_at, 1), (found.occurred_at + timedelta(seconds=1), 0)):
        assert adapter.count_activity(kind=ActivityKind.MEETING, since=since).count == expected


def test_a_task_of_a_subtype_that_nobody_knows_is_counted_as_a_task() -> None:
    server = empty_server()
    server.world.create("task", {"at": NOW, "status": "done", "subtype": "LinkedIn"})
    adapter = made_adapter(server)
    assert [one.kind for one in activities(adapter)] == [ActivityKind.TASK]
    assert adapter.count_activity(kind=ActivityKind.TASK).count == 1


def test_a_field_that_is_taken_away_while_reading_is_a_missing_right_and_no_loss() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server, page_size=5)
    pages = adapter.changes(Kind.CONTACT, None)
    first = next(pages)
    server.hidden.add("Contact.Phone")
    with pytest.raises(MissingScopeError, match="Phone"):
        list(pages)
    server.world.clock.advance(QUARTER_S)
    rest = changes_in(pages_of(adapter, Kind.CONTACT, first.cursor))
    assert len(Seen().take(first.changes).take(rest).of(Kind.CONTACT)) == len(server.world.live("contact"))


# --- bulk queries ---


@pytest.mark.parametrize("trouble", ["not offered", "fails", "kept no longer", "cut"])
def test_a_bulk_query_that_comes_to_nothing_loses_nothing(trouble: str) -> None:
    server = made_server(made_world(), **FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server), Kind.DEAL)))
    adapter = made_adapter(server, page_size=7, bulk_from=10)
    server.jobs.is_offered, server.jobs.fails = trouble != "not offered", trouble == "fails"
    if trouble == "cut":
        server.faults.plan(Fault(mishap=Mishap.CUT, route="/results", times=2))
    seen, cursor, done = Seen(), None, False
    while not done:
        page = next(iter(adapter.changes(Kind.DEAL, cursor)))
        seen.take(page.changes)
        cursor, done = page.cursor, page.done
        if trouble == "kept no longer" and len(seen.live) > 7:
            server.world.clock.advance(timedelta(days=8).total_seconds())
            trouble = ""
    assert seen.live == whole.live
    assert any("/jobs/" in one.path for one in server.log)


def test_a_bulk_query_is_waited_for_and_not_started_twice() -> None:
    server = made_server(made_world(), **FREE)
    server.jobs.takes_s = 900.0
    adapter = made_adapter(server, bulk_from=10)
    begun = next(iter(adapter.changes(Kind.CONTACT, None)))
    assert (begun.changes, begun.done) == ((), False)
    with pytest.raises(RetriableError, match="still prepares"):
        pages_of(adapter, Kind.CONTACT, begun.cursor)
    found = changes_in(pages_of(made_adapter(server, bulk_from=10), Kind.CONTACT, begun.cursor))
    assert len(Seen().take(found).of(Kind.CONTACT)) == len(server.world.live("contact"))
    assert len([one for one in server.log if one.method == "POST" and one.path.endswith("/jobs/query")]) == 1


def test_what_takes_too_long_to_count_is_a_large_load_and_no_number() -> None:
    server = made_server(made_world(), **FREE)
    slow_down(server, lambda soql: "COUNT()" in soql)
    adapter = made_adapter(server)
    found, _ = synced(adapter, Kind.CONTACT)
    assert len(Seen().take(found).of(Kind.CONTACT)) == len(server.world.live("contact"))
    assert any("/jobs/" in one.path for one in server.log)
    assert adapter.expected_count(Kind.CONTACT) is None
    with pytest.raises(RetriableError):
        adapter.count_activity(kind=ActivityKind.CALL)


def test_few_rows_are_read_without_a_bulk_query() -> None:
    server = made_server(made_world(), **FREE)
    synced(made_adapter(server), Kind.CONTACT)
    assert not [one for one in server.log if "/jobs/" in one.path]


# --- trouble ---


@settings(max_examples=15)
@given(
    kind=st.sampled_from(DRAWN),
    seed=st.integers(0, 10**6),
    deeds=st.lists(st.tuples(st.integers(4, 14), st.integers(20, 60)), min_size=1, max_size=3),
    page_size=st.sampled_from([3, 50]),
    bulk_from=st.sampled_from([5, 10**6]),
)
def test_edits_while_being_read_end_in_the_org_as_it_is(
    kind: Kind, seed: int, deeds: list[tuple[int, int]], page_size: int, bulk_from: int
) -> None:
    """Between any two requests somebody creates, edits, deletes and merges; after a quiet sync all is equal."""
    world = made_world(seed=seed % 3)
    server = made_server(world, **FREE)
    adapter = made_adapter(server, page_size=page_size, bulk_from=bulk_from)
    for place, (skip, count) in enumerate(deeds):
        edit = Fault(
            mishap=Mishap.EDIT,
            skip=skip,
            edit=lambda n=place, c=count: live_on(world, seed=seed + n, deeds=c, step_s=30),
        )
        server.faults.plan(edit)
    seen, cursor = Seen(), None
    for _ in range(3):
        found, cursor = synced(adapter, kind, cursor)
        seen.take(found)
        world.clock.advance(600)
    found, cursor = synced(adapter, kind, cursor)
    seen.take(found)
    assert seen.live == Seen().take(synced(made_adapter(server), kind)[0]).live


@settings(max_examples=15)
@given(
    mishaps=st.lists(
        st.tuples(
            st.sampled_from(
                [Mishap.STATUS, Mishap.CUT, Mishap.LOST_BEFORE, Mishap.LOST_AFTER, Mishap.EXPIRED, Mishap.THROTTLED]
            ),
            st.integers(0, 12),
            st.integers(1, 5),
        ),
        max_size=4,
    ),
    kind=st.sampled_from(DRAWN),
)
def test_whatever_goes_wrong_a_sync_that_is_tried_again_ends_like_a_quiet_one(
    mishaps: list[tuple[Mishap, int, int]], kind: Kind
) -> None:
    server = made_server(made_world(), **FREE)
    whole = Seen().take(changes_in(pages_of(made_adapter(server), kind)))
    for mishap, skip, times in mishaps:
        server.faults.plan(Fault(mishap=mishap, skip=skip, times=times))
    seen, cursor, done = Seen(), None, False
    for _ in range(40):
        try:
            for page in made_adapter(server, page_size=6).changes(kind, cursor):
                seen.take(page.changes)
                cursor, done = page.cursor, page.done
            break
        except CrmError:
            server.world.clock.advance(60)
    assert done
    assert seen == whole


def test_a_page_of_the_web_instead_of_rows_is_an_error_and_no_empty_org() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    server.faults.plan(Fault(mishap=Mishap.LOGIN_PAGE, route="queryAll"))
    with pytest.raises(CrmError):
        pages_of(adapter, Kind.CONTACT)
