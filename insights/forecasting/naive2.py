"""The reference of the M4 competition: the last value carried on, with the season where one is there.

As its organizers wrote it: a season is there where the autocorrelation at its lag stands out at 90 %; then values are
divided by its indices (classical decomposition), carried on, and multiplied again. Source: Makridakis et al. 2020.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from insights.forecasting.members import Floats

Z90: Final = 1.645


def naive2(values: Floats, horizon: int, period: int) -> Floats:
    """period: steps of the season; 1: none. Where a value is zero or less nothing can be divided: the last value."""
    if period == 1 or (values <= 0).any() or not has_season(values, period):
        return np.repeat(values[-1], horizon)
    indices = seasonal_indices(values, period)
    n = len(values)
    return np.asarray(values[-1] / indices[(n - 1) % period] * indices[(n + np.arange(horizon)) % period])


def has_season(values: Floats, period: int) -> bool:
    """Whether the autocorrelation at the season's lag stands out at 90 %, given those at shorter lags."""
    n = len(values)
    left = values - values.mean()
    total = float(left @ left)
    if n < 3 * period or total == 0:
        return False
    r = np.array([float(left[lag:] @ left[:-lag]) for lag in range(1, period + 1)]) / total
    return bool(abs(r[-1]) > Z90 * np.sqrt((1 + 2 * float((r[:-1] ** 2).sum())) / n))


def seasonal_indices(values: Floats, period: int) -> Floats:
    """By place in the season, their mean 1: values over their centred moving average, averaged."""
    weights = np.ones(period) / period if period % 2 else np.r_[0.5, np.ones(period - 1), 0.5] / period
    trend = np.convolve(values, weights, "valid")
    first = len(weights) // 2
    ratio = values[first : first + len(trend)] / trend
    place = (first + np.arange(len(trend))) % period
    means = np.bincount(place, ratio, minlength=period) / np.maximum(np.bincount(place, minlength=period), 1)
    return np.asarray(means / means.mean())
