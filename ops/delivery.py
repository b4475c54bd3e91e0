"""Delivers leads to CRMs: claims what is due, asks the CRM, writes down what became of it.

The rules stand in `snapshots.delivery_rules`, the outbox in `snapshots.delivery`; here are the threads, the heartbeat
and the adapters. Any number of these may run, on any number of machines.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol
from uuid import UUID

import structlog

from adapters.base import Capabilities, CrmAdapter
from adapters.errors import ConfigError, CrmError
from adapters.registry import TAKES_LEADS
from ops.services import Services
from snapshots import delivery_rules
from snapshots.database import Database
from snapshots.delivery import LEASE, Claim, Outbox
from snapshots.delivery_rules import Parked, Verdict
from snapshots.organizations import CrmConnection, list_connections
from snapshots.wakeup import Wakeup

ADAPTER_KEPT_S = 60.0
"""A changed setting or credential of a connection counts after a minute."""
HEARTBEAT_S = LEASE.total_seconds() / 4
SWEEP_S = 1.0
"""How often we look for what is due without being woken."""
AT_ONCE = 8
"""Leads under way at the same time in one process."""
LOG = structlog.get_logger()


class Adapters(Protocol):
    """Where the adapter of a connection comes from."""

    @property
    def database(self) -> Database: ...

    def adapter(self, connection: CrmConnection) -> CrmAdapter: ...


@dataclass(slots=True)
class Deliverer:
    """Delivers one claim at a time, from any number of threads. chance: in [0, 1), spreads the retries."""

    services: Adapters
    outbox: Outbox
    chance: Callable[[], float] = random.random
    _adapters: dict[tuple[int, int], tuple[float, CrmAdapter]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, claim: Claim) -> Verdict:
        """Ask the CRM and write down the outcome. Raises only where the database does: then the lease runs out, and
        whoever claims the lead next knows that this attempt ended at an unknown point."""
        verdict = self._attempt(claim)
        if not self.outbox.settle(claim, verdict):
            LOG.warning("lease lost", lead_id=str(claim.lead_id), fence=claim.fence, outcome=verdict.outcome)
        return verdict

    def _attempt(self, claim: Claim) -> Verdict:
        if claim.connection_id is None:
            return delivery_rules.parked(
                Parked.CONFIG, "No CRM that takes leads is connected. Connect one (see CRM_PROVIDER), then replay."
            )
        capabilities = _UNKNOWN
        try:
            adapter = self._adapter(claim.organization_id, claim.connection_id)
            capabilities = adapter.capabilities
            refusal = delivery_rules.before_sending(claim.tried, capabilities)
            return refusal or delivery_rules.delivered(adapter.upsert_contact(claim.contact))
        except Exception as error:
            if not isinstance(error, CrmError):
                LOG.exception("delivery failed unexpectedly", lead_id=str(claim.lead_id))
                error = CrmError(f"Unexpected {type(error).__name__}; the log has the details.")
            return delivery_rules.failed(error, claim.tried, capabilities, chance=self.chance())

    def _adapter(self, organization_id: int, connection_id: int) -> CrmAdapter:
        with self._guard:
            kept_until, adapter = self._adapters.get((organization_id, connection_id), (0.0, None))
            if adapter is None or monotonic() > kept_until:
                connection = self._connection(organization_id, connection_id)
                adapter = self.services.adapter(connection)
                self._adapters[organization_id, connection_id] = (monotonic() + ADAPTER_KEPT_S, adapter)
        return adapter

    def _connection(self, organization_id: int, connection_id: int) -> CrmConnection:
        for connection in list_connections(self.services.database, organization_id):
            if connection.connection_id == connection_id:
                return connection
        raise ConfigError("The CRM connection was removed. Connect a CRM, then replay.", setting="CRM_PROVIDER")


_UNKNOWN = Capabilities(kinds=frozenset())


@dataclass(slots=True)
class DeliveryWorker:
    """Delivers until told to stop. woken: waits for a NOTIFY; see `snapshots.wakeup`."""

    deliverer: Deliverer
    woken: Wakeup
    at_once: int = AT_ONCE
    sweep_s: float = SWEEP_S
    _stop: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _bell: threading.Event = field(default_factory=threading.Event)
    """Rings when there may be something to claim: a lead came in, or a place became free."""
    _running: dict[Future[Verdict], Claim] = field(default_factory=dict)

    def stop(self) -> None:
        """Claim nothing more; what is under way ends."""
        self._stop.set()
        self._bell.set()
        self.woken.cancel()

    def run(self) -> None:
        helpers = [threading.Thread(target=target, daemon=True) for target in (self._beat, self._listen)]
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="deliver") as pool:
            for helper in helpers:
                helper.start()
            while not self._stop.is_set():
                self._bell.clear()
                if not self._fill(pool):
                    self._bell.wait(self.sweep_s)
        self._ended.set()
        for helper in helpers:
            helper.join()
        self.woken.close()

    def _fill(self, pool: ThreadPoolExecutor) -> bool:
        """Claim leads for the free places. True where there may be more to claim at once."""
        free = self.at_once - len(self._running)
        if free <= 0:
            return False
        try:
            claims = self.deliverer.outbox.claim_due(free)
        except Exception as error:  # whatever the database says: the next sweep asks again
            LOG.warning("cannot claim leads", error=type(error).__name__)
            return False
        for claim in claims:
            future = pool.submit(self.deliverer.deliver, claim)
            self._running[future] = claim
            future.add_done_callback(self._forget)
        return bool(claims)

    def _forget(self, future: Future[Verdict]) -> None:
        claim = self._running.pop(future)
        error = future.exception()
        if error is not None:
            LOG.warning("outcome not written", lead_id=str(claim.lead_id), error=type(error).__name__)
        self._bell.set()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if self.woken.wait(self.sweep_s):
                self._bell.set()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                self.deliverer.outbox.extend(list(self._running.values()))
            except Exception as error:  # the next beat comes before the lease ends
                LOG.warning("cannot renew leases", error=type(error).__name__)


def make_outbox(database: Database, worker: str) -> Outbox:
    """The outbox of all organizations. worker: names this process in the attempts that it writes."""
    return Outbox(database=database, providers=TAKES_LEADS, worker=worker)


def make_worker(services: Services, name: str) -> DeliveryWorker:
    """A worker on the installation's database, not started yet."""
    deliverer = Deliverer(services, make_outbox(services.database, name))
    return DeliveryWorker(deliverer, Wakeup(services.database_url))


def deliver_one(deliverer: Deliverer, organization_id: int, lead_id: UUID) -> Verdict | None:
    """Deliver this lead now, in this thread; None where it has to wait for its turn."""
    claim = deliverer.outbox.claim_one(organization_id, lead_id)
    return None if claim is None else deliverer.deliver(claim)


@contextmanager
def delivering(services: Services) -> Iterator[None]:
    """Deliver leads in a thread beside whatever this process does."""
    worker = make_worker(services, f"worker {socket.gethostname()} {os.getpid()}")
    thread = threading.Thread(target=worker.run, name="delivery")
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
