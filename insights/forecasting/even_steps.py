"""Observations as they come, put on even steps: hours, days, working days, weeks, months, quarters or years.

The step is found from all series of a table together, so that a short one is read as the others are. A gap is not
filled in silently: what was carried on is counted, and a series that is mostly gaps is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.forecasting.members import CannotForecast, Floats, Past

Times = npt.NDArray[np.datetime64]
Whole = npt.NDArray[np.int64]

MOST_GAPS: Final = 0.1
"""Share of the steps that may be missing before somebody has to say what a gap means."""
FIRST_MONDAY: Final = np.datetime64("1970-01-05", "D")
_HOUR: Final = np.timedelta64(1, "h")
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Step:
    """name: as people say it. usual: steps of one season, 1: none. seasons: those that may be there. size: so many
    units (hours, days, months, or places in a row) from one step to the next."""

    name: str
    usual: int
    seasons: Sequence[int]
    size: int = 1


HOUR: Final = Step("hour", 24, (24, 168))
DAY: Final = Step("day", 7, (7, 365))
WORKING_DAY: Final = Step("working day", 5, (5, 261))
WEEK: Final = Step("week", 52, (13, 52), 7)
MONTH: Final = Step("month", 12, (12,))
QUARTER: Final = Step("quarter", 4, (4,), 3)
YEAR: Final = Step("year", 1, (), 12)
PLACE: Final = Step("step", 1, (4, 7, 12, 13, 24, 52))
"""No dates are told: every season that is usual anywhere may be there."""


def find_step(times: Sequence[Times]) -> Step:
    """From the usual distance of neighbours in all series. times: of each series, in any order. Raises CannotForecast
    where no series has two."""
    days = [np.unique(one) for one in times]
    gaps = np.concatenate([np.diff(one) for one in days]) if days else np.array([], dtype="timedelta64[s]")
    if not len(gaps):
        raise CannotForecast("No series has two different times, so that nobody can tell its steps.")
    usual = float(np.median(gaps / _DAY))
    if usual < 0.75:
        hours = max(1, round(float(np.median(gaps / _HOUR))))
        return HOUR if hours == 1 else Step(f"{hours} hours", max(1, 24 // hours), (max(2, 24 // hours),), hours)
    if usual < 1.5:
        return WORKING_DAY if _has_no_weekend(days) else DAY
    for step, least, most in ((WEEK, 6, 8), (MONTH, 27, 32), (QUARTER, 88, 93), (YEAR, 360, 370)):
        if least <= usual <= most and not _is_a_count_of_days(gaps, step):
            return step
    size = round(usual)
    return Step(f"{size} days", 1, (12,) if 27 <= size <= 32 else (), size)


def _is_a_count_of_days(gaps: npt.NDArray[np.timedelta64], step: Step) -> bool:
    """Months, quarters and years are not all as long as one another."""
    return step is not WEEK and len(gaps) > 3 and bool((gaps == gaps[0]).all()) and gaps[0] / _DAY % 1 == 0


def _has_no_weekend(days: Sequence[Times]) -> bool:
    each = np.concatenate([one.astype("datetime64[D]") for one in days])
    weekday = (each - FIRST_MONDAY).astype(np.int64) % 7
    return bool((weekday < 5).all()) and len(np.unique(weekday)) == 5 and len(each) > 20


def places(times: Times, step: Step, start: np.datetime64) -> Whole:
    """Which step each time falls into, counted from that of `start`; a week's day may wander by three."""
    first, each = start.astype("datetime64[s]"), times.astype("datetime64[s]")
    if step.name.endswith(("hour", "hours")):
        return np.asarray(np.rint((each - first) / _HOUR / step.size), dtype=np.int64)
    if step in (MONTH, QUARTER, YEAR):
        months = each.astype("datetime64[M]").astype(np.int64) - first.astype("datetime64[M]").astype(np.int64)
        return np.asarray(np.rint(months / step.size), dtype=np.int64)
    if step == WORKING_DAY:
        return np.asarray(np.busday_count(first.astype("datetime64[D]"), each.astype("datetime64[D]")), dtype=np.int64)
    return np.asarray(np.rint((each - first) / _DAY / step.size), dtype=np.int64)


def on_steps(at: Whole, values: Floats) -> Floats:
    """Values by step, from 0 to the last; NaN where none is given. Raises CannotForecast where a step has two."""
    steps, n = np.unique(at, return_counts=True)
    if (n > 1).any():
        raise CannotForecast(
            f"it has {n.max()} values for one step (number {steps[n.argmax()] + 1}): sum them up before, or name the "
            "column that tells the series apart with --id"
        )
    found = np.full(int(at.max()) + 1, np.nan)
    found[at] = values
    return found


def without_gaps(values: Floats, *, gaps: str | None) -> tuple[Floats, int]:
    """Values without missing ones at the ends or between, and how many were filled in.

    gaps: "zero": nothing happened then; "carry": the value before holds; None: a few are carried on, and where more
    than a tenth is missing somebody has to say. Raises CannotForecast.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise CannotForecast("it has no values")
    inside = values[known[0] : known[-1] + 1]
    missing = ~np.isfinite(inside)
    n = int(missing.sum())
    if gaps is None and n > MOST_GAPS * len(inside):
        raise CannotForecast(
            f"{n} of {len(inside)} steps have no value: say --gaps zero where nothing happened then, --gaps carry "
            "where the value before still held"
        )
    if gaps == "zero":
        return np.where(missing, 0.0, inside), n
    last = np.maximum.accumulate(np.where(missing, 0, np.arange(len(inside))))
    return inside[last], n


def days_of(step: Step, start: np.datetime64 | None, n: int) -> pd.DatetimeIndex:
    """A first day for each of n steps, evenly spaced: the calendar's where steps are days, weeks, months, quarters or
    years; else made up."""
    if start is not None and step in (MONTH, QUARTER, YEAR):
        return pd.date_range(pd.Timestamp(start).to_period("M").start_time, periods=n, freq=f"{step.size}MS")
    if start is not None and not step.name.endswith(("hour", "hours", "working day")):
        return pd.date_range(pd.Timestamp(start).normalize(), periods=n, freq=f"{step.size}D")
    return pd.date_range(pd.Timestamp(FIRST_MONDAY), periods=n, freq="D")


def past_from(step: Step, start: np.datetime64 | None, values: Floats) -> Past:
    """A past on even steps, of values without gaps."""
    return Past(values, days_of(step, start, len(values)))
