"""How a run ends: done, cancelled, stopped, failed or crashed. What was stored stays whole; the next run goes on."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from made_crm import BORN, Clock, MadeCrm, activity, connect, lead, sync
from psycopg import Error as DriverError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stored_state import state_of

from adapters.base import Missing
from adapters.errors import CrmError, FatalError, MissingScopeError, RetriableError
from adapters.records import Kind, Rejection
from snapshots import rollups
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.status import Run, freshness, list_runs, missing_objects, reconciliation, rejected
from snapshots.sync import Progress, SyncBusy, request_cancel


@pytest.fixture
def clock() -> Clock:
    return Clock(BORN + timedelta(days=60))


@pytest.fixture
def crm() -> MadeCrm:
    """Ten deals in five pages, six leads, eight activities."""
    made = MadeCrm(page_size=2)
    for n in range(10):
        made.create(f"d{n}", BORN + timedelta(days=n), stage="won" if n % 3 == 0 else "s1", owner=f"o{1 + n % 3}")
    made.add(*(lead(f"l{n}", BORN + timedelta(days=n)) for n in range(6)))
    made.add(*(activity(f"a{n}", BORN + timedelta(days=n)) for n in range(8)))
    return made


@pytest.fixture
def connection_id(database: Database, organization: int) -> int:
    return connect(database, organization)


def _newest(database: Database, organization: int) -> Run:
    return list_runs(database, organization)[0]


def _count(database: Database, organization: int, table: str) -> int:
    with database.as_app(organization) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _failing(kind: Kind, page: int, error: Exception) -> Callable[[Kind, int], None]:
    def fail(asked: Kind, number: int) -> None:
        if (asked, number) == (kind, page):
            raise error

    return fail


def _assert_as_never_broken(database: Database, organization: int, crm: MadeCrm, clock: Clock) -> None:
    """What is stored is what an organization has whose sync was never disturbed."""
    whole = create_organization(database, "Never broken", time_zone="Europe/Berlin", default_currency="EUR")
    report = sync(database, whole.organization_id, connect(database, whole.organization_id), crm, clock)
    assert report.status == "succeeded"
    assert state_of(database, organization) == state_of(database, whole.organization_id)


# --- one at a time -------------------------------------------------------------------------------------------------


def test_a_second_sync_of_a_connection_is_refused_while_one_runs(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    refused = []

    def try_another(_: Progress) -> None:
        with pytest.raises(SyncBusy):
            sync(database, organization, connection_id, MadeCrm(), clock)
        refused.append(_count(database, organization, "sync_runs"))

    report = sync(database, organization, connection_id, crm, clock, on_progress=try_another)
    assert report.status == "succeeded"
    assert set(refused) == {1}, "what was refused is no run"


def test_another_connection_may_be_synchronised_meanwhile(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    other, statuses = connect(database, organization, "second"), []

    def sync_the_other(progress: Progress) -> None:
        if progress.kind is Kind.DEAL and not statuses:
            statuses.append(sync(database, organization, other, MadeCrm(), clock).status)

    report = sync(database, organization, connection_id, crm, clock, on_progress=sync_the_other)
    assert [report.status, *statuses] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("error", [RetriableError("Try later."), ZeroDivisionError()], ids=["failed", "crashed"])
def test_a_run_that_broke_off_does_not_keep_the_next_one_out(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock, error: Exception
) -> None:
    crm.fail = _failing(Kind.DEAL, 2, error)
    if isinstance(error, CrmError):
        sync(database, organization, connection_id, crm, clock)
    else:
        with pytest.raises(ZeroDivisionError):
            sync(database, organization, connection_id, crm, clock)
    crm.fail = lambda kind, number: None
    assert sync(database, organization, connection_id, crm, clock).status == "succeeded"


# --- stopped between pages -----------------------------------------------------------------------------------------


def test_a_cancelled_run_ends_before_the_next_page_and_the_next_run_goes_on(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    def cancel(progress: Progress) -> None:
        if progress.kind is Kind.DEAL and progress.tally.fetched == 4:
            request_cancel(database, organization, _newest(database, organization).run_id, now=clock())

    report = sync(database, organization, connection_id, crm, clock, on_progress=cancel)
    assert report.status == _newest(database, organization).status == "cancelled"
    assert report.counts[Kind.DEAL].fetched == _count(database, organization, "deals") == 4
    report = sync(database, organization, connection_id, crm, clock)
    assert report.counts[Kind.DEAL].fetched == report.counts[Kind.DEAL].new == 6
    _assert_as_never_broken(database, organization, crm, clock)


def test_a_cancelled_run_is_no_reason_to_cancel_the_next(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    def cancel(_: Progress) -> None:
        request_cancel(database, organization, _newest(database, organization).run_id, now=clock())

    assert sync(database, organization, connection_id, crm, clock, on_progress=cancel).status == "cancelled"
    assert sync(database, organization, connection_id, crm, clock).status == "succeeded"


def test_a_run_that_is_told_to_stop_ends_as_interrupted(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    pages = iter(range(99))
    report = sync(database, organization, connection_id, crm, clock, should_stop=lambda: next(pages) >= 9)
    assert report.status == _newest(database, organization).status == "interrupted"
    assert sync(database, organization, connection_id, crm, clock).status == "succeeded"
    _assert_as_never_broken(database, organization, crm, clock)


def test_a_run_whose_process_died_is_shown_as_interrupted_when_the_next_begins(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    died_at = clock() - timedelta(hours=2)
    with database.as_app(organization) as connection:
        connection.execute(
            text(
                "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at) "
                "VALUES (:o, :c, 'daily', 'running', :at, :at)"
            ),
            {"o": organization, "c": connection_id, "at": died_at},
        )
    sync(database, organization, connection_id, crm, clock)
    newest, dead = list_runs(database, organization)
    assert (newest.status, dead.status, dead.finished_at) == ("succeeded", "interrupted", died_at)


# --- failed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        RetriableError("Made CRM: too many requests, try again in 20 s.", wait_s=20),
        FatalError("Made CRM: key refused."),
    ],
    ids=["retriable", "fatal"],
)
@pytest.mark.parametrize("page", [0, 1, 3])
def test_an_error_of_the_crm_is_kept_with_an_id_and_the_pages_before_it_stay(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock, error: CrmError, page: int
) -> None:
    crm.fail = _failing(Kind.DEAL, page, error)
    report = sync(database, organization, connection_id, crm, clock)
    stored = _newest(database, organization)
    assert (report.status, report.error_message) == (stored.status, stored.error_message) == ("failed", str(error))
    assert report.error_id == stored.error_id
    assert stored.error_id
    assert stored.finished_at == clock()
    assert report.counts[Kind.DEAL].fetched == _count(database, organization, "deals") == 2 * page
    assert Kind.ACTIVITY not in report.counts, "what comes after a failed kind is not read"
    crm.fail = lambda kind, number: None
    again = sync(database, organization, connection_id, crm, clock)
    assert again.counts[Kind.DEAL].fetched == 10 - 2 * page
    _assert_as_never_broken(database, organization, crm, clock)


def test_two_failures_have_two_ids(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.fail = _failing(Kind.DEAL, 0, FatalError("No."))
    ids = {sync(database, organization, connection_id, crm, clock).error_id for _ in range(3)}
    assert len(ids) == 3


def test_a_crash_is_passed_on_and_the_run_says_where_to_look_without_saying_what(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.fail = _failing(Kind.LEAD, 1, ValueError("token=SECRET"))
    with pytest.raises(ValueError, match="SECRET"):
        sync(database, organization, connection_id, crm, clock)
    stored = _newest(database, organization)
    assert stored.status == "failed"
    assert stored.error_id
    assert "ValueError" in (stored.error_message or "")
    assert "SECRET" not in (stored.error_message or "")


@pytest.mark.parametrize("kind", [Kind.LEAD, Kind.DEAL, Kind.ACTIVITY])
def test_a_page_that_cannot_be_stored_leaves_nothing_of_it(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock, kind: Kind
) -> None:
    """The second page holds a record that no column takes; its neighbour goes with it, the page before stays."""
    sound = list(crm.log[kind]), dict(crm.deals)
    _spoil(crm, kind, 3)
    with pytest.raises((DBAPIError, DriverError, struct.error)):
        sync(database, organization, connection_id, crm, clock)
    table = {Kind.LEAD: "leads", Kind.DEAL: "deals", Kind.ACTIVITY: "activities"}[kind]
    assert _count(database, organization, f"{table} WHERE content_hash <> 0") == 2
    counts = reconciliation(database, organization, _newest(database, organization).run_id).set_index("kind")
    assert int(counts.loc[kind.value, "fetched"]) == 2
    assert not bool(counts.loc[kind.value, "is_done"])
    with database.as_app(organization) as connection:
        assert set(rollups.differences(connection, organization).values()) == {0}
    crm.log[kind], crm.deals = sound
    assert sync(database, organization, connection_id, crm, clock).counts[kind].fetched == len(sound[0]) - 2
    _assert_as_never_broken(database, organization, crm, clock)


def _spoil(crm: MadeCrm, kind: Kind, place: int) -> None:
    """Make the second page one that no adapter may hand over, and that fails late where it can."""
    if kind is Kind.DEAL:
        crm.deals["d3"] = replace(crm.deals["d3"], amount_minor="much")  # type: ignore[arg-type]
    elif kind is Kind.ACTIVITY:
        crm.log[kind][place] = replace(crm.log[kind][place], duration_s="long")  # type: ignore[call-arg]
    else:
        crm.log[kind][place] = replace(crm.log[kind][place], converted="perhaps")  # type: ignore[call-arg]


def test_text_that_the_database_cannot_hold_does_not_stop_a_sync(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    """People paste anything into a CRM: a NUL, half of an emoji, in any place."""
    raw = {"na\x00me": ["De\x00al \ud83d", 2**70]}
    crm.add(replace(lead("odd", BORN), name="Zo\x00e", company_name="half \ud83d"))
    crm.change("d1", BORN, name="De\x00al \ud83d", raw=raw)
    crm.create("od\x00d", BORN)
    crm.rejections = {Kind.LEAD: [Rejection(source="a\x00.csv", line=7, reason="no \ud83d", row={"\x00": "\udc00"})]}
    first = sync(database, organization, connection_id, crm, clock)
    assert first.status == "succeeded"
    with database.as_app(organization) as connection:
        ask = connection.exec_driver_sql
        assert ask("SELECT name, company_name FROM leads WHERE name LIKE 'Z%%'").all() == [("Zoe", "half \ufffd")]
        assert ask("SELECT name FROM deals WHERE name LIKE '%% \ufffd'").all() == [("Deal \ufffd",)]
        assert ask("SELECT raw FROM raw_records").scalars().all() == [{"name": ["Deal \ufffd", str(2**70)]}]
    page, _ = rejected(database, organization, first.run_id)
    assert page.loc[0, ["source", "reason", "row"]].tolist() == ["a.csv", "no \ufffd", {"": "\ufffd"}]
    again = sync(database, organization, connection_id, crm, clock, from_start=True)
    assert again.counts[Kind.DEAL].unchanged == again.counts[Kind.DEAL].fetched == 11
    crm.remove("od\x00d", BORN)
    assert sync(database, organization, connection_id, crm, clock).counts[Kind.DEAL].deleted == 1


@pytest.mark.parametrize("page", [0, 1, 4])
def test_no_thread_stays_behind(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock, page: int
) -> None:
    crm.fail = _failing(Kind.DEAL, page, FatalError("No."))
    sync(database, organization, connection_id, crm, clock)
    pages = iter(range(99))
    sync(database, organization, connection_id, MadeCrm(page_size=1), clock, should_stop=lambda: next(pages) >= page)
    assert [thread.name for thread in threading.enumerate() if thread.name == "fetch pages"] == []


# --- reconciled ----------------------------------------------------------------------------------------------------


def test_what_was_fetched_adds_up_for_every_kind_and_meets_the_crms_own_count(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.rejections = {Kind.LEAD: [Rejection(source="leads.csv", line=7, reason="no id", row={"Name": "x"})]}
    report = sync(database, organization, connection_id, crm, clock)
    found = reconciliation(database, organization, report.run_id)
    assert set(found["kind"]) == {kind.value for kind in crm.kinds}
    assert (found.fetched == found.new + found.changed + found.unchanged + found.rejected).all()
    assert (found.expected == found.ours).all()
    assert found.is_done.all()
    assert dict(zip(found.kind, found.ours, strict=True))["deal"] == 10


@pytest.mark.parametrize("missing", [3, -2])
def test_a_gap_between_the_crms_count_and_ours_is_shown(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock, missing: int
) -> None:
    crm.undercount = missing
    report = sync(database, organization, connection_id, crm, clock)
    deals = reconciliation(database, organization, report.run_id).set_index("kind").loc["deal"]
    assert (int(deals.expected), int(deals.ours)) == (10 + missing, 10)
    assert report.expected[Kind.DEAL] == 10 + missing


def test_what_was_deleted_is_no_longer_ours(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    sync(database, organization, connection_id, crm, clock)
    crm.remove("d1", clock())
    crm.merge("d2", "d3", clock())
    report = sync(database, organization, connection_id, crm, clock)
    assert (report.ours[Kind.DEAL], report.expected[Kind.DEAL], report.counts[Kind.DEAL].deleted) == (8, 8, 2)


def test_rows_that_were_rejected_are_kept_with_their_line_and_reason(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.rejections = {
        Kind.LEAD: [
            Rejection(source="leads.csv", line=n, reason=f"reason {n}", row={"Name": f"=cmd|{n}", "Tag": None})
            for n in range(5)
        ]
    }
    report = sync(database, organization, connection_id, crm, clock)
    page, n = rejected(database, organization, report.run_id, limit=3)
    assert (n, len(page)) == (5, 3)
    rest, _ = rejected(database, organization, report.run_id, after=int(page.rejected_id.iloc[-1]), limit=3)
    assert [*page.line, *rest.line] == list(range(5))
    assert page.loc[0, ["kind", "source", "reason"]].tolist() == ["lead", "leads.csv", "reason 0"]
    assert page.loc[0, "row"] == {"Name": "=cmd|0", "Tag": None}


# --- missing is not zero -------------------------------------------------------------------------------------------


def test_what_a_crm_does_not_expose_is_stored_with_the_reason(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.kinds -= {Kind.ACTIVITY}
    crm.missing = (Missing(kind="activity", reason="This plan has no engagement objects."),)
    report = sync(database, organization, connection_id, crm, clock)
    found = missing_objects(database, organization)
    assert found[["connection", "kind", "reason"]].values.tolist() == [
        ["made", "activity", "This plan has no engagement objects."]
    ]
    assert Kind.ACTIVITY not in report.ours


def test_a_missing_right_takes_one_kind_away_and_not_the_whole_sync(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.fail = _failing(Kind.LEAD, 0, MissingScopeError("Made CRM: leads need crm.leads.read.", scope="crm.leads.read"))
    report = sync(database, organization, connection_id, crm, clock)
    assert report.status == "succeeded"
    assert (report.ours[Kind.DEAL], report.ours[Kind.ACTIVITY]) == (10, 8)
    assert missing_objects(database, organization)[["kind", "reason"]].values.tolist() == [
        ["lead", "Made CRM: leads need crm.leads.read."]
    ]


def test_what_is_missing_no_more_is_not_said_to_be(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    crm.fail = _failing(Kind.LEAD, 0, MissingScopeError("No right.", scope="crm.leads.read"))
    sync(database, organization, connection_id, crm, clock)
    crm.fail = lambda kind, number: None
    sync(database, organization, connection_id, crm, clock)
    assert missing_objects(database, organization).empty
    assert _count(database, organization, "leads") == 6


def test_what_stays_missing_is_missing_since_it_was_first_noticed(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    first = clock()
    crm.missing = (Missing(kind="task", reason="Not in this plan."),)
    crm.fail = _failing(Kind.LEAD, 0, MissingScopeError("No right.", scope="crm.leads.read"))
    sync(database, organization, connection_id, crm, clock)
    clock.forward(days=3)
    sync(database, organization, connection_id, crm, clock)
    assert list(missing_objects(database, organization)["since"]) == [first, first]


# --- fresh or not --------------------------------------------------------------------------------------------------


def test_data_are_as_fresh_as_the_last_run_that_succeeded(
    database: Database, organization: int, connection_id: int, crm: MadeCrm, clock: Clock
) -> None:
    assert [one.synced_at for one in freshness(database, organization)] == [None]
    sync(database, organization, connection_id, crm, clock)
    succeeded_at = clock()
    clock.forward(hours=30)
    crm.fail = _failing(Kind.DEAL, 0, FatalError("Key refused."))
    sync(database, organization, connection_id, crm, clock)
    (found,) = freshness(database, organization)
    assert (found.synced_at, found.last_status, found.last_error) == (succeeded_at, "failed", "Key refused.")
    assert found.n_deals == 10
    assert not found.is_stale(succeeded_at + timedelta(hours=36))
    assert found.is_stale(succeeded_at + timedelta(hours=37))
