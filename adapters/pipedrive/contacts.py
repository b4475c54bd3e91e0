"""Writes a lead as a person: looked for first, since Pipedrive keeps no address unique and takes no key for a create.

Source: https://developers.pipedrive.com/docs/api/v1/Persons. Its search is an index of its own, so who was made just
now is looked for among the newest persons too; and one address is written by one at a time. A person's addresses and
numbers are arrays, which an update replaces as a whole: so they are read, added to and written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zlib import crc32

from adapters.base import ContactInput, FieldPolicy, Lock, UpsertResult
from adapters.errors import FatalError, RetriableError, SkippableError, UnsureError
from adapters.http import Answer, Call, HttpClient
from adapters.pipedrive.objects import CONTACTS_RIGHT, V2, WRITE_RIGHT
from adapters.pipedrive.reading import primary
from adapters.pipedrive.values import said

NEWEST = 500
"""So many persons are never made within the seconds that the search stays behind."""
FOUND = 100
LOCKS = 256
REFUSED = frozenset({400, 409, 422})
GONE = frozenset({400, 404, 410})
"""What a person or its id may be answered with that is not there (any more)."""
PERSONS, ORGANIZATIONS = f"{V2}/persons", f"{V2}/organizations"
Raw = dict[str, Any]


class Wanted(NamedTuple):
    """body: what a request must say. changed: the same by our names."""

    body: Raw
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """searching: `http` under the limit of searches. lead_id_field: key of the person field where our id of the lead is
    kept. source_field: where its source is. None: nowhere."""

    http: HttpClient
    searching: HttpClient
    lock: Lock
    account: str
    lead_id_field: str | None = None
    source_field: str | None = None

    def upsert(self, contact: ContactInput, *, dry_run: bool) -> UpsertResult:
        contact = replace(contact, email=(contact.email or "").strip().lower() or None)
        with self._alone(contact.email or contact.phone or contact.key, dry_run=dry_run):
            found = self._find(contact)
            if found is not None:
                return self._update(contact, found, dry_run=dry_run)
            wanted = self._wanted(contact, {}, dry_run=dry_run)
            if dry_run:
                return UpsertResult(external_id="", outcome="created", changed=wanted.changed)
            person = self._create(contact, wanted.body)
            return UpsertResult(external_id=str(person["id"]), outcome="created", changed=wanted.changed)

    def _alone(self, name: str | None, *, dry_run: bool) -> AbstractContextManager[None]:
        return nullcontext() if dry_run or name is None else self.lock.hold(self._lock_name("person", name))

    def _lock_name(self, kind: str, name: str) -> str:
        """Few, whatever comes: locks are kept for good."""
        return f"{self.account} {kind} {crc32(name.casefold().encode()) % LOCKS}"

    # --- finding ---

    def _find(self, contact: ContactInput) -> Raw | None:
        """The person that an earlier delivery left; else the oldest one with the address. Several may have it."""
        if contact.external_id and contact.external_id.isdigit():
            known = self._read(contact.external_id)
            if known is not None:
                return known
        ids = sorted(self._found_ids(PERSONS, "email", contact.email)) if contact.email else []
        for one in ids:
            # What the search tells may be old.
            person = self._read(str(one))
            if person is not None and contact.email in _values(person, "emails"):
                return person
        return self._among_newest(contact)

    def _found_ids(self, path: str, name: str, term: str) -> Iterator[int]:
        """Ids of what has exactly this address or name, as the search knows it."""
        params = {"term": term, "fields": name, "exact_match": "true", "limit": str(FOUND)}
        call = Call(
            method="GET", path=f"{path}/search", what="a search", idempotent=True, params=params, scope=CONTACTS_RIGHT
        )
        data = _object(self.searching.send(call)).get("data") or {}
        for found in data.get("items") or []:
            item = found.get("item") or {}
            told = item.get("emails") if name == "email" else [item.get(name)]
            if term.casefold() in {str(one).strip().casefold() for one in told or []}:
                yield int(item["id"])

    def _among_newest(self, contact: ContactInput) -> Raw | None:
        """The list, unlike the search, holds what was made a moment ago."""
        mine = [row for row in self._newest(PERSONS) if self._is_of(row, contact)]
        return min(mine, key=lambda row: int(row["id"]), default=None)

    def _is_of(self, person: Raw, contact: ContactInput) -> bool:
        """By the address; a person without one by our id of the lead, where it is kept."""
        if contact.email:
            return contact.email in _values(person, "emails")
        kept = (person.get("custom_fields") or {}).get(self.lead_id_field) if self.lead_id_field else None
        return contact.key is not None and kept == contact.key

    def _newest(self, path: str) -> list[Raw]:
        params = {"sort_by": "id", "sort_direction": "desc", "limit": str(NEWEST)}
        rows = _object_of(self.http.get(path, what="the newest persons", params=params, scope=CONTACTS_RIGHT)).get(
            "data"
        )
        return [row for row in rows or [] if isinstance(row, dict)]

    def _read(self, person_id: str) -> Raw | None:
        call = Call(
            method="GET", path=f"{PERSONS}/{person_id}", what="a person", idempotent=True, scope=CONTACTS_RIGHT,
            accept=GONE,
        )  # fmt: skip
        answer = self.http.send(call)
        if answer.status in GONE:
            return None
        person = _data(answer)
        return None if person.get("is_deleted") is True else person

    # --- writing ---

    def _create(self, contact: ContactInput, body: Raw) -> Raw:
        try:
            return _data(self._write("POST", PERSONS, body, contact))
        except UnsureError:
            made = self._among_newest(contact)
            if made is None:  # not yet, perhaps: it is looked for again before the next attempt
                raise
            return made

    def _update(self, contact: ContactInput, person: Raw, *, dry_run: bool) -> UpsertResult:
        wanted, person_id = self._wanted(contact, person, dry_run=dry_run), str(person["id"])
        if not wanted.changed and not wanted.body:
            return UpsertResult(external_id=person_id, outcome="exists")
        if not dry_run and self._write("PATCH", f"{PERSONS}/{person_id}", wanted.body, contact).status == 404:
            raise RetriableError("Pipedrive: the person was deleted or merged just now. It is tried again.")
        return UpsertResult(external_id=person_id, outcome="updated", changed=wanted.changed)

    def _write(self, method: str, path: str, body: Raw, contact: ContactInput) -> Answer:
        accept = REFUSED if method == "POST" else REFUSED | {404}
        call = Call(
            method=method, path=path, what="a contact", idempotent=method == "PATCH", body=body, scope=WRITE_RIGHT,
            may_send=contact.may_write, accept=accept,
        )  # fmt: skip
        answer = self.http.send(call)
        if answer.status in REFUSED:
            raise SkippableError(f"Pipedrive refuses this contact: {_message(answer)}")
        return answer

    # --- fields ---

    def _wanted(self, contact: ContactInput, person: Raw, *, dry_run: bool) -> Wanted:
        """What must be set. person: as it is; empty for a new one."""
        custom = dict(person.get("custom_fields") or {})
        current = {
            **_names(person), "email": primary(person.get("emails")), "phone": primary(person.get("phones")),
            "company": said(person, "org_id"), "source": custom.get(self.source_field) if self.source_field else None,
            **{name: custom.get(name) for name in contact.fields},
        }  # fmt: skip
        changes = contact.merged_into(current)
        kept_company = said(person, "org_id") is not None  # whom somebody works for is not ours to change
        for name, is_kept in (
            ("email", current["email"]),
            ("company", kept_company),
            ("source", not self.source_field),
        ):
            if is_kept:
                changes.pop(name, None)
        if contact.phone and contact.phone.strip() in _values(person, "phones"):
            changes.pop("phone", None)
        body = self._body(contact, person, changes, dry_run=dry_run)
        if self.lead_id_field and contact.key and custom.get(self.lead_id_field) != contact.key:
            body.setdefault("custom_fields", {})[self.lead_id_field] = contact.key
        named = {self.lead_id_field} & set(body.get("custom_fields", {}))
        # Every person there has an owner, so only a new one is given one.
        if (owner := contact.owner_beside(person.get("id"))) and owner.isdigit():
            body["owner_id"] = int(owner)
            changes["owner"] = owner
        return Wanted(body, tuple(sorted({*changes, *(name for name in named if name)})))

    def _body(self, contact: ContactInput, person: Raw, changes: Mapping[str, str], *, dry_run: bool) -> Raw:
        body: Raw = {}
        if not person or {"first_name", "last_name"} & changes.keys():
            held = _names(person)
            parts = (changes.get(name) or held[name] for name in ("first_name", "last_name"))
            body["name"] = " ".join(part for part in parts if part) or _unnamed(contact)
        if "email" in changes:
            body["emails"] = [{"value": changes["email"], "primary": True, "label": "work"}]
        if "phone" in changes and contact.phone:
            body["phones"] = _with_number(person.get("phones") or [], contact.phone.strip(), contact.policies)
        if "company" in changes and not dry_run:
            body["org_id"] = self._organization(changes["company"], contact)
        custom: Raw = {name: changes[name] for name in contact.fields if name in changes}
        if "source" in changes and self.source_field:
            custom[self.source_field] = changes["source"]
        return body | ({"custom_fields": custom} if custom else {})

    def _organization(self, name: str, contact: ContactInput) -> int:
        """The oldest one of this name, else a new one."""
        with self.lock.hold(self._lock_name("organization", name)):
            ids = list(self._found_ids(ORGANIZATIONS, "name", name))
            if not ids:
                newest = self._newest(ORGANIZATIONS)
                ids = [int(row["id"]) for row in newest if str(row.get("name")).strip().casefold() == name.casefold()]
            if ids:
                return min(ids)
            return int(_data(self._write("POST", ORGANIZATIONS, {"name": name}, contact))["id"])


def _names(person: Raw) -> dict[str, str | None]:
    """First and last name. What stands for a missing name (an address, a number) is none."""
    name = said(person, "name")
    if name is None or name.lower() in _values(person, "emails") or name in _values(person, "phones"):
        return {"first_name": None, "last_name": None}
    first, _, last = name.partition(" ")
    if "first_name" in person or "last_name" in person:
        return {"first_name": said(person, "first_name"), "last_name": said(person, "last_name")}
    return {"first_name": first, "last_name": last.strip() or None}


def _unnamed(contact: ContactInput) -> str:
    """Pipedrive demands a name."""
    name = contact.email or (contact.phone or "").strip()
    if not name:
        raise SkippableError("Pipedrive: a person needs a name, an address or a number, and this lead has none.")
    return name


def _with_number(held: list[Raw], number: str, policies: Mapping[str, FieldPolicy]) -> list[Raw]:
    """The primary number replaced, or one added to it; the others stay."""
    entries = [dict(one) for one in held if said(one, "value")]
    if entries and policies.get("phone", FieldPolicy.OVERWRITE) is FieldPolicy.APPEND:
        return [*entries, {"value": number, "primary": False, "label": "work"}]
    first = next((one for one in entries if one.get("primary") is True), entries[0] if entries else None)
    if first is None:
        return [{"value": number, "primary": True, "label": "work"}]
    first["value"] = number
    return entries


def _values(person: Raw, name: str) -> set[str]:
    found = (said(one, "value") for one in person.get(name) or [] if isinstance(one, dict))
    return {one.lower() if name == "emails" else one for one in found if one}


def _object(answer: Answer) -> Raw:
    return _object_of(answer.json)


def _object_of(body: object) -> Raw:
    if not isinstance(body, dict):
        raise FatalError("Pipedrive: a person is answered without a JSON object. Update this program.")
    return body


def _data(answer: Answer) -> Raw:
    data = _object(answer).get("data")
    if answer.status == 404:
        return {}
    if not isinstance(data, dict) or "id" not in data:
        raise FatalError("Pipedrive: a person is answered without its id. Update this program.")
    return data


def _message(answer: Answer) -> str:
    body = answer.json if isinstance(answer.json, dict) else {}
    parts = [str(body[name]) for name in ("error", "error_info") if body.get(name)]
    return "; ".join(parts)[:500] or f"status {answer.status}"
