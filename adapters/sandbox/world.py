"""The world behind all dialects: rows of each kind, their links and histories, what was deleted or merged, and a clock
that goes on only when it is told to. Knows no vendor: names and values are neutral, a dialect translates them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

Value = str | int | bool | Decimal | datetime | date | None
TRACKED: Mapping[str, tuple[str, ...]] = {"deal": ("stage_id", "amount", "owner_id", "close_at")}
"""Fields whose past values are kept, by kind."""


class Clock:
    """The world's time. follows: a real clock that it runs with; without one it stands still between `advance`s."""

    def __init__(self, start: datetime, *, follows: Callable[[], datetime] | None = None) -> None:
        self._start, self._ahead, self._follows = start, timedelta(), follows
        self._began = follows() if follows is not None else start

    def now(self) -> datetime:
        passed = self._follows() - self._began if self._follows is not None else timedelta()
        return self._start + self._ahead + passed

    def advance(self, seconds: float) -> None:
        """Also what a client's `sleep` is replaced by."""
        self._ahead += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.now() - self._start).total_seconds()


@dataclass(frozen=True, slots=True)
class Past:
    """From `at` on, `name` had `value`; `by` is the owner who set it."""

    at: datetime
    name: str
    value: Value
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. what: created, updated, archived, restored, merged or purged. changes: of tracked fields,
    what they were and became. into: the survivor's id."""

    number: int
    at: datetime
    kind: str
    row_id: int
    what: str
    changes: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    into: int | None = None


@dataclass(slots=True)
class Row:
    """An object. links: ids by kind, the first of a kind being the primary one. merged_ids: all that went into it."""

    row_id: int
    kind: str
    fields: dict[str, Value]
    created_at: datetime
    modified_at: datetime
    links: dict[str, list[int]] = field(default_factory=dict)
    history: list[Past] = field(default_factory=list)
    archived_at: datetime | None = None
    merged_into: int | None = None
    merged_ids: tuple[int, ...] = ()

    @property
    def is_live(self) -> bool:
        return self.archived_at is None and self.merged_into is None

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def copy(self) -> Row:
        return Row(
            self.row_id, self.kind, dict(self.fields), self.created_at, self.modified_at,
            {kind: list(ids) for kind, ids in self.links.items()}, list(self.history), self.archived_at,
            self.merged_into, self.merged_ids,
        )  # fmt: skip


