from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import made_leads
import procrastinate
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from ops import jobs
from ops.jobs import defer_due_refreshes, defer_sync, refresh_day, run_sync
from ops.retention import forget_daily
from ops.services import Services
from ops.settings import Settings
from snapshots.access import WORKER_ROLE
from snapshots.database import Database
from snapshots.organizations import CrmConnection, connect_crm, create_organization, list_organizations
from snapshots.status import list_runs

MORNING = datetime(2026, 3, 10, 9, tzinfo=UTC)
DEALS = "opportunity_id,account,deal_stage,engage_date,close_date,close_value\nA1,Acme,Won,2026-01-02,2026-02-03,100\n"


@pytest.fixture
def services(database: Database) -> Services:
    return Services(
        settings=Settings(_env_file=None), database_url=database.url, database=database, now=lambda: MORNING
    )


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "deals.csv").write_text(DEALS)
    return folder


@pytest.fixture
def connection(database: Database, organization: int, export: Path) -> CrmConnection:
    return connect_crm(
        database, organization, provider="csv", name="Export", settings={"path": str(export), "refresh": True}
    )


@pytest.fixture
def queued(database: Database) -> Callable[[], list[tuple[str, str | None, dict[str, object]]]]:
    def look() -> list[tuple[str, str | None, dict[str, object]]]:
        with psycopg.connect(database.url) as link:
            return link.execute(
                "SELECT status::text, queueing_lock, args FROM procrastinate_jobs WHERE task_name = 'sync_connection' "
                "ORDER BY id"
            ).fetchall()

    return look


def defer(services: Services, connection: CrmConnection, trigger: str = "manual") -> bool:
    with services.database.as_app(connection.organization_id) as transaction:
        return defer_sync(transaction, connection.organization_id, connection.connection_id, trigger=trigger)


def work_off(services: Services) -> None:
    """Run a worker until no job is left."""
    connector = procrastinate.PsycopgConnector(
        conninfo=services.database_url, kwargs={"options": f"-c role={WORKER_ROLE}"}
    )
    jobs.make_app(services, connector).run_worker(
        wait=False, listen_notify=False, install_signal_handlers=False, queues=["sync"]
    )


def test_a_job_is_queued_with_the_rows_of_its_transaction_or_not_at_all(
    services: Services, connection: CrmConnection, queued: Callable[[], list[object]]
) -> None:
    with suppress(RuntimeError), services.database.as_app(connection.organization_id) as transaction:
        defer_sync(transaction, connection.organization_id, connection.connection_id, trigger="manual")
        raise RuntimeError
    assert queued() == []
    assert defer(services, connection)
    assert len(queued()) == 1


def test_a_second_sync_of_the_same_connection_does_not_queue_up(
    services: Services, connection: CrmConnection, queued: Callable[[], list[object]]
) -> None:
    assert defer(services, connection)
    with services.database.as_app(connection.organization_id) as transaction:
        assert not defer_sync(transaction, connection.organization_id, connection.connection_id, trigger="manual")
        transaction.exec_driver_sql("UPDATE organizations SET reporting_currency = 'CHF'")  # the transaction lives on
    assert len(queued()) == 1


def test_the_worker_runs_a_queued_sync(services: Services, connection: CrmConnection) -> None:
    defer(services, connection)
    work_off(services)
    runs = list_runs(services.database, connection.organization_id)
    assert [(run.trigger, run.status) for run in runs] == [("manual", "succeeded")]


def test_a_sync_that_a_shutdown_interrupts_is_queued_again(
    services: Services, connection: CrmConnection, queued: Callable[[], list[tuple[str, str, dict[str, object]]]]
) -> None:
    what = run_sync(
        services, connection.organization_id, connection.connection_id, trigger="manual", should_stop=lambda: True
    )
    assert what == "interrupted"
    assert [args["trigger"] for _, _, args in queued()] == ["resume"]
    work_off(services)
    assert list_runs(services.database, connection.organization_id)[0].status == "succeeded"


def test_a_failed_sync_is_tried_again_later_and_not_for_ever(
    services: Services,
    connection: CrmConnection,
    export: Path,
    queued: Callable[[], list[tuple[str, str, dict[str, object]]]],
) -> None:
    (export / "deals.csv").unlink()
    for attempt in range(len(jobs.RETRY_AFTER) + 1):
        what = run_sync(
            services, connection.organization_id, connection.connection_id, trigger="daily", attempt=attempt
        )
        assert what.startswith("failed: CSV export")
    assert {run.status for run in list_runs(services.database, connection.organization_id)} == {"failed"}
    waiting = queued()
    assert [args["attempt"] for _, _, args in waiting] == [1]
    assert defer(services, connection), "a person can start one while a retry waits"


def forget(services: Services, organization: int) -> int | None:
    return forget_daily(services, organization, MORNING.date()).n_rows


def test_refused_submissions_go_after_ninety_days_in_every_organization(
    services: Services, organization: int, other_organization: int
) -> None:
    with services.database.as_worker() as link:
        for owner, days in ((organization, 89), (organization, 91), (other_organization, 400)):
            link.execute(
                text(
                    "INSERT INTO refused_submissions (organization_id, form_id, received_at, body, body_type, reason) "
                    "VALUES (:owner, 1, :at, '', 'text/plain', 'No address.')"
                ),
                {"owner": owner, "at": MORNING - timedelta(days=days)},
            )
    assert [forget(services, one) for one in (organization, other_organization)] == [1, 1]
    with services.database.as_worker() as link:
        [kept] = link.execute(text("SELECT organization_id, received_at FROM refused_submissions")).all()
    assert tuple(kept) == (organization, MORNING - timedelta(days=89))


