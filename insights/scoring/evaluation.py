"""A score on trial: leaks named, models compared out of fold and on the newest rows, a gate that may keep it shut.

The protocol is fixed: five stratified folds, shuffled (exports are sorted by time, and folds in their order would each
be another period), predictions pooled; and, where time is known, the oldest 80 % against the newest 20 %. Folds of a
grouped table keep each group together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.baselines import Only, RateOfAge, source_of
from insights.scoring.calibration import Kind
from insights.scoring.calibration import choose as choose_calibration
from insights.scoring.choosing import choose, choose_by_time, single_models, with_blend
from insights.scoring.columns import USED, Column, Sort, frame_of, read_columns
from insights.scoring.grading import Grades, grade, losses
from insights.scoring.leaks import Suspect, probe
from insights.scoring.models import BaseRate, Model, probability
from insights.scoring.scorecard import Scorecard

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]
Folds = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

FOLDS: Final = 5
OLDEST: Final = 0.8
LEAST_CONVERSIONS: Final = 60
"""Below this many of either outcome there is no score, only points by rule."""
BEYOND_CHANCE: Final = 2.0
"""Standard errors by which the model must beat the base rate. It is the best of several, so that one is too few."""
BY_AGE: Final = "rate of its age"
MANY_GROUPS: Final = 300
"""From so many on, groups are dealt out like single rows."""
LEAST_NEWEST: Final = 30
"""Rows that the newest fifth needs to be graded apart."""
DRIFTED: Final = 0.25
"""A base rate of the newest rows that is this share higher or lower than before, and beyond noise, is drift."""


class CannotScore(ValueError):
    """The table cannot be evaluated; the message names the column and the remedy."""


@dataclass(frozen=True, slots=True)
class Gate:
    """why: in words, either way. gain: log loss below the base rate's, per row; error: its standard error."""

    is_open: bool
    why: str
    gain: float = 0.0
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Base rates of the oldest and the newest rows. has_drifted: they differ beyond noise and by a quarter."""

    before: float
    after: float
    has_drifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """cv, time_split: by model and baseline name, `chosen` being the one that would be used, in `cv` with its
    calibration where one helps. time_split is empty where time is unknown. left_out: columns that no model saw, with
    the reason. used: what the models saw. out_of_fold: log-odds of the chosen one, per row; uncalibrated: the same
    before its calibration. newest: the rows of the time split's second part; newest_log_odds: what the chosen one said
    of them, learnt from the first part."""

    n: int
    conversions: int
    chosen: str
    calibration: Kind
    cv: Mapping[str, Grades]
    time_split: Mapping[str, Grades]
    gate: Gate
    drift: Drift | None
    suspects: Sequence[Suspect]
    left_out: Mapping[str, str]
    used: Sequence[str]
    out_of_fold: Floats = field(repr=False)
    uncalibrated: Floats = field(repr=False)
    newest: npt.NDArray[np.int64] = field(repr=False)
    newest_log_odds: Floats = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to evaluate. outcomes: 0 or 1 per row. time: a column in whose order the rows came; group: rows with the
    same value stay in one fold. ages: a number per row, where records were looked at at several ages; the rate of its
    age is then what a score has to beat. gap: how long it takes until an outcome is known, in units of `time`; what was
    not known yet teaches nothing of what came next. drop: columns that are left out unseen. keep_leaks: suspects stay
    in."""

    frame: pd.DataFrame
    outcomes: Outcomes
    time: str | None = None
    group: str | None = None
    ages: npt.NDArray[np.int64] | None = None
    gap: float = 0.0
    drop: Sequence[str] = ()
    keep_leaks: bool = False
    random_state: int = 0

    def run(self) -> Evaluation:
        """Raises CannotScore."""
        self._check()
        columns = read_columns(self.frame, leave_out=self.drop)
        suspects = probe(columns, self.outcomes, capture=self.time)
        named = {one.column: one.why for one in suspects if one.verdict == "leak"}
        left_out = dict.fromkeys(self.drop, "asked to") | _unusable(columns)
        if not self.keep_leaks:
            left_out |= {name: f"it knows the outcome. {why}" for name, why in named.items()}
        if self.group is not None:
            left_out[self.group] = "it groups the rows"
        kept = {name: one for name, one in columns.items() if name not in left_out}
        frame = frame_of(kept)
        if frame.empty or not len(frame.columns):
            raise CannotScore("No column is left to score by. Name fewer columns in --drop, or add some to the table.")
        return self._evaluated(frame, kept, suspects, left_out)

    def _check(self) -> None:
        for name in (*self.drop, *(one for one in (self.time, self.group) if one)):
            if name not in self.frame.columns:
                raise CannotScore(f"There is no column {name!r}. There are: {', '.join(map(str, self.frame.columns))}.")
        if len(self.frame) != len(self.outcomes):
            raise CannotScore("The outcomes are not as many as the rows.")
        yes = int(self.outcomes.sum())
        if min(yes, len(self.outcomes) - yes) < FOLDS:
            raise CannotScore(
                f"{yes} of {len(self.outcomes)} rows converted; at least {FOLDS} of each outcome are needed."
            )

    def _evaluated(
        self, frame: pd.DataFrame, kept: Mapping[str, Column], suspects: Sequence[Suspect], left_out: Mapping[str, str]
    ) -> Evaluation:
        folds = self._folds()
        baselines = self._baselines(frame)
        single = {name: _out_of_fold(make, frame, self.outcomes, folds) for name, make in single_models().items()}
        predicted = with_blend(single)
        others = {name: _out_of_fold(make, frame, self.outcomes, folds) for name, make in baselines.items()}
        order = self._order(kept)
        newest = self._newest(frame, order, baselines) if order is not None else {}
        by_time = choose_by_time(frame, self.outcomes, order, known=self._known) if order is not None else None
        chosen = by_time or choose(self.outcomes, predicted)
        uncalibrated = predicted[chosen]
        calibration, predicted[chosen] = choose_calibration(predicted[chosen], self.outcomes, folds)
        groups = self._groups()
        cv = {
            name: grade(self.outcomes, probability(one), groups=groups) for name, one in {**predicted, **others}.items()
        }
        base = probability(others[self._bar])
        split = {}
        last = order[round(OLDEST * len(order)) :] if order is not None and newest else np.empty(0, dtype=np.int64)
        if newest:
            of = None if groups is None else groups[last]
            split = {name: grade(self.outcomes[last], probability(one), groups=of) for name, one in newest.items()}
        return Evaluation(
            n=len(self.outcomes), conversions=int(self.outcomes.sum()), chosen=chosen, calibration=calibration,
            cv=cv, time_split=split,
            gate=_also_lately(
                gate(self.outcomes, probability(predicted[chosen]), base, groups=groups, bar=self._bar),
                split, chosen, self._bar,
            ),
            drift=self._drift(order),
            suspects=suspects, left_out=left_out, used=list(frame.columns), out_of_fold=predicted[chosen],
            uncalibrated=uncalibrated, newest=last, newest_log_odds=newest.get(chosen, np.empty(0)),
        )  # fmt: skip

    def _folds(self) -> Folds:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        places = np.zeros(len(self.outcomes))
        if self.group is None:
            return list(
                StratifiedKFold(FOLDS, shuffle=True, random_state=self.random_state).split(places, self.outcomes)
            )
        groups = self._groups()
        if groups is None or len(np.unique(groups)) < FOLDS:
            raise CannotScore(f"The column {self.group!r} has fewer than {FOLDS} groups.")
        if groups.max() >= MANY_GROUPS:
            return _folds_of_many(groups, self.outcomes, self.random_state)
        made = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.random_state)
        return list(made.split(places, self.outcomes, groups))

    def _groups(self) -> npt.NDArray[np.int64] | None:
        if self.group is None:
            return None
        found = pd.factorize(self.frame[self.group].astype(object), use_na_sentinel=False)[0]
        return np.asarray(found, dtype=np.int64)

    def _baselines(self, frame: pd.DataFrame) -> dict[str, Callable[[], Model]]:
        source, ages = source_of(frame), self.ages
        made: dict[str, Callable[[], Model]] = {"base rate": BaseRate}
        if ages is not None:
            made[BY_AGE] = lambda: RateOfAge(ages)
        return {**made, "points by rule": Scorecard, f"only {source}": lambda: Only(source)}

    @property
    def _bar(self) -> str:
        """The baseline that a score has to beat to be shown."""
        return "base rate" if self.ages is None else BY_AGE

    def _order(self, kept: Mapping[str, Column]) -> npt.NDArray[np.int64] | None:
        """The rows from the oldest to the newest; None where time is unknown or too few rows are new."""
        if self.time is None or len(self.outcomes) * (1 - OLDEST) < LEAST_NEWEST:
            return None
        column = read_columns(self.frame[[self.time]])[self.time]
        if column.values.isna().mean() > 0.5:
            raise CannotScore(f"More than half of the column {self.time!r} has no time.")
        if column.sort is Sort.CHOICE or column.sort is Sort.TEXT:
            raise CannotScore(f"The column {self.time!r} holds neither days nor numbers, so it gives no order in time.")
        ranks = column.values.rank(method="first", na_option="top").to_numpy()
        return np.argsort(ranks, kind="stable").astype(np.int64)

    def _newest(
        self, frame: pd.DataFrame, order: npt.NDArray[np.int64], baselines: Mapping[str, Callable[[], Model]]
    ) -> dict[str, Floats]:
        border = round(OLDEST * len(order))
        first, last = self._known(order[:border]), order[border:]
        if len(np.unique(self.outcomes[first])) < 2:
            return {}
        found = {
            name: make().fit(frame.iloc[first], self.outcomes[first]).log_odds(frame.iloc[last])
            for name, make in {**single_models(), **baselines}.items()
        }
        return with_blend(found)

    def _known(self, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Of the oldest rows, in their order, those whose outcome was known when the last of them came."""
        if not self.gap or self.time is None:
            return before
        times = self.frame[self.time].to_numpy(dtype=float)[before]
        return np.asarray(before[~(times > times[-1] - self.gap)], dtype=np.int64)

    def _drift(self, order: npt.NDArray[np.int64] | None) -> Drift | None:
        if order is None:
            return None
        border = round(OLDEST * len(order))
        first, last = self.outcomes[order[:border]], self.outcomes[order[border:]]
        before, after = float(first.mean()), float(last.mean())
        error = sqrt(before * (1 - before) / len(first) + after * (1 - after) / len(last))
        is_beyond = abs(after - before) > 3 * error and abs(after - before) > DRIFTED * max(before, 1e-9)
        return Drift(before, after, is_beyond)


def _folds_of_many(groups: npt.NDArray[np.int64], outcomes: Outcomes, random_state: int) -> Folds:
    """Folds of whole groups, stratified by whether one converted; the library's own way takes a second per thousand."""
    from sklearn.model_selection import StratifiedKFold

    converted = np.bincount(groups, weights=outcomes) > 0
    fold_of = np.zeros(len(converted), dtype=np.int64)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state).split(converted, converted)
    for number, (_, held) in enumerate(folds):
        fold_of[held] = number
    return [(np.flatnonzero(fold_of[groups] != one), np.flatnonzero(fold_of[groups] == one)) for one in range(FOLDS)]


