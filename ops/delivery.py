"""Delivers leads to CRMs: claims what is due, asks the CRM, writes down what became of it.

The rules stand in `snapshots.delivery_rules`, the outbox in `snapshots.delivery`; here are the threads, the heartbeat
and the adapters. Any number of these may run, on any number of machines.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic, sleep
from typing import Protocol
from uuid import UUID

import structlog

from adapters.base import Capabilities, CrmAdapter
from adapters.errors import ConfigError, CrmError
from adapters.registry import TAKES_LEADS
from ops.services import Services
from snapshots import delivery_rules
from snapshots.arrivals import Scorer
from snapshots.database import Database
from snapshots.delivery import Claim, Outbox
from snapshots.delivery_rules import Parked, Verdict
from snapshots.organizations import CrmConnection, list_connections
from snapshots.routing import Router
from snapshots.wakeup import Wakeup

ADAPTER_KEPT_S = 60.0
"""A changed setting or credential of a connection counts after a minute."""
BEATS = 4
"""Heartbeats within a lease."""
WRITE_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Waits between attempts to write down an outcome while the database is away; after that the lease runs out."""
SWEEP_S = 1.0
"""How often we look for what is due without being woken."""
AT_ONCE = 16
"""Leads under way at the same time in one process."""
LOG = structlog.get_logger()


class Adapters(Protocol):
    """Where the adapter of a connection comes from."""

    @property
    def database(self) -> Database: ...

    def adapter(self, connection: CrmConnection) -> CrmAdapter: ...

    def origin(self, connection: CrmConnection) -> object:
        """What the adapter is made from; equal as long as it would be the same."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """An adapter that is used again. until: monotonic seconds; then `origin` is looked at anew."""

    until: float
    origin: object
    adapter: CrmAdapter


@dataclass(slots=True)
class Deliverer:
    """Claims leads and delivers them, from any number of threads. chance: in [0, 1), spreads the retries. clock:
    monotonic seconds. pause: lets so many seconds pass.

    Leases are the database's, but a process that stood still past its lease must notice before it writes to the CRM:
    so each lease is also known by our own clock, from before it was asked for.
    """

    services: Adapters
    outbox: Outbox
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = monotonic
    pause: Callable[[float], object] = sleep
    router: Router | None = None
    """Gives a lead to a person before its first delivery; None: to nobody."""
    _held_until: dict[tuple[UUID, int], float] = field(default_factory=dict)
    _adapters: dict[tuple[int, int], Kept] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def claim_due(self, most: int) -> list[Claim]:
        """Leads to deliver now, at most so many."""
        began = self.clock()
        claims = self.outbox.claim_due(most)
        self._hold(claims, began)
        return claims

    def claim_one(self, organization_id: int, lead_id: UUID) -> Claim | None:
        """This lead; None where it has to wait for its turn."""
        began = self.clock()
        claim = self.outbox.claim_one(organization_id, lead_id)
        self._hold([claim] if claim else [], began)
        return claim

    def extend(self, claims: Sequence[Claim]) -> None:
        """Heartbeat. What has ended meanwhile is not held again."""
        began = self.clock()
        self._hold([claim for claim in self.outbox.extend(claims) if _key(claim) in self._held_until], began)

    def deliver(self, claim: Claim) -> Verdict:
        """Ask the CRM and write down the outcome. Raises only where the database does: then the lease runs out, and
        whoever claims the lead next knows that this attempt ended at an unknown point."""
        try:
            verdict = self._attempt(claim)
            if not self._settle(claim, verdict):
                LOG.warning("lease lost", lead_id=str(claim.lead_id), fence=claim.fence, outcome=verdict.outcome)
            return verdict
        finally:
            self._held_until.pop(_key(claim), None)

    def _hold(self, claims: Iterable[Claim], began: float) -> None:
        for claim in claims:
            self._held_until[_key(claim)] = began + self.outbox.lease.total_seconds()

    def _is_held(self, claim: Claim) -> bool:
        return self.clock() < self._held_until.get(_key(claim), 0.0)

    def _settle(self, claim: Claim, verdict: Verdict) -> bool:
        """An outcome that is lost makes the CRM be asked again, or a person: so it is written as soon as that works."""
        for wait_s in WRITE_AGAIN_S:
            try:
                return self.outbox.settle(claim, verdict)
            except Exception as error:  # whatever the database says
                LOG.warning("outcome not written yet", lead_id=str(claim.lead_id), error=type(error).__name__)
                self.pause(wait_s)
        return self.outbox.settle(claim, verdict)

    def _attempt(self, claim: Claim) -> Verdict:
        capabilities = _UNKNOWN
        owner, later = self._owner(claim)
        try:
            if claim.connection_id is None:
                return later or delivery_rules.parked(
                    Parked.CONFIG, "No CRM that takes leads is connected. Connect one (see CRM_PROVIDER), then replay."
                )
            adapter = self._adapter(claim.organization_id, claim.connection_id)
            capabilities = delivery_rules.towards(claim.contact, adapter.capabilities)
            refusal = delivery_rules.before_sending(claim.tried, capabilities)
            if refusal is not None:  # it comes first: an end at an unknown point is told by the next attempt alone
                return refusal
            if later is not None:
                return later
            contact = replace(claim.contact, may_write=partial(self._is_held, claim), owner_external_id=owner)
            return delivery_rules.delivered(adapter.upsert_contact(contact))
        except Exception as error:
            if isinstance(error, ConfigError):  # made anew, it reads a key file or a right that was mended meanwhile
                self._forget(claim)
            if not isinstance(error, CrmError):
                LOG.exception("delivery failed unexpectedly", lead_id=str(claim.lead_id))
                error = CrmError(f"Unexpected {type(error).__name__}; the log has the details.")
            return delivery_rules.failed(error, claim.tried, capabilities, chance=self.chance())

    def _owner(self, claim: Claim) -> tuple[str | None, Verdict | None]:
        """Whose the lead is, by the CRM's id, and what follows where that could not be decided yet. Whatever goes wrong
        here is no fault of the CRM."""
        if self.router is None:
            return None, None
        try:
            return self.router.route(claim.organization_id, claim.lead_id, claim.connection_id), None
        except Exception as error:  # whatever the database or a rule says
            later = delivery_rules.unrouted(error, claim.tried, chance=self.chance())
            what = "lead not routed yet" if later else "lead not routed, so it goes to nobody"
            LOG.exception(what, lead_id=str(claim.lead_id))
            return None, later

    def _adapter(self, organization_id: int, connection_id: int) -> CrmAdapter:
        with self._guard:
            kept = self._adapters.get((organization_id, connection_id))
            if kept is None or monotonic() > kept.until:
                connection = self._connection(organization_id, connection_id)
                origin = self.services.origin(connection)
                # One that is made from the same goes on: it knows its rights, which cost requests to find out.
                adapter = kept.adapter if kept and kept.origin == origin else self.services.adapter(connection)
                kept = Kept(monotonic() + ADAPTER_KEPT_S, origin, adapter)
                self._adapters[organization_id, connection_id] = kept
        return kept.adapter

    def _forget(self, claim: Claim) -> None:
        with self._guard:
            self._adapters.pop((claim.organization_id, claim.connection_id or 0), None)

    def _connection(self, organization_id: int, connection_id: int) -> CrmConnection:
        for connection in list_connections(self.services.database, organization_id):
            if connection.connection_id == connection_id:
                return connection
        raise ConfigError("The CRM connection was removed. Connect a CRM, then replay.", setting="CRM_PROVIDER")


def _key(claim: Claim) -> tuple[UUID, int]:
    return claim.lead_id, claim.fence


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
        beat = partial(_beat, self.deliverer, lambda: list(self._running.values()), self._ended)
        helpers = [threading.Thread(target=target, daemon=True) for target in (beat, self._listen)]
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
            claims = self.deliverer.claim_due(free)
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


def make_outbox(database: Database, worker: str) -> Outbox:
    """The outbox of all organizations. worker: names this process in the attempts that it writes."""
    return Outbox(database=database, providers=TAKES_LEADS, worker=worker)


def make_worker(services: Services, name: str, scores: Scorer | None = None) -> DeliveryWorker:
    """A worker on the installation's database, not started yet. scores: of leads before they are given away."""
    outbox = make_outbox(services.database, name)
    deliverer = Deliverer(services, outbox, router=Router(database=services.database, scores=scores))
    return DeliveryWorker(deliverer, Wakeup(services.database_url))


