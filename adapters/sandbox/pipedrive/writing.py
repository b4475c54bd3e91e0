"""What a person is set to: types are strict, arrays are replaced as a whole, unknown fields refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.sandbox.pipedrive.values import BadRequestError
from adapters.sandbox.world import Row, Value, World

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$")
FIELDS = frozenset({"name", "owner_id", "org_id", "emails", "phones", "visible_to", "label_ids", "custom_fields"})
CONTACT_SYNC = frozenset({"job_title", "notes", "im", "birthday", "postal_address"})
"""Fields that exist only where contacts are synchronised."""


def person(
    world: World, body: Mapping[str, Any], custom: frozenset[str], row: Row | None
) -> tuple[dict[str, Value], dict[str, list[int]]]:
    """Fields and links. row: the person that is changed; None: a new one. Raises BadRequestError."""
    if unknown := body.keys() - FIELDS - CONTACT_SYNC:
        raise BadRequestError(f"{', '.join(sorted(unknown))} is not allowed")
    fields: dict[str, Value] = {}
    if row is None or "name" in body:
        first, _, last = text(body, "name").partition(" ")
        fields |= {"first_name": first, "last_name": last or None}
    if "emails" in body:
        fields |= _split(_values(body, "emails"), "email", "other_emails")
        if bad := [one for one in _values(body, "emails") if not EMAIL.match(one)]:
            raise BadRequestError(f"emails: {bad[0]} is not a valid address")
    if "phones" in body:
        fields |= _split(_values(body, "phones"), "phone", "other_phones")
    if "owner_id" in body:
        fields["owner_id"] = _number(body, "owner_id")
    for name, value in (body.get("custom_fields") or {}).items():
        if name not in custom:
            raise BadRequestError(f"custom_fields.{name} does not exist")
        if value is not None and not isinstance(value, str):
            raise BadRequestError(f"custom_fields.{name} must be a string")
        fields[name] = value
    return fields, _company(world, body)


def _company(world: World, body: Mapping[str, Any]) -> dict[str, list[int]]:
    if "org_id" not in body:
        return {}
    one = _number(body, "org_id")
    found = world.get("company", one)
    if found is None or not found.is_live:
        raise BadRequestError(f"org_id: organization {one} not found")
    return {"company": [one]}


def text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadRequestError(f"{name} is required")
    return value


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequestError(f"{name} must be a number")
    return value


def _values(body: Mapping[str, Any], name: str) -> list[str]:
    """The primary one first."""
    entries = body[name]
    if not isinstance(entries, list) or not all(isinstance(one.get("value"), str) for one in entries):
        raise BadRequestError(f"{name} must be an array of objects")
    return [str(one["value"]) for one in sorted(entries, key=lambda one: one.get("primary") is not True)]


def _split(values: list[str], name: str, others: str) -> dict[str, Value]:
    return {name: values[0] if values else None, others: ";".join(values[1:]) or None}
