"""A trained score: how its columns are read, the model, its calibration, and the base rate that it is measured by.

The scale: 50 is the base rate, and ten points double the odds, so what reasons add to the score are points too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.calibration import Calibration
from insights.scoring.close_dates import CloseDates
from insights.scoring.models import Model, probability
from insights.scoring.shape import Shape

Floats = npt.NDArray[np.float64]
Band = Literal["hot", "warm", "cool", "cold"]

AVERAGE: Final = 50.0
POINTS: Final = float(10 / np.log(2))
"""Points per unit of log-odds."""
CALIBRATION: Final = "(calibration)"
SHARED: Final = "(shared)"
BANDS: Final[tuple[Band, ...]] = ("hot", "warm", "cool", "cold")
SURE: Final = 0.8


@dataclass(slots=True)
class ScoreModel:
    """kind: "trees", "linear", "blend", or "points": then its log-odds are points by rule and no probability is shown.
    base_log_odds: of the base rate that it was trained on. close_dates: of deals, when those that are won will be."""

    kind: str
    model: Model
    calibration: Calibration
    shape: Shape
    base_log_odds: float
    close_dates: CloseDates | None = None

    @property
    def has_probability(self) -> bool:
        return self.kind != "points"

    @property
    def base_rate(self) -> float:
        return float(probability(np.array([self.base_log_odds]))[0])

    def levels(self) -> Mapping[str, frozenset[str]]:
        """Of each choice what the model has learnt of; whatever else stands there counts as rare."""
        inner = getattr(self.model, "trees_", self.model)
        made = getattr(inner, "codes_", None) or getattr(inner, "indicators_", None)
        return {} if made is None else {name: frozenset(one) for name, one in made.choices.levels_.items()}

    def log_odds(self, rows: pd.DataFrame) -> Floats:
        """rows: columns by the names of the training table; further ones are not looked at."""
        return np.asarray(self.calibration.apply(self.model.log_odds(self.shape.apply(rows))), dtype=float)

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each column adds to the log-odds of each row above the base rate's. The columns are those that the
        model sees, SHARED (what all rows have in common) and CALIBRATION; a row's sum plus `base_log_odds` is its
        log-odds."""
        seen = self.shape.apply(rows)
        parts, shared = self.model.contributions(seen)
        plain = parts.to_numpy(dtype=float).sum(axis=1) + shared
        parts[SHARED], parts[CALIBRATION] = shared - self.base_log_odds, self.calibration.apply(plain) - plain
        return parts.set_axis(rows.index)


def points_of(log_odds: Floats, base_log_odds: float) -> Floats:
    """The score, unclipped."""
    return AVERAGE + POINTS * (log_odds - base_log_odds)


def shown(score: float) -> int:
    """The score as it is printed: whole, from 0 to 100."""
    return int(np.clip(np.floor(score + 0.5), 0, 100))


def bands_of(probabilities: Floats, base_rate: float) -> list[Band]:
    """ "hot" from twice the base rate or four in five on, "warm" from the base rate on, "cool" from half of it on."""
    is_hot = (probabilities >= 2 * base_rate) | (probabilities >= SURE)
    found = np.select([is_hot, probabilities >= base_rate, probabilities >= base_rate / 2], BANDS[:3], BANDS[3])
    return [str(one) for one in found]  # type: ignore[misc]
