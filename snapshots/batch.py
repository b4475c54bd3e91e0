"""What all appliers of a sync share: whose data it is, the clock of the batch, local days, and the tally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import TypeVar
from zoneinfo import ZoneInfo

import orjson

from adapters.records import Record
from snapshots.links import Links
from snapshots.rollups import Deltas

R = TypeVar("R", bound=Record)

GONE = 1
"""Content hash of an object that is gone: whatever comes back differs from it."""
BEGINNING_DAY = date.min
"""Stands for "no day given" in rollups; stored as -infinity."""


@dataclass(slots=True)
class Tally:
    """fetched = new + changed + unchanged + rejected; deletions and merges are counted apart."""

    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        return self


@dataclass(slots=True)
class Batch:
    """One page on its way into the database."""

    organization_id: int
    connection_id: int
    zone: ZoneInfo
    default_currency: str | None
    recorded_at: datetime
    links: Links
    tally: Tally = field(default_factory=Tally)
    deltas: Deltas = field(default_factory=Deltas)

    def day(self, at: datetime | None) -> date | None:
        """The organization's day of an instant."""
        return None if at is None else at.astimezone(self.zone).date()


def content_hash(record: Record) -> int:
    """A signed 64-bit fingerprint of everything the record says; never 0 (nothing known) or 1 (gone)."""
    data = orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS)
    value = int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)
    return value if value not in (0, 1) else 2


def last_of_each(records: Sequence[R]) -> dict[str, R]:
    """The last record of each external id: a page that repeats an id means its last word."""
    return {record.external_id: record for record in records}


def pg_time(at: datetime) -> str | datetime:
    """The instant as PostgreSQL takes it, with our stand-in for the beginning as -infinity."""
    return "-infinity" if at.year == 1 else at


def pg_day(day: date | None) -> str | date:
    return "-infinity" if day is None or day.year == 1 else day


def utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
