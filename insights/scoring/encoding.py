"""Frames as models take them: rare choices put together, missing values kept apart, nothing learnt from the outcome.

Two forms of one frame: codes for trees, which know choices and missing values by themselves, and a matrix of indicators
and standardised numbers for the linear model. Each remembers which column of the frame its own columns come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]

RARE: Final = "(rare)"
GONE: Final = "(missing)"
LEAST_ROWS: Final = 10
"""A choice that fewer rows made is put with the other rare ones."""
MOST_LEVELS: Final = 250
SKEWED: Final = 2.0


@dataclass(slots=True)
class Choices:
    """The levels of each choice that are kept; what is unseen later counts as rare."""

    least_rows: int = LEAST_ROWS
    levels_: dict[str, list[str]] = field(default_factory=dict)

    def fit(self, frame: pd.DataFrame) -> Choices:
        for name in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                counts = _text(frame[name]).value_counts()
                kept = [str(level) for level, n in counts.items() if n >= self.least_rows][:MOST_LEVELS]
                self.levels_[str(name)] = [*sorted({*kept, RARE} - {GONE}), GONE]
        return self

    def codes(self, frame: pd.DataFrame, name: str) -> npt.NDArray[np.int64]:
        """A code per row, in the order of `levels_[name]`."""
        place = {level: number for number, level in enumerate(self.levels_[name])}
        return np.asarray(_text(frame[name]).map(place).fillna(place[RARE]), dtype=np.int64)


def _text(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), GONE).astype(str)


@dataclass(slots=True)
class TreeCodes:
    """Numbers as they are (NaN where missing), choices as codes."""

    choices: Choices = field(default_factory=Choices)
    columns_: list[str] = field(default_factory=list)

    def fit(self, frame: pd.DataFrame) -> TreeCodes:
        self.columns_ = [str(name) for name in frame.columns]
        self.choices.fit(frame)
        return self

    def transform(self, frame: pd.DataFrame) -> Floats:
        made = np.empty((len(frame), len(self.columns_)))
        for place, name in enumerate(self.columns_):
            is_choice = name in self.choices.levels_
            made[:, place] = self.choices.codes(frame, name) if is_choice else frame[name].to_numpy(dtype=float)
        return made

    @property
    def choice_places(self) -> list[int]:
        return [place for place, name in enumerate(self.columns_) if name in self.choices.levels_]


@dataclass(slots=True)
class Indicators:
    """Choices as one indicator per level; numbers standardised, skewed ones by their logarithm, each with an indicator
    of being missing where some are."""

    choices: Choices = field(default_factory=Choices)
    numbers_: dict[str, tuple[bool, float, float, bool]] = field(default_factory=dict)
    origins_: list[tuple[str, str]] = field(default_factory=list)
    """Column of the frame, and what the indicator stands for; "" for the number itself."""

    def fit(self, frame: pd.DataFrame) -> Indicators:
        self.choices.fit(frame)
        for name in map(str, frame.columns):
            if name in self.choices.levels_:
                self.origins_ += [(name, level) for level in self.choices.levels_[name]]
            else:
                self._learn_number(name, frame[name].to_numpy(dtype=float))
        return self

    def _learn_number(self, name: str, values: Floats) -> None:
        known = values[~np.isnan(values)]
        is_logged = len(known) > 0 and known.min() >= 0 and _skew(known) > SKEWED
        scaled = np.log1p(known) if is_logged else known
        mean, spread = (float(scaled.mean()), float(scaled.std())) if len(scaled) else (0.0, 1.0)
        self.numbers_[name] = (is_logged, mean, spread if spread > 1e-12 else 1.0, len(known) < len(values))
        self.origins_.append((name, ""))
        if len(known) < len(values):
            self.origins_.append((name, GONE))

    def transform(self, frame: pd.DataFrame) -> Any:
        """A sparse matrix, a column per entry of `origins_`."""
        blocks: list[Any] = []
        for name in map(str, frame.columns):
            if name in self.choices.levels_:
                codes = self.choices.codes(frame, name)
                width = len(self.choices.levels_[name])
                blocks.append(sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)),
                                                shape=(len(codes), width)))  # fmt: skip
            else:
                blocks.append(sparse.csr_matrix(self._number(name, frame[name].to_numpy(dtype=float))))
        return sparse.hstack(blocks, format="csr")

    def _number(self, name: str, values: Floats) -> Floats:
        is_logged, mean, spread, has_gaps = self.numbers_[name]
        is_gone = np.isnan(values)
        scaled = np.log1p(np.clip(values, 0, None)) if is_logged else values
        scaled = np.clip(np.where(is_gone, 0.0, (scaled - mean) / spread), -8, 8)
        return np.column_stack([scaled, is_gone]) if has_gaps else scaled[:, None]


def _skew(known: Floats) -> float:
    spread = known.std()
    return float((((known - known.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
