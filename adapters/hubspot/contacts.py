"""Writes a lead as a contact: found by its address, which HubSpot keeps unique, so that no two attempts make two.

Source: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide. Its batch upsert loses what a partial
update leaves out when contacts are named by e-mail; its search lags. So: read by address, which is consistent; update
by id; else create, and where that conflicts, the refusal names the contact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.base import ContactInput, UpsertResult
from adapters.errors import ConflictError, FatalError, RetriableError, SkippableError
from adapters.http import Answer, Call, HttpClient
from adapters.hubspot.objects import CONTACTS, CONTACTS_SCOPE, WRITE_SCOPE, Paths

PROPERTIES = {
    "email": "email", "first_name": "firstname", "last_name": "lastname", "phone": "phone", "company": "company",
}  # fmt: skip
OWNER = "hubspot_owner_id"
EXISTING = re.compile(r"Existing ID:\s*(\d+)")
Raw = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """lead_id_property: where our id of the lead is kept. source_property: where its source is. None: nowhere."""

    http: HttpClient
    paths: Paths
    lead_id_property: str | None = None
    source_property: str | None = None

    def upsert(self, contact: ContactInput, *, dry_run: bool) -> UpsertResult:
        contact = replace(contact, email=(contact.email or "").strip().lower() or None)
        found = self._find(contact)
        if found is None:
            if dry_run:
                return UpsertResult(external_id="", outcome="created", changed=self._changed(self._wanted(contact, {})))
            created = self._create(contact)
            if isinstance(created, UpsertResult):
                return created
            found = created
        return self._update(contact, found, dry_run=dry_run)

    # --- finding ---

    def _find(self, contact: ContactInput) -> Raw | None:
        """By address; else the contact that an earlier delivery left, whose address somebody may have corrected."""
        found = self._read(contact.email, contact, by_email=True) if contact.email else None
        if found is None and contact.external_id:
            found = self._read(contact.external_id, contact)
        return found

    def _read(self, reference: str, contact: ContactInput, *, by_email: bool = False) -> Raw | None:
        names = [*self._names().values(), OWNER, *contact.fields]
        names += [self.lead_id_property] if self.lead_id_property else []
        params = {"properties": ",".join(dict.fromkeys(names))} | ({"idProperty": "email"} if by_email else {})
        call = Call(
            method="GET", path=self.paths.objects(CONTACTS, reference), what="a contact", idempotent=True,
            params=params, scope=CONTACTS_SCOPE, accept=frozenset({404}),
        )  # fmt: skip
        answer = self.http.send(call)
        return None if answer.status == 404 else _contact(answer)

    # --- writing ---

    def _create(self, contact: ContactInput) -> UpsertResult | Raw:
        """The new contact, or the one that holds the address already."""
        wanted = self._wanted(contact, {})
        # With an address a second attempt conflicts with the first; without one it would make a second contact.
        answer = self._write("POST", (), wanted, contact, idempotent=contact.email is not None)
        if answer.status != 409:
            return UpsertResult(
                external_id=str(_contact(answer)["id"]), outcome="created", changed=self._changed(wanted)
            )
        named = EXISTING.search(_message(answer))
        found = self._read(named[1], contact) if named else None
        if found is None and contact.email:
            found = self._read(contact.email, contact, by_email=True)
        if found is None:
            raise ConflictError(f"HubSpot: the contact exists and cannot be found: {_message(answer)}")
        return found

    def _update(self, contact: ContactInput, found: Raw, *, dry_run: bool) -> UpsertResult:
        held = found.get("properties") or {}
        wanted = self._wanted(contact, held)
        if held.get("email"):
            # It may be known by a second address, or somebody corrected it: the first one is not ours to change.
            wanted.pop("email", None)
        changed, contact_id = self._changed(wanted), str(found["id"])
        if not wanted:
            return UpsertResult(external_id=contact_id, outcome="exists")
        if not dry_run:
            answer = self._write("PATCH", (contact_id,), wanted, contact, idempotent=True)
            if answer.status == 404:
                raise RetriableError("HubSpot: the contact was deleted or merged just now. It is tried again.")
            if answer.status == 409:
                raise ConflictError(f"HubSpot: another contact holds this address: {_message(answer)}")
        return UpsertResult(external_id=contact_id, outcome="updated", changed=changed)

    def _write(
        self, method: str, rest: tuple[str, ...], wanted: Mapping[str, str], contact: ContactInput, *, idempotent: bool
    ) -> Answer:
        call = Call(
            method=method, path=self.paths.objects(CONTACTS, *rest), what="a contact", idempotent=idempotent,
            body={"properties": wanted}, scope=WRITE_SCOPE, may_send=contact.may_write,
            accept=frozenset({400, 404, 409}),
        )  # fmt: skip
        answer = self.http.send(call)
        if answer.status == 400:
            raise SkippableError(f"HubSpot refuses this contact: {_message(answer)}")
        return answer

    # --- fields ---

    def _names(self) -> dict[str, str]:
        """HubSpot's names of our fields."""
        return PROPERTIES | ({"source": self.source_property} if self.source_property else {})

    def _wanted(self, contact: ContactInput, held: Mapping[str, Any]) -> dict[str, str]:
        """What must be set, by HubSpot's names."""
        names = self._names()
        current = {ours: held.get(theirs) for ours, theirs in names.items()} | {
            name: held.get(name) for name in contact.fields
        }
        changes = contact.merged_into(current)
        if not self.source_property:
            changes.pop("source", None)
        wanted = {names.get(name, name): value for name, value in changes.items()}
        if self.lead_id_property and contact.key and held.get(self.lead_id_property) != contact.key:
            wanted[self.lead_id_property] = contact.key
        if owner := contact.owner_beside(held.get(OWNER)):
            wanted[OWNER] = owner
        return wanted

    def _changed(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        ours = {theirs: name for name, theirs in self._names().items()} | {OWNER: "owner"}
        return tuple(sorted(ours.get(name, name) for name in wanted))


def _contact(answer: Answer) -> Raw:
    if not isinstance(answer.json, dict) or "id" not in answer.json:
        raise FatalError("HubSpot: a contact is answered without its id. Update this program.")
    return answer.json


def _message(answer: Answer) -> str:
    body = answer.json if isinstance(answer.json, dict) else {}
    details = [str(one.get("message")) for one in body.get("errors") or [] if isinstance(one, dict)]
    return "; ".join(dict.fromkeys([str(body.get("message", f"status {answer.status}")), *details]))[:500]
