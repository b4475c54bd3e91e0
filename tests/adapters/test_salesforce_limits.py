"""Salesforce's quota is used to the full but for the leads' part, never overrun, and its refusals are understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, count

import pytest
import stamina
from made_salesforce import NOW, made_adapter, made_ports, made_server, made_world

from adapters.base import ContactInput
from adapters.errors import ThrottledError
from adapters.http import Limits
from adapters.records import Kind
from adapters.salesforce.limits import RATE, RESERVE, Allowance, read_refusal
from adapters.sandbox import Fault, Mishap
from adapters.sandbox.salesforce import SalesforceServer

LEA = ContactInput(email="lea@new.example", first_name="Lea")
REFUSED = 403


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def statuses(server: SalesforceServer) -> Counter[int]:
    return Counter(one.status for one in server.log)


def used(server: SalesforceServer) -> int:
    return server.org.daily - server._calls.left


def test_reading_uses_at_least_95_percent_of_the_quota_and_is_never_refused() -> None:
    server = made_server(made_world(), daily=400)
    adapter = made_adapter(server, page_size=1)
    with pytest.raises(ThrottledError, match="kept for leads") as error:
        list(chain.from_iterable(adapter.changes(Kind.CONTACT, None) for _ in count()))
    assert error.value.wait_s
    assert used(server) >= 0.95 * 400
    assert statuses(server).keys() == {200}
    assert used(server) <= 400 * (1 - RESERVE) + 1


def test_what_is_left_delivers_leads_and_reading_goes_on_as_calls_become_free() -> None:
    server = made_server(made_world(), daily=200)
    adapter = made_adapter(server, page_size=1)
    with pytest.raises(ThrottledError):
        list(chain.from_iterable(adapter.changes(Kind.CONTACT, None) for _ in count()))
    assert adapter.upsert_contact(LEA).outcome == "created"
    server.world.clock.advance(timedelta(hours=25).total_seconds())
    assert list(adapter.changes(Kind.CONTACT, None))
    assert REFUSED not in statuses(server)


def test_a_lead_needs_no_call_that_reading_may_not_make_any_more() -> None:
    """Also of a process that begins when the org is down to the reserve."""
    server = made_server(made_world(), daily=200)
    first = made_adapter(server, page_size=1)
    with pytest.raises(ThrottledError):
        list(chain.from_iterable(first.changes(Kind.CONTACT, None) for _ in count()))
    server._calls.most += 20  # its look at the org costs as many calls as it has objects
    second = made_adapter(server)
    assert second.capabilities.can_upsert
    assert second.upsert_contact(LEA).outcome == "created"
    with pytest.raises(ThrottledError):
        second.changes(Kind.CONTACT, None)


def test_what_a_lead_needs_to_know_of_the_org_may_use_the_reserve() -> None:
    server = made_server(made_world(), daily=200)
    adapter = made_adapter(server, page_size=1)
    assert adapter.capabilities
    server.world.clock.advance(6 * 60)
    with pytest.raises(ThrottledError):
        list(chain.from_iterable(adapter.changes(Kind.CONTACT, None) for _ in count()))
    server._calls.most += 20
    server.world.clock.advance(5 * 60)
    assert adapter.capabilities.can_upsert


def test_the_pace_is_kept_by_all_processes_together() -> None:
    server = made_server(made_world())
    ports = made_ports(server)
    adapters = [made_adapter(server, page_size=1, ports=ports) for _ in range(3)]
    began = server.world.clock.monotonic()
    passes = [iter(adapter.changes(Kind.CONTACT, None)) for adapter in adapters * 3]
    while passes:
        passes = [one for one in passes if next(one, None) is not None]
    pace = len(server.log) / (server.world.clock.monotonic() - began)
    assert 0.95 * RATE <= pace <= 1.1 * RATE
    assert statuses(server).keys() == {200}


def test_a_used_up_quota_is_not_asked_for_again_before_a_quarter_of_an_hour() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server, limits=Limits(patience_s=60))
    server.faults.plan(Fault(mishap=Mishap.OVER_QUOTA, route="/query"))
    with pytest.raises(ThrottledError) as error:
        adapter.list_owners()
    assert error.value.wait_s == 900
    asked = len(server.log)
    with pytest.raises(ThrottledError):
        adapter.upsert_contact(LEA)
    assert len(server.log) == asked


def test_too_many_calls_at_once_are_waited_out() -> None:
    server = made_server(made_world())
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    server.faults.plan(Fault(mishap=Mishap.THROTTLED, route="queryAll"))
    assert list(adapter.changes(Kind.CONTACT, None))
    assert server.world.clock.monotonic() - began >= 5


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("api-usage=18/100000", (18, 100_000)),
        ("api-usage=18/100000; per-app-api-usage=17/250(appName=SLMS)", (18, 100_000)),
        ("per-app-api-usage=17/250(appName=SLMS),api-usage=25/5000", (25, 5_000)),
        ("something else", None),
        ("", None),
    ],
)
def test_the_quota_is_read_from_whatever_stands_around_it(header: str, told: tuple[int, int] | None) -> None:
    allowance = Allowance(lambda: NOW)
    allowance.see({"sforce-limit-info": header})
    assert allowance.told == told


@pytest.mark.parametrize(
    ("status", "body", "treated_as", "wait_s"),
    [
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]', 429, 900.0),
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentRequests Limit exceeded."}]', 429, 5.0),
        (403, b'[{"errorCode":"API_DISABLED_FOR_ORG","message":"no"}]', 402, None),
        (400, b'[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"busy"}]', 425, 1.0),
        (400, b'[{"errorCode":"QUERY_TIMEOUT","message":"slow"}]', 503, None),
        (400, b'[{"errorCode":"INVALID_FIELD","message":"No such column"}]', 403, None),
        (420, b"", 503, None),
    ],
)
def test_salesforce_s_own_refusals_are_understood(
    status: int, body: bytes, treated_as: int, wait_s: float | None
) -> None:
    found = read_refusal(status, {}, body)
    assert found is not None
    assert (found.status, found.wait_s) == (treated_as, wait_s)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"[1]", b'[{"errorCode":"INSUFFICIENT_ACCESS"}]'])
def test_any_other_body_leaves_the_status_as_it_is(body: bytes) -> None:
    assert read_refusal(403, {}, body) is None


def test_a_small_org_is_read_in_seconds() -> None:
    server = made_server(made_world())
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    for kind in sorted(adapter.capabilities.kinds):
        list(adapter.changes(kind, None))
    assert server.world.clock.monotonic() - began < 10
