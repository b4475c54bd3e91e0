"""What runs by itself, and when: the job queue's tasks and their schedule.

A job is deferred in the transaction of the rows that it is about. A sync that is interrupted by a shutdown or a crash
is deferred again and goes on where it stopped; one that failed is tried again a few times, later and later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

import procrastinate
import structlog
from procrastinate import exceptions

from adapters.base import Capabilities, CrmAdapter
from adapters.errors import CrmError
from ops import mail_domains
from ops.services import Services
from snapshots.access import WORKER_ROLE, WRITABLE
from snapshots.idempotency import claim
from snapshots.organizations import CrmConnection, list_connections, list_organizations
from snapshots.sync import Progress, RunReport, Sync, SyncBusy
from snapshots.visits import fold_leads

SYNC_TASK = "sync_connection"
REFRESH_HOUR = 5
"""Local hour of the daily refresh: after midnight's exports and clock changes, before people start."""
RETRY_AFTER = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
KEEP_JOBS_HOURS = 14 * 24
STALLED_AFTER_S = 45
"""A worker reports every ten seconds; one that was silent for this long is dead, and its jobs are taken over."""

LOG = structlog.get_logger()


class Transaction(Protocol):
    """An SQLAlchemy connection inside a transaction, as `Database.as_app` gives it."""

    @property
    def connection(self) -> Any: ...

    def begin_nested(self) -> contextlib.AbstractContextManager[Any]: ...


def defer_sync(
    connection: Transaction,
    organization_id: int,
    connection_id: int,
    *,
    trigger: str,
    not_before: datetime | None = None,
    attempt: int = 0,
) -> bool:
    """Queue a sync of this CRM connection, within the caller's transaction. False where one is waiting already."""
    name = lock_of(organization_id, connection_id)
    # A retry that waits for its time must not keep a person from starting one now.
    waiting = name if not_before is None else f"{name}:later"
    return put(
        connection, SYNC_TASK, queue="sync", lock=name, waiting=waiting, not_before=not_before,
        organization_id=organization_id, connection_id=connection_id, trigger=trigger, attempt=attempt,
    )  # fmt: skip


def lock_of(organization_id: int, connection_id: int) -> str:
    """Of the queue: one sync of a connection at a time."""
    return f"sync:{organization_id}:{connection_id}"


def put(
    connection: Transaction, task: str, *, queue: str, lock: str, waiting: str, not_before: datetime | None = None,
    **arguments: Any,
) -> bool:  # fmt: skip
    """Queue a task within the caller's transaction. lock: jobs with the same one run one after the other. False where a
    job with the same `waiting` waits already."""
    job = _queue().configure_task(
        task,
        queue=queue,
        lock=lock,
        queueing_lock=waiting,
        schedule_at=not_before,
        connection=connection.connection.driver_connection,
    )
    try:
        with connection.begin_nested():
            job.defer(**arguments)
    except exceptions.AlreadyEnqueued:
        return False
    return True


def defer_due_refreshes(services: Services) -> list[tuple[int, date]]:
    """Queue the daily refresh of every organization whose day has begun; once per organization and local day."""
    deferred = []
    for organization in list_organizations(services.database):
        day = refresh_day(services.now(), organization.zone)
        if _defer_refresh(services, organization.organization_id, day):
            deferred.append((organization.organization_id, day))
    return deferred


def refresh_day(now: datetime, zone: ZoneInfo) -> date:
    """The local day whose refresh is due: today from five o'clock on, yesterday before."""
    local = now.astimezone(zone)
    return local.date() if local.hour >= REFRESH_HOUR else local.date() - timedelta(days=1)


