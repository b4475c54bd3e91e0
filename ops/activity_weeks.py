"""Counts, once a day, what each owner did in the weeks that are over: what the quality of activity is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ops.forecasting import last_known_day
from ops.job_book import Done
from ops.services import Services
from snapshots import activity_weeks
from snapshots.organizations import get_organization

KEPT_WEEKS: Final = 53
AGAIN_WEEKS: Final = 4
"""So many are counted again each day: answers and outcomes come late."""


def count_daily(services: Services, organization_id: int, day: date) -> Done:
    """The works of `ops.daily`: the last weeks, and any of the last year that was not counted yet. n_rows: weeks of
    salespeople."""
    organization = get_organization(services.database, organization_id)
    known = activity_weeks.counted_weeks(services.database, organization_id)
    # What came after the last sync nobody knows: it is no quiet week.
    day = min(day, last_known_day(services, organization_id) + timedelta(days=1))
    newest = day - timedelta(days=day.weekday() + 7)
    n, n_rows = 0, 0
    for back in range(KEPT_WEEKS):
        monday = newest - timedelta(weeks=back)
        if back < AGAIN_WEEKS or monday not in known:
            n_rows += activity_weeks.count_week(services.database, organization, monday, now=services.now())
            n += 1
    return Done(f"{n} weeks counted", n_rows)
