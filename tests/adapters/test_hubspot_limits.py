"""HubSpot's limits are used to the full and never overrun, in the sandbox's time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

import pytest
import stamina
from made_hubspot import NOW, SMALL, made_adapter, made_server, made_world

from adapters.base import ContactInput
from adapters.errors import ThrottledError
from adapters.http import Limits
from adapters.hubspot.limits import RESERVE, Allowance, read_refusal
from adapters.records import ActivityKind, Kind
from adapters.sandbox import Fault, Mishap
from adapters.sandbox.hubspot import HubSpotServer, Plan

LEA = ContactInput(email="lea@new.example", first_name="Lea")


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def statuses(server: HubSpotServer) -> Counter[int]:
    return Counter(one.status for one in server.log)


@pytest.mark.parametrize(("burst", "allowed_per_s"), [(100, 10.0), (190, 19.0), (250, 25.0)])
def test_reading_uses_at_least_95_percent_of_the_plan_and_is_never_refused(burst: int, allowed_per_s: float) -> None:
    server = made_server(made_world(), plan=Plan(burst=burst))
    adapter = made_adapter(server, page_size=1)
    assert adapter.list_owners()  # tells the plan
    server.log.clear()
    began = server.world.clock.monotonic()
    for _ in range(12):
        list(adapter.changes(Kind.CONTACT, None))
        list(adapter.changes(Kind.COMPANY, None))
    passed = server.world.clock.monotonic() - began
    assert statuses(server).keys() == {200}
    assert len(server.log) / passed >= 0.95 * allowed_per_s


def test_searching_uses_at_least_95_percent_of_its_rate_and_is_never_refused() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    adapter.count_activity(kind=ActivityKind.CALL)
    server.log.clear()
    began = server.world.clock.monotonic()
    for _ in range(50):
        adapter.count_activity(kind=ActivityKind.CALL)
    passed = server.world.clock.monotonic() - began
    assert statuses(server) == {200: 100}
    assert len(server.log) / passed >= 0.95 * 5


def test_processes_that_share_a_budget_share_the_limit() -> None:
    server = made_server(made_world(), plan=Plan(burst=100))
    first = made_adapter(server, page_size=1)
    budget = first._writing._budget.budget, first._client._searching._budget.budget  # type: ignore[attr-defined]
    adapters = [made_adapter(server, page_size=1, budgets=budget) for _ in range(3)]
    passes = [iter(adapter.changes(Kind.CONTACT, None)) for adapter in adapters * 4]
    while passes:
        passes = [one for one in passes if next(one, None) is not None]
    assert statuses(server).keys() == {200}


def test_the_first_answer_tells_the_plan() -> None:
    allowance = Allowance(lambda: NOW)
    allowance.see({"x-hubspot-ratelimit-max": "190", "x-hubspot-ratelimit-interval-milliseconds": "10000"})
    assert allowance.per_s == 19.0
    allowance.see({"x-hubspot-ratelimit-max": "many", "content-type": "application/json"})
    assert allowance.per_s == 19.0


@pytest.mark.parametrize("after_s", [None, 3.0])
def test_a_refusal_for_coming_too_often_is_waited_out_by_all(after_s: float | None) -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    list(adapter.changes(Kind.CONTACT, None))
    server.faults.plan(Fault(mishap=Mishap.THROTTLED, route="/contacts", retry_after_s=after_s))
    began = server.world.clock.monotonic()
    list(adapter.changes(Kind.CONTACT, None))
    assert server.world.clock.monotonic() - began >= (after_s or 10.0)
    assert statuses(server)[429] == 1


def test_a_sync_leaves_a_reserve_of_the_day_to_leads_and_goes_on_the_next_day() -> None:
    server = made_server(made_world(), plan=Plan(daily=200))
    adapter = made_adapter(server, page_size=1)
    pages = chain.from_iterable(adapter.changes(Kind.CONTACT, None) for _ in range(20))
    with pytest.raises(ThrottledError, match="kept for leads") as error:
        list(pages)
    assert error.value.wait_s
    assert 200 * (1 - RESERVE) <= len(server.log) < 200
    assert adapter.upsert_contact(LEA).outcome == "created"
    assert 429 not in statuses(server)
    server.world.clock.advance(timedelta(days=1).total_seconds())
    assert list(adapter.changes(Kind.CONTACT, None))


def test_a_day_that_is_used_up_is_not_asked_for_again_before_a_quarter_of_an_hour() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server, limits=Limits(patience_s=60))
    server.faults.plan(Fault(mishap=Mishap.OVER_QUOTA, route="/owners"))
    with pytest.raises(ThrottledError) as error:
        adapter.list_owners()
    assert error.value.wait_s == 900
    asked = len(server.log)
    with pytest.raises(ThrottledError):
        adapter.upsert_contact(LEA)
    assert len(server.log) == asked


@pytest.mark.parametrize(
    ("status", "body", "treated_as", "wait_s"),
    [
        (429, b'{"policyName": "SECONDLY"}', 429, 1.0),
        (429, b"<html>", 429, None),
        (423, b"", 503, 2.0),
        (477, b"", 503, None),
        (530, b"error code: 1016", 401, None),
    ],
)
def test_hubspot_s_own_statuses_are_understood(status: int, body: bytes, treated_as: int, wait_s: float | None) -> None:
    found = read_refusal(status, {}, body)
    assert found is not None
    assert (found.status, found.wait_s) == (treated_as, wait_s)
    assert read_refusal(404, {}, b"") is None


def test_a_small_account_is_read_in_seconds() -> None:
    server = made_server(made_world(size=SMALL))
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    for kind in sorted(adapter.capabilities.kinds):
        list(adapter.changes(kind, None))
    assert server.world.clock.monotonic() - began < 10