def deliver_one(deliverer: Deliverer, organization_id: int, lead_id: UUID) -> Verdict | None:
    """Deliver this lead now, in this thread; None where it has to wait for its turn."""
    claim = deliverer.claim_one(organization_id, lead_id)
    if claim is None:
        return None
    with _beating(deliverer, claim):
        return deliverer.deliver(claim)


@contextmanager
def _beating(deliverer: Deliverer, claim: Claim) -> Iterator[None]:
    """Keep the lease, as the worker does for its own: a CRM may take longer than that, and whoever claimed the lead
    meanwhile would not know of a contact that is just being made."""
    over = threading.Event()
    beat = partial(_beat, deliverer, lambda: [claim], over)
    threading.Thread(target=beat, name="heartbeat", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _beat(deliverer: Deliverer, claims: Callable[[], Sequence[Claim]], over: threading.Event) -> None:
    """Renew the leases of what runs, until it is over."""
    while not over.wait(deliverer.outbox.lease.total_seconds() / BEATS):
        try:
            deliverer.extend(claims())
        except Exception as error:  # the next beat comes before the lease ends
            LOG.warning("cannot renew leases", error=type(error).__name__)


@contextmanager
def delivering(services: Services, scores: Scorer | None = None) -> Iterator[None]:
    """Deliver leads in a thread beside whatever this process does."""
    worker = make_worker(services, f"worker {socket.gethostname()} {os.getpid()}", scores)
    thread = threading.Thread(target=worker.run, name="delivery")
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
