"""A world of any size in little memory: deals and activities are made from their number when they are asked for.

`python -m benchmarks.crm_load.volume PORT DEALS ACTIVITIES` serves it as a HubSpot account without limits of rate.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.sandbox import Row, Size, World, seeded
from adapters.sandbox.asgi import serve
from adapters.sandbox.hubspot import HubSpotServer, Plan
from adapters.sandbox.world import Past, Value

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TOKEN = "pat-volume"  # opens a made-up account
OFFICE = Size(owners=100, companies=2_000, contacts=4_000, deals=0, activities=0, days=700)
FIRST_ID, SPAN_DAYS = 1_000_000, 700
KINDS = ("call", "email", "meeting")
UNLIMITED = Plan(burst=10**9, daily=10**9, searches=10**9)


@dataclass(slots=True)
class Volume(World):
    """sizes: how many there are of each kind that is made on demand; nobody changes these."""

    sizes: dict[str, int] = field(default_factory=dict)
    stages: list[list[int]] = field(default_factory=list)
    pipelines: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    firms: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)

    def get(self, kind: str, row_id: int) -> Row | None:
        number = row_id - self._start(kind)
        if kind in self.sizes:
            return self._made(kind, number) if 0 <= number < self.sizes[kind] else None
        return World.get(self, kind, row_id)

    def after(self, kind: str, row_id: int, *, archived: bool = False) -> Iterator[Row]:
        if kind not in self.sizes:
            yield from World.after(self, kind, row_id, archived=archived)
        elif not archived:
            first = max(row_id + 1 - self._start(kind), 0)
            yield from (self._made(kind, number) for number in range(first, self.sizes[kind]))

    def indexed(self, kind: str, *, after: int = 0) -> Iterator[Row]:
        yield from self.after(kind, after) if kind in self.sizes else World.indexed(self, kind, after=after)

    def _start(self, kind: str) -> int:
        return FIRST_ID * (1 + list(self.sizes).index(kind)) if kind in self.sizes else 0

    def _made(self, kind: str, number: int) -> Row:
        return self._deal(number) if kind == "deal" else self._activity(kind, number)

    def _deal(self, number: int) -> Row:
        at = NOW - timedelta(days=SPAN_DAYS * (1 - number / self.sizes["deal"]))
        place = number % len(self.pipelines)
        stages, owner = self.stages[place], self.owners[number * 7 % len(self.owners)]
        reached = stages[: 2 + number % 3]
        amount, close_at = Decimal(100 + number * 13 % 90_000), at + timedelta(days=20 + number % 60)
        days = [at + timedelta(days=4 * step) for step in range(len(reached))]
        history = [Past(day, "stage_id", stage, owner) for day, stage in zip(days, reached, strict=True)]
        history += [Past(at, "amount", amount, owner), Past(at, "owner_id", owner), Past(at, "close_at", close_at)]
        fields: dict[str, Value] = {
            "name": f"Deal {number}", "pipeline_id": self.pipelines[place], "stage_id": reached[-1], "amount": amount,
            "currency": "EUR", "owner_id": owner, "close_at": close_at,
        }  # fmt: skip
        links = {
            "contact": [self.people[number % len(self.people)]],
            "company": [self.firms[number % len(self.firms)]],
        }
        return Row(self._start("deal") + number, "deal", fields, at, days[-1], links, history)

    def _activity(self, kind: str, number: int) -> Row:
        at = NOW - timedelta(days=SPAN_DAYS * (1 - number / self.sizes[kind]), seconds=number % 3_600)
        fields: dict[str, Value] = {
            "at": at, "subject": f"{kind} {number}", "owner_id": self.owners[number * 11 % len(self.owners)],
            "direction": "out" if number % 3 else "in", "duration_s": 60 + number % 900, "status": "done",
        }  # fmt: skip
        links = {
            "contact": [self.people[number % len(self.people)]],
            "deal": [FIRST_ID + number % self.sizes["deal"]],
        }
        return Row(self._start(kind) + number, kind, fields, at, at, links)


def made_volume(deals: int, activities: int) -> Volume:
    """A world with so many of each, made by a seeded office of people, companies and pipelines."""
    office = seeded(4, NOW, OFFICE)
    found = Volume(office.clock, sizes={"deal": deals, **dict.fromkeys(KINDS, activities // len(KINDS))})
    found.rows, found._ids, found._last_id = office.rows, office._ids, office._last_id
    found.owners = [row.row_id for row in office.live("owner")]
    found.firms = [row.row_id for row in office.live("company")]
    found.people = [row.row_id for row in office.live("contact")]
    found.pipelines = [row.row_id for row in office.live("pipeline")]
    found.stages = [
        [row.row_id for row in office.live("stage") if row.fields["pipeline_id"] == pipeline]
        for pipeline in found.pipelines
    ]
    return found


if __name__ == "__main__":
    port, deals, activities = (int(one) for one in sys.argv[1:4])
    serve(HubSpotServer(made_volume(deals, activities), token=TOKEN, plan=UNLIMITED), "127.0.0.1", port)
