"""Passes over HubSpot's objects: a first load by the lists; later the search, and what is archived.

A cursor names the object of the pass and how far it got, so any process goes on with it. The list has no cap and the
larger budget; the search sees what changed, but neither archived records nor history, and its index lags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

import orjson

from adapters.base import Page
from adapters.errors import FatalError
from adapters.hubspot import reading
from adapters.hubspot.client import MOST_FOUND, MOST_LISTED, MOST_WITH_HISTORY, HubSpotClient, Raw
from adapters.hubspot.objects import ObjectFacts
from adapters.hubspot.reading import AccountFacts
from adapters.records import Change

OVERLAP = timedelta(minutes=2)
"""The search index lags by up to half a minute; what is read again because of the overlap changes nothing."""
Step = tuple[list[Change], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor. since: by object, up to when (ms) everything was read; objects without it are read in full. until:
    where this pass ends; 0: none is under way. part, archived, after: where it stands."""

    since: Mapping[str, int] = field(default_factory=dict)
    until: int = 0
    part: str = ""
    archived: bool = False
    after: str = ""

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def place_of(cursor: str | None) -> Place:
    try:
        return Place(**orjson.loads(cursor)) if cursor is not None else Place()
    except (orjson.JSONDecodeError, TypeError) as error:
        raise FatalError("HubSpot: a sync's cursor is damaged. Sync from the beginning.") from error


@dataclass(frozen=True, slots=True)
class Passes:
    """objects: those of one kind, in the order of the pass. exposed: names of objects whose links may be asked for."""

    client: HubSpotClient
    objects: Sequence[ObjectFacts]
    exposed: frozenset[str]
    account: AccountFacts
    page_size: int

    def pages(self, place: Place, now_ms: int) -> Iterator[Page]:
        """now_ms: by HubSpot's clock, where a pass that begins ends."""
        if not place.until:
            place = replace(place, until=now_ms, part=self.objects[0].name, archived=False, after="")
        parts = [(facts, archived) for facts in self.objects for archived in (False, True)]
        names = [(facts.name, archived) for facts, archived in parts]
        here = (place.part, place.archived)
        first = names.index(here) if here in names else 0
        for number in range(first, len(parts)):
            facts, archived = parts[number]
            after: str | None = place.after if number == first and here in names else ""
            while after is not None:
                changes, after = self._step(facts, place, archived=archived, after=after)
                is_last = after is None and number == len(parts) - 1
                if changes or is_last:
                    yield Page(changes=tuple(changes), cursor=self._next(place, names, number, after), done=is_last)

    def _next(self, place: Place, names: Sequence[tuple[str, bool]], number: int, after: str | None) -> str:
        if after is None:
            number += 1
        if number == len(names):
            since = place.until - int(OVERLAP.total_seconds() * 1000)
            return Place(since={**place.since, **{name: since for name, _ in names}}).text()
        part, archived = names[number]
        return replace(place, part=part, archived=archived, after=after or "").text()

    def _step(self, facts: ObjectFacts, place: Place, *, archived: bool, after: str) -> Step:
        if archived:
            rows, following = self.client.list_page(facts, after, min(self.page_size, MOST_LISTED), archived=True)
            gone = [reading.deletion(facts, row) for row in rows]
            return [*reading.merges(facts, rows), *gone], following
        since = place.since.get(facts.name)
        if since is None:
            most = MOST_WITH_HISTORY if facts.history else MOST_LISTED
            rows, following = self.client.list_page(
                facts, after, min(self.page_size, most), archived=False, links=self._links(facts)
            )
            return self._records(facts, rows, {str(row["id"]): reading.links_of(row) for row in rows}), following
        return self._modified(facts, since, place.until, after)

    def _modified(self, facts: ObjectFacts, since: int, until: int, after: str) -> Step:
        window = {
            "propertyName": facts.modified, "operator": "BETWEEN", "value": str(since), "highValue": str(until),
        }  # fmt: skip
        wanted = () if facts.history else facts.asked
        rows, following = self.client.found(
            facts, [window], limit=min(self.page_size, MOST_FOUND), properties=wanted, after_id=after or "0"
        )
        return self.in_full(facts, rows), following

    def in_full(self, facts: ObjectFacts, rows: Sequence[Raw]) -> list[Change]:
        """What a search found, with history and links, which it does not tell."""
        ids = [str(row["id"]) for row in rows]
        if facts.history and ids:
            rows = self.client.read(facts, ids)
        links: dict[str, dict[str, list[str]]] = {}
        for end in self._links(facts) if ids else ():
            for one, found in self.client.linked(facts, ids, end).items():
                links.setdefault(one, {})[end] = found
        return self._records(facts, rows, links)

    def _records(
        self, facts: ObjectFacts, rows: Sequence[Raw], links: Mapping[str, Mapping[str, list[str]]]
    ) -> list[Change]:
        # A merged-away id may be answered with its survivor, which then comes twice. Lists tell associations in a shape
        # of their own: in one shape for all, the same record is the same however it was read.
        once = {str(row["id"]): row | {"associations": dict(links.get(str(row["id"]), {}))} for row in rows}
        records = [reading.record(facts, row, self.account, links.get(one, {})) for one, row in once.items()]
        return [*records, *reading.merges(facts, once.values())]

    def _links(self, facts: ObjectFacts) -> list[str]:
        return [name for name in facts.links if name in self.exposed]
