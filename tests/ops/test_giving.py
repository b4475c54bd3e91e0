"""Leads are given to people and these are told, once, whatever their CRM does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import made_leads
import pytest
from sqlalchemy import text

from ops.delivery import Deliverer
from ops.giving import Giver
from snapshots import notifications, routing_rules, waiting_leads
from snapshots.database import Database
from snapshots.delivery_rules import ROUTE_AGAIN_S
from snapshots.lead_actions import LeadActions
from snapshots.routing import Router, assignment_of
from snapshots.routing_rules import Rule
from snapshots.slices import Role, Viewer
from snapshots.waiting_leads import HEAD_START

AT = made_leads.AT
LATER = AT + timedelta(minutes=1)
ANN = "ann@example.com"


@dataclass
class House:
    """An organization whose account is paused. Ann gets every lead."""

    database: Database
    organization: int
    owner: int
    connection: int
    now: list[float] = field(default_factory=lambda: [0.0])

    def lead(self, number: int = 1, **how: Any) -> UUID:
        return made_leads.put(self.database, self.organization, email=f"lead{number}@example.com", **how)

    def giver(self, **how: Any) -> Giver:
        router = Router(database=self.database, clock=made_leads.sql(how.pop("at", LATER)))
        return Giver(router, clock=lambda: self.now[0], **how)

    def owners(self, *leads: UUID) -> list[int | str | None]:
        found = [assignment_of(self.database, self.organization, one) for one in leads]
        return [one.owner_id if one else "not asked" for one in found]

    def told(self, lead: UUID) -> list[str]:
        return [one.to for one in notifications.notifications_of(self.database, self.organization, lead)]

    def pause(self) -> None:
        made_leads.pause(self.database, self.organization, self.connection, until=AT + timedelta(days=9))


def rule_for(database: Database, organization: int) -> int:
    with database.as_app(organization) as connection:
        owner = int(
            connection.execute(
                text("INSERT INTO owners (organization_id, name, email) VALUES (:o, 'Ann', :mail) RETURNING owner_id"),
                {"o": organization, "mail": ANN},
            ).scalar_one()
        )
    routing_rules.save_rule(
        database, organization, Rule(name="All", conditions=(), is_default=True, owner_id=owner), by=ANN
    )
    return owner


@pytest.fixture
def house(database: Database, organization: int) -> House:
    made = House(database, organization, rule_for(database, organization), made_leads.connect(database, organization))
    made.pause()
    return made


def test_while_the_account_is_paused_a_lead_is_given_and_told_once_and_keeps_its_owner_at_its_delivery(
    house: House,
) -> None:
    lead = house.lead()
    box = made_leads.outbox(house.database, LATER)
    assert box.claim_due(8) == []
    assert [house.giver().give_waiting() for _ in range(2)] == [1, 0]
    assert (house.owners(lead), house.told(lead)) == ([house.owner], [ANN])
    with house.database.as_app(house.organization) as connection:
        connection.execute(text("DELETE FROM delivery_accounts"))
        connection.execute(
            text(
                "INSERT INTO external_links (organization_id, connection_id, kind, external_id, entity_id) "
                "VALUES (:o, :c, 'owner', 'U7', :owner)"
            ),
            {"o": house.organization, "c": house.connection, "owner": house.owner},
        )
    [claim] = box.claim_due(8)
    router = Router(database=house.database, clock=made_leads.sql(LATER))
    assert router.route(house.organization, claim.lead_id, claim.connection_id) == "U7"
    assert made_leads.deliver(box, claim)
    assert (house.giver().give_waiting(), house.told(lead)) == (0, [ANN])


def test_without_any_crm_a_lead_is_given_and_told_once_and_waits_for_a_person(
    database: Database, organization: int
) -> None:
    owner = rule_for(database, organization)
    lead = made_leads.put(database, organization)
    router = Router(database=database, clock=made_leads.sql(LATER))
    [claim] = made_leads.outbox(database, LATER).claim_due(8)
    verdict = Deliverer(cast("Any", None), made_leads.outbox(database, LATER), router=router).deliver(claim)
    assert (verdict.state, verdict.outcome) == ("parked", "config")
    assert Giver(router).give_waiting() == 0
    found = assignment_of(database, organization, lead)
    assert found is not None
    assert found.owner_id == owner
    assert [one.to for one in notifications.notifications_of(database, organization, lead)] == [ANN]


def test_two_workers_at_once_give_each_lead_away_once(house: House) -> None:
    leads = [house.lead(number) for number in range(12)]
    with ThreadPoolExecutor(3) as pool:
        givers = [pool.submit(house.giver(at_once=4).give_waiting) for _ in range(9)]
        routers = [pool.submit(Router(database=house.database).route, house.organization, lead, None) for lead in leads]
        assert [one.exception() for one in (*givers, *routers)] == [None] * 21
    assert house.owners(*leads) == [house.owner] * 12
    with house.database.as_worker() as connection:
        assert connection.execute(text("SELECT served FROM routing_rules")).scalar_one() == 0  # one person: no turns
        assert connection.execute(text("SELECT count(*) FROM notifications")).scalar_one() == 12


def test_without_rules_two_who_look_at_a_lead_at_once_tell_of_it_once(database: Database, organization: int) -> None:
    """No rule is there to be locked: the lead's own row decides."""
    notifications.add_webhook(database, organization, name="Chat", url="https://x.example", sealed=b"x", by=ANN)
    leads = [made_leads.put(database, organization, email=f"lead{n}@example.com") for n in range(6)]
    router = Router(database=database)
    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(router.route, organization, lead, None) for lead in leads for _ in range(4)]
        assert {one.exception() for one in works} == {None}
    with database.as_worker() as connection:
        assert connection.execute(text("SELECT count(*) FROM notifications")).scalar_one() == 6


