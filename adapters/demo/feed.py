"""Which records of the demo world changed between two instants, week by week, with deletions and merges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.demo import records
from adapters.demo.activities import KINDS
from adapters.demo.calendar import NEVER, as_time
from adapters.demo.companies import Rows
from adapters.demo.deals import Deals
from adapters.demo.draws import Bools, Ints
from adapters.demo.leads import Leads
from adapters.demo.world import AHEAD_WEEKS, LIFE_WEEKS, DemoWorld
from adapters.records import ActivityKind, Deletion, Kind, Merge, Record

DRAWN = (Kind.COMPANY, Kind.CONTACT, Kind.LEAD, Kind.DEAL, Kind.ACTIVITY)
"""Kinds that are drawn week by week; the others are few and listed at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A changed object: its record, then what became of it."""

    record: Record
    end: Deletion | Merge | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """Changes after `seen` (0: from the beginning) up to `until`, both UTC seconds. kinds: activities to show."""

    world: DemoWorld
    seen: int
    until: int
    activity_kinds: frozenset[ActivityKind] = frozenset(ActivityKind)

    def weeks(self, kind: Kind) -> range:
        """Weeks that may hold changes of this kind."""
        first = self.world.calendar.week_of(self.seen) - LIFE_WEEKS if self.seen else 0
        last = self.world.calendar.week_of(self.until) + (AHEAD_WEEKS if kind is Kind.ACTIVITY else 0)
        return range(max(first, 0), last + 1)

    def entries(self, kind: Kind, week: int, offset: int, most: int) -> list[Entry]:
        """Up to `most` changed objects of a week, from position `offset` on, always in the same order."""
        makers: dict[Kind, Callable[[int, int, int], list[Entry]]] = {
            Kind.COMPANY: self._companies,
            Kind.CONTACT: self._contacts,
            Kind.LEAD: self._leads,
            Kind.DEAL: self._deals,
            Kind.ACTIVITY: self._activities,
        }
        return makers[kind](week, offset, offset + most)

    def live_count(self, kind: Kind) -> int:
        """How many objects of a kind there are at `until`."""
        return sum(int(self._live(kind, week).sum()) for week in self.weeks(kind))

    def brought_count(self, kind: Kind) -> int | None:
        """How many records a pass from the beginning brings, those that are gone by now included; None where
        counting them takes as long as the pass."""
        if kind is Kind.ACTIVITY:
            return None
        return sum(int((self._block(kind, week).created <= self.until).sum()) for week in self.weeks(kind))

    def _block(self, kind: Kind, week: int) -> Rows | Leads | Deals:
        makers: dict[Kind, Callable[[int], Rows | Leads | Deals]] = {
            Kind.COMPANY: self.world.companies,
            Kind.CONTACT: self.world.contacts,
            Kind.LEAD: self.world.leads,
            Kind.DEAL: self.world.deals,
        }
        return makers[kind](week)

    def owners(self) -> Iterator[list[Record]]:
        """Owners that changed, in rounds, so that nobody comes twice in one: their states, oldest first."""
        rounds: list[list[Record]] = []
        counted: dict[str, int] = {}
        for since, owner in records.owner_states(self.world, self.until):
            if since > self.seen or (since == 0 and not self.seen):
                turn = counted.get(owner.external_id, 0)
                counted[owner.external_id] = turn + 1
                if turn == len(rounds):
                    rounds.append([])
                rounds[turn].append(owner)
        yield from rounds

    # --- by kind ---

    def _companies(self, week: int, start: int, stop: int) -> list[Entry]:
        rows = self._picked(self.world.companies(week), start, stop)
        return self._buyers(Kind.COMPANY, "C", rows, records.companies(self.world, rows))

    def _contacts(self, week: int, start: int, stop: int) -> list[Entry]:
        rows = self._picked(self.world.contacts(week), start, stop)
        return self._buyers(Kind.CONTACT, "P", rows, records.contacts(self.world, rows))

    def _leads(self, week: int, start: int, stop: int) -> list[Entry]:
        block = self.world.leads(week)
        rows = block.take(_rows(self._leads_changed(block), start, stop))
        return self._ended(Kind.LEAD, records.leads(self.world, rows, self.until), rows.deleted, "archived")

    def _deals(self, week: int, start: int, stop: int) -> list[Entry]:
        block = self.world.deals(week)
        rows = block.take(_rows(block.changed(self.seen, self.until), start, stop))
        return self._ended(Kind.DEAL, records.deals(self.world, rows, self.until), rows.deleted)

    def _activities(self, week: int, start: int, stop: int) -> list[Entry]:
        block = self.world.activities(week)
        chosen = block.changed(self.seen, self.until) & self._shown(block.kind)
        rows = block.take(_rows(chosen, start, stop))
        return self._ended(Kind.ACTIVITY, records.activities(rows, self.until), rows.deleted)

    # --- what is live, what changed ---

    def _live(self, kind: Kind, week: int) -> Bools:
        world, until = self.world, self.until
        if kind is Kind.COMPANY or kind is Kind.CONTACT:
            rows = world.companies(week) if kind is Kind.COMPANY else world.contacts(week)
            return (rows.created <= until) & (rows.deleted > until) & (rows.merged > until)
        if kind is Kind.ACTIVITY:
            acts = world.activities(week)
            return (acts.known <= until) & (acts.deleted > until) & self._shown(acts.kind)
        block = world.leads(week) if kind is Kind.LEAD else world.deals(week)
        return (block.created <= until) & (block.deleted > until)

    def _shown(self, kinds: Ints) -> Bools:
        return np.array([kind in self.activity_kinds for kind in KINDS])[kinds]

    def _picked(self, rows: Rows, start: int, stop: int) -> Rows:
        gone = np.minimum(rows.deleted, rows.merged)
        last = np.maximum(rows.created, np.where(gone <= self.until, gone, 0))
        changed = (rows.created <= self.until) & (last > self.seen) & (gone > self.seen)
        return rows.take(_rows(changed, start, stop))

    def _leads_changed(self, block: Leads) -> Bools:
        last = block.created
        for at in (block.first_touch, block.converted, block.given_up, block.deleted):
            last = np.maximum(last, np.where(at <= self.until, at, 0))
        return (block.created <= self.until) & (last > self.seen) & (block.deleted > self.seen)

    # --- ends ---

    def _ended(self, kind: Kind, found: Sequence[Record], gone: Ints, reason: str = "deleted") -> list[Entry]:
        return [
            Entry(record, Deletion(kind=kind, external_id=record.external_id, at=as_time(at), reason=reason))
            if at <= self.until
            else Entry(record)
            for record, at in zip(found, gone.tolist(), strict=True)
        ]

    def _buyers(self, kind: Kind, letter: str, rows: Rows, found: Sequence[Record]) -> list[Entry]:
        entries = self._ended(kind, found, rows.deleted)
        for place in np.flatnonzero((rows.merged <= self.until) & (rows.merged != NEVER)).tolist():
            entry = entries[place]
            merge = Merge(
                kind=kind,
                winner_id=f"{letter}{2 * int(rows.subject[place])}",
                loser_ids=(entry.record.external_id,),
                at=as_time(int(rows.merged[place])),
            )
            entries[place] = Entry(entry.record, merge)
        return entries


def _rows(chosen: Bools, start: int, stop: int) -> Ints:
    return np.flatnonzero(chosen)[start:stop].astype(np.int64)
