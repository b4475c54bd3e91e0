"""The demo CRM: a seeded seller's CRM without a network, the reference for what an adapter does.

What it holds follows from its settings and the day (`world`); what is written to it goes to a `DemoStore`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson

from adapters.base import (
    ActivityCount,
    Capabilities,
    Check,
    ContactInput,
    Missing,
    Page,
    UpsertResult,
)
from adapters.demo import records
from adapters.demo.activities import CANCELLED, KINDS
from adapters.demo.calendar import as_instant, as_time
from adapters.demo.contacts import WrittenContacts, as_contact, world_contact
from adapters.demo.feed import DRAWN, Entry, Feed
from adapters.demo.store import DemoStore
from adapters.demo.world import DemoSettings, DemoWorld
from adapters.errors import FatalError, MissingScopeError
from adapters.records import ActivityKind, Change, Contact, Deal, Kind, Merge, Owner

PAGE_SIZE = 5_000
_WRITES_OVERLAP = timedelta(minutes=10)
"""What another process wrote may become visible a little after the time that it carries."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A cursor. seen: everything up to then was served; until: where this pass ends (0: no pass under way);
    week, offset: the next object of the pass."""

    seen: int = 0
    until: int = 0
    week: int = 0
    offset: int = 0

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


class DemoCrm:
    """Implements `CrmAdapter`. now: the clock (aware); missing: objects to leave out on purpose, with the reason."""

    provider = "demo"

    def __init__(
        self,
        settings: DemoSettings,
        *,
        now: Callable[[], datetime],
        store: DemoStore,
        missing: Mapping[Kind | ActivityKind, str] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.settings = settings
        self._now, self._missing, self._page_size = now, dict(missing or {}), page_size
        self._store, self._written = store, WrittenContacts(store)
        self._drawn: DemoWorld | None = None
        self._tallies: dict[tuple[int, int], Counter[tuple[int, int]]] = {}
        self.capabilities = Capabilities(
            kinds=frozenset(kind for kind in Kind if kind not in self._missing),
            activity_kinds=frozenset(
                kind for kind in ActivityKind if kind not in self._missing and Kind.ACTIVITY not in self._missing
            ),
            reports_deletions=True,
            reports_merges=True,
            has_stage_history=True,
            can_upsert=True,
            upsert_is_idempotent=True,
            matches_phone=True,
            counts_are_exact=True,
            missing=tuple(Missing(kind=kind.value, reason=reason) for kind, reason in self._missing.items()),
        )

    def __repr__(self) -> str:
        return f"DemoCrm({self.settings!r})"

    def list_owners(self) -> list[Owner]:
        self._demand(Kind.OWNER)
        latest = {owner.external_id: owner for _, owner in records.owner_states(self._world(), self._until())}
        return list(latest.values())

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        self._demand(Kind.CONTACT)
        return self._written.upsert(self._world(), contact, self._now(), dry_run=dry_run)

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        self._demand(Kind.DEAL)
        for deal in self._deals_by_age():
            if created_since is not None and (deal.created_at is None or deal.created_at < created_since):
                continue
            if modified_since is not None and (deal.modified_at is None or deal.modified_at < modified_since):
                continue
            if owner is None or deal.owner_id == owner:
                yield deal

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        if kind not in self.capabilities.activity_kinds:
            reason = self._missing.get(kind) or self._missing[Kind.ACTIVITY]
            return ActivityCount(kind=kind, count=None, unavailable=reason)
        # The world's instants are whole seconds: the first that counts is the one not before `since`.
        first = as_instant(since + timedelta(microseconds=999_999)) if since is not None else 0
        counts, number = self._happened(first), KINDS.index(kind)
        people = {f"U{person.number}": person.number for person in self._world().staff.people}
        if owner is None:
            return ActivityCount(kind=kind, count=sum(n for (what, _), n in counts.items() if what == number))
        return ActivityCount(kind=kind, count=counts[number, people[owner]] if owner in people else 0)

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        self._demand(kind)
        place = self._place(kind, cursor)
        feed = self._feed(place.seen, place.until)
        if kind in DRAWN:
            return self._pages(kind, feed, place)
        return self._listed(kind, feed, place)

    def expected_count(self, kind: Kind) -> int | None:
        if kind in self._missing:
            return None
        feed = self._feed()
        if kind not in DRAWN:
            return len({change.external_id for entries in self._lists(kind, feed) for change in entries})  # type: ignore[union-attr]
        written = self._written.count_new(as_time(feed.until)) if kind is Kind.CONTACT else 0
        return feed.live_count(kind) + written

    def check(self) -> list[Check]:
        found = [Check(name="demo world", ok=True, detail=f"seed {self.settings.seed}, born {self.settings.born}")]
        try:
            self._store.get("nobody@example.com")
        except Exception as error:  # whatever a store raises, a check reports it
            remedy = "Check the database that keeps what is written to the demo CRM."
            return [*found, Check(name="demo store", ok=False, detail=type(error).__name__, remedy=remedy)]
        return [*found, Check(name="demo store", ok=True, detail="can be read")]

    def close(self) -> None:
        self._drawn = None

    # --- the present ---

    def _until(self) -> int:
        return as_instant(self._now())

    def _world(self) -> DemoWorld:
        today = self._now().date()
        if self._drawn is None or self._drawn.today != today:
            self._drawn = DemoWorld(self.settings, today=today)
        return self._drawn

    def _feed(self, seen: int = 0, until: int | None = None) -> Feed:
        return Feed(self._world(), seen, self._until() if until is None else until, self.capabilities.activity_kinds)

    def _happened(self, first: int) -> Counter[tuple[int, int]]:
        """How many activities happened from `first` to now, by kind and person: drawn once for all who ask now."""
        feed = self._feed()
        if (first, feed.until) not in self._tallies:
            self._tallies = {key: one for key, one in self._tallies.items() if key[1] == feed.until}
            found: Counter[tuple[int, int]] = Counter()
            for week in feed.weeks(Kind.ACTIVITY):
                acts = feed.world.activities(week)
                counted = (acts.known <= feed.until) & (acts.deleted > feed.until) & (acts.occurred <= feed.until)
                counted &= (acts.outcome_at(feed.until) != CANCELLED) & (acts.occurred >= first)
                found.update(zip(acts.kind[counted].tolist(), acts.owner[counted].tolist(), strict=True))
            self._tallies[first, feed.until] = found
        return self._tallies[first, feed.until]

    def _demand(self, kind: Kind) -> None:
        if kind in self._missing:
            raise MissingScopeError(
                f"The demo CRM does not show {kind.value}s: {self._missing[kind]}", scope=kind.value
            )

    def _deals_by_age(self) -> Iterator[Deal]:
        """Live deals, oldest first. A week's block may hold deals created in later weeks, so these wait."""
        feed, waiting = self._feed(), list[Deal]()
        weeks = feed.weeks(Kind.DEAL)
        for week in weeks:
            begins = as_time(feed.world.calendar.week_start(week))
            waiting.sort(key=_age)
            ready = sum(deal.created_at is not None and deal.created_at < begins for deal in waiting)
            yield from waiting[:ready]
            del waiting[:ready]
            entries = feed.entries(Kind.DEAL, week, 0, 10**9)
            waiting.extend(entry.record for entry in entries if entry.end is None)  # type: ignore[misc]  # all are deals
        yield from sorted(waiting, key=_age)

    # --- pages ---

    def _place(self, kind: Kind, cursor: str | None) -> _Place:
        try:
            place = _Place(**orjson.loads(cursor)) if cursor is not None else _Place()
        except (orjson.JSONDecodeError, TypeError) as error:
            raise FatalError(
                f"The demo CRM cannot go on with {kind.value}s: its cursor is damaged. Sync from the beginning."
            ) from error
        if place.until:
            return place
        until = max(self._until(), place.seen)
        weeks = self._feed(place.seen, until).weeks(kind)
        return _Place(place.seen, until, weeks.start)

    def _pages(self, kind: Kind, feed: Feed, place: _Place) -> Iterator[Page]:
        written = self._written.by_id() if kind is Kind.CONTACT else {}
        last = feed.weeks(kind).stop
        writes = self._writes(feed) if kind is Kind.CONTACT else []
        brought = None if place.seen else feed.brought_count(kind)
        total = None if brought is None else brought + len(writes)
        while place.week < last:
            entries, place = self._filled(kind, feed, place, last)
            if place.week < last:
                yield Page(changes=_in_order(entries, written), cursor=place.text(), done=False, total=total)
        end = _Place(seen=place.until)
        yield Page(changes=(*_in_order(entries, written), *writes), cursor=end.text(), done=True, total=total)

    def _filled(self, kind: Kind, feed: Feed, place: _Place, last: int) -> tuple[list[Entry], _Place]:
        """The next page's worth of changed objects, and where the page after it begins."""
        entries: list[Entry] = []
        week, offset = place.week, place.offset
        while week < last:
            found = feed.entries(kind, week, offset, self._page_size - len(entries))
            entries.extend(found)
            if len(entries) == self._page_size:
                return entries, _Place(place.seen, place.until, week, offset + len(found))
            week, offset = week + 1, 0
        return entries, _Place(place.seen, place.until, last)

    def _writes(self, feed: Feed) -> list[Contact]:
        seen = as_time(feed.seen) - _WRITES_OVERLAP if feed.seen else None
        return [
            as_contact(stored, world_contact(feed.world, stored)) for stored in self._written.since(seen, self._now())
        ]

    def _listed(self, kind: Kind, feed: Feed, place: _Place) -> Iterator[Page]:
        lists = list(self._lists(kind, feed))
        rounds, total = lists[place.offset :] or [()], sum(map(len, lists))
        for number, changes in enumerate(rounds, start=place.offset + 1):
            done = number == place.offset + len(rounds)
            after = _Place(seen=place.until) if done else _Place(place.seen, place.until, place.week, number)
            yield Page(changes=tuple(changes), cursor=after.text(), done=done, total=total)

    def _lists(self, kind: Kind, feed: Feed) -> Iterator[Sequence[Change]]:
        """Lists that make a page each."""
        makers: Mapping[Kind, Callable[[], Iterable[Sequence[Change]]]] = {
            Kind.OWNER: feed.owners,
            Kind.TEAM: lambda: [records.teams(feed.world)],
            Kind.PIPELINE: lambda: [records.pipelines()],
            Kind.STAGE: lambda: [records.stages()],
            Kind.PRODUCT: lambda: [records.products()],
        }
        if feed.seen and kind is not Kind.OWNER:
            return  # nothing of these ever changes
        for whole in makers[kind]():
            for start in range(0, len(whole), self._page_size):
                yield whole[start : start + self._page_size]


def _age(deal: Deal) -> tuple[datetime, str]:
    if deal.created_at is None:
        raise FatalError(f"The demo CRM's deal {deal.external_id} has no creation date: this is a defect.")
    return deal.created_at, deal.external_id


def _in_order(entries: Sequence[Entry], written: Mapping[str, Mapping[str, object]]) -> tuple[Change, ...]:
    """Records, then deletions, then merges; a contact that was written to shows what was written."""
    shown = [
        as_contact(written[entry.record.external_id], entry.record)
        if isinstance(entry.record, Contact) and entry.record.external_id in written
        else entry.record
        for entry in entries
    ]
    ends = [entry.end for entry in entries if entry.end is not None]
    return (*shown, *sorted(ends, key=lambda end: isinstance(end, Merge)))
