"""Pipedrive's limits are used to the full and never overrun, in the sandbox's time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

import pytest
import stamina
from made_pipedrive import NOW, made_adapter, made_server, made_world

from adapters.base import ContactInput
from adapters.errors import ThrottledError
from adapters.http import Limits
from adapters.pipedrive.limits import RESERVE, Allowance, read_refusal
from adapters.records import Kind
from adapters.sandbox import Fault, Mishap
from adapters.sandbox.pipedrive import PipedriveServer, Plan

LEA = ContactInput(email="lea@new.example", first_name="Lea")


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def statuses(server: PipedriveServer) -> Counter[int]:
    return Counter(one.status for one in server.log)


@pytest.mark.parametrize("burst", [20, 40, 100, 120])
def test_reading_uses_at_least_95_percent_of_the_plan_and_is_never_refused(burst: int) -> None:
    server = made_server(made_world(), plan=Plan(burst=burst))
    adapter = made_adapter(server, page_size=1)
    assert adapter.list_owners()  # tells the plan
    server.log.clear()
    began = server.world.clock.monotonic()
    for _ in range(15):
        list(adapter.changes(Kind.CONTACT, None))
    passed = server.world.clock.monotonic() - began
    assert statuses(server).keys() == {200}
    assert len(server.log) / passed >= 0.95 * burst / 2


def test_searching_uses_at_least_95_percent_of_its_rate_and_is_never_refused() -> None:
    server = made_server(made_world(), plan=Plan(burst=120, daily=10**7))
    adapter = made_adapter(server)
    adapter.list_owners()
    began, first = server.world.clock.monotonic(), len(server.log)
    for number in range(60):
        adapter.upsert_contact(ContactInput(email=f"{number}@new.example"), dry_run=True)
    passed = server.world.clock.monotonic() - began
    searches = [one for one in server.log[first:] if one.path.endswith("/search")]
    assert statuses(server).keys() == {200}
    assert len(searches) / passed >= 0.95 * 5


def test_processes_that_share_a_budget_share_the_limit() -> None:
    server = made_server(made_world(), plan=Plan(burst=20))
    first = made_adapter(server, page_size=1)
    budget = first._writing._budget.budget, first._searching._budget.searches  # type: ignore[attr-defined]
    adapters = [made_adapter(server, page_size=1, budgets=budget) for _ in range(3)]
    passes = [iter(adapter.changes(Kind.CONTACT, None)) for adapter in adapters * 4]
    while passes:
        passes = [one for one in passes if next(one, None) is not None]
    assert statuses(server).keys() == {200}


def test_answers_tell_the_plan_and_searches_do_not() -> None:
    allowance = Allowance(lambda: NOW)
    allowance.see({"x-ratelimit-limit": "100"})
    allowance.see({"x-ratelimit-limit": "10"})
    allowance.see({"x-ratelimit-limit": "many", "x-daily-ratelimit-token-remaining": "5"})
    assert (allowance.most, allowance.daily) == (100, None)
    allowance.see({"x-daily-ratelimit-token-limit": "50", "x-daily-ratelimit-token-remaining": "5"})
    assert (allowance.daily, allowance.is_down_to_reserve()) == ((50, 5), True)


@pytest.mark.parametrize("after_s", [None, 7.0])
def test_a_refusal_for_coming_too_often_is_waited_out_by_all(after_s: float | None) -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    list(adapter.changes(Kind.CONTACT, None))
    server.faults.plan(Fault(mishap=Mishap.THROTTLED, route="/persons", retry_after_s=after_s))
    began = server.world.clock.monotonic()
    list(adapter.changes(Kind.CONTACT, None))
    assert server.world.clock.monotonic() - began >= (after_s or 2.0)
    assert statuses(server)[429] == 1


def test_a_sync_leaves_a_reserve_of_the_day_to_leads_and_goes_on_the_next_day() -> None:
    server = made_server(made_world(), plan=Plan(daily=2_000))
    adapter = made_adapter(server, page_size=1)
    pages = chain.from_iterable(adapter.changes(Kind.CONTACT, None) for _ in range(20))
    with pytest.raises(ThrottledError, match="kept for leads") as error:
        list(pages)
    assert error.value.wait_s
    assert 2_000 * (1 - RESERVE) <= server._used < 2_000
    assert adapter.upsert_contact(LEA).outcome == "created"
    assert 429 not in statuses(server)
    server.world.clock.advance(timedelta(days=1).total_seconds())
    assert list(adapter.changes(Kind.CONTACT, None))


def test_a_pass_that_the_day_s_tokens_end_goes_on_where_it_stood_and_pays_nothing_twice() -> None:
    """Three days of a small account, for its histories cost more than it has in one."""
    server = made_server(made_world(), plan=Plan(daily=600))
    adapter, cursor, changes = made_adapter(server, page_size=5), None, list[object]()
    for _ in range(9):
        try:
            for page in adapter.changes(Kind.DEAL, cursor):
                changes += page.changes
                cursor = page.cursor
            break
        except ThrottledError:
            server.world.clock.advance(timedelta(days=1).total_seconds())
    else:
        pytest.fail("it never ends")
    histories = Counter(one.path for one in server.log if one.path.endswith("/changelog") and one.status == 200)
    assert len({one.external_id for one in changes}) == len(changes)  # type: ignore[attr-defined]
    repeated = sum(times - 1 for times in histories.values())
    assert repeated <= 5 * 3  # at most the page that was under way, once a day


def test_a_day_that_is_used_up_is_not_asked_for_again_before_a_quarter_of_an_hour() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server, limits=Limits(patience_s=60))
    server.faults.plan(Fault(mishap=Mishap.OVER_QUOTA, route="/users"))
    with pytest.raises(ThrottledError) as error:
        adapter.list_owners()
    assert error.value.wait_s == 900
    asked = len(server.log)
    with pytest.raises(ThrottledError):
        adapter.upsert_contact(LEA)
    assert len(server.log) == asked


def test_the_network_s_own_refusal_stops_everybody_for_minutes() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=403, route="/users$"))
    with pytest.raises(ThrottledError) as error:
        adapter.list_owners()
    assert error.value.wait_s == 300
    asked = len(server.log)
    with pytest.raises(ThrottledError):
        list(adapter.changes(Kind.CONTACT, None))
    assert len(server.log) == asked


@pytest.mark.parametrize(
    ("status", "headers", "body", "treated_as", "wait_s"),
    [
        (429, {"x-ratelimit-reset": "1"}, b"{}", 429, 1.0),
        (429, {}, b"<html>", 429, 2.0),
        (429, {"x-daily-ratelimit-token-remaining": "0"}, b"{}", 429, 900.0),
        (429, {"x-ratelimit-reset": "40000"}, b"{}", 429, 900.0),
        (403, {}, b"<!DOCTYPE html>", 429, 300.0),
    ],
)
def test_pipedrive_s_own_refusals_are_understood(
    status: int, headers: dict[str, str], body: bytes, treated_as: int, wait_s: float
) -> None:
    found = read_refusal(status, headers, body)
    assert found is not None
    assert (found.status, found.wait_s) == (treated_as, wait_s)
    assert read_refusal(403, {}, b'{"error": "scope"}') is None


def test_a_small_account_is_read_in_seconds_and_for_few_tokens() -> None:
    server = made_server(made_world(), plan=Plan(burst=20))
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    cursors = {kind: list(adapter.changes(kind, None))[-1].cursor for kind in sorted(adapter.capabilities.kinds)}
    assert server.world.clock.monotonic() - began < 10
    histories = sum(one.path.endswith("/changelog") for one in server.log)
    assert server._used < 600 + 20 * histories
    spent, asked = server._used, len(server.log)
    for kind, cursor in cursors.items():
        list(adapter.changes(kind, cursor))
    assert server._used - spent < 300
    assert not [one for one in server.log[asked:] if one.path.endswith("/changelog")]
