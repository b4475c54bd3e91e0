"""One metric, one function, one definition: what hovers, reports and notebooks all read (see docs/metrics.md).

Frames are those of `snapshots/tables.py`, loaded for a span that covers everything asked; periods select from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.money import Money, converted, totals

BEYOND_NOISE_Z: Final = 1.96
"""A change counts as one when chance alone would produce it in fewer than 1 of 20 comparisons."""
TREND_WEEKS: Final = 13
TOO_FEW: Final = 20
"""Below this many closed deals a win rate is shown in grey."""


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    label: str
    definition: str
    unit: Literal["count", "money", "rate", "days"]
    better: Literal["up", "down", "neither"]


METRICS: Final[Mapping[str, Metric]] = {
    metric.key: metric
    for metric in (
        Metric("leads", "Leads", "Leads created in the period.", "count", "up"),
        Metric("new_deals", "New deals", "Deals created in the period, whatever became of them.", "count", "up"),
        Metric(
            "won_amount",
            "Won amount",
            "Sum of the amounts of deals won in the period, by the day of winning. "
            "Currencies are converted only where a rate was entered; n is the number of deals won. "
            "Deals that were deleted since count no more; Pipeline changes tells of them as they were.",
            "money",
            "up",
        ),
        Metric(
            "win_rate",
            "Win rate",
            "Won / (won + lost) among deals closed in the period, by number. n is the number of closed deals. "
            "Deals that were deleted since count no more; Pipeline changes tells of them as they were.",
            "rate",
            "up",
        ),
        Metric(
            "cycle_length",
            "Cycle length",
            "Median days from creation to winning, of deals won in the period that have a creation date.",
            "days",
            "down",
        ),
        Metric(
            "weighted_pipeline",
            "Weighted pipeline",
            "Amount × stage probability, summed over the deals open at the end of the as-of day. "
            "Deals without an amount or in a stage without a probability add nothing; n counts the others.",
            "money",
            "up",
        ),
        Metric(
            "expected_by_model",
            "Expected (by model)",
            "Amount × chance of winning by the model in use × the share of deals of that age that are decided at all, "
            "summed over the deals that are open now. Deals without an amount or a score add nothing; n counts the "
            "others. Shown only where the model has proven itself.",
            "money",
            "up",
        ),
        Metric(
            "activities",
            "Activities",
            "E-mails, calls, meetings and appointments on days of the period, by who did them. "
            "Cancelled ones and ones still to come do not count; tasks and notes do not either.",
            "count",
            "up",
        ),
        Metric(
            "open_pipeline",
            "Open pipeline",
            "Sum of the amounts of the deals open at the end of the as-of day. n is the number of open deals.",
            "money",
            "up",
        ),
    )
}

COUNTED_ACTIVITIES: Final = ("email", "call", "meeting", "appointment")


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` (None: since the beginning, undated ones included) to `last`, both inclusive."""

    first: date | None
    last: date

    @property
    def days(self) -> int | None:
        return None if self.first is None else (self.last - self.first).days + 1

    def of(self, frame: pd.DataFrame, column: str = "day") -> pd.DataFrame:
        """The rows of the period."""
        days = _days_of(frame, column)
        inside = days <= np.datetime64(self.last)
        if self.first is None:
            return frame.loc[inside | np.isnat(days)]
        return frame.loc[inside & (days >= np.datetime64(self.first))]


