"""A sandbox org of Salesforce for the tests, and the adapter on it, in the sandbox's time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from adapters.base import MemoryBudget, MemoryLock
from adapters.http import Limits
from adapters.salesforce import Ports, Salesforce, SalesforceAccess
from adapters.salesforce.limits import BURST, RATE
from adapters.sandbox import SandboxTransport, Size, World, seeded
from adapters.sandbox.salesforce import Org, SalesforceServer

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "a-client-secret-of-nobody"
SMALL = Size(owners=5, companies=12, contacts=20, deals=24, activities=60, leads=12, days=60)
ACCESS = SalesforceAccess(
    client_id="client", client_secret=SECRET, login_url="https://acme.my.salesforce.com",
    lead_id_field="SLMS_Lead_Id__c", assumed_currency="EUR",
)  # fmt: skip
LOCK = MemoryLock()


def made_world(seed: int = 4, size: Size = SMALL) -> World:
    return seeded(seed, NOW, size, merges_to_new_id=False)


def made_server(world: World, **org: Any) -> SalesforceServer:
    return SalesforceServer(world, Org(client_id="client", client_secret=SECRET, **org))


def made_ports(
    server: SalesforceServer, *, transport: httpx.BaseTransport | None = None, limits: Limits | None = None, **more: Any
) -> Ports:
    clock = server.world.clock
    given: dict[str, Any] = {
        "budget": MemoryBudget(RATE, BURST, clock=clock.monotonic, sleep=clock.advance), "lock": LOCK, **more,
    }  # fmt: skip
    return Ports(
        now=clock.now, clock=clock.monotonic, pause=clock.advance, limits=limits,
        transport=transport or SandboxTransport(server), **given,
    )  # fmt: skip


def made_adapter(
    server: SalesforceServer,
    *,
    page_size: int = 60,
    bulk_from: int = 100_000,
    transport: httpx.BaseTransport | None = None,
    limits: Limits | None = None,
    access: SalesforceAccess = ACCESS,
    ports: Ports | None = None,
    **changed: Any,
) -> Salesforce:
    """changed: fields of the access."""
    own = replace(access, **changed) if changed else access
    ports = ports or made_ports(server, transport=transport, limits=limits)
    return Salesforce(own, ports, page_size=page_size, bulk_from=bulk_from)
