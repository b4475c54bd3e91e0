"""What may be written to a contact, at its creation and by JSON Patch, as fields of the neutral row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.sandbox.nutshell.entities import number_of
from adapters.sandbox.world import Value

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$")
PATH = re.compile(r"/?contacts/0/(?P<rest>.+)$")


class BadPatchError(Exception):
    """What Nutshell answers with 400."""


def contact_fields(given: Mapping[str, Any], custom: Iterable[str]) -> dict[str, Value]:
    """The row of a new contact."""
    if not str(given.get("name") or "").strip():
        raise BadPatchError("name is required")
    fields = _named(str(given["name"])) | _emails(given.get("emails") or []) | _phones(given.get("phones") or [])
    for name, value in (given.get("customFields") or {}).items():
        fields |= _custom(name, value, custom)
    owner = (given.get("links") or {}).get("owner")
    return fields | ({"owner_id": number_of(owner)} if owner else {})


def patched(operation: Mapping[str, Any], custom: Iterable[str]) -> dict[str, Value]:
    """What one operation sets."""
    match = PATH.match(str(operation.get("path")))
    if match is None or operation.get("op") not in {"replace", "add"}:
        raise BadPatchError(f"cannot {operation.get('op')} {operation.get('path')}")
    name, value = match["rest"].replace("~1", "/").replace("~0", "~"), operation.get("value")
    if name == "name":
        return _named(str(value))
    if name in {"emails", "phones"}:
        if not isinstance(value, list):
            raise BadPatchError(f"{name} must be a list")
        return _emails(value) if name == "emails" else _phones(value)
    return _custom(name, value, custom)


def _named(name: str) -> dict[str, Value]:
    """Nutshell takes a full name apart at its last space."""
    first, _, last = name.rpartition(" ")
    return {"name": name, "first_name": first or last, "last_name": last if first else None}


def _emails(given: list[Mapping[str, Any]]) -> dict[str, Value]:
    values = [str(one["value"]) for one in sorted(given, key=lambda one: not one.get("isPrimary"))]
    if bad := [one for one in values if not EMAIL.match(one)]:
        raise BadPatchError(f"{bad[0]} is not a valid e-mail address")
    return {"email": values[0].lower() if values else None, "other_emails": ";".join(values[1:]) or None}


def _phones(given: list[Mapping[str, Any]]) -> dict[str, Value]:
    ordered = sorted(given, key=lambda one: not one.get("isPrimary"))
    return {"phone": "\n".join(str(one["value"].get("number") or "") for one in ordered) or None}


def _custom(name: str, value: object, custom: Iterable[str]) -> dict[str, Value]:
    if name not in custom:
        raise BadPatchError(f"There is no field {name}")
    return {name: str(value) if value is not None else None}
