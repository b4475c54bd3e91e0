"""What goes wrong between accepting a lead and the CRM having it, one function each, over the ledger checker.

The fault matrix runs them against the program as it is, and each deliberate breakage is shown to be caught by one.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
from hostile_crm import (
    Fault,
    Handler,
    fails_after,
    is_silent,
    refuses,
)
from sqlalchemy import text
from world import World, request

from lead_endpoint import submission
from ops.delivery import Deliverer
from snapshots.delivery import Claim
from snapshots.delivery_rules import RETRY_AFTER, Parked, Verdict, parked
from snapshots.lead_actions import LeadActions, LeadEdit
from snapshots.slices import Role, Viewer

LEASE_S = 60.0
ADA = "ada@example.com"


class Killed(BaseException):
    """The process ends here, at once: nothing after this point of it happens."""


@contextmanager
def killed() -> Iterator[None]:
    try:
        yield
    except Killed:
        return
    raise AssertionError("the process was not killed where it should have been")


class DyingDeliverer(Deliverer):
    """Killed when it would write an outcome down."""

    __slots__ = ()

    def _settle(self, claim: Claim, verdict: Verdict) -> bool:
        raise Killed


def dying(worker: Deliverer) -> Deliverer:
    """The same worker, about to be killed: it holds the same leases."""
    made = DyingDeliverer(worker.services, worker.outbox, worker.chance, worker.clock, worker.pause)
    made._held_until = worker._held_until
    return made


# --- the CRM says wait, is down, or refuses us -----------------------------------------------------------------------


def throttled(world: World, header: dict[str, str], least_s: float, most_s: float = 905.0) -> None:
    """Row 1. The wait is kept, whatever its form; nobody asks before; no attempt is burned, by more than there are."""
    lead = world.accept(ADA)
    times = len(RETRY_AFTER) + 2
    for _ in range(times):
        world.crm.faults.append(refuses(429, **header))
        before = len(world.crm.asked)
        world.step()
        assert len(world.crm.asked) == before + 1
        waited_from = world.clock()
        world.advance(least_s - 0.5)
        # A second is soon over on a busy machine; then nothing is too early.
        if world.clock() - waited_from < least_s - 0.1:
            assert world.step() == [] or world.clock() - waited_from >= least_s, "asked before the time was over"
        world.crm.faults.clear()
        world.advance(world._until_next())
    assert most_s >= world.offset_s / times >= least_s - 0.5
    row = world.row(lead)
    assert (row["state"], row["attempts"]) == ("pending", 0)
    assert set(world.attempts(lead)) == {"wait"}
    world.drain(most_days=0.1)
    assert world.row(lead)["state"] == "delivered"
    world.check(is_drained=True)


def throttling_pauses_the_account(world: World) -> None:
    """Row 1. A success that was under way when the CRM said to wait does not end the wait for the others."""
    first, second, third = (world.accept(f"{name}@example.com") for name in "abc")
    claims = {str(claim.lead_id): claim for claim in world.claim()}
    works = world.worker._attempt(claims[second])
    world.crm.faults.append(refuses(500))
    fails = world.worker._attempt(claims[third])
    world.crm.faults.append(refuses(429, retry_after="60"))
    world.worker.deliver(claims[first])
    world.worker.outbox.settle(claims[second], works)
    world.worker.outbox.settle(claims[third], fails)
    world.accept("later@example.com")
    world.advance(50)
    assert world.step() == [], "the account was asked again before its time"
    world.finish()


def down_for_half_an_hour(world: World) -> None:
    """Row 2. Retries grow longer, the account is asked ever less, and everything drains by itself afterwards."""
    for number in range(10):
        world.accept(f"lead.{number}@example.com")
    world.crm.otherwise = lambda _: refuses(503)
    while world.offset_s < 1800:
        if not world.step():
            world.advance(max(world._until_next(), 1.0))
    assert len(world.crm.asked) < 10 * len(RETRY_AFTER) / 2, "the CRM was hammered while it was down"
    world.crm.otherwise = lambda _: None
    world.drain(most_days=0.2)
    assert Counter(row["state"] for row in world.rows()) == {"delivered": 10}
    world.check(is_drained=True)


def token_revoked(world: World) -> None:
    """Row 7. The account pauses as one: no lead is parked, hardly anybody asks, and all goes on once it is mended."""
    for number in range(20):
        world.accept(f"lead.{number}@example.com")
    world.step(4)
    world.token = "revoked"
    workers = [world.new_worker(f"worker {number}") for number in range(4)]
    world.worker._adapters.clear()
    while world.offset_s < 3600:
        for worker in workers:
            for claim in world.claim(worker):
                worker.deliver(claim)
        world.advance(150)
    refused = [row for row in world.rows() if row["state"] != "delivered"]
    assert {row["state"] for row in refused} == {"pending"}
    assert {row["attempts"] for row in refused} == {0}, "attempts were burned by an account that does not work"
    world.token = "crm-token-9f8e7d"
    world.worker._adapters.clear()
    world.drain(most_days=0.1)
    assert Counter(row["state"] for row in world.rows()) == {"delivered": 20}
    world.check(is_drained=True)


# --- the CRM did it, and does not say so -----------------------------------------------------------------------------


def ambiguous(world: World, fault: Callable[[], Fault]) -> None:
    """Rows 3, 4, 5, 6. It was carried out, and the answer is lost: never a second contact."""
    lead, other = world.accept(ADA, first_name="Ada"), world.accept("other@example.com")
    again = world.accept(ADA, company="Analytical Engines")
    world.crm.faults.extend([fault(), None])
    world.step()
    world.check()
    world.drain()
    assert len(world.crm.creates_of(ADA)) == 1
    assert world.row(other)["state"] == "delivered"
    if world.capabilities.lookup_lag_s is not None or world.capabilities.upsert_is_idempotent:
        assert {world.row(one)["state"] for one in (lead, again)} == {"delivered"}
    world.check(is_drained=True)


def beyond_certainty(world: World, fault: Callable[[], Fault]) -> None:
    """Row 3 where a search never surely finds: a person decides, and the contact's later leads wait for that."""
    lead, later = world.accept(ADA), world.accept(ADA)
    world.crm.faults.append(fault())
    world.step()
    world.drain()
    for one in (lead, later):
        row = world.row(one)
        assert (row["state"], row["reason"]) == ("parked", "ambiguous"), row
    assert len(world.crm.creates_of(ADA)) == 1
    world.crm.lag_s = 0.0
    world.crm._visible_at.clear()
    world.crm._visible_at.update(dict.fromkeys(world.crm.contacts, 0.0))  # the person finds it, and replays both
    replay(world, lead)
    replay(world, later)
    world.drain()
    assert {row["state"] for row in world.rows()} == {"delivered"}
    world.check(is_drained=True)


