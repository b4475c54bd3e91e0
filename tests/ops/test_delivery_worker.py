"""The worker's threads: what it claims, how it beats, how it stops, and what it does while the database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import made_leads
import pytest
from sqlalchemy import text

from adapters.base import Capabilities, ContactInput, CrmAdapter, UpsertResult
from adapters.errors import ConfigError, RetriableError
from adapters.records import Kind
from ops.delivery import WRITE_AGAIN_S, Deliverer, DeliveryWorker, Kept, deliver_one, make_outbox
from snapshots.database import Database
from snapshots.delivery import LEASE, Claim, Outbox
from snapshots.delivery_rules import ROUTE_AGAIN_S, Tried, Verdict
from snapshots.organizations import CrmConnection, connect_crm
from snapshots.routing import Router
from snapshots.wakeup import Wakeup


@dataclass
class Crm:
    """Takes contacts, each as slowly as `may_go_on` says."""

    taken: list[ContactInput] = field(default_factory=list)
    asked_to_write: list[bool] = field(default_factory=list)
    may_go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    refuses: Exception | None = None
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            kinds=frozenset({Kind.CONTACT}), can_upsert=True, upsert_is_idempotent=True
        )
    )

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        if self.refuses is not None:
            raise self.refuses
        self.begun.release()
        self.may_go_on.wait(10)
        assert contact.may_write is not None
        self.asked_to_write.append(contact.may_write())
        if not self.asked_to_write[-1]:
            raise RetriableError("too late")
        self.taken.append(contact)
        return UpsertResult(external_id="C1", outcome="created")


@dataclass
class Queue:
    """An outbox in memory, as far as the worker looks."""

    claims: list[Claim] = field(default_factory=list)
    settled: list[tuple[UUID, Verdict]] = field(default_factory=list)
    extended: list[Sequence[Claim]] = field(default_factory=list)
    beat: threading.Event = field(default_factory=threading.Event)
    fails: Callable[[str], bool] = lambda _: False
    guard: threading.Lock = field(default_factory=threading.Lock)
    asked_for: list[int] = field(default_factory=list)

    lease = LEASE / 600

    def _may_fail(self, what: str) -> None:
        if self.fails(what):
            raise ConnectionError(what)

    def add(self, claims: Sequence[Claim]) -> None:
        with self.guard:
            self.claims.extend(claims)

    def claim_due(self, most: int) -> list[Claim]:
        self._may_fail("claim")
        with self.guard:
            self.asked_for.append(most)
            found, self.claims = self.claims[:most], self.claims[most:]
        return found

    def claim_one(self, organization_id: int, lead_id: UUID) -> Claim | None:
        return next((one for one in self.claims if one.lead_id == lead_id), None)

    def extend(self, claims: Sequence[Claim]) -> list[Claim]:
        self._may_fail("extend")
        self.extended.append(claims)
        self.beat.set()
        return list(claims)

    def settle(self, claim: Claim, verdict: Verdict) -> bool:
        self._may_fail("settle")
        self.settled.append((claim.lead_id, verdict))
        return True


class Bell:
    """Nobody rings: the worker sweeps."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        return self.over.wait(timeout_s) and False

    def cancel(self) -> None:
        self.over.set()

    def close(self) -> None: ...


@dataclass
class Services:
    crm: Crm
    database: Any = None
    made: int = 0
    secret: str = "first"

    def origin(self, connection: CrmConnection) -> object:
        return connection, self.secret

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        self.made += 1
        return cast("CrmAdapter", self.crm)


def claims(number: int) -> list[Claim]:
    tried = Tried(attempts=0, failures=0, age=LEASE)
    return [
        Claim(
            organization_id=1,
            lead_id=uuid4(),
            fence=1,
            connection_id=1,
            contact=ContactInput(email=f"{n}@x.org"),
            tried=tried,
        )
        for n in range(number)
    ]


@dataclass
class Bed:
    queue: Queue
    crm: Crm
    deliverer: Deliverer
    worker: DeliveryWorker
    thread: threading.Thread


@contextmanager
def running(queue: Queue, *, at_once: int = 4, crm: Crm | None = None) -> Iterator[Bed]:
    crm = crm or Crm()
    deliverer = Deliverer(Services(crm), cast("Outbox", queue), pause=lambda _: None)
    deliverer._adapters[1, 1] = Kept(float("inf"), None, cast("CrmAdapter", crm))
    worker = DeliveryWorker(deliverer, cast("Wakeup", Bell()), at_once=at_once, sweep_s=0.005)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield Bed(queue, crm, deliverer, worker, thread)
    finally:
        crm.may_go_on.set()
        worker.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_it_claims_no_more_than_it_has_places_for() -> None:
    queue = Queue(claims(20))
    with running(queue, at_once=3) as bed:
        for _ in range(3):
            assert bed.crm.begun.acquire(timeout=5)
        assert not bed.crm.begun.acquire(timeout=0.05), "a fourth was begun beside three"
        assert len(queue.claims) == 17
        bed.crm.may_go_on.set()
        for _ in range(17):
            assert bed.crm.begun.acquire(timeout=5)
    assert len(queue.settled) == 20
    assert max(queue.asked_for) == 3


