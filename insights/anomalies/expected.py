"""What was to be expected of each week: the series' own recent weeks, times what the others did in that week.

Only earlier weeks are looked at, but for the others' factor, which is of the same week and leaves the series itself
out. Where its own team is large enough it is the team's, pulled toward that of all others: a team has holidays of its
own. A count that is far outside is learnt from only as far as what was likely, so that two lost weeks are not the new
normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from insights.anomalies.weeks import NO_TEAM, Codes, Flags, Floats, Weeks

WINDOW: Final = 12
SMOOTHING: Final = 0.2
PSEUDO_COUNTS: Final = 5.0
"""A team's week is pulled toward an ordinary one by so many imaginary counts, as expected as they came."""
LEAST_TEAM: Final = 6
"""Members with an expectation in a week from which on a team's own week counts: of fewer it is chance."""
LIKE_ALL: Final = 1.0
"""A team's week is pulled toward that of all by so many imaginary members, who did as all others did."""
WARM_UP: Final = 13
"""Weeks of its own that a series must have before anything is said of it."""
LEAST_MEAN: Final = 0.05
LEAST_SPREAD: Final = 1e-3
"""Relative variance beyond that of chance; what is nearly Poisson is treated as if it were this."""
OWN_WEEKS: Final = 200.0
"""A series' own spread is pulled toward that of all by so many imaginary weeks."""
LIKELY: Final = 2.0
"""Standard deviations within which a count is learnt from in full."""


@dataclass(frozen=True, slots=True)
class Expected:
    """By series and week, NaN where nothing is known or fewer than WARM_UP own weeks came before. mean: of the count.
    team: what was to be expected by what the others did, 1 is usual. spread: by series, the relative variance beyond
    chance: the variance of a count is mean + spread * mean²."""

    mean: Floats
    team: Floats
    spread: Floats


def expect(weeks: Weeks) -> Expected:
    """First without regard to outliers, which gives a first spread, then with."""
    found = expect_many(weeks.counts[None], weeks.worked, weeks.teams)
    return Expected(found.mean[0], found.team[0], found.spread[0])


def expect_many(counts: Floats, worked: Floats, teams: Codes | None = None) -> Expected:
    """The same of several histories of the same series at once: histories by series by weeks, spread histories by
    series. teams: as in `Weeks`."""
    members = _members(teams)
    mean, _ = _walk(counts, worked, members, None)
    mean, team = _walk(counts, worked, members, _spread(counts, mean))
    return Expected(mean, team, _spread(counts, mean))


def _members(teams: Codes | None) -> Floats | None:
    """Series by teams that can be large enough: 1 for a member. None where there is no such team."""
    if teams is None:
        return None
    codes, n = np.unique(teams[teams != NO_TEAM], return_counts=True)
    codes = codes[n >= LEAST_TEAM]
    return (teams[:, None] == codes).astype(np.float64) if len(codes) else None


def _walk(
    counts: Floats, worked: Floats, members: Floats | None, spread: Floats | None
) -> tuple[Floats, Floats]:  # fmt: skip
    known = ~np.isnan(counts)
    mean, team = np.full((2, *counts.shape), np.nan)
    past = _Past(counts.shape[:2])
    for week in range(counts.shape[2]):
        is_here, came = known[..., week], counts[..., week]
        rate = past.rate() * worked[:, week]
        factor = _factor(np.where(is_here & (past.seen > 0), came, np.nan), rate, members)
        usual = np.maximum(rate * factor, LEAST_MEAN)
        is_said = is_here & (past.seen >= WARM_UP)
        mean[..., week][is_said], team[..., week][is_said] = usual[is_said], factor[is_said]
        if spread is not None:
            reach = LIKELY * np.sqrt(usual + spread * usual**2)
            came = np.where(is_said, np.clip(came, usual - reach, np.maximum(usual + reach, 1)), came)
        past.learn(came / worked[:, week], is_here)
    return mean, team


class _Past:
    """What each series did in its own last weeks, known ones alone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.seen = np.zeros(shape, np.int64)
        self._recent = np.zeros((*shape, WINDOW))
        self._smooth = np.zeros(shape)

    def rate(self) -> Floats:
        """Per whole week; NaN: nothing is known yet."""
        n = np.minimum(self.seen, WINDOW)
        average = self._recent.sum(axis=-1) / np.maximum(n, 1)
        return np.where(n > 0, (average + self._smooth) / 2, np.nan)

    def learn(self, counts: Floats, is_here: Flags) -> None:
        at = np.nonzero(is_here)
        self._recent[(*at, self.seen[at] % WINDOW)] = counts[at]
        weight = np.where(self.seen == 0, 1.0, SMOOTHING)
        self._smooth = np.where(is_here, self._smooth + weight * (counts - self._smooth), self._smooth)
        self.seen += is_here


def _factor(counts: Floats, rate: Floats, members: Floats | None) -> Floats:
    """Of each series: what the others did in this week over what they usually do."""
    is_counted = ~np.isnan(counts) & ~np.isnan(rate)
    came, usual = np.where(is_counted, counts, 0.0), np.where(is_counted, rate, 0.0)
    others, usual_others = (one.sum(axis=-1, keepdims=True) - one for one in (came, usual))
    of_all = np.asarray((others + PSEUDO_COUNTS) / (usual_others + PSEUDO_COUNTS))
    if members is None:
        return of_all
    n = (is_counted @ members) @ members.T  # of the own team, itself included
    mates, usual_mates = ((one @ members) @ members.T - one for one in (came, usual))
    pull = PSEUDO_COUNTS + LIKE_ALL * usual_mates / np.maximum(n - 1, 1)
    return np.where(n >= LEAST_TEAM, (mates + pull * of_all) / (usual_mates + pull), of_all)


def _spread(counts: Floats, mean: Floats) -> Floats:
    """By moments: that of all series together, and each one's own pulled toward it. What is far outside counts as far
    as three standard deviations, or one spike would hide all others."""
    is_said = ~np.isnan(mean)
    usual = np.where(is_said, mean, 0.0)
    squared = np.where(is_said, counts - mean, 0.0) ** 2
    spread, weight = np.full(counts.shape[:2], 0.1), usual**2
    below, n = weight.sum(axis=-1), np.maximum(is_said.sum(axis=-1), 1)
    pull = OWN_WEEKS * below / n
    for _ in range(4):
        most = 9 * (usual + spread[..., None] * weight)
        above = ((np.minimum(squared, most) - usual) * is_said).sum(axis=-1)
        of_all = above.sum(axis=-1, keepdims=True) / np.maximum(below.sum(axis=-1, keepdims=True), LEAST_SPREAD)
        of_all = np.maximum(of_all, LEAST_SPREAD)
        own = np.where(below > 0, (above + of_all * pull) / np.maximum(below + pull, LEAST_SPREAD), of_all)
        spread = np.maximum(own, LEAST_SPREAD)
    return spread
