"""Bookings of the coming weeks from open deals, corrected by its own record and blended with what the past weeks say.

For eight weeks the chances of open and of new deals count (`hazard`), multiplied by half of how far replays of the last
weeks were off, and averaged with the history's mean and, from two quarters on, the same weeks of the quarter before;
beyond, those alone. Every replay sees only what was known on its day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from insights.forecasting.hazard import expected_amounts, fit_hazard, known_on, worth
from insights.forecasting.intervals import LEAST_APART, LEVEL
from insights.forecasting.members import Z80, CannotForecast, Floats

NEAR_WEEKS: Final = 8
"""So far ahead open deals say more than past weeks do."""
QUARTER: Final = 13
FIRST_WEEKS: Final = 6
"""Weeks on record before the first replay."""
CALIBRATED_ON: Final = 4
"""Weeks ahead over which a replay is held against what came."""
LAST_REPLAYS: Final = 8
TRUST: Final = 0.5
"""How much of the replays' error is corrected, in logarithms: they overlap, so that eight are few."""
TOTAL: Final = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookings:
    """deals: as `hazard.known_on` describes, and a column per level. since: first day of which closings are recorded.
    value_by: the column by which won values differ. levels: columns to forecast by, beside the total. horizon:
    weeks."""

    deals: pd.DataFrame
    since: pd.Timestamp
    value_by: str
    levels: Sequence[str] = ()
    horizon: int = QUARTER


@dataclass(frozen=True, slots=True)
class Replay:
    """What was said on `day`, per level: frames of names by weeks 0 … horizon - 1. pipeline: corrected by its record;
    raw: uncorrected. series: history alone; blend: what is shown. spread: of one past week. weighted: the open deals'
    value times the win rate, one figure per name without a date, for reference only."""

    day: pd.Timestamp
    raw: Mapping[str, pd.DataFrame]
    pipeline: Mapping[str, pd.DataFrame]
    series: Mapping[str, pd.DataFrame]
    blend: Mapping[str, pd.DataFrame]
    spread: Mapping[str, pd.Series]
    weighted: Mapping[str, pd.Series]


def replays(asked: Bookings, now: pd.Timestamp) -> list[Replay]:
    """What was, or would have been, said every week since the record is long enough, the last one on `now` itself.

    Weeks end with the day before `now`. Raises CannotForecast where the record is shorter than seven weeks or no deal
    was won in its first six."""
    known = known_on(asked.deals, now)
    days = pd.date_range(now, asked.since, freq="-7D")[::-1]
    if len(days) <= FIRST_WEEKS + 1:
        raise CannotForecast(f"{len(days) - 1} weeks on record; open deals are forecast from {FIRST_WEEKS + 1} on.")
    weekly = {level: won_by_week(known, level, days) for level in (TOTAL, *asked.levels)}
    found: list[Replay] = []
    for week in range(FIRST_WEEKS, len(days)):
        past = {level: table.iloc[:, :week] for level, table in weekly.items()}
        found.append(_replay(asked, known_on(known, days[week]), days[week], past, found, weekly[TOTAL].to_numpy()[0]))
    return found


