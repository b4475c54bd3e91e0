"""Series in many of whose steps nothing comes, such as one salesperson's weeks: judged by what comes over the
whole horizon.

Step by step the smallest absolute error has who says what most steps are, nothing, and who carries a large deal on is
off in few of them. Neither tells what a quarter will bring (Syntetos and Boylan 2005; Kolassa 2020).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from insights.forecasting.backtest import Trial
from insights.forecasting.grading import Grades, grade, naive_scale
from insights.forecasting.members import Floats

SPARSE: Final = 0.25
"""From this share of empty steps on a series is sparse."""


def is_sparse(trial: Trial) -> bool:
    """Of the steps that past origins were followed by; False without an origin."""
    return bool(trial.tracks) and float(np.mean(trial.actual == 0)) >= SPARSE


def errors_of_sums(trial: Trial) -> dict[str, float]:
    """Mean absolute error of the horizon's sum over all origins, by member."""
    return {name: float(np.abs((one.mean - trial.actual).sum(axis=1)).mean()) for name, one in trial.tracks.items()}


def grade_sums(actual: Floats, mean: Floats, low: Floats, high: Floats, *, past: Floats) -> Grades:
    """As `grading.grade`, with errors, bias and MASE of the horizon's sums, origins by steps; the interval is that of
    steps. past: before the first origin; MASE is relative to how much such sums changed from step to step."""
    steps = grade(actual, mean, low, high, scale=naive_scale(past))
    sums = np.convolve(past, np.ones(actual.shape[1]), "valid") if len(past) >= actual.shape[1] else past[:0]
    whole = [one.sum(axis=1, keepdims=True) for one in (actual, mean, low, high)]
    made = grade(*whole, scale=naive_scale(sums, actual.shape[1]))
    return replace(steps, n=made.n, wape=made.wape, bias=made.bias, mase=made.mase)
