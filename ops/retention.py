"""The daily work of forgetting: what is over its period goes, in every organization, and how much that was is told."""

from __future__ import annotations

from datetime import date, timedelta

from ops.job_book import Done
from ops.services import Services
from ops.settings import Settings
from snapshots import retention
from snapshots.blocked_pages import forget_blocked
from snapshots.llm_spending import forget_requests
from snapshots.retention import Periods
from snapshots.visits import forget_visits

_OTHERS = {"visits": forget_visits, "blocked pages": forget_blocked, "requests to language models": forget_requests}
"""What keeps its own period beside its rows."""


def forget_daily(services: Services, organization_id: int, day: date) -> Done:
    """The work of a day (`ops.daily`). n_rows: how many were deleted."""
    database, now = services.database, services.now()
    gone = dict(retention.forget(database, organization_id, periods(services.settings), now=now))
    gone |= {what: n for what, forget in _OTHERS.items() if (n := forget(database, organization_id, now=now))}
    told = ", ".join(f"{n:,} {what}" for what, n in gone.items())
    return Done(f"Deleted: {told}" if told else "Nothing was over its period", sum(gone.values()))


def periods(settings: Settings) -> Periods:
    """Of what is left to the installation."""
    return Periods(
        reports=timedelta(days=settings.reports_kept_days),
        forecast_facts=timedelta(days=settings.forecast_facts_kept_days),
        replays=timedelta(days=settings.replays_kept_days),
        runs=timedelta(days=settings.runs_kept_days),
    )
