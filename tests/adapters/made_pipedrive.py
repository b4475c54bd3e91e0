"""A sandbox account of Pipedrive for the tests, and the adapter on it, in the sandbox's time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import httpx

from adapters.base import Budget, Lock, MemoryBudget
from adapters.http import Limits
from adapters.pipedrive import Pipedrive, PipedriveAccess
from adapters.pipedrive.limits import GENERAL_BURST, GENERAL_RATE, SEARCH_BURST, SEARCH_RATE
from adapters.records import ActivityKind
from adapters.sandbox import Clock, SandboxTransport, Size, World, seeded
from adapters.sandbox.pipedrive import ALL_RIGHTS, PipedriveServer, Plan

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TOKEN = "0123456789abcdef-not-a-secret-of-anyone"
SMALL = Size(owners=5, companies=12, contacts=20, deals=24, activities=60, leads=12, days=60)
FREE = Plan(burst=10**6, searches=10**6, daily=10**9)


def made_world(seed: int = 4, size: Size = SMALL) -> World:
    return seeded(seed, NOW, size, merges_to_new_id=False)


def made_server(world: World, *, plan: Plan | None = None, rights: Iterable[str] = ALL_RIGHTS) -> PipedriveServer:
    return PipedriveServer(world, token=TOKEN, plan=plan, rights=rights)


def budget_of(clock: Clock, rate: float, burst: float) -> MemoryBudget:
    return MemoryBudget(rate, burst, clock=clock.monotonic, sleep=clock.advance)


def made_adapter(
    server: PipedriveServer,
    *,
    page_size: int = 60,
    limits: Limits | None = None,
    budgets: tuple[Budget, Budget] | None = None,
    lock: Lock | None = None,
    transport: httpx.BaseTransport | None = None,
    base_url: str = "https://api.pipedrive.com",
    source_field: str | None = None,
    activity_types: Mapping[str, ActivityKind] | None = None,
) -> Pipedrive:
    clock = server.world.clock
    general, searches = budgets or (
        budget_of(clock, GENERAL_RATE, GENERAL_BURST), budget_of(clock, SEARCH_RATE, SEARCH_BURST),
    )  # fmt: skip
    return Pipedrive(
        PipedriveAccess(
            token=TOKEN, lead_id_field="slms_lead_id", source_field=source_field, base_url=base_url,
            activity_types=activity_types or {}, allow_private_hosts=base_url.startswith("http://"),
        ),
        budget=general, search_budget=searches, now=clock.now, clock=clock.monotonic, limits=limits, lock=lock,
        transport=transport or SandboxTransport(server), page_size=page_size,
    )  # fmt: skip
