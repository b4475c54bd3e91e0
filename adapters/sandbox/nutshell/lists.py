"""The order of Nutshell's lists, by numbers alone: a list may be longer than there is memory for its rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adapters.sandbox.nutshell.entities import TYPES
from adapters.sandbox.world import Row, World

NUMBER_BITS = 32
"""Of a key: below the second of creation stands the row's number, which decides between equal ones."""


@dataclass(slots=True)
class Lists:
    """Each entity's live rows by creation, put in order again when the world has changed."""

    world: World
    _keys: dict[str, tuple[int, array[int]]] = field(default_factory=dict)

    def size(self, entity: str) -> int:
        return len(self._ordered(entity))

    def page(self, entity: str, number: int, limit: int, *, newest_first: bool) -> list[Row]:
        keys = self._ordered(entity)
        start, stop = page_of(len(keys), number, limit, newest_first=newest_first)
        rows = [self._row(entity, key) for key in keys[start:stop]]
        return rows[::-1] if newest_first else rows

    def _ordered(self, entity: str) -> array[int]:
        changes, keys = self._keys.get(entity, (-1, array("q")))
        if changes != len(self.world.journal):
            keys = array("q", sorted(self._read(entity)))
            self._keys[entity] = (len(self.world.journal), keys)
        return keys

    def _read(self, entity: str) -> Iterator[int]:
        for kind in TYPES[entity]:
            for row in self.world.after(kind, 0):
                yield int(row.created_at.timestamp()) << NUMBER_BITS | row.row_id

    def _row(self, entity: str, key: int) -> Row:
        number = key & ((1 << NUMBER_BITS) - 1)
        return next(row for kind in TYPES[entity] if (row := self.world.get(kind, number)) is not None)


def page_of(total: int, number: int, limit: int, *, newest_first: bool) -> tuple[int, int]:
    """Where a page begins and ends among so many that stand oldest first."""
    start, stop = number * limit, (number + 1) * limit
    return (max(total - stop, 0), max(total - start, 0)) if newest_first else (start, stop)


def cut(rows: Sequence[Row], number: int, limit: int, *, newest_first: bool) -> list[Row]:
    """A page of rows that are there already, oldest first."""
    start, stop = page_of(len(rows), number, limit, newest_first=newest_first)
    return list(rows[start:stop][::-1] if newest_first else rows[start:stop])
