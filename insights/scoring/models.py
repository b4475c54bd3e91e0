"""The models: trees of depth 3, a regularised linear one, and their mean in log-odds; a base rate stands beside them.

All give log-odds, and contributions of the columns that add up to them exactly. One thread, and the same numbers for
the same rows whatever else runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.encoding import Indicators, TreeCodes

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]

_TREES: Final[Mapping[str, Any]] = {
    "n_estimators": 300, "max_depth": 3, "num_leaves": 8, "learning_rate": 0.06, "min_child_samples": 40,
    "reg_lambda": 5.0, "cat_smooth": 20.0, "cat_l2": 20.0, "max_cat_to_onehot": 4, "min_data_per_group": 40,
}  # fmt: skip
STRENGTH: Final = 0.1
"""Inverse of the linear model's penalty."""


class Model(Protocol):
    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> Model: ...

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """One per row."""
        ...

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """What each column adds to the log-odds of each row, and the part that all rows share."""
        ...


def probability(log_odds: Floats) -> Floats:
    """In (0, 1), of each."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -35, 35)))


@dataclass(slots=True)
class BaseRate:
    """The share that converted, for everybody."""

    log_odds_: float = 0.0

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> BaseRate:
        rate = (float(outcomes.sum()) + 0.5) / (len(outcomes) + 1)
        self.log_odds_ = float(np.log(rate / (1 - rate)))
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        return np.full(len(frame), self.log_odds_)

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return pd.DataFrame(0.0, index=range(len(frame)), columns=list(frame.columns)), self.log_odds_


@dataclass(slots=True)
class ShallowTrees:
    """LightGBM of depth 3: defaults of the library are the worst serious choice on small or drifting data."""

    random_state: int = 0
    codes_: TreeCodes = field(default_factory=TreeCodes)
    booster_: Any = None

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> ShallowTrees:
        import lightgbm

        self.codes_ = TreeCodes().fit(frame)
        made = lightgbm.LGBMClassifier(
            **_TREES, random_state=self.random_state, n_jobs=1, deterministic=True, force_row_wise=True, verbosity=-1
        )
        made.fit(self.codes_.transform(frame), outcomes, categorical_feature=self.codes_.choice_places)
        self.booster_ = made.booster_
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        found = self.booster_.predict(self.codes_.transform(frame), raw_score=True, num_threads=1)
        return np.asarray(found, dtype=float)

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        found = np.asarray(self.booster_.predict(self.codes_.transform(frame), pred_contrib=True, num_threads=1))
        return pd.DataFrame(found[:, :-1], columns=self.codes_.columns_), float(found[0, -1]) if len(found) else 0.0


@dataclass(slots=True)
class Linear:
    """Logistic regression with an L2 penalty."""

    strength: float = STRENGTH
    indicators_: Indicators = field(default_factory=Indicators)
    weights_: Floats = field(default_factory=lambda: np.empty(0))
    means_: Floats = field(default_factory=lambda: np.empty(0))
    intercept_: float = 0.0

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> Linear:
        from sklearn.linear_model import LogisticRegression

        self.indicators_ = Indicators().fit(frame)
        matrix = self.indicators_.transform(frame)
        made = LogisticRegression(C=self.strength, max_iter=500).fit(matrix, outcomes)
        self.weights_, self.intercept_ = made.coef_[0], float(made.intercept_[0])
        self.means_ = np.asarray(matrix.mean(axis=0)).ravel()
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        return np.asarray(self.indicators_.transform(frame) @ self.weights_ + self.intercept_, dtype=float)

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        matrix = self.indicators_.transform(frame)
        parts = {name: np.full(len(frame), 0.0) for name in map(str, frame.columns)}
        columns = matrix.tocsc()
        for place, (name, _) in enumerate(self.indicators_.origins_):
            weight = float(self.weights_[place])
            parts[name] -= weight * float(self.means_[place])
            begin, end = columns.indptr[place], columns.indptr[place + 1]
            parts[name][columns.indices[begin:end]] += weight * columns.data[begin:end]
        return pd.DataFrame(parts), self.intercept_ + float(self.weights_ @ self.means_)


@dataclass(slots=True)
class Blend:
    """The mean of both in log-odds: seldom the best, and never far from it."""

    random_state: int = 0
    trees_: ShallowTrees = field(default_factory=ShallowTrees)
    linear_: Linear = field(default_factory=Linear)

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> Blend:
        self.trees_ = ShallowTrees(self.random_state).fit(frame, outcomes)
        self.linear_ = Linear().fit(frame, outcomes)
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        return (self.trees_.log_odds(frame) + self.linear_.log_odds(frame)) / 2

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        ours, base = self.trees_.contributions(frame)
        theirs, other = self.linear_.contributions(frame)
        return (ours + theirs[ours.columns]) / 2, (base + other) / 2


CANDIDATES: Final[Mapping[str, Callable[[], Model]]] = {"trees": ShallowTrees, "linear": Linear, "blend": Blend}
