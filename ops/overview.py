"""What the numbers of an overview are made from, read for a viewer: page and weekly report share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import pandas as pd

from insights import metrics
from snapshots import lanes
from snapshots.organizations import CrmConnection
from snapshots.reads import Reader
from snapshots.slices import Slice

PLURALS: Final = {"lead": "leads", "deal": "deals", "activity": "activities"}


def untold(missing: pd.DataFrame, known: Sequence[CrmConnection]) -> dict[str, str]:
    """Metrics that no source of the organization can tell, with the reason in words. missing: what
    `snapshots.status.missing_objects` found. known: the organization's sources."""
    # A retired source told of its days; one that waits has told of nothing yet.
    n_sources = sum(not one.is_waiting for one in known)
    everywhere = missing.groupby("kind")["connection"].nunique()
    of_deals = ("new_deals", "won_amount", "win_rate", "cycle_length", "weighted_pipeline")
    kinds = {"lead": ("leads",), "deal": of_deals, "activity": ("activities",)}
    return {
        key: f"No source tells of {PLURALS[kind]}."
        for kind, keys in kinds.items()
        if n_sources and everywhere.get(kind, 0) == n_sources
        for key in keys
    }


def frames(reader: Reader, span: Slice, weeks_to: date) -> metrics.OverviewFrames:
    """span: of `insights.metrics.span`. weeks_to: the newest day of the pipeline's trend."""
    pipeline = lanes.begin(lambda: reader.pipeline_trend(span, metrics.trend_days(weeks_to)))
    cycles = lanes.begin(lambda: reader.cycles(span))
    undated = lanes.begin(lambda: [_undated(read, span) for read in (reader.deal_events, reader.activity_counts)])
    activities = lanes.begin(lambda: reader.activity_counts(span))
    events, leads = reader.deal_events(span), _with(reader.lead_counts(span), _undated(reader.lead_counts, span))
    of_no_day = undated.result()
    return metrics.OverviewFrames(
        events=_with(events, of_no_day[0]),
        activities=_with(activities.result(), of_no_day[1]),
        leads=leads,
        cycles=cycles.result(),
        pipeline=pipeline.result(),
        rates=reader.rates(),
    )


def _undated(read: Callable[[Slice], pd.DataFrame], span: Slice) -> pd.DataFrame | None:
    """What belongs to no day: cards say how much that is. None: the span has it already."""
    return None if span.first_day is None else read(span.undated())


def _with(found: pd.DataFrame, undated: pd.DataFrame | None) -> pd.DataFrame:
    return found if undated is None or undated.empty else pd.concat([found, undated], ignore_index=True)
