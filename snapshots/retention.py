"""What is not kept for ever: submissions that were refused, which anybody may send; scores of years ago."""

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


SCORES_KEPT = timedelta(days=3 * 366)
"""Long enough for a track record of three years. What is current stays."""
RUNS_KEPT = timedelta(days=90)


def forget_scores(database: Database, organization_id: int, *, now: datetime) -> int:
    """Delete the organization's scores older than `SCORES_KEPT` and what is known of runs older than `RUNS_KEPT`.
    Returns how many rows that were."""
    known = {"organization": organization_id, "scored": now - SCORES_KEPT, "ran": now - RUNS_KEPT}
    with database.as_app(organization_id) as connection:
        return sum(
            connection.execute(text(f"DELETE FROM {rows}"), known).rowcount
            for rows in (
                "scores WHERE organization_id = :organization AND scored_at < :scored AND NOT is_current",
                "scoring_runs WHERE organization_id = :organization AND finished_at < :ran",
            )
        )
