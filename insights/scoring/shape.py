"""What the columns of a table were when a model was trained, so that later rows are read the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from insights.scoring.columns import USED, Column, Sort, as_sort, frame_of, read_columns

__all__ = ["Shape"]


@dataclass(slots=True)
class Shape:
    """sorts_: what each column is that a model may look at, in the order of the table. parts_: the columns that
    `apply` gives."""

    sorts_: dict[str, Sort] = field(default_factory=dict)
    parts_: list[str] = field(default_factory=list)

    def fit(self, frame: pd.DataFrame, *, only: list[str] | None = None) -> Shape:
        """frame: rows to learn from. only: these columns alone."""
        columns = read_columns(frame if only is None else frame[only])
        self.sorts_ = {name: column.sort for name, column in columns.items() if column.sort in USED}
        self.parts_ = list(self.apply(frame).columns)
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same columns of other rows, as a model takes them; a column that they lack is missing in all rows, a
        value that cannot be read as what the column is, in its own."""
        made = {
            name: Column(name, sort, as_sort(frame[name] if name in frame else _nothing(len(frame)), sort))
            for name, sort in self.sorts_.items()
        }
        parts = frame_of(made)
        return parts.reindex(columns=self.parts_) if self.parts_ else parts

    def state(self) -> dict[str, Any]:
        return {"sorts": {name: str(sort) for name, sort in self.sorts_.items()}, "parts": list(self.parts_)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Shape:
        return cls({name: Sort(sort) for name, sort in state["sorts"].items()}, list(state["parts"]))


def _nothing(n: int) -> pd.Series:
    return pd.Series(np.full(n, None, dtype=object))
