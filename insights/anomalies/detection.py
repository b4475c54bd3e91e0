"""From counts to alarms: expected, scored, held against thresholds that keep the budget, and told with their
reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.anomalies.detectors import DIRECTIONS, Detector, Direction, Scores
from insights.anomalies.expected import WARM_UP, Expected, expect
from insights.anomalies.thresholds import (
    History,
    aimed_at,
    alarms_of,
    begins,
    history_of,
    n_alarms,
    n_series,
    quarters,
    thresholds_for,
)
from insights.anomalies.weeks import CannotDetect, Flags, Floats, Weeks

Places = npt.NDArray[np.intp]
BUDGET: Final = 0.25
"""False alarms per series and quarter that are usual to ask for."""
SPLITS: Final = 8
LEAST_SERIES: Final = 4
"""For a rate to be held out."""
HALVED: Final = 16
"""Series from which on halves teach one another. Half of fewer would teach less than all of them do, whose thresholds
are in use, and be a poor sign of these: there each is left out in turn."""
BAND: Final = 0.8
ALARMS: Final[Mapping[str, str]] = {
    "series": "object",
    "day": "datetime64[ns]",  # first day of the week in which it was raised
    "last_day": "datetime64[ns]",  # first day of the last week that was still out of the ordinary
    "since": "datetime64[ns]",  # first day of the weeks that it is about
    "direction": "object",  # drop or rise
    "kind": "object",  # lost week, spike or sustained
    "score": "float64",  # over its threshold: 1 is just an alarm
    "value": "float64",  # of the week
    "expected": "float64",
    "low": "float64",  # 80 % of ordinary weeks lie between
    "high": "float64",
    "team": "float64",  # what was to be expected by what the others did, 1 is usual
    "n": "int64",  # weeks that it is about
    "value_n": "float64",  # of those together
    "expected_n": "float64",
}


@dataclass(frozen=True, slots=True)
class Found:
    """weeks, expected: what was looked at. alarms: frame ALARMS, by day and series. thresholds: by detector. card: what
    the budget is worth, as JSON."""

    weeks: Weeks
    expected: Expected
    scores: Scores
    thresholds: Mapping[Detector, float]
    alarms: pd.DataFrame
    card: Mapping[str, Any]


def detect(weeks: Weeks, *, budget: float = BUDGET, seed: int = 0) -> Found:
    """budget: false alarms per series and quarter of 13 weeks, both directions together, in (0, 13]. Raises
    CannotDetect where the budget is none, or no series has more than WARM_UP weeks."""
    if not 0 < budget <= WARM_UP:
        raise CannotDetect("A budget is of alarms per series and quarter: more than 0, at most 13.")
    if not weeks.series:
        raise CannotDetect("There are no counts.")
    longest = int(weeks.is_known.sum(axis=1).max(initial=0))
    if longest <= WARM_UP:
        raise CannotDetect(
            f"No series has more than {WARM_UP} weeks that are known; the longest has {longest}. "
            f"The first {WARM_UP} only teach what is usual."
        )
    expected = expect(weeks)
    history = history_of(weeks, expected, seed=seed)
    thresholds = thresholds_for(history, budget)
    alarms = _alarms(weeks, expected, history.scores, thresholds)
    return Found(
        weeks, expected, history.scores, thresholds, alarms, _card(history, thresholds, budget=budget, seed=seed)
    )


def bands(found: Found) -> tuple[Floats, Floats]:
    """Low and high, between which 80 % of ordinary weeks lie; NaN where nothing was expected."""
    return band_of(found.expected.mean, found.expected.spread[:, None])


def band_of(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The same of these means; spread as in `Expected`, shaped as to fit them."""
    from scipy.stats import nbinom

    size = 1 / spread
    ends = [nbinom.ppf(level, size, size / (size + mean)) for level in ((1 - BAND) / 2, (1 + BAND) / 2)]
    return ends[0], ends[1]


# --- alarms ----------------------------------------------------------------------------------------------------------