def sync_now(
    services: Services,
    connection: CrmConnection,
    *,
    trigger: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunReport:
    """A sync in this process. Raises SyncBusy where another one runs it."""
    adapter = _adapter(services, connection)
    try:
        return Sync(
            database=services.database,
            organization_id=connection.organization_id,
            connection_id=connection.connection_id,
            adapter=adapter,
            now=services.now,
            should_stop=should_stop,
            on_progress=on_progress,
        ).run(trigger=trigger)
    finally:
        adapter.close()


def run_sync(
    services: Services,
    organization_id: int,
    connection_id: int,
    *,
    trigger: str,
    attempt: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> str:
    """Run one queued sync and queue what must follow. Returns what became of it, in a word."""
    known = list_connections(services.database, organization_id)
    connection = next((one for one in known if one.connection_id == connection_id), None)
    if connection is None or not connection.is_active:
        return "gone"
    try:
        report = sync_now(services, connection, trigger=trigger, should_stop=should_stop)
    except SyncBusy:
        return "busy"
    with services.database.as_app(organization_id) as transaction:
        if report.status == "interrupted":
            defer_sync(transaction, organization_id, connection_id, trigger="resume")
        elif report.status == "failed" and attempt < len(RETRY_AFTER):
            later = services.now() + RETRY_AFTER[attempt]
            defer_sync(
                transaction, organization_id, connection_id, trigger="retry", not_before=later, attempt=attempt + 1
            )
    return report.status if report.error_message is None else f"{report.status}: {report.error_message}"


def make_app(services: Services, connector: procrastinate.BaseConnector) -> procrastinate.App:
    """The job queue with all tasks of ours."""
    # They put their jobs into the queue by what stands here.
    from ops import daily, forecast_replays, report_digest, score_jobs

    app = procrastinate.App(connector=connector)
    score_jobs.register(app, services)
    daily.register(app, services)
    forecast_replays.register(app, services)
    report_digest.register(app, services)

    @app.task(name=SYNC_TASK, queue="sync", pass_context=True)
    def sync_connection(
        context: procrastinate.JobContext, *, organization_id: int, connection_id: int, trigger: str, attempt: int = 0
    ) -> str:
        return run_sync(
            services,
            organization_id,
            connection_id,
            trigger=trigger,
            attempt=attempt,
            should_stop=context.should_abort,
        )

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="defer_due_refreshes", queueing_lock="defer_due_refreshes")
    def refresh_tick(timestamp: int) -> str:
        return f"{len(defer_due_refreshes(services))} refreshes deferred"

    @app.periodic(cron="* * * * *")
    @app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs", pass_context=True)
    async def stalled_tick(context: procrastinate.JobContext, timestamp: int) -> str:
        return f"{await retry_stalled_jobs(context.app, now=services.now())} jobs taken over"

    @app.periodic(cron="17 * * * *")
    @app.task(name="forget_old_jobs", queueing_lock="forget_old_jobs", pass_context=True)
    async def cleaning_tick(context: procrastinate.JobContext, timestamp: int) -> None:
        await context.app.job_manager.delete_old_jobs(
            KEEP_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    @app.periodic(cron="* * * * *")
    @app.task(name="note_mail_domains", queueing_lock="note_mail_domains")
    def mail_tick(timestamp: int) -> str:
        return f"{mail_domains.note_of_all(services)} addresses noted that no mail reaches"

    @app.periodic(cron="* * * * *")
    @app.task(name="join_visits", queueing_lock="join_visits")
    def joining_tick(timestamp: int) -> str:
        return f"{join_visits_of_all(services)} leads joined their visits"

    return app


def join_visits_of_all(services: Services) -> int:
    """Join new leads to the visits that they came of, in every organization. Returns how many leads that were."""
    return _of_each(services, lambda organization_id: fold_leads(services.database, organization_id))


def _of_each(services: Services, work: Callable[[int], int]) -> int:
    """The sum over all organizations. What fails for one is raised when the others have had their turn."""
    n, failures = 0, []
    for organization in list_organizations(services.database):
        try:
            n += work(organization.organization_id)
        except Exception as error:  # whatever it is: no organization's trouble is another one's
            LOG.exception("work for an organization failed", organization_id=organization.organization_id)
            failures.append(error)
    if failures:
        raise failures[0]
    return n


async def retry_stalled_jobs(app: procrastinate.App, *, now: datetime) -> int:
    """Queue again what a dead worker left unfinished. Returns how many jobs that were."""
    manager = app.job_manager
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S))
    for job in stalled:
        assert job.id is not None
        try:
            await manager.retry_job_by_id_async(job.id, retry_at=now)
        except exceptions.UniqueViolation:  # the same is waiting already, and will do this one's work
            await manager.finish_job_by_id_async(job.id, procrastinate.jobs.Status.ABORTED, delete_job=False)
    return len(stalled)


def run_worker(services: Services) -> None:
    """Work until told to stop (SIGTERM, Ctrl-C). A running sync ends after its page and is queued again."""
    connector = procrastinate.PsycopgConnector(
        conninfo=services.database_url,
        kwargs={"options": f"-c role={WORKER_ROLE} -c timezone=UTC", "target_session_attrs": WRITABLE},
    )
    make_app(services, connector).run_worker(
        name="slms",
        concurrency=4,
        shutdown_graceful_timeout=0,  # tells running jobs at once; they end between two pages
        fetch_job_polling_interval=5.0,
    )


def _adapter(services: Services, connection: CrmConnection) -> CrmAdapter:
    try:
        return services.adapter(connection)
    except CrmError as error:
        return cast("CrmAdapter", _Unusable(error))


class _Unusable:
    """Stands for an adapter that cannot be made, so that the reason ends up in a run that people see."""

    def __init__(self, error: CrmError) -> None:
        self._error = error

    @property
    def capabilities(self) -> Capabilities:
        raise self._error

    def close(self) -> None: ...


def _defer_refresh(services: Services, organization_id: int, day: date) -> bool:
    connections = [one for one in list_connections(services.database, organization_id) if is_refreshed(one)]
    with services.database.as_app(organization_id) as transaction:
        if not connections or not claim(transaction, organization_id, scope="daily_refresh", key=day.isoformat()):
            return False
        for connection in connections:
            defer_sync(transaction, organization_id, connection.connection_id, trigger="daily")
    return True


def is_refreshed(connection: CrmConnection) -> bool:
    """Whether this source is read again every day."""
    # An imported export is read once; one that CRM_PROVIDER names is read again every day.
    return connection.is_active and (connection.provider != "csv" or bool(connection.settings.get("refresh")))


def _queue() -> procrastinate.App:
    """For deferring within a transaction of ours: it opens no connection of its own."""
    return procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
