"""How far a forecast may be off: half the method's own 80 % interval, half the errors that all series made before.

Past errors are divided by their series' mean error and by a common shape over the horizon, so that the few errors of
each series lend one another strength (pooled conformal). Errors that overlap say less: with fewer than four origins
that do not overlap, the method's own interval stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from insights.forecasting.backtest import Track, Trial
from insights.forecasting.members import Ahead, Floats

LEAST_APART: Final = 4
LEVEL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Errors:
    """of: absolute errors, origins by steps, that were visible; apart: how many of their origins do not overlap."""

    of: Floats
    apart: int

    @property
    def scale(self) -> float:
        """Mean absolute error; 0: there is none, or too little to say."""
        return float(self.of.mean()) if self.apart >= LEAST_APART and self.of.size else 0.0


def visible_errors(trial: Trial, name: str, *, at: int | None = None) -> Errors:
    """Errors of a member that were known at origin number `at` (None: today): those whose whole horizon was over."""
    horizon = trial.actual.shape[1] if trial.actual.size else 0
    end = None if at is None else trial.cutoffs[at]
    seen = [i for i, cutoff in enumerate(trial.cutoffs) if end is None or cutoff + horizon <= end]
    if not seen:
        return Errors(np.empty((0, horizon)), 0)
    track = trial.tracks[name]
    apart = (trial.cutoffs[seen[-1]] - trial.cutoffs[seen[0]]) // horizon + 1
    return Errors(np.abs(track.mean[seen] - trial.actual[seen]), apart)


def pooled_widths(errors: Sequence[Errors], horizon: int) -> list[Floats | None]:
    """Half the width of an 80 % interval per series and step; None where the past says too little."""
    scales = [one.scale for one in errors]
    told = [one.of / scale for one, scale in zip(errors, scales, strict=True) if scale > 0]
    if not told:
        return [None] * len(errors)
    relative = np.vstack(told)
    shape = _shape(relative.mean(axis=0), horizon)
    reach = conformal_quantile((relative / shape).ravel(), LEVEL)
    return [reach * scale * shape if scale > 0 else None for scale in scales]


def conformal_quantile(values: Floats, level: float) -> float:
    """The quantile that a further value stays below with probability `level`, at least (Vovk 2005)."""
    n = len(values)
    return float(np.quantile(values, min(1.0, np.ceil((n + 1) * level) / n), method="inverted_cdf"))


def _shape(means: Floats, horizon: int) -> Floats:
    """Growth of errors over the horizon as a power of the step, between none and proportional; its mean is 1."""
    steps = np.arange(1, horizon + 1, dtype=np.float64)
    power = 0.0
    if horizon > 1 and (means > 0).all():
        power = float(np.clip(np.polyfit(np.log(steps), np.log(means), 1)[0], 0.0, 1.0))
    grown = steps**power
    return np.asarray(grown / grown.mean())


def widened(ahead: Ahead, width: Floats | None) -> Ahead:
    """Half native, half pooled; native where width is None. The mean is never outside."""
    if width is None:
        return ahead
    low = (ahead.low + ahead.mean - width) / 2
    high = (ahead.high + ahead.mean + width) / 2
    return Ahead(ahead.mean, np.minimum(low, ahead.mean), np.maximum(high, ahead.mean))


def moved_low(low: Floats, shift: Floats) -> Floats:
    """Lower ends moved along with their forecast. One at zero was cut off there, so that it does not say how far below
    the forecast it would be: it stays where the forecast rises."""
    return np.where((low <= 0) & (shift > 0), 0.0, low + shift)


def floored(ahead: Ahead, floor: Floats | float) -> Ahead:
    """Nothing below what is certain: 0, or what is won already."""
    return Ahead(*(np.maximum(one, floor) for one in (ahead.mean, ahead.low, ahead.high)))


def at_origin(trial: Trial, name: str, at: int) -> Ahead:
    """What a member said at origin number `at`."""
    track: Track = trial.tracks[name]
    return Ahead(track.mean[at], track.low[at], track.high[at])
