"""Whose lead is scored before it is given away is delivered by a worker, while its sender waits; where no worker takes
it, it is delivered all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import made_arrivals
import made_leads
import pytest
from made_arrivals import Scores
from sqlalchemy import text

from ops.delivery import Deliverer, deliver_one
from ops.handing_over import PATIENCE_S, HandingOver
from snapshots.arrivals import InUse
from snapshots.database import Database
from snapshots.routing import Router, assignment_of
from snapshots.routing_rules import Condition, Rule, save_rule

WAIT_S = 2.0


@dataclass
class Services:
    """No CRM is connected: what is delivered is parked."""

    database: Database

    def deliverer(self, name: str, scores: Scores | None = None) -> Deliverer:
        outbox = made_leads.outbox(self.database)
        return Deliverer(cast("Any", self), outbox, router=Router(database=self.database, scores=scores))


@dataclass
class Sender:
    """Posts a lead and waits. meanwhile: what happens while it does, at each look."""

    database: Database
    organization: int
    meanwhile: Callable[[UUID], object] = lambda _: None
    now: float = 0.0
    lead: UUID = field(init=False)

    def wait(self) -> float:
        """How long it took."""
        self.lead = made_leads.put(self.database, self.organization)
        services = Services(self.database)
        in_use = InUse(self.database, lambda: self.now)
        HandingOver(services.deliverer("endpoint"), in_use, WAIT_S, lambda: self.now, self._pause).deliver(
            self.organization, self.lead
        )
        return self.now

    def _pause(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile(self.lead)

    @property
    def state(self) -> str:
        with self.database.as_app(self.organization) as connection:
            return str(connection.execute(text("SELECT state FROM received_leads")).scalar_one())


@pytest.fixture(autouse=True)
def rules(database: Database, organization: int) -> None:
    with database.as_app(organization) as connection:
        owner = connection.execute(
            text("INSERT INTO owners (organization_id, name) VALUES (:o, 'Ann') RETURNING owner_id"),
            {"o": organization},
        ).scalar_one()
    by_score = (Condition(what="score", values=("60",), test="at_least"),)
    for rule in (
        Rule(name="Good", conditions=by_score, owner_id=owner),
        Rule(name="Rest", is_default=True, owner_id=owner),
    ):
        save_rule(database, organization, rule, by="ann@example.com")


def given(database: Database, organization: int, lead: UUID) -> str:
    found = assignment_of(database, organization, lead)
    assert found is not None
    return found.because


def test_where_no_model_is_in_use_the_endpoint_delivers_at_once(database: Database, organization: int) -> None:
    sender = Sender(database, organization)
    assert sender.wait() == 0
    assert sender.state == "parked"


def test_where_leads_are_scored_a_worker_delivers_while_the_sender_waits(database: Database, organization: int) -> None:
    made_arrivals.version(database, organization)

    def worker(lead: UUID) -> None:
        deliver_one(Services(database).deliverer("worker", Scores({lead: 0.7})), organization, lead)

    sender = Sender(database, organization, worker)
    assert sender.wait() < PATIENCE_S
    assert sender.state == "parked"
    assert "It scored 82" in given(database, organization, sender.lead)


def test_where_no_worker_takes_it_the_endpoint_delivers_it_without_a_score(
    database: Database, organization: int
) -> None:
    made_arrivals.version(database, organization)
    sender = Sender(database, organization)
    assert sender.wait() == pytest.approx(PATIENCE_S, abs=0.1)
    assert sender.state == "parked"
    assert "no score yet" in given(database, organization, sender.lead)


def test_a_worker_that_takes_long_keeps_the_lead_and_the_sender_is_answered(
    database: Database, organization: int
) -> None:
    made_arrivals.version(database, organization)
    sender = Sender(
        database, organization, lambda lead: made_leads.outbox(database).claim_one(organization, lead) and None
    )
    assert sender.wait() == pytest.approx(WAIT_S, abs=0.1)
    assert sender.state == "pending"
