"""Gives pending leads to people, and has these told, while their CRM takes none: looks for what delivery could not look
at yet, a batch at a time. Any number of these may run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

import structlog

from ops.services import Services
from snapshots import waiting_leads
from snapshots.arrivals import Scorer
from snapshots.database import OUTAGES
from snapshots.delivery_rules import ROUTE_AGAIN_S
from snapshots.routing import Router
from snapshots.waiting_leads import Waiting

AT_ONCE = 100
"""Leads between two looks at whether to stop."""
SWEEP_S = 1.0
LOG = structlog.get_logger()


@dataclass(slots=True)
class Giver:
    """clock: monotonic seconds."""

    router: Router
    clock: Callable[[], float] = monotonic
    at_once: int = AT_ONCE
    sweep_s: float = SWEEP_S
    _stop: threading.Event = field(default_factory=threading.Event)
    _trouble: dict[UUID, tuple[int, float]] = field(default_factory=dict)
    """Leads that could not be given away: how often that was tried, and until when they rest. Each batch adds its own
    at most, and after some tries a lead is left to its delivery."""

    def run(self) -> None:
        """Until `stop`."""
        while not self._stop.is_set():
            if not self._look():
                self._stop.wait(self.sweep_s)

    def stop(self) -> None:
        """Give nothing more away; the lead at hand is."""
        self._stop.set()

    def give_waiting(self) -> int:
        """One batch. How many leads were looked at."""
        now = self.clock()
        resting = [lead_id for lead_id, (_, until) in self._trouble.items() if now < until]
        found = waiting_leads.look(self.router.database, self.at_once, without=resting, clock=self.router.clock)
        for lead in found.to_give:
            if self._stop.is_set():
                break
            self._give(lead)
        return found.n_seen

    def _look(self) -> bool:
        """True where there may be more."""
        try:
            return self.give_waiting() >= self.at_once
        except Exception as error:  # whatever the database says: the next sweep asks again
            LOG.warning("cannot look for waiting leads", error=type(error).__name__)
            return False

    def _give(self, lead: Waiting) -> None:
        try:
            self.router.give(lead.organization_id, lead.lead_id)
            self._trouble.pop(lead.lead_id, None)
        except OUTAGES:
            raise
        except Exception:  # of this lead or its rules: the others go on
            LOG.exception("waiting lead not given away", lead_id=str(lead.lead_id))
            self._rest(lead)

    def _rest(self, lead: Waiting) -> None:
        tries, _ = self._trouble.pop(lead.lead_id, (0, 0.0))
        if tries < len(ROUTE_AGAIN_S):
            self._trouble[lead.lead_id] = (tries + 1, self.clock() + ROUTE_AGAIN_S[tries])
        else:
            waiting_leads.give_up(self.router.database, lead)


@contextmanager
def giving(services: Services, scores: Scorer | None = None) -> Iterator[None]:
    """Give waiting leads away in a thread beside whatever this process does. scores: of leads before that."""
    giver = Giver(Router(database=services.database, scores=scores))
    thread = threading.Thread(target=giver.run, name="giving")
    thread.start()
    try:
        yield
    finally:
        giver.stop()
        thread.join()
