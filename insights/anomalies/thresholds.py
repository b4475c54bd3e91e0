"""Where an alarm begins: thresholds of all detectors, so that together they keep a budget of false alarms.

The budget is of alarms per series and quarter, both directions together. Alarms of one direction that are at most APART
weeks apart are one. The rate at a threshold is what the history had, with every alarm counted as false, steadied by
quarters that were drawn at random from what was expected: a small team's history says little, and a large one's nearly
everything. People are less regular than what is drawn, and few of them show too little of it: fewer than FEW series aim
at a part of the budget, so that weeks to come keep it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from insights.anomalies.detectors import DIRECTIONS, Detector, Direction, Scores, score, scores_of
from insights.anomalies.expected import Expected, expect_many
from insights.anomalies.weeks import Flags, Floats, Weeks

QUARTER: Final = 13
APART: Final = 3
SHARES: Final[Mapping[Detector, float]] = {"lost week": 0.38, "long drop": 0.52, "spike": 0.06, "long rise": 0.04}
"""How the budget is divided; drops are what people ask for."""
LEAST: Final[Mapping[Detector, float]] = {
    "lost week": math.log10(20), "spike": math.log10(20), "long drop": math.log(5), "long rise": math.log(5)
}  # fmt: skip
"""No threshold is lower: a week that comes once in twenty is none to look at, nor is a run that speaks for another rate
by less than five to one. Where all weeks are alike, a budget would rule out nothing else."""
STEADY: Final = 40.0
"""Quarters of a series' history that the drawn ones weigh as much as."""
TOLERATED: Final = 1.2
"""However small a team is, its own history has at most so many times the budget: chance is no excuse for more where
people are less regular than what is drawn."""
FEW: Final = 12
"""Series from which on the whole budget is aimed at; with fewer, half of it and an even part of the rest."""
SPARE: Final = 10.0
"""With fewer quarters a part of one alarm is not held against a history: a form of half a year could else have none."""
DRAWN: Final = 1_500.0
"""Quarters that are drawn, over all series."""
MOST_DRAWS: Final = 400


@dataclass(frozen=True, slots=True)
class History:
    """scores: as they came. drawn: as they came by chance, all draws of the same series one below the other."""

    scores: Scores
    drawn: Scores

    def only(self, rows: Flags) -> History:
        """Of these series alone."""
        times = len(self.drawn.of["lost week"]) // len(rows)
        return History(_only(self.scores, rows), _only(self.drawn, np.tile(rows, times)))


def _only(scores: Scores, rows: Flags) -> Scores:
    return Scores({name: values[rows] for name, values in scores.of.items()})


def quarters(scores: Scores) -> float:
    """Of all series together, those that were looked at."""
    return float((~np.isnan(scores.of["lost week"])).sum() / QUARTER)


def history_of(weeks: Weeks, expected: Expected, *, seed: int) -> History:
    """With as many drawn histories as it takes."""
    scores = score(weeks, expected)
    there = quarters(scores)
    times = min(int(np.ceil(DRAWN / there)), MOST_DRAWS) if there else 0
    return History(scores, _drawn(weeks, expected, times, np.random.default_rng(seed)))


def _drawn(weeks: Weeks, expected: Expected, times: int, random: np.random.Generator) -> Scores:
    """The same series with other luck: where something was expected, a count by chance."""
    is_said = ~np.isnan(expected.mean)
    usual = np.where(is_said, expected.mean, 1.0)
    size = 1 / expected.spread[:, None]
    counts = random.negative_binomial(size, size / (size + usual), (times, *usual.shape)).astype(np.float64)
    counts = np.where(is_said, counts, weeks.counts)
    found = expect_many(counts, weeks.worked, weeks.teams)
    flat = (times * len(usual), usual.shape[1])
    return scores_of(counts.reshape(flat), found.mean.reshape(flat), found.spread.reshape(flat[0]))


# --- from a budget to thresholds -------------------------------------------------------------------------------------


