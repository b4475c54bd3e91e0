"""Delivery while the sender waits, for a few senders at a time: a slow CRM must not hold up the endpoint."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from snapshots.intake import Receipt

SLOTS = 8
LOOK_EVERY_S = 0.05
LOG = structlog.get_logger()

Deliver = Callable[[int, UUID], object]
"""Delivers a lead of an organization in this thread, and writes down what became of it."""
Current = Callable[[int, UUID], Receipt]
"""Where a lead stands now."""


@dataclass(slots=True)
class AtOnce:
    """deliver: made at its first use, since it loads more than the public route may."""

    make_deliver: Callable[[], Deliver]
    current: Current
    wait_s: float
    slots: int = SLOTS
    _deliver: Deliver | None = None
    _free: threading.Semaphore = field(init=False)
    _pool: ThreadPoolExecutor = field(init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._free = threading.Semaphore(self.slots)
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="at-once")

    def reserve(self) -> bool:
        """A place for one sender; False where all are taken. Given back by `give_back` or by `outcome`."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        self._free.release()

    async def outcome(self, organization_id: int, receipt: Receipt) -> Receipt:
        """Where the lead stands after at most `wait_s`. What has begun goes on after that, and keeps its place."""
        work = self._deliver_new if receipt.is_new else self._watch
        running = asyncio.get_running_loop().run_in_executor(self._pool, work, organization_id, receipt)
        try:
            async with asyncio.timeout(self.wait_s):
                return await asyncio.shield(running)
        except TimeoutError:
            return receipt

    def warm_up(self) -> None:
        """Load what delivery needs before the first sender waits for it."""
        self._pool.submit(self._ready)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _deliver_new(self, organization_id: int, receipt: Receipt) -> Receipt:
        try:
            self._ready()(organization_id, receipt.lead_id)
            return self._now(organization_id, receipt)
        except Exception as error:  # the lead is on disk: the worker delivers it
            LOG.warning("not delivered at once", lead_id=str(receipt.lead_id), error=type(error).__name__)
            return receipt
        finally:
            self.give_back()

    def _watch(self, organization_id: int, receipt: Receipt) -> Receipt:
        """Somebody else delivers it: the request that stored it first, or the worker."""
        try:
            for _ in range(int(self.wait_s / LOOK_EVERY_S)):
                now = self._now(organization_id, receipt)
                if now.state != "pending":
                    return now
                threading.Event().wait(LOOK_EVERY_S)
            return receipt
        except Exception as error:  # the lead is on disk all the same
            LOG.warning("cannot tell the outcome", lead_id=str(receipt.lead_id), error=type(error).__name__)
            return receipt
        finally:
            self.give_back()

    def _now(self, organization_id: int, receipt: Receipt) -> Receipt:
        now = self.current(organization_id, receipt.lead_id)
        return Receipt(
            lead_id=receipt.lead_id,
            is_new=receipt.is_new,
            is_same=receipt.is_same,
            state=now.state,
            email=now.email,
            outcome=now.outcome,
            external_id=now.external_id,
        )

    def _ready(self) -> Deliver:
        with self._guard:
            if self._deliver is None:
                self._deliver = self.make_deliver()
            return self._deliver
