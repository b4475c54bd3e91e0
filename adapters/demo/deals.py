"""Deals of the demo world. A deal's whole life is drawn when it is created and shown up to the present instant.

Whether it is won depends on known drivers (`*_DRIVER`), how long it stays in a stage on the stage and on planted
stalls. Some deals are planted kinds: sandbagged, pushed, stale, happy ears.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from adapters.currencies import decimals
from adapters.demo.calendar import NEVER
from adapters.demo.draws import Bools, Dice, Floats, Ints
from adapters.demo.leads import Leads
from adapters.demo.names import CURRENCIES, PER_EURO
from adapters.demo.scene import Scene
from adapters.demo.staff import Staff

NEW_BUSINESS, RENEWALS = 0, 1
NEW_SHARE, FROM_LEADS_SHARE = 0.9, 0.54
"""Share of all deals that is new business, and that comes from leads."""
STAGE_NAMES = (
    ("Qualification", "Discovery", "Proposal", "Negotiation", "Contract"),
    ("Upcoming", "Offer", "Negotiation"),
)
STAGE_PROBABILITIES = ((0.1, 0.2, 0.4, 0.6, 0.85), (0.6, 0.75, 0.9))
STAGE_DAYS = ((5.0, 7.0, 8.0, 6.0, 4.0), (14.0, 9.0, 6.0))
"""Median working days in each stage."""
PROPOSAL, NEGOTIATION = 2, 3
"""Positions in the new-business pipeline; from the proposal on a deal is late."""
_LONGEST_STAGE = 30
STALL_FACTOR = 3

PRODUCTS: tuple[tuple[str, str, float, float], ...] = (
    ("Nordlicht Core", "Platform", 9_000, 0.0), ("Nordlicht Plus", "Platform", 22_000, 0.25),
    ("Nordlicht Enterprise", "Platform", 78_000, -0.45), ("Sensor Kit S", "Hardware", 3_200, 0.5),
    ("Sensor Kit L", "Hardware", 12_500, 0.1), ("Onboarding", "Services", 5_400, 0.35),
    ("Analytics Add-on", "Add-ons", 6_800, -0.25),
)  # fmt: skip
"""Name, family, median amount in euros, log-odds of winning."""
_PRODUCT_WEIGHTS = (0.24, 0.18, 0.07, 0.17, 0.12, 0.1, 0.12)
WIN_SOURCE_DRIVER = (0.0, 0.9, 0.5, 0.1, -0.5, -0.35, 0.0)
"""Log-odds beside a website deal, in the order of SOURCES; the last is for deals without a source."""
WIN_DAY_DRIVER, WIN_LARGE_DRIVER = -0.22, 0.45
"""Log-odds for each working day until the first activity, and for a large company."""
SKILL_DRIVER = 0.3
"""Log-odds by which one standard deviation of a seller's skill moves his deals."""
_WIN_BASE, _RENEWAL_BASE = -1.7, 1.0
_WAIT_WEIGHTS = (0.36, 0.26, 0.14, 0.1, 0.08, 0.06)
_LOST_IN = (0.3, 0.27, 0.22, 0.14, 0.07)


class Planted(IntEnum):
    """What is special about a deal."""

    NOTHING = 0
    SANDBAGGED = 1
    PUSHED = 2
    STALE = 3
    HAPPY_EARS = 4


_PLANTED_WEIGHTS = (0.89, 0.025, 0.03, 0.03, 0.025)
DUPLICATE_DEALS, DELETED_DEALS = 0.012, 0.008
SANDBAG_SHOWS, SANDBAG_DAYS_OUT = 0.35, 100
"""What share of the amount a sandbagged deal shows until just before it is won, and how far out its close date is."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Deals of new business that enter this stage in the window stay three times as long."""

    stage: int
    since: int
    until: int


