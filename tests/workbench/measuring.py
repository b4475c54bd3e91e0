"""The Overview's numbers straight from the snapshots and `insights.metrics`, past everything of the workbench."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from made_installation import House

from insights import metrics
from insights.metrics import Kpi, Period
from snapshots.organizations import get_organization
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer


def reader(house: House, viewer: Viewer | None = None) -> Reader:
    return Reader(house.database, viewer or Viewer(house.organization_id, Role.ADMIN))


def days_to(last: date, n: int = 90) -> Slice:
    """The last `n` days up to `last`, as known then."""
    return Slice(first_day=last - timedelta(days=n - 1), last_day=last, as_of=last)


def measured(house: House, slice_: Slice, *, viewer: Viewer | None = None) -> dict[str, Kpi]:
    """The KPIs of the period, against the one before it, in the organization's reporting currency."""
    reads = reader(house, viewer)
    period = Period(slice_.first_day, slice_.last_day)
    compared = metrics.comparison_period(period, "previous")
    span = metrics.span(period, compared, slice_.until)
    wide = replace(slice_, first_day=span.first, last_day=span.last)
    frames = metrics.OverviewFrames(
        events=reads.deal_events(wide),
        activities=reads.activity_counts(wide),
        leads=reads.lead_counts(wide),
        cycles=reads.cycles(wide),
        pipeline=reads.pipeline_trend(wide, metrics.trend_days(slice_.as_of)),
        rates=reads.rates(),
    )
    currency = get_organization(house.database, house.organization_id).reporting_currency
    return metrics.overview(frames, period=period, comparison=compared, until=slice_.until, reporting_currency=currency)
