"""`slms fake-crm`: serves the sandbox's world as a CRM of choice, on loopback, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.sandbox import DialectServer, Size, World, seeded
from adapters.sandbox.asgi import serve
from ops.serving import free_port

ADDRESS = "127.0.0.1"
TOKEN = "pat-sandbox"  # noqa: S105  # opens a made-up account


class UnknownVendorError(Exception):
    """There is no such dialect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCrm:
    """without: scopes that the token lacks. lag_s: how long a search stays behind."""

    vendor: str
    port: int = 8090
    deals: int = 400
    activities: int = 2_000
    without: tuple[str, ...] = ()
    lag_s: float = 5.0
    seed: int = 7


def make(wanted: FakeCrm, *, now: Callable[[], datetime]) -> tuple[DialectServer, dict[str, str]]:
    """The account, and the settings with which SLMS finds it, but for its address. Raises UnknownVendorError."""
    if wanted.vendor not in _DIALECTS:
        raise UnknownVendorError(f"There is no {wanted.vendor!r} to imitate. Use one of: {', '.join(_DIALECTS)}.")
    return _DIALECTS[wanted.vendor][0](wanted, now)


def _hubspot(wanted: FakeCrm, now: Callable[[], datetime]) -> tuple[DialectServer, dict[str, str]]:
    from adapters.sandbox.hubspot import ALL_SCOPES, HubSpotServer

    server = HubSpotServer(
        _world(wanted, now, leads=wanted.deals // 2), token=TOKEN, scopes=ALL_SCOPES - set(wanted.without)
    )
    return server, {"CRM_PROVIDER": "hubspot", "HUBSPOT_API_KEY": TOKEN, "HUBSPOT_LEAD_ID_PROPERTY": "slms_lead_id"}


def _nutshell(wanted: FakeCrm, now: Callable[[], datetime]) -> tuple[DialectServer, dict[str, str]]:
    from adapters.sandbox.nutshell import NutshellServer

    fields = {"LEAD_ID": "slms_lead_id", "SOURCE": "lead_source", "COMPANY": "lead_company"}
    world = _world(wanted, now, merges_to_new_id=False)
    server = NutshellServer(world, hidden=wanted.without, custom=fields.values())
    return server, {
        "CRM_PROVIDER": "nutshell", "NUTSHELL_EMAIL": server.email, "NUTSHELL_API_KEY": server.api_key,
        **{f"NUTSHELL_{name}_FIELD": field for name, field in fields.items()},
    }  # fmt: skip


def _pipedrive(wanted: FakeCrm, now: Callable[[], datetime]) -> tuple[DialectServer, dict[str, str]]:
    from adapters.sandbox.pipedrive import ALL_RIGHTS, PipedriveServer

    world = _world(wanted, now, merges_to_new_id=False, leads=wanted.deals // 5)
    server = PipedriveServer(world, rights=ALL_RIGHTS - set(wanted.without))
    return server, {
        "CRM_PROVIDER": "pipedrive", "PIPEDRIVE_API_TOKEN": server.token, "PIPEDRIVE_LEAD_ID_FIELD": "slms_lead_id",
        "PIPEDRIVE_SOURCE_FIELD": "lead_source",
    }  # fmt: skip


def _salesforce(wanted: FakeCrm, now: Callable[[], datetime]) -> tuple[DialectServer, dict[str, str]]:
    from adapters.sandbox.salesforce import Org, SalesforceServer

    server = SalesforceServer(
        _world(wanted, now, merges_to_new_id=False, leads=wanted.deals // 2), Org(hidden=frozenset(wanted.without))
    )
    return server, {
        "CRM_PROVIDER": "salesforce", "SALESFORCE_CLIENT_ID": server.org.client_id,
        "SALESFORCE_CLIENT_SECRET": server.org.client_secret, "SALESFORCE_LEAD_ID_FIELD": "SLMS_Lead_Id__c",
        "SALESFORCE_SOURCE_FIELD": "LeadSource",
    }  # fmt: skip


def _world(wanted: FakeCrm, now: Callable[[], datetime], *, merges_to_new_id: bool = True, leads: int = 0) -> World:
    size = Size(
        owners=12, companies=max(wanted.deals // 3, 1), contacts=max(wanted.deals // 2, 1), deals=wanted.deals,
        activities=wanted.activities, leads=leads, days=400,
    )  # fmt: skip
    world = seeded(wanted.seed, now(), size, follows=now, merges_to_new_id=merges_to_new_id)
    world.lag_s = wanted.lag_s
    return world


_DIALECTS = {
    "hubspot": (_hubspot, "HUBSPOT_BASE_URL"), "nutshell": (_nutshell, "NUTSHELL_BASE_URL"),
    "pipedrive": (_pipedrive, "PIPEDRIVE_BASE_URL"), "salesforce": (_salesforce, "SALESFORCE_LOGIN_URL"),
}  # fmt: skip
"""What makes an account, and the setting that says where it is."""


def run(wanted: FakeCrm, *, now: Callable[[], datetime], say: Callable[[str], None]) -> None:
    """Serve it until a signal ends it. say: takes the lines of the announcement."""
    server, settings = make(wanted, now=now)
    port = free_port(wanted.port, ADDRESS)
    address = f"http://{ADDRESS}:{port}"
    say(f"A made-up {wanted.vendor} account answers at {address}. Settings for SLMS, in .env or the environment:\n")
    lines = {**settings, _DIALECTS[wanted.vendor][1]: address, "ALLOW_PRIVATE_HOSTS": "true"}
    say("".join(f"{name}={value}\n" for name, value in lines.items()))
    serve(server, ADDRESS, port)
