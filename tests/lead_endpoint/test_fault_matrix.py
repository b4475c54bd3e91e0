"""The CRM, workers and clocks go wrong in every way of the fault matrix, and the ledger stays right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import scenarios
from hostile_adapter import capable
from hostile_crm import AMBIGUOUS, Fault, HostileCrm, drips, is_silent, shows_a_page
from world import World, world_of

from adapters.base import Capabilities
from snapshots.database import Database

CRMS: dict[str, Capabilities] = {
    "keeps addresses unique": capable(upserts=True),
    "is looked up first": capable(),
    "has a search that lags": capable(lag_s=90.0),
    "has a search that is never sure": capable(lag_s=None),
}
SURE = [name for name, one in CRMS.items() if one.upsert_is_idempotent or one.lookup_lag_s is not None]


@pytest.fixture
def on(database: Database, organization: int, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world with the CRM that the test names."""
    with world_of(database, organization, CRMS[request.param]) as made:
        yield made


@pytest.mark.parametrize(
    ("header", "least_s"),
    [({"retry_after": "40"}, 40), ({"retry_after": "-3"}, 1), ({"retry_after": "86400"}, 899), ({}, 10),
     ({"retry_after": "soon"}, 10), ({"retry_after": "0"}, 1)],
)  # fmt: skip
def test_a_wait_that_the_crm_asks_for_is_kept_and_burns_no_attempt(
    world: World, header: dict[str, str], least_s: float
) -> None:
    scenarios.throttled(world, header, least_s)


def test_a_wait_may_be_a_date(world: World) -> None:
    from email.utils import formatdate

    scenarios.throttled(world, {"retry_after": formatdate(time.time() + 35, usegmt=True)}, 1, most_s=36)


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.throttling_pauses_the_account,
        scenarios.down_for_half_an_hour,
        scenarios.token_revoked,
        scenarios.poison,
        scenarios.several_match,
        scenarios.archived_contact,
        scenarios.two_workers,
        scenarios.a_stuck_claimer_blocks_nobody,
        scenarios.zombie_writes_nothing,
        scenarios.heartbeats_keep_a_lease,
        scenarios.crashes_are_counted,
        scenarios.clocks_jump,
        scenarios.order_is_kept,
        scenarios.replay_beside_a_later_lead,
        scenarios.settle_when_the_database_comes_back,
        scenarios.replays,
        scenarios.double_click,
        scenarios.commit_fails,
        scenarios.bad_text,
        scenarios.spam_waits,
    ],
    ids=lambda scenario: scenario.__name__,
)
def test_nothing_is_lost_or_doubled_when(world: World, scenario: Callable[[World], None]) -> None:
    scenario(world)


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.crash_after_claim,
        scenarios.crash_after_the_crm_applied,
        scenarios.crash_before_the_crm_applied,
        scenarios.zombie_marks_nothing,
        scenarios.two_leads_within_the_lag,
    ],
    ids=lambda scenario: scenario.__name__,
)
@pytest.mark.parametrize("on", CRMS, indirect=True)
def test_whatever_the_crm_can_do_nothing_is_lost_or_doubled_when(on: World, scenario: Callable[[World], None]) -> None:
    scenario(on)


@pytest.mark.once
@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda make: make().name)
@pytest.mark.parametrize("on", SURE, indirect=True)
def test_a_lost_answer_is_never_a_second_contact(on: World, fault: Callable[[], Fault]) -> None:
    scenarios.ambiguous(on, fault)


@pytest.mark.once
@pytest.mark.parametrize("fault", AMBIGUOUS, ids=lambda make: make().name)
def test_where_a_search_is_never_sure_a_person_decides(
    database: Database, organization: int, fault: Callable[[], Fault]
) -> None:
    with world_of(database, organization, capable(lag_s=None), crm=HostileCrm(lag_s=1e9)) as world:
        scenarios.beyond_certainty(world, fault)


@pytest.mark.parametrize("on", ["is looked up first"], indirect=True)
def test_a_unique_address_that_exists_already_is_updated(on: World) -> None:
    on.crm.has_unique_emails = True
    on.crm.lag_s = 1000.0  # the search does not show it, so the create meets it
    scenarios.two_leads_within_the_lag(on)


@pytest.mark.parametrize("matches_phone", [True, False])
@pytest.mark.parametrize("upserts", [True, False])
def test_a_lead_without_an_address_is_never_created_twice(
    database: Database, organization: int, *, upserts: bool, matches_phone: bool
) -> None:
    with world_of(database, organization, capable(upserts=upserts, matches_phone=matches_phone)) as world:
        scenarios.phone_only(world)


@pytest.mark.parametrize("fault", [drips, is_silent], ids=lambda make: make().name)
def test_an_attempt_ends_at_its_total_deadline(world: World, fault: Callable[[], Fault]) -> None:
    world.accept(scenarios.ADA)
    world.crm.faults.append(fault())
    began = time.monotonic()
    world.step()
    assert time.monotonic() - began < 3 * world.deadline_s
    world.finish()


def test_a_login_page_is_no_delivery(world: World) -> None:
    lead = world.accept(scenarios.ADA)
    world.crm.faults.append(shows_a_page())
    [verdict] = world.step()
    assert verdict.state == "pending"
    assert world.row(lead)["state"] == "pending"
    world.finish()
