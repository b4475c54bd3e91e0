"""What every part of the demo world draws with: chance, calendar, sellers and buyers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.demo.calendar import DemoCalendar, office_second
from adapters.demo.companies import LARGE_COMPANY, Market
from adapters.demo.draws import Bools, Dice, Floats, Ints
from adapters.demo.staff import Staff


@dataclass(frozen=True, slots=True)
class Scene:
    dice: Dice
    calendar: DemoCalendar
    staff: Staff
    market: Market

    def day_in_week(self, name: str, index: Ints, week: int) -> Ints:
        """A day of the week on which business is done, drawn by the season and the weekday."""
        weights = self.calendar.weights[7 * week : 7 * week + 7]
        return self.calendar.first_day + 7 * week + self.dice.choice(name, index, weights)

    def office_instant(self, name: str, day: Ints, index: Ints) -> Ints:
        """An instant in the office hours of a day."""
        return self.calendar.instant(day, office_second(self.dice.uniform(name, index)))

    def recent_company(self, name: str, index: Ints, week: int) -> Ints:
        """A company that exists when the week begins, rather a new one than an old one."""
        known = self.known_companies(week)
        age = self.dice.uniform(name, index) ** 2 * known
        return np.maximum(known - 1 - age.astype(np.int64), 0)

    def known_companies(self, week: int) -> int:
        return max(int(self.market.before[week]), self.market.founding)

    def is_large(self, company: Ints) -> Bools:
        return np.asarray(self.market.employees(company) >= LARGE_COMPANY, dtype=np.bool_)

    def luck(self, name: str, index: Ints) -> Floats:
        """Standard logistic noise, for what is decided by log-odds."""
        u = np.clip(self.dice.uniform(name, index), 1e-12, 1 - 1e-12)
        return np.asarray(np.log(u) - np.log1p(-u), dtype=np.float64)
