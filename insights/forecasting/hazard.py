"""What open deals, and deals like the recent ones, will bring: chances of winning by age and week of quarter.

Weeks run from the day of the forecast. A deal's age is the number of weeks that began since it was opened. Winning and
losing are competing risks, estimated from deal-weeks at risk, so that deals which are still open count too; records
may begin later than deals do (delayed entry). A share of deals never closes: usually that of the newest deals that
are older than nearly all closed ones, and each cohort's own as soon as fewer of it closed than should have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

WEEKS_OF_QUARTER: Final = 14
PSEUDO_EVENTS: Final = 20.0
"""Closings at the usual pace that pull the factor of a week of the quarter towards 1."""
PSEUDO_WEEKS: Final = 10.0
"""Deal-weeks at the neighbours' pace that steady the hazard of one age."""
RECENT_WEEKS: Final = 8
"""New deals are expected to come as they came in so many weeks."""
MATURED_WEEKS: Final = 13
"""So many weeks of opening days tell how many deals never close."""
COHORT_WEEKS: Final = 8
PSEUDO_DEALS: Final = 50.0
"""Deals that close as usual, imagined in each cohort."""
NEARLY_ALL: Final = 0.98
MOST_CLOSING: Final = 0.9
"""At no age do more than so many of the deals that will close do so within a week."""


