"""What all appliers of a sync share: whose data it is, the clock of the batch, local days, and the tally."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from zoneinfo import ZoneInfo

from snapshots.links import Links
from snapshots.rollups import Deltas


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
    """One page on its way into the database. since: when its CRM took over from another one; days before are settled,
    nothing that it says changes them. None: it counts since before the data begin."""

    organization_id: int
    connection_id: int
    zone: ZoneInfo
    default_currency: str | None
    recorded_at: datetime
    links: Links
    since: datetime | None = None
    tally: Tally = field(default_factory=Tally)
    deltas: Deltas = field(default_factory=Deltas)

    def counts(self, at: datetime | None) -> bool:
        """Whether something that happened then, and was never heard of, counts. What has no date may be old."""
        return self.since is None or (at is not None and at >= self.since)

    def day(self, at: datetime | None) -> date | None:
        """The organization's day of an instant."""
        return None if at is None else at.astimezone(self.zone).date()


def pg_day(day: date | None) -> str | date:
    return "-infinity" if day is None or day.year == 1 else day