def won_by_week(deals: pd.DataFrame, level: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Sums of won values, names by weeks; a week runs from one of `days` to the day before the next."""
    won = deals[deals["is_won"] & (deals["closed_on"] >= days[0]) & (deals["closed_on"] < days[-1])]
    week = pd.Series((won["closed_on"] - days[0]).dt.days // 7, index=won.index, name="week")
    sums = won.groupby([_names(won, level), week])["value"].sum().unstack(fill_value=0)
    names = sorted(_names(deals, level).unique())
    return sums.reindex(index=names, columns=range(len(days) - 1), fill_value=0.0)


def _names(table: pd.DataFrame, level: str) -> pd.Series:
    return pd.Series(TOTAL, index=table.index, name=level) if level == TOTAL else table[level]


def _replay(
    asked: Bookings, known: pd.DataFrame, day: pd.Timestamp, past: Mapping[str, pd.DataFrame], before: Sequence[Replay],
    came: Floats,
) -> Replay:  # fmt: skip
    if not (known["is_won"] & known["value"].notna()).any():
        raise CannotForecast("No deal with a value was won yet.")
    hazard = fit_hazard(known, day, asked.since)
    expected = expected_amounts(known, day, hazard, asked.horizon, value_by=asked.value_by)
    factor = _correction(before, came, past[TOTAL].shape[1])
    steps = list(range(asked.horizon))
    raw, pipeline, series, blend = {}, {}, {}, {}
    for level, table in past.items():
        sums = expected.groupby(_names(expected, level))[steps].sum().reindex(table.index, fill_value=0.0)
        raw[level], pipeline[level] = sums, sums * factor
        series[level], blend[level] = _history(table, steps), _blended(table, sums * factor, steps)
    still = known[known["closed_on"].isna()]
    closed = known[known["closed_on"].notna()]
    value = pd.Series(worth(known, still, asked.value_by) * float(closed["is_won"].mean()), index=still.index)
    return Replay(
        day, raw, pipeline, series, blend,
        spread={level: table.std(axis=1, ddof=1) for level, table in past.items()},
        weighted={
            level: value.groupby(_names(still, level)).sum().reindex(table.index, fill_value=0.0)
            for level, table in past.items()
        },
    )  # fmt: skip


def _correction(before: Sequence[Replay], came: Floats, week: int) -> float:
    """From replays whose first weeks are over: what came over what was said, half of it believed."""
    matured = [(one, FIRST_WEEKS + i) for i, one in enumerate(before) if FIRST_WEEKS + i + CALIBRATED_ON <= week]
    last = matured[-LAST_REPLAYS:]
    said = sum(float(one.raw[TOTAL].to_numpy()[0, :CALIBRATED_ON].sum()) for one, _ in last)
    happened = sum(float(came[at : at + CALIBRATED_ON].sum()) for _, at in last)
    return (happened / said) ** TRUST if said > 0 and happened > 0 else 1.0


def _history(table: pd.DataFrame, steps: Sequence[int]) -> pd.DataFrame:
    """The mean of all weeks; from two quarters on, averaged with the same weeks of the quarter before: the total's, to
    each its usual share, for the weeks of one owner alone are mostly chance."""
    parts = _members(table, steps)
    return sum(parts[1:], parts[0]) / len(parts)


def _members(table: pd.DataFrame, steps: Sequence[int]) -> list[pd.DataFrame]:
    n = table.shape[1]
    mean = np.repeat(table.to_numpy().mean(axis=1)[:, None], len(steps), axis=1)
    found = [pd.DataFrame(mean, index=table.index, columns=list(steps))]
    if n >= 2 * QUARTER:
        before = table.to_numpy().sum(axis=0)[n - QUARTER + np.arange(len(steps)) % QUARTER]
        share = mean[:, :1] / max(float(mean[:, 0].sum()), 1e-12)
        found.append(pd.DataFrame(share * before, index=table.index, columns=list(steps)))
    return found


def _blended(table: pd.DataFrame, pipeline: pd.DataFrame, steps: Sequence[int]) -> pd.DataFrame:
    parts = [pipeline, *_members(table, steps)]
    near = sum(parts[1:], parts[0]) / len(parts)
    history = _history(table, steps)
    return pd.concat([near.iloc[:, :NEAR_WEEKS], history.iloc[:, NEAR_WEEKS:]], axis=1)


def outlook(asked: Bookings, now: pd.Timestamp) -> pd.DataFrame:
    """Bookings of the coming weeks, by name and week, as of `now`.

    Returns `level`, `name`, `week` (its first day), `step` (from 1), `value` (of that week), `until` (sum up to its
    end) with `until_low` and `until_high` (80 %), `pipeline` and `series` (the parts of the blend, that week), and
    `weighted_pipeline` (reference without a date, the same in all rows of a name).
    """
    said = replays(asked, now)
    days = pd.date_range(now, asked.since, freq="-7D")[::-1]
    known = known_on(asked.deals, now)
    rows = []
    for level in (TOTAL, *asked.levels):
        came = won_by_week(known, level, days)
        low, high = until_bands(said, level, came)
        for name in came.index:
            rows.append(_rows(said[-1], level, name, low.loc[name].to_numpy(), high.loc[name].to_numpy()))
    return pd.concat(rows, ignore_index=True)


def _rows(one: Replay, level: str, name: str, low: Floats, high: Floats) -> pd.DataFrame:
    value = one.blend[level].loc[name].to_numpy()
    return pd.DataFrame(
        {
            "level": level,
            "name": name,
            "week": pd.date_range(one.day, periods=len(value), freq="7D"),
            "step": np.arange(1, len(value) + 1),
            "value": value,
            "until": value.cumsum(),
            "until_low": low,
            "until_high": high,
            "pipeline": one.pipeline[level].loc[name].to_numpy(),
            "series": one.series[level].loc[name].to_numpy(),
            "weighted_pipeline": float(one.weighted[level].loc[name]),
        }
    )


def until_bands(said: Sequence[Replay], level: str, came: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """80 % intervals of the sums up to each week that the last of the replays gives, names by weeks.

    came: what was won, names by weeks up to the last replay's day. Half from the spread of past weeks, half from what
    came over what was said at the matured replays of all names of the level; the first alone with fewer than four
    replays that do not overlap. Deals are never taken for independent: such intervals are far too narrow.
    """
    last = said[-1].blend[level]
    until = last.to_numpy().cumsum(axis=1)
    spread = said[-1].spread[level].to_numpy()[:, None] * np.sqrt(np.arange(1, last.shape[1] + 1))[None, :]
    low, high = until - Z80 * spread, until + Z80 * spread
    for step in range(last.shape[1]):
        ratios = _ratios(said, level, came.to_numpy(), step + 1)
        if ratios is not None:
            down, up = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            low[:, step] = (low[:, step] + until[:, step] * min(down, 1.0)) / 2
            high[:, step] = (high[:, step] + until[:, step] * max(up, 1.0)) / 2
    frames = (pd.DataFrame(np.maximum(one, 0.0), index=last.index, columns=last.columns) for one in (low, high))
    return next(frames), next(frames)


def _ratios(said: Sequence[Replay], level: str, came: Floats, weeks: int) -> Floats | None:
    """What came over what was said, of replays whose weeks are over; None where too few do not overlap."""
    n = came.shape[1]
    matured = [(one, FIRST_WEEKS + i) for i, one in enumerate(said) if FIRST_WEEKS + i + weeks <= n]
    if len(matured) <= (LEAST_APART - 1) * weeks:
        return None
    said_sums = np.concatenate([one.blend[level].to_numpy()[:, :weeks].sum(axis=1) for one, _ in matured])
    came_sums = np.concatenate([came[:, at : at + weeks].sum(axis=1) for _, at in matured])
    return np.asarray(came_sums[said_sums > 0] / said_sums[said_sums > 0])
