"""Which leads are claimed, by whom, in which turn; and what is written of an attempt and of its account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import made_forms
import made_leads
import pytest
from sqlalchemy import text

from adapters.base import FieldPolicy, UpsertResult
from adapters.errors import ConfigError
from snapshots import delivery_rules
from snapshots.database import Database
from snapshots.delivery import LEASE, Outbox
from snapshots.delivery_rules import Tried, Verdict
from snapshots.forms import list_forms, send_to
from snapshots.organizations import connect_crm

AT = made_leads.AT
SOON = timedelta(seconds=1)


def outbox(database: Database, at: Any = AT) -> Outbox:
    return made_leads.outbox(database, at)


def claimed(box: Outbox, most: int = 8) -> list[UUID]:
    return [claim.lead_id for claim in box.claim_due(most)]


def account(database: Database) -> dict[str, Any] | None:
    with database.as_worker() as connection:
        row = connection.execute(text("SELECT * FROM delivery_accounts")).mappings().one_or_none()
        return dict(row) if row else None


def attempts(database: Database) -> list[dict[str, Any]]:
    with database.as_worker() as connection:
        return [
            dict(row) for row in connection.execute(text("SELECT * FROM delivery_attempts ORDER BY fence")).mappings()
        ]


def works() -> Verdict:
    return delivery_rules.delivered(UpsertResult(external_id="C1", outcome="created"))


def refused_us(failures: int = 0) -> Verdict:
    tried = Tried(attempts=0, failures=failures, age=timedelta())
    return delivery_rules.failed(
        ConfigError("token", setting="X"), tried, delivery_rules.Capabilities(kinds=frozenset()), chance=0
    )


def test_only_what_is_due_is_claimed_and_the_longest_due_first(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    later = made_leads.put(database, organization, email="b@example.com", due_in=timedelta(seconds=-5))
    first = made_leads.put(database, organization, email="a@example.com", due_in=timedelta(seconds=-9))
    made_leads.put(database, organization, email="c@example.com", due_in=SOON)
    for state in ("delivered", "parked", "quarantined"):
        made_leads.put(database, organization, email=f"{state}@example.com", state=state)
    assert claimed(outbox(database), most=1) == [first]
    assert claimed(outbox(database)) == [later]
    assert claimed(outbox(database)) == []


def test_organizations_take_turns(database: Database, organization: int, other_organization: int) -> None:
    for one in (organization, other_organization):
        made_leads.connect(database, one)
    busy = [made_leads.put(database, organization, email=f"{n}@example.com") for n in range(20)]
    quiet = [made_leads.put(database, other_organization, email=f"{n}@example.com", at=AT) for n in range(2)]
    found = claimed(outbox(database), most=4)
    assert set(quiet) <= set(found)
    assert len(set(found) & set(busy)) == 2


def test_a_claim_is_a_lease_with_a_growing_token_and_an_attempt(database: Database, organization: int) -> None:
    connection_id = made_leads.connect(database, organization)
    lead = made_leads.put(database, organization)
    [claim] = outbox(database).claim_due(1)
    assert (claim.lead_id, claim.fence, claim.connection_id) == (lead, 1, connection_id)
    assert not claim.tried.was_interrupted
    late = outbox(database, AT + LEASE + SOON)
    [again] = late.claim_due(1)
    assert (again.fence, again.tried.was_interrupted, again.tried.attempts) == (2, True, 1)
    assert again.tried.unsure_since == SOON
    assert [(row["fence"], row["worker"], row["finished_at"]) for row in attempts(database)] == [
        (1, "worker one", None), (2, "worker one", None),
    ]  # fmt: skip


def test_a_lease_may_have_another_length(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    made_leads.put(database, organization)
    box = Outbox(database=database, providers=("demo",), worker="x", lease=SOON, clock=made_leads.sql(AT))
    assert box.claim_due(1)
    assert outbox(database, AT + 2 * SOON).claim_due(1)


def test_one_lead_is_claimed_though_it_is_not_due_but_not_out_of_turn(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    first = made_leads.put(database, organization, due_in=timedelta(hours=1))
    second = made_leads.put(database, organization, due_in=timedelta(hours=1))
    box = outbox(database)
    assert box.claim_one(organization, second) is None, "an earlier lead of the contact waits"
    claim = box.claim_one(organization, first)
    assert claim is not None
    assert box.claim_one(organization, first) is None, "somebody has it"
    box.settle(claim, works())
    assert box.claim_one(organization, second) is not None


def test_an_outsider_claims_nothing_by_its_id(database: Database, organization: int, other_organization: int) -> None:
    lead = made_leads.put(database, organization)
    assert outbox(database).claim_one(other_organization, lead) is None


def test_where_no_crm_takes_leads_a_claim_says_so(database: Database, organization: int) -> None:
    connect_crm(database, organization, provider="csv", name="Export", settings={})
    made_leads.put(database, organization)
    [claim] = outbox(database).claim_due(1)
    assert claim.connection_id is None


def test_a_form_chooses_its_connection_and_what_goes_to_the_crm(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    other = connect_crm(database, organization, provider="demo", name="Other", settings={"born": "2023-06-29"})
    form = list_forms(database, organization)[0]
    send_to(database, organization, form.form_id, other.connection_id)
    made_forms.publish(database, organization, made_forms.definition(*made_forms.mapped("budget", policy="append")))
    made_leads.put(database, organization, extra={"budget": "12", "owner_id": "7"})
    [claim] = outbox(database).claim_due(1)
    assert claim.connection_id == other.connection_id
    assert claim.contact.fields == {"crm_budget": "12"}
    assert claim.contact.policies["crm_budget"] is FieldPolicy.APPEND
    assert claim.contact.policies["email"] is FieldPolicy.IF_EMPTY
    assert claim.contact.key == str(claim.lead_id)


def test_the_crms_id_of_a_contact_that_was_delivered_before_is_known(database: Database, organization: int) -> None:
    connection_id = made_leads.connect(database, organization)
    made_leads.put(database, organization, state="delivered", connection_id=connection_id)
    made_leads.put(database, organization, email="Ada@Example.com")
    made_leads.put(database, organization, email="other@example.com")
    ids = {claim.contact.email: claim.contact.external_id for claim in outbox(database).claim_due(5)}
    assert ids == {"Ada@Example.com": "C1", "other@example.com": None}


def test_settling_twice_is_settling_once(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    made_leads.put(database, organization)
    box = outbox(database)
    [claim] = box.claim_due(1)
    assert box.settle(claim, works())
    assert outbox(database, AT + SOON).settle(claim, works())
    [attempt] = attempts(database)
    assert (attempt["outcome"], attempt["detail"], attempt["finished_at"]) == ("created", None, AT)


def test_a_heartbeat_extends_what_is_still_held(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    for name in "ab":
        made_leads.put(database, organization, email=f"{name}@example.com")
    one, other = outbox(database).claim_due(2)
    outbox(database).settle(one, works())
    assert outbox(database, AT + LEASE / 2).extend([one, other]) == [other]
    assert claimed(outbox(database, AT + LEASE + SOON)) == []
    assert outbox(database).extend([]) == []


def test_a_heartbeat_does_not_revive_an_earlier_claim_of_the_same_lead(database: Database, organization: int) -> None:
    """Of a process that stood still past its lease and then claimed the lead again: only one of both may write."""
    made_leads.connect(database, organization)
    made_leads.put(database, organization)
    [stale] = outbox(database).claim_due(1)
    [fresh] = outbox(database, AT + LEASE + SOON).claim_due(1)
    assert stale.lead_id == fresh.lead_id
    assert outbox(database, AT + LEASE + SOON).extend([stale, fresh]) == [fresh]


def test_while_its_account_pauses_a_lead_that_goes_nowhere_is_claimed_all_the_same(
    database: Database, organization: int
) -> None:
    """A person is told of it now, and not after the pause of an account that it does not need."""
    working = made_leads.connect(database, organization)
    made_leads.pause(database, organization, working, until=AT + LEASE)
    made_leads.put(database, organization)
    assert outbox(database).claim_due(1) == []
    [form] = list_forms(database, organization)
    send_to(database, organization, form.form_id, working + 1_000)
    [claim] = outbox(database).claim_due(1)
    assert claim.connection_id is None


def test_a_paused_account_is_probed_by_one_lead_and_opened_by_its_success(
    database: Database, organization: int
) -> None:
    made_leads.connect(database, organization)
    for n in range(5):
        made_leads.put(database, organization, email=f"{n}@example.com")
    [claim] = outbox(database).claim_due(1)
    outbox(database).settle(claim, refused_us())
    assert claimed(outbox(database)) == []
    late = outbox(database, AT + timedelta(seconds=61))
    [probe] = late.claim_due(5)
    assert probe.is_probe
    assert claimed(late) == [], "the others wait for what the probe finds out"
    late.settle(probe, works())
    assert account(database) is None
    assert len(claimed(late)) == 4


def test_a_probe_that_fails_makes_the_next_pause_longer(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    for n in range(3):
        made_leads.put(database, organization, email=f"{n}@example.com")
    claims = outbox(database).claim_due(2)
    for claim in claims:  # both were under way: that is one failure of the account
        outbox(database).settle(claim, refused_us())
    found = account(database)
    assert found is not None
    assert found["failures"] == 1
    late = AT + timedelta(seconds=61)
    [probe] = outbox(database, late).claim_due(5)
    assert probe.tried.failures == 1
    outbox(database, late).settle(probe, refused_us(probe.tried.failures))
    found = account(database)
    assert found is not None
    assert (found["failures"], found["paused_until"] - late) == (2, timedelta(seconds=120))


def test_a_probe_that_says_nothing_of_the_account_lets_another_one_try(database: Database, organization: int) -> None:
    made_leads.connect(database, organization)
    for n in range(2):
        made_leads.put(database, organization, email=f"{n}@example.com")
    [claim] = outbox(database).claim_due(1)
    outbox(database).settle(claim, refused_us())
    late = outbox(database, AT + timedelta(seconds=61))
    [probe] = late.claim_due(5)
    late.settle(probe, Verdict(state="pending", outcome="wait", wait_s=500.0, counts=False))
    assert len(claimed(late)) == 1


@pytest.mark.parametrize("at", [AT, AT + timedelta(days=400), AT - timedelta(days=400)])
def test_whatever_the_time_is_a_lead_is_claimed_once(database: Database, organization: int, at: Any) -> None:
    made_leads.connect(database, organization)
    made_leads.put(database, organization, due_in=timedelta(days=-500))
    assert len(claimed(outbox(database, at))) == 1
    assert claimed(outbox(database, at)) == []
