"""Ids of leads: UUIDs of version 7, so that they sort in the order in which leads came in."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

_COUNTER = 1 << 12
_AHEAD = 512
"""Random bytes are asked of the system in such portions."""


@dataclass(slots=True)
class LeadIds:
    """now_ms: milliseconds since 1970. Ids of one process only grow, within a millisecond and when its clock is set
    back too.

    Source: RFC 9562, section 6.2, method 1 (a counter in the 12 bits after the time).
    """

    now_ms: Callable[[], int]
    _last: int = 0
    _random: bytes = b""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def new(self) -> UUID:
        with self._guard:
            self._last = count = max(self.now_ms() * _COUNTER, self._last + 1)
            if not self._random:
                self._random = secrets.token_bytes(_AHEAD)
            chance, self._random = int.from_bytes(self._random[:8]) >> 2, self._random[8:]
        milliseconds, counter = divmod(count, _COUNTER)
        return UUID(int=(milliseconds << 80) | (7 << 76) | (counter << 64) | (2 << 62) | chance)
