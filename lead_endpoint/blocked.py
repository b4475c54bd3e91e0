"""Pages that were refused a form, counted in memory and written in batches by the thread that writes beacons: the
request that is refused waits for nothing and writes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lead_endpoint.messages import Request
from lead_endpoint.networks import client_network
from lead_endpoint.rate import RateLimit
from snapshots.beacons import Connection
from snapshots.blocked_pages import OTHERS, Blocked, store
from snapshots.form_definition import is_origin
from snapshots.intake import Form, StoreUnavailable

MOST_WAITING: Final = 2_000
MOST_COUNTED: Final = 500
"""Origins between two writes; what is beyond is counted without its name."""
WRITE_S: Final = 5.0
LONGEST: Final = 260
PER_MINUTE, BURST = 10.0, 10.0
"""Of one network and form: a page that is looked at often says no more than one that is looked at now and then, and who
makes up many is cut off."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A request that was refused."""

    form: Form
    origin: str
    agent: str
    network: str
    at: datetime


@dataclass(slots=True)
class BlockedPages:
    """is_bot: whether a user agent says that it is a program. now: the time; clock: monotonic seconds."""

    is_bot: Callable[[str], bool]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    proxies: int = 0
    _waiting: deque[_Refused] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    _counted: dict[tuple[int, int, str], Blocked] = field(default_factory=dict)
    _limit: RateLimit = field(init=False)
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._limit = RateLimit(PER_MINUTE, BURST, self.clock)

    def take(self, form: Form, request: Request) -> None:
        """From any thread, at once. Where many wait, the oldest give way."""
        origin = request.header("origin")
        if len(origin) <= LONGEST and is_origin(origin):  # an extension, a file: no owner could allow these
            network = client_network(request.peer, request.headers, proxies=self.proxies)
            self._waiting.append(_Refused(form, origin, request.header("user-agent")[:400], network, self.now()))

    # --- the writer's thread ---

    def flush(self, connected: Callable[[], Connection], *, at_once: bool = False) -> None:
        """Write what was counted, now and then. Raises StoreUnavailable; then it is written the next time."""
        while self._waiting:
            self._count(self._waiting.popleft())
        if not self._counted or (self.clock() < self._due and not at_once):
            return
        self._due = self.clock() + WRITE_S
        for organization_id in {organization_id for organization_id, *_ in self._counted}:
            keys = [key for key in self._counted if key[0] == organization_id]
            batch = {key: self._counted.pop(key) for key in keys}
            try:
                store(connected(), organization_id, list(batch.values()))
            except StoreUnavailable:  # another error would come again for ever, and keep all others from being written
                self._counted |= batch
                raise

    def _count(self, one: _Refused) -> None:
        if self._limit.count(one.form.form_id, one.network).is_over or self.is_bot(one.agent):
            return
        key = (one.form.organization_id, one.form.form_id, one.origin)
        if key not in self._counted and len(self._counted) >= MOST_COUNTED:
            key = (one.form.organization_id, one.form.form_id, OTHERS)
        n = self._counted[key].n if key in self._counted else 0
        self._counted[key] = Blocked(one.form.form_id, key[2], n + 1, one.at)
