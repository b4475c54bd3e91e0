"""Contacts that are written to the demo CRM: new ones, and changes to those of the world, kept in the `DemoStore`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Literal

import numpy as np

from adapters.base import ContactInput, UpsertResult
from adapters.demo import records
from adapters.demo.calendar import as_instant
from adapters.demo.companies import CONTACTS_PER_COMPANY, Rows
from adapters.demo.draws import Ints
from adapters.demo.store import DemoStore
from adapters.demo.world import DemoWorld
from adapters.errors import SkippableError
from adapters.records import Contact

Stored = Mapping[str, object]


class WrittenContacts:
    """The store, seen as contacts."""

    def __init__(self, store: DemoStore) -> None:
        self._store = store

    def upsert(self, world: DemoWorld, contact: ContactInput, now: datetime, *, dry_run: bool) -> UpsertResult:
        """Create or update by e-mail, else by phone; empty input leaves what is there. With dry_run only says what
        would change."""
        contact, key = _named(contact)
        stored = self._store.get(key) or (None if contact.email else self._with_phone(contact))
        before = dict(stored) if stored is not None else _of_world(world, contact.email, as_instant(now))
        changes = contact.merged_into(before)
        if owner := contact.owner_beside(before.get("owner_id")):
            changes["owner_id"] = owner
        after: dict[str, object] = {"external_id": f"W{sha256(key.encode()).hexdigest()[:16]}", **before, **changes}
        external_id = str(after["external_id"])
        if not changes:
            return UpsertResult(external_id=external_id, outcome="exists")
        if not dry_run:
            after.setdefault("created_at", now.isoformat())
            self._store.put(str(before.get("email") or key), after | {"modified_at": now.isoformat()})
        outcome: Literal["created", "updated"] = "updated" if before else "created"
        return UpsertResult(external_id=external_id, outcome=outcome, changed=tuple(sorted(changes)))

    def _with_phone(self, contact: ContactInput) -> Stored | None:
        return next((stored for stored in self._store.all() if stored.get("phone") == contact.phone), None)

    def since(self, seen: datetime | None, until: datetime) -> list[Stored]:
        """What was written after `seen`, up to `until`, oldest first."""
        found = [
            stored
            for stored in self._store.all()
            if (seen is None or _time(stored, "modified_at") > seen) and _time(stored, "created_at") <= until
        ]
        return sorted(found, key=lambda stored: (str(stored["modified_at"]), str(stored["external_id"])))

    def by_id(self) -> dict[str, Stored]:
        return {str(stored["external_id"]): stored for stored in self._store.all()}

    def count_new(self, until: datetime) -> int:
        """How many contacts exist only here."""
        return sum(_is_new(stored) and _time(stored, "created_at") <= until for stored in self._store.all())


def as_contact(stored: Stored, base: Contact | None = None) -> Contact:
    """What was written as a contact. base: the world's record of the same contact."""
    base = base or Contact(
        external_id=str(stored["external_id"]),
        email=str(stored["email"]) if stored.get("email") else None,
        created_at=_time(stored, "created_at"),
    )
    names = [str(stored[part]) for part in ("first_name", "last_name") if stored.get(part)]
    phone = stored.get("phone")
    return replace(
        base,
        name=" ".join(names) or base.name,
        phone=str(phone) if phone else base.phone,
        owner_id=str(stored["owner_id"]) if stored.get("owner_id") else base.owner_id,
        raw={name: value for name, value in stored.items() if name != "modified_at"},
    )


def world_contact(world: DemoWorld, stored: Stored) -> Contact | None:
    """The world's record of a stored contact; None where it is new."""
    if _is_new(stored):
        return None
    record = int(str(stored["external_id"])[1:])
    return next(
        iter(records.contacts(world, _rows_of(world, np.array([record // 2], dtype=np.int64)))),
        None,
    )


def _is_new(stored: Stored) -> bool:
    return str(stored["external_id"]).startswith("W")


def _of_world(world: DemoWorld, email: str | None, until: int) -> dict[str, object]:
    """What the world knows of the live contact with this address; empty where there is none."""
    if email is None:
        return {}
    rows = _rows_of(world, records.contacts_at(world, email))
    people = world.market.person(rows.subject)
    for place, contact in enumerate(records.contacts(world, rows)):
        if contact.email == email and rows.created[place] <= until < rows.deleted[place]:
            known = {
                "external_id": contact.external_id,
                "email": email,
                "first_name": people[place].first,
                "last_name": people[place].last,
                "phone": contact.phone,
                "owner_id": contact.owner_id,
                "created_at": contact.created_at.isoformat() if contact.created_at else None,
            }
            return {name: value for name, value in known.items() if value}
    return {}


def _rows_of(world: DemoWorld, contact: Ints) -> Rows:
    """The records of these contacts, duplicates left out."""
    if not len(contact):
        return world.contacts(0).take(np.array([], dtype=np.int64))
    company = int(contact[0]) // CONTACTS_PER_COMPANY
    block = world.contacts(world.market.week_of(company))
    return block.take(np.isin(block.subject, contact) & ~block.is_duplicate)


def _named(contact: ContactInput) -> tuple[ContactInput, str]:
    """The contact with its address as it is compared, and what it is kept under."""
    email, phone = (contact.email or "").strip().lower(), (contact.phone or "").strip()
    if email and "@" not in email:
        raise SkippableError(f"The demo CRM takes contacts by e-mail address; {email!r} is none.")
    if not email and not phone:
        raise SkippableError("The demo CRM takes contacts by e-mail address or phone number; this one has neither.")
    return replace(contact, email=email or None), email or f"tel:{phone}"


def _time(stored: Stored, name: str) -> datetime:
    return datetime.fromisoformat(str(stored[name]))