def two_leads_within_the_lag(world: World) -> None:
    """A double click on a CRM whose search lags: the second lead must not make a second contact."""
    for _ in range(3):
        world.accept(ADA)
    world.finish()
    assert len(world.crm.creates_of(ADA)) == 1


def phone_only(world: World) -> None:
    """Nothing keeps a contact without an e-mail address unique: a lost answer is looked up by phone, or parked."""
    lead = world.accept(phone="+44 20 7946 0018")
    world.crm.faults.extend([None, fails_after(500)] if world.capabilities.matches_phone else [fails_after(500)])
    world.drain()
    row = world.row(lead)
    expected = "delivered" if world.capabilities.matches_phone else "parked"
    assert row["state"] == expected, row
    assert sum(write.kind == "create" for write in world.crm.ledger) == 1
    world.check(is_drained=True)


# --- what is wrong with one lead -------------------------------------------------------------------------------------


def poison(world: World) -> None:
    """Row 9. Refused once, parked at once, in nobody's way; an edit sends it on."""
    bad = world.accept("bad@example.com", company="poison")
    good = [world.accept(f"good.{number}@example.com") for number in range(5)]
    world.step()
    assert {world.row(lead)["state"] for lead in good} == {"delivered"}
    world.drain(most_days=0.01)
    row = world.row(bad)
    assert (row["state"], row["reason"]) == ("parked", "rejected")
    assert "poison is not allowed" in row["detail"]
    assert len(world.attempts(bad)) <= 3
    edited = LeadEdit(email="bad@example.com", company="Honey")
    assert actions(world).edit(UUID(bad), edited, fence=row["fence"])
    world.replayed.add(bad)
    world.finish()
    assert world.row(bad)["state"] == "delivered"


