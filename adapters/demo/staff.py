"""The sellers of the demo world over time: teams, managers, who leaves, who follows, who moves, whose work collapses.

A seat is a place in a team; people come and go on it. What happens to the staff is decided quarter by quarter from the
seed and from earlier quarters, so the past stays as it was however far the table reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from adapters.demo.calendar import DAY_S, NEVER, DemoCalendar, day_number, quarters
from adapters.demo.draws import Bools, Dice, Floats, Ints
from adapters.demo.names import CULTURE_WEIGHTS, SELLER_DOMAIN, PersonName, person_name

TEAM_NAMES = (
    ("Nord", "North"),
    ("Süd & Österreich", "South"),
    ("International", "Abroad"),
    ("Key Accounts", "Everywhere"),
)
COLLAPSE_KEEPS = 0.3
"""What is left of a collapsed rep's activity."""
SMALLEST_WITH_CHANGES = 8
"""Staffs smaller than this have no leavers and no movers."""
_COLLAPSE_STARTS, _COLLAPSE_LASTS = (14, 28), 56
COLLAPSED_SHARE = _COLLAPSE_LASTS / 91
"""For what part of the time one of the staff lies low."""
_LEAVE_DAYS, _MOVE_DAYS, _VACANT_DAYS = (20, 55), (25, 60), 14


@dataclass(slots=True)
class Person:
    """A seller. moves: instant and team, the first one at the beginning (None: since data began)."""

    number: int
    name: str
    email: str
    seat: int
    is_manager: bool
    hired_at: int | None
    left_at: int = NEVER
    moves: list[tuple[int, int]] = field(default_factory=list)

    def team_at(self, at: int) -> int:
        return [team for since, team in self.moves if since <= at][-1]


@dataclass(frozen=True, slots=True)
class Handover:
    seat: int
    left_at: int
    hired_at: int
    successor: int


@dataclass(frozen=True, slots=True)
class Collapse:
    seat: int
    person: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """owners: how many there have been when the world, born on a day, is `years` old. until: how far the table goes."""

    owners: int
    born: date
    years: float
    until: date


