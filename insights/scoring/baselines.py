"""What a model has to beat besides the base rate: the column that says where a row came from, alone; and, where records
are looked at at several ages, the rate of their age: that what was not decided for long seldom is, is no news."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.models import Linear

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]


@dataclass(slots=True)
class Only:
    """The linear model on one column alone."""

    column: str
    model_: Linear = field(default_factory=Linear)

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> Only:
        self.model_ = Linear().fit(frame[[self.column]], outcomes)
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        return self.model_.log_odds(frame[[self.column]])

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return self.model_.contributions(frame[[self.column]])


PULL: Final = 30.0
"""Imaginary rows at the base rate that each age starts with."""


@dataclass(slots=True)
class RateOfAge:
    """The share that converted of those that were looked at at the same age. ages: of all rows of the table, by their
    place in it, which frames keep as their index."""

    ages: npt.NDArray[np.int64]
    rates_: dict[int, float] = field(default_factory=dict)
    base_: float = 0.5

    def fit(self, frame: pd.DataFrame, outcomes: Outcomes) -> RateOfAge:
        self.base_ = (float(outcomes.sum()) + 0.5) / (len(outcomes) + 1)
        counts = pd.DataFrame({"age": self.ages[frame.index], "yes": outcomes}).groupby("age")["yes"]
        rates = (counts.sum() + PULL * self.base_) / (counts.count() + PULL)
        self.rates_ = {int(age): float(rate) for age, rate in rates.items()}  # type: ignore[call-overload]
        return self

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        rates = np.array([self.rates_.get(int(one), self.base_) for one in self.ages[frame.index]])
        return np.asarray(np.log(rates / (1 - rates)), dtype=float)

    def contributions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return pd.DataFrame({"age": self.log_odds(frame)}), 0.0


_SOURCES: Final = ("lead source", "source", "channel", "lead origin", "origin", "utm_source", "campaign", "medium")


def source_of(frame: pd.DataFrame) -> str:
    """The column that says where a row came from, by its name; else the first choice, else the first column."""
    by_name = {str(name).casefold(): str(name) for name in frame.columns}
    for known in _SOURCES:
        if known in by_name:
            return by_name[known]
    choices = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return choices[0] if choices else str(frame.columns[0])
