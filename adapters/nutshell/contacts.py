"""Writes a lead as a contact. Nutshell keeps no address unique and knows no upsert, so a second create is a second
contact: whoever writes looks first, one at a time per address, and looks again where a create was not answered.

Source: https://developers.nutshell.com/reference/post_contacts, patch_contacts-id. Every update sets fixed values
(whole lists instead of additions), so that it may be sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.base import ContactInput, FieldPolicy, Lock, UpsertResult
from adapters.errors import ConflictError, FatalError, RetriableError, SkippableError, UnsureError
from adapters.http import JSON, JSON_PATCH, Answer, Call, HttpClient
from adapters.nutshell import reading
from adapters.nutshell.client import NutshellClient, rows_of
from adapters.nutshell.objects import CONTACTS

LOOKUP_LAG = timedelta(minutes=1)
"""After this a contact is surely found by its address. Nutshell does not say how soon that is."""
LEAST_DIGITS = 7
"""So many last digits make two ways to write a number the same."""
WRITE_RIGHT = "to create and edit people"
NOT_FOUND, INVALID = 404, 400
OWNER = "owner"
Raw = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Names of custom fields in which our id of the lead, its source and its company are kept. None: nowhere."""

    lead_id: str | None = None
    source: str | None = None
    company: str | None = None

    def named(self) -> dict[str, str]:
        """By our names, those that are configured."""
        told = {"source": self.source, "company": self.company}
        return {ours: theirs for ours, theirs in told.items() if theirs}

    def all(self) -> list[str]:
        return [name for name in (self.lead_id, self.source, self.company) if name]


