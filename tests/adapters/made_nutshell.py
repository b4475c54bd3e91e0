"""A sandbox account of Nutshell for the tests, and the adapter on it, in the sandbox's time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import httpx

from adapters.base import Budget, Lock, MemoryBudget
from adapters.http import Limits
from adapters.nutshell import Nutshell, NutshellAccess
from adapters.nutshell.contacts import FieldNames
from adapters.nutshell.limits import BURST, RATE
from adapters.records import ActivityKind
from adapters.sandbox import SandboxTransport, Size, World, seeded
from adapters.sandbox.nutshell import NutshellServer, Plan

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EMAIL, API_KEY = "owner0@sandbox.example", "not-a-secret-of-anyone-0123456789"
SMALL = Size(owners=5, companies=12, contacts=20, deals=24, activities=60, days=60)
FREE = Plan(per_minute=10**9)


def made_world(seed: int = 4, size: Size = SMALL) -> World:
    return seeded(seed, NOW, size, merges_to_new_id=False)


def made_server(world: World, *, plan: Plan | None = None, hidden: Iterable[str] = ()) -> NutshellServer:
    return NutshellServer(world, email=EMAIL, api_key=API_KEY, plan=plan, hidden=hidden)


def made_adapter(
    server: NutshellServer,
    *,
    page_size: int = 60,
    limits: Limits | None = None,
    budget: Budget | None = None,
    lock: Lock | None = None,
    transport: httpx.BaseTransport | None = None,
    base_url: str = "https://app.nutshell.com",
    fields: FieldNames | None = None,
    activity_types: dict[str, ActivityKind] | None = None,
) -> Nutshell:
    clock = server.world.clock
    return Nutshell(
        NutshellAccess(
            email=EMAIL, api_key=API_KEY, base_url=base_url, fields=fields or FieldNames(lead_id="SLMS lead"),
            activity_types=activity_types or {}, allow_private_hosts=base_url.startswith("http://"),
        ),
        budget=budget or MemoryBudget(RATE, BURST, clock=clock.monotonic, sleep=clock.advance),
        lock=lock, now=clock.now, clock=clock.monotonic, limits=limits,
        transport=transport or SandboxTransport(server), page_size=page_size,
    )  # fmt: skip
