"""The endpoint's internal routes on the sample organization, asked in this process as an integration asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.base import CrmAdapter
from lead_endpoint import create_app
from lead_endpoint.front import Front
from ops.services import Services
from snapshots.api_keys import SCOPES, create_api_key
from snapshots.organizations import CrmConnection

LONG, SHORT = "/integrations/demo/salespeople", "/integrations/demo"
SALES_ROUTES = (
    f"{LONG}/stats",
    *(f"{prefix}/{name}" for prefix in (LONG, SHORT) for name in ("owners", "health", "raw", "debug/deals")),
)
GUARDED = (*SALES_ROUTES, "/metrics", "/reports/weekly", "/analytics/salespeople/insights")
SCOPE_OF = {path: "metrics" if path == "/metrics" else "debug" if "debug" in path else "read" for path in GUARDED}


@dataclass(frozen=True, slots=True)
class Api:
    """client: of the whole application. key: sent with every request; None: none is."""

    client: FlaskClient
    key: str | None = None

    def get(self, path: str, query: Mapping[str, object] | None = None, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        return self.client.get(path, query_string=dict(query or {}), headers=sent)

    def post(self, path: str, body: object, **headers: str) -> TestResponse:
        """body: bytes as they are, else sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self.client.post(path, headers=sent, **content)  # type: ignore[arg-type]

    def ask(self, path: str, **query: object) -> Any:
        """The JSON of an answer that must be 200."""
        found = self.get(path, query)
        assert found.status_code == 200, found.text
        return found.json


def api(services: Services, organization_id: int | None = None, *, scopes: tuple[str, ...] = SCOPES) -> Api:
    """With a key of the organization, where one is named."""
    return Api(create_app(services).test_client(), new_key(services, organization_id, *scopes))


def new_key(services: Services, organization_id: int | None, *scopes: str) -> str | None:
    if organization_id is None:
        return None
    return create_api_key(services.database, organization_id, name="test", scopes=scopes or SCOPES, expires_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCrm(Services):
    """Services whose CRM behaves otherwise. change: gets the adapter that there would be; may raise."""

    change: Callable[[CrmAdapter], CrmAdapter]

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        return self.change(Services.adapter(self, connection))


def with_crm(services: Services, change: Callable[[CrmAdapter], CrmAdapter]) -> OtherCrm:
    return OtherCrm(**{one.name: getattr(services, one.name) for one in fields(services)}, change=change)


def failing(error: Exception) -> Callable[[CrmAdapter], CrmAdapter]:
    def change(_: CrmAdapter) -> CrmAdapter:
        raise error

    return change


@dataclass(frozen=True, slots=True)
class Given:
    """An answer. headers: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send_lead(
    front: Front,
    body: bytes | None,
    headers: Mapping[str, str] | None = None,
    *,
    query: str = "",
    peer: str = "127.0.0.1",
) -> Given:
    """What the asynchronous front answers to a POST of a lead. body: None: it never comes."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/public/leads",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), text.encode("latin-1")) for name, text in (headers or {}).items()],
        "client": (peer, 1),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(front(scope, receive, send))
    return Given(
        sent[0]["status"],
        {name.decode().lower(): text.decode("latin-1") for name, text in sent[0]["headers"]},
        b"".join(message["body"] for message in sent[1:]),
    )
