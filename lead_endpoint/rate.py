"""How often one network may send to one form, in this process. Over the limit nothing is lost: a lead is set aside for
a person to look at; far over it, the sender is told to come back later."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_SENDERS = 50_000
"""So many are remembered; the one not heard of for the longest is forgotten."""
FAR_OVER = 10
"""Times the limit from which on a sender is refused."""


@dataclass(frozen=True, slots=True)
class Standing:
    """is_over: beyond the limit. wait_s: when to come back, where far beyond; None: accept."""

    is_over: bool
    wait_s: float | None = None


@dataclass(slots=True)
class RateLimit:
    """per_minute: steadily; burst: at once. clock: monotonic seconds.

    Source: generic cell rate algorithm (ITU-T I.371): a sender is kept as the time at which it is back to nothing.
    """

    per_minute: float
    burst: float
    clock: Callable[[], float]
    _back_at: OrderedDict[tuple[int, str], float] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def is_near(self, form_id: int, network: str) -> bool:
        """Whether the next one would be over half of what may come at once. Counts nothing."""
        each_s = 60.0 / self.per_minute
        ahead_s = self._back_at.get((form_id, network), 0.0) - self.clock()
        return max(ahead_s, 0.0) + each_s > each_s * self.burst / 2

    def count(self, form_id: int, network: str) -> Standing:
        """Count one submission."""
        each_s, now, key = 60.0 / self.per_minute, self.clock(), (form_id, network)
        allowed_s = each_s * self.burst
        with self._guard:
            back_at = max(self._back_at.pop(key, now), now)
            ahead_s = back_at + each_s - now
            far_over_s = ahead_s - FAR_OVER * allowed_s
            self._back_at[key] = back_at if far_over_s > 0 else back_at + each_s
            if len(self._back_at) > MOST_SENDERS:
                self._back_at.popitem(last=False)
        return Standing(is_over=ahead_s > allowed_s, wait_s=far_over_s if far_over_s > 0 else None)
