"""Runs an adapter into the database.

Order of a crash-proof sync: fetch a page, then in one transaction store its records, update the rollups, count, and
advance the cursor. A repeated page changes nothing, a killed run goes on where the last page ended. One run per
connection at a time, held by a lock that dies with its process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, text

from adapters.base import CrmAdapter, Page
from adapters.errors import CrmError, FatalError, MissingScopeError
from adapters.records import Kind
from snapshots import deals, schema
from snapshots.ahead import GATHERED, gathered, made_ahead
from snapshots.batch import Batch, Tally
from snapshots.changes import ChangeRun, runs_of_one_sort
from snapshots.database import Database
from snapshots.handover import begin, took_over_at
from snapshots.links import TABLE_OF, Links
from snapshots.organizations import get_organization, list_connections
from snapshots.sync_log import SyncLog

SYNC_LOCK, ORGANIZATION_LOCK = 7401, 7402
"""First keys of the advisory locks: one run per connection, one writing page per organization."""
REFRESH_STATISTICS_AT = frozenset({1, 4, 16, 64, 256, 1024})
"""Before which pages of a kind (from 0) the planner is told how its tables have grown; autovacuum comes too late."""


class SyncBusy(Exception):
    """Another process is synchronising this connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands. total: records of this kind that the CRM says there are; None where it doesn't say."""

    kind: Kind
    tally: Tally
    total: int | None
    step: int
    steps: int


@dataclass(slots=True, kw_only=True)
class RunReport:
    run_id: int
    status: str = "running"
    counts: dict[Kind, Tally] = field(default_factory=dict)
    expected: dict[Kind, int | None] = field(default_factory=dict)
    ours: dict[Kind, int] = field(default_factory=dict)
    error_id: str | None = None
    error_message: str | None = None