@dataclass(slots=True)
class World:
    """lag_s: how long the search index stays behind. merges_to_new_id: what two records become has an id of its own.
    Ids rise over all kinds. journal: all that happened, oldest first, for CRMs that tell it."""

    clock: Clock
    lag_s: float = 0.0
    merges_to_new_id: bool = True
    rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    journal: list[Entry] = field(default_factory=list)
    first_id: int = 101
    _ids: dict[str, list[int]] = field(default_factory=dict)
    _last_id: int = 0
    _unindexed: dict[int, tuple[datetime, Row | None]] = field(default_factory=dict)

    # --- look ---

    def get(self, kind: str, row_id: int) -> Row | None:
        return self.rows.get(kind, {}).get(row_id)

    def all(self, kind: str) -> Iterator[Row]:
        """Everything that was not purged, by id."""
        yield from list(self.rows.get(kind, {}).values())

    def live(self, kind: str) -> list[Row]:
        return [row for row in self.all(kind) if row.is_live]

    def any(self, kind: str, chance: Random) -> Row | None:
        """A live row, drawn; None where there is none."""
        ids, rows = self._ids.get(kind, []), self.rows.get(kind, {})
        for _ in range(20 if ids else 0):
            row = rows[ids[chance.randrange(len(ids))]]
            if row.is_live:
                return row
        live = self.live(kind)
        return chance.choice(live) if live else None

    def after(self, kind: str, row_id: int, *, archived: bool = False) -> Iterator[Row]:
        """Rows with greater ids: the live ones, or those that were archived."""
        ids, rows = self._ids.get(kind, []), self.rows.get(kind, {})
        for place in range(bisect_right(ids, row_id), len(ids)):
            row = rows[ids[place]]
            if row.is_live if not archived else row.archived_at is not None and row.merged_into is None:
                yield row

    def indexed(self, kind: str, *, after: int = 0) -> Iterator[Row]:
        """Live rows with ids greater than `after` as the search index knows them, by id."""
        now = self.clock.now()
        for row_id in [row_id for row_id, (until, _) in self._unindexed.items() if until <= now]:
            del self._unindexed[row_id]
        ids, rows = self._ids.get(kind, []), self.rows.get(kind, {})
        for place in range(bisect_right(ids, after), len(ids)):
            row: Row | None = rows[ids[place]]
            if ids[place] in self._unindexed:
                row = self._unindexed[ids[place]][1]
            if row is not None and row.is_live:
                yield row

    def older(self, until: int | None = None, row_id: int | None = None) -> Iterator[Entry]:
        """What happened to deals before the journal begins, newest first, in worlds that make it when it is asked for:
        entries with numbers up to `until` (None: all), of one deal (None: of all)."""
        yield from ()

    # --- change ---

    def create(
        self,
        kind: str,
        fields: Mapping[str, Value],
        links: Mapping[str, list[int]] | None = None,
        by: int | None = None,
    ) -> Row:
        self._last_id = max(self._last_id, self.first_id - 1) + 1
        now = self.clock.now()
        row = Row(self._last_id, kind, dict(fields), now, now, {k: list(v) for k, v in (links or {}).items()})
        row.history = [Past(now, name, row.fields.get(name), by) for name in TRACKED.get(kind, ()) if name in fields]
        self.rows.setdefault(kind, {})[row.row_id] = row
        self._ids.setdefault(kind, []).append(row.row_id)
        self._note(row, "created")
        self._hide(row, None)
        return row

    def update(self, row: Row, fields: Mapping[str, Value], by: int | None = None) -> Row:
        before, now = row.copy(), self.clock.now()
        for name, value in fields.items():
            if name in TRACKED.get(row.kind, ()) and row.fields.get(name) != value:
                row.history.append(Past(now, name, value, by))
            row.fields[name] = value
        return self._touched(row, before)

    def link(self, row: Row, kind: str, ids: list[int]) -> Row:
        before = row.copy()
        row.links[kind] = list(ids)
        return self._touched(row, before)

    def archive(self, row: Row) -> Row:
        before = row.copy()
        row.archived_at = self.clock.now()
        return self._touched(row, before)

    def restore(self, row: Row) -> Row:
        before = row.copy()
        row.archived_at = None
        return self._touched(row, before)

    def purge(self, row: Row) -> None:
        """Nothing is left of it."""
        del self.rows[row.kind][row.row_id]
        ids = self._ids[row.kind]
        del ids[bisect_left(ids, row.row_id)]
        self._note(row, "purged")

    def merge(self, kept: Row, lost: Row) -> Row:
        """The survivor: a new row, or the kept one (`merges_to_new_id`). The kept one's filled fields and history
        are the survivor's."""
        new_id = self.merges_to_new_id
        merged = {**lost.fields, **{name: value for name, value in kept.fields.items() if value is not None}}
        if kept.kind == "contact":
            emails = [row.text(name) for row in (kept, lost) for name in ("email", "other_emails") if row.text(name)]
            merged["other_emails"] = ";".join(one for one in emails if one != merged.get("email")) or None
        losers = (*kept.merged_ids, *((kept.row_id,) if new_id else ()), *lost.merged_ids, lost.row_id)
        if new_id:
            survivor = self.create(kept.kind, {})
            survivor.fields, survivor.created_at = dict(kept.fields), kept.created_at
            survivor.history = list(kept.history)
        else:
            survivor = kept
        gone = (kept, lost) if new_id else (lost,)
        survivor = self.update(survivor, merged)
        survivor.merged_ids = losers
        for kind in {*kept.links, *lost.links}:
            survivor.links[kind] = list(dict.fromkeys([*kept.links.get(kind, []), *lost.links.get(kind, [])]))
        for row in gone:
            before, row.merged_into = row.copy(), survivor.row_id
            self._touched(row, before)
        self._point_to(survivor, {row.row_id for row in gone})
        return survivor

    def _point_to(self, survivor: Row, gone: set[int]) -> None:
        for rows in self.rows.values():
            for row in rows.values():
                linked = row.links.get(survivor.kind, [])
                if gone & set(linked):
                    ids = [survivor.row_id if one in gone else one for one in linked]
                    self.link(row, survivor.kind, list(dict.fromkeys(ids)))

    def _touched(self, row: Row, before: Row) -> Row:
        row.modified_at = self.clock.now()
        self._note(row, _what(row, before), before)
        self._hide(row, before)
        return row

    def _note(self, row: Row, what: str, before: Row | None = None) -> None:
        was = before.fields if before is not None else {}
        pairs = {name: (was.get(name), row.fields.get(name)) for name in TRACKED.get(row.kind, ())}
        changes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        number, now = len(self.journal) + 1, self.clock.now()
        self.journal.append(Entry(number, now, row.kind, row.row_id, what, changes, row.merged_into))

    def _hide(self, row: Row, before: Row | None) -> None:
        """From the search index, until it has caught up with the latest change."""
        if self.lag_s <= 0:
            return
        shown = self._unindexed[row.row_id][1] if row.row_id in self._unindexed else before
        self._unindexed[row.row_id] = (self.clock.now() + timedelta(seconds=self.lag_s), shown)


def _what(row: Row, before: Row) -> str:
    if row.merged_into != before.merged_into:
        return "merged"
    if row.archived_at == before.archived_at:
        return "updated"
    return "restored" if row.archived_at is None else "archived"
