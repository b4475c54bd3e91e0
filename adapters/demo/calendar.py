"""The demo world's calendar: working days, holidays, the season and the clock of Europe/Berlin, as look-up tables.

Days are numbered from 1970-01-01, instants are whole seconds of UTC. Working days have numbers of their own, so that
"five working days later" is an addition. The tables grow with `until`; what they say of a day never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np

from adapters.demo.draws import Floats, Ints

DAY_S = 86_400
NEVER = 2**60
"""An instant that does not come."""

SUMMER_DIP = (7, 20), (8, 31), 0.6
YEAR_END_DIP = (12, 20), (1, 6), 0.4
"""First day, last day, and what is left of normal business in between."""

_WEEKDAY_WEIGHT = np.array([1.0, 1.15, 1.1, 1.05, 0.75, 0.0, 0.0])
_HOUR_WEIGHT = np.array([0.3, 0.9, 1.5, 1.6, 1.3, 0.6, 0.8, 1.3, 1.4, 1.1, 0.6, 0.25, 0.1])
_FIRST_HOUR = 7
_HOUR_EDGES = np.concatenate([[0.0], np.cumsum(_HOUR_WEIGHT) / _HOUR_WEIGHT.sum()])
_MARGIN_DAYS = 900


def day_number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def day_of(number: int) -> date:
    return date.fromordinal(number + date(1970, 1, 1).toordinal())


def clock_changes(year: int) -> tuple[datetime, datetime]:
    """When Central European clocks go forward and back: last Sundays of March and October, 01:00 UTC (2000/84/EC)."""
    return _last_sunday(year, 3), _last_sunday(year, 10)


def season(day: date) -> float:
    """What share of normal business a day sees."""
    month_day = (day.month, day.day)
    if SUMMER_DIP[0] <= month_day <= SUMMER_DIP[1]:
        return SUMMER_DIP[2]
    if month_day >= YEAR_END_DIP[0] or month_day <= YEAR_END_DIP[1]:
        return YEAR_END_DIP[2]
    return 1.0


class DemoCalendar:
    """Tables from the Monday of the week in which the world begins to well past `until`."""

    def __init__(self, born: date, until: date) -> None:
        self.born_day = day_number(born)
        self.first_day = self.born_day - born.weekday()
        last = day_number(max(until, born)) + _MARGIN_DAYS
        days = [day_of(number) for number in range(self.first_day, last)]
        holidays = {holiday for year in range(born.year, days[-1].year + 1) for holiday in _holidays(year)}
        works = np.array([day.weekday() < 5 and day not in holidays for day in days])
        self.seasons: Floats = np.array([season(day) for day in days])
        self._offset_s: Ints = np.array([_offset_s(day) for day in days], dtype=np.int64)
        self._working: Ints = (np.flatnonzero(works) + self.first_day).astype(np.int64)
        self._next: Ints = np.concatenate([[0], np.cumsum(works)])[:-1].astype(np.int64)
        weekday = (np.arange(len(days)) % 7).astype(np.int64)
        began = np.arange(self.first_day, last) >= self.born_day
        self.weights: Floats = _WEEKDAY_WEIGHT[weekday] * self.seasons * works * began

    def working(self, day: Ints) -> Ints:
        """Number of the first working day on or after a day."""
        return self._next[day - self.first_day]

    def day(self, working: Ints) -> Ints:
        return self._working[working]

    def instant(self, day: Ints, second: Ints) -> Ints:
        """UTC seconds of a local time of day; second: of the local day, within the day's daylight hours."""
        return np.asarray(day * DAY_S + second - self._offset_s[day - self.first_day], dtype=np.int64)

    def day_at(self, at: Ints) -> Ints:
        """Local day of an instant."""
        roughly = np.asarray(at // DAY_S, dtype=np.int64)
        return np.asarray((at + self._offset_s[roughly - self.first_day]) // DAY_S, dtype=np.int64)

    def week_start(self, week: int) -> int:
        """Instant at which a week of the world begins (Monday 00:00 UTC)."""
        return (self.first_day + 7 * week) * DAY_S

    def week_of(self, at: int) -> int:
        return (at // DAY_S - self.first_day) // 7

    def season_of(self, day: Ints) -> Floats:
        return self.seasons[day - self.first_day]

    def weeks(self) -> int:
        return len(self.weights) // 7

    def cumulated(self, total: float, years: float) -> Floats:
        """How much of something that comes to `total` in the first `years` has come before each week begins."""
        by_week = self.weights[: self.weeks() * 7].reshape(-1, 7).cumsum(axis=1)[:, -1]
        span = self.born_day - self.first_day + round(years * 365.25)
        norm = float(np.cumsum(self.weights[:span])[-1])
        return np.concatenate([[0.0], np.cumsum(by_week)]) * (total / norm)


def office_second(u: Floats) -> Ints:
    """Local second of the day at which business happens, busiest in mid-morning and mid-afternoon."""
    hour = np.interp(u, _HOUR_EDGES, np.arange(len(_HOUR_EDGES)))
    return ((hour + _FIRST_HOUR) * 3600).astype(np.int64)


def as_time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def as_instant(at: datetime) -> int:
    """Whole UTC seconds, rounded down."""
    return int(at.timestamp() // 1)


def quarters(start: date, until: date) -> Iterator[date]:
    """First days of the calendar quarters that begin from `start` to `until`."""
    year, month = start.year, 3 * ((start.month - 1) // 3) + 1
    while (first := date(year, month, 1)) <= until:
        if first >= start:
            yield first
        year, month = (year, month + 3) if month < 10 else (year + 1, 1)


def _last_sunday(year: int, month: int) -> datetime:
    last = date(year, month, 31)
    day = last - timedelta(days=(last.weekday() + 1) % 7)
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


def _offset_s(day: date) -> int:
    forward, back = clock_changes(day.year)
    return 7200 if forward.date() <= day < back.date() else 3600


def _holidays(year: int) -> set[date]:
    """Holidays of all German states, with Christmas Eve and New Year's Eve."""
    easter = _easter(year)
    moving = {easter + timedelta(days=shift) for shift in (-2, 1, 39, 50)}
    fixed = ((1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31))
    return moving | {date(year, month, day) for month, day in fixed}


def _easter(year: int) -> date:
    """Gregorian Easter Sunday (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    shift = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * shift) // 451
    month, day = divmod(h + shift - 7 * m + 114, 31)
    return date(year, month, day + 1)
