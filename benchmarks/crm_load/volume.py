"""A world of any size in little memory: deals and activities are made from their number when they are asked for.

`python -m benchmarks.crm_load.volume PORT DEALS ACTIVITIES CRM` serves it as an account without limits of rate.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import merge

from adapters.sandbox import Row, Size, World, seeded
from adapters.sandbox.asgi import serve
from adapters.sandbox.world import Entry, Past, Value
from benchmarks.crm_load.accounts import DIALECTS

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFICE = Size(owners=100, companies=2_000, contacts=4_000, deals=0, activities=0, days=700)
FIRST_ID, SPAN_DAYS = 1_000_000, 700
STEP_DAYS, MOST_STEPS = 4, 4
"""A deal comes to its next stage after so many days; of so many stages at most."""
BEGIN = NOW - timedelta(days=SPAN_DAYS + STEP_DAYS * MOST_STEPS)
KINDS = ("call", "email", "meeting")


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

    def all(self, kind: str) -> Iterator[Row]:
        yield from self.after(kind, 0) if kind in self.sizes else World.all(self, kind)

    def after(self, kind: str, row_id: int, *, archived: bool = False) -> Iterator[Row]:
        if kind not in self.sizes:
            yield from World.after(self, kind, row_id, archived=archived)
        elif not archived:
            first = max(row_id + 1 - self._start(kind), 0)
            yield from (self._made(kind, number) for number in range(first, self.sizes[kind]))

    def indexed(self, kind: str, *, after: int = 0) -> Iterator[Row]:
        yield from self.after(kind, after) if kind in self.sizes else World.indexed(self, kind, after=after)

    def older(self, until: int | None = None, row_id: int | None = None) -> Iterator[Entry]:
        if row_id is not None:
            number = row_id - self._start("deal")
            steps = range(len(self._reached(number))) if 0 <= number < self.sizes["deal"] else range(0)
            numbers = iter(sorted((self._entry_number(number, step) for step in steps), reverse=True))
        else:
            numbers = merge(*(self._entry_numbers(step, until) for step in range(MOST_STEPS)), reverse=True)
        yield from (self._entry(one) for one in numbers if until is None or one <= until)

    def _entry_numbers(self, step: int, until: int | None) -> Iterator[int]:
        """Of all that came to this step, newest first."""
        deals = range(self.sizes["deal"])
        stop = bisect_right(deals, until, key=lambda one: self._entry_number(one, step)) if until is not None else None
        chosen = deals[:stop]
        return (self._entry_number(one, step) for one in reversed(chosen) if step < len(self._reached(one)))

    def _entry_number(self, number: int, step: int) -> int:
        """Rises with time, and tells the deal and the step."""
        at_s = int((self._began(number) + timedelta(days=STEP_DAYS * step) - BEGIN).total_seconds())
        return (at_s * self.sizes["deal"] + number) * MOST_STEPS + step

    def _entry(self, entry_number: int) -> Entry:
        rest, step = divmod(entry_number, MOST_STEPS)
        number = rest % self.sizes["deal"]
        row, stages = self._deal(number), [None, *self._reached(number)]
        changes: dict[str, tuple[Value, Value]] = {"stage_id": (stages[step], stages[step + 1])}
        if step == 0:
            changes |= {name: (None, row.fields[name]) for name in ("amount", "owner_id", "close_at")}
        what = "updated" if step else "created"
        return Entry(entry_number, row.history[step].at, "deal", row.row_id, what, changes)

    def _start(self, kind: str) -> int:
        return FIRST_ID * (1 + list(self.sizes).index(kind)) if kind in self.sizes else 0

    def _made(self, kind: str, number: int) -> Row:
        return self._deal(number) if kind == "deal" else self._activity(kind, number)

    def _began(self, number: int) -> datetime:
        return BEGIN + timedelta(days=SPAN_DAYS * number / self.sizes["deal"])

    def _reached(self, number: int) -> list[int]:
        return self.stages[number % len(self.pipelines)][: MOST_STEPS - 2 + number % 3]

    def _deal(self, number: int) -> Row:
        at, reached = self._began(number), self._reached(number)
        place, owner = number % len(self.pipelines), self.owners[number * 7 % len(self.owners)]
        amount, close_at = Decimal(100 + number * 13 % 90_000), at + timedelta(days=20 + number % 60)
        days = [at + timedelta(days=STEP_DAYS * step) for step in range(len(reached))]
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


def made_volume(deals: int, activities: int, office_size: Size = OFFICE) -> Volume:
    """A world with so many of each, made by a seeded office of people, companies and pipelines."""
    office = seeded(4, NOW, office_size)
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
    serve(DIALECTS[sys.argv[4]].serve(made_volume(deals, activities)), "127.0.0.1", port)
