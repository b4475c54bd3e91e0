"""Many series forecast together: each by the method that its past chose, with interval and report card.

Series are independent until the intervals, which pool their errors; so trials can be run anywhere and in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.forecasting.backtest import ORIGINS, Trial, run_trial
from insights.forecasting.choice import Choice, choose
from insights.forecasting.grading import Grades, grade, naive_scale
from insights.forecasting.intervals import (
    Errors,
    at_origin,
    floored,
    pooled_widths,
    visible_errors,
    widened,
)  # fmt: skip
from insights.forecasting.members import Ahead, CannotForecast, Floats, Member, Past, coming_days
from insights.forecasting.sparse import grade_sums, is_sparse

PERIODS: Final[Mapping[int, Sequence[int]]] = {1: (7, 365), 7: (13, 52), 30: (12,), 91: (4,), 365: ()}
"""Seasons that are looked for, in steps, by the usual length of a step in days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """horizon: steps. periods: seasons to look for, in steps; None: those usual for the step. more: members tried
    beside the usual ones, such as Prophet. lowest: no forecast is below it; None: values may be negative. origins:
    wanted. clock: seconds, for who wants to know what each method took. by_sums: sparse series are chosen for, and
    graded, by the horizon's sum."""

    horizon: int
    periods: Sequence[int] | None = None
    more: Sequence[Member] = ()
    lowest: float | None = 0.0
    origins: int = ORIGINS
    clock: Callable[[], float] | None = None
    by_sums: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """A series after its trial."""

    series: str
    past: Past
    trial: Trial
    choice: Choice


@dataclass(frozen=True, slots=True)
class Forecast:
    """rows: `series`, `day` (first day of the step), `step` (from 1), `value`, `low`, `high`, `method`. cards: JSON by
    series. trials: by series, for whoever reconciles."""

    rows: pd.DataFrame
    cards: Mapping[str, Mapping[str, Any]]
    tried: Sequence[Tried] = field(repr=False)


def forecast(
    table: pd.DataFrame, now: pd.Timestamp, asked: Asked, *, floors: Mapping[str, Floats] | None = None
) -> Forecast:
    """table: `series`, `day` (first day of each step), `value` (NaN is refused: missing is not zero); any order. now:
    the day of the forecast; steps that are not over by then do not count. floors: by series, what is certain of each
    coming step, such as what is won already. Raises CannotForecast."""
    pasts = {str(name): past_of(rows, now) for name, rows in table.groupby("series", sort=True)}
    return assembled([tried(name, past, asked) for name, past in pasts.items()], asked, floors=floors)


def past_of(rows: pd.DataFrame, now: pd.Timestamp) -> Past:
    """One series, sorted, without the steps that were not over at the beginning of `now`."""
    ordered = rows.sort_values("day")
    days = pd.DatetimeIndex(ordered["day"])
    values = ordered["value"].to_numpy(np.float64)
    ends = days[1:].append(coming_days(days, 1)) if len(days) > 1 else days
    past = Past(values[ends <= now], days[ends <= now])
    if len(past.values) < 2:
        raise CannotForecast("A series needs at least two whole steps before the day of the forecast.")
    if not np.isfinite(past.values).all():
        raise CannotForecast("A series has steps without a value: say 0 where nothing happened, else leave it out.")
    return past


def tried(series: str, past: Past, asked: Asked) -> Tried:
    """The trial of one series: what costs time."""
    further = {} if asked.clock is None else {"clock": asked.clock}
    trial = run_trial(
        past, asked.horizon, periods=_periods(past, asked), more=asked.more, wanted=asked.origins, **further
    )
    return Tried(series, past, trial, choose(trial, by_sums=asked.by_sums))


def assembled(all_tried: Sequence[Tried], asked: Asked, *, floors: Mapping[str, Floats] | None = None) -> Forecast:
    """Intervals from the errors of all, then floors, rows and cards."""
    widths = pooled_widths([visible_errors(one.trial, one.choice.name) for one in all_tried], asked.horizon)
    shown = shown_at_origins(all_tried, asked)
    parts, cards = [], {}
    for one, width, then in zip(all_tried, widths, shown, strict=True):
        said = widened(one.trial.ahead[one.choice.name], width)
        least = (floors or {}).get(one.series, asked.lowest)
        parts.append(_rows(one, said if least is None else floored(said, least), asked.horizon))
        interval = "native" if width is None else "half native, half pooled conformal"
        cards[one.series] = _card(one, then, interval, by_sums=asked.by_sums and is_sparse(one.trial))
    columns = ["series", "day", "step", "value", "low", "high", "method"]
    return Forecast(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns), cards, all_tried)


def shown_at_origins(all_tried: Sequence[Tried], asked: Asked) -> list[list[Ahead]]:
    """What would have been shown at each past origin, of the method chosen today, with the errors visible then."""
    most = max((len(one.trial.cutoffs) for one in all_tried), default=0)
    shown: list[list[Ahead]] = [[] for _ in all_tried]
    for back in range(most, 0, -1):  # origins are counted from the newest: panels end on the same day
        there = [i for i, one in enumerate(all_tried) if len(one.trial.cutoffs) >= back]
        errors: list[Errors] = []
        for i in there:
            trial = all_tried[i].trial
            errors.append(visible_errors(trial, all_tried[i].choice.name, at=len(trial.cutoffs) - back))
        for i, width in zip(there, pooled_widths(errors, asked.horizon), strict=True):
            trial = all_tried[i].trial
            said = widened(at_origin(trial, all_tried[i].choice.name, len(trial.cutoffs) - back), width)
            shown[i].append(said if asked.lowest is None else floored(said, asked.lowest))
    return shown


def _periods(past: Past, asked: Asked) -> Sequence[int]:
    if asked.periods is not None:
        return asked.periods
    days = int((past.days[1:] - past.days[:-1]).days.to_numpy().mean().round())
    return PERIODS[min(PERIODS, key=lambda usual: abs(usual - days))]


def _rows(one: Tried, said: Ahead, horizon: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "series": one.series,
            "day": coming_days(one.past.days, horizon),
            "step": np.arange(1, horizon + 1),
            "value": said.mean,
            "low": said.low,
            "high": said.high,
            "method": one.choice.name,
        }
    )


def _card(one: Tried, shown: Sequence[Ahead], interval: str, *, by_sums: bool) -> dict[str, Any]:
    """The report card: everything a reader needs to doubt the forecast, as JSON."""
    trial, past = one.trial, one.past
    days = [past.days[cutoff - 1].date().isoformat() for cutoff in trial.cutoffs]
    before = past.values[: trial.cutoffs[0]] if trial.cutoffs else past.values

    def graded(mean: Floats, low: Floats, high: Floats) -> Grades:
        if by_sums:
            return grade_sums(trial.actual, mean, low, high, past=before)
        return grade(trial.actual, mean, low, high, scale=naive_scale(before))

    methods = {name: graded(track.mean, track.low, track.high) for name, track in trial.tracks.items()}
    as_shown = None
    if shown:
        mean, low, high = (np.array([getattr(each, end) for each in shown]) for end in ("mean", "low", "high"))
        as_shown = graded(mean, low, high).rounded()
    return {
        "chosen": one.choice.name,
        "why": one.choice.why,
        "steps": len(past.values),
        "period": trial.period,
        "origins": days,
        "origins_apart": trial.apart,
        "why_few_origins": trial.why_few,
        "interval": interval,
        "shown": as_shown,
        "methods": {name: one.rounded() for name, one in methods.items()},
    }