def gate(
    outcomes: Outcomes,
    probabilities: Floats,
    base: Floats,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    bar: str = "base rate",
) -> Gate:
    """Open where the model's log loss, out of fold, is below the base rate's by more than two standard errors.

    groups: rows of one group are one observation, however often it was looked at."""
    numbers = np.arange(len(outcomes)) if groups is None else groups
    n, yes = len(np.unique(numbers)), len(np.unique(numbers[outcomes == 1]))
    fewer = min(yes, n - yes)
    if fewer < LEAST_CONVERSIONS:
        what = "conversions" if yes == fewer else "rows without conversion"
        return Gate(False, f"{fewer} of {LEAST_CONVERSIONS} {what} so far; until then points by rule are shown.")
    gains = losses(outcomes, base) - losses(outcomes, probabilities)
    gain = float(gains.mean())
    error = _error(gains - gain, numbers)
    if gain > BEYOND_CHANCE * error:
        return Gate(
            True,
            f"Out of fold it is better than the {bar}: log loss lower by {gain:.4f} ± {error:.4f}.",
            gain,
            error,
        )
    why = f"These columns say no more about the outcome than the {bar} does"
    return Gate(False, f"{why}: log loss lower by {gain:.4f} ± {error:.4f}, out of fold.", gain, error)


