"""What is open, by stage."""

from __future__ import annotations

import pandas as pd

from insights import stages
from snapshots.slices import Slice, Viewer
from workbench import data, figures, installation, look_data
from workbench.content import PipelinePage
from workbench.data import cached
from workbench.view import View


@cached
def _stages(viewer: Viewer, data_version: int, slice_: Slice) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    reader = installation.reader(viewer)
    return reader.open_stages(slice_), reader.stage_ages(slice_), reader.rates()


def pipeline(view: View) -> PipelinePage:
    """What is open at the end of the as-of day, by stage."""
    held, ages, rates = _stages(view.viewer, view.data_version, view.slice())
    day, reporting = pd.Timestamp(view.as_of), view.reporting_currency
    found = stages.by_stage(held, ages, rates=rates, day=day, reporting_currency=reporting)
    measured, _ = data.measured(view)
    total = stages.open_pipeline(held, rates=rates, day=day, reporting_currency=reporting)
    main = reporting or stages.main_currency(held)
    summaries = look_data.summaries(view.viewer, view.data_version, view.slice())
    gaps = [figures.gap_card(entry[1], str(entry[5]), summaries[entry[0]].n, total.n) for entry in look_data.LOOKS[:3]]
    return PipelinePage(
        kpis=[figures.card(total), figures.card(measured["weighted_pipeline"]), *gaps],
        pipelines=[figures.stage_table(group, main) for _, group in found.groupby("pipeline_id", sort=False)],
        notes=[],
        n_deals=total.n,
    )
