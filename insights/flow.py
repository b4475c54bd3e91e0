"""How deals flow: how many go on from a stage and how long they stay, sales velocity, cohorts, pushed close dates.

Deals that are still in a stage have not decided yet. They are neither taken for lost nor left out: up to their age they
count as having stayed. Deals that were there already when the period began count from the age they had then (delayed
entry), so that a short period tells of long stays, too. Frames are those of `snapshots/flow_facts.py`; all pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import exp, inf, log, sqrt
from typing import Final

import numpy as np
import pandas as pd

from insights.money import Money

Z: Final = 1.96
"""Of the intervals: 19 of 20 hold the true value."""
ENOUGH: Final = 20
"""Stays of fewer deals are shown with the words "too few to judge"."""
GOES_ON: Final = ("on", "won")
DECIDES: Final = ("on", "won", "back", "lost", "gone")
COHORT_WEEKS: Final = (1, 2, 4, 8, 13, 26)
"""Ages at which cohorts are compared."""


@dataclass(frozen=True, slots=True)
class Stays:
    """By age in whole days from 0 on: how many come to be watched at that age, go on, and leave some other way; and how
    many are out of sight from then on."""

    came: np.ndarray
    went_on: np.ndarray
    left: np.ndarray
    out_of_sight: np.ndarray

    @classmethod
    def of(cls, stays: pd.DataFrame) -> Stays:
        """stays: STAYS of one stage."""
        last = int(stays["age"].max()) if len(stays) else 0

        def at_age(which: pd.Series) -> np.ndarray:
            own = stays[which]
            return np.asarray(np.bincount(own["age"].to_numpy(), weights=own["n"].to_numpy(), minlength=last + 1))

        fate = stays["fate"]
        is_out = ~fate.isin(("in", *DECIDES))
        return cls(at_age(fate == "in"), at_age(fate.isin(GOES_ON)),
                   at_age(fate.isin(DECIDES) & ~fate.isin(GOES_ON)), at_age(is_out))  # fmt: skip

    @property
    def at_risk(self) -> np.ndarray:
        """How many are watched at each age: those who came by then and had not left before."""
        gone = self.went_on + self.left + self.out_of_sight
        return np.asarray(np.cumsum(self.came) - np.concatenate([[0.0], np.cumsum(gone)[:-1]]))


@dataclass(frozen=True, slots=True)
class Estimate:
    """value, low, high: with its 95 % interval; None: not known, or not reached."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFlow:
    """One stage in a period.

    n: of the deals that entered it in the period, by fate; n_entered: their sum. n_watched: stays in the period, begun
    before it or in it. goes_on: the share that goes on sooner or later, of those that enter. undecided: the share of
    which nothing is known yet, because nobody was watched for longer. median, first_quarter, last_quarter: days after
    which half, a quarter and three quarters have left the stage, whichever way. curve: `day`, `there` (share still in
    the stage), `low`, `high`.
    """

    n: Mapping[str, int]
    n_watched: int
    goes_on: Estimate
    undecided: float
    median: Estimate
    first_quarter: Estimate
    last_quarter: Estimate
    curve: pd.DataFrame

    @property
    def n_entered(self) -> int:
        return sum(self.n.values())

    @property
    def is_few(self) -> bool:
        return self.n_watched < ENOUGH


def stage_flow(stays: pd.DataFrame) -> StageFlow:
    """stays: STAYS of one stage; not modified. Empty in: no estimates."""
    new = stays[stays["is_new"] & (stays["fate"] != "in")]
    counted = new.groupby("fate")["n"].sum()
    watched = Stays.of(stays)
    curve = survival(watched)
    goes_on, undecided = conversion(watched)
    return StageFlow(
        n={str(fate): int(n) for fate, n in counted.items()},
        n_watched=int(watched.came.sum()),
        goes_on=goes_on,
        undecided=undecided,
        median=_quantile(curve, 0.5),
        first_quarter=_quantile(curve, 0.25),
        last_quarter=_quantile(curve, 0.75),
        curve=curve,
    )


