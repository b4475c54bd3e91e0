"""A sandbox account of HubSpot for the tests, and the adapter on it, in the sandbox's time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import httpx

from adapters.base import Budget, MemoryBudget
from adapters.http import Limits
from adapters.hubspot import HubSpot, HubSpotAccess
from adapters.hubspot.limits import GENERAL_BURST, GENERAL_RATE, SEARCH_BURST, SEARCH_RATE
from adapters.sandbox import Clock, SandboxTransport, Size, World, seeded
from adapters.sandbox.hubspot import ALL_SCOPES, HubSpotServer, Plan

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TOKEN = "pat-eu1-not-a-secret-of-anyone"
FREE = Plan(burst=10**6, daily=10**9, searches=10**6)
"""For tests whose adapters do not share a budget: what is refused would be waited for in real seconds."""
SMALL = Size(owners=5, companies=12, contacts=20, deals=24, activities=60, leads=10, days=60)


def made_world(seed: int = 4, size: Size = SMALL) -> World:
    return seeded(seed, NOW, size)


def made_server(world: World, *, plan: Plan | None = None, scopes: Iterable[str] = ALL_SCOPES) -> HubSpotServer:
    return HubSpotServer(world, token=TOKEN, plan=plan, scopes=scopes)


def budget_of(clock: Clock, rate: float, burst: float) -> MemoryBudget:
    return MemoryBudget(rate, burst, clock=clock.monotonic, sleep=clock.advance)


def made_adapter(
    server: HubSpotServer,
    *,
    page_size: int = 60,
    version: str = "v3",
    limits: Limits | None = None,
    budgets: tuple[Budget, Budget] | None = None,
    transport: httpx.BaseTransport | None = None,
    base_url: str = "https://api.hubapi.com",
    source_property: str | None = None,
) -> HubSpot:
    clock = server.world.clock
    general, searches = budgets or (
        budget_of(clock, GENERAL_RATE, GENERAL_BURST), budget_of(clock, SEARCH_RATE, SEARCH_BURST),
    )  # fmt: skip
    return HubSpot(
        HubSpotAccess(
            token=TOKEN, version=version, lead_id_property="slms_lead_id", source_property=source_property,
            base_url=base_url, allow_private_hosts=base_url.startswith("http://"),
        ),
        budget=general, search_budget=searches, now=clock.now, clock=clock.monotonic, limits=limits,
        transport=transport or SandboxTransport(server), page_size=page_size,
    )  # fmt: skip
