"""How many leads wait, over all organizations: for monitors, which see no organization by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from snapshots.database import Database

STATES = ("pending", "delivered", "parked", "quarantined")


@dataclass(frozen=True, slots=True)
class Backlog:
    """leads: by state of delivery, every state named. oldest_pending_s: age of the longest waiting one; None: none
    waits."""

    leads: Mapping[str, int]
    oldest_pending_s: float | None


def backlog(database: Database) -> Backlog:
    """As it is now, by the database's clock."""
    with database.as_worker() as connection:
        counts = {
            str(state): int(n)
            for state, n in connection.execute(text("SELECT state, count(*) FROM received_leads GROUP BY 1"))
        }
        oldest = connection.execute(
            text(
                "SELECT extract(epoch FROM clock_timestamp() - min(received_at)) FROM received_leads "
                "WHERE state = 'pending'"
            )
        ).scalar_one()
    return Backlog({state: counts.get(state, 0) for state in STATES}, None if oldest is None else float(oldest))