def survival(stays: Stays) -> pd.DataFrame:
    """`day`, `there`, `low`, `high`: the share still in the stage at the end of each day of age.

    Source: E. L. Kaplan, P. Meier, J. Am. Stat. Assoc. 53 (1958) 457, with delayed entry; the band is Greenwood's, on
    the scale log(-log).
    """
    risk, left = stays.at_risk, stays.went_on + stays.left
    has = risk > 0
    hazard = np.divide(left, risk, out=np.zeros_like(risk), where=has)
    there = np.cumprod(1.0 - hazard)
    spread = np.divide(left, risk * (risk - left), out=np.zeros_like(risk), where=has & (risk > left))
    error = np.sqrt(np.cumsum(spread))
    low, high = there.copy(), there.copy()
    inside = (there > 0) & (there < 1)
    scale = Z * error[inside] / np.abs(np.log(there[inside]))
    low[inside], high[inside] = there[inside] ** np.exp(scale), there[inside] ** np.exp(-scale)
    return pd.DataFrame({"day": np.arange(len(there)), "there": there, "low": low, "high": high})


def _quantile(curve: pd.DataFrame, share: float) -> Estimate:
    """The first day by which this share has left; its bounds where the band's edges reach it."""

    def reached(column: str) -> float | None:
        days = curve.loc[curve[column] <= 1.0 - share + 1e-12, "day"]
        return float(days.iloc[0]) if len(days) else None

    return Estimate(reached("there"), reached("low"), reached("high"))


def conversion(stays: Stays) -> tuple[Estimate, float]:
    """The share that goes on sooner or later, and the share that is not decided at the greatest age watched.

    Leaving in another way rules going on out, so it is a competing risk and not a deal out of sight.
    Source: O. O. Aalen, S. Johansen, Scand. J. Stat. 5 (1978) 141; variance as in E. Marubini, M. G. Valsecchi,
    Analysing Survival Data from Clinical Trials (1995), 10.4; the interval is on the scale log(-log).
    """
    risk, on = stays.at_risk, stays.went_on
    all_ = on + stays.left
    has = risk > 0
    if not has.any():
        return Estimate(None), 1.0
    hazard = np.divide(all_, risk, out=np.zeros_like(risk), where=has)
    there = np.cumprod(1.0 - hazard)
    before = np.concatenate([[1.0], there[:-1]])
    share_on = np.divide(on, risk, out=np.zeros_like(risk), where=has)
    reached = np.cumsum(before * share_on)
    value = float(reached[-1])
    rest = value - reached
    first = np.divide(all_, risk * (risk - all_), out=np.zeros_like(risk), where=has & (risk > all_))
    second = np.divide((risk - on) * on, risk**3, out=np.zeros_like(risk), where=has)
    third = np.divide(on, risk**2, out=np.zeros_like(risk), where=has)
    variance = float((rest**2 * first + before**2 * second - 2 * rest * before * third).sum())
    return _around(value, sqrt(max(variance, 0.0)), n=float(stays.came.sum())), float(there[-1])


def _around(value: float, error: float, *, n: float) -> Estimate:
    if not 0.0 < value < 1.0:
        # No spread is seen where all or none go on; the rule of three says how sure that is.
        bound = min(3.0 / n, 1.0) if n else 1.0
        return Estimate(value, 0.0, bound) if value <= 0.0 else Estimate(value, 1.0 - bound, 1.0)
    scale = Z * error / (value * -log(value))
    return Estimate(value, _power(value, scale), _power(value, -scale))


def _power(value: float, scale: float) -> float:
    return float(value ** exp(min(scale, 50.0)))