@dataclass(frozen=True, slots=True)
class Held:
    """What a contact says now. row: as Nutshell tells it; empty for a new one. custom: its custom fields by name."""

    row: Raw = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Empty where an address or a number stands in for the name that nobody knew."""
        name = reading.full_name(self.row) or ""
        return "" if name in {*self.emails, *self.phones} else name

    @property
    def emails(self) -> list[str]:
        return reading.emails_of(self.row)

    @property
    def phones(self) -> list[str]:
        return reading.phones_of(self.row)

    def parts(self) -> tuple[str, str]:
        """First and last name; of a name that is told in one piece, apart at its last space."""
        if not self.name:
            return "", ""
        first, last = (str(self.row.get(part) or "").strip() for part in ("firstName", "lastName"))
        if not first and not last:
            first, _, last = self.name.rpartition(" ")
        return (first, last) if first else (last, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """client: under the same budget as all. lock: held per address, by all processes that write."""

    http: HttpClient
    client: NutshellClient
    lock: Lock
    account: str
    fields: FieldNames
    now: Callable[[], datetime]
    _recent: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Contacts that were just created here, by address: a search may not show them yet."""

    def upsert(self, contact: ContactInput, *, dry_run: bool) -> UpsertResult:
        contact = replace(contact, email=(contact.email or "").strip().lower() or None)
        with nullcontext() if dry_run else self._alone(contact):
            row = self._find(contact)
            if row is None:
                if dry_run:
                    changed = tuple(sorted(self._changes(contact, Held())))
                    return UpsertResult(external_id="", outcome="created", changed=changed)
                created = self._create(contact)
                if isinstance(created, UpsertResult):
                    return created
                row = created
            return self._update(contact, row, dry_run=dry_run)

    def _alone(self, contact: ContactInput) -> AbstractContextManager[None]:
        who = contact.email or contact.phone or contact.key
        return self.lock.hold(f"{self.account} contact {who}") if who else nullcontext()

    # --- finding ---

    def _find(self, contact: ContactInput) -> Raw | None:
        """The one that an earlier delivery left, whatever the search knows; else by address."""
        known = contact.external_id
        found = self._live(known) if known and CONTACTS.owns(known) else None
        return found if found is not None or contact.email is None else self._with_email(contact.email)

    def _live(self, contact_id: str) -> Raw | None:
        return next((row for row in self.client.read(CONTACTS, [contact_id]) if not reading.is_deleted(row)), None)

    def _with_email(self, email: str) -> Raw | None:
        rows = [
            row
            for row in self.client.page(CONTACTS, 0, 50, {"email": email})[0]
            if not reading.is_deleted(row) and email in map(str.lower, reading.emails_of(row))
        ]
        if not rows:
            contact_id, at = self._recent.get(email, ("", None))
            return self._live(contact_id) if at is not None and self.now() - at <= LOOKUP_LAG else None
        first = [row for row in rows if reading.emails_of(row)[0].lower() == email]
        if len(rows) > 1 and len(first) != 1:
            ids = ", ".join(str(row["id"]) for row in rows)
            raise ConflictError(f"Nutshell: several people have this address: {ids}. Merge them there, then replay.")
        return first[0] if first else rows[0]

    # --- writing ---

    def _create(self, contact: ContactInput) -> UpsertResult | Raw:
        """The new contact, or the one that turned out to be there."""
        changes = self._changes(contact, Held())
        body: Raw = {"name": _joined(contact) or contact.email or contact.phone or "?"}
        if contact.email:
            body["emails"] = [{"value": contact.email, "isPrimary": True}]
        if "phone" in changes:
            body["phones"] = [_phone(changes["phone"], is_primary=True)]
        custom = self._custom(changes)
        body |= {"customFields": custom} if custom else {}
        body |= {"links": {"owner": changes[OWNER]}} if OWNER in changes else {}
        try:
            answer = self._send("POST", CONTACTS.name, {"contacts": [body]}, contact, idempotent=False)
        except UnsureError:
            found = self._with_email(contact.email) if contact.email else None
            if found is None:  # which does not mean that it is not there
                raise
            return found
        made = rows_of(answer.json, CONTACTS.name, "people")
        if not made:
            raise FatalError("Nutshell: a created person is answered without an id. Update this program.")
        self._remember(contact.email, str(made[0]["id"]))
        return UpsertResult(external_id=str(made[0]["id"]), outcome="created", changed=tuple(sorted(changes)))

    def _remember(self, email: str | None, contact_id: str) -> None:
        now = self.now()
        for one in [one for one, (_, at) in list(self._recent.items()) if now - at > LOOKUP_LAG]:
            self._recent.pop(one, None)
        if email:
            self._recent[email] = (contact_id, now)

    def _update(self, contact: ContactInput, row: Raw, *, dry_run: bool) -> UpsertResult:
        contact_id = str(row["id"])
        asks_custom = bool(contact.fields or self.fields.all())
        held = Held(row, self.client.custom_values(contact_id) if asks_custom else {})
        changes = self._changes(contact, held)
        if not changes:
            return UpsertResult(external_id=contact_id, outcome="exists")
        if not dry_run:
            path = f"{CONTACTS.name}/{contact_id}"
            answer = self._send("PATCH", path, self._operations(contact, changes, held), contact, idempotent=True)
            if answer.status == NOT_FOUND:
                raise RetriableError("Nutshell: the person was deleted or merged just now. It is tried again.")
        return UpsertResult(external_id=contact_id, outcome="updated", changed=tuple(sorted(changes)))

    def _send(self, method: str, path: str, body: object, contact: ContactInput, *, idempotent: bool) -> Answer:
        call = Call(
            method=method, path=f"/rest/{path}", what="a person", idempotent=idempotent, body=body, scope=WRITE_RIGHT,
            may_send=contact.may_write, accept=frozenset({INVALID, NOT_FOUND} if idempotent else {INVALID}),
            media_type=JSON_PATCH if method == "PATCH" else JSON,
        )  # fmt: skip
        answer = self.http.send(call)
        if answer.status == INVALID:
            raise SkippableError(f"Nutshell refuses this person: {_message(answer)}")
        return answer

    # --- fields ---

    def _changes(self, contact: ContactInput, held: Held) -> dict[str, str]:
        """What must be set, by our names, custom fields by theirs."""
        (first, last), named = held.parts(), self.fields.named()
        current = {
            "first_name": first, "last_name": last, "email": next(iter(held.emails), ""),
            "phone": next(iter(held.phones), ""),
            **{ours: held.custom.get(theirs, "") for ours, theirs in named.items()},
            **{name: held.custom.get(name, "") for name in contact.fields},
        }  # fmt: skip
        changes = contact.merged_into(current)
        for ours in {"source", "company"} - named.keys():
            changes.pop(ours, None)
        if held.emails:  # it may be known by another one, or somebody corrected it: the first one is not ours to change
            changes.pop("email", None)
        if any(_same_number(contact.phone, one) for one in held.phones):
            changes.pop("phone", None)
        if _joined(contact) == held.name or _full(changes, held) == held.name:  # wherever Nutshell takes it apart
            changes.pop("first_name", None)
            changes.pop("last_name", None)
        if self.fields.lead_id and contact.key and held.custom.get(self.fields.lead_id) != contact.key:
            changes[self.fields.lead_id] = contact.key
        # Only at its creation: what is documented of an update names no owner.
        if owner := contact.owner_beside(held.row):
            changes[OWNER] = owner
        return changes

    def _custom(self, changes: Mapping[str, str]) -> dict[str, str]:
        named = self.fields.named()
        own = {"first_name", "last_name", "email", "phone", OWNER}
        return {named.get(name, name): value for name, value in changes.items() if name not in own}

    def _operations(self, contact: ContactInput, changes: Mapping[str, str], held: Held) -> list[Raw]:
        wanted: Raw = {}
        if "first_name" in changes or "last_name" in changes:
            wanted["name"] = _full(changes, held)
        if "email" in changes:
            wanted["emails"] = [{"value": changes["email"], "isPrimary": True}]
        if "phone" in changes and contact.phone is not None:
            appends = contact.policies.get("phone") is FieldPolicy.APPEND
            wanted["phones"] = _phones(held.row, contact.phone.strip(), appends=appends)
        wanted |= {_escaped(name): value for name, value in self._custom(changes).items()}
        return [
            {"op": "replace", "path": f"/{CONTACTS.name}/0/{name}", "value": value} for name, value in wanted.items()
        ]


