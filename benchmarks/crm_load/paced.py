"""A load with the account's limits on, in the account's own time: no waiting, and every refusal counts."""

from __future__ import annotations

from adapters.base import MemoryBudget
from adapters.hubspot import HubSpot, HubSpotAccess, limits
from adapters.records import Kind
from adapters.sandbox import Clock, SandboxTransport
from adapters.sandbox.hubspot import HubSpotServer, Plan
from benchmarks.crm_load.accounts import TOKEN
from benchmarks.crm_load.volume import made_volume

DEALS, ACTIVITIES, PLAN = 20_000, 60_000, Plan()
THROTTLED = 429


def share_of_allowed_rate() -> tuple[float, int, int]:
    """(requests sent relative to those that the plan allows in that time, how many were refused, how many were sent).

    The plan's burst is spent in the first seconds; what counts is the rate after the first answer told the plan."""
    server = HubSpotServer(made_volume(DEALS, ACTIVITIES), token=TOKEN, plan=PLAN)
    clock = server.world.clock
    adapter = HubSpot(
        HubSpotAccess(token=TOKEN),
        budget=_budget(clock, limits.GENERAL_RATE, limits.GENERAL_BURST),
        search_budget=_budget(clock, limits.SEARCH_RATE, limits.SEARCH_BURST),
        now=clock.now, clock=clock.monotonic, transport=SandboxTransport(server),
    )  # fmt: skip
    adapter.list_owners()
    server.log.clear()
    began = clock.monotonic()
    for kind in (Kind.COMPANY, Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY):
        for _ in adapter.changes(kind, None):
            pass
    allowed = (clock.monotonic() - began) * PLAN.burst / 10
    refused = sum(one.status == THROTTLED for one in server.log)
    return len(server.log) / allowed, refused, len(server.log)


def _budget(clock: Clock, rate: float, burst: float) -> MemoryBudget:
    return MemoryBudget(rate, burst, clock=clock.monotonic, sleep=clock.advance)