def thresholds_for(history: History, budget: float) -> dict[Detector, float]:
    """Of each detector; inf: no week is an alarm. budget: alarms per series and quarter, more than 0."""
    budget *= aimed_at(n_series(history.scores))
    rates = {name: _Rates.of(history, name) for name in DIRECTIONS}
    low, high = 0.5, 4.0
    for _ in range(10):
        middle = (low + high) / 2
        tried = {name: one.threshold(middle * SHARES[name] * budget) for name, one in rates.items()}
        low, high = (middle, high) if rate(history, tried) <= budget else (low, middle)
    return {name: one.threshold(low * SHARES[name] * budget) for name, one in rates.items()}


def n_series(scores: Scores) -> int:
    """That were looked at."""
    return int((~np.isnan(scores.of["lost week"])).any(axis=1).sum())


def aimed_at(n: int) -> float:
    """The part of the budget that thresholds of so many series are set for."""
    return min(1.0, 0.5 + 0.5 * n / FEW)


def rate(history: History, thresholds: Mapping[Detector, float]) -> float:
    """Alarms per series and quarter, steadied."""
    return float(_steadied(n_alarms(history.scores, thresholds), n_alarms(history.drawn, thresholds), history))


def _steadied(n: Any, n_drawn: Any, history: History) -> Any:
    there, drawn = quarters(history.scores), quarters(history.drawn)
    if not drawn:
        return n * 0.0
    steadied = (n + STEADY * n_drawn / drawn) / (there + STEADY)
    spare = max(0.0, 1 - there / SPARE)
    return np.maximum(steadied, np.maximum(n - spare, 0) / there / TOLERATED)


def n_alarms(scores: Scores, thresholds: Mapping[Detector, float]) -> int:
    """Alarms of both directions."""
    return sum(int(begins(alarms_of(scores, thresholds, one)).sum()) for one in ("drop", "rise"))


def alarms_of(scores: Scores, thresholds: Mapping[Detector, float], direction: Direction) -> Flags:
    """Weeks in which a detector of this direction is at its threshold or above."""
    found = [values >= thresholds[name] for name, values in scores.of.items() if DIRECTIONS[name] == direction]
    return np.asarray(np.any(found, axis=0))


def begins(alarms: Flags) -> Flags:
    """The first week of each run of alarms."""
    before = np.zeros_like(alarms)
    for back in range(1, APART + 1):
        before[:, back:] |= alarms[:, :-back]
    return np.asarray(alarms & ~before)


@dataclass(frozen=True, slots=True)
class _Rates:
    """Steadied alarms per series and quarter of one detector at some thresholds, rising."""

    at: Floats
    rate: Floats

    @classmethod
    def of(cls, history: History, name: Detector) -> _Rates:
        came, drawn = _Alarms.of(history.scores.of[name]), _Alarms.of(history.drawn.of[name])
        every = np.sort(np.concatenate([came.levels, drawn.levels]))
        if not len(every):
            return cls(np.array([np.inf]), np.zeros(1))
        at = np.append(np.unique(every), np.nextafter(every[-1], np.inf))
        at = np.append(LEAST[name], at[at > LEAST[name]])
        return cls(at, np.asarray(_steadied(came.n(at), drawn.n(at), history)))

    def threshold(self, most: float) -> float:
        """The lowest from which on the rate is never above `most`."""
        above = np.flatnonzero(self.rate > most)
        return float(self.at[above[-1] + 1]) if len(above) else float(self.at[0])


@dataclass(frozen=True, slots=True)
class _Alarms:
    """How many alarms there are at a threshold: weeks at or above it, without those that come soon after another.
    Sorted: levels, of all weeks; followed: the lower of a week's level and the highest of the weeks before it."""

    levels: Floats
    followed: Floats

    @classmethod
    def of(cls, scores: Floats) -> _Alarms:
        level = np.where(np.isnan(scores), -np.inf, scores)
        before = np.full_like(level, -np.inf)
        for back in range(1, APART + 1):
            before[:, back:] = np.maximum(before[:, back:], level[:, :-back])
        is_there = np.isfinite(level)
        return cls(np.sort(level[is_there]), np.sort(np.minimum(level, before)[is_there]))

    def n(self, at: Floats) -> npt.NDArray[np.int64]:
        """By threshold."""
        return np.searchsorted(self.followed, at, "left") - np.searchsorted(self.levels, at, "left")