def test_stopped_it_claims_nothing_more_and_ends_what_it_has_begun() -> None:
    queue = Queue(claims(5))
    with running(queue, at_once=2) as bed:
        for _ in range(2):
            assert bed.crm.begun.acquire(timeout=5)
        bed.worker.stop()
        bed.crm.may_go_on.set()
        bed.thread.join(10)
    assert len(queue.settled) == 2
    assert len(queue.claims) == 3


def test_while_attempts_run_their_leases_are_renewed_also_while_it_stops() -> None:
    queue = Queue(claims(1))
    with running(queue) as bed:
        assert bed.crm.begun.acquire(timeout=5)
        bed.worker.stop()
        queue.beat.clear()
        assert queue.beat.wait(5), "it stopped beating for what still runs"
        bed.crm.may_go_on.set()
    assert bed.crm.asked_to_write == [True]


def test_a_database_that_is_away_is_asked_again_and_nothing_is_forgotten() -> None:
    failures = iter(["claim"] * 3 + ["settle"] * 2)
    queue = Queue(claims(2))
    waiting = [next(failures, None)]

    def fails(what: str) -> bool:
        with queue.guard:
            if waiting[0] != what:
                return False
            waiting[0] = next(failures, None)
            return True

    queue.fails = fails
    with running(queue) as bed:
        bed.crm.may_go_on.set()
        for _ in range(2):
            assert bed.crm.begun.acquire(timeout=5)
    assert len(queue.settled) == 2
    assert len(bed.crm.taken) == 2, "the CRM was asked again, though its answer was known"


def test_an_outcome_that_can_never_be_written_ends_the_attempt_and_not_the_worker() -> None:
    queue, given_up = Queue(claims(1)), threading.Event()
    tried: list[str] = []

    def fail(what: str) -> bool:
        if what == "settle":
            tried.append(what)
            if len(tried) > len(WRITE_AGAIN_S):
                given_up.set()
        return what == "settle"

    queue.fails = fail
    with running(queue) as bed:
        bed.crm.may_go_on.set()
        assert bed.crm.begun.acquire(timeout=5)
        assert given_up.wait(5)
        queue.fails = lambda _: False
        queue.add(claims(1))
        assert bed.crm.begun.acquire(timeout=5)
    assert len(queue.settled) == 1


def test_writing_an_outcome_is_tried_for_less_than_a_lease() -> None:
    assert 10 < sum(WRITE_AGAIN_S) < LEASE.total_seconds() / 2


def test_past_its_lease_nothing_may_be_written() -> None:
    now = [0.0]
    queue, crm = Queue(claims(1)), Crm()
    crm.may_go_on.set()
    deliverer = Deliverer(Services(crm), cast("Outbox", queue), chance=lambda: 0.0, clock=lambda: now[0])
    deliverer._adapters[1, 1] = Kept(float("inf"), None, cast("CrmAdapter", crm))
    [claim] = deliverer.claim_due(1)
    now[0] = queue.lease.total_seconds()
    verdict = deliverer.deliver(claim)
    assert crm.asked_to_write == [False]
    assert (verdict.state, verdict.outcome) == ("pending", "retry")
    assert deliverer._held_until == {}, "what is over is forgotten"


def test_a_heartbeat_moves_the_end_of_what_may_be_written() -> None:
    now = [0.0]
    queue = Queue(claims(2))
    deliverer = Deliverer(Services(Crm()), cast("Outbox", queue), clock=lambda: now[0])
    one, other = deliverer.claim_due(2)
    now[0] = queue.lease.total_seconds() / 2
    queue.extend = lambda _: [one]  # type: ignore[method-assign]
    deliverer.extend([one, other])
    now[0] = queue.lease.total_seconds() * 1.2
    assert (deliverer._is_held(one), deliverer._is_held(other)) == (True, False)


def test_whatever_an_adapter_raises_the_lead_is_tried_again(database: Database, organization: int) -> None:
    connection = connect_crm(database, organization, provider="demo", name="CRM", settings={})

    class Broken(Crm):
        def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
            raise ZeroDivisionError

    deliverer = Deliverer(Services(Broken(), database), make_outbox(database, "x"))
    [claim] = claims(1)
    mine = replace(claim, organization_id=organization, connection_id=connection.connection_id)
    verdict = deliverer._attempt(mine)
    assert (verdict.state, verdict.outcome) == ("pending", "retry")
    assert "ZeroDivisionError" in (verdict.detail or "")


class BadRules:
    """A router that cannot decide."""

    def route(self, organization_id: int, lead_id: UUID, connection_id: int | None) -> str | None:
        raise ZeroDivisionError


