"""Writes a lead as a contact, found by its address. Salesforce keeps addresses unique for nobody, so one at a time of
ours looks and creates, and an unanswered create is looked for at once. A field of the org's own that is an external id
(`lead_id_field`) makes the create itself repeatable.

Sources: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm,
headers_duplicaterules.htm. Duplicate rules are never bypassed: what they find is updated where it is the same address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from adapters.base import ContactInput, Lock, UpsertResult
from adapters.errors import ConflictError, FatalError, MissingScopeError, RetriableError, SkippableError, UnsureError
from adapters.http import Answer, Call
from adapters.salesforce.client import Instance, Raw, SalesforceClient, record_path
from adapters.salesforce.limits import LOCKED, errors_in
from adapters.salesforce.objects import CONTACTS, MASTER
from adapters.salesforce.reading import NOBODY
from adapters.salesforce.soql import is_id, quoted, select

FIELDS = {"email": "Email", "first_name": "FirstName", "last_name": "LastName", "phone": "Phone"}
ACCOUNT, OWNER = "AccountId", "OwnerId"
HOLDER = re.compile(r"record with id:\s*([a-zA-Z0-9]{15,18})")
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})
CREATE, EDIT = "Create on Contact", "Edit on Contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """instance: may use the reserve of calls. described: what the org tells of contacts, asked for when needed."""

    instance: Instance
    client: SalesforceClient
    lock: Lock
    account: str
    described: Callable[[], Raw]
    lead_id_field: str | None = None
    source_field: str | None = None

    def upsert(self, contact: ContactInput, *, dry_run: bool) -> UpsertResult:
        contact = replace(contact, email=(contact.email or "").strip().lower() or None)
        who = contact.email or contact.key
        # Between looking and creating nobody else of ours may do the same for this person.
        alone = self.lock.hold(f"{self.account} contact {who}") if who and not dry_run else nullcontext()
        with alone:
            found = self._find(contact)
            if found is not None:
                return self._update(contact, found, dry_run=dry_run)
            if dry_run:
                wanted = self._wanted(contact, {})
                return UpsertResult(external_id="", outcome="created", changed=self._changed(wanted))
            return self._create(contact)

    # --- finding ---

    def _find(self, contact: ContactInput) -> Raw | None:
        """By address, the oldest of several; else the contact that an earlier delivery left or was merged into; else
        the one that keeps this lead's id."""
        found = self._first(f"Email = {quoted(contact.email)}", contact) if contact.email else None
        if found is None and is_id(contact.external_id):
            found = self._of_id(str(contact.external_id), contact)
        field = self._field(self.lead_id_field)
        if found is None and contact.key and field.get("filterable"):
            found = self._first(f"{self.lead_id_field} = {quoted(contact.key)}", contact)
        return found

    def _first(self, where: str, contact: ContactInput) -> Raw | None:
        soql = select(self._asked(contact), "Contact", where, "ORDER BY CreatedDate, Id LIMIT 1")
        rows = self.client.all_rows(soql, "Contact")
        return rows[0] if rows else None

    def _of_id(self, contact_id: str, contact: ContactInput) -> Raw | None:
        for _ in range(5):
            found = self._first(f"Id = {quoted(contact_id)}", contact)
            if found is not None:
                return found
            where = f"Id = {quoted(contact_id)} AND {MASTER} != null"
            merged = self.client.all_rows(select(("Id", MASTER), "Contact", where), "Contact", with_deleted=True)
            if not merged:
                return None
            contact_id = str(merged[0][MASTER])
        return None

    def _asked(self, contact: ContactInput) -> list[str]:
        names = ["Id", *FIELDS.values(), ACCOUNT, self.lead_id_field, self.source_field, *contact.fields]
        there = {str(one.get("name")) for one in self.described().get("fields") or []}
        return [name for name in dict.fromkeys(names) if name is not None and name in there]

    def _field(self, name: str | None) -> Raw:
        """What the org tells of a field; nothing where there is none."""
        fields = self.described().get("fields") or [] if name else []
        return next((one for one in fields if one.get("name") == name), {})

    # --- writing ---

    def _create(self, contact: ContactInput) -> UpsertResult:
        wanted = self._wanted(contact, {})
        body = {"LastName": NOBODY, **wanted}
        field = self._field(self.lead_id_field)
        is_repeatable = bool(contact.key and field.get("externalId"))
        try:
            if is_repeatable:
                answer = self._put(str(self.lead_id_field), str(contact.key), body, contact)
            else:
                answer = self._write("POST", (), body, contact, idempotent=False)
        except UnsureError:
            found = self._find(contact)
            if found is None:
                raise
            return self._update(contact, found, dry_run=False)
        if answer.status in {400, 404}:
            return self._of_refusal(answer, contact)
        external_id = self._id_of(answer, contact)
        return UpsertResult(external_id=external_id, outcome="created", changed=self._changed(wanted))

    def _put(self, field: str, key: str, body: Mapping[str, str], contact: ContactInput) -> Answer:
        """By the lead's id: the same again changes nothing."""
        rest = {name: value for name, value in body.items() if name != field}
        answer = self._write("PATCH", (field, key), rest, contact, idempotent=True)
        if answer.status == 300:
            raise ConflictError(f"Salesforce: several contacts hold {field} {key}. Keep it unique.")
        return answer

    def _id_of(self, answer: Answer, contact: ContactInput) -> str:
        if isinstance(answer.json, dict) and answer.json.get("id"):
            return str(answer.json["id"])
        found = self._find(contact)  # older versions answer an upsert without a body
        if found is None:
            raise FatalError("Salesforce: a contact is answered without its id. Update this program.")
        return str(found["Id"])

    def _update(self, contact: ContactInput, found: Raw, *, dry_run: bool) -> UpsertResult:
        wanted, contact_id = self._wanted(contact, found), str(found["Id"])
        if found.get("Email"):
            # Somebody corrected it: it is not ours to change back.
            wanted.pop("Email", None)
        if not wanted:
            return UpsertResult(external_id=contact_id, outcome="exists")
        if not dry_run:
            answer = self._write("PATCH", (contact_id,), wanted, contact, idempotent=True)
            if answer.status >= 300:
                self._refused(answer)
        return UpsertResult(external_id=contact_id, outcome="updated", changed=self._changed(wanted))

    def _write(
        self, method: str, rest: tuple[str, ...], body: Mapping[str, str], contact: ContactInput, *, idempotent: bool
    ) -> Answer:
        call = Call(
            method=method, path=record_path(self.client.base, "Contact", *rest), what="a contact",
            idempotent=idempotent, body=body, scope=CREATE if method == "POST" else EDIT, may_send=contact.may_write,
            accept=frozenset({300, 400, 404}),
        )  # fmt: skip
        return self.instance.send(call)

    # --- refusals ---

    def _of_refusal(self, answer: Answer, contact: ContactInput) -> UpsertResult:
        """A create that found somebody: the contact that a rule or a unique field names, if it may be taken for him."""
        codes = {code for code, _ in errors_in(answer.json)}
        if "DUPLICATE_VALUE" in codes:
            named = HOLDER.search(_words(answer))
            found = self._of_id(named[1], contact) if named else None
            if found is not None:
                return self._update(contact, found, dry_run=False)
            raise ConflictError(f"Salesforce: the contact exists and cannot be found: {_words(answer)}")
        if "DUPLICATES_DETECTED" in codes:
            matches = _matches(answer)
            found = self._of_id(matches[0], contact) if len(matches) == 1 else None
            if found is not None and (found.get("Email") or "").lower() in {"", contact.email}:
                return self._update(contact, found, dry_run=False)
            others = f" ({', '.join(matches)})" if matches else ""
            raise ConflictError(f"Salesforce: a duplicate rule of the org stops this contact{others}: {_words(answer)}")
        self._refused(answer)
        raise AssertionError("a refusal is an error")

    def _refused(self, answer: Answer) -> None:
        codes = {code for code, _ in errors_in(answer.json)}
        if codes & LOCKED:
            raise RetriableError(f"Salesforce: the contact is being written by somebody else: {_words(answer)}")
        if answer.status == 404 or codes & GONE:
            raise RetriableError("Salesforce: the contact was deleted or merged just now. It is tried again.")
        if codes & {"DUPLICATES_DETECTED", "DUPLICATE_VALUE"} or answer.status == 300:
            raise ConflictError(f"Salesforce: another contact stands against this one: {_words(answer)}")
        raise SkippableError(f"Salesforce refuses this contact: {_words(answer)}")

    # --- fields ---

    def _names(self) -> dict[str, str]:
        """Salesforce's names of our fields."""
        return FIELDS | ({"source": self.source_field} if self.source_field else {})

    def _wanted(self, contact: ContactInput, held: Mapping[str, Any]) -> dict[str, str]:
        """What must be set, by Salesforce's names."""
        names = self._names()
        current = {ours: held.get(theirs) for ours, theirs in names.items()} | {
            name: held.get(name) for name in contact.fields
        }
        if current.get("last_name") == NOBODY:
            current["last_name"] = None
        changes = contact.merged_into(current)
        company = changes.pop("company", None)
        if not self.source_field:
            changes.pop("source", None)
        wanted = {names.get(name, name): value for name, value in changes.items()}
        if company and not held.get(ACCOUNT) and (account := self._company(company)):
            wanted[ACCOUNT] = account
        if self.lead_id_field and contact.key and held.get(self.lead_id_field) != contact.key:
            wanted[self.lead_id_field] = contact.key
        # Every contact there has an owner, so only a new one is given one.
        if (owner := contact.owner_beside(held.get("Id"))) and self._field(OWNER).get("createable"):
            wanted[OWNER] = owner
        return wanted

    def _company(self, name: str) -> str | None:
        """The one company of this name: contacts belong to companies, and hold no text for them."""
        if not self._field(ACCOUNT).get("updateable"):
            return None
        try:
            rows = self.client.all_rows(select(("Id",), "Account", f"Name = {quoted(name)}", "LIMIT 2"), "Account")
        except MissingScopeError:
            return None
        return str(rows[0]["Id"]) if len(rows) == 1 else None

    def _changed(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        ours = {theirs: name for name, theirs in self._names().items()} | {ACCOUNT: "company", OWNER: "owner"}
        return tuple(sorted(ours.get(name, name) for name in wanted))


def _words(answer: Answer) -> str:
    said = [message for _, message in errors_in(answer.json)]
    return "; ".join(dict.fromkeys(said))[:500] or f"status {answer.status}"


def _matches(answer: Answer) -> list[str]:
    """Ids of the contacts that a duplicate rule found. The key is really spelt like that; both spellings are taken."""
    found: list[str] = []
    for error in answer.json if isinstance(answer.json, list) else []:
        told = error.get("duplicateResut") or error.get("duplicateResult") or {}
        for result in told.get("matchResults") or []:
            if result.get("entityType") == CONTACTS.name:
                found += [str(one["record"]["Id"]) for one in result.get("matchRecords") or []]
    return list(dict.fromkeys(found))