@dataclass(slots=True)
class Deals:
    """The deals drawn for one week. Matrices have one column per change, NEVER where there is none.

    number: 2 × counter, + 1 for a duplicate; source and lead: −1 for none; amount: minor units, −1 for none.
    """

    number: Ints
    pipeline: Ints
    product: Ints
    source: Ints
    company: Ints
    lead: Ints
    seat: Ints
    currency: Ints
    planted: Ints
    wait: Ints
    created: Ints
    created_working: Ints
    closed: Ints
    closed_working: Ints
    idle_working: Ints
    won: Bools
    deleted: Ints
    stage_at: Ints
    amount_at: Ints
    amount: Ints
    close_at: Ints
    close_day: Ints
    owner_at: Ints
    owner: Ints

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Ints | Bools) -> Deals:
        return Deals(*(getattr(self, item.name)[rows] for item in fields(self)))

    def joined(self, other: Deals) -> Deals:
        return Deals(*(np.concatenate([getattr(self, item.name), getattr(other, item.name)]) for item in fields(self)))

    def last_change(self, until: int) -> Ints:
        """The latest change of each deal up to an instant; 0 where it did not exist yet."""
        columns = [
            self.stage_at,
            self.amount_at,
            self.close_at,
            self.owner_at,
            self.closed[:, None],
            self.created[:, None],
        ]
        at = np.concatenate(columns, axis=1)
        return np.asarray(np.where(at <= until, at, 0).max(axis=1, initial=0), dtype=np.int64)

    def changed(self, seen: int, until: int) -> Bools:
        """Which deals changed after `seen`, up to `until`; what is gone by `seen` changes no more."""
        last = self.last_change(until)
        last = np.maximum(last, np.where(self.deleted <= until, self.deleted, 0))
        return (self.created <= until) & (last > seen) & (self.deleted > seen)


