"""Activities counted through: Nutshell tells no counts by kind and owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.nutshell import reading
from adapters.nutshell.client import MOST_LISTED, NutshellClient
from adapters.nutshell.objects import ACTIVITIES
from adapters.nutshell.reading import AccountFacts
from adapters.records import Activity, ActivityKind

KEPT_FOR = timedelta(minutes=1)


@dataclass(slots=True)
class Tally:
    """Those that were not cancelled, from `since` on (None: all), as they were at `taken_at`."""

    since: datetime | None
    taken_at: datetime
    counted: dict[str, tuple[ActivityKind, str | None, datetime | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: NutshellClient, account: AccountFacts, since: datetime | None, now: datetime) -> Tally:
        tally = cls(since, now)
        # The day before, whatever zone Nutshell counts its days in; what comes too much is not counted.
        bounds = {"filter[dateMin]": (since - timedelta(days=1)).date().isoformat()} if since is not None else {}
        number = 0
        while rows := client.page(ACTIVITIES, number, MOST_LISTED, bounds)[0]:
            for row in rows:
                tally._take(reading.record(ACTIVITIES, row, account), is_gone=reading.is_deleted(row))
            number += 1
        return tally

    def _take(self, made: object, *, is_gone: bool) -> None:
        if isinstance(made, Activity) and made.outcome != reading.CANCELLED and not is_gone:
            self.counted[made.external_id] = (made.kind, made.owner_id, made.occurred_at)

    def covers(self, since: datetime | None, now: datetime) -> bool:
        reaches = self.since is None or (since is not None and since >= self.since)
        return reaches and timedelta() <= now - self.taken_at <= KEPT_FOR

    def count(self, kind: ActivityKind, owner: str | None, since: datetime | None, now: datetime) -> int:
        return sum(
            one is kind and (owner is None or its_owner == owner) and _is_within(at, since, now)
            for one, its_owner, at in self.counted.values()
        )


def _is_within(at: datetime | None, since: datetime | None, now: datetime) -> bool:
    return since is None if at is None else at <= now and (since is None or at >= since)
