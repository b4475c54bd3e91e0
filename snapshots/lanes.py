"""Reads side by side: while the server works on one query, it works on another, too.

Each read is a transaction of its own, as it is without. What begins here must not begin something itself and wait for
it: there are a few lanes, and all could be taken.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
LANES: Final = 5
"""Half of the connections that a process has: the others are left to whoever begins reads."""
_POOL: Final = ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="read")


def begin(load: Callable[[], T]) -> Future[T]:
    """Begins a read; its `result()` waits for it, and raises what it raised."""
    return _POOL.submit(load)