def comparison_period(period: Period, kind: Literal["previous", "year"]) -> Period | None:
    """The period to compare with: same length, same weekday start. None where the period has no beginning.

    previous: the latest such period that ends before this one begins. year: 52 weeks earlier.
    """
    if period.first is None or period.days is None:
        return None
    shift = 364 if kind == "year" else -(-period.days // 7) * 7
    return Period(period.first - timedelta(days=shift), period.last - timedelta(days=shift))


@dataclass(frozen=True, slots=True)
class Change:
    """Against the comparison period. relative: None where the earlier value is zero or the unit is a rate or days."""

    earlier: float
    absolute: float
    relative: float | None
    is_beyond_noise: bool

    @property
    def direction(self) -> Literal["up", "down", "flat"]:
        return "flat" if self.absolute == 0 else "up" if self.absolute > 0 else "down"


@dataclass(frozen=True, slots=True)
class Kpi:
    """A metric's value. value: in the metric's unit (money: major units where there is one currency); None: not
    known, `why` says why. money: per currency. trend: the last 13 weeks, oldest first, None where unknown."""

    metric: Metric
    value: float | None
    n: int
    money: tuple[Money, ...] = ()
    change: Change | None = None
    trend: tuple[float | None, ...] = ()
    why: str | None = None
    undated: int = 0
    """How many belong to no day, and so to no period that has a beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewFrames:
    """events: DEAL_EVENTS per day; activities: ACTIVITY_COUNTS per day; leads: LEAD_COUNTS per day; cycles: CYCLES per
    day; pipeline: PIPELINE_TREND at the ends of `trend_days`; rates: RATES. The per-day frames cover the period, the
    comparison period, the 13 weeks before `until`, and undated rows."""

    events: pd.DataFrame
    activities: pd.DataFrame
    leads: pd.DataFrame
    cycles: pd.DataFrame
    pipeline: pd.DataFrame
    rates: pd.DataFrame


def trend_days(until: date, weeks: int = TREND_WEEKS) -> list[date]:
    """The last days of the last `weeks` weeks, `until` being the newest."""
    return [until - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]


def span(period: Period, comparison: Period | None, until: date) -> Period:
    """What to load for an overview: the period, its comparison and the trend."""
    if period.first is None:
        return Period(None, max(period.last, until))
    firsts = [period.first, until - timedelta(days=7 * TREND_WEEKS - 1)]
    firsts += [comparison.first] if comparison is not None and comparison.first is not None else []
    return Period(min(firsts), max(period.last, until))


def overview(
    frames: OverviewFrames,
    *,
    period: Period,
    comparison: Period | None,
    until: date,
    reporting_currency: str | None,
) -> dict[str, Kpi]:
    """All KPIs of the Overview by key: leads, new_deals, won_amount, win_rate, cycle_length, weighted_pipeline,
    activities. until: the last day that counts (the earlier of the period's end and the as-of day)."""
    events = converted(frames.events, frames.rates, reporting_currency, days=frames.events["day"])
    pipeline = converted(frames.pipeline, frames.rates, reporting_currency, days=frames.pipeline["day"])
    activities = frames.activities[frames.activities.kind.isin(COUNTED_ACTIVITIES)]
    against = (period, comparison, until)
    return {
        "leads": _count("leads", frames.leads, *against),
        "new_deals": _count("new_deals", events[events.event == "created"], *against),
        "won_amount": _won_amount(events[events.event == "won"], *against),
        "win_rate": _win_rate(events, *against),
        "cycle_length": _cycle_length(frames.cycles, *against),
        "weighted_pipeline": weighted_pipeline(pipeline),
        "activities": _count("activities", activities, *against),
    }


def win_rate(events: pd.DataFrame) -> tuple[float | None, int]:
    """(won / (won + lost), number of closed deals); None where none closed. events: DEAL_EVENTS."""
    won = int(events.loc[events.event == "won", "n"].sum())
    closed = won + int(events.loc[events.event == "lost", "n"].sum())
    return (won / closed if closed else None), closed


def median_of_counts(values: pd.Series, counts: pd.Series) -> float | None:
    """The median of `values`, each taken `counts` times; None where there are none."""
    spread = np.repeat(values.to_numpy(dtype="float64"), counts.to_numpy())
    return float(np.median(spread)) if len(spread) else None


def weighted_pipeline(pipeline: pd.DataFrame) -> Kpi:
    """Weighted pipeline at the newest day of PIPELINE_TREND, its change since the oldest, and the trend between."""
    metric = METRICS["weighted_pipeline"]
    weighted = pipeline.assign(
        amount_minor=(pipeline.amount_minor * pipeline.probability.fillna(0)).round().astype("int64")
    )
    days = sorted(pipeline.day.unique())
    if not days:
        return Kpi(metric, None, 0, why="No deal is open.")
    now = weighted[weighted.day == days[-1]]
    counted = now[now.probability.notna() & (now.n_valued > 0)]
    n, n_open = int(counted.n_valued.sum()), int(now.n.sum())
    if n == 0:
        return Kpi(metric, None, 0, why=_why_unweighted(now, n_open))
    money = totals(counted)
    value, currency = (money[0].major, money[0].currency) if len(money) == 1 else (None, None)
    series = [_sum_in(weighted[(weighted.day == day) & weighted.probability.notna()], currency) for day in days]
    return Kpi(metric, value, n, money=money, change=_stock_change(series), trend=tuple(series))


def _why_unweighted(now: pd.DataFrame, n_open: int) -> str:
    if n_open == 0:
        return "No deal is open."
    if int(now.n_valued.sum()) == 0:
        return f"None of the {n_open:,} open deals has an amount."
    return "The CRM gives no stage a probability."


def _count(key: str, frame: pd.DataFrame, period: Period, comparison: Period | None, until: date) -> Kpi:
    n = int(period.of(frame)["n"].sum())
    change = None
    if comparison is not None:
        earlier = int(comparison.of(frame)["n"].sum())
        # Counts of independent arrivals: the variance of a difference is the sum of both.
        change = _change(earlier, n, noise=sqrt(n + earlier), relative=True)
    undated = int(frame.loc[frame.day.isna(), "n"].sum())
    return Kpi(METRICS[key], float(n), n, change=change, trend=_weekly(frame, until, _sum_n), undated=undated)


def _won_amount(won: pd.DataFrame, period: Period, comparison: Period | None, until: date) -> Kpi:
    now = period.of(won)
    money, n = totals(now), int(now["n"].sum())
    value = money[0].major if len(money) == 1 else 0.0 if n == 0 else None
    currency = money[0].currency if len(money) == 1 else None
    trend = _weekly(won, until, lambda week: _sum_in(week, currency))
    change = None
    if comparison is not None and value is not None:
        before = totals(comparison.of(won))
        if len(before) <= 1 and (not before or not money or before[0].currency == money[0].currency):
            noise = _noise_of_sums(won, period, comparison, before[0].currency if before else currency)
            change = _change(before[0].major if before else 0.0, value, noise=noise, relative=True)
    unvalued = n - int(now["n_valued"].sum())
    why = f"{unvalued:,} of {n:,} won deals have no amount." if unvalued else None
    undated = int(won.loc[won.day.isna(), "n"].sum())
    return Kpi(METRICS["won_amount"], value, n, money=money, change=change, trend=trend, why=why, undated=undated)


def _win_rate(events: pd.DataFrame, period: Period, comparison: Period | None, until: date) -> Kpi:
    closed = events[events.event != "created"]
    rate, n = win_rate(period.of(closed))
    change = None
    if comparison is not None and rate is not None:
        earlier, n_earlier = win_rate(comparison.of(closed))
        if earlier is not None:
            pooled = (rate * n + earlier * n_earlier) / (n + n_earlier)
            noise = sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_earlier))
            change = _change(earlier, rate, noise=noise, relative=False)
    why = None if n else "No deal closed in this period."
    trend = _weekly(closed, until, lambda week: win_rate(week)[0])
    return Kpi(METRICS["win_rate"], rate, n, change=change, trend=trend, why=why)