class DealMaker:
    """Draws the deals of a week."""

    def __init__(self, scene: Scene, stalls: tuple[Stall, ...]) -> None:
        self._scene, self._stalls = scene, stalls
        self._dice, self._calendar = scene.dice, scene.calendar
        self._staff, self._market = scene.staff, scene.market

    def draw(self, week: int, index: Ints, leads: Leads) -> Deals:
        """index: counters of the week's deals, those that come from the week's leads first."""
        deals = self._begin(week, index, leads)
        last_stage = self._decide(deals)
        self._pass_stages(deals, last_stage)
        self._price(deals)
        self._expect(deals)
        deals = deals.joined(self._duplicates(deals))
        self._own(deals)
        gone = self._uniform("deal.deleted", deals) < DELETED_DEALS
        gone |= (deals.number % 2 == 1) & (self._uniform("deal.cleaned", deals) < 0.5)
        later = self._dice.whole("deal.gone", deals.number, 6, 45) * 86_400
        deals.deleted = np.where(gone, deals.created + later, deals.deleted)
        return deals

    def _uniform(self, name: str, deals: Deals) -> Floats:
        return self._dice.uniform(name, deals.number)

    def _at(self, name: str, working: Ints, number: Ints) -> Ints:
        return self._scene.office_instant(name, self._calendar.day(working), number)

    def _begin(self, week: int, index: Ints, leads: Leads) -> Deals:
        dice, number, size = self._dice, 2 * index, len(index)
        ours = leads.deal >= 0
        from_leads = int(ours.sum())
        day = self._scene.day_in_week("deal.day", number, week)
        created = self._scene.office_instant("deal.hour", day, number)
        working = self._calendar.working(day)
        created[:from_leads], working[:from_leads] = leads.converted[ours], leads.converted_working[ours]
        renewal = dice.uniform("deal.renewal", number) < (1 - NEW_SHARE) / (1 - FROM_LEADS_SHARE)
        renewal[:from_leads] = False
        source = dice.choice("deal.source", number, (0.1, 0.25, 0.2, 0.1, 0.35, 0.0))
        source[:from_leads], source[renewal] = leads.source[ours], -1
        known = self._scene.known_companies(week)
        company = self._scene.recent_company("deal.company", number, week)
        company[renewal] = (dice.uniform("deal.customer", number)[renewal] * known).astype(np.int64)
        company[:from_leads] = leads.contact[ours] // 3
        lead = np.full(size, -1, dtype=np.int64)
        lead[:from_leads] = leads.index[ours]
        planted = np.where(renewal, 0, dice.choice("deal.planted", number, _PLANTED_WEIGHTS))
        return Deals(
            number=number, pipeline=renewal.astype(np.int64), source=source, company=company, lead=lead,
            product=dice.choice("deal.product", number, _PRODUCT_WEIGHTS),
            seat=dice.choice("deal.seat", number, self._staff.weights),
            currency=self._market.currency(company), planted=planted,
            wait=dice.choice("deal.wait", number, _WAIT_WEIGHTS), created=created, created_working=working,
            closed=_nevers(size), closed_working=working.copy(), idle_working=_nevers(size),
            won=np.zeros(size, np.bool_), deleted=_nevers(size), stage_at=_nevers(size, 5), amount_at=_nevers(size, 4),
            amount=np.full((size, 4), -1), close_at=_nevers(size, 6), close_day=_nevers(size, 6),
            owner_at=_nevers(size, 3), owner=np.full((size, 3), -1),
        )  # fmt: skip

    def _decide(self, deals: Deals) -> Ints:
        """Set who wins; return the position of the last open stage that each deal reaches."""
        odds = np.where(deals.pipeline == RENEWALS, _RENEWAL_BASE, _WIN_BASE) + WIN_DAY_DRIVER * (deals.wait - 1)
        odds += np.asarray(WIN_SOURCE_DRIVER)[deals.source] + np.array([item[3] for item in PRODUCTS])[deals.product]
        odds += WIN_LARGE_DRIVER * self._scene.is_large(deals.company)
        odds += SKILL_DRIVER * self._dice.normal("seat.skill", deals.seat)
        odds += np.array([0.0, 0.0, -0.8, -3.0, -1.6])[deals.planted]
        won = odds + self._scene.luck("deal.luck", deals.number) > 0
        deals.won = won | (deals.planted == Planted.SANDBAGGED)
        lost_in = self._dice.choice("deal.lost_in", deals.number, _LOST_IN)
        lost_in = np.where(deals.planted == Planted.HAPPY_EARS, np.maximum(lost_in, PROPOSAL + 1), lost_in)
        last = np.array([4, 2])[deals.pipeline]
        return np.asarray(np.where(deals.won, last, np.minimum(lost_in, last)), dtype=np.int64)

    def _pass_stages(self, deals: Deals, last_stage: Ints) -> None:
        calendar, at = self._calendar, deals.created_working
        deals.stage_at[:, 0] = deals.created
        for stage in range(5):
            here = last_stage >= stage
            if stage:
                entered = self._at(f"deal.hour{stage}", at, deals.number)
                deals.stage_at[:, stage] = np.where(here, entered, NEVER)
            days = self._days_in(deals, stage, calendar.day(at))
            at = np.where(here, at + days, at)
        at = at + self._extra_days(deals, at)
        deals.closed_working = at
        deals.closed = self._at("deal.closed", deals.closed_working, deals.number)

    def _days_in(self, deals: Deals, stage: int, day: Ints) -> Ints:
        medians = np.array([STAGE_DAYS[0][stage], STAGE_DAYS[1][min(stage, 2)]])[deals.pipeline]
        drawn = medians * np.exp(0.55 * self._dice.normal(f"deal.days{stage}", deals.number))
        days = np.clip(np.rint(drawn), 1, _LONGEST_STAGE).astype(np.int64)
        stalled = np.zeros(len(deals), np.bool_)
        for stall in self._stalls:
            if stall.stage == stage:
                stalled |= (deals.pipeline == NEW_BUSINESS) & (day >= stall.since) & (day < stall.until)
        return np.asarray(np.where(stalled, days * STALL_FACTOR, days), dtype=np.int64)

    def _extra_days(self, deals: Deals, closes: Ints) -> Ints:
        """Working days that planted deals stay in their last stage beyond the ordinary."""
        dice = self._dice
        moves = _moves(dice, deals.number)
        needed = deals.created_working + 25 + 24 * moves
        pushed = np.where(deals.planted == Planted.PUSHED, np.maximum(needed - closes, 0), 0)
        stale = deals.planted == Planted.STALE
        deals.idle_working = np.where(stale, np.minimum(closes, deals.created_working + 40), deals.idle_working)
        wanted = deals.idle_working + dice.whole("deal.idle", deals.number, 60, 110)
        return pushed + np.where(stale, np.maximum(wanted - closes, 0), 0)

    def _price(self, deals: Deals) -> None:
        dice, number = self._dice, deals.number
        medians = np.array([item[2] for item in PRODUCTS])[deals.product] * np.array(PER_EURO)[deals.currency]
        size = 1.0 + 0.6 * self._scene.is_large(deals.company)
        full = medians * size * np.exp(0.45 * dice.normal("deal.size", number))
        at, amount = deals.amount_at, deals.amount
        at[:, 0] = deals.created
        amount[:, 0] = _minor(full, deals.currency)
        unvalued = (dice.uniform("deal.unvalued", number) < 0.05) & (deals.stage_at[:, 1] != NEVER)
        amount[unvalued, 0] = -1
        at[unvalued, 1] = deals.stage_at[unvalued, 1]
        amount[unvalued, 1] = _minor(full, deals.currency)[unvalued]
        plain = deals.planted != Planted.SANDBAGGED
        for column, (stage, share, low, high) in enumerate(((2, 0.35, 0.8, 1.35), (3, 0.3, 0.82, 1.0)), start=2):
            revised = (
                (dice.uniform(f"deal.revised{stage}", number) < share) & (deals.stage_at[:, stage] != NEVER) & plain
            )
            full = np.where(revised, full * (low + (high - low) * dice.uniform(f"deal.factor{stage}", number)), full)
            at[revised, column] = deals.stage_at[revised, stage]
            amount[revised, column] = _minor(full, deals.currency)[revised]
        self._sandbag(deals, full)

    def _sandbag(self, deals: Deals, full: Floats) -> None:
        bagged = deals.planted == Planted.SANDBAGGED
        deals.amount[bagged, 0] = _minor(full * SANDBAG_SHOWS, deals.currency)[bagged]
        deals.amount_at[bagged, 1:] = NEVER
        deals.amount_at[bagged, 3] = self._revealed(deals)[bagged]
        deals.amount[bagged, 3] = _minor(full, deals.currency)[bagged]

    def _revealed(self, deals: Deals) -> Ints:
        """When sandbagged deals show what they are: on the working day before they are won."""
        return self._at("deal.revealed", deals.closed_working - 1, deals.number)

    def _expect(self, deals: Deals) -> None:
        """Expected close dates: a guess at first, better ones on the way."""
        dice, number, calendar = self._dice, deals.number, self._calendar
        at, day = deals.close_at, deals.close_day
        created_day, closed_day = calendar.day(deals.created_working), calendar.day(deals.closed_working)
        at[:, 0], day[:, 0] = deals.created, created_day + dice.whole("deal.guess", number, 35, 95)
        for column, stage in ((1, 2), (2, 4)):
            entered = deals.stage_at[:, stage]
            known = (entered != NEVER) & (dice.uniform(f"deal.looks{stage}", number) < 0.8)
            here = calendar.day_at(entered[known])
            towards = (here + 20 + closed_day[known]) // 2 + dice.whole(f"deal.errs{stage}", number, -8, 8)[known]
            at[known, column], day[known, column] = entered[known], np.maximum(towards, here + 1)
        bagged = deals.planted == Planted.SANDBAGGED
        at[bagged, 1:] = NEVER
        day[bagged, 0] = closed_day[bagged] + SANDBAG_DAYS_OUT
        at[bagged, 1], day[bagged, 1] = self._revealed(deals)[bagged], closed_day[bagged]
        self._push(deals)

    def _push(self, deals: Deals) -> None:
        """Pushed deals: the close date moves out by about a month each time it comes near."""
        pushed = deals.planted == Planted.PUSHED
        moves = _moves(self._dice, deals.number)
        deals.close_at[pushed, 1:] = NEVER
        for move in range(6):
            working = deals.created_working + 24 * move
            expected = self._calendar.day(working + 26)
            asked = pushed & (move <= moves)
            deals.close_day[asked, move] = expected[asked]
            if move:
                deals.close_at[asked, move] = self._at(f"deal.push{move}", working, deals.number)[asked]

    def _duplicates(self, deals: Deals) -> Deals:
        """Second records of some deals, typed in by somebody else days later and given up at last."""
        twice = (self._uniform("deal.twice", deals) < DUPLICATE_DEALS) & (deals.planted == 0)
        again = deals.take(twice)
        again.number = again.number + 1
        again.created_working = again.created_working + self._dice.whole("deal.again", again.number, 1, 6)
        again.created = self._at("deal.retyped", again.created_working, again.number)
        again.closed_working = again.created_working + self._dice.whole("deal.tidied", again.number, 25, 80)
        again.closed = self._at("deal.closed", again.closed_working, again.number)
        for matrix in (again.stage_at, again.amount_at, again.close_at):
            matrix[:, 1:] = NEVER
            matrix[:, 0] = again.created
        again.amount[:, 0] = again.amount.max(axis=1)
        again.won = np.zeros(len(again), np.bool_)
        again.lead = np.full(len(again), -1, dtype=np.int64)
        again.seat = self._dice.choice("deal.seat", again.number, self._staff.weights)
        return again

    def _own(self, deals: Deals) -> None:
        """Owners over time: who leaves hands over to a colleague, or to the manager where that one leaves too."""
        staff = self._staff
        deals.owner_at[:, 0], deals.owner[:, 0] = deals.created, staff.person_at(deals.seat, deals.created)
        for handover in staff.handovers:
            for column in (1, 2):
                leaves = _left_by(staff, deals.owner[:, column - 1], handover.left_at)
                leaves &= (deals.owner_at[:, column - 1] < handover.left_at) & (deals.closed > handover.left_at)
                leaves &= deals.owner_at[:, column] == NEVER
                if not leaves.any():
                    continue
                heir = self._heir(deals.number[leaves], deals.seat[leaves], handover.left_at, column)
                deals.owner_at[leaves, column], deals.owner[leaves, column] = handover.left_at, heir

    def _heir(self, number: Ints, seat: Ints, at: int, column: int) -> Ints:
        manager: Ints = self._staff.manager_of(seat)
        if column == 2:
            return manager
        colleague = self._dice.choice("deal.heir", number, self._staff.weights)
        person = self._staff.person_at(colleague, np.full(len(number), at))
        return np.where(_left_by(self._staff, person, at), manager, person)


def _left_by(staff: Staff, person: Ints, at: int) -> Bools:
    left = np.array([one.left_at for one in staff.people], dtype=np.int64)
    return np.asarray(left[person] == at, dtype=np.bool_)


def _moves(dice: Dice, number: Ints) -> Ints:
    """How often a pushed deal's close date moves."""
    return dice.whole("deal.moves", number, 3, 5)


def _nevers(*shape: int) -> Ints:
    return np.full(shape, NEVER, dtype=np.int64)


def _minor(amount: Floats, currency: Ints) -> Ints:
    """Amounts rounded as people write them (to 10, yen to 1,000), in minor units."""
    per_unit = np.array([10 ** decimals(code) for code in CURRENCIES], dtype=np.int64)[currency]
    step = np.where(per_unit == 1, 1000, 10)
    return (np.maximum(np.rint(amount / step), 1) * step).astype(np.int64) * per_unit
