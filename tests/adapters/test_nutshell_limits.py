"""The limit that we set ourselves is used to the full and never overrun, in the sandbox's time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import stamina
from made_nutshell import SMALL, made_adapter, made_server, made_world

from adapters.base import ContactInput, MemoryBudget
from adapters.errors import ThrottledError
from adapters.http import Limits
from adapters.nutshell.limits import ALLOWED_PER_MINUTE, BURST, RATE, UNSAID_WAIT_S
from adapters.records import Kind
from adapters.sandbox import Fault, Mishap
from adapters.sandbox.nutshell import NutshellServer

LEA = ContactInput(email="lea@new.example", first_name="Lea")


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def statuses(server: NutshellServer) -> Counter[int]:
    return Counter(one.status for one in server.log)


def test_at_least_95_percent_of_the_rate_are_used_and_nothing_is_refused() -> None:
    server = made_server(made_world())
    adapter, began = made_adapter(server, page_size=1), server.world.clock.monotonic()
    for kind in (Kind.CONTACT, Kind.COMPANY, Kind.DEAL) * 6:
        list(adapter.changes(kind, None))
    passed = server.world.clock.monotonic() - began
    assert statuses(server).keys() == {200}
    assert len(server.log) > 3 * ALLOWED_PER_MINUTE
    assert len(server.log) / passed >= 0.95 * ALLOWED_PER_MINUTE / 60


def test_processes_that_share_a_budget_share_the_limit() -> None:
    server = made_server(made_world())
    clock = server.world.clock
    budget = MemoryBudget(RATE, BURST, clock=clock.monotonic, sleep=clock.advance)
    adapters = [made_adapter(server, page_size=3, budget=budget) for _ in range(3)]
    passes = [iter(adapter.changes(kind, None)) for adapter in adapters for kind in (Kind.CONTACT, Kind.COMPANY) * 2]
    while passes:
        passes = [one for one in passes if next(one, None) is not None]
    assert statuses(server).keys() == {200}
    assert len(server.log) > ALLOWED_PER_MINUTE


def test_a_lead_of_a_quiet_account_is_delivered_within_three_seconds_by_a_process_that_just_began() -> None:
    server = made_server(made_world())
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    assert adapter.capabilities.can_upsert  # which delivery asks first, and costs a look at the rights
    assert adapter.upsert_contact(LEA).outcome == "created"
    assert server.world.clock.monotonic() - began < 3.5


def test_a_lead_waits_for_one_request_of_a_sync_at_most() -> None:
    server = made_server(made_world())
    clock = server.world.clock
    budget = MemoryBudget(RATE, BURST, clock=clock.monotonic, sleep=clock.advance)
    reading, writing = (made_adapter(server, page_size=1, budget=budget) for _ in range(2))
    pages = iter(reading.changes(Kind.CONTACT, None))
    next(pages)
    began = clock.monotonic()
    assert writing.upsert_contact(LEA).outcome == "created"
    assert clock.monotonic() - began <= 3 / RATE  # the look and the create, and one place in the line


@pytest.mark.parametrize("after_s", [None, 3.0])
def test_a_refusal_for_coming_too_often_is_waited_out_by_all(after_s: float | None) -> None:
    server = made_server(made_world())
    adapter = made_adapter(server)
    list(adapter.changes(Kind.CONTACT, None))
    server.faults.plan(Fault(mishap=Mishap.THROTTLED, route="/contacts", retry_after_s=after_s))
    began = server.world.clock.monotonic()
    list(adapter.changes(Kind.CONTACT, None))
    assert server.world.clock.monotonic() - began >= (after_s or UNSAID_WAIT_S)
    assert statuses(server)[429] == 1


def test_a_refusal_that_lasts_ends_the_run_with_the_cursor_that_it_had() -> None:
    server = made_server(made_world())
    adapter = made_adapter(server, page_size=5, limits=Limits(patience_s=30))
    pages = iter(adapter.changes(Kind.CONTACT, None))
    first = next(pages)
    server.faults.plan(Fault(mishap=Mishap.OVER_QUOTA, route="/contacts", times=99))
    with pytest.raises(ThrottledError):
        list(pages)
    server.faults.planned.clear()
    server.world.clock.advance(900)
    assert list(adapter.changes(Kind.CONTACT, first.cursor))[-1].done


def test_a_small_account_is_read_in_a_minute() -> None:
    server = made_server(made_world(size=SMALL))
    adapter, began = made_adapter(server), server.world.clock.monotonic()
    for kind in sorted(adapter.capabilities.kinds):
        list(adapter.changes(kind, None))
    assert server.world.clock.monotonic() - began < 60
