"""Activities of the demo world: those on deals, on leads, on companies at large, and a few at the edge of summer time.

A week's activities are those of the deals and leads drawn for that week (whenever they happen, up to about a year
later) and the prospecting done in it, so that a week can be made alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adapters.demo.calendar import DAY_S, NEVER, as_instant, clock_changes, day_of
from adapters.demo.companies import CONTACTS_PER_COMPANY, ragged
from adapters.demo.deals import Deals, Planted
from adapters.demo.draws import Bools, Floats, Ints
from adapters.demo.leads import Leads
from adapters.demo.scene import Scene
from adapters.demo.staff import COLLAPSE_KEEPS
from adapters.records import ActivityKind

KINDS = tuple(ActivityKind)
EMAIL, CALL, MEETING, APPOINTMENT, TASK, NOTE = range(6)
_KIND_WEIGHTS = (0.54, 0.25, 0.09, 0.05, 0.04, 0.03)
OUTCOMES = (None, "connected", "no_answer", "voicemail", "completed", "cancelled", "no_show", "scheduled")
NONE, CONNECTED, NO_ANSWER, VOICEMAIL, COMPLETED, CANCELLED, NO_SHOW, SCHEDULED = range(8)
INBOUND, OUTBOUND = 0, 1
DIRECTIONS = ("in", "out", None)
DELETED_ACTIVITIES = 0.002
ON_DEAL, ON_LEAD, AT_LARGE, AT_CLOCK_CHANGE = range(4)
FAMILIES = ("d", "l", "c", "z")
_PER_PARENT = 4096
"""More than any deal or lead has activities: parent × this + position is the number of an activity."""
_DENSE = 5.0
"""Activities per deal from which on leads have some too, and open deals never rest long."""


@dataclass(slots=True)
class Activities:
    """number is unique within a family; deal, lead, company, contact: −1 for none. outcome: the final one, which
    scheduled activities have from `resolved` on."""

    family: Ints
    number: Ints
    kind: Ints
    owner: Ints
    occurred: Ints
    known: Ints
    resolved: Ints
    direction: Ints
    outcome: Ints
    duration: Ints
    deal: Ints
    lead: Ints
    company: Ints
    contact: Ints
    deleted: Ints

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Ints | Bools) -> Activities:
        return Activities(*(getattr(self, item.name)[rows] for item in fields(self)))

    def changed(self, seen: int, until: int) -> Bools:
        last = np.maximum(self.known, np.where(self.resolved <= until, self.resolved, 0))
        last = np.maximum(last, np.where(self.deleted <= until, self.deleted, 0))
        return (self.known <= until) & (last > seen) & (self.deleted > seen)

    def outcome_at(self, until: int) -> Ints:
        return np.where(self.resolved <= until, self.outcome, SCHEDULED)


def joined(parts: list[Activities]) -> Activities:
    return Activities(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Activities)))


class ActivityMaker:
    """Draws activities. per_deal: how many a deal of ordinary length has on average."""

    def __init__(self, scene: Scene, per_deal: float) -> None:
        self._scene, self._per_deal = scene, per_deal
        self._dice, self._calendar, self._staff = scene.dice, scene.calendar, scene.staff

    # --- on deals ---

    def on_deals(self, deals: Deals, *, thinned: bool = True) -> Activities:
        """thinned: leave out what the season and collapses take away."""
        dice, calendar = self._dice, self._calendar
        active = np.minimum(deals.closed_working, deals.idle_working) - deals.created_working
        count = self._counts(deals, active)
        row, order = np.repeat(np.arange(len(deals)), count), ragged(count)
        number = deals.number[row] * _PER_PARENT + order
        wait = np.minimum(deals.wait, active - 1)[row]
        steps = np.maximum(count[row] - 1, 1)
        reach = (order - 1 + dice.uniform("act.place", number)) / steps * (active[row] - wait)
        shift = np.where(order == 0, wait, wait + np.maximum(np.floor(reach), 0).astype(np.int64))
        working = deals.created_working[row] + np.minimum(shift, np.maximum(active[row] - 1, 0))
        acts = self._draw(
            ON_DEAL, number, calendar.day(working), deals.created[row], working == deals.created_working[row]
        )
        self._directions(acts, order, deals.planted[row] == Planted.HAPPY_EARS)
        acts.deal, acts.company = deals.number[row], deals.company[row]
        acts.contact = deals.company[row] * CONTACTS_PER_COMPANY
        acts.owner = _owner_then(deals, row, acts.known)
        kept = acts.known < deals.deleted[row]
        if thinned:
            season = calendar.season_of(calendar.day_at(acts.occurred))
            low = self._staff.collapsed(acts.owner, acts.occurred)
            kept &= (order % 2 == 0) | (dice.uniform("act.season", number) < 2 * season - 1)
            kept &= ~low | (dice.uniform("act.low", number) < COLLAPSE_KEEPS)
        return acts.take(kept)

    def _counts(self, deals: Deals, active: Ints) -> Ints:
        size = self._per_deal * (0.35 + 0.65 * active / 33.0) * (0.5 + self._dice.uniform("act.count", deals.number))
        count = np.floor(size + self._dice.uniform("act.round", deals.number)).astype(np.int64)
        if self._per_deal >= _DENSE:
            # An ordinary open deal never rests for long: the stale ones are those planted as such.
            count = np.maximum(count, 2 + active // 12)
        return np.where(deals.number % 2 == 1, np.minimum(count, 2), count)

    def _directions(self, acts: Activities, order: Ints, deaf: Bools) -> None:
        """Somebody answers on every deal but the happy-ears ones."""
        answered = (order == 1) & ~deaf
        acts.kind[answered], acts.direction[answered], acts.outcome[answered] = EMAIL, INBOUND, NONE
        acts.duration[answered] = -1
        acts.known[answered] = acts.resolved[answered] = acts.occurred[answered]
        silent = deaf & (acts.direction == INBOUND)
        acts.direction[silent] = OUTBOUND

    # --- on leads ---

    def on_leads(self, leads: Leads) -> Activities:
        dice = self._dice
        count = dice.choice("lead.acts", leads.index, (0.15, 0.35, 0.3, 0.2)) * (1 if self._per_deal >= _DENSE else 0)
        count = np.where(leads.deal >= 0, np.minimum(np.maximum(count, min(1, int(self._per_deal))), 2), count)
        row, order = np.repeat(np.arange(len(leads)), count), ragged(count)
        number = leads.index[row] * _PER_PARENT + order
        working = leads.created_working[row] + leads.wait[row] + 4 * order
        acts = self._draw(ON_LEAD, number, self._calendar.day(working), leads.first_touch[row], order == 0)
        first = order == 0
        acts.occurred[first] = acts.known[first] = acts.resolved[first] = leads.first_touch[row][first]
        acts.kind[first] = np.where(dice.uniform("lead.phoned", number[first]) < 0.5, CALL, EMAIL)
        acts.outcome[first] = np.where(acts.kind[first] == CALL, CONNECTED, NONE)
        acts.duration[first] = _duration(acts.take(first), dice.uniform("lead.length", number[first]))
        acts.direction[first] = OUTBOUND
        acts.lead, acts.owner = leads.index[row], leads.owner[row]
        idle = self._staff.collapsed(acts.owner, acts.occurred) & (dice.uniform("lead.low", number) >= COLLAPSE_KEEPS)
        idle &= ~first | (leads.deal[row] < 0)  # somebody spoke to those who bought
        return acts.take((acts.known < leads.deleted[row]) & (acts.known <= leads.converted[row]) & ~idle)

    # --- on companies at large ---

    def at_large(self, week: int, index: Ints) -> Activities:
        dice, calendar, staff = self._dice, self._calendar, self._staff
        day = self._scene.day_in_week("large.day", index, week)
        opening = np.full(len(index), calendar.born_day * DAY_S + 5 * 3600, dtype=np.int64)
        acts = self._draw(AT_LARGE, index, day, opening, np.zeros(len(index), np.bool_))
        acts.company = self._scene.recent_company("large.company", index, max(week - 3, 0))
        acts.contact = acts.company * CONTACTS_PER_COMPANY
        seat = dice.choice("large.seat", index, staff.weights)
        owner = staff.person_at(seat, acts.known)
        low = staff.collapsed(owner, acts.occurred) & (dice.uniform("large.low", index) >= COLLAPSE_KEEPS)
        other = (seat + 1) % len(staff.weights)
        acts.owner = np.where(low, staff.person_at(other, acts.known), owner)
        return acts

    def at_clock_changes(self, week: int) -> Activities:
        """Mails that arrive while the clocks of Europe/Berlin change, in the hour that comes twice and around the one
        that never is."""
        first, last = day_of(self._calendar.first_day + 7 * week), day_of(self._calendar.first_day + 7 * week + 6)
        instants = [
            (as_instant(change) + shift, change.year * 100 + change.month * 8 + place)
            for year in {first.year, last.year}
            for change in clock_changes(year)
            if first <= change.date() <= last
            for place, shift in enumerate((-2700, -1, 0, 2700))
        ]
        number = np.array([number for _, number in instants], dtype=np.int64)
        acts = _blank(AT_CLOCK_CHANGE, number)
        acts.occurred = np.array([at for at, _ in instants], dtype=np.int64)
        acts.known, acts.resolved = acts.occurred.copy(), acts.occurred.copy()
        acts.company = np.zeros(len(number), dtype=np.int64)
        acts.contact = np.zeros(len(number), dtype=np.int64)
        acts.owner = self._staff.person_at(np.full(len(number), self._staff.seats - 1), acts.known)
        return acts

    # --- what all have in common ---

    def _draw(self, family: int, number: Ints, day: Ints, begins: Ints, first_day: Bools) -> Activities:
        """begins: nothing happens before; first_day: it happens on that day, within hours."""
        dice = self._dice
        acts = _blank(family, number)
        acts.kind = dice.choice(f"{family}.kind", number, _KIND_WEIGHTS)
        at = self._scene.office_instant(f"{family}.hour", day, number)
        soon = begins + 600 + (dice.uniform(f"{family}.soon", number) * 9000).astype(np.int64)
        inbound = (dice.uniform(f"{family}.direction", number) < 0.38) & (acts.kind <= CALL)
        weekend = inbound & (acts.kind == EMAIL) & (day % 7 == 1) & (dice.uniform(f"{family}.weekend", number) < 0.2)
        acts.occurred = np.where(first_day, soon, np.maximum(at, begins + 60)) + DAY_S * weekend
        acts.direction = np.where(acts.kind <= CALL, np.where(inbound, INBOUND, OUTBOUND), len(DIRECTIONS) - 1)
        luck = dice.uniform(f"{family}.outcome", number)
        self._schedule(acts, luck, begins, dice.uniform(f"{family}.ahead", number))
        length = dice.uniform(f"{family}.length", number)
        acts.duration = _duration(acts, length)
        held = (acts.kind == MEETING) | (acts.kind == APPOINTMENT)
        ended = acts.occurred + np.maximum(acts.duration, 0)
        called_off = (acts.known + acts.occurred) // 2
        acts.resolved = np.where(held, np.where(acts.outcome == CANCELLED, called_off, ended), acts.occurred)
        gone = dice.uniform(f"{family}.deleted", number) < DELETED_ACTIVITIES
        acts.deleted = np.where(gone, acts.resolved + 7 * DAY_S, NEVER)
        return acts

    def _schedule(self, acts: Activities, luck: Floats, begins: Ints, ahead: Floats) -> None:
        """Meetings and appointments are entered up to two weeks ahead, the rest as it happens."""
        held = (acts.kind == MEETING) | (acts.kind == APPOINTMENT)
        entered = acts.occurred - 3600 - (ahead * 14 * DAY_S).astype(np.int64)
        entered = np.minimum(np.maximum(entered, begins + 30), acts.occurred - 30)
        acts.known = np.where(held, entered, acts.occurred)
        of_call = np.searchsorted([0.55, 0.85], luck, side="right") + CONNECTED
        of_meeting = np.where(luck < 0.09, CANCELLED, np.where(luck < 0.13, NO_SHOW, COMPLETED))
        choices = [acts.kind == CALL, held, acts.kind == TASK]
        acts.outcome = np.select(choices, [of_call, of_meeting, np.full(len(luck), COMPLETED)], NONE).astype(np.int64)


def _duration(acts: Activities, length: Floats) -> Ints:
    """Seconds; −1 where the kind has none."""
    call = np.where(acts.outcome == CONNECTED, 60 + length**2 * 2400, 20 + 20 * length)
    held = 900 * (2 + np.floor(length * 4))
    chosen = np.select([acts.kind == CALL, (acts.kind == MEETING) | (acts.kind == APPOINTMENT)], [call, held], -1)
    return np.asarray(chosen, dtype=np.int64)


def _owner_then(deals: Deals, row: Ints, at: Ints) -> Ints:
    owner = deals.owner[row, 0]
    for column in (1, 2):
        owner = np.where(deals.owner_at[row, column] <= at, deals.owner[row, column], owner)
    return np.asarray(owner, dtype=np.int64)


def _blank(family: int, number: Ints) -> Activities:
    size = len(number)

    def filled(value: int) -> Ints:
        return np.full(size, value, dtype=np.int64)

    return Activities(
        family=filled(family), number=number, kind=filled(EMAIL), owner=filled(0), occurred=filled(0), known=filled(0),
        resolved=filled(0), direction=filled(INBOUND), outcome=filled(NONE), duration=filled(-1), deal=filled(-1),
        lead=filled(-1), company=filled(-1), contact=filled(-1), deleted=filled(NEVER),
    )  # fmt: skip
