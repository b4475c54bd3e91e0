"""What the event feed tells of deals: the stages and owners that they had, and when anything last happened to them.

A lead's record says neither. One deal's events are one request; of many deals the whole feed is read once instead and
kept in a small form.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.nutshell.client import NutshellClient, number_of
from adapters.nutshell.objects import DEALS, ID
from adapters.records import DealChange, DealField

Raw = dict[str, Any]
TYPES = {"stage": (DealField.STAGE, "stages"), "owner": (DealField.OWNER, "users"), "assignee": (
    DealField.OWNER, "users",
)}  # fmt: skip
FIELDS, ENTITIES = (DealField.STAGE, DealField.OWNER), ("stages", "users")
CODES = {its_field: code for code, its_field in enumerate(FIELDS)}
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Past:
    """changes: oldest first. latest: of the last event. before: what a field had before the first change of it that is
    told, where the feed says so."""

    changes: tuple[DealChange, ...] = ()
    latest: datetime | None = None
    before: Mapping[DealField, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """latest: seconds. told: field code, seconds, number of the value, newest first, as the feed tells it. before:
    numbers of the oldest values by field code."""

    latest: int
    told: array[int] = field(default_factory=lambda: array("q"))
    before: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Histories:
    """From the whole feed, or from events of one deal after the other."""

    _kept: dict[int, _Kept] = field(default_factory=dict)

    def take(self, events: Iterable[Raw]) -> None:
        """Newest first."""
        for event in events:
            at = event.get("createdTime")
            if isinstance(at, int):
                for one in payloads(event):
                    if DEALS.owns(one):
                        self._note(number_of(one), at, event)

    def _note(self, deal: int, at: int, event: Raw) -> None:
        kept = self._kept.setdefault(deal, _Kept(at))
        kept.latest = max(kept.latest, at)
        for change in reversed(event.get("changes") or []):
            named = TYPES.get(str(change.get("attribute"))) if isinstance(change, dict) else None
            number = _number(change.get("newValue"), named[1]) if named is not None else None
            if named is not None and number is not None:
                code, was = CODES[named[0]], _number(change.get("oldValue"), named[1])
                kept.told.extend((code, at, number))
                kept.before[code] = NOTHING if was is None else was

    def of(self, external_id: str) -> Past:
        kept = self._kept.get(number_of(external_id))
        if kept is None:
            return Past()
        triples = [tuple(kept.told[place : place + 3]) for place in range(0, len(kept.told), 3)]
        before = {FIELDS[code]: f"{one}-{ENTITIES[code]}" for code, one in kept.before.items() if one != NOTHING}
        return Past(tuple(_change(*triple) for triple in reversed(triples)), _time(kept.latest), before)


def histories_of(client: NutshellClient, external_ids: Iterable[str]) -> Histories:
    """Of some deals: a request or two for each."""
    found = Histories()
    for one in external_ids:
        found.take(client.history(DEALS, one))
    return found


def payloads(event: Raw) -> list[str]:
    """Ids of what an event is about."""
    links = event.get("links")
    ids = links.get("payloads") if isinstance(links, Mapping) else None
    return [str(one) for one in ids] if isinstance(ids, list) else []


def _number(value: object, entity: str) -> int | None:
    """NOTHING where it became empty; None where it is no such thing."""
    if value is None:
        return NOTHING
    match = ID.match(str(value.get("id"))) if isinstance(value, dict) else None
    return int(match["number"]) if match is not None and match["type"] == entity else None


def _change(code: int, at: int, number: int) -> DealChange:
    return DealChange(FIELDS[code], _time(at), f"{number}-{ENTITIES[code]}" if number != NOTHING else None)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
