"""The demo world: a seller of sensors and software whose every record follows from (seed, sizes, first day).

`DemoWorld` draws weeks as arrays and remembers the recent ones. It knows the whole life of what it has drawn; showing
nothing later than the present instant is up to its readers (`records`), so a later day adds and never rewrites.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

import numpy as np

from adapters.demo.activities import Activities, ActivityMaker, joined
from adapters.demo.calendar import DAY_S, DemoCalendar, day_number, quarters
from adapters.demo.companies import Market, Rows
from adapters.demo.deals import FROM_LEADS_SHARE, NEGOTIATION, PROPOSAL, DealMaker, Deals, Stall
from adapters.demo.draws import Dice, Floats, Ints
from adapters.demo.leads import Leads, draw_leads
from adapters.demo.scene import Scene
from adapters.demo.staff import COLLAPSE_KEEPS, COLLAPSED_SHARE, Staff, StaffPlan

LIFE_WEEKS = 62
"""No deal or lead changes, and none of their activities happens, later than this after the week it was drawn for."""
AHEAD_WEEKS = 3
"""Meetings of a week are known at most this much earlier."""
_LEADS_PER_DEAL, _COMPANIES_PER_DEAL, _FOUNDING_SHARE = 2.6, 0.45, 0.3
_ON_DEALS_SHARE, _LIVE_SHARE = 0.55, 0.993
_MEASURED_WEEKS, _MEASURED_DEALS = 26, 2000
_STALL_STARTS, _STALL_DAYS = (10, 30), 35
_STAFF_AHEAD = timedelta(days=600)

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """What a demo world is made of. The sizes are reached when the world is `years` old; then it goes on growing.

    born: the first day, to be stored by whoever makes a demo; another day makes another world.
    """

    seed: int = 7
    owners: int = 24
    deals: int = 6_000
    activities: int = 90_000
    years: float = 2.0
    born: date = date(2024, 11, 4)

    def __post_init__(self) -> None:
        if self.owners < 1 or self.deals < 1 or self.activities < 0 or self.years <= 0:
            raise ValueError(
                "A demo world needs at least one owner, one deal and some time; its sizes are not negative."
            )


_BY_AGE: Final[dict[DemoSettings, tuple[Floats, Floats]]] = {}
"""What `DemoWorld._activities_by_age` measured: most of the time that making a world takes, and the same on any day."""


class DemoWorld:
    """The world up to `today`, which only says how far tables reach: what was true by yesterday stays as it was."""

    def __init__(self, settings: DemoSettings, *, today: date) -> None:
        self.settings, self.today = settings, today
        self.dice = Dice(settings.seed)
        self.calendar = DemoCalendar(settings.born, today + _STAFF_AHEAD)
        plan = StaffPlan(settings.owners, settings.born, settings.years, today + _STAFF_AHEAD)
        self.staff = Staff(self.dice, self.calendar, plan)
        deals = self.calendar.cumulated(settings.deals / _LIVE_SHARE, settings.years)
        self._deals_before = _rounded(deals)
        self._from_leads = _rounded(deals * FROM_LEADS_SHARE)
        self._leads_before = _rounded(deals * _LEADS_PER_DEAL)
        companies = settings.deals * _COMPANIES_PER_DEAL
        founding = max(6, round(companies * _FOUNDING_SHARE))
        self.market = Market(
            self.dice, self.calendar, founding, founding + _rounded(deals * _COMPANIES_PER_DEAL * (1 - _FOUNDING_SHARE))
        )
        self.scene = Scene(self.dice, self.calendar, self.staff, self.market)
        self.stalls = self._plan_stalls()
        self._deal_maker = DealMaker(self.scene, self.stalls)
        per_deal = _ON_DEALS_SHARE * settings.activities / settings.deals
        self._activity_maker = ActivityMaker(self.scene, per_deal)
        self._kept: OrderedDict[tuple[str, int], object] = OrderedDict()
        self._shown: tuple[int, Activities] | None = None
        self._large_before = self._plan_at_large()

    @property
    def last_week(self) -> int:
        """The week that `today` is in."""
        return self.calendar.week_of(day_number(self.today) * DAY_S)

    # --- weeks ---

    def leads(self, week: int) -> Leads:
        return self._remembered("leads", week, self._draw_leads)

    def deals(self, week: int) -> Deals:
        return self._remembered("deals", week, self._draw_deals)

    def companies(self, week: int) -> Rows:
        return self.market.companies(week)

    def contacts(self, week: int) -> Rows:
        return self.market.contacts(week)

    def activities(self, week: int) -> Activities:
        """Activities of the deals and leads of a week, and its prospecting."""
        if self._shown is not None and self._shown[0] == week:
            return self._shown[1]
        maker = self._activity_maker
        parts = [
            maker.on_deals(self.deals(week)),
            maker.on_leads(self.leads(week)),
            maker.at_large(week, _between(self._large_before, week)),
            maker.at_clock_changes(week),
        ]
        self._shown = (week, joined(parts))
        return self._shown[1]

    # --- plan ---

    def _draw_leads(self, week: int) -> Leads:
        first = int(self._deals_before[week])
        became = np.arange(first, first + self._deals_from_leads(week), dtype=np.int64)
        index = _between(self._leads_before, week)
        return draw_leads(self.scene, week, index, 2 * became)

    def _deals_from_leads(self, week: int) -> int:
        leads = int(self._leads_before[week + 1] - self._leads_before[week])
        deals = int(self._deals_before[week + 1] - self._deals_before[week])
        return min(int(self._from_leads[week + 1] - self._from_leads[week]), leads, deals)

    def _draw_deals(self, week: int) -> Deals:
        return self._deal_maker.draw(week, _between(self._deals_before, week), self.leads(week))

    def _plan_stalls(self) -> tuple[Stall, ...]:
        """One stage per quarter in which deals get stuck, for some weeks."""
        firsts = list(quarters(self.settings.born, self.today + _STAFF_AHEAD))
        low, high = _STALL_STARTS
        starts = [
            day_number(first) + low + int(self.dice.one("stall", number) * (high - low))
            for number, first in enumerate(firsts)
        ]
        return tuple(
            Stall((PROPOSAL, NEGOTIATION)[number % 2], start, start + _STALL_DAYS)
            for number, start in enumerate(starts)
        )

    def _plan_at_large(self) -> Ints:
        """How much prospecting is done before each week: what deals and leads leave of the activities asked for."""
        wanted = np.diff(self.calendar.cumulated(self.settings.activities, self.settings.years))
        drawn = np.diff(self._deals_before).astype(np.float64)
        seasons = self.calendar.seasons[: len(wanted) * 7].reshape(-1, 7)[:, :5]
        # Every other activity on a deal is thinned by twice the season, see ActivityMaker.on_deals.
        kept = 0.5 + 0.5 * np.clip(2 * seasons - 1, 0, 1).cumsum(axis=1)[:, -1] / 5
        kept *= 1.0 - (1.0 - COLLAPSE_KEEPS) * COLLAPSED_SHARE / self.staff.seats
        if self.settings not in _BY_AGE:
            _BY_AGE[self.settings] = self._activities_by_age()
        on_deals, on_leads = _BY_AGE[self.settings]
        rest = np.maximum(wanted - _spread(drawn, on_deals) * kept - _spread(drawn, on_leads), 0.0)
        return _rounded(np.concatenate([[0.0], np.cumsum(rest)]))

    def _activities_by_age(self) -> tuple[Floats, Floats]:
        """Activities on deals, and on leads, per deal drawn, by weeks since then: measured on this world's own first
        weeks, with nothing thinned."""
        ages, drawn = np.zeros((2, LIFE_WEEKS + AHEAD_WEEKS)), 0
        for week in range(_MEASURED_WEEKS):
            deals, maker = self.deals(week), self._activity_maker
            for place, acts in enumerate((maker.on_deals(deals, thinned=False), maker.on_leads(self.leads(week)))):
                age = (acts.known - self.calendar.week_start(week)) // (7 * DAY_S)
                ages[place] += np.bincount(np.clip(age, 0, ages.shape[1] - 1), minlength=ages.shape[1])
            drawn += int((deals.number % 2 == 0).sum())
            if drawn >= _MEASURED_DEALS:
                break
        return ages[0] / max(drawn, 1), ages[1] / max(drawn, 1)

    def _remembered(self, what: str, week: int, draw: Callable[[int], Drawn]) -> Drawn:
        key = (what, week)
        if key not in self._kept:
            self._kept[key] = draw(week)
            if len(self._kept) > 2 * (LIFE_WEEKS + AHEAD_WEEKS + 2):
                self._kept.popitem(last=False)
        return self._kept[key]  # type: ignore[return-value]  # one sort of block per name


def _spread(drawn: Floats, by_age: Floats) -> Floats:
    """What weeks that draw this much see happen, when each thing drawn has `by_age` happen weeks later."""
    expected = np.zeros(len(drawn))
    for age, each in enumerate(by_age.tolist()):
        expected[age:] += each * drawn[: len(drawn) - age]
    return expected


def _rounded(cumulated: Floats) -> Ints:
    return np.rint(cumulated).astype(np.int64)


def _between(before: Ints, week: int) -> Ints:
    return np.arange(before[week], before[week + 1], dtype=np.int64)
