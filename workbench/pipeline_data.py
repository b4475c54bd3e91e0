"""What is open, by stage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from insights import metrics, stages
from insights.money import converted
from snapshots import lanes
from snapshots.slices import Slice, Viewer
from workbench import deal_scores, figures, installation, look_data
from workbench.content import PipelinePage
from workbench.data import cached
from workbench.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """stages: STAGES, ages: STAGE_AGES, both at the as-of day; weeks: PIPELINE_TREND; rates: RATES."""

    stages: pd.DataFrame
    ages: pd.DataFrame
    weeks: pd.DataFrame
    rates: pd.DataFrame


@cached
def _frames(viewer: Viewer, data_version: int, slice_: Slice) -> _Frames:
    reader = installation.reader(viewer)
    weeks = lanes.begin(lambda: reader.pipeline_trend(slice_, metrics.trend_days(slice_.as_of)))
    return _Frames(
        stages=reader.open_stages(slice_),
        ages=reader.stage_ages(slice_),
        weeks=weeks.result(),
        rates=reader.rates(),
    )


def pipeline(view: View) -> PipelinePage:
    """What is open at the end of the as-of day, by stage."""
    known = _frames(view.viewer, view.data_version, view.slice())
    day, reporting, rates = pd.Timestamp(view.as_of), view.reporting_currency, known.rates
    found = stages.by_stage(known.stages, known.ages, rates=rates, day=day, reporting_currency=reporting)
    total = stages.open_pipeline(known.stages, rates=rates, day=day, reporting_currency=reporting)
    weighted = metrics.weighted_pipeline(converted(known.weeks, rates, reporting, days=known.weeks["day"]))
    main = stages.main_currency(converted(known.stages, rates, reporting, days=day.date()))
    gaps = look_data.summaries(view.viewer, view.data_version, view.slice())
    has_close_dates = int(known.stages["n_without_close_date"].sum()) < total.n
    untold = {} if has_close_dates else {"overdue": "No open deal has a close date."}
    return PipelinePage(
        kpis=[
            figures.card(total),
            replace(figures.card(weighted), trend=None),
            *deal_scores.cards_of(view, rates),
            *(
                figures.gap_card(one.key, one.many, gaps[one.deals].n, total.n, untold=untold.get(one.key, ""))
                for one in look_data.CARDS
            ),
        ],
        pipelines=[figures.stage_table(group, main) for _, group in found.groupby("pipeline_id", sort=False)],
        notes=[],
        n_deals=total.n,
    )
