"""A last step that makes predictions agree with rates, used only where it earns its place out of fold.

It is learnt from predictions that the model made of rows it had not seen, in shuffled folds: in the folds of a sorted
table each would be another period, and the step could turn the ranking over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from insights.scoring.grading import losses
from insights.scoring.models import probability

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]
Kind = Literal["none", "sigmoid", "isotonic"]
Folds = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

LEAST_FOR_ISOTONIC: Final = 1000
"""Of each outcome; with fewer its steps are noise."""
LEAST: Final = 1e-4


@dataclass(slots=True)
class Calibration:
    """kind: "none" leaves log-odds as they are. Applied to log-odds, it gives log-odds."""

    kind: Kind = "none"
    slope_: float = 1.0
    shift_: float = 0.0
    from_: Floats = field(default_factory=lambda: np.empty(0))
    to_: Floats = field(default_factory=lambda: np.empty(0))

    def fit(self, log_odds: Floats, outcomes: Outcomes) -> Calibration:
        if self.kind == "sigmoid":
            from sklearn.linear_model import LogisticRegression

            made = LogisticRegression(C=1e6).fit(log_odds[:, None], outcomes)
            self.slope_, self.shift_ = float(made.coef_[0, 0]), float(made.intercept_[0])
        elif self.kind == "isotonic":
            from sklearn.isotonic import IsotonicRegression

            made = IsotonicRegression(y_min=LEAST, y_max=1 - LEAST, out_of_bounds="clip").fit(log_odds, outcomes)
            rates = np.asarray(made.y_thresholds_, dtype=float)
            self.from_, self.to_ = np.asarray(made.X_thresholds_, dtype=float), np.log(rates / (1 - rates))
        return self

    def apply(self, log_odds: Floats) -> Floats:
        if self.kind == "isotonic":
            return np.asarray(np.interp(log_odds, self.from_, self.to_), dtype=float)
        return self.slope_ * log_odds + self.shift_


def choose(log_odds: Floats, outcomes: Outcomes, folds: Folds) -> tuple[Kind, Floats]:
    """The kind whose log loss, each fold corrected by the others, is below the uncorrected one's by more than a
    standard error; and the log-odds so corrected. log_odds: out of fold."""
    kinds: list[Kind] = ["sigmoid"]
    if min(int(outcomes.sum()), int((1 - outcomes).sum())) >= LEAST_FOR_ISOTONIC:
        kinds.append("isotonic")
    plain = losses(outcomes, probability(log_odds))
    best: tuple[Kind, Floats, float] = ("none", log_odds, 0.0)
    for kind in kinds:
        made = _cross_fitted(kind, log_odds, outcomes, folds)
        gains = plain - losses(outcomes, probability(made))
        gain, error = float(gains.mean()), float(gains.std(ddof=1) / sqrt(len(gains)))
        if gain > max(error, best[2]):
            best = (kind, made, gain)
    return best[0], best[1]


def _cross_fitted(kind: Kind, log_odds: Floats, outcomes: Outcomes, folds: Folds) -> Floats:
    found = log_odds.copy()
    for rest, held in folds:
        found[held] = Calibration(kind).fit(log_odds[rest], outcomes[rest]).apply(log_odds[held])
    return found
