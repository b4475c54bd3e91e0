"""One method per series, chosen by its errors at past origins, with the reason in words.

The mean of exponential smoothing and Theta (with the season, where months or quarters have one) stands until another
method's mean absolute error is lower by a margin: with six origins small differences are chance, and a method that
suits short noisy series ruins a growing one. Whatever is chosen gives way where carrying on the last value, or that of
a period ago, was at least as good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from insights import formats
from insights.forecasting.backtest import DEFAULT, Trial, seasonal_default
from insights.forecasting.sparse import errors_of_sums, is_sparse

SEASONAL_MARGIN: Final = 0.03
OTHER_MARGIN: Final = 0.1
OVERLAPPING_MARGIN: Final = 0.3
LEAST_APART: Final = 3
"""With fewer origins that do not overlap, the past's mean is hardly told from chance."""


@dataclass(frozen=True, slots=True)
class Choice:
    """name: of the member. why: sentences. errors: mean absolute error over all origins, by name; empty: no trial."""

    name: str
    why: str
    errors: Mapping[str, float]


def choose(trial: Trial, *, by_sums: bool = False) -> Choice:
    """by_sums: sparse series are judged by the error of the horizon's sum."""
    if by_sums and is_sparse(trial):
        made = _chosen(trial, errors_of_sums(trial))
        return replace(made, why=f"{made.why} It was judged by the sum of its steps, for in many of them nothing came.")
    return _chosen(trial, {name: float(np.abs(one.mean - trial.actual).mean()) for name, one in trial.tracks.items()})


def _chosen(trial: Trial, errors: Mapping[str, float]) -> Choice:
    seasonal = seasonal_default(trial.period)
    usual = seasonal if seasonal in trial.ahead else DEFAULT
    if not errors:
        return Choice(usual, "The past is too short to try methods on it; this is the usual one.", errors)
    better = {name: error for name, error in errors.items() if error < (1 - _margin(name, trial.apart)) * errors[usual]}
    best = min(better, key=lambda name: better[name], default=usual)
    plain = min((name for name in errors if is_naive(name)), key=lambda name: errors[name])
    if errors[plain] <= errors[best]:
        return Choice(plain, f"At {times(trial)} its error was no larger than that of {best}.", errors)
    if best == usual:
        return Choice(usual, f"At {times(trial)} nothing was better by a margin than the usual method.", errors)
    gain = 1 - errors[best] / errors[usual]
    return Choice(best, f"At {times(trial)} its error was {formats.share(gain)} lower than the usual method's.", errors)


def _margin(name: str, apart: int) -> float:
    if name.startswith(("seasonal Theta", "seasonal AutoETS", "mean of seasonal", "mean of AutoETS", "MSTL")):
        return SEASONAL_MARGIN
    if name in {"AutoETS", "Theta"} or is_naive(name):
        return 1.0
    return OTHER_MARGIN if apart >= LEAST_APART else OVERLAPPING_MARGIN


def is_naive(name: str) -> bool:
    """The last value carried on, or that of a season ago."""
    return name.startswith(("naive", "seasonal naive"))


def times(trial: Trial) -> str:
    """In words."""
    return f"{len(trial.cutoffs)} past origins" if len(trial.cutoffs) > 1 else "one past origin"
