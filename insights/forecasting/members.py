"""The methods that forecast one series, from the last value carried on to MSTL; each with its own 80 % interval.

A member sees a past and a horizon, and nothing else. Libraries are imported where they are used: they take a second.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

Z80: Final = 1.2815515655446004
"""An 80 % interval of a normal distribution reaches so many standard deviations to either side."""
CYCLES: Final = 5
WINDOW: Final = 260
"""Theta learns from so many steps, or from five cycles: it costs by the square of the length, and what is older did not
help it. Exponential smoothing learns from everything."""
CYCLES_SMOOTHED: Final = 20
"""So many cycles AutoETS with a season learns from: it costs fifteen times AutoETS without."""
LEAST: Final = 10
"""Steps that a model needs; before, the last value stands in for it."""
REFIT: Final = 156
"""Longer pasts are fitted once, at the earliest origin, and carried on from there; shorter ones at each origin."""


class CannotForecast(ValueError):
    """The series cannot be forecast; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Past:
    """values: one per step, none missing. days: the first day of each step, evenly spaced."""

    values: Floats
    days: pd.DatetimeIndex

    def until(self, cutoff: int) -> Past:
        """The first `cutoff` steps."""
        return Past(self.values[:cutoff], self.days[:cutoff])


@dataclass(frozen=True, slots=True)
class Ahead:
    """What one member says of the coming steps: mean, and the ends of its own 80 % interval."""

    mean: Floats
    low: Floats
    high: Floats


class Member(Protocol):
    """name: as people read it. at_origins forecasts from each cutoff (rising), seeing nothing behind it."""

    name: str

    def ahead(self, past: Past, horizon: int) -> Ahead: ...

    def at_origins(self, past: Past, cutoffs: Sequence[int], horizon: int) -> list[Ahead]: ...


class _Refitted(ABC):
    """Learns anew at each origin."""

    @abstractmethod
    def ahead(self, past: Past, horizon: int) -> Ahead: ...

    def at_origins(self, past: Past, cutoffs: Sequence[int], horizon: int) -> list[Ahead]:
        return [self.ahead(past.until(cutoff), horizon) for cutoff in cutoffs]


class Naive(_Refitted):
    """The last value, carried on."""

    name = "naive"

    def ahead(self, past: Past, horizon: int) -> Ahead:
        spread = _spread(np.diff(past.values)) * np.sqrt(np.arange(1, horizon + 1))
        return _around(np.repeat(past.values[-1], horizon), spread)


class SeasonalNaive(_Refitted):
    """The value of one period ago. Needs a whole period; before that it is naive."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.name = f"seasonal naive ({period})"

    def ahead(self, past: Past, horizon: int) -> Ahead:
        m, values = self.period, past.values
        if len(values) < m:
            return Naive().ahead(past, horizon)
        steps = np.arange(horizon)
        spread = _spread(values[m:] - values[:-m] if len(values) > m + 1 else np.diff(values))
        return _around(values[len(values) - m + steps % m], spread * np.sqrt(steps // m + 1))


class HistoryMean(_Refitted):
    """The mean of all that was."""

    name = "history mean"

    def ahead(self, past: Past, horizon: int) -> Ahead:
        n = len(past.values)
        spread = _spread(past.values - past.values.mean()) * np.sqrt(1 + 1 / n)
        return _around(np.repeat(past.values.mean(), horizon), np.repeat(spread, horizon))


class _Fitted(ABC):
    """A model of statsforecast. window: steps of the past that it learns from; None: all."""

    name = ""
    window: int | None = None

    @abstractmethod
    def _model(self) -> Any: ...

    def ahead(self, past: Past, horizon: int) -> Ahead:
        values = self._recent(past.values)
        if len(values) < LEAST or np.ptp(values) == 0:
            return Naive().ahead(past, horizon)
        with np.errstate(invalid="ignore", divide="ignore"):
            return _ahead_of(self._model().forecast(y=values, h=horizon, level=[80]), past)

    def at_origins(self, past: Past, cutoffs: Sequence[int], horizon: int) -> list[Ahead]:
        first = self._recent(past.values[: cutoffs[0]])
        if len(past.values) <= REFIT or np.ptp(first) == 0:
            return [self.ahead(past.until(cutoff), horizon) for cutoff in cutoffs]
        model = self._model().fit(y=first)
        seen = [self._recent(past.values[:cutoff]) for cutoff in cutoffs]
        with np.errstate(invalid="ignore", divide="ignore"):
            said = [model.forward(y=values, h=horizon, level=[80]) for values in seen]
        return [_ahead_of(one, past.until(cutoff)) for one, cutoff in zip(said, cutoffs, strict=True)]

    def _recent(self, values: Floats) -> Floats:
        return values if self.window is None else values[-self.window :]


class ExponentialSmoothing(_Fitted):
    """AutoETS without season: error, trend and damping chosen by AICc."""

    name = "AutoETS"

    def _model(self) -> Any:
        from statsforecast.models import AutoETS

        return AutoETS(season_length=1)


class SeasonalSmoothing(_Fitted):
    """AutoETS with a season: whether it is additive, multiplicative or not there is chosen by AICc too."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.name = f"seasonal AutoETS ({period})"
        self.window = CYCLES_SMOOTHED * period

    def _model(self) -> Any:
        from statsforecast.models import AutoETS

        return AutoETS(season_length=self.period)


