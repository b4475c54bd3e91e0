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
    """As it is now, by the database's clock. Costs as much as leads wait: those that were delivered are not read."""
    with database.as_worker() as connection:
        counts = {str(state): int(n) for state, n in connection.execute(text(_COUNTS))}
        oldest = connection.execute(
            text(
                "SELECT extract(epoch FROM clock_timestamp() - min(received_at)) FROM received_leads "
                "WHERE state = 'pending'"
            )
        ).scalar_one()
    return Backlog({state: counts.get(state, 0) for state in STATES}, None if oldest is None else float(oldest))


_COUNTS = """
    SELECT 'pending' AS state, count(*) AS n FROM received_leads WHERE state = 'pending'
    UNION ALL SELECT 'delivered', coalesce(sum(n), 0) FROM delivered_counts
    UNION ALL SELECT state, count(*) FROM received_leads WHERE state IN ('parked', 'quarantined') GROUP BY state
"""
