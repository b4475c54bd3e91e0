"""How unlikely a week, two weeks or a run of weeks were, by series and week: the larger, the less likely.

`week_tails`: minus log10 of the probability of so few (so many) in one week or in two, negative binomial. `runs`: the
log-likelihood that the rate has halved (doubled), summed over weeks and never below 0 (CUSUM, Page 1954).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from insights.anomalies.expected import Expected
from insights.anomalies.weeks import Floats, Weeks

Direction = Literal["drop", "rise"]
Detector = Literal["lost week", "spike", "long drop", "long rise"]
DIRECTIONS: Final[Mapping[Detector, Direction]] = {
    "lost week": "drop", "long drop": "drop", "spike": "rise", "long rise": "rise"
}  # fmt: skip
PAIR: Final = 1.0
"""Two weeks together must be so much less likely, in powers of ten: there are as many of them, runs find most of what
they find, and what is spent on them is missing for single weeks."""
STEP: Final = 4.0
"""No single week moves a run by more."""
CHANGE: Final[Mapping[Direction, float]] = {"drop": 0.5, "rise": 2.0}
_LEAST: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Scores:
    """of: by detector, series by weeks, NaN where nothing can be said."""

    of: Mapping[Detector, Floats]


def score(weeks: Weeks, expected: Expected) -> Scores:
    return scores_of(weeks.counts, expected.mean, expected.spread)


def scores_of(counts: Floats, mean: Floats, spread: Floats) -> Scores:
    """counts, mean: series by weeks. spread: by series."""
    size = 1 / spread[:, None]
    few, many = _tails(counts, mean, size)
    counts2, mean2, size2 = _two_weeks(counts, mean, size)
    few2, many2 = _tails(counts2, mean2, size2)
    return Scores(
        {
            "lost week": np.fmax(few, few2 - PAIR),
            "spike": np.fmax(many, many2 - PAIR),
            "long drop": run(counts, mean, size, CHANGE["drop"]),
            "long rise": run(counts, mean, size, CHANGE["rise"]),
        }
    )


def _tails(counts: Floats, mean: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Of at most, and of at least, as many."""
    from scipy.special import betainc

    p = size / (size + mean)
    few = betainc(size, counts + 1, p)
    many = np.where(counts > 0, betainc(np.maximum(counts, 1), size, 1 - p), np.where(np.isnan(mean), np.nan, 1.0))
    return _unlikely(few), _unlikely(many)


def _unlikely(probability: Floats) -> Floats:
    return np.asarray(-np.log10(np.maximum(probability, _LEAST)))


def _two_weeks(counts: Floats, mean: Floats, size: Floats) -> tuple[Floats, Floats, Floats]:
    """The week and the one before, where both can be judged. Their variances add up; the sum is taken for negative
    binomial again."""
    before, usual_before = np.full_like(counts, np.nan), np.full_like(mean, np.nan)
    before[:, 1:], usual_before[:, 1:] = counts[:, :-1], mean[:, :-1]
    usual = mean + usual_before
    return counts + before, usual, size * usual**2 / (mean**2 + usual_before**2)


def run(counts: Floats, mean: Floats, size: Floats, change: float) -> Floats:
    """The CUSUM for a rate of `change` times the usual one. A week of which nothing is known changes nothing."""
    odds = counts * np.log(change) - (counts + size) * np.log((size + change * mean) / (size + mean))
    odds = np.asarray(np.clip(odds, -STEP, STEP))
    is_said = ~np.isnan(odds)
    level = np.zeros(len(counts))
    found: Floats = np.full(odds.shape, np.nan)
    for week in range(odds.shape[1]):
        here = is_said[:, week]
        level = np.where(here, np.maximum(level + np.nan_to_num(odds[:, week]), 0.0), level)
        found[here, week] = level[here]
    return found
