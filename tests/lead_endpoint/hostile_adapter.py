"""The adapter of the hostile CRM: a short file of facts over `adapters.http`, as the real ones are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast
from urllib.parse import quote

from hostile_crm import TOKEN

from adapters.base import Capabilities, ContactInput, CrmAdapter, MemoryBudget, UpsertResult
from adapters.errors import ConflictError, RetriableError, SkippableError, UnsureError
from adapters.http import Account, Answer, Call, HttpClient, Limits
from adapters.records import Kind

DEADLINE_S = 0.4
HANDLED = frozenset({400, 404, 409, 422})


def capable(*, upserts: bool = False, lag_s: float | None = 0.0, matches_phone: bool = True) -> Capabilities:
    """upserts: the CRM keeps addresses unique; else it is looked up first, in a search that lags by `lag_s`."""
    return Capabilities(
        kinds=frozenset({Kind.CONTACT}),
        can_upsert=True,
        upsert_is_idempotent=upserts,
        lookup_lag_s=lag_s,
        matches_phone=matches_phone,
    )


@dataclass
class HostileAdapter:
    """Only what delivering leads needs of a `CrmAdapter`."""

    http: HttpClient
    capabilities: Capabilities
    provider: str = "hostile"

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        assert not dry_run
        if self.capabilities.upsert_is_idempotent and contact.email and not contact.external_id:
            return self._put(contact)
        found = self._known(contact) or self._found(contact)
        return self._update(contact, *found) if found else self._create(contact)

    def _known(self, contact: ContactInput) -> tuple[str, Mapping[str, object]] | None:
        if contact.external_id is None:
            return None
        answer = self._send(contact, "GET", f"contacts/{contact.external_id}")
        return None if answer.status == 404 else (contact.external_id, cast("Any", answer.json)["properties"])

    def _found(self, contact: ContactInput) -> tuple[str, Mapping[str, object]] | None:
        if contact.email:
            query = {"email": contact.email}
        elif contact.phone and self.capabilities.matches_phone:
            query = {"phone": contact.phone}
        else:
            return None
        answer = self._send(contact, "GET", "contacts", params=query).json
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise RetriableError("The CRM answers a search with something else.")
        if len(answer["results"]) > 1:
            raise ConflictError("Several contacts match: merge them in the CRM, then replay.")
        return next(((one["id"], one["properties"]) for one in answer["results"]), None)

    def _create(self, contact: ContactInput) -> UpsertResult:
        answer = self._send(contact, "POST", "contacts", contact.given(), idempotent=False)
        if answer.status == 409:
            existing = str(cast("Any", answer.json)["existing_id"])
            held = self._send(contact, "GET", f"contacts/{existing}")
            return self._update(contact, existing, cast("Any", held.json)["properties"])
        return self._result(answer, UnsureError)

    def _update(self, contact: ContactInput, contact_id: str, held: Mapping[str, object]) -> UpsertResult:
        return self._result(self._send(contact, "PATCH", f"contacts/{contact_id}", contact.merged_into(held)))

    def _put(self, contact: ContactInput) -> UpsertResult:
        return self._result(
            self._send(contact, "PUT", f"contacts/by-email/{quote(contact.email or '')}", contact.given())
        )

    def _send(
        self,
        contact: ContactInput,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        idempotent: bool = True,
    ) -> Answer:
        body = None if fields is None else {"properties": dict(fields), "lead_key": contact.key}
        return self.http.send(
            Call(
                method=method,
                path=path,
                what="contact",
                idempotent=idempotent,
                params=params or {},
                body=body,
                accept=HANDLED,
                may_send=None if method == "GET" else contact.may_write,
            )
        )

    def _result(self, answer: Answer, doubt: type[RetriableError] = RetriableError) -> UpsertResult:
        if answer.status in {400, 422}:
            raise SkippableError(f"The CRM refuses the contact: {answer.json}")
        content = answer.json
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            raise doubt("The CRM's answer to a write is not one.")
        outcome = cast("Literal['created', 'updated', 'exists']", content["outcome"])
        return UpsertResult(external_id=content["id"], outcome=outcome)


def make_adapter(
    url: str,
    capabilities: Capabilities,
    *,
    deadline_s: float = DEADLINE_S,
    token: Callable[[], str] = lambda: TOKEN,
    clock: Callable[[], float] = time.monotonic,
) -> CrmAdapter:
    """One attempt per call: what comes after is the outbox's business. clock: of the rate budget."""
    account = Account(
        crm="Hostile",
        key="account",
        base_url=url,
        headers=lambda: {"authorization": f"Bearer {token()}"},
        setting="HOSTILE_TOKEN",
    )
    http = HttpClient(
        account,
        MemoryBudget(rate=10_000, burst=1_000, clock=clock),
        now=lambda: datetime.now(UTC),
        limits=Limits(deadline_s=deadline_s, patience_s=deadline_s, attempts=1, max_bytes=256 * 1024),
        allow_private_hosts=True,
    )
    return cast("CrmAdapter", HostileAdapter(http, capabilities))
