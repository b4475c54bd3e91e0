"""How far a quota is, and how likely it is reached: from what is won, and a forecast of what is still to come.

What is still to come is a sum of steps, none below zero. Each step's spread is read from its 80 % interval; errors of
different steps go together as they did at past origins (`correlation` of the report card), so that the sum's spread is
wider than that of independent steps. The sum is taken to be gamma-distributed: not negative, and skewed to the right
where its spread is large, as bookings are. Where little is expected with a large spread, nine tenths of such a law lie
below its mean: there the ends are those that steps alone set. No step is below zero, so that a sum reaches as high as
each of its steps; and it is never wider than steps that all go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, gammaincinv

from insights.forecasting.members import Z80

Floats = npt.NDArray[np.float64]

USUAL_CORRELATION: Final = 0.2
"""Where too few past origins tell how errors of steps go together."""
TAIL: Final = 0.1
"""Below an 80 % interval, and above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What is still to come, as a whole. low, high: an 80 % interval. spread: its standard deviation."""

    value: float
    low: float
    high: float
    spread: float

    def chance_of(self, amount: float) -> float:
        """That at least `amount` comes, in [0, 1]."""
        if amount <= 0:
            return 1.0
        if self.value <= 0 or self.spread <= 0:
            return float(self.value >= amount)
        shape = (self.value / self.spread) ** 2
        return float(gammaincc(shape, amount * shape / self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """quota, won, expected, low, high: all in the same unit; expected, low and high at the end of the period.
    attainment: won over quota; expected_attainment: expected over quota. gap: what is missing now, negative where more
    is won. expected_gap: what will be missing. probability: of reaching the quota, in [0, 1]."""

    quota: float
    won: float
    expected: float
    low: float
    high: float
    attainment: float
    expected_attainment: float
    gap: float
    expected_gap: float
    probability: float


def still_coming(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float], *, correlation: float | None = None
) -> Coming:
    """The sum of steps with their 80 % intervals. No step: nothing comes. correlation: of the errors of two steps, in
    [0, 1]; None: the usual one."""
    value, low, high = (np.asarray(one, dtype=np.float64) for one in (values, lows, highs))
    if not len(value):
        return Coming(value=0.0, low=0.0, high=0.0, spread=0.0)
    spreads = _spreads(value, low, high)
    together = USUAL_CORRELATION if correlation is None else float(np.clip(correlation, 0.0, 1.0))
    variance = (1 - together) * float((spreads**2).sum()) + together * float(spreads.sum()) ** 2
    total, spread = float(value.sum()), float(np.sqrt(variance))
    lower, upper = _ends(total, spread)
    one_alone = float(low.sum() + (high - low).max())
    return Coming(
        value=total,
        low=min(max(lower, float(low.sum())), total),
        high=max(min(max(upper, one_alone), float(high.sum())), total),
        spread=spread,
    )


def _ends(total: float, spread: float) -> tuple[float, float]:
    """Of an 80 % interval of the sum, by its law."""
    if total <= 0 or spread <= 0:
        return total, total
    shape = (total / spread) ** 2
    return float(gammaincinv(shape, TAIL)) * total / shape, float(gammaincinv(shape, 1 - TAIL)) * total / shape


def _spreads(value: Floats, low: Floats, high: Floats) -> Floats:
    """Standard deviations; an interval that was cut off at zero tells it by its upper half."""
    upper = np.maximum(high - value, 0.0)
    return np.where(low > 0, np.maximum(high - low, 0.0) / 2, upper) / Z80


def reach(quota: float, won: float, coming: Coming) -> Reach:
    """quota: more than 0. won: of the period, so far. Raises ValueError where there is no quota."""
    if quota <= 0:
        raise ValueError("A quota is more than nothing.")
    expected = won + coming.value
    return Reach(
        quota=quota, won=won, expected=expected, low=won + coming.low, high=won + coming.high,
        attainment=won / quota, expected_attainment=expected / quota, gap=quota - won,
        expected_gap=quota - expected, probability=coming.chance_of(quota - won),
    )  # fmt: skip