def _cycle_length(cycles: pd.DataFrame, period: Period, comparison: Period | None, until: date) -> Kpi:
    now = period.of(cycles)
    median, n = median_of_counts(now["days"], now["n"]), int(now["n"].sum())
    change = None
    if comparison is not None and median is not None:
        before = comparison.of(cycles)
        earlier = median_of_counts(before["days"], before["n"])
        if earlier is not None:
            noise = sqrt(_variance_of_median(now) + _variance_of_median(before))
            change = _change(earlier, median, noise=noise, relative=False)
    why = None if n else "No deal with a creation date was won in this period."
    trend = _weekly(cycles, until, lambda week: median_of_counts(week["days"], week["n"]))
    return Kpi(METRICS["cycle_length"], median, n, change=change, trend=trend, why=why)


def _change(earlier: float, now: float, *, noise: float, relative: bool) -> Change:
    absolute = now - earlier
    share = absolute / earlier if relative and earlier else None
    return Change(earlier, absolute, share, is_beyond_noise=abs(absolute) > BEYOND_NOISE_Z * noise)


def _weekly(
    frame: pd.DataFrame, until: date, value: Callable[[pd.DataFrame], float | None]
) -> tuple[float | None, ...]:
    dated = frame.loc[~np.isnat(_days_of(frame, "day"))]
    # Numpy takes "no time" divided by a week for 0, the newest week; so undated rows must be out before.
    weeks_back = (np.datetime64(until) - _days_of(dated, "day")) // np.timedelta64(7, "D")
    by_week = {int(back): week for back, week in dated.groupby(weeks_back)}  # type: ignore[call-overload]
    nothing = frame.iloc[:0]
    return tuple(value(by_week.get(back, nothing)) for back in range(TREND_WEEKS - 1, -1, -1))