def several_match(world: World) -> None:
    """Row 8. A person must merge; others go on; after the merge a replay finds the one that is left."""
    for contact_id in ("C1", "C2"):
        world.crm.contacts[contact_id] = {"email": ADA}
        world.crm._visible_at[contact_id] = 0.0
        world.crm._by_email.setdefault(ADA, []).append(contact_id)
    lead, other = world.accept(ADA), world.accept("other@example.com")
    world.drain()
    assert (world.row(lead)["state"], world.row(lead)["reason"]) == ("parked", "conflict")
    assert world.row(other)["state"] == "delivered"
    world.crm._by_email[ADA].remove("C2")
    replay(world, lead)
    world.finish()
    assert world.row(lead)["external_id"] == "C1"


def archived_contact(world: World) -> None:
    """Row 8. A contact that we knew by its id is gone: the lead is not lost on it."""
    world.accept(ADA)
    world.drain()
    world.crm.contacts.pop("C1")
    world.crm._by_email.clear()
    world.crm.ledger[:] = []  # what is gone is not a duplicate
    with world.database.as_worker() as connection:
        connection.execute(text("UPDATE received_leads SET state = 'parked', reason = 'x', detail = 'x', "
                                "delivered_at = NULL, external_id = 'C1'"))  # fmt: skip
    world.replayed.add(world.rows()[0]["lead_id"])
    later = world.accept(ADA)
    world.drain()
    assert world.row(later)["state"] == "delivered"
    assert len(world.crm.contacts) == 1


# --- crashes, races, clocks ------------------------------------------------------------------------------------------


def crash_after_claim(world: World) -> None:
    """Row 15. The lease runs out, and somebody else delivers."""
    lead = world.accept(ADA)
    assert world.claim()
    assert world.step() == []
    world.advance(LEASE_S + 1)
    world.drain()
    expects_delivery(world, lead)


def crash_after_the_crm_applied(world: World) -> None:
    """Row 15. The CRM has it, and nothing of that was written down: never a second contact."""
    lead, later = world.accept(ADA), world.accept(ADA)
    [claim] = world.claim()
    with killed():
        dying(world.worker).deliver(claim)
    assert len(world.crm.creates_of(ADA)) == 1
    world.advance(LEASE_S + 1)
    world.drain()
    assert len(world.crm.creates_of(ADA)) == 1
    expects_delivery(world, lead)
    expects_delivery(world, later)


def crash_before_the_crm_applied(world: World) -> None:
    """Row 15. Killed on the way: the next attempt creates it."""
    lead = world.accept(ADA)
    [claim] = world.claim()
    world.crm.faults.extend([None, is_silent(applies=False)])
    with killed():
        dying(world.worker).deliver(claim)
    world.crm.faults.clear()
    world.advance(LEASE_S + 1)
    world.drain()
    expects_delivery(world, lead)


def expects_delivery(world: World, lead: str) -> None:
    """Delivered; or parked for a person, where the CRM's search cannot tell."""
    can_tell = world.capabilities.upsert_is_idempotent or world.capabilities.lookup_lag_s is not None
    row = world.row(lead)
    assert row["state"] == "delivered" or (not can_tell and row["reason"] == "ambiguous"), row
    world.check(is_drained=True)


def crashes_are_counted(world: World) -> None:
    """Row 15. A lead that kills whoever delivers it is parked in the end."""
    lead = world.accept(ADA)
    for _ in range(len(RETRY_AFTER) + 3):
        world.claim()
        world.advance(LEASE_S + 1)
    world.drain(most_days=0.5)
    row = world.row(lead)
    assert (row["state"], row["reason"]) == ("parked", "exceeded")
    world.check(is_drained=True)


def two_workers(world: World) -> None:
    """Row 16. Two workers at once, and each lead is one of theirs alone."""
    for number in range(30):
        world.accept(f"lead.{number}@example.com")
    one, other = world.worker, world.new_worker("two")
    barrier = threading.Barrier(2)

    def work(worker: Deliverer) -> None:
        barrier.wait()
        while claims := worker.claim_due(4):
            for claim in claims:
                worker.deliver(claim)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row["fence"] for row in world.rows()} == {1}, "a lead was claimed twice"
    world.check(is_drained=True)


