"""Methods compared on what was held back: each series forecast from its past alone, graded against what came.

Errors are averaged over series as in the M4 competition: sMAPE in percent, MASE relative to the change over one season
in the past, OWA from both averages against Naive2. Steps of which nobody knows what came are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from insights.forecasting.grading import Grades, grade, naive_scale, owa
from insights.forecasting.intervals import floored
from insights.forecasting.members import Ahead, Floats, Naive, Past, SeasonalNaive
from insights.forecasting.naive2 import naive2
from insights.forecasting.panel import Asked, Tried, assembled, tried

CHOSEN: Final = "chosen"
NAIVE2: Final = "Naive2"
SEASONAL_NAIVE: Final = "seasonal naive"
USUAL: Final = ("naive", "history mean", "AutoETS", "Theta", "mean of AutoETS and Theta")
"""Methods that every series is forecast by."""


@dataclass(frozen=True, slots=True)
class Held:
    """A series whose end is held back. actual: horizon steps after the past, NaN where nobody knows."""

    series: str
    past: Past
    actual: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """A series after its trial. seconds: what the trial and the forecast took together."""

    held: Held
    tried: Tried
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """methods: grades, and seconds, averaged over the n series, `chosen` among them; those of a method with fewer
    series are over these. owa: of methods that all series have, None where Naive2 is without error. choices: how many
    series each method was chosen for."""

    n: int
    methods: Mapping[str, Mapping[str, float | int | None]]
    choices: Mapping[str, int]


def judged(held: Held, asked: Asked) -> Judged:
    """What costs time. A series that was never negative is not forecast below zero."""
    clock = asked.clock or (lambda: 0.0)
    began = clock()
    found = tried(held.series, held.past, asked)
    return Judged(held, found, clock() - began)


def compared(all_judged: Sequence[Judged], asked: Asked, *, season: int, usual: int) -> Comparison:
    """season: steps over which MASE's scale and Naive2 look back; 1: to the step before. usual: the season of the
    seasonal naive; 1: there is none."""
    floors = {one.held.series: _floor(one.held.past, asked.horizon) for one in all_judged}
    shown = assembled([one.tried for one in all_judged], replace(asked, lowest=None), floors=floors)
    by_series = {str(name): rows for name, rows in shown.rows.groupby("series")}
    grades: dict[str, list[Grades]] = {}
    seconds: dict[str, float] = {}
    for one in all_judged:
        rows = by_series[one.held.series].sort_values("step")
        said = {CHOSEN: Ahead(*(rows[name].to_numpy(np.float64) for name in ("value", "low", "high")))}
        said |= _others(one, asked.horizon, season, usual)
        for name, ahead in said.items():
            grades.setdefault(name, []).append(_graded(one.held, ahead, floors[one.held.series], season))
            seconds[name] = seconds.get(name, 0.0) + one.tried.trial.seconds.get(name, 0.0)
    seconds[CHOSEN] = sum(one.seconds for one in all_judged)
    return Comparison(n=len(all_judged), methods=_methods(grades, seconds), choices=_choices(all_judged))


def _floor(past: Past, horizon: int) -> Floats:
    return np.full(horizon, 0.0 if (past.values >= 0).all() else -np.inf)


def _others(one: Judged, horizon: int, season: int, usual: int) -> dict[str, Ahead]:
    past = one.held.past
    plain = Naive().ahead(past, horizon)
    middle = naive2(past.values, horizon, season)
    found = {NAIVE2: Ahead(middle, middle + plain.low - plain.mean, middle + plain.high - plain.mean)}
    if usual > 1:
        found[SEASONAL_NAIVE] = SeasonalNaive(usual).ahead(past, horizon)
    return found | one.tried.trial.ahead


def _graded(held: Held, ahead: Ahead, floor: Floats, season: int) -> Grades:
    known = np.isfinite(held.actual)
    said = floored(ahead, floor)
    scale = naive_scale(held.past.values, season) or naive_scale(held.past.values)
    return grade(held.actual[known], said.mean[known], said.low[known], said.high[known], scale=scale)


def _methods(
    grades: Mapping[str, Sequence[Grades]], seconds: Mapping[str, float]
) -> dict[str, dict[str, float | int | None]]:
    reference = grades[NAIVE2]
    found: dict[str, dict[str, float | int | None]] = {}
    for name, each in grades.items():
        whole = len(each) == len(reference)
        found[name] = {
            "smape": _mean([one.smape for one in each]),
            "mase": _mean([one.mase for one in each]),
            "owa": _owa(each, reference) if whole else None,
            "coverage80": _mean([one.coverage80 for one in each]),
            "winkler80": _mean([one.winkler80 for one in each]),
            "seconds": seconds[name] / len(each),
            "n": len(each),
        }
    return found


def _owa(each: Sequence[Grades], reference: Sequence[Grades]) -> float | None:
    told, naive = (
        (_mean([one.smape for one in some]), _mean([one.mase for one in some])) for some in (each, reference)
    )
    if not naive[0] or not naive[1] or told[0] is None or told[1] is None:
        return None
    return owa(told[0], told[1], naive_smape=naive[0], naive_mase=naive[1])


def _mean(values: Sequence[float | None]) -> float | None:
    """Of those that there are: a past that never changed has no scale."""
    known = [one for one in values if one is not None]
    return float(np.mean(known)) if known else None


def _choices(all_judged: Sequence[Judged]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in all_judged:
        found[one.tried.choice.name] = found.get(one.tried.choice.name, 0) + 1
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