def _error(distances: Floats, numbers: npt.NDArray[np.int64]) -> float:
    """Standard error of a mean whose rows come in groups. distances: from the mean, per row."""
    sums = np.bincount(np.unique(numbers, return_inverse=True)[1], weights=distances)
    n = len(sums)
    return sqrt(float((sums**2).sum()) * n / max(n - 1, 1)) / len(distances)


def _also_lately(found: Gate, newest: Mapping[str, Grades], chosen: str, bar: str) -> Gate:
    """Shut where the newest rows, which folds mix with the old ones, are predicted no better than by the base rate."""
    if not found.is_open or not newest or newest[chosen].log_loss < newest[bar].log_loss:
        return found
    why = f"In shuffled folds it is better than the {bar}, but not on the newest rows: what it learnt does not last."
    return Gate(False, why, found.gain, found.error)


def _out_of_fold(make: Callable[[], Model], frame: pd.DataFrame, outcomes: Outcomes, folds: Folds) -> Floats:
    found = np.zeros(len(outcomes))
    for rest, held in folds:
        found[held] = make().fit(frame.iloc[rest], outcomes[rest]).log_odds(frame.iloc[held])
    return found


def _unusable(columns: Mapping[str, Column]) -> dict[str, str]:
    words = {
        Sort.ID: "it names the row", Sort.EMPTY: "it is empty", Sort.CONSTANT: "it is the same in all rows",
    }  # fmt: skip
    return {name: words[one.sort] for name, one in columns.items() if one.sort not in USED}
