"""Runs an adapter into the database.

Order of a crash-proof sync: fetch a page, then in one transaction store its records, update the rollups, count, and
advance the cursor. A repeated page changes nothing, a killed run goes on where the last page ended. One run per
connection at a time, held by a lock that dies with its process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from queue import Empty, Full, Queue
from typing import TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, Table, text

from adapters.base import CrmAdapter, Page
from adapters.errors import CrmError, MissingScopeError
from adapters.records import KIND_OF, Activity, Change, Deal, DealStatus, Deletion, Kind, Merge, Record
from snapshots import activities, bulk, current, deals, schema
from snapshots.batch import Batch, Tally
from snapshots.database import Database
from snapshots.links import TABLE_OF, Links
from snapshots.organizations import get_organization

_T = TypeVar("_T")

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

    now: the clock. should_stop: asked between pages; True ends the run as "interrupted", to be resumed.
    """

    database: Database
    organization_id: int
    connection_id: int
    adapter: CrmAdapter
    now: Callable[[], datetime]
    should_stop: Callable[[], bool] = lambda: False
    on_progress: Callable[[Progress], None] = lambda _: None

    def run(self, *, trigger: str, from_start: bool = False) -> RunReport:
        """Bring the snapshots up to date. Adapter errors end the run as "failed" and are re-raised by no one: the
        report and the stored run carry their message and id. Raises SyncBusy.

        from_start: read everything again instead of what changed since the last run.
        """
        with self._only_one():
            self._mark_killed_runs()
            report = RunReport(run_id=self._open_run(trigger))
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
                self._close_run(report)
                raise
            self._close_run(report)
            return report

    # --- the run ---

    def _all_kinds(self, report: RunReport, from_start: bool) -> None:
        kinds = [kind for kind in Kind if kind in self.adapter.capabilities.kinds]
        self._note_missing(kinds)
        links = Links(self.organization_id, self.connection_id)
        if from_start:
            self._forget_cursors()
        for step, kind in enumerate(kinds):
            report.counts[kind] = tally = Tally()
            expected: int | None = None
            try:
                expected = self.adapter.expected_count(kind)
                with _prefetched(self._prepared(kind, links)) as pages:
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
                self._missing(kind.value, str(error))
            else:
                self._missing_no_more(kind.value)
            report.expected[kind] = expected
            report.ours[kind] = self._reconcile(report.run_id, kind, expected)

    def _batch(self, links: Links) -> Batch:
        organization = get_organization(self.database, self.organization_id)
        return Batch(
            organization_id=self.organization_id,
            connection_id=self.connection_id,
            zone=organization.zone,
            default_currency=organization.default_currency,
            recorded_at=self.now(),
            links=links,
        )

    def _prepared(self, kind: Kind, links: Links) -> Iterator[tuple[Page, Batch, list[_Run]]]:
        """The adapter's pages, with what can be done for them before they are stored."""
        cursor, status = self._cursor(kind), {}
        if kind is Kind.DEAL:
            with self.database.as_app(self.organization_id) as connection:
                status = deals.stage_status(connection, self._batch(links))
        for page in self.adapter.changes(kind, cursor):
            batch = self._batch(links)
            with self.database.as_app(self.organization_id) as connection:
                runs = [_Run(connection, batch, changes, status) for changes in _runs_of_one_sort(page.changes)]
            yield page, batch, runs

    def _store(self, run_id: int, kind: Kind, page: Page, runs: Sequence[_Run], batch: Batch) -> None:
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
            self._reject(connection, run_id, kind, page, batch)
            batch.deltas.write(connection, self.organization_id)
            self._advance(connection, run_id, kind, page, batch)

    def _zone_held(self, connection: Connection) -> ZoneInfo:
        """The organization's zone, which stays so until the page is stored; it may have moved since the preparation."""
        name = connection.execute(
            text("SELECT time_zone FROM organizations WHERE organization_id = :id FOR NO KEY UPDATE"),
            {"id": self.organization_id},
        ).scalar_one()
        return ZoneInfo(name)

    def _advance(self, connection: Connection, run_id: int, kind: Kind, page: Page, batch: Batch) -> None:
        key = {"organization": self.organization_id, "connection": self.connection_id, "kind": kind.value}
        connection.execute(
            text(
                "INSERT INTO sync_cursors (organization_id, connection_id, kind, cursor, updated_at) "
                "VALUES (:organization, :connection, :kind, :cursor, :at) "
                "ON CONFLICT (organization_id, connection_id, kind) "
                "DO UPDATE SET cursor = excluded.cursor, updated_at = excluded.updated_at"
            ),
            {**key, "cursor": page.cursor, "at": batch.recorded_at},
        )
        names = [item.name for item in fields(Tally)]
        connection.execute(
            text(
                f"INSERT INTO sync_counts (organization_id, run_id, kind, {', '.join(names)}) "
                f"VALUES (:organization, :run, :kind, {', '.join(':' + name for name in names)}) "
                "ON CONFLICT (organization_id, run_id, kind) DO UPDATE SET "
                + ", ".join(f"{name} = sync_counts.{name} + excluded.{name}" for name in names)
            ),
            {**key, "run": run_id, **{name: getattr(batch.tally, name) for name in names}},
        )
        connection.execute(
            text("UPDATE sync_runs SET heartbeat_at = :at, step = :kind WHERE organization_id = :o AND run_id = :run"),
            {"at": batch.recorded_at, "kind": kind.value, "o": self.organization_id, "run": run_id},
        )
        connection.execute(
            text("UPDATE organizations SET data_version = data_version + 1 WHERE organization_id = :id"),
            {"id": self.organization_id},
        )

    def _reject(self, connection: Connection, run_id: int, kind: Kind, page: Page, batch: Batch) -> None:
        batch.tally.fetched += len(page.rejections)
        batch.tally.rejected += len(page.rejections)
        columns = (
            "organization_id", "connection_id", "run_id", "kind", "source", "line", "reason", "row", "recorded_at"
        )  # fmt: skip
        rows = [
            (
                self.organization_id, self.connection_id, run_id, kind.value, item.source, item.line, item.reason,
                orjson.dumps(dict(item.row), default=str).decode(), batch.recorded_at,
            )
            for item in page.rejections
        ]  # fmt: skip
        bulk.insert(connection, schema.rejected_rows, columns, rows)

    def _between_pages(self, run_id: int) -> None:
        if self.should_stop():
            raise _Stop("interrupted")
        with self.database.as_app(self.organization_id) as connection:
            cancelled = connection.execute(
                text(
                    "SELECT cancel_requested_at IS NOT NULL FROM sync_runs WHERE organization_id = :o AND run_id = :r"
                ),
                {"o": self.organization_id, "r": run_id},
            ).scalar_one()
        if cancelled:
            raise _Stop("cancelled")

    def _reconcile(self, run_id: int, kind: Kind, expected: int | None) -> int:
        """Write down, and return, how many live objects of this kind we hold after the run."""
        with self.database.as_app(self.organization_id) as connection:
            asked = {"organization": self.organization_id, "connection": self.connection_id, "kind": kind.value}
            # All rows are counted: a nested loop, which stale statistics would choose, takes minutes.
            connection.execute(text("SET LOCAL enable_nestloop = off"))
            ours = connection.execute(text(_count_query(kind)), asked).scalar_one()
            connection.execute(
                text(
                    "INSERT INTO sync_counts (organization_id, run_id, kind, expected, ours, is_done) "
                    "VALUES (:organization, :run, :kind, :expected, :ours, true) "
                    "ON CONFLICT (organization_id, run_id, kind) "
                    "DO UPDATE SET expected = excluded.expected, ours = excluded.ours, is_done = true"
                ),
                {**asked, "run": run_id, "expected": expected, "ours": ours},
            )
        return int(ours)

    # --- bookkeeping ---

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

    def _mark_killed_runs(self) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "UPDATE sync_runs SET status = 'interrupted', finished_at = heartbeat_at "
                    "WHERE organization_id = :o AND connection_id = :c AND status = 'running'"
                ),
                {"o": self.organization_id, "c": self.connection_id},
            )

    def _open_run(self, trigger: str) -> int:
        with self.database.as_app(self.organization_id) as connection:
            run_id: int = connection.execute(
                text(
                    "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at) "
                    "VALUES (:o, :c, :trigger, 'running', :at, :at) RETURNING run_id"
                ),
                {"o": self.organization_id, "c": self.connection_id, "trigger": trigger, "at": self.now()},
            ).scalar_one()
        return run_id

    def _close_run(self, report: RunReport) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "UPDATE sync_runs SET status = :status, finished_at = :at, heartbeat_at = :at, "
                    "error_id = :error_id, error_message = :message WHERE organization_id = :o AND run_id = :r"
                ),
                {
                    "status": report.status,
                    "at": self.now(),
                    "error_id": report.error_id,
                    "message": report.error_message,
                    "o": self.organization_id,
                    "r": report.run_id,
                },
            )

    def _cursor(self, kind: Kind) -> str | None:
        with self.database.as_app(self.organization_id) as connection:
            return connection.execute(
                text("SELECT cursor FROM sync_cursors WHERE organization_id = :o AND connection_id = :c AND kind = :k"),
                {"o": self.organization_id, "c": self.connection_id, "k": kind.value},
            ).scalar_one_or_none()

    def _forget_cursors(self) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text("DELETE FROM sync_cursors WHERE organization_id = :o AND connection_id = :c"),
                {"o": self.organization_id, "c": self.connection_id},
            )

    def _note_missing(self, kinds: Sequence[Kind]) -> None:
        """What the adapter declares. What it does offer is known to be missing no more when it was read."""
        declared = self.adapter.capabilities.missing
        kept = {*(missing.kind for missing in declared), *(kind.value for kind in kinds)}
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "DELETE FROM missing_objects WHERE organization_id = :o AND connection_id = :c "
                    "AND NOT kind = ANY(:kept)"
                ),
                {"o": self.organization_id, "c": self.connection_id, "kept": list(kept)},
            )
        for missing in declared:
            self._missing(missing.kind, missing.reason)

    def _missing_no_more(self, kind: str) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text("DELETE FROM missing_objects WHERE organization_id = :o AND connection_id = :c AND kind = :kind"),
                {"o": self.organization_id, "c": self.connection_id, "kind": kind},
            )

    def _missing(self, kind: str, reason: str) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "INSERT INTO missing_objects (organization_id, connection_id, kind, reason, since) "
                    "VALUES (:o, :c, :kind, :reason, :at) "
                    "ON CONFLICT (organization_id, connection_id, kind) DO UPDATE SET reason = excluded.reason"
                ),
                {"o": self.organization_id, "c": self.connection_id, "kind": kind, "reason": reason, "at": self.now()},
            )


