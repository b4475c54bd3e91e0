"""Passes over Nutshell's objects: a scan of the lists; later what the event feed names, and what was deleted.

Nutshell has no filter by the time of a change. Its feed tells what was touched, and a scan once a week tells what the
feed may have kept to itself. A cursor names the phase of the pass and how far it got, so any process goes on with it.

Lists are paged by number, so what is deleted meanwhile moves the rows behind it forward. Read from the last page to the
first, oldest created last, no such move takes a row past the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from adapters.base import Page
from adapters.errors import FatalError
from adapters.nutshell import reading
from adapters.nutshell.client import MOST_EVENTS, MOST_LISTED, NutshellClient, Raw, older
from adapters.nutshell.history import Histories, histories_of, payloads
from adapters.nutshell.objects import DEALS, ObjectFacts
from adapters.nutshell.reading import AccountFacts
from adapters.records import Change, Deletion, Merge, Record

OVERLAP = timedelta(minutes=5)
"""Events may be written a moment late; what is read again because of the overlap changes nothing."""
SCAN_EVERY = timedelta(days=7)
SCAN, MERGED, EVENTS, DELETED = "scan", "merged", "events", "deleted"
AFTER = {SCAN: EVENTS, MERGED: DELETED, EVENTS: DELETED}
"""Which phase follows on which; what is gone comes last, so that it stays gone. A first scan is followed by MERGED: of
all events there ever were, that is what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor. since: up to when (seconds) everything was read; 0: nothing was. scanned: when the last scan began.
    until: when this pass began; 0: none is under way. phase, after, limit: where it stands; limit: rows on a page."""

    since: int = 0
    scanned: int = 0
    until: int = 0
    phase: str = ""
    after: str = ""
    limit: int = 0

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def place_of(cursor: str | None) -> Place:
    try:
        return Place(**orjson.loads(cursor)) if cursor is not None else Place()
    except (orjson.JSONDecodeError, TypeError) as error:
        raise FatalError("Nutshell: a sync's cursor is damaged. Sync from the beginning.") from error


@dataclass(frozen=True, slots=True)
class Step:
    """after: where the phase goes on; None at its end. total: how many there are, where that is told."""

    changes: Sequence[Change]
    after: str | None
    total: int | None = None


@dataclass(slots=True)
class Passes:
    """Of one kind."""

    client: NutshellClient
    facts: ObjectFacts
    account: AccountFacts
    page_size: int
    has_feed: bool = True
    """False where the events may not be seen: then each pass is a scan, and what is deleted is not noticed."""
    _feed: Histories | None = None
    _mergers: list[Raw] = field(default_factory=list)
    _fetched: set[str] = field(default_factory=set)
    """Touched objects that this pass has read already, in this process."""

    def pages(self, place: Place, now_s: int) -> Iterator[Page]:
        """now_s: by Nutshell's clock, where a pass that begins starts."""
        steps: Mapping[str, Callable[[Place], Step]] = {
            SCAN: self._scan, MERGED: self._merged, EVENTS: self._touched, DELETED: self._deleted,
        }  # fmt: skip
        here: Place | None = place if place.until and place.phase in steps else self._begun(place, now_s)
        while here is not None:
            step = steps[here.phase](here)
            following = self._next(here, step.after)
            if step.changes or following is None:
                cursor = self._ended(here) if following is None else following
                yield Page(changes=tuple(step.changes), cursor=cursor.text(), done=following is None, total=step.total)
            here = following

    def _begun(self, place: Place, now_s: int) -> Place:
        scans = not self.has_feed or not place.since or now_s - place.scanned > SCAN_EVERY.total_seconds()
        limit = min(self.page_size, MOST_LISTED)
        return replace(place, until=now_s, phase=SCAN if scans else EVENTS, after="", limit=limit)

    def _next(self, here: Place, after: str | None) -> Place | None:
        if after is not None:
            return replace(here, after=after)
        phase = AFTER.get(here.phase) if self.has_feed else None
        if here.phase == SCAN:
            here = replace(here, scanned=here.until)
            phase = MERGED if phase is not None and not here.since else phase
        return replace(here, phase=phase, after="") if phase is not None else None

    def _ended(self, here: Place) -> Place:
        return Place(since=here.until - int(OVERLAP.total_seconds()), scanned=here.scanned)

    # --- the lists ---

    def _scan(self, here: Place) -> Step:
        number = int(here.after) if here.after else self._last_page(here.limit)
        rows, total = self.client.page(self.facts, number, here.limit)
        if here.since:  # what the feed names afterwards; what happens from now on is for the next pass
            self._fetched.update(str(row["id"]) for row in rows)
        return Step(self._records(rows, self._whole_feed), str(number - 1) if number > 0 else None, total)

    def _last_page(self, limit: int) -> int:
        """By the total that Nutshell tells, and on until a page is empty, for totals are not promised."""
        _, total = self.client.page(self.facts, 0, limit)
        number = max(0, ((total or 0) - 1) // limit)
        while self.client.page(self.facts, number + 1, limit)[0]:
            number += 1
        return number

    def _whole_feed(self, _: Sequence[str]) -> Histories:
        if self._feed is None:
            self._feed = Histories()
            if self.has_feed:
                self._feed.take(self._noting_mergers(self.client.history(DEALS)))
        return self._feed

    def _each_one(self, ids: Sequence[str]) -> Histories:
        return histories_of(self.client, ids)

    def _noting_mergers(self, events: Iterator[Raw]) -> Iterator[Raw]:
        for event in events:
            if is_merger(event):
                self._mergers.append(event)
            yield event

    def _merged(self, here: Place) -> Step:
        """Mergers of old, which the feed tells of deals, since it is read in full for their history anyway."""
        if self.facts is not DEALS:
            return Step((), None)
        self._whole_feed(())
        start, mergers = int(here.after or 0), self._mergers
        chosen = mergers[start : start + self.page_size]
        ids = list(dict.fromkeys(one for event in chosen for one in payloads(event)))
        live = {str(row["id"]) for row in self.client.read(self.facts, ids) if not reading.is_deleted(row)}
        is_last = start + self.page_size >= len(mergers)
        return Step(merges(self.facts, chosen, live), None if is_last else str(start + self.page_size))

    # --- the feed ---

    def _touched(self, here: Place) -> Step:
        events = self._page(here, deleted=False)
        chosen, ids = self._chosen(events)
        merging = {one for event in chosen if is_merger(event) for one in payloads(event)}
        wanted = [one for one in ids if one not in self._fetched or one in merging]
        rows = {str(row["id"]): row for row in self.client.read(self.facts, wanted)}
        live = {one for one, row in rows.items() if not reading.is_deleted(row)}
        merged = merges(self.facts, chosen, live)
        records = self._records(list(rows.values()), self._each_one)
        self._fetched.update(wanted)
        gone = set(wanted) - rows.keys() - {loser for one in merged for loser in one.loser_ids}
        ends = [reading.deletion(self.facts, one, _last(chosen, one)) for one in wanted if one in gone]
        return Step([*_records_first(records, merged), *ends], str(chosen[-1]["id"]) if chosen else None)

    def _chosen(self, events: Sequence[Raw]) -> tuple[list[Raw], list[str]]:
        """The newest events, of at most a page of objects; at least one event."""
        ids: dict[str, None] = {}
        for number, event in enumerate(events):
            named = [one for one in payloads(event) if self.facts.owns(one)]
            if number and len(ids.keys() | set(named)) > self.page_size:
                return list(events[:number]), list(ids)
            ids |= dict.fromkeys(named)
        return list(events), list(ids)

    def _deleted(self, here: Place) -> Step:
        events = self._page(here, deleted=True)[: self.page_size]
        at = {one: _at(event) for event in reversed(events) for one in payloads(event) if self.facts.owns(one)}
        # What was restored since is told as deleted all the same.
        live = {str(row["id"]) for row in self.client.read(self.facts, list(at)) if not reading.is_deleted(row)}
        gone = [reading.deletion(self.facts, one, when) for one, when in at.items() if one not in live]
        return Step(gone, str(events[-1]["id"]) if events else None)

    def _page(self, here: Place, *, deleted: bool) -> list[Raw]:
        """Events since the last pass that are older than the cursor, newest first."""
        bounds = {"max_id": here.after} if here.after else {}
        if here.since and not deleted:
            bounds["since_time"] = str(here.since)
        limit = max(2, min(self.page_size + 1, MOST_EVENTS))
        events = older(self.client.events(self.facts, limit, bounds, deleted=deleted), here.after)
        return [event for event in events if _seconds(event) >= here.since]

    # --- records ---

    def _records(self, rows: Sequence[Raw], histories: Callable[[Sequence[str]], Histories]) -> list[Change]:
        once = {str(row["id"]): row for row in rows}
        live = [one for one, row in once.items() if not reading.is_deleted(row)]
        past = histories(live) if self.facts is DEALS and live else Histories()
        made: list[Change] = []
        for one, row in once.items():
            if reading.is_deleted(row):
                made.append(reading.deletion(self.facts, one, reading.deleted_at(row)))
            else:
                made.append(reading.record(self.facts, row, self.account, past.of(one)))
        return made

    def in_full(self, rows: Sequence[Raw], *, with_feed: bool) -> list[Record]:
        """Live rows as records. with_feed: many of them, so that the whole feed is read for their history."""
        reads_feed = with_feed or not self.has_feed
        made = self._records(rows, self._whole_feed if reads_feed else self._each_one)
        return [one for one in made if not isinstance(one, Deletion | Merge)]


def merges(facts: ObjectFacts, events: Sequence[Raw], live: set[str]) -> list[Merge]:
    """Of objects that an event names as merged, the one that is still there is the survivor. Chains are followed as far
    as these events tell them."""
    groups: list[tuple[set[str], datetime | None]] = []
    for event in events:
        ids = {one for one in payloads(event) if facts.owns(one)} if is_merger(event) else set()
        if len(ids) < 2:
            continue
        joined = [group for group in groups if group[0] & ids]
        groups = [group for group in groups if group not in joined]
        latest = max([at for _, at in joined if at is not None] + [_at(event)])
        groups.append((ids.union(*(group for group, _ in joined)), latest))
    return [
        Merge(kind=facts.kind, winner_id=next(iter(ids & live)), loser_ids=tuple(sorted(ids - live)), at=at)
        for ids, at in groups
        if len(ids & live) == 1
    ]


def is_merger(event: Raw) -> bool:
    return str(event.get("action", "")).lower().startswith("merge") and len(payloads(event)) > 1


def _records_first(changes: Sequence[Change], merged: Sequence[Merge]) -> list[Change]:
    """Records, then mergers, then what is gone."""
    ends = [one for one in changes if isinstance(one, Deletion)]
    return [*(one for one in changes if not isinstance(one, Deletion)), *merged, *ends]


def _seconds(event: Raw) -> int:
    at = event.get("createdTime")
    if not isinstance(at, int):
        raise FatalError("Nutshell: an event says no time. Update this program.")
    return at


def _at(event: Raw) -> datetime:
    return datetime.fromtimestamp(_seconds(event), UTC)


def _last(events: Sequence[Raw], external_id: str) -> datetime | None:
    """When something last happened to it. Newest first."""
    return next((_at(event) for event in events if external_id in payloads(event)), None)
