"""The ids that were there when a list was last read in full, so that the next full reading sees what is gone.

Pipedrive has no list of deleted persons, organizations, activities or leads. Ids rise within an account, so those that
are there make few runs: a million with a hundred thousand gaps take some 100 kB of a cursor.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Run = tuple[int, int]
FIRST = -1
"""Before every id."""


@dataclass(frozen=True, slots=True)
class Known:
    """runs: (first, last) of ids without a gap, ascending."""

    runs: tuple[Run, ...] = ()

    @staticmethod
    def of(text: str) -> Known:
        """Raises ValueError where the text is damaged."""
        numbers = zlib.decompress(b64decode(text, validate=True)).decode().split() if text else []
        runs, end = list[Run](), FIRST
        for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
            start = end + int(gap, 16)
            end = start + int(length, 16)
            runs.append((start, end))
        return Known(tuple(runs))

    def text(self) -> str:
        parts, end = list[str](), FIRST
        for start, last in self.runs:
            parts += [f"{start - end:x}", f"{last - start:x}"]
            end = last
        return b64encode(zlib.compress(" ".join(parts).encode())).decode() if parts else ""

    def __contains__(self, one: int) -> bool:
        place = bisect_right(self.runs, one, key=lambda run: run[0]) - 1
        return place >= 0 and one <= self.runs[place][1]

    def between(self, after: int, until: int | None) -> Iterator[int]:
        """Those greater than `after` and not beyond `until` (None: to the end)."""
        for start, last in self.runs:
            first, end = max(start, after + 1), last if until is None else min(last, until)
            yield from range(first, end + 1)

    def read(self, after: int, until: int | None, ids: Iterable[int]) -> Known:
        """Of those greater than `after` and not beyond `until`, these are all there are."""
        before = [(start, min(last, after)) for start, last in self.runs if start <= after]
        beyond = (
            [(max(start, until + 1), last) for start, last in self.runs if last > until] if until is not None else []
        )
        return Known(_joined([*before, *((one, one) for one in ids), *beyond]))

    def with_ids(self, ids: Iterable[int]) -> Known:
        return Known(_joined([*self.runs, *((one, one) for one in ids)]))


def _joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    found = list[Run]()
    for start, last in sorted(runs):
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((start, last))
    return tuple(found)