def test_the_trouble_of_one_organization_is_raised_after_the_others_had_their_turn(
    services: Services, organization: int, other_organization: int
) -> None:
    first, second = (one.organization_id for one in list_organizations(services.database))
    assert {first, second} == {organization, other_organization}
    for one in (first, second):
        made_leads.put(services.database, one)
    with services.database.as_app(first) as link:
        link.execute(text("INSERT INTO staff_networks (organization_id, network) VALUES (:o, 'no network')"),
                     {"o": first})  # fmt: skip
    with pytest.raises(ValueError, match="no network"):
        jobs.join_visits_of_all(services)
    with services.database.as_worker() as link:
        joined = link.execute(text("SELECT organization_id FROM lead_visits")).scalars().all()
    assert joined == [second]


def test_leads_join_their_visits_in_every_organization_and_old_visits_go_but_stay_counted(
    services: Services, organization: int, other_organization: int
) -> None:
    for owner in (organization, other_organization):
        made_leads.put(services.database, owner, at=MORNING)
    assert jobs.join_visits_of_all(services) == 2
    assert jobs.join_visits_of_all(services) == 0
    with services.database.as_worker() as link:
        link.execute(text("UPDATE form_visits SET has_lead = false"))
    later = replace(services, now=lambda: MORNING + timedelta(days=91))
    assert [forget(later, one) for one in (organization, other_organization)] == [1, 1]
    with services.database.as_worker() as link:
        assert link.execute(text("SELECT sum(n_views) FROM visit_daily")).scalar_one() == 2


def test_a_connection_that_was_removed_meanwhile_ends_its_job(services: Services, organization: int) -> None:
    assert run_sync(services, organization, 12345, trigger="daily") == "gone"


def test_every_organization_is_refreshed_once_a_day_however_many_workers_look(
    services: Services, connection: CrmConnection, queued: Callable[[], list[object]]
) -> None:
    with ThreadPoolExecutor(4) as workers:
        found = [item for part in workers.map(lambda _: defer_due_refreshes(services), range(8)) for item in part]
    assert found == [(connection.organization_id, date(2026, 3, 10))]
    assert len(queued()) == 1


def test_a_day_is_caught_up_once_after_a_long_downtime(services: Services, connection: CrmConnection) -> None:
    defer_due_refreshes(services)
    work_off(services)
    later = replace(services, now=lambda: MORNING + timedelta(days=4))
    assert [day for _, day in defer_due_refreshes(later)] == [date(2026, 3, 14)]


def test_an_export_that_was_imported_by_hand_is_not_read_again_every_day(
    services: Services, organization: int, export: Path
) -> None:
    connect_crm(services.database, organization, provider="csv", name="Once", settings={"path": str(export)})
    assert defer_due_refreshes(services) == []


def test_each_organization_has_its_own_morning(services: Services, export: Path) -> None:
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        made = create_organization(services.database, zone, time_zone=zone)
        connect_crm(
            services.database,
            made.organization_id,
            provider="csv",
            name="Export",
            settings={"path": str(export), "refresh": True},
        )
    days = {day for _, day in defer_due_refreshes(services)}
    assert days == {date(2026, 3, 10), date(2026, 3, 9)}


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_clock_change_neither_skips_nor_repeats_a_day(
    services: Services, connection: CrmConnection, change: date
) -> None:
    start = datetime.combine(change - timedelta(days=1), datetime.min.time(), UTC)
    days: list[date] = []
    for minute in range(0, 72 * 60, 30):
        then = start + timedelta(minutes=minute)
        days += [day for _, day in defer_due_refreshes(replace(services, now=lambda then=then: then))]
    assert days == [change + timedelta(days=offset) for offset in (-2, -1, 0, 1)]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_the_due_day_never_goes_back(now: datetime, zone: str, step: timedelta) -> None:
    assert refresh_day(now + step, ZoneInfo(zone)) >= refresh_day(now, ZoneInfo(zone))


@pytest.fixture
def dead_worker(database: Database) -> int:
    """A worker that said its last word ten minutes ago."""
    with psycopg.connect(database.url) as link:
        row = link.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') RETURNING id"
        ).fetchone()
    assert row is not None
    return int(row[0])


def take_over(services: Services) -> int:
    async def run() -> int:
        app = jobs.make_app(services, procrastinate.PsycopgConnector(conninfo=services.database_url))
        async with app.open_async():
            return await jobs.retry_stalled_jobs(app, now=MORNING)

    return asyncio.run(run())


def die_with(database: Database, worker: int) -> None:
    with psycopg.connect(database.url) as link:
        link.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE status = 'todo'", [worker])


def test_the_job_of_a_killed_worker_is_taken_over(
    services: Services, connection: CrmConnection, dead_worker: int, queued: Callable[[], list[tuple[str, ...]]]
) -> None:
    defer(services, connection)
    die_with(services.database, dead_worker)
    assert take_over(services) == 1
    assert [status for status, *_ in queued()] == ["todo"]
    work_off(services)
    assert list_runs(services.database, connection.organization_id)[0].status == "succeeded"


def test_the_job_of_a_killed_worker_gives_way_to_one_that_waits_already(
    services: Services, connection: CrmConnection, dead_worker: int, queued: Callable[[], list[tuple[str, ...]]]
) -> None:
    defer(services, connection)
    die_with(services.database, dead_worker)
    defer(services, connection)
    take_over(services)
    assert [status for status, *_ in queued()] == ["aborted", "todo"]
