"""What the numbers of an overview are made from, read for a viewer: page and weekly report share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import pandas as pd

from insights import metrics
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
    return metrics.OverviewFrames(
        events=_with_undated(reader.deal_events, span),
        activities=_with_undated(reader.activity_counts, span),
        leads=_with_undated(reader.lead_counts, span),
        cycles=reader.cycles(span),
        pipeline=reader.pipeline_trend(span, metrics.trend_days(weeks_to)),
        rates=reader.rates(),
    )


def _with_undated(read: Callable[[Slice], pd.DataFrame], span: Slice) -> pd.DataFrame:
    """What `read` finds in the span, and what belongs to no day: cards say how much that is."""
    found = read(span)
    undated = read(span.undated()) if span.first_day is not None else found.head(0)
    return pd.concat([found, undated], ignore_index=True) if len(undated) else found
