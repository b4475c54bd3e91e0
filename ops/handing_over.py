"""Delivery of a lead while its sender waits, by whoever should do it: this process, or, where leads are scored before
they are given away, a worker, for this process holds no models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final
from uuid import UUID

from ops.delivery import Deliverer, deliver_one
from snapshots import arrivals
from snapshots.arrivals import InUse

PATIENCE_S: Final = 1.0
"""A worker that has not taken the lead by then is busy or not there: then it is delivered here, without a score."""
LOOK_EVERY_S: Final = 0.05


@dataclass(slots=True)
class HandingOver:
    """in_use: which organizations score their leads. wait_s: how long the sender waits. clock: monotonic seconds.
    pause: lets so many seconds pass."""

    deliverer: Deliverer
    in_use: InUse
    wait_s: float
    clock: Callable[[], float] = monotonic
    pause: Callable[[float], object] = sleep

    def deliver(self, organization_id: int, lead_id: UUID) -> object:
        """Returns when the lead is delivered, or its sender has waited long enough."""
        if self.in_use.version(organization_id) is None or not self._took(organization_id, lead_id):
            return deliver_one(self.deliverer, organization_id, lead_id)
        return None

    def _took(self, organization_id: int, lead_id: UUID) -> bool:
        """Whether a worker took the lead; then it is waited for what becomes of it."""
        database, began = self.deliverer.services.database, self.clock()
        arrivals.hand_over(database, organization_id, lead_id)
        while self.clock() - began < self.wait_s:
            is_taken, is_over = arrivals.progress(database, organization_id, lead_id)
            if is_over:
                return True
            if not is_taken and self.clock() - began >= min(PATIENCE_S, self.wait_s / 2):
                return False
            self.pause(LOOK_EVERY_S)
        return True
