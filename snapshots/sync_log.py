"""What a sync writes down about itself: its runs, cursors, counts, rejected rows, and what the CRM does not expose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, text

from adapters.base import Missing, Page
from adapters.records import Kind
from snapshots import bulk, schema
from snapshots.batch import Batch, Tally
from snapshots.database import Database
from snapshots.fingerprints import GONE
from snapshots.links import TABLE_OF
from snapshots.storable import json_of, storable


@dataclass(frozen=True, slots=True)
class SyncLog:
    """Of one connection. Methods that take a transaction write within it, the others in one of their own."""

    database: Database
    organization_id: int
    connection_id: int

    # --- runs ---

    def open(self, trigger: str, *, now: datetime) -> int:
        """A new run; returns its id."""
        with self.database.as_app(self.organization_id) as connection:
            run_id: int = connection.execute(
                text(
                    "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at) "
                    "VALUES (:o, :c, :trigger, 'running', :at, :at) RETURNING run_id"
                ),
                {**self._own, "trigger": trigger, "at": now},
            ).scalar_one()
        return run_id

    def close(self, run_id: int, status: str, error_id: str | None, message: str | None, *, now: datetime) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "UPDATE sync_runs SET status = :status, finished_at = :at, heartbeat_at = :at, "
                    "error_id = :error_id, error_message = :message WHERE organization_id = :o AND run_id = :r"
                ),
                {
                    "status": status,
                    "at": now,
                    "error_id": error_id,
                    "message": storable(message),
                    "o": self.organization_id,
                    "r": run_id,
                },
            )

    def mark_killed(self) -> None:
        """Runs that say they are running, of which none can be: the caller holds the lock."""
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "UPDATE sync_runs SET status = 'interrupted', finished_at = heartbeat_at "
                    "WHERE organization_id = :o AND connection_id = :c AND status = 'running'"
                ),
                self._own,
            )

    def is_cancelled(self, run_id: int) -> bool:
        """Whether somebody asked the run to end."""
        with self.database.as_app(self.organization_id) as connection:
            asked: bool = connection.execute(
                text(
                    "SELECT cancel_requested_at IS NOT NULL FROM sync_runs WHERE organization_id = :o AND run_id = :r"
                ),
                {"o": self.organization_id, "r": run_id},
            ).scalar_one()
        return asked

    # --- pages ---

    def cursor(self, kind: Kind) -> str | None:
        with self.database.as_app(self.organization_id) as connection:
            return connection.execute(
                text("SELECT cursor FROM sync_cursors WHERE organization_id = :o AND connection_id = :c AND kind = :k"),
                {**self._own, "k": kind.value},
            ).scalar_one_or_none()

    def forget_cursors(self) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text("DELETE FROM sync_cursors WHERE organization_id = :o AND connection_id = :c"), self._own
            )

    def add_page(self, connection: Connection, run_id: int, kind: Kind, page: Page, batch: Batch) -> None:
        """The page is stored: its rejected rows, its counts, and the cursor behind it."""
        self._reject(connection, run_id, kind, page, batch)
        connection.execute(
            text(
                "INSERT INTO sync_cursors (organization_id, connection_id, kind, cursor, updated_at) "
                "VALUES (:o, :c, :kind, :cursor, :at) ON CONFLICT (organization_id, connection_id, kind) "
                "DO UPDATE SET cursor = excluded.cursor, updated_at = excluded.updated_at"
            ),
            {**self._own, "kind": kind.value, "cursor": page.cursor, "at": batch.recorded_at},
        )
        self._count(connection, run_id, kind, batch.tally)
        connection.execute(
            text("UPDATE sync_runs SET heartbeat_at = :at, step = :kind WHERE organization_id = :o AND run_id = :run"),
            {"at": batch.recorded_at, "kind": kind.value, "o": self.organization_id, "run": run_id},
        )
        connection.execute(
            text("UPDATE organizations SET data_version = data_version + 1 WHERE organization_id = :id"),
            {"id": self.organization_id},
        )

    def _count(self, connection: Connection, run_id: int, kind: Kind, tally: Tally) -> None:
        names = [item.name for item in fields(Tally)]
        connection.execute(
            text(
                f"INSERT INTO sync_counts (organization_id, run_id, kind, {', '.join(names)}) "
                f"VALUES (:o, :run, :kind, {', '.join(':' + name for name in names)}) "
                "ON CONFLICT (organization_id, run_id, kind) DO UPDATE SET "
                + ", ".join(f"{name} = sync_counts.{name} + excluded.{name}" for name in names)
            ),
            {
                "o": self.organization_id,
                "run": run_id,
                "kind": kind.value,
                **{name: getattr(tally, name) for name in names},
            },
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
                json_of(item.row).decode(), batch.recorded_at,
            )
            for item in map(storable, page.rejections)
        ]  # fmt: skip
        bulk.insert(connection, schema.rejected_rows, columns, rows)

    def reconcile(self, run_id: int, kind: Kind, expected: int | None) -> int:
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

    # --- what the CRM does not expose ---

    def declare_missing(self, declared: Sequence[Missing], kinds: Sequence[Kind], *, now: datetime) -> None:
        """What the adapter declares. What it does offer is known to be missing no more when it was read."""
        kept = {*(missing.kind for missing in declared), *(kind.value for kind in kinds)}
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "DELETE FROM missing_objects WHERE organization_id = :o AND connection_id = :c "
                    "AND NOT kind = ANY(:kept)"
                ),
                {**self._own, "kept": list(kept)},
            )
        for missing in declared:
            self.missing(missing.kind, missing.reason, now=now)

    def missing(self, kind: str, reason: str, *, now: datetime) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "INSERT INTO missing_objects (organization_id, connection_id, kind, reason, since) "
                    "VALUES (:o, :c, :kind, :reason, :at) "
                    "ON CONFLICT (organization_id, connection_id, kind) DO UPDATE SET reason = excluded.reason"
                ),
                {**self._own, "kind": kind, "reason": reason, "at": now},
            )

    def missing_no_more(self, kind: str) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text("DELETE FROM missing_objects WHERE organization_id = :o AND connection_id = :c AND kind = :kind"),
                {**self._own, "kind": kind},
            )

    @property
    def _own(self) -> dict[str, object]:
        return {"o": self.organization_id, "c": self.connection_id}


def _count_query(kind: Kind) -> str:
    # By the fingerprint: what another CRM tells of is held and has one, though it does not count.
    if kind is Kind.ACTIVITY:
        return (
            "SELECT count(*) FROM activities WHERE organization_id = :organization "
            f"AND connection_id = :connection AND content_hash <> {GONE}"
        )
    table = TABLE_OF[kind].name
    return (
        f"SELECT count(*) FROM external_links l JOIN {table} t ON t.organization_id = l.organization_id "
        f"AND t.{kind.value}_id = l.entity_id WHERE l.organization_id = :organization "
        "AND l.connection_id = :connection AND l.kind = :kind AND NOT l.is_merged "
        f"AND t.content_hash NOT IN (0, {GONE})"
    )
