"""What the event feed tells of deals: the stages and owners that they had, and when anything last happened to them.

A lead's record says neither. One deal's events are one request; of many deals the whole feed is read once instead and
kept in a small form.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
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
class _Told:
    """Changes in columns, for there are millions: field code, seconds, number of the value and of the one before, and
    the place of the same deal's next change; NOTHING where there is none."""

    code: array[int] = field(default_factory=lambda: array("b"))
    at: array[int] = field(default_factory=lambda: array("q"))
    became: array[int] = field(default_factory=lambda: array("q"))
    was: array[int] = field(default_factory=lambda: array("q"))
    later: array[int] = field(default_factory=lambda: array("q"))

    def add(self, code: int, at: int, became: int, was: int, later: int) -> int:
        for column, value in zip(
            (self.code, self.at, self.became, self.was, self.later), (code, at, became, was, later), strict=True
        ):
            column.append(value)
        return len(self.code) - 1

    def from_place(self, place: int) -> Iterator[int]:
        """Of one deal, oldest first."""
        while place != NOTHING:
            yield place
            place = self.later[place]


@dataclass(slots=True)
class Histories:
    """From the whole feed, or from events of one deal after the other."""

    _places: dict[int, int] = field(default_factory=dict)
    """By deal, where what is known of it stands in these."""
    _latest: array[int] = field(default_factory=lambda: array("q"))
    """Seconds of its last event."""
    _oldest: array[int] = field(default_factory=lambda: array("q"))
    """Its oldest change; NOTHING where none is told."""
    _told: _Told = field(default_factory=_Told)

    def take(self, events: Iterable[Raw]) -> None:
        """Newest first."""
        for event in events:
            at = event.get("createdTime")
            if isinstance(at, int):
                for one in payloads(event):
                    if DEALS.owns(one):
                        self._note(number_of(one), at, event)

    def _note(self, deal: int, at: int, event: Raw) -> None:
        place = self._place_of(deal, at)
        self._latest[place] = max(self._latest[place], at)
        for change in reversed(event.get("changes") or []):
            named = TYPES.get(str(change.get("attribute"))) if isinstance(change, dict) else None
            number = _number(change.get("newValue"), named[1]) if named is not None else None
            if named is not None and number is not None:
                code, was = CODES[named[0]], _number(change.get("oldValue"), named[1])
                known = NOTHING if was is None else was
                self._oldest[place] = self._told.add(code, at, number, known, self._oldest[place])

    def _place_of(self, deal: int, at: int) -> int:
        place = self._places.setdefault(deal, len(self._latest))
        if place == len(self._latest):
            self._latest.append(at)
            self._oldest.append(NOTHING)
        return place

    def of(self, external_id: str) -> Past:
        place = self._places.get(number_of(external_id))
        if place is None:
            return Past()
        told, changes, before = self._told, list[DealChange](), dict[DealField, str]()
        for one in told.from_place(self._oldest[place]):
            code, its_field = told.code[one], FIELDS[told.code[one]]
            if told.was[one] != NOTHING and all(earlier.field is not its_field for earlier in changes):
                before[its_field] = f"{told.was[one]}-{ENTITIES[code]}"
            changes.append(_change(code, told.at[one], told.became[one]))
        return Past(tuple(changes), _time(self._latest[place]), before)


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
