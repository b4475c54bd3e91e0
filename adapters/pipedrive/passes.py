"""Passes over Pipedrive's objects: a first one over everything; later what was modified, and now and then everything
again, for what is gone.

A cursor names the list of the pass and how far it got, so any process goes on with it. Lists come by id, so neither
equal times nor edits move a row past a page's border. Pipedrive's own cursor is used as long as it is known there;
after that the list is read again up to the id where the pass stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from adapters.base import Page
from adapters.errors import FatalError
from adapters.pipedrive import reading
from adapters.pipedrive.client import MOST_LISTED, PipedriveClient, Raw, StaleCursorError
from adapters.pipedrive.history import has_moved, moved_since
from adapters.pipedrive.known import FIRST, Known
from adapters.pipedrive.objects import LISTINGS, Listing
from adapters.pipedrive.reading import AccountFacts
from adapters.pipedrive.values import instant
from adapters.records import Change, Deletion, Kind

OVERLAP = timedelta(minutes=2)
"""What is committed late, and the seconds that filters cannot tell apart."""
SWEEP_EVERY = timedelta(hours=20)
"""So a nightly sync reads everything, and further ones in the day what was modified alone."""
MOST_WITH_HISTORY = 50
"""Deals of a first page: each may cost a changelog, and what a page has cost is lost with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor. since: up to when (seconds) everything was read; 0: nothing yet. started: when the pass under way
    began; 0: none is. swept: when the last pass over everything began. is_sweep: whether this is one. part, after,
    last: its list, Pipedrive's cursor there, and the greatest id read. known: by list, see `Known`."""

    since: int = 0
    started: int = 0
    swept: int = 0
    is_sweep: bool = False
    part: str = ""
    after: str = ""
    last: int = FIRST
    known: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        # A lead's id is a number beyond what JSON takes.
        return orjson.dumps(asdict(self) | {"last": str(self.last)}).decode()

    def begun(self, now_s: int, part: str) -> Place:
        if self.started:
            return self
        is_sweep = not self.since or now_s - self.swept >= SWEEP_EVERY.total_seconds()
        return replace(self, started=now_s, is_sweep=is_sweep, part=part, after="", last=FIRST)

    def ended(self) -> Place:
        since = self.started - int(OVERLAP.total_seconds())
        return Place(since=since, swept=self.started if self.is_sweep else self.swept, known=self.known)

    def held(self, name: str) -> Known:
        try:
            return Known.of(self.known.get(name, ""))
        except ValueError as error:
            raise damaged() from error

    @property
    def since_at(self) -> datetime | None:
        return datetime.fromtimestamp(self.since, UTC) if self.since else None


def damaged() -> FatalError:
    return FatalError("Pipedrive: a sync's cursor is damaged. Sync from the beginning.")


def place_of(cursor: str | None) -> Place:
    try:
        told = orjson.loads(cursor) if cursor is not None else {}
        return Place(**told | {"last": int(told.get("last", FIRST))})
    except (orjson.JSONDecodeError, TypeError, ValueError, AttributeError) as error:
        raise damaged() from error