class _Stop(Exception):
    """The run is to end between two pages; `status` says why."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True, kw_only=True)
class Sync:
    """One connection's sync.

    now: the clock. should_stop: asked between pages; True ends the run as "interrupted", to be resumed. together: pages
    are stored together until they hold so many changes.
    """

    database: Database
    organization_id: int
    connection_id: int
    adapter: CrmAdapter
    now: Callable[[], datetime]
    should_stop: Callable[[], bool] = lambda: False
    on_progress: Callable[[Progress], None] = lambda _: None
    together: int = GATHERED
    _since: datetime | None = field(default=None, init=False)

    def run(self, *, trigger: str, from_start: bool = False) -> RunReport:
        """Bring the snapshots up to date. Adapter errors end the run as "failed" and are re-raised by no one: the
        report and the stored run carry their message and id. Raises SyncBusy.

        from_start: read everything again instead of what changed since the last run.
        """
        with self._only_one():
            self._log.mark_killed()
            report = RunReport(run_id=self._log.open(trigger, now=self.now()))
            try:
                self._all_kinds(report, from_start)
                report.status = "succeeded"
            except _Stop as stop:
                report.status = stop.status
            except CrmError as error:
                report.status, report.error_id, report.error_message = "failed", uuid4().hex[:12], str(error)
            except BaseException as error:
                report.status, report.error_id = "failed", uuid4().hex[:12]
                report.error_message = f"Unexpected {type(error).__name__}; the log has the details under this id."
                self._close(report)
                raise
            self._close(report)
            return report

    @property
    def _log(self) -> SyncLog:
        return SyncLog(self.database, self.organization_id, self.connection_id)

    def _close(self, report: RunReport) -> None:
        self._log.close(report.run_id, report.status, report.error_id, report.error_message, now=self.now())

    # --- the run ---

    def _all_kinds(self, report: RunReport, from_start: bool) -> None:
        self._demand_active()
        kinds = [kind for kind in Kind if kind in self.adapter.capabilities.kinds]
        self._log.declare_missing(self.adapter.capabilities.missing, kinds, now=self.now())
        links = Links(self.organization_id, self.connection_id)
        self._begin(links)
        if from_start:
            self._log.forget_cursors()
        for step, kind in enumerate(kinds):
            report.counts[kind] = tally = Tally()
            expected: int | None = None
            try:
                expected = self.adapter.expected_count(kind)
                with made_ahead(self._prepared(kind, links)) as pages:
                    for number, (page, batch, runs) in enumerate(pages):
                        self._between_pages(report.run_id)
                        if number in REFRESH_STATISTICS_AT:
                            self._refresh_statistics(kind)
                        self._store(report.run_id, kind, page, runs, batch)
                        tally += batch.tally
                        total = page.total if page.total is not None else expected
                        progress = Progress(kind=kind, tally=tally, total=total, step=step, steps=len(kinds))
                        self.on_progress(progress)
            except MissingScopeError as error:
                self._log.missing(kind.value, str(error), now=self.now())
            else:
                self._log.missing_no_more(kind.value)
            report.expected[kind] = expected
            report.ours[kind] = self._log.reconcile(report.run_id, kind, expected)

    def _demand_active(self) -> None:
        known = list_connections(self.database, self.organization_id)
        if not any(one.connection_id == self.connection_id and one.is_active for one in known):
            raise FatalError("This CRM is not read: it was retired, or its change is not confirmed yet. See Data.")

    def _begin(self, links: Links) -> None:
        """What a CRM's first sync does before it reads where it takes over from another one."""
        with self.database.as_app(self.organization_id) as connection:
            self._since = took_over_at(connection, self.organization_id, self.connection_id)
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock, :id)"),
                {"lock": ORGANIZATION_LOCK, "id": self.organization_id % 2**31},
            )
            begin(connection, self._batch(links))

    def _batch(self, links: Links) -> Batch:
        organization = get_organization(self.database, self.organization_id)
        return Batch(
            organization_id=self.organization_id,
            connection_id=self.connection_id,
            zone=organization.zone,
            default_currency=organization.default_currency,
            recorded_at=self.now(),
            links=links,
            since=self._since,
        )

    def _prepared(self, kind: Kind, links: Links) -> Iterator[tuple[Page, Batch, list[ChangeRun]]]:
        """The adapter's pages, with what can be done for them before they are stored."""
        cursor, status = self._log.cursor(kind), {}
        if kind is Kind.DEAL:
            with self.database.as_app(self.organization_id) as connection:
                status = deals.stage_status(connection, self._batch(links))
        for page in gathered(self.adapter.changes(kind, cursor), self.together):
            batch = self._batch(links)
            with self.database.as_app(self.organization_id) as connection:
                runs = [ChangeRun(connection, batch, changes, status) for changes in runs_of_one_sort(page.changes)]
            yield page, batch, runs

    def _store(self, run_id: int, kind: Kind, page: Page, runs: Sequence[ChangeRun], batch: Batch) -> None:
        with self.database.as_app(self.organization_id) as connection:
            # A page that a crash of the server takes away takes its cursor with it, and is read again.
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock, :id)"),
                {"lock": ORGANIZATION_LOCK, "id": self.organization_id % 2**31},
            )
            batch.zone = self._zone_held(connection)
            for run in runs:
                run.apply(connection, batch)
            batch.deltas.write(connection, self.organization_id)
            self._log.add_page(connection, run_id, kind, page, batch)

    def _zone_held(self, connection: Connection) -> ZoneInfo:
        """The organization's zone, which stays so until the page is stored; it may have moved since the preparation."""
        name = connection.execute(
            text("SELECT time_zone FROM organizations WHERE organization_id = :id FOR NO KEY UPDATE"),
            {"id": self.organization_id},
        ).scalar_one()
        return ZoneInfo(name)

    def _between_pages(self, run_id: int) -> None:
        if self.should_stop():
            raise _Stop("interrupted")
        if self._log.is_cancelled(run_id):
            raise _Stop("cancelled")

    def _refresh_statistics(self, kind: Kind) -> None:
        names = {schema.external_links.name, _table_of(kind).name}
        with self.database.as_owner() as connection:
            connection.execute(text(f"ANALYZE {', '.join(sorted(names))}"))

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        key = {"lock": SYNC_LOCK, "id": self.connection_id % 2**31}
        with self.database.engine.connect() as holder:
            held = holder.execute(text("SELECT pg_try_advisory_lock(:lock, :id)"), key).scalar_one()
            holder.commit()
            if not held:
                raise SyncBusy(f"Connection {self.connection_id} is being synchronised by another process.")
            try:
                yield
            finally:
                holder.execute(text("SELECT pg_advisory_unlock(:lock, :id)"), key)
                holder.commit()


def request_cancel(database: Database, organization_id: int, run_id: int, *, now: datetime) -> None:
    """Ask a running sync to end after its current page."""
    with database.as_app(organization_id) as connection:
        connection.execute(
            text("UPDATE sync_runs SET cancel_requested_at = :at WHERE organization_id = :o AND run_id = :r"),
            {"at": now, "o": organization_id, "r": run_id},
        )


def _table_of(kind: Kind) -> Table:
    return schema.activities if kind is Kind.ACTIVITY else TABLE_OF[kind]
