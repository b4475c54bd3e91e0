"""What a report is written from: values that the same functions measured as for the pages, for one viewer and week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from insights.metrics import Kpi
from insights.report.document import Week
from insights.waterfall import Waterfall


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFact:
    """What a forecast says of a quarter: what was won so far and what is still to come, in minor units of `currency`.
    name: whose. card: its report card, None: none was kept. steps: how the quarter adds up, as of
    `insights.forecast_period.adding_up`, in minor units."""

    name: str
    first: date
    last: date
    currency: str
    won: float
    value: float
    low: float
    high: float
    made_on: date
    card: Mapping[str, Any] | None
    steps: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFacts:
    """judged_on: None: nothing was judged by then. n: flagged deals; rows: the first of them, FLAGGED.
    by_rule: how many deals each rule flags, in the order of pages; a deal with two flags counts at both."""

    judged_on: date | None
    n: int
    rows: pd.DataFrame
    by_rule: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """kpis: of `insights.metrics.overview`. untold: why no source tells a metric, by key. won: DEALS won in the week,
    the largest first. alarms: ALARMS of the week; None: it was not looked at. sources, sources_before: LEAD_COUNTS by
    source. forms: counts of `insights.funnel.by_group` with `form`, None: the viewer sees no visits. forecasts: of each
    node that the viewer looks at; none: nothing was issued by then."""

    organization: str
    whose: str
    week: Week
    made_at: datetime
    currency: str | None
    kpis: Mapping[str, Kpi]
    untold: Mapping[str, str]
    won: pd.DataFrame
    n_won: int
    alarms: pd.DataFrame | None
    flags: FlagFacts
    waterfall: Waterfall
    forecasts: Sequence[ForecastFact]
    sources: pd.DataFrame
    sources_before: pd.DataFrame
    forms: pd.DataFrame | None
