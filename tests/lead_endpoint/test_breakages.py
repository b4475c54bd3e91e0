"""Each rule of accepting and delivering, broken on purpose: a scenario of the fault matrix, or the ledger, notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import scenarios
from broken import caught, source_patched
from hostile_adapter import capable
from hostile_crm import HostileCrm, fails_after, resets
from world import World, world_of

from lead_endpoint import desk, submission
from ops.delivery import Deliverer
from snapshots import delivery, delivery_rules
from snapshots.database import Database
from snapshots.delivery_rules import Verdict
from snapshots.group_commit import GroupCommit
from snapshots.intake import Receipt, StoreUnavailable

Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.once


# --- accepting -------------------------------------------------------------------------------------------------------


def test_acknowledging_before_the_commit(world: World, monkeypatch: Patch) -> None:
    whole = GroupCommit.commit_async

    async def at_once(self: GroupCommit, lead: Any) -> Receipt:
        task = asyncio.ensure_future(whole(self, lead))
        task.add_done_callback(lambda done: done.exception())
        return Receipt(lead_id=lead.lead_id, is_new=True, is_same=True, state="pending", email=lead.email)

    monkeypatch.setattr(GroupCommit, "commit_async", at_once)
    with caught():
        scenarios.commit_fails(world)


def test_swallowing_an_outage_into_202(world: World, monkeypatch: Patch) -> None:
    async def handle(self: desk.Desk, request: Any) -> Any:
        try:
            reading = self.reception.read(request)
            judged = self.reception.judge(reading, await self._form(reading))  # type: ignore[arg-type]
            return await self._wanted(judged)  # type: ignore[arg-type]
        except StoreUnavailable:
            return desk.Answer(202, b'{"status": "accepted", "lead_id": "01a221c4-96ec-7000-880b-c5909588e92d"}')

    monkeypatch.setattr(desk.Desk, "_handle", handle)
    with caught():
        scenarios.commit_fails(world)


def test_dropping_the_unique_key(world: World) -> None:
    from importlib import import_module

    accept: str = import_module("snapshots.migrations.versions.0002_received_leads").ACCEPT_LEADS
    whole = accept.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    clause = "ON CONFLICT (organization_id, form_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"
    assert clause in whole
    index = "uq_received_leads_idempotency_key"
    with psycopg.connect(world.database.url, autocommit=True) as owner:
        owner.execute(f"DROP INDEX {index}")
        owner.execute(whole.replace(clause, ""))
        try:
            with caught():
                scenarios.replays(world, times=8)
        finally:
            owner.execute("TRUNCATE received_leads")
            owner.execute(
                f"CREATE UNIQUE INDEX {index} ON received_leads (organization_id, form_id, idempotency_key) "
                "WHERE idempotency_key IS NOT NULL"
            )
            owner.execute(whole)


def test_taking_another_body_for_the_same_key(world: World, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.intake:_earlier", (" == lead.request_hash", " is not None"))
    with caught():
        scenarios.replays(world, times=2)


def test_leaving_nul_and_half_characters_in(world: World, monkeypatch: Patch) -> None:
    monkeypatch.setattr(submission, "_clean", lambda text, flags: text)
    with caught():
        scenarios.bad_text(world)


def test_delivering_what_was_set_aside(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch,
        "lead_endpoint.reception:Reception.judge",
        ("replace(lead, due_in_s=None, reason=doubt.reason", "replace(lead, due_in_s=0.0, reason=doubt.reason"),
    )
    with caught():
        scenarios.spam_waits(world)


# --- claiming --------------------------------------------------------------------------------------------------------


def test_ignoring_the_lease(world: World, monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        delivery, "_DUE", delivery._DUE.replace("(l.lease_until IS NULL OR l.lease_until <= {now})", "true")
    )
    with caught():
        scenarios.heartbeats_keep_a_lease(world)


def test_not_skipping_locked_rows(world: World, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.delivery:_LEADS", ("FOR UPDATE OF l SKIP LOCKED", "FOR UPDATE OF l"))
    with caught():
        scenarios.a_stuck_claimer_blocks_nobody(world)


def test_not_locking_rows_at_all(world: World, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.delivery:_LEADS", ("FOR UPDATE OF l SKIP LOCKED", ""))
    with caught():
        scenarios.a_stuck_claimer_blocks_nobody(world)


def test_keeping_no_order_per_contact(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch, "snapshots.delivery:_LEADS", ("(e.lead_id < l.lead_id OR e.lease_until > {now})", "false")
    )
    with caught():
        scenarios.order_is_kept(world)


def test_sending_two_leads_of_a_contact_at_once(world: World, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.delivery:_LEADS", ("OR e.lease_until > {now}", ""))
    with caught():
        scenarios.replay_beside_a_later_lead(world)


# --- delivering ------------------------------------------------------------------------------------------------------


def test_marking_before_sending(world: World, monkeypatch: Patch) -> None:
    def deliver(self: Deliverer, claim: Any) -> Verdict:
        done = Verdict(state="delivered", outcome="created", external_id="C1", works=True)
        self.outbox.settle(claim, done)
        return self._attempt(claim)

    monkeypatch.setattr(Deliverer, "deliver", deliver)
    with caught():
        scenarios.ambiguous(world, lambda: resets(0, applies=False))


def test_no_fencing_in_the_mark(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch,
        "snapshots.delivery:Outbox._settle_lead",
        (
            "WHERE organization_id = :o AND lead_id = :lead AND fence = :fence AND state",
            "WHERE lead_id = :lead AND state",
        ),
    )
    with caught():
        scenarios.zombie_marks_nothing(world)


def test_writing_to_the_crm_after_the_lease(world: World, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Deliverer, "_is_held", lambda *_: True)
    with caught():
        scenarios.zombie_writes_nothing(world)


def test_forgetting_that_an_attempt_was_interrupted(database: Database, organization: int, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch,
        "snapshots.delivery:_claim_of",
        ('was_interrupted=row["was_interrupted"]', "was_interrupted=False"),
        ('unsure_since=row["unsure_since"]', "unsure_since=None"),
    )
    never_sure = capable(lag_s=None)
    with world_of(database, organization, never_sure, crm=HostileCrm(lag_s=1e9)) as world, caught():
        scenarios.crash_after_the_crm_applied(world)


def test_sending_an_ambiguous_lead_again(database: Database, organization: int, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.delivery_rules:_maybe_created", ("if lag_s is None:", "if False:"),
                   ("at_least_s=max(lag_s,", "at_least_s=max(lag_s or 0.0,"))  # fmt: skip
    never_sure = capable(lag_s=None)
    with world_of(database, organization, never_sure, crm=HostileCrm(lag_s=1e9)) as world, caught():
        scenarios.beyond_certainty(world, lambda: fails_after(500))


def test_not_waiting_for_a_search_that_lags(database: Database, organization: int, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch, "snapshots.delivery_rules:_maybe_created", ("at_least_s=max(lag_s,", "at_least_s=max(0.0,")
    )
    source_patched(monkeypatch, "snapshots.delivery_rules:before_sending", ("if left_s > 0", "if False"))
    with world_of(database, organization, capable(lag_s=90.0)) as world, caught():
        scenarios.ambiguous(world, lambda: fails_after(500))


def test_forgetting_who_the_contact_was(database: Database, organization: int, monkeypatch: Patch) -> None:
    source_patched(monkeypatch, "snapshots.delivery:_claim_of", ('external_id=row["known_id"]', "external_id=None"))
    source_patched(monkeypatch, "snapshots.delivery_rules:before_sending", ("if left_s > 0", "if False"))
    with world_of(database, organization, capable(lag_s=90.0)) as world, caught():
        scenarios.two_leads_within_the_lag(world)


def test_burning_attempts_on_throttling(world: World, monkeypatch: Patch) -> None:
    told = delivery_rules._told_to_wait
    monkeypatch.setattr(delivery_rules, "_told_to_wait", lambda *given: replace(told(*given), counts=True))
    with caught():
        scenarios.throttled(world, {"retry_after": "40"}, 40)


def test_ending_a_pause_by_what_began_before_it(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch,
        "snapshots.delivery:Outbox._note_account",
        ("AND (:probe OR paused_until IS NULL OR paused_until <= {self.clock})", ""),
    )
    with caught():
        scenarios.throttling_pauses_the_account(world)


def test_blaming_a_lead_for_its_account(world: World, monkeypatch: Patch) -> None:
    refused = delivery_rules._refused_us
    monkeypatch.setattr(
        delivery_rules, "_refused_us", lambda *given: replace(refused(*given), counts=True, pause_s=None)
    )
    with caught():
        scenarios.token_revoked(world)


def test_trying_a_rejected_lead_for_ever(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch,
        "snapshots.delivery_rules:failed",
        ("return parked(Parked.REJECTED, str(error), works=True)", "return _again(str(error), tried, chance)"),
    )
    with caught():
        scenarios.poison(world)


def test_trying_without_end(world: World, monkeypatch: Patch) -> None:
    source_patched(
        monkeypatch, "snapshots.delivery_rules:before_sending", ("if tried.attempts > len(RETRY_AFTER):", "if False:")
    )
    with caught():
        scenarios.crashes_are_counted(world)


def test_giving_an_outcome_up_while_the_database_is_away(world: World, monkeypatch: Patch) -> None:
    def settle(self: Deliverer, claim: Any, verdict: Verdict) -> bool:
        try:
            return self.outbox.settle(claim, verdict)
        except psycopg.OperationalError:
            return False

    monkeypatch.setattr(Deliverer, "_settle", settle)
    with caught():
        scenarios.settle_when_the_database_comes_back(world)


def test_nothing_is_noticed_where_nothing_is_broken(world: World) -> None:
    """The notice above comes from the breakages, not from the scenarios."""
    harmless: list[Callable[[World], None]] = [scenarios.commit_fails, scenarios.spam_waits]
    for scenario in harmless:
        scenario(world)
        with psycopg.connect(world.database.url, autocommit=True) as owner:
            owner.execute("TRUNCATE received_leads, delivery_attempts")
        world.heard.clear()
        world.crm.ledger.clear()