def _days_of(frame: pd.DataFrame, column: str) -> npt.NDArray[np.datetime64]:
    """The days of a column as numpy has them, which compares them several times as fast as pandas."""
    days: npt.NDArray[np.datetime64] = frame[column].to_numpy()
    return days


def _sum_n(frame: pd.DataFrame) -> float:
    return float(frame["n"].sum())


def _sum_in(frame: pd.DataFrame, currency: str | None) -> float | None:
    """The sum in major units of `currency` (None: of whichever there is); None where other currencies are in it too,
    or where there are rows but no amount."""
    money = totals(frame)
    if not money:
        return 0.0 if frame["n"].sum() == 0 else None
    is_alone = len(money) == 1 and currency in (None, money[0].currency)
    return money[0].major if is_alone else None


def _noise_of_sums(won: pd.DataFrame, period: Period, comparison: Period, currency: str | None) -> float:
    """Standard error of the difference of two periods' sums, from how much whole weeks differ within them."""
    weeks = [
        week
        for one in (period, comparison)
        if one.days is not None
        for back in range(one.days // 7)
        if (week := _sum_in(_week_back(won, one.last, back), currency)) is not None
    ]
    if len(weeks) < 8:
        return float("inf")
    return _standard_error(weeks)


def _standard_error(sample: Sequence[float]) -> float:
    """Of the sum of a small sample, widened by as much as Student's t is wider than the normal distribution.

    Source: Cornish and Fisher's expansion of t in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5).
    """
    z, freedom = BEYOND_NOISE_Z, len(sample) - 1
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return float(np.std(sample, ddof=1)) * sqrt(len(sample)) * t / z


def _week_back(frame: pd.DataFrame, last: date, back: int) -> pd.DataFrame:
    end = last - timedelta(weeks=back)
    return Period(end - timedelta(days=6), end).of(frame)


def _variance_of_median(cycles: pd.DataFrame) -> float:
    """Large-sample variance of a median, its spread taken from the quartiles (robust against a few old deals)."""
    days = np.repeat(cycles["days"].to_numpy(dtype="float64"), cycles["n"].to_numpy())
    if len(days) < 8:
        return float("inf")
    low, high = np.percentile(days, [25, 75])
    return float((1.2533 * (high - low) / 1.349) ** 2 / len(days))


def _stock_change(series: list[float | None]) -> Change | None:
    first, last = series[0], series[-1]
    if first is None or last is None or len(series) < 2:
        return None
    steps = np.diff([value for value in series if value is not None]).tolist()
    noise = _standard_error(steps) if len(steps) >= 8 else float("inf")
    return _change(first, last, noise=noise, relative=True)