def _joined(contact: ContactInput) -> str:
    return " ".join(part for name in (contact.first_name, contact.last_name) if name and (part := name.strip()))


def _full(changes: Mapping[str, str], held: Held) -> str:
    first, last = held.parts()
    return " ".join(filter(None, (changes.get("first_name", first), changes.get("last_name", last))))


def _same_number(given: str | None, held: str) -> bool:
    """Nutshell writes numbers in its own way."""
    one, other = ("".join(filter(str.isdigit, text)) for text in (given or "", held))
    shorter = min(len(one), len(other))
    return bool(one) and (one == other or (shorter >= LEAST_DIGITS and one[-shorter:] == other[-shorter:]))


def _phones(row: Raw, given: str, *, appends: bool) -> list[Raw]:
    """The whole list as it is to be: the new number first, or last where it is added."""
    entries = [one for one in row.get("phones") or [] if isinstance(one, dict)]
    ranked: Sequence[Raw] = sorted(entries, key=lambda one: one.get("isPrimary") is not True)
    if appends:
        return [*map(_kept, ranked), _phone(given, is_primary=not ranked)]
    return [_phone(given, is_primary=True), *(_kept(one) | {"isPrimary": False} for one in ranked[1:])]


def _phone(number: str, *, is_primary: bool) -> Raw:
    return {"isPrimary": is_primary, "value": {"number": number}}


def _kept(entry: Raw) -> Raw:
    """What may be written of an entry that was read."""
    value = entry.get("value")
    written = ("countryCode", "number", "extension")
    kept = {name: value[name] for name in written if value.get(name)} if isinstance(value, dict) else value
    return {name: entry[name] for name in ("isPrimary", "name") if name in entry} | {"value": kept}


def _escaped(name: str) -> str:
    """As a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _message(answer: Answer) -> str:
    body = answer.json if isinstance(answer.json, dict) else {}
    faults = [one for one in body.get("errors") or [] if isinstance(one, dict)]
    told = [str(one[name]) for one in faults for name in ("title", "detail") if one.get(name)]
    return "; ".join(dict.fromkeys(told))[:500] or f"status {answer.status}"
