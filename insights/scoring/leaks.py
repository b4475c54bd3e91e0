"""Columns that know the outcome: filled in after it, or by it. They make a score look splendid and then fail in use.

How well one column alone ranks is no proof: time on a website may do so honestly. What gives a leak away is certainty:
values that are followed by one outcome nearly always, in rows that are too many for chance; far more ranking than all
the rest together has; a value that is only filled in for one outcome; a day that lies after the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights import formats
from insights.scoring.columns import Column, Sort
from insights.scoring.grading import auc

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]
Verdict = Literal["leak", "ask"]

LEAST_ROWS: Final = 30
"""Rows that a value must have before its rate says anything."""
NEARLY_ALL: Final = 0.95
"""A rate that is certain."""
NEARLY_NONE: Final = 0.1
"""One that is certain the other way, as a share of the base rate."""
LEAST_EXPECTED: Final = 5.0
"""Rows of the other outcome that a value would have at the base rate; where fewer are expected, none is no wonder."""
CERTAIN_ROWS: Final = 0.02
CERTAIN_BITS: Final = 0.10
KNOWS_ALL: Final = 0.35
FILLED_APART: Final = 0.35
LATER: Final = 0.95
WORTH_ASKING: Final = 0.08
BINS: Final = 20
FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that may know the outcome. verdict: "leak": left out; "ask": kept, and worth a question.

    auc: of the column alone, out of fold. told: share of the outcome's uncertainty that it takes away, in [0, 1].
    certain: share of rows whose value is followed by one outcome nearly always.
    """

    column: str
    verdict: Verdict
    why: str
    auc: float
    told: float
    certain: float


def probe(columns: Mapping[str, Column], outcomes: Outcomes, *, capture: str | None = None) -> list[Suspect]:
    """The suspects, the surest first. outcomes: 0 or 1 per row. capture: the column of when rows were recorded."""
    later = _later_days(columns, capture)
    found = []
    for name, column in columns.items():
        if name == capture or column.sort not in {Sort.NUMBER, Sort.DAY, Sort.CHOICE, Sort.TEXT}:
            continue
        one = _examined(column, outcomes, is_later=name in later)
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: (one.verdict != "leak", -one.told))


def _examined(column: Column, outcomes: Outcomes, *, is_later: bool) -> Suspect | None:
    groups = _groups(column)
    base = float(outcomes.mean())
    area, told = _alone(groups, outcomes), _told(groups, outcomes)
    certain = _certain(groups, outcomes, base)
    filled = _filled_apart(column, outcomes)
    why = _why(area=area, told=told, certain=certain, filled=filled, is_later=is_later)
    if why is not None:
        return Suspect(column.name, "leak", why, area, told, certain)
    if told >= WORTH_ASKING and column.values.isna().mean() > 0.2:
        said = "It ranks well, and many rows have no value: was it filled in before the outcome was known?"
        return Suspect(column.name, "ask", said, area, told, certain)
    return None


def _why(*, area: float, told: float, certain: float, filled: float, is_later: bool) -> str | None:
    if told >= KNOWS_ALL:
        return f"It alone tells {formats.share(told)} of the outcome."
    if certain >= CERTAIN_ROWS and told >= CERTAIN_BITS:
        return f"For {formats.share(certain)} of the rows its value settles the outcome almost certainly."
    if filled >= FILLED_APART:
        return f"It is filled in {filled * 100:.0f} points more often for one outcome than for the other."
    if is_later:
        return "Its days lie after those on which the rows were recorded."
    return None


def _groups(column: Column) -> npt.NDArray[np.int64]:
    """A number per row: of its value, or of the twentieth in which its number or day lies; missing is a value, too."""
    values = column.values
    if column.sort is Sort.TEXT:
        values = values.astype(object).str.len()
    elif column.sort is Sort.DAY:
        values = (values - pd.Timestamp(0)).dt.total_seconds()
    if column.sort is Sort.CHOICE or values.nunique() <= BINS:
        return pd.factorize(values.astype(object), use_na_sentinel=True)[0].astype(np.int64)
    parts = pd.qcut(values, BINS, labels=False, duplicates="drop")
    return pd.Series(parts).fillna(-1).to_numpy(dtype=np.int64)


