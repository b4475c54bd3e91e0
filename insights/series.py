"""Measures over time, ready to draw: one value per step of a period, laid over the comparison period, and a person's
own usual band. Frames are those of `snapshots/tables.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import pandas as pd

from insights.metrics import Period

Step = Literal["day", "week", "month"]
BAND: Final = (0.1, 0.9)
"""The band in which four of five weeks lie."""
ENOUGH_WEEKS: Final = 12
"""With fewer weeks there is no band: it would say more than the weeks do."""


def step_for(n_days: int) -> Step:
    """Days up to a fortnight, weeks up to a year and a bit, months beyond."""
    return "day" if n_days <= 14 else "week" if n_days <= 400 else "month"


def steps(period: Period, step: Step) -> list[Period]:
    """The period cut into whole steps, counted back from its end; what is left over at the beginning is not a step.

    Months are calendar months; the last one may not be over yet.
    """
    if period.first is None:
        raise ValueError("a period without a beginning has no steps")
    cuts: list[Period] = []
    last = period.last
    while True:
        first = last.replace(day=1) if step == "month" else last - timedelta(days=6 if step == "week" else 0)
        if first < period.first:
            return cuts[::-1]
        cuts.append(Period(first, last))
        last = first - timedelta(days=1)


def over_time(
    frame: pd.DataFrame, column: str, *, period: Period, comparison: Period | None, step: Step
) -> pd.DataFrame:
    """Sums of `column` over each step.

    frame: any frame with `day`; undated rows belong to no step. comparison: as long as `period`; its steps are laid
    over those of the period. Returns `day` (the first of each step), `value` and `comparison` (NaN: there is none).
    Calendar months are never compared: their lengths differ.
    """
    dated = frame[frame["day"].notna()]
    cuts = steps(period, step)
    then = np.full(len(cuts), np.nan)
    if comparison is not None and comparison.first is not None and step != "month":
        then = _sums(dated, column, steps(comparison, step))
    days = pd.DatetimeIndex([cut.first for cut in cuts])
    return pd.DataFrame({"day": days, "value": _sums(dated, column, cuts), "comparison": then})


def _sums(dated: pd.DataFrame, column: str, cuts: Sequence[Period]) -> np.ndarray:
    """Sums over `cuts`, which follow one another without a gap."""
    if not cuts:
        return np.zeros(0)
    edges = np.array([*(cut.first for cut in cuts), cuts[-1].last + timedelta(days=1)], dtype="datetime64[ns]")
    place = np.searchsorted(edges, dated["day"].to_numpy(dtype="datetime64[ns]"), side="right") - 1
    inside = (place >= 0) & (place < len(cuts))
    weights = dated[column].to_numpy(dtype="float64")
    return np.bincount(place[inside], weights=weights[inside], minlength=len(cuts))


def last_whole_week(until: date) -> date:
    """The Monday of the newest ISO week that is over at the end of `until`."""
    return until - timedelta(days=(until.weekday() + 1) % 7 + 6)


def weekly_lists(frame: pd.DataFrame, until: date, *, weeks: int, by: str, column: str) -> dict[int, list[float]]:
    """Sums of `column` over the last `weeks` whole ISO weeks, oldest first, per value of `by`.

    frame: one row or more per Monday in `day`; weeks without a row count as zero.
    """
    monday = last_whole_week(until)
    days = pd.to_datetime([monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)])
    inside = frame[frame["day"].isin(days)]
    table = inside.pivot_table(index=by, columns="day", values=column, aggfunc="sum", fill_value=0)
    table = table.reindex(columns=days, fill_value=0).astype("float64")
    return dict(zip((int(key) for key in table.index), table.to_numpy().tolist(), strict=True))


def baseline(
    frame: pd.DataFrame, until: date, *, column: str, weeks_shown: int = 26, weeks_known: int = 52
) -> pd.DataFrame:
    """A person's own weeks with the band in which the middle 80 % of the last year's whole weeks lie.

    frame: one row per Monday in `day` (weeks without a row count as zero); `until`: the week that holds it is not over
    and belongs to neither band nor line, unless it is a Sunday. Returns `day`, `value`, `low`, `middle`, `high`; the
    last three are NaN where fewer than `ENOUGH_WEEKS` weeks have passed since the first row. Empty in, empty out.
    """
    columns = ["day", "value", "low", "middle", "high"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    monday = last_whole_week(until)
    days = pd.to_datetime([monday - timedelta(weeks=back) for back in range(weeks_known - 1, -1, -1)])
    days = days[days >= frame["day"].min()]
    sums = frame.groupby("day")[column].sum().reindex(days, fill_value=0).astype("float64")
    enough = len(sums) >= ENOUGH_WEEKS
    low, high = (float(sums.quantile(share)) if enough else None for share in BAND)
    middle = float(sums.median()) if enough else None
    made = pd.DataFrame({"day": sums.index, "value": sums.to_numpy(), "low": low, "middle": middle, "high": high})
    return (
        made.astype({"low": "float64", "middle": "float64", "high": "float64"}).tail(weeks_shown).reset_index(drop=True)
    )
