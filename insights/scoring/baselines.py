"""What a model has to beat besides the base rate: the column that says where a row came from, alone."""

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


_SOURCES: Final = ("lead source", "source", "channel", "lead origin", "origin", "utm_source", "campaign", "medium")


def source_of(frame: pd.DataFrame) -> str:
    """The column that says where a row came from, by its name; else the first choice, else the first column."""
    by_name = {str(name).casefold(): str(name) for name in frame.columns}
    for known in _SOURCES:
        if known in by_name:
            return by_name[known]
    choices = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return choices[0] if choices else str(frame.columns[0])