def a_stuck_claimer_blocks_nobody(world: World) -> None:
    """Row 16. While one worker's transaction hangs with a row locked, others claim the rest at once."""
    stuck, free = world.accept(ADA), world.accept("free@example.com")
    claimed: list[Claim] = []
    with psycopg.connect(world.database.url) as connection:
        connection.execute("SELECT FROM received_leads WHERE lead_id = %s FOR UPDATE", [stuck])
        thread = threading.Thread(target=lambda: claimed.extend(world.claim()))
        thread.start()
        thread.join(2.0)
        is_stuck = thread.is_alive()
    thread.join()
    assert not is_stuck, "a worker waited for another one's lock"
    assert [str(claim.lead_id) for claim in claimed] == [free]


def zombie_marks_nothing(world: World) -> None:
    """Row 16. A worker that stood still past its lease finds that the lead is not its own any more."""
    lead = world.accept(ADA, company="Analytical Engines")
    [old] = world.claim()
    world.advance(LEASE_S + 1)
    other = world.new_worker("two")
    [new] = world.claim(other)
    world.retime(world.worker)
    assert not world.worker.outbox.settle(old, parked(Parked.REJECTED, "late"))
    assert world.row(lead)["state"] == "pending"
    other.deliver(new)
    world.drain()
    expects_delivery(world, lead)


def zombie_writes_nothing(world: World) -> None:
    """Row 16. It stood still between its look-up and its create, and another worker delivered meanwhile."""
    lead = world.accept(ADA)
    [old] = world.claim()
    other = world.new_worker("two")

    def sleep_through_the_lease(at: Handler, status: int, content: dict[str, Any]) -> None:
        world.advance(LEASE_S + 1)
        world.crm.faults.clear()
        world.capabilities = replace(world.capabilities, lookup_lag_s=0.0)
        for claim in world.claim(other):
            other.deliver(claim)
        at.say(status, content)

    world.crm.faults.append(Fault("stands still", applies=True, answer=sleep_through_the_lease))
    world.deadline_s = 10.0  # both meet in one answer of the CRM, so that the first must be patient
    world.worker.deliver(old)
    assert len(world.crm.creates_of(ADA)) == 1
    world.drain()
    expects_delivery(world, lead)


def heartbeats_keep_a_lease(world: World) -> None:
    """Row 16. An attempt that takes longer than a lease, and shows that it lives, is left alone."""
    lead = world.accept(ADA)
    [claim] = world.claim()
    for _ in range(6):
        world.advance(LEASE_S / 2)
        world.worker.extend([claim])
        assert world.claim(world.new_worker("two")) == [], "somebody took a lead whose holder lives"
    world.worker.deliver(claim)
    expects_delivery(world, lead)
    assert world.row(lead)["fence"] == 1


def clocks_jump(world: World) -> None:
    """Row 19. The clock is set an hour or a year on or back, while leases run: nothing is lost or doubled."""
    year = 365 * 86_400.0
    for number, jump in enumerate((3600.0, -3600.0, year, -year, -3600.0, 3600.0)):
        world.accept(f"lead.{number}@example.com")
        claims = world.claim()
        world.skew_s += jump
        world.retime(world.worker)
        other = world.new_worker("two")
        for claim in world.claim(other):
            other.deliver(claim)
        for claim in claims:
            world.worker.deliver(claim)
    world.advance(3600)
    world.finish()
    assert {row["state"] for row in world.rows()} == {"delivered"}


def order_is_kept(world: World) -> None:
    """Leads of a contact reach the CRM in the order in which they came in, though the first one must wait."""
    first = world.accept(ADA, company="First")
    second = world.accept(ADA, company="Second")
    world.crm.faults.append(refuses(503, retry_after="20"))
    world.step()
    world.advance(5)
    world.step()
    world.drain()
    written = [write.lead_key for write in world.crm.ledger]
    assert written == sorted(written)
    assert set(written) == {first, second}
    world.check(is_drained=True)


def replay_beside_a_later_lead(world: World) -> None:
    """A lead that is replayed while a later one of its contact is on its way waits for that one."""
    bad = world.accept(ADA, company="poison")
    world.drain()
    world.accept(ADA)
    [claim] = world.claim()
    edited = LeadEdit(email=ADA, company="Honey")
    assert actions(world).edit(UUID(bad), edited, fence=world.row(bad)["fence"])
    world.replayed.add(bad)
    world.advance(LEASE_S / 2)
    world.worker.extend([claim])
    world.advance(LEASE_S / 2 + 5)
    assert world.claim(world.new_worker("two")) == [], "two leads of a contact were on their way at once"
    world.worker.deliver(claim)
    world.finish()