def _alarms(weeks: Weeks, expected: Expected, scores: Scores, thresholds: Mapping[Detector, float]) -> pd.DataFrame:
    low, high = band_of(expected.mean, expected.spread[:, None])
    rows: list[tuple[object, ...]] = []
    for direction in ("drop", "rise"):
        raised = alarms_of(scores, thresholds, direction)
        for row, first in zip(*np.nonzero(begins(raised)), strict=True):
            last = _last(raised[row], first)
            one = _Told.of(scores, thresholds, direction, row, first)
            span = slice(first - one.n + 1, first + 1)
            rows.append((
                weeks.series[row], weeks.days[first], weeks.days[last], weeks.days[first - one.n + 1], direction,
                one.kind, one.score, weeks.counts[row, first], expected.mean[row, first], low[row, first],
                high[row, first], expected.team[row, first], int((~np.isnan(expected.mean[row, span])).sum()),
                np.nansum(weeks.counts[row, span]), np.nansum(expected.mean[row, span]),
            ))  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(ALARMS)).astype(dict(ALARMS))
    return frame.sort_values(["day", "series", "direction"], ignore_index=True)


def _last(raised: Flags, first: int) -> int:
    """The last week of the alarm that begins in week `first`."""
    last = week = first
    while week + 1 < len(raised) and week - last < 3:
        week += 1
        last = week if raised[week] else last
    return last


@dataclass(frozen=True, slots=True)
class _Told:
    """What an alarm is mostly about. n: weeks up to the one in which it was raised."""

    kind: str
    score: float
    n: int

    @classmethod
    def of(
        cls, scores: Scores, thresholds: Mapping[Detector, float], direction: Direction, row: int, first: int
    ) -> _Told:  # fmt: skip
        week, long = (name for name, one in DIRECTIONS.items() if one == direction)
        over = {name: _over(scores.of[name][row, first], thresholds[name]) for name in (week, long)}
        is_long = over[week] < 1  # a week that is enough by itself is told as such
        return cls(
            "sustained" if is_long else week,
            over[long if is_long else week],
            _since(scores.of[long][row], first) if is_long else 1,
        )


def _over(score: float, threshold: float) -> float:
    """How many times its threshold a score is; 0 where there is no score, or nothing is over the threshold."""
    return 0.0 if np.isnan(score) or np.isinf(threshold) else float(score / threshold)


def _since(level: Floats, at: int) -> int:
    """Weeks since a run began: since its level was last 0."""
    n = 1
    while at - n >= 0 and level[at - n] != 0 and not np.isnan(level[: at - n + 1]).all():
        n += 1
    return n


# --- what the budget is worth ----------------------------------------------------------------------------------------


def _card(history: History, thresholds: Mapping[Detector, float], *, budget: float, seed: int) -> dict[str, Any]:
    there = quarters(history.scores)
    n = n_alarms(history.scores, thresholds)
    held_out = held_out_rate(history, budget, seed=seed)
    return {
        "budget": budget,
        "series": n_series(history.scores),
        "aimed_at": round(budget * aimed_at(n_series(history.scores)), 4),
        "series_quarters": round(there, 1),
        "n_alarms": n,
        "alarms_per_series_quarter": round(n / there, 4),
        "held_out_per_series_quarter": None if held_out is None else round(held_out, 4),
        "thresholds": {name: None if np.isinf(one) else round(one, 4) for name, one in thresholds.items()},
    }


def held_out_rate(history: History, budget: float, *, seed: int) -> float | None:
    """Alarms per series and quarter of some series at thresholds from the others, on average: of one half at those of
    the other half, and of fewer than HALVED series of each one at those of all others. Every alarm counts as false.
    None: too few series."""
    looked_at = np.flatnonzero((~np.isnan(history.scores.of["lost week"])).any(axis=1))
    if len(looked_at) < LEAST_SERIES:
        return None
    came, there = 0, 0.0
    for rows in _left_out(looked_at, np.random.default_rng(seed)):
        out = np.zeros(len(history.scores.of["lost week"]), np.bool_)
        out[rows] = True
        judged = history.only(out).scores
        came += n_alarms(judged, thresholds_for(history.only(~out), budget))
        there += quarters(judged)
    return came / there if there else None


def _left_out(looked_at: Places, random: np.random.Generator) -> Iterator[Places]:
    """Which series are judged by the others, in turn."""
    if len(looked_at) < HALVED:
        yield from np.split(looked_at, len(looked_at))
        return
    for _ in range(SPLITS // 2):
        mixed = random.permutation(looked_at)
        yield from (mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :])
