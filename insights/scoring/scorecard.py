"""Points by rule: a few whole numbers that anybody can add up, for when there is too little to learn from; and what a
model has to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]

MOST_COLUMNS: Final = 5
PULL: Final = 25.0
"""Imaginary rows at the base rate that each value starts with."""
POINT: Final = np.log(2) / 10
"""Ten points double the odds."""
PARTS: Final = 4


@dataclass(slots=True)
class Scorecard:
    """Points for each value of the five columns that part the outcomes most; values are rare or unseen without points.

    Ten points double the odds. Numbers are cut at their quartiles.
    """

    base_: float = 0.0
    shrink_: float = 1.0
    points_: dict[str, dict[Any, int]] = field(default_factory=dict)
    cuts_: dict[str, Floats] = field(default_factory=dict)

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> Scorecard:
        rate = (float(outcomes.sum()) + 0.5) / (len(outcomes) + 1)
        self.base_ = float(np.log(rate / (1 - rate)))
        made: dict[str, tuple[float, dict[Any, int]]] = {}
        for name in map(str, frame.columns):
            if pd.api.types.is_numeric_dtype(frame[name]):
                known = frame[name].dropna()
                self.cuts_[name] = (
                    np.unique(known.quantile([k / PARTS for k in range(1, PARTS)])) if len(known) else np.empty(0)
                )
            made[name] = self._points(self._parts(frame, name), outcomes, rate)
        best = sorted(made, key=lambda name: -made[name][0])[:MOST_COLUMNS]
        self.points_ = {name: made[name][1] for name in best}
        self.shrink_ = self._shrunk(frame, outcomes)
        return self

    def _parts(self, frame: pd.DataFrame, name: str) -> pd.Series:
        values = frame[name]
        if name not in self.cuts_:
            return values.astype(object).where(values.notna(), "(missing)").astype(str)
        parts = pd.Series(
            np.searchsorted(self.cuts_[name], values.to_numpy(dtype=float), side="right"), index=values.index
        )
        return parts.where(values.notna(), -1)

    def _points(self, parts: pd.Series, outcomes: Outcomes, rate: float) -> tuple[float, dict[Any, int]]:
        counts = pd.DataFrame({"part": parts.to_numpy(), "yes": outcomes}).groupby("part")["yes"].agg(["sum", "count"])
        shrunk = (counts["sum"] + PULL * rate) / (counts["count"] + PULL)
        odds = np.log(shrunk / (1 - shrunk)) - self.base_
        points = (odds / POINT).round().astype(int)
        parted = float((counts["count"] * (shrunk - rate) ** 2).sum())
        return parted, points.to_dict()

    def _shrunk(self, frame: pd.DataFrame, outcomes: Outcomes) -> float:
        """Columns that say the same are counted once each, so that sums are too bold; one factor makes them fit."""
        sums = self._sums(frame)
        tried = np.linspace(0.2, 1.0, 17)
        losses = [np.logaddexp(0, -(2 * outcomes - 1) * (self.base_ + factor * sums)).mean() for factor in tried]
        return float(tried[int(np.argmin(losses))])

    def _sums(self, frame: pd.DataFrame) -> Floats:
        total = np.zeros(len(frame))
        for name, points in self.points_.items():
            total += self._parts(frame, name).map(points).fillna(0).to_numpy(dtype=float) * POINT
        return total

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        return self.base_ + self.shrink_ * self._sums(frame)

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        parts = {
            name: self.shrink_ * POINT * self._parts(frame, name).map(points).fillna(0).to_numpy(dtype=float)
            for name, points in self.points_.items()
        }
        return pd.DataFrame(parts, index=range(len(frame))), self.base_
