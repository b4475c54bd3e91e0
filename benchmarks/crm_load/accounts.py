"""The made-up account in each CRM's dialect, without limits of rate, and our adapter on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.base import CrmAdapter, MemoryBudget
from adapters.hubspot import HubSpot, HubSpotAccess
from adapters.nutshell import Nutshell, NutshellAccess
from adapters.pipedrive import Pipedrive, PipedriveAccess
from adapters.salesforce import Ports, Salesforce, SalesforceAccess
from adapters.sandbox import DialectServer, World, hubspot, nutshell, pipedrive, salesforce

TOKEN = "pat-volume"  # opens a made-up account
BOUNDLESS = 10**9


@dataclass(frozen=True, slots=True)
class Dialect:
    """serve: the account. read: the adapter on it, at an address."""

    serve: Callable[[World], DialectServer]
    read: Callable[[str], CrmAdapter]


def _now() -> datetime:
    return datetime.now(UTC)


def _budget() -> MemoryBudget:
    return MemoryBudget(float(BOUNDLESS), float(BOUNDLESS))


def _hubspot(world: World) -> DialectServer:
    plan = hubspot.Plan(burst=BOUNDLESS, daily=BOUNDLESS, searches=BOUNDLESS)
    return hubspot.HubSpotServer(world, token=TOKEN, plan=plan)


def _on_hubspot(address: str) -> CrmAdapter:
    access = HubSpotAccess(token=TOKEN, base_url=address, allow_private_hosts=True)
    return HubSpot(access, budget=_budget(), search_budget=_budget(), now=_now)


def _pipedrive(world: World) -> DialectServer:
    plan = pipedrive.Plan(burst=BOUNDLESS, daily=BOUNDLESS, searches=BOUNDLESS)
    return pipedrive.PipedriveServer(world, token=TOKEN, plan=plan)


def _on_pipedrive(address: str) -> CrmAdapter:
    access = PipedriveAccess(token=TOKEN, base_url=address, allow_private_hosts=True)
    return Pipedrive(access, budget=_budget(), search_budget=_budget(), now=_now)


def _nutshell(world: World) -> DialectServer:
    return nutshell.NutshellServer(world, api_key=TOKEN, plan=nutshell.Plan(per_minute=BOUNDLESS))


def _on_nutshell(address: str) -> CrmAdapter:
    access = NutshellAccess(
        email="owner0@sandbox.example", api_key=TOKEN, base_url=address, allow_private_hosts=True
    )  # fmt: skip
    return Nutshell(access, budget=_budget(), now=_now)


def _salesforce(world: World) -> DialectServer:
    server = salesforce.SalesforceServer(world, salesforce.Org(client_secret=TOKEN, daily=BOUNDLESS))
    server.jobs.takes_s = 0.0  # the world's clock stands still
    return server


def _on_salesforce(address: str) -> CrmAdapter:
    access = SalesforceAccess(
        client_id="sandbox-client", client_secret=TOKEN, login_url=address, assumed_currency="EUR",
        allow_private_hosts=True,
    )  # fmt: skip
    return Salesforce(access, Ports(budget=_budget(), now=_now), bulk_from=10_000)


DIALECTS: Mapping[str, Dialect] = {
    "hubspot": Dialect(_hubspot, _on_hubspot),
    "pipedrive": Dialect(_pipedrive, _on_pipedrive),
    "nutshell": Dialect(_nutshell, _on_nutshell),
    "salesforce": Dialect(_salesforce, _on_salesforce),
}
