"""Frames as the snapshots hand them out, made by hand: only what a test is about is given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pandas as pd

from insights.metrics import OverviewFrames
from snapshots import tables


def frame(columns: dict[str, str], rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    """Rows by column name; what is left out is missing, counts and sums are zero."""
    zero = {name: 0 for name, kind in columns.items() if kind == "int64"}
    return tables.shaped([[{**zero, **row}.get(name) for name in columns] for row in rows], columns)


def event(event: str, day: date | None, n: int = 1, amount_minor: int | None = None, currency: str | None = "EUR"):
    """`n` deals created, won or lost on a day; amount_minor: the sum of their amounts, None: none has any."""
    is_valued = amount_minor is not None
    return {
        "event": event,
        "day": day,
        "currency": currency if is_valued else None,
        "n": n,
        "n_valued": n if is_valued else 0,
        "amount_minor": amount_minor or 0,
    }


def overview_frames(
    *,
    events: Iterable[dict[str, object]] = (),
    activities: Iterable[dict[str, object]] = (),
    leads: Iterable[dict[str, object]] = (),
    cycles: Iterable[dict[str, object]] = (),
    pipeline: Iterable[dict[str, object]] = (),
    rates: Iterable[dict[str, object]] = (),
) -> OverviewFrames:
    return OverviewFrames(
        events=frame(tables.DEAL_EVENTS, events),
        activities=frame(tables.ACTIVITY_COUNTS, activities),
        leads=frame(tables.LEAD_COUNTS, leads),
        cycles=frame(tables.CYCLES, cycles),
        pipeline=frame(tables.PIPELINE_TREND, pipeline),
        rates=frame(tables.RATES, rates),
    )