def settle_when_the_database_comes_back(world: World) -> None:
    """Row 12. The CRM has it, and the database is away for a moment: the outcome is not forgotten."""
    lead = world.accept(ADA)
    [claim] = world.claim()
    working, failures = world.worker.outbox, iter(range(3))

    class Away:
        def __getattr__(self, name: str) -> object:
            return getattr(working, name)

        def settle(self, *given: Any) -> bool:
            if next(failures, None) is not None:
                raise psycopg.OperationalError("the server closed the connection")
            return working.settle(*given)

    world.worker.outbox = Away()  # type: ignore[assignment]
    world.worker.deliver(claim)
    world.worker.outbox = working
    assert world.row(lead)["state"] == "delivered"
    assert world.attempts(lead) == ["created"]
    world.check(is_drained=True)


# --- accepting -------------------------------------------------------------------------------------------------------


def replays(world: World, times: int = 64) -> None:
    """Row 20. Sixty-four at once with one key: one lead, one answer; with another body none."""
    answers: list[str] = []
    barrier, before = threading.Barrier(times), set(threading.enumerate())

    def send() -> None:
        barrier.wait()
        for _ in range(20):
            answer = world.post({"email": ADA}, key="one-key")
            if answer.status != 503:
                break
        answers.append(json.loads(answer.body).get("lead_id", "none"))

    threads = [threading.Thread(target=send) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == times
    assert len(set(answers)) == 1
    writers = {thread for thread in threading.enumerate() if thread.name == "commit"} - before
    assert len(writers) == 1, "the first requests made a desk each"
    assert len(world.rows()) == 1
    assert world.post({"email": "eve@example.com"}, key="one-key").status == 422
    world.finish()


def double_click(world: World) -> None:
    """Row 20. The same person twice, without a key: two leads, one contact."""
    for _ in range(2):
        world.post({"email": ADA})
    assert len(world.rows()) == 2
    world.finish()
    assert len(world.crm.contacts) == 1


def commit_fails(world: World) -> None:
    """Rows 11, 17. The transaction fails at its very end: nobody is told that a lead is in."""
    with refusing_commits(world):
        for number in range(5):
            answer = world.post({"email": ADA}, key=f"lost-{number}")
            assert answer.status == 503, answer.status
            assert dict(answer.headers)["retry-after"]
    assert world.rows() == []
    for number in range(5):
        assert world.post({"email": ADA}, key=f"lost-{number}").status == 202
    world.finish()


@contextmanager
def refusing_commits(world: World, sqlstate: str = "53100") -> Iterator[None]:
    """The database takes the row and fails when it should commit it. sqlstate: by default, that the disk is full."""
    with psycopg.connect(world.database.url, autocommit=True) as owner:
        owner.execute(
            f"CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
        )
        owner.execute(
            "CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON received_leads DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION refuse_commit()"
        )
        try:
            yield
        finally:
            owner.execute("DROP TRIGGER refuse_commit ON received_leads")
            owner.execute("DROP FUNCTION refuse_commit()")


def bad_text(world: World) -> None:
    """Row 21. NUL and half characters are taken out, the bytes stay, and the lead is delivered like any other."""
    raw = b'{"email": "ada@example.com", "company": "A\\u0000B \\ud800C", "note\\u0000": "\\udc00"}'
    assert world.parts.desk.handle_from_thread(request(raw, key="raw")).status == 202
    [row] = world.rows()
    assert row["state"] == "pending"
    assert bytes(row["body"]) == raw
    assert row["company"] == "AB \ufffdC"
    assert "repaired" in row["flags"]
    world.finish()


def spam_waits(world: World) -> None:
    """What a program filled in is kept, and does not reach the CRM by itself."""
    world.post({"email": ADA, submission.TRAP_FIELD: "buy"}, key="spam")
    world.drain()
    assert world.crm.ledger == []
    [row] = world.rows()
    assert (row["state"], row["reason"]) == ("quarantined", "spam")
    world.check(is_drained=True)


# --- people ----------------------------------------------------------------------------------------------------------


def actions(world: World) -> LeadActions:
    viewer = Viewer(world.organization_id, Role.ADMIN)
    return LeadActions(database=world.database, viewer=viewer, who="Ada", clock=world.sql)


def replay(world: World, lead: str) -> None:
    assert actions(world).replay(UUID(lead), fence=world.row(lead)["fence"])
    world.replayed.add(lead)