def known_on(deals: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The deals as they were known at the beginning of `day`: what opened later is gone, what closed later is open.

    deals: `opened_on`, `closed_on` (NaT: open), `is_won` (of closed ones), `value` (of won ones, NaN: not given), and
    any columns that group them. The frame is not modified.
    """
    known = deals[deals["opened_on"] < day].copy()
    is_later = ~(known["closed_on"] < day)
    known.loc[is_later, "closed_on"] = pd.NaT
    known.loc[is_later, "is_won"] = False
    known.loc[is_later, "value"] = np.nan
    return known


@dataclass(frozen=True, slots=True)
class Hazard:
    """won, lost: chance per week at risk, by age in weeks, the last for all older ones; of deals that close at all.
    won_in, lost_in: their factors by week of quarter. never: share of new deals that never close.
    since: first day of which closings are recorded."""

    won: Floats
    lost: Floats
    won_in: Floats
    lost_in: Floats
    never: float
    since: np.datetime64

    def wins(self, ages: Whole, weeks: Whole, never: Floats) -> Floats:
        """Chance of winning in each coming week. ages: of deals known to be open, in the first of them; weeks: the
        week of quarter of each; never: share of each deal's kind that never closes. Returns deals by weeks."""
        alive = self.closing(ages, never)
        found = np.zeros((len(ages), len(weeks)))
        for step, week in enumerate(weeks):
            at = np.minimum(ages + step, len(self.won) - 1)
            won = np.minimum(self.won[at] * self.won_in[week], 0.95)
            lost = np.minimum(self.lost[at] * self.lost_in[week], 0.99 - won)
            found[:, step] = alive * won
            alive = alive * (1 - won - lost)
        return found

    def closing(self, ages: Whole, never: Floats) -> Floats:
        """Chance that a deal, open at this age, will close at all."""
        share = (1 - never) * self.still_open(ages)
        return np.asarray(share / np.maximum(share + never, 1e-12))

    def still_open(self, ages: Whole) -> Floats:
        """Of the deals that close at all, the share that is open at each age."""
        n, each = len(self.won), 1 - self.won - self.lost
        by_age = np.cumprod(np.concatenate([[1.0], each]))
        return np.asarray(by_age[np.minimum(ages, n)] * each[-1] ** np.maximum(ages - n, 0))


def week_of_quarter(days: pd.DatetimeIndex) -> Whole:
    """0 for the first seven days of a calendar quarter, 13 for what is left over at its end."""
    start = days.to_period("Q").start_time
    return np.asarray((days - start).days // 7, dtype=np.int64)


def coming_weeks(day: pd.Timestamp, horizon: int) -> pd.DatetimeIndex:
    return pd.date_range(day, periods=horizon, freq="7D")


def fit_hazard(known: pd.DataFrame, day: pd.Timestamp, since: pd.Timestamp) -> Hazard:
    """known: as `known_on` gives them, at least one closed. since: the first day of which closings are recorded."""
    opened = known["opened_on"].to_numpy("datetime64[D]")
    closed = known["closed_on"].to_numpy("datetime64[D]")
    is_won = known["is_won"].to_numpy(bool)
    ages = ((closed - opened)[~np.isnat(closed)] // np.timedelta64(7, "D")).astype(np.int64)
    last = int(np.quantile(ages, NEARLY_ALL)) + 1
    at_risk, won, lost = (np.zeros((last + 1, WEEKS_OF_QUARTER)) for _ in range(3))
    starts = pd.date_range(day - pd.Timedelta(days=7), since, freq="-7D")[::-1]
    never = _never_closing(opened, closed, day, last)
    for start, week in zip(starts.to_numpy("datetime64[D]"), week_of_quarter(starts), strict=True):
        end = start + np.timedelta64(7, "D")
        is_open = (opened < end) & (np.isnat(closed) | (closed >= start))
        age = np.minimum(_age(opened[is_open], start), last)
        is_event = closed[is_open] < end
        np.add.at(at_risk, (age, week), 1.0)
        np.add.at(won, (age[is_event & is_won[is_open]], week), 1.0)
        np.add.at(lost, (age[is_event & ~is_won[is_open]], week), 1.0)
    by_age_won, by_age_lost = (_steady(part.sum(axis=1), at_risk.sum(axis=1)) for part in (won, lost))
    won_in, lost_in = (_pace(won, at_risk, by_age_won), _pace(lost, at_risk, by_age_lost))
    alive = _share_alive(by_age_won + by_age_lost)
    return Hazard(by_age_won / alive, by_age_lost / alive, won_in, lost_in, never, np.datetime64(since, "D"))


def _share_alive(closing: Floats) -> Floats:
    """Of the deals open at each age, the share that will close: what is left at the last age never will."""
    still = np.cumprod(np.concatenate([[1.0], 1 - closing]))[:-1]
    # Where all that closes has closed by an age, nothing is left to divide, and whoever is older would close, too.
    alive = 1 - np.divide(still[-1], still, out=np.zeros_like(still), where=still > 0)
    alive[-1] = alive[-2] if len(alive) > 1 else 1.0
    return np.asarray(np.maximum(alive, closing / MOST_CLOSING))


def _age(opened: npt.NDArray[np.datetime64], start: np.datetime64) -> Whole:
    """Weeks that began since opening, the one from `start` on included: 0 for a deal that is opened in it."""
    return np.asarray(-((opened - start) // np.timedelta64(7, "D")), dtype=np.int64)


def _pace(events: Floats, at_risk: Floats, by_age: Floats) -> Floats:
    """Events per week of quarter over those that ages alone would give, pulled towards 1."""
    return np.asarray((events.sum(axis=0) + PSEUDO_EVENTS) / ((at_risk * by_age[:, None]).sum(axis=0) + PSEUDO_EVENTS))


def _steady(events: Floats, at_risk: Floats) -> Floats:
    """Events per week at risk, each age leaning on its neighbours where it has few weeks."""
    wide = np.convolve(events, [1, 1, 1], "same") / np.maximum(np.convolve(at_risk, [1, 1, 1], "same"), 1.0)
    return np.asarray((events + PSEUDO_WEEKS * wide) / (at_risk + PSEUDO_WEEKS))


def _never_closing(
    opened: npt.NDArray[np.datetime64], closed: npt.NDArray[np.datetime64], day: pd.Timestamp, last: int
) -> float:
    """Share still open of the deals of the newest weeks that are older than nearly all closed ones."""
    age = (np.datetime64(day, "D") - opened) // np.timedelta64(7, "D")
    is_matured = (age > last) & (age <= last + MATURED_WEEKS)
    n = int(is_matured.sum())
    return float(np.isnat(closed[is_matured]).sum()) / n if n >= 20 else 0.0


def never_by_cohort(known: pd.DataFrame, day: pd.Timestamp, hazard: Hazard) -> Floats:
    """Share that never closes, per deal of `known`, from how many of its cohort (deals opened within the same eight
    weeks) closed so far, against how many would have if all did; pulled towards the usual share. Old cohorts show it
    plainly, and a young one whose deals stay open more than they should shows it early."""
    opened = known["opened_on"].to_numpy("datetime64[D]")
    ages = _age(opened, np.datetime64(day, "D"))
    cohort = (ages - 1) // COHORT_WEEKS
    is_whole = opened >= hazard.since
    due = np.bincount(cohort[is_whole], 1 - hazard.still_open(ages[is_whole]), minlength=int(cohort.max(initial=0)) + 1)
    closed = np.bincount(cohort[is_whole], known["closed_on"].notna().to_numpy()[is_whole], minlength=len(due))
    share = 1 - (closed + PSEUDO_DEALS * (1 - hazard.never)) / (due + PSEUDO_DEALS)
    return np.asarray(np.where(is_whole, np.clip(share, 0.0, 0.95)[cohort], hazard.never))


def expected_amounts(
    known: pd.DataFrame, day: pd.Timestamp, hazard: Hazard, horizon: int, *, value_by: str
) -> pd.DataFrame:
    """What is expected to be won in each of the coming weeks, in the currency of `value`.

    value_by: the column by which won values differ. Returns a row per open deal and a row for every deal that was
    opened lately (it stands for those to come), with the columns of `known`, `is_new`, and 0 … horizon - 1.
    """
    weeks = week_of_quarter(coming_weeks(day, horizon))
    still = known[known["closed_on"].isna()]
    lately = known[known["opened_on"] >= day - pd.Timedelta(weeks=RECENT_WEEKS)]
    ages = _age(still["opened_on"].to_numpy("datetime64[D]"), np.datetime64(day, "D"))
    never = never_by_cohort(known, day, hazard)[known["closed_on"].isna().to_numpy()]
    amounts = hazard.wins(ages, weeks, never) * worth(known, still, value_by)[:, None]
    pace = worth(known, lately, value_by)[:, None] * _of_new(hazard, weeks)[None, :] / RECENT_WEEKS
    parts = [still.assign(is_new=False), lately.assign(is_new=True)]
    table = pd.concat(parts, ignore_index=True)
    return pd.concat([table, pd.DataFrame(np.vstack([amounts, pace]))], axis=1)


def _of_new(hazard: Hazard, weeks: Whole) -> Floats:
    """Chances of winning in each coming week, summed over one deal that is opened in each of them."""
    total = np.zeros(len(weeks))
    for step in range(len(weeks)):
        total[step:] += hazard.wins(np.zeros(1, dtype=np.int64), weeks[step:], np.array([hazard.never]))[0]
    return total


def worth(known: pd.DataFrame, rows: pd.DataFrame, value_by: str) -> Floats:
    """Mean won value of each row's kind; the mean of all where its kind was never won."""
    won = known[known["is_won"] & known["value"].notna()]
    means = won.groupby(value_by)["value"].mean()
    overall = float(won["value"].mean()) if len(won) else 0.0
    return np.asarray(rows[value_by].map(means).fillna(overall), dtype=np.float64)
