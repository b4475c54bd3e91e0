"""What is not kept for ever: submissions that were refused, which anybody may send."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from snapshots.database import Database

REFUSED_KEPT = timedelta(days=90)
"""Long enough to see that a form of a website has been broken for a quarter."""


def forget_refused(database: Database, organization_id: int, *, now: datetime) -> int:
    """Delete the organization's refused submissions older than `REFUSED_KEPT`. Returns how many there were."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text("DELETE FROM refused_submissions WHERE organization_id = :organization AND received_at < :until"),
            {"organization": organization_id, "until": now - REFUSED_KEPT},
        )
        return int(done.rowcount)
