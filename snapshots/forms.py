"""Forms as the rest of the program sees them: name, key, status, and where their leads go. What a form asks is its
published version (`snapshots.form_versions`). Every organization has a default form from its first moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from adapters.base import FieldPolicy
from snapshots import audit
from snapshots.database import Database
from snapshots.form_definition import DEFAULT
from snapshots.form_versions import SUBJECT, Status, add_version
from snapshots.public_keys import new_form_key


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedField:
    """A field that goes to the CRM. property: its name there. policy: what happens to a value that is there."""

    name: str
    property: str
    policy: FieldPolicy = FieldPolicy.IF_EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSettings:
    """connection_id: the CRM connection that its leads go to; None: the first one that takes leads."""

    form_id: int
    key: str
    name: str
    is_default: bool = False
    status: Status = "published"
    connection_id: int | None = None


def add_default_form(connection: Connection, organization_id: int) -> None:
    """In the transaction that makes the organization; nothing where it has one."""
    form_id = connection.execute(
        text(
            "INSERT INTO forms (organization_id, name, key, is_default, published_version, draft, published_revision) "
            "VALUES (:id, 'Default form', :key, true, 1, cast(:draft AS jsonb), 1) "
            "ON CONFLICT (organization_id) WHERE is_default DO NOTHING RETURNING form_id"
        ),
        {"id": organization_id, "key": new_form_key(organization_id), "draft": orjson.dumps(DEFAULT).decode()},
    ).scalar_one_or_none()
    if form_id is not None:
        add_version(connection, organization_id, form_id, DEFAULT, by=audit.PROGRAM)


def list_forms(database: Database, organization_id: int) -> list[FormSettings]:
    """The default form first; archived ones too, for their leads are still there."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT form_id, key, name, is_default, status, connection_id FROM forms "
                "WHERE organization_id = :id ORDER BY is_default DESC, form_id"
            ),
            {"id": organization_id},
        ).mappings()
        return [FormSettings(**row) for row in rows]


def send_to(
    database: Database, organization_id: int, form_id: int, connection_id: int | None, *, by: str = audit.PROGRAM
) -> None:
    """Which CRM connection the form's leads go to from now on; None: the first one that takes leads. Raises LookupError
    where the form does not exist."""
    with database.as_app(organization_id) as connection:
        which = {"organization": organization_id, "form": form_id}
        condition = "WHERE organization_id = :organization AND form_id = :form"
        before = connection.execute(
            text(f"SELECT connection_id FROM forms {condition} FOR UPDATE"), which
        ).one_or_none()
        if before is None:
            raise LookupError(f"There is no form {form_id}.")
        connection.execute(
            text(f"UPDATE forms SET connection_id = :to, updated_at = now() {condition}"), which | {"to": connection_id}
        )
        audit.record(
            connection, organization_id, by=by, action="sent elsewhere", subject=SUBJECT, subject_id=str(form_id),
            before={"connection_id": before[0]}, after={"connection_id": connection_id},
        )  # fmt: skip


def mapped_fields(stored: Iterable[Mapping[str, Any]], provider: str | None) -> tuple[MappedField, ...]:
    """Of the fields of a definition, as the database keeps them, those that go to this CRM."""
    return tuple(
        MappedField(name=one["name"], property=target, policy=FieldPolicy(one.get("policy", FieldPolicy.IF_EMPTY)))
        for one in stored
        if (target := (one.get("properties") or {}).get(provider or "", "").strip())
    )