def test_trouble_while_a_lead_is_routed_is_no_failure_of_the_crm_and_holds_up_no_lead(
    database: Database, organization: int
) -> None:
    crm = Crm()
    crm.may_go_on.set()
    connection_id = made_leads.connect(database, organization)
    made_leads.put(database, organization)
    told, at = [], made_leads.AT
    for _ in range(len(ROUTE_AGAIN_S) + 1):
        deliverer = Deliverer(
            Services(crm, database), made_leads.outbox(database, at), router=cast("Router", BadRules())
        )
        deliverer._adapters[organization, connection_id] = Kept(float("inf"), None, cast("CrmAdapter", crm))
        [claim] = deliverer.claim_due(8)
        assert claim.tried.attempts == 0
        told.append(deliverer.deliver(claim))
        with database.as_worker() as connection:
            assert connection.execute(text("SELECT count(*) FROM delivery_accounts")).scalar_one() == 0
        at += timedelta(seconds=ROUTE_AGAIN_S[-1])
    assert [(one.state, one.outcome) for one in told] == [*[("pending", "unrouted")] * 3, ("delivered", "created")]
    assert [one.owner_external_id for one in crm.taken] == [None]


def test_trouble_of_routing_does_not_hide_that_an_attempt_ended_at_an_unknown_point() -> None:
    crm = Crm(capabilities=Capabilities(kinds=frozenset({Kind.CONTACT}), lookup_lag_s=None))
    deliverer = Deliverer(Services(crm), cast("Outbox", Queue()), router=cast("Router", BadRules()))
    deliverer._adapters[1, 1] = Kept(float("inf"), None, cast("CrmAdapter", crm))
    [claim] = claims(1)
    verdict = deliverer._attempt(replace(claim, tried=replace(claim.tried, was_interrupted=True)))
    assert (verdict.state, verdict.outcome) == ("parked", "ambiguous")


def test_a_connection_that_was_removed_pauses_its_account_and_says_what_to_do(
    database: Database, organization: int
) -> None:
    deliverer = Deliverer(Services(Crm(), database), make_outbox(database, "x"))
    gone = replace(claims(1)[0], organization_id=organization, connection_id=999)
    verdict = deliverer._attempt(gone)
    assert (verdict.state, verdict.outcome, verdict.counts) == ("pending", "config", False)
    nowhere = deliverer._attempt(replace(gone, connection_id=None))
    assert (nowhere.state, nowhere.outcome) == ("parked", "config")
    assert "replay" in (nowhere.detail or "")


def test_an_adapter_is_kept_until_what_it_is_made_from_changes_which_counts_after_a_minute(
    database: Database, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect_crm(database, organization, provider="demo", name="CRM", settings={})
    services = Services(Crm(), database)
    now = [0.0]
    monkeypatch.setattr("ops.delivery.monotonic", lambda: now[0])
    deliverer = Deliverer(services, make_outbox(database, "x"))
    made = []
    for now[0], services.secret in ((0.0, "first"), (61.0, "first"), (100.0, "second"), (130.0, "second")):
        deliverer._adapter(organization, connection.connection_id)
        made.append(services.made)
    assert made == [1, 1, 1, 2]


def test_a_lead_that_has_to_wait_for_its_turn_is_not_delivered_at_once() -> None:
    queue = Queue()
    deliverer = Deliverer(Services(Crm()), cast("Outbox", queue))
    assert deliver_one(deliverer, 1, uuid4()) is None


def test_a_lead_that_is_delivered_at_once_keeps_its_lease_while_the_crm_thinks() -> None:
    queue, crm = Queue(claims(1)), Crm()
    deliverer = Deliverer(Services(crm), cast("Outbox", queue), chance=lambda: 0.0)
    deliverer._adapters[1, 1] = Kept(float("inf"), None, cast("CrmAdapter", crm))
    [claim] = queue.claims
    sender = threading.Thread(target=deliver_one, args=(deliverer, 1, claim.lead_id))
    sender.start()
    assert crm.begun.acquire(timeout=5)
    assert queue.beat.wait(5)
    crm.may_go_on.set()
    sender.join(5)
    assert queue.extended[0] == [claim]
    assert [lead_id for lead_id, _ in queue.settled] == [claim.lead_id]


def test_an_adapter_whose_access_is_refused_is_made_anew_for_the_next_attempt(
    database: Database, organization: int
) -> None:
    """What is wrong may be mended where nobody sees it: in a key file, or at the CRM."""
    connection = connect_crm(database, organization, provider="demo", name="CRM", settings={})
    services = Services(Crm(), database)
    deliverer = Deliverer(services, make_outbox(database, "x"))
    lead = replace(claims(1)[0], organization_id=organization, connection_id=connection.connection_id)
    services.crm.refuses = ConfigError("The key is not valid.", setting="CRM_PROVIDER")
    assert [deliverer._attempt(lead).outcome for _ in range(2)] == ["config", "config"]
    assert services.made == 2
    services.crm.refuses = None
    services.crm.may_go_on.set()
    deliverer._hold([lead], deliverer.clock())
    assert [deliverer._attempt(lead).state for _ in range(2)] == ["delivered", "delivered"]
    assert services.made == 3