# --- velocity ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Velocity:
    """What the open deals bring per day if all goes on as it did: deals × win rate × average amount ÷ cycle.

    n_open: deals open at the end. win_rate: of the deals closed in the period. average: amount of the deals won in the
    period that have one. cycle_days: median from creation to winning. per_day: None where a factor is not known.
    """

    n_open: int
    n_closed: int
    win_rate: float | None
    average: Money | None
    n_won: int
    cycle_days: float | None
    per_day: Money | None


def velocity(
    *, n_open: int, n_won: int, n_closed: int, won: Money | None, n_valued: int, cycle_days: float | None
) -> Velocity:
    """won: the sum of the amounts of the won deals in the main currency, over `n_valued` of them."""
    rate = n_won / n_closed if n_closed else None
    average = Money(won.currency, round(won.minor / n_valued)) if won is not None and n_valued else None
    per_day = None
    if rate is not None and average is not None and cycle_days:
        per_day = Money(average.currency, round(n_open * rate * average.minor / cycle_days))
    return Velocity(n_open=n_open, n_closed=n_closed, win_rate=rate, average=average, n_won=n_won,
                    cycle_days=cycle_days, per_day=per_day)  # fmt: skip


# --- cohorts ----------------------------------------------------------------------------------------------------------


def cohorts(counts: pd.DataFrame, *, until: date) -> pd.DataFrame:
    """One row per week of creation: `day` (its Monday), `n`, `won`, `lost`, `open`, and `won_W` and `lost_W` for each W
    of COHORT_WEEKS: the share that was won or lost within so many weeks, NaN while the week's last deal is younger.

    counts: COHORTS; not modified. Deals that closed nobody knows when are won or lost, at no age.
    """
    names = ["day", "n", "won", "lost", "open"]
    if counts.empty:
        return pd.DataFrame(columns=[*names, *(f"{what}_{age}" for what in ("won", "lost") for age in COHORT_WEEKS)])
    by_status = counts.pivot_table(index="day", columns="status", values="n", aggfunc="sum", fill_value=0)
    found = by_status.reindex(columns=["won", "lost", "open"], fill_value=0).astype("int64")
    found.insert(0, "n", by_status.sum(axis=1).astype("int64"))
    for what in ("won", "lost"):
        own = counts[(counts["status"] == what) & counts["weeks"].notna()]
        for age in COHORT_WEEKS:
            closed = own[own["weeks"] < age].groupby("day")["n"].sum().reindex(found.index, fill_value=0)
            is_over = found.index + pd.Timedelta(days=6 + 7 * age) <= pd.Timestamp(until)
            found[f"{what}_{age}"] = (closed / found["n"]).where(is_over)
    return found.reset_index().sort_values("day", ascending=False, ignore_index=True)


# --- pushed close dates -----------------------------------------------------------------------------------------------

MOST_PUSHES: Final = 3
"""Deals pushed so often or oftener stand together."""


def pushes(counts: pd.DataFrame) -> pd.DataFrame:
    """One row per number of pushes, 0 to MOST_PUSHES: `n_pushes`, `n` deals, `open`, `won`, `lost`, `gone`, and
    `days`, by which a push moved the close date on average (NaN: none). counts: PUSHES; not modified."""
    some = counts.assign(n_pushes=counts["n_pushes"].clip(upper=MOST_PUSHES), times=counts["n_pushes"] * counts["n"])
    index = pd.RangeIndex(MOST_PUSHES + 1, name="n_pushes")
    by_status = some.pivot_table(index="n_pushes", columns="status", values="n", aggfunc="sum", fill_value=0)
    found = by_status.reindex(index=index, columns=["open", "won", "lost", "gone"], fill_value=0).astype("int64")
    sums = some.groupby("n_pushes")[["days", "times"]].sum().reindex(index, fill_value=0)
    days = (sums["days"] / sums["times"].replace(0, np.nan)).replace(inf, np.nan)
    return found.assign(n=found.sum(axis=1), days=days).reset_index()