class Staff:
    """Everyone who ever sells, up to `until`."""

    def __init__(self, dice: Dice, calendar: DemoCalendar, plan: StaffPlan) -> None:
        owners, born = plan.owners, plan.born
        self._dice, self._calendar = dice, calendar
        self.teams = 4 if owners >= 12 else 3 if owners >= SMALLEST_WITH_CHANGES else 2 if owners >= 4 else 1
        self.has_managers = owners >= SMALLEST_WITH_CHANGES
        first_years = day_number(born) + round(plan.years * 365.25)
        starts = [day_number(first) for first in quarters(born, plan.until)]
        leavings = [self._day(number, start, "leave", _LEAVE_DAYS) for number, start in enumerate(starts)]
        odd = [number for number in range(1, len(starts), 2) if self.has_managers]
        early = [number for number in odd if leavings[number] + _VACANT_DAYS < first_years]
        # In a small staff and a long time not everybody can go: the owners asked for are those who came, too.
        kept = max(owners - self.teams - 2, 0)
        self._leaving = frozenset(odd) - frozenset(early[kept:])
        self.seats = owners - len(early[:kept])
        self.people: list[Person] = []
        for seat in range(self.seats):
            self._hire(seat, None)
        self.handovers: list[Handover] = []
        self.collapses: list[Collapse] = []
        for number, start in enumerate(starts):
            self._quarter(number, start, leavings[number])
        self.weights: Floats = 0.6 + 0.8 * dice.uniform("seat.busy", np.arange(self.seats, dtype=np.int64))
        if self.has_managers:
            self.weights[: self.teams] = 0.25

    def manager_of(self, seat: Ints) -> Ints:
        """Person who leads the team that a seat began in."""
        return seat % self.teams

    def person_at(self, seat: Ints, at: Ints) -> Ints:
        """Who sits on a seat at an instant; the manager while it is vacant."""
        person = seat.copy()
        for handover in self.handovers:
            here = seat == handover.seat
            if here.any():
                person[here & (at >= handover.left_at)] = self.manager_of(np.array([handover.seat]))[0]
                person[here & (at >= handover.hired_at)] = handover.successor
        return person

    def collapsed(self, person: Ints, at: Ints) -> Bools:
        """Whether a person's activity lies low at an instant."""
        low = np.zeros(len(person), dtype=np.bool_)
        for collapse in self.collapses:
            low |= (person == collapse.person) & (at >= collapse.since) & (at < collapse.until)
        return low

    def states_of(self, person: Person, until: int) -> list[tuple[int | None, int, bool]]:
        """(since, team, is active) of a person, oldest first; since is None for those who were there from the start."""
        changes = [(at, team, True) for at, team in person.moves if at <= until]
        if person.left_at <= until:
            changes.append((person.left_at, person.team_at(person.left_at), False))
        first, *later = changes
        return [(person.hired_at, first[1], True), *later]

    # --- quarter by quarter ---

    def _day(self, number: int, start: int, what: str, span: tuple[int, int]) -> int:
        day = start + span[0] + int(self._dice.one(f"staff.{what}", number) * (span[1] - span[0]))
        return int(self._calendar.day(self._calendar.working(np.array([day])))[0])

    def _quarter(self, number: int, start: int, leave_day: int) -> None:
        reps = self._shuffled_reps(number)
        busy = {collapse.seat for collapse in self.collapses[-2:]} | {item.seat for item in self.handovers[-1:]}
        calm = [seat for seat in reps if seat not in busy] or list(reps)
        since = self._day(number, start, "collapse", _COLLAPSE_STARTS) * DAY_S
        person = self._sitting(calm[0])
        self.collapses.append(Collapse(calm[0], person.number, since, since + _COLLAPSE_LASTS * DAY_S))
        others = [seat for seat in reps if seat != calm[0]]
        if number in self._leaving:
            self._leave(others[0], leave_day)
        elif self.has_managers:
            self._move(others[-1], self._day(number, start, "move", _MOVE_DAYS))

    def _shuffled_reps(self, number: int) -> Sequence[int]:
        first = self.teams if self.has_managers else 0
        seats = np.arange(first, self.seats, dtype=np.int64)
        order = np.argsort(self._dice.uniform("staff.shuffle", number * 10_000 + seats), kind="stable")
        return [int(seat) for seat in seats[order]]

    def _sitting(self, seat: int) -> Person:
        return [person for person in self.people if person.seat == seat][-1]

    def _leave(self, seat: int, day: int) -> None:
        leaver = self._sitting(seat)
        leaver.left_at = day * DAY_S + 15 * 3600
        successor = self._hire(seat, (day + _VACANT_DAYS) * DAY_S + 7 * 3600, leaver.moves[-1][1])
        self.handovers.append(Handover(seat, leaver.left_at, successor.moves[0][0], successor.number))

    def _move(self, seat: int, day: int) -> None:
        mover = self._sitting(seat)
        team = (mover.moves[-1][1] + 1) % self.teams
        mover.moves.append((day * DAY_S + 6 * 3600, team))

    def _name(self, culture: int, number: int) -> PersonName:
        """A name that no other seller has, as long as there are any."""
        taken = {person.name for person in self.people}
        for attempt in range(40):
            at = number + 1_000_000 * attempt
            name = person_name(culture, self._dice.one("owner.first", at), self._dice.one("owner.last", at))
            if name.full not in taken:
                break
        return name

    def _hire(self, seat: int, hired_at: int | None, team: int | None = None) -> Person:
        number = len(self.people)
        index = np.array([number], dtype=np.int64)
        culture = int(self._dice.choice("owner.culture", index, CULTURE_WEIGHTS)[0])
        name = self._name(culture, number)
        person = Person(
            number=number,
            name=name.full,
            email=f"{name.mailbox}{number}@{SELLER_DOMAIN}",
            seat=seat,
            is_manager=self.has_managers and seat < self.teams,
            hired_at=hired_at,
            moves=[(hired_at or 0, seat % self.teams if team is None else team)],
        )
        self.people.append(person)
        return person
