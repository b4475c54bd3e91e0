"""Counts per series and week as a grid: what is known, what is missing, and which share of a week was worked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

NO_TEAM: Final = -1
LEAST_WORKED: Final = 0.4
"""A week of which less was worked says nothing, and nothing is said of it."""


class CannotDetect(ValueError):
    """The counts cannot be looked at; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """series: names, one per row. days: the first day of each week, seven days apart, none left out. counts: whole
    numbers, NaN where nothing is known: before a series begins, after it ends, in a week that is missing or hardly
    worked. worked: the share of its usual working time that each week had, in (0, 1], 1 where nobody says. teams: a
    number per series, the same for those of one team, NO_TEAM for none; None: nobody says."""

    series: Sequence[str]
    days: pd.DatetimeIndex
    counts: Floats
    worked: Floats
    teams: Codes | None = None

    @property
    def is_known(self) -> Flags:
        return ~np.isnan(self.counts)

    def only(self, rows: npt.NDArray[np.int64]) -> Weeks:
        """These series alone."""
        teams = None if self.teams is None else self.teams[rows]
        return Weeks([self.series[row] for row in rows], self.days, self.counts[rows], self.worked[rows], teams)

    def until(self, n: int) -> Weeks:
        """The first `n` weeks."""
        return Weeks(self.series, self.days[:n], self.counts[:, :n], self.worked[:, :n], self.teams)


def weeks_of(
    table: pd.DataFrame, worked: pd.DataFrame | None = None, teams: Mapping[str, int] | None = None
) -> Weeks:  # fmt: skip
    """table: `series`, `day` (first day of the week, all the same weekday), `value` (a whole number; NaN or no row: not
    known); one row per series and week, any order, not modified. worked: `series`, `day`, `share` in [0, 1] of weeks
    that were not worked in full. teams: by series, those that are in one. Raises CannotDetect."""
    if table.empty:
        return Weeks([], pd.DatetimeIndex([]), np.empty((0, 0)), np.empty((0, 0)))
    if table.duplicated(["series", "day"]).any():
        raise CannotDetect("A series has two counts of one week.")
    wide = table.pivot(index="series", columns="day", values="value")
    days = pd.date_range(wide.columns.min(), wide.columns.max(), freq="7D")
    if not wide.columns.isin(days).all():
        raise CannotDetect("Weeks must begin on the same weekday.")
    counts = wide.reindex(columns=days).to_numpy(np.float64)
    known = counts[~np.isnan(counts)]
    if (known < 0).any() or (known != np.floor(known)).any() or np.isinf(known).any():
        raise CannotDetect("Counts are whole numbers, zero or more.")
    names = [str(name) for name in wide.index]
    share = _share(worked, names, days)
    of_team = np.array([teams.get(name, NO_TEAM) for name in names], np.int64) if teams else None
    counts = np.where(share < LEAST_WORKED, np.nan, counts)
    return Weeks(names, days, counts, np.maximum(share, LEAST_WORKED), of_team)


def _share(worked: pd.DataFrame | None, names: Sequence[str], days: pd.DatetimeIndex) -> Floats:
    share = np.ones((len(names), len(days)))
    if worked is None or worked.empty:
        return share
    rows, columns = (
        pd.Index(names).get_indexer(pd.Index(worked["series"].astype(str))),
        days.get_indexer(pd.DatetimeIndex(worked["day"])),
    )
    is_here = (rows >= 0) & (columns >= 0)
    share[rows[is_here], columns[is_here]] = worked["share"].to_numpy(np.float64)[is_here]
    return share