class Theta(_Fitted):
    """DynamicOptimizedTheta; with a period, on what is left when the season is taken out."""

    def __init__(self, period: int = 1) -> None:
        self.period = period
        self.name = "Theta" if period == 1 else f"seasonal Theta ({period})"
        self.window = max(WINDOW, CYCLES * period)

    def _model(self) -> Any:
        from statsforecast.models import DynamicOptimizedTheta

        return DynamicOptimizedTheta(season_length=self.period)


class Decomposed(_Refitted):
    """MSTL: trend by AutoETS, plus the season as it was last."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.name = f"MSTL ({period})"

    def ahead(self, past: Past, horizon: int) -> Ahead:
        from statsforecast.models import MSTL

        values = past.values[-max(WINDOW, CYCLES * self.period) :]
        if len(values) < 2 * self.period + 2 or np.ptp(values) == 0:
            return SeasonalNaive(self.period).ahead(past, horizon)
        return _ahead_of(MSTL(season_length=self.period).forecast(y=values, h=horizon, level=[80]), past)


class Mean:
    """The mean of members, of their intervals too."""

    def __init__(self, *members: Member) -> None:
        self.members = members
        self.name = f"mean of {' and '.join(one.name for one in members)}"

    def ahead(self, past: Past, horizon: int) -> Ahead:
        return mean_of([one.ahead(past, horizon) for one in self.members])

    def at_origins(self, past: Past, cutoffs: Sequence[int], horizon: int) -> list[Ahead]:
        each = [one.at_origins(past, cutoffs, horizon) for one in self.members]
        return [mean_of(list(parts)) for parts in zip(*each, strict=True)]


def mean_of(parts: Sequence[Ahead]) -> Ahead:
    """Step by step."""
    return Ahead(*(np.mean([getattr(one, end) for one in parts], axis=0) for end in ("mean", "low", "high")))


def coming_days(days: pd.DatetimeIndex, horizon: int) -> pd.DatetimeIndex:
    """The first days of the coming steps. Raises CannotForecast where steps are neither even nor whole months."""
    gaps = np.diff(days.to_numpy("datetime64[D]")).astype(int)
    if len(gaps) and gaps.min() == gaps.max() and gaps.min() > 0:
        return pd.DatetimeIndex(days[-1] + pd.to_timedelta(np.arange(1, horizon + 1) * gaps[0], unit="D"))
    for months, (least, most) in {1: (28, 31), 3: (89, 92), 12: (365, 366)}.items():
        if len(gaps) and least <= gaps.min() and gaps.max() <= most:
            return pd.DatetimeIndex([days[-1] + pd.DateOffset(months=months * step) for step in range(1, horizon + 1)])
    raise CannotForecast("The steps of the series are not evenly spaced: fill in those that are missing.")


def _ahead_of(said: Mapping[str, Any], past: Past) -> Ahead:
    """What the library says; what is not a number there (it happens at degenerate series) is said by the last value."""
    mean, low, high = (np.asarray(said[key], dtype=np.float64) for key in ("mean", "lo-80", "hi-80"))
    if np.isfinite([mean, low, high]).all():
        return Ahead(mean, low, high)
    naive = Naive().ahead(past, len(mean))
    if not np.isfinite(mean).all():
        return naive
    return Ahead(mean, mean + naive.low - naive.mean, mean + naive.high - naive.mean)


def _around(mean: Floats, spread: Floats) -> Ahead:
    return Ahead(mean, mean - Z80 * spread, mean + Z80 * spread)


def _spread(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else 0.0