def request_cancel(database: Database, organization_id: int, run_id: int, *, now: datetime) -> None:
    """Ask a running sync to end after its current page."""
    with database.as_app(organization_id) as connection:
        connection.execute(
            text("UPDATE sync_runs SET cancel_requested_at = :at WHERE organization_id = :o AND run_id = :r"),
            {"at": now, "o": organization_id, "r": run_id},
        )


def _table_of(kind: Kind) -> Table:
    return schema.activities if kind is Kind.ACTIVITY else TABLE_OF[kind]


def _count_query(kind: Kind) -> str:
    if kind is Kind.ACTIVITY:
        return (
            "SELECT count(*) FROM activities WHERE organization_id = :organization "
            "AND connection_id = :connection AND gone_at IS NULL"
        )
    table = TABLE_OF[kind].name
    return (
        f"SELECT count(*) FROM external_links l JOIN {table} t ON t.organization_id = l.organization_id "
        f"AND t.{kind.value}_id = l.entity_id WHERE l.organization_id = :organization "
        "AND l.connection_id = :connection AND l.kind = :kind AND NOT l.is_merged "
        "AND t.gone_at IS NULL AND t.content_hash <> 0"
    )


def _runs_of_one_sort(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Neighbouring changes that can be applied together, in their order."""
    run: list[Change] = []
    for change in changes:
        if run and (type(change) is not type(run[-1]) or isinstance(change, Merge)):
            yield run
            run = []
        run.append(change)
    if run:
        yield run


class _Run:
    """Neighbouring changes of one sort, prepared to be applied."""

    def __init__(
        self, connection: Connection, batch: Batch, changes: list[Change], stage_status: Mapping[str, DealStatus]
    ) -> None:
        self.changes = changes
        found = [change for change in changes if isinstance(change, Deal)]
        self.deals = deals.prepare(connection, batch, found, stage_status) if found else None

    def apply(self, connection: Connection, batch: Batch) -> None:
        first = self.changes[0]
        if isinstance(first, Deletion):
            _delete(connection, batch, [change for change in self.changes if isinstance(change, Deletion)])
        elif isinstance(first, Merge):
            _merge(connection, batch, first)
        elif self.deals is not None:
            deals.apply(connection, batch, self.deals)
        elif isinstance(first, Activity):
            activities.apply(connection, batch, [change for change in self.changes if isinstance(change, Activity)])
        else:
            records: list[Record] = self.changes  # type: ignore[assignment]  # neither deletion nor merge
            current.apply(connection, batch, KIND_OF[type(first)], records)


def _delete(connection: Connection, batch: Batch, deletions: Sequence[Deletion]) -> None:
    for kind in {deletion.kind for deletion in deletions}:
        for reason in {deletion.reason for deletion in deletions if deletion.kind is kind}:
            gone = {item.external_id: item.at for item in deletions if item.kind is kind and item.reason == reason}
            if kind is Kind.DEAL:
                deals.retire(connection, batch, gone, reason)
            elif kind is Kind.ACTIVITY:
                activities.retire(connection, batch, list(gone))
            else:
                current.retire(connection, batch, kind, list(gone), reason)


def _merge(connection: Connection, batch: Batch, merge: Merge) -> None:
    """The losers end, and their external ids mean the winner from now on."""
    if merge.kind is Kind.DEAL:
        deals.retire(connection, batch, dict.fromkeys(merge.loser_ids, merge.at), "merged")
    elif merge.kind is not Kind.ACTIVITY:
        current.retire(connection, batch, merge.kind, merge.loser_ids, "merged")
    winner = batch.links.refer(connection, merge.kind, [merge.winner_id])[merge.winner_id]
    batch.links.repoint(connection, merge.kind, merge.loser_ids, winner)


@contextmanager
def _prefetched(pages: Iterator[_T], ahead: int = 2) -> Iterator[Iterator[_T]]:
    """The same pages, fetched by a thread of their own while the previous ones are being stored."""
    queue: Queue[_T | BaseException | None] = Queue(maxsize=ahead)
    stop = threading.Event()

    def put(item: _T | BaseException | None) -> None:
        while not stop.is_set():
            try:
                queue.put(item, timeout=0.2)
            except Full:
                continue
            return

    def fetch() -> None:
        try:
            for page in pages:
                put(page)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # carried over to the storing thread
            put(error)

    def drain() -> Iterator[_T]:
        while True:
            item = queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=fetch, name="fetch pages", daemon=True)
    thread.start()
    try:
        yield drain()
    finally:
        stop.set()
        while thread.is_alive():
            try:
                queue.get_nowait()
            except Empty:
                thread.join(0.05)