def test_what_is_quarantined_is_given_to_nobody_until_it_is_released(house: House) -> None:
    lead = house.lead(state="quarantined")
    assert (house.giver().give_waiting(), house.owners(lead)) == (0, ["not asked"])
    viewer = Viewer(organization_id=house.organization, role=Role.ADMIN)
    assert LeadActions(database=house.database, viewer=viewer, who=ANN, clock=made_leads.sql(AT)).replay(lead, fence=0)
    assert (house.giver().give_waiting(), house.owners(lead)) == (1, [house.owner])


def test_delivery_has_a_moment_and_its_leases_to_itself(house: House) -> None:
    house.lead()
    assert house.giver(at=AT + HEAD_START - timedelta(milliseconds=1)).give_waiting() == 0
    with house.database.as_worker() as connection:
        connection.execute(text("UPDATE received_leads SET lease_until = :at"), {"at": LATER + timedelta(seconds=1)})
    assert house.giver().give_waiting() == 0
    assert house.giver(at=LATER + timedelta(seconds=2)).give_waiting() == 1


def test_a_lead_of_which_nobody_is_to_be_told_is_looked_at_once_and_stays_open(
    database: Database, organization: int, house: House, other_organization: int
) -> None:
    """Of another organization, which has no rules: at its delivery it is asked again."""
    lead = made_leads.put(database, other_organization)
    assert [house.giver().give_waiting() for _ in range(2)] == [1, 0]
    assert assignment_of(database, other_organization, lead) is None
    owner = rule_for(database, other_organization)
    Router(database=database).route(other_organization, lead, None)
    found = assignment_of(database, other_organization, lead)
    assert found is not None
    assert found.owner_id == owner


def test_a_lead_that_cannot_be_given_away_holds_up_no_other_and_is_left_to_its_delivery_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, good = house.lead(1), house.lead(2)
    give = Router.give

    def fails(self: Router, organization_id: int, lead_id: UUID) -> bool:
        if lead_id == odd:
            raise ZeroDivisionError
        return give(self, organization_id, lead_id)

    monkeypatch.setattr(Router, "give", fails)
    giver, seen = house.giver(), []
    for _ in range(len(ROUTE_AGAIN_S) + 2):
        seen += [giver.give_waiting(), giver.give_waiting()]  # at once it rests
        house.now[0] += ROUTE_AGAIN_S[-1]
    assert seen == [2, 0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert (house.owners(odd, good), giver._trouble) == (["not asked", house.owner], {})


def test_a_batch_takes_organizations_by_turns_and_the_longest_due_first(house: House, other_organization: int) -> None:
    rule_for(house.database, other_organization)
    late = house.lead(1, due_in=timedelta(seconds=2))
    early = house.lead(2, due_in=timedelta(seconds=1))
    other = made_leads.put(house.database, other_organization, due_in=timedelta(seconds=3))
    found = waiting_leads.look(house.database, 2, clock=made_leads.sql(LATER))
    assert [one.lead_id for one in found.to_give] == [early, other]
    assert house.giver(at_once=2).give_waiting() == 2
    assert house.owners(late) == ["not asked"]


def test_nothing_to_do_costs_a_look_into_an_empty_index(house: House) -> None:
    for number in range(40):
        house.lead(number)
    assert house.giver().give_waiting() == 40
    with house.database.as_owner() as connection:
        connection.execute(text("ANALYZE received_leads"))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(
            text("EXPLAIN " + waiting_leads._WAITING.format(now="now()")),
            {"most": 100, "head_start": HEAD_START, "without": []},
        ).scalars()
        assert "ix_received_leads_unrouted" in "\n".join(plan)
