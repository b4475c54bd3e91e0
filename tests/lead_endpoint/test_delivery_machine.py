"""Leads accepted, sent again, delivered, crashed over, put right and replayed in any order, under a clock that jumps
and a CRM that lies; after each step the ledger holds, and in the end everything has come to rest."""

from __future__ import annotations

import itertools
import os
from typing import Any
from uuid import UUID

import pytest
import scenarios
from examples import examples
from hostile_adapter import capable
from hostile_crm import (
    HostileCrm,
    fails_after,
    is_silent,
    refuses,
    resets,
    says_anything,
    serving,
    shows_a_page,
    truncates,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from world import World

from ops.delivery import Deliverer
from snapshots.database import Database
from snapshots.delivery import Claim
from snapshots.lead_actions import LeadEdit
from snapshots.organizations import create_organization

IS_FULL = os.environ.get("SLMS_TEST_FULL") == "1"
CRMS = (capable(upserts=True), capable(), capable(lag_s=150.0), capable(lag_s=None))
FAULTS = (
    lambda: refuses(429, retry_after="20"),
    lambda: refuses(429),
    lambda: refuses(500),
    lambda: refuses(401),
    lambda: resets(0, applies=False),
    lambda: shows_a_page(applies=False),
    lambda: is_silent(applies=True),
    lambda: resets(40),
    lambda: shows_a_page(applies=True),
    lambda: fails_after(500),
    lambda: says_anything({}),
    truncates,
)
_names = itertools.count(1)


class DeliveryMachine(RuleBasedStateMachine):
    """One organization of its own per example."""

    database: Database
    accepted = Bundle("accepted")
    held = Bundle("held")

    @initialize(capabilities=st.sampled_from(CRMS))
    def begin(self, capabilities: Any) -> None:
        made = create_organization(self.database, f"Machine {next(_names)} {os.getpid()}")
        # A search that is never sure shows a contact after a while, or not at all.
        lag_s = 500.0 if capabilities.lookup_lag_s is None else capabilities.lookup_lag_s
        self.crm = HostileCrm(lag_s=lag_s)
        self.server = serving(self.crm)
        self.server.__enter__()
        self.world = World(self.database, made.organization_id, capabilities, self.crm, deadline_s=0.15)
        with self.database.as_app(made.organization_id) as connection:
            self.form_key = connection.execute(text("SELECT key FROM forms WHERE is_default")).scalar_one()

    def _post(self, body: dict[str, str], key: str) -> int:
        return self.world.post(body | {"form": self.form_key}, key=key).status

    @rule(target=accepted, who=st.integers(0, 3), is_bad=st.integers(0, 9))
    def accept(self, who: int, is_bad: int) -> tuple[str, dict[str, str]]:
        body = {"email": f"Contact{who}@example.com", "company": "poison" if is_bad == 0 else f"Company {is_bad}"}
        key = f"key-{len(self.world.heard)}"
        assert self._post(body, key) == 202
        return key, body

    @rule(sent=accepted)
    def send_again(self, sent: tuple[str, dict[str, str]]) -> None:
        assert self._post(sent[1], sent[0]) == 202

    @rule(sent=accepted)
    def send_something_else_with_the_key(self, sent: tuple[str, dict[str, str]]) -> None:
        assert self._post(sent[1] | {"email": "eve@example.com"}, sent[0]) == 422

    @rule()
    def work(self) -> None:
        self.world.step()

    @rule(seconds=st.sampled_from((1.0, 6.0, 31.0, 61.0, 200.0, 1000.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(fault=st.sampled_from(FAULTS), after=st.integers(0, 2))
    def the_crm_will_go_wrong(self, fault: Any, after: int) -> None:
        self.crm.faults.extend([None] * after + [fault()])

    @rule()
    def the_crm_is_well_again(self) -> None:
        self.crm.faults.clear()

    @rule()
    def a_worker_is_killed_after_claiming(self) -> None:
        self.world.claim(self.world.new_worker("killed"))

    @rule()
    def a_worker_is_killed_before_marking(self) -> None:
        worker = self.world.new_worker("killed")
        for claim in self.world.claim(worker)[:1]:
            with scenarios.killed():
                scenarios.dying(worker).deliver(claim)

    @rule(target=held)
    def a_worker_claims_and_stands_still(self) -> tuple[Deliverer, list[Claim]]:
        worker = self.world.new_worker("slow")
        return worker, self.world.claim(worker)

    @rule(work=consumes(held))
    def the_worker_goes_on(self, work: tuple[Deliverer, list[Claim]]) -> None:
        worker, claims = work
        self.world.retime(worker)
        for claim in claims:
            worker.deliver(claim)

    @rule(seconds=st.sampled_from((-3600.0, -50.0, 50.0, 3600.0)))
    def the_databases_clock_is_set(self, seconds: float) -> None:
        """Not on, where a search lags: the wait for it is measured by that clock, which would cut it short."""
        if seconds > 0 and self.world.capabilities.lookup_lag_s:
            return
        if abs(self.world.skew_s + seconds) <= 7200:
            self.world.skew_s += seconds
            self.world.retime(self.world.worker)

    @precondition(lambda self: any(row["state"] == "parked" for row in self.world.rows()))
    @rule(first=st.booleans(), is_edit=st.booleans())
    def a_person_sends_it_again(self, first: bool, is_edit: bool) -> None:
        rows = [row for row in self.world.rows() if row["state"] == "parked"]
        row = rows[0 if first else -1]
        if row["reason"] == "ambiguous":  # told to look in the CRM first; so he waits until it shows what it has
            self.world.advance(600.0)
        actions = scenarios.actions(self.world)
        if is_edit:
            edited = LeadEdit(email=row["email"], company="Mended")
            assert actions.edit(UUID(row["lead_id"]), edited, fence=row["fence"])
        else:
            assert actions.replay(UUID(row["lead_id"]), fence=row["fence"])
        self.world.replayed.add(row["lead_id"])

    @invariant()
    def the_ledger_holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.crm.faults.clear()
            self.world.skew_s = max(self.world.skew_s, 0.0)
            self.world.drain(most_days=10)
            self.world.check(is_drained=True)
        finally:
            self.world.close()
            self.server.__exit__(None, None, None)


@pytest.mark.timeout(3600)
def test_leads_come_to_rest_whatever_happens(database: Database) -> None:
    machine = type("Machine", (DeliveryMachine,), {"database": database})
    budget = settings(
        max_examples=examples(12, full=300),
        stateful_step_count=40 if IS_FULL else 25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=budget)