def _counts(groups: npt.NDArray[np.int64], outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Rows and conversions of each group."""
    n = np.bincount(groups + 1).astype(float)
    return n, np.bincount(groups + 1, weights=outcomes, minlength=len(n)).astype(float)


def _alone(groups: npt.NDArray[np.int64], outcomes: Outcomes) -> float:
    """AUC of the column alone, its values' rates learnt from other rows and pulled toward the base rate."""
    folds = np.random.default_rng(0).permutation(len(outcomes)) % FOLDS
    predicted = np.zeros(len(outcomes))
    n_groups = int(groups.max()) + 2
    for fold in range(FOLDS):
        rest, held = folds != fold, folds == fold
        base = float(outcomes[rest].mean())
        n = np.bincount(groups[rest] + 1, minlength=n_groups)
        yes = np.bincount(groups[rest] + 1, weights=outcomes[rest], minlength=n_groups)
        predicted[held] = ((yes + LEAST_ROWS * base) / (n + LEAST_ROWS))[groups[held] + 1]
    return auc(outcomes, predicted) or 0.5


def _told(groups: npt.NDArray[np.int64], outcomes: Outcomes) -> float:
    """Uncertainty coefficient over values with enough rows; rare ones are one value."""
    n, yes = _counts(groups, outcomes)
    is_rare = n < LEAST_ROWS
    n = np.append(n[~is_rare], n[is_rare].sum())
    yes = np.append(yes[~is_rare], yes[is_rare].sum())
    whole = _uncertainty(np.array([float(outcomes.mean())]))[0]
    rates = np.divide(yes, n, out=np.zeros_like(yes), where=n > 0)
    return float(1 - (n * _uncertainty(rates)).sum() / len(outcomes) / whole) if whole else 0.0


def _uncertainty(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    kept = np.clip(rates, 1e-12, 1 - 1e-12)
    return -(kept * np.log(kept) + (1 - kept) * np.log1p(-kept))


def _certain(groups: npt.NDArray[np.int64], outcomes: Outcomes, base: float) -> float:
    n, yes = _counts(groups, outcomes)
    rates = np.divide(yes, n, out=np.zeros_like(yes), where=n > 0)
    nearly_all = max(NEARLY_ALL, 1 - (1 - base) * NEARLY_NONE)
    nearly_none = min(base * NEARLY_NONE, 1 - NEARLY_ALL)
    has_all = (rates >= nearly_all) & (n * (1 - base) >= LEAST_EXPECTED)
    has_none = (rates <= nearly_none) & (n * base >= LEAST_EXPECTED)
    is_certain = (n >= LEAST_ROWS) & (has_all | has_none)
    return float(n[is_certain].sum() / len(outcomes))


def _filled_apart(column: Column, outcomes: Outcomes) -> float:
    is_there = column.values.notna().to_numpy()
    if is_there.all() or not outcomes.any() or outcomes.all():
        return 0.0
    return abs(float(is_there[outcomes == 1].mean()) - float(is_there[outcomes == 0].mean()))


def _later_days(columns: Mapping[str, Column], capture: str | None) -> set[str]:
    """Columns of days that lie after the day on which the row was recorded: the capture column, else the earliest."""
    days = {name: column.values for name, column in columns.items() if column.sort is Sort.DAY}
    if len(days) < 2:
        return set()
    first = days.get(capture or "") if capture in days else min(days.values(), key=lambda one: one.median())
    assert first is not None
    return {name for name, values in days.items() if values is not first and _is_after(values, first)}


def _is_after(values: pd.Series, first: pd.Series) -> bool:
    known = values.notna() & first.notna()
    return bool(known.any()) and float((values[known] > first[known]).mean()) >= LATER