@dataclass(frozen=True, slots=True)
class Passes:
    """Of one kind whose lists come by id."""

    client: PipedriveClient
    kind: Kind
    account: AccountFacts
    page_size: int

    @property
    def listings(self) -> tuple[Listing, ...]:
        return LISTINGS[self.kind]

    def pages(self, place: Place, now_s: int) -> Iterator[Page]:
        """now_s: by Pipedrive's clock, when a pass that begins began. Every page is yielded, also one without news:
        what it has cost need not be spent again after a crash."""
        names = [listing.name for listing in self.listings]
        place = place.begun(now_s, names[0])
        number = names.index(place.part) if place.part in names else 0
        while True:
            changes, place, is_more = self._step(self.listings[number], place)
            if not is_more:
                number += 1
                if number == len(names):
                    yield Page(changes=tuple(changes), cursor=place.ended().text(), done=True)
                    return
                place = replace(place, part=names[number], after="", last=FIRST)
            yield Page(changes=tuple(changes), cursor=place.text(), done=False)

    def _step(self, listing: Listing, place: Place) -> tuple[list[Change], Place, bool]:
        is_full = place.is_sweep and listing.is_whole
        rows, after = self._rows(listing, place, None if is_full else place.since_at)
        ids, known = [int(row["id"]) for row in rows], place.held(listing.name)
        news, gone = rows, list[Change]()
        if is_full:
            until = ids[-1] if after is not None and ids else None
            if after is None or ids:
                alive = self._look_for(listing, [one for one in known.between(place.last, until) if one not in {*ids}])
                news = [row for row in rows if self._is_new(row, known, place)] + alive.rows
                gone, ids = alive.gone, sorted({*ids, *(int(row["id"]) for row in alive.rows)})
                held = known.read(place.last, until, ids)
            else:
                held = known
        else:
            held = known.with_ids(ids)
        changes = [*self._changes(news, known, place), *gone]
        last = max([place.last, *ids])
        told = {**place.known, listing.name: held.text()} if listing.is_whole else place.known
        return changes, replace(place, after=after or "", last=last, known=told), after is not None

    def _rows(self, listing: Listing, place: Place, since: datetime | None) -> tuple[list[Raw], str | None]:
        """The next page's rows, by id."""
        try:
            rows, after = self._page(listing, place.after or None, place, since)
        except StaleCursorError:
            rows, after = self._page(listing, None, place, since)
            while after is not None and not _beyond(rows, place.last):
                rows, after = self._page(listing, after, place, since)
        rows = _beyond(rows, place.last)
        ids = [int(row["id"]) for row in rows]
        if ids != sorted(ids):
            raise FatalError(f"Pipedrive: {listing.noun} do not come in the order of their ids. Update this program.")
        return rows, after

    def _page(
        self, listing: Listing, cursor: str | None, place: Place, since: datetime | None
    ) -> tuple[list[Raw], str | None]:
        most = MOST_WITH_HISTORY if self.kind is Kind.DEAL and not place.since else MOST_LISTED
        return self.client.page(listing, cursor=cursor, limit=min(self.page_size, most), since=since)

    def _is_new(self, row: Raw, known: Known, place: Place) -> bool:
        at, since = instant(row.get("update_time")), place.since_at
        return since is None or at is None or at >= since or int(row["id"]) not in known

    def _changes(self, rows: Sequence[Raw], known: Known, place: Place) -> list[Change]:
        return [reading.change(self.kind, row, self.account, self._changelog(row, known, place)) for row in rows]

    def _changelog(self, row: Raw, known: Known, place: Place) -> list[Raw]:
        """Of a deal that moved since it was last read: what it was before is stored."""
        if self.kind is not Kind.DEAL or not has_moved(row) or isinstance(reading.deal_or_gone(row, ()), Deletion):
            return []
        since = place.since_at
        is_wanted = since is None or int(row["id"]) not in known or moved_since(row, since)
        return self.client.changelog(int(row["id"])) if is_wanted else []

    def _look_for(self, listing: Listing, missing: Sequence[int]) -> _Found:
        """What is not in a list any more is asked for by its id, before it is called gone: a list that shifts while it
        is being read may have skipped it, or it stands in another one."""
        rows = self.client.with_ids(listing, missing) if missing else []
        there = {int(row["id"]) for row in rows}
        for other in self.listings:
            if missing and other is not listing and other.is_whole:
                there |= {int(row["id"]) for row in self.client.with_ids(other, missing)}
        gone: list[Change] = [
            Deletion(kind=self.kind, external_id=str(one)) for one in missing if one not in there
        ]  # fmt: skip
        return _Found(rows, gone)


@dataclass(frozen=True, slots=True)
class _Found:
    rows: list[Raw]
    gone: list[Change]


def _beyond(rows: Sequence[Raw], last: int) -> list[Raw]:
    return [row for row in rows if int(row["id"]) > last]
