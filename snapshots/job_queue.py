"""What the job queue says of itself: whether a worker lives, and which jobs of an organization wait or run.

The queue belongs to no organization: its tables carry no row security, so each question here names its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from snapshots.database import Database

INTERVAL: Final = timedelta(minutes=5)
"""So often the schedule is looked at; a worker reports every ten seconds."""


@dataclass(frozen=True, slots=True)
class Worker:
    """silent_for: since the last sign of life of any; None: there was none yet."""

    silent_for: timedelta | None

    @property
    def is_alive(self) -> bool:
        return self.silent_for is not None and self.silent_for <= INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job of the queue. lock: of which one runs at a time. not_before None: as soon as a worker is free."""

    task: str
    lock: str
    is_running: bool
    not_before: datetime | None

    def rests(self, now: datetime) -> bool:
        """Whether no worker takes it yet: it failed, and is tried again later."""
        return not self.is_running and self.not_before is not None and self.not_before > now


def worker(database: Database) -> Worker:
    """The newest sign of life, by the clock of the database, which is also that of the signs."""
    query = text(
        "SELECT now() - greatest((SELECT max(last_heartbeat) FROM procrastinate_workers), "
        "(SELECT to_timestamp(max(defer_timestamp)) FROM procrastinate_periodic_defers))"
    )
    with database.as_worker() as connection:
        silent: timedelta | None = connection.execute(query).scalar_one()
    return Worker(silent)


def waiting(database: Database, organization_id: int) -> list[Waiting]:
    """What waits or runs of an organization's, in the order in which it was queued."""
    query = text(
        "SELECT task_name AS task, lock, status = 'doing' AS is_running, scheduled_at AS not_before "
        "FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND lock IS NOT NULL "
        "AND args ->> 'organization_id' = :organization ORDER BY id"
    )
    with database.as_worker() as connection:
        rows = connection.execute(query, {"organization": str(organization_id)}).mappings()
        return [Waiting(**row) for row in rows]
