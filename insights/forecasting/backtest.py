"""Every method on trial at past origins: what it would have said, seeing only what was known then.

At least six origins, as far apart as the horizon where the past is long enough; else closer together, and then their
errors overlap. Seasons are looked for before: a period that leaves no trace in the autocorrelation is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from insights.forecasting.members import (
    Ahead,
    Decomposed,
    ExponentialSmoothing,
    Floats,
    HistoryMean,
    Member,
    Naive,
    Past,
    SeasonalNaive,
    SeasonalSmoothing,
    Theta,
    mean_of,
)  # fmt: skip
from insights.forecasting.naive2 import has_season

ORIGINS: Final = 6
LEAST_PAST: Final = 8
"""Fewer steps teach nothing."""
DEFAULT: Final = "mean of AutoETS and Theta"
LIKELY: Final = 2.5
"""Standard errors by which a season's autocorrelation must stand out to be tried; the origins decide whether it is
used."""
DECOMPOSED: Final = 156
"""Steps of past up to which MSTL is tried; it costs more than all others."""
SMOOTHED: Final = (4, 12)
"""Seasons of quarters and months, for which AutoETS with a season is tried."""
SCREENED: Final = 10
"""Cycles of the longest period that are looked at."""


@dataclass(frozen=True, slots=True)
class Track:
    """What one member said: arrays of origins by steps."""

    mean: Floats
    low: Floats
    high: Floats

    @staticmethod
    def of(said: Sequence[Ahead]) -> Track:
        return Track(*(np.array([getattr(one, end) for one in said]) for end in ("mean", "low", "high")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """tracks, ahead: by member's name; tracks are empty without origins. actual: origins by steps. cutoffs: how many
    steps were known at each origin. apart: how many origins do not overlap. why_few: in words, None with six origins.
    period: the season that was tried; 1: none. seconds: what each member's forecast took; 0 without a clock."""

    cutoffs: Sequence[int]
    actual: Floats
    tracks: dict[str, Track]
    ahead: dict[str, Ahead]
    apart: int
    why_few: str | None
    period: int
    seconds: dict[str, float]


def origins(n: int, horizon: int, *, wanted: int = ORIGINS) -> list[int]:
    """How many steps are known at each past origin, rising; the last one has the whole horizon behind it."""
    least = max(LEAST_PAST, min(2 * horizon, n // 3))
    room = n - horizon - least
    if room < 0:
        return []
    gap = min(horizon, max(1, room // (wanted - 1)))
    return [n - horizon - gap * back for back in range(min(wanted, room // gap + 1))][::-1]


def run_trial(
    past: Past, horizon: int, *, periods: Sequence[int] = (), more: Sequence[Member] = (), wanted: int = ORIGINS,
    clock: Callable[[], float] = lambda: 0.0,
) -> Trial:  # fmt: skip
    """periods: seasons that may be there, in steps. more: members that are asked for, such as Prophet."""
    n = len(past.values)
    cutoffs = origins(n, horizon, wanted=wanted)
    period = likely_period(past.values, periods)
    members: list[Member] = [Naive(), HistoryMean(), ExponentialSmoothing(), Theta(), *more]
    if period > 1:
        members += [SeasonalNaive(period), Theta(period)]
        members += [Decomposed(period)] if n <= DECOMPOSED else []
        members += [SeasonalSmoothing(period)] if period in SMOOTHED else []
    ahead, seconds = {}, {}
    for one in members:
        began = clock()
        ahead[one.name] = one.ahead(past, horizon)
        seconds[one.name] = clock() - began
    said = {one.name: one.at_origins(past, cutoffs, horizon) for one in members} if cutoffs else {}
    _add_means(ahead, said, seconds, period)
    return Trial(
        cutoffs=cutoffs,
        actual=np.array([past.values[cutoff : cutoff + horizon] for cutoff in cutoffs]),
        tracks={name: Track.of(each) for name, each in said.items()},
        ahead=ahead,
        apart=_apart(cutoffs, horizon),
        why_few=_why_few(n, horizon, len(cutoffs)),
        period=period,
        seconds=seconds,
    )


def _add_means(ahead: dict[str, Ahead], said: dict[str, list[Ahead]], seconds: dict[str, float], period: int) -> None:
    """Means of members cost nothing more."""
    seasonal = f"seasonal Theta ({period})"
    wanted: dict[str, tuple[str, ...]] = {DEFAULT: ("AutoETS", "Theta")}
    if period > 1:
        wanted[f"mean of AutoETS, Theta and {seasonal}"] = ("AutoETS", "Theta", seasonal)
        if f"seasonal AutoETS ({period})" in ahead:
            wanted[seasonal_default(period)] = (f"seasonal AutoETS ({period})", seasonal)
        wanted[f"mean of history mean and seasonal naive ({period})"] = ("history mean", f"seasonal naive ({period})")
    for name, parts in wanted.items():
        ahead[name] = mean_of([ahead[one] for one in parts])
        seconds[name] = sum(seconds[one] for one in parts)
        if said:
            said[name] = [mean_of(list(each)) for each in zip(*(said[one] for one in parts), strict=True)]


def seasonal_default(period: int) -> str:
    """The usual method of quarters and months with a season."""
    return f"mean of seasonal AutoETS and Theta ({period})"


def likely_period(values: Floats, periods: Sequence[int]) -> int:
    """The period whose trace in the changes from step to step stands out most, beyond noise; 1 where none does or two
    cycles are not there. Changes, because a trend or a wandering level correlates at every lag; of months and quarters
    the values themselves may tell it too, for there hardly any other season is possible."""
    recent = values[-SCREENED * max(periods, default=1) :]
    found = {m: _strength(np.diff(recent), m) for m in periods if m > 1 and len(recent) >= 2 * m + 2}
    best = max(found, key=lambda m: found[m], default=1)
    if found.get(best, 0.0) > LIKELY:
        return best
    return best if tuple(periods) == (best,) and best in SMOOTHED and has_season(recent, best) else 1


def _strength(changes: Floats, lag: int) -> float:
    """Autocorrelation at a lag, in standard errors of white noise."""
    left = changes - changes.mean()
    total = float(left @ left)
    return float(left[lag:] @ left[:-lag]) / total * float(np.sqrt(len(left))) if total > 0 else 0.0


def _apart(cutoffs: Sequence[int], horizon: int) -> int:
    return (cutoffs[-1] - cutoffs[0]) // horizon + 1 if cutoffs else 0


def _why_few(n: int, horizon: int, found: int) -> str | None:
    if found >= ORIGINS:
        return None
    return f"{n} steps of past and a horizon of {horizon} leave {found} of {ORIGINS} origins."
