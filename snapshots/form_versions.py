"""Forms as documents: a draft that people edit, and the versions that were published, which never change.

A submission names the version that was filled in, so what somebody answered can be read as it was asked. Two people who
edit one draft do not overwrite each other: whoever saves names the revision that was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.form_definition import Definition, Fault, faults
from snapshots.public_keys import new_form_key
from snapshots.storable import json_of

MOST_NAME: Final = 120
MOST_DRAFT_BYTES: Final = 512 * 1024
EDITED: Final = "changed draft"
SUBJECT: Final = "form"
"""What the audit log calls a form."""
Status = Literal["draft", "published", "paused", "archived"]


class DraftChanged(Exception):
    """Somebody else saved the draft meanwhile; `revision` is the present one."""

    def __init__(self, revision: int) -> None:
        super().__init__("Somebody else changed this form meanwhile. Load it again, then make your change.")
        self.revision = revision


class DraftHasFaults(Exception):
    """The draft cannot be published; `faults` says why, place by place."""

    def __init__(self, found: list[Fault]) -> None:
        super().__init__("; ".join(f"{one.place}: {one.message}" if one.place else one.message for one in found))
        self.faults = found


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSummary:
    """published_version: None where it was never published."""

    form_id: int
    key: str
    name: str
    status: Status
    published_version: int | None
    draft_revision: int
    is_default: bool
    updated_at: datetime
    has_unpublished_changes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """definition: JSON of a form, which may have faults."""

    form_id: int
    revision: int
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    version: int
    published_at: datetime
    published_by: str
    definition: Definition


_FORM = (
    "SELECT f.form_id, f.key, f.name, f.status, f.published_version, f.draft_revision, f.published_revision, "
    "f.is_default, f.updated_at, f.draft, v.definition AS published FROM forms f LEFT JOIN form_versions v "
    "ON v.organization_id = f.organization_id AND v.form_id = f.form_id AND v.version = f.published_version "
    "WHERE f.organization_id = :organization"
)


def list_forms(database: Database, organization_id: int, *, archived: bool = False) -> list[FormSummary]:
    """The default form first, then by name. archived: these too."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"{_FORM} AND (:archived OR f.status <> 'archived') ORDER BY f.is_default DESC, lower(f.name), form_id"
            ),
            {"organization": organization_id, "archived": archived},
        )
        return [_summary(row) for row in rows.mappings()]


def get_draft(database: Database, organization_id: int, form_id: int) -> Draft:
    """Raises LookupError where there is no such form."""
    with database.as_app(organization_id) as connection:
        row = _form(connection, organization_id, form_id)
    return Draft(form_id=form_id, revision=row["draft_revision"], definition=row["draft"])


def versions(database: Database, organization_id: int, form_id: int) -> list[Version]:
    """All that were published, the newest first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT version, published_at, published_by, definition FROM form_versions "
                "WHERE organization_id = :organization AND form_id = :form ORDER BY version DESC"
            ),
            {"organization": organization_id, "form": form_id},
        ).mappings()
        return [Version(**{**row, "definition": Definition.model_validate(row["definition"])}) for row in rows]


def create_form(
    database: Database, organization_id: int, name: str, draft: Mapping[str, object], *, by: str
) -> FormSummary:
    """A form with a draft that is not published yet. Raises ValueError for a name that is none."""
    with database.as_app(organization_id) as connection:
        return _create(connection, organization_id, _named(name), draft, by=by)


def duplicate(database: Database, organization_id: int, form_id: int, *, by: str) -> FormSummary:
    """A new form with the draft of this one; it goes to the same CRM. Raises LookupError."""
    with database.as_app(organization_id) as connection:
        row = _form(connection, organization_id, form_id)
        made = _create(connection, organization_id, f"Copy of {row['name']}"[:MOST_NAME], row["draft"], by=by)
        connection.execute(
            text(
                "UPDATE forms SET connection_id = (SELECT f.connection_id FROM forms f WHERE f.organization_id = "
                ":organization AND f.form_id = :form) WHERE organization_id = :organization AND form_id = :made"
            ),
            {"organization": organization_id, "form": form_id, "made": made.form_id},
        )
    return made


def save_draft(
    database: Database,
    organization_id: int,
    form_id: int,
    definition: Mapping[str, object],
    *,
    expected_revision: int,
    by: str,
) -> int:
    """Keep the draft; returns its new revision. Raises DraftChanged, LookupError, ValueError where it is too large.

    A person who edits saves every few seconds: in the audit log, what follows within ten minutes is one change, and
    what became of it stands with the publication."""
    with database.as_app(organization_id) as connection:
        row = _expected(connection, organization_id, form_id, expected_revision)
        return _keep_draft(connection, organization_id, row, definition, by=by, action=EDITED)


def restore(database: Database, organization_id: int, form_id: int, version: int, *, by: str) -> int:
    """Make a published version the draft; returns the draft's revision. Raises LookupError."""
    with database.as_app(organization_id) as connection:
        row = _form(connection, organization_id, form_id, lock=True)
        definition = connection.execute(
            text(
                "SELECT definition FROM form_versions "
                "WHERE organization_id = :organization AND form_id = :form AND version = :version"
            ),
            {"organization": organization_id, "form": form_id, "version": version},
        ).scalar_one_or_none()
        if definition is None:
            raise LookupError(f"The form {form_id} has no version {version}.")
        return _keep_draft(connection, organization_id, row, definition, by=by, action=f"restored version {version}")


def publish(
    database: Database, organization_id: int, form_id: int, *, expected_revision: int, by: str, now: datetime
) -> int:
    """Make the draft a version that is answered from now on; returns its number. A draft that is published as it is
    makes no further version. Raises DraftChanged, DraftHasFaults, LookupError."""
    with database.as_app(organization_id) as connection:
        row = _expected(connection, organization_id, form_id, expected_revision)
        found = faults(row["draft"])
        if found:
            raise DraftHasFaults(found)
        summary = _summary(row)
        version = summary.published_version or 0
        if version == 0 or summary.has_unpublished_changes:
            version = add_version(connection, organization_id, form_id, row["draft"], by=by, now=now)
        after = {"status": "published", "published_version": version, "published_revision": row["draft_revision"]}
        texts = (row["published"] or {}, row["draft"])
        _change(connection, organization_id, row, after, by=by, action="published", now=now, texts=texts)
    return version


def set_status(database: Database, organization_id: int, form_id: int, status: Status, *, by: str) -> None:
    """Pause it, archive it, or take it back. A paused form's leads wait for a person, an archived one's as well. Raises
    ValueError for what was never published, or the default form's archiving; LookupError."""
    with database.as_app(organization_id) as connection:
        row = _form(connection, organization_id, form_id, lock=True)
        if row["published_version"] is None and status in {"published", "paused"}:
            raise ValueError("Publish it first: nobody could fill it in.")
        if row["published_version"] is not None and status == "draft":
            raise ValueError("It was published; pause it instead.")
        if row["is_default"] and status == "archived":
            raise ValueError("The default form takes what names no form, so it cannot be archived. Pause it instead.")
        _change(connection, organization_id, row, {"status": status}, by=by, action=f"set to {status}")


def rename(database: Database, organization_id: int, form_id: int, name: str, *, by: str) -> None:
    """What people here call it; visitors never see it. Raises ValueError, LookupError."""
    with database.as_app(organization_id) as connection:
        row = _form(connection, organization_id, form_id, lock=True)
        _change(connection, organization_id, row, {"name": _named(name)}, by=by, action="renamed")


def add_version(
    connection: Connection, organization_id: int, form_id: int, draft: object, *, by: str, now: datetime | None = None
) -> int:
    """Write a version down, whole, so that it stays as it is when defaults change. now: None: the transaction's."""
    whole = Definition.model_validate(draft).model_dump_json()
    return int(
        connection.execute(
            text(
                "INSERT INTO form_versions (organization_id, form_id, version, definition, published_at, published_by) "
                "SELECT :organization, :form, coalesce(max(version), 0) + 1, cast(:definition AS jsonb), "
                "coalesce(cast(:now AS timestamptz), now()), :by FROM form_versions "
                "WHERE organization_id = :organization AND form_id = :form RETURNING version"
            ),
            {"organization": organization_id, "form": form_id, "definition": whole, "by": by, "now": now},
        ).scalar_one()
    )


# --- rows ------------------------------------------------------------------------------------------------------------


def _form(connection: Connection, organization_id: int, form_id: int, *, lock: bool = False) -> dict[str, Any]:
    asked = {"organization": organization_id, "form": form_id}
    if lock:  # for itself: who waited for it would see the form as it is, joined to the version as it was
        connection.execute(
            text("SELECT FROM forms WHERE organization_id = :organization AND form_id = :form FOR UPDATE"), asked
        )
    row = connection.execute(text(f"{_FORM} AND f.form_id = :form"), asked).mappings().one_or_none()
    if row is None:
        raise LookupError(f"There is no form {form_id}.")
    return dict(row)


def _expected(connection: Connection, organization_id: int, form_id: int, revision: int) -> dict[str, Any]:
    row = _form(connection, organization_id, form_id, lock=True)
    if row["draft_revision"] != revision:
        raise DraftChanged(row["draft_revision"])
    return row


def _summary(row: Any) -> FormSummary:
    names = ("form_id", "key", "name", "status", "published_version", "draft_revision", "is_default", "updated_at")
    return FormSummary(**{name: row[name] for name in names}, has_unpublished_changes=_differs(row))


def _differs(row: Any) -> bool:
    """Whether the draft would be another version than the one that is answered."""
    if row["published"] is None or faults(row["draft"]):
        return True
    if row["draft_revision"] == row["published_revision"]:
        return False
    return Definition.model_validate(row["draft"]) != Definition.model_validate(row["published"])


def _create(
    connection: Connection, organization_id: int, name: str, draft: Mapping[str, object], *, by: str
) -> FormSummary:
    draft = _mended(draft)
    form_id = connection.execute(
        text(
            "INSERT INTO forms (organization_id, name, key, status, draft) "
            "VALUES (:organization, :name, :key, 'draft', cast(:draft AS jsonb)) RETURNING form_id"
        ),
        {
            "organization": organization_id,
            "name": name,
            "key": new_form_key(organization_id),
            "draft": _json(draft),
        },
    ).scalar_one()
    row = _form(connection, organization_id, form_id)
    _note(connection, organization_id, form_id, by=by, action="created", before=None, after={"name": name, **draft})
    return _summary(row)


def _keep_draft(
    connection: Connection,
    organization_id: int,
    row: Mapping[str, Any],
    definition: Mapping[str, object],
    *,
    by: str,
    action: str,
) -> int:
    definition = _mended(definition)
    connection.execute(
        text(
            "UPDATE forms SET draft = cast(:draft AS jsonb), draft_revision = draft_revision + 1, updated_at = now() "
            "WHERE organization_id = :organization AND form_id = :form"
        ),
        {"organization": organization_id, "form": row["form_id"], "draft": _json(definition)},
    )
    if action != EDITED or not _is_editing(connection, organization_id, row["form_id"], by):
        _note(connection, organization_id, row["form_id"], by=by, action=action, before=row["draft"], after=definition)
    return int(row["draft_revision"]) + 1


def _is_editing(connection: Connection, organization_id: int, form_id: int, by: str) -> bool:
    """Whether the newest entry about the form says that the same person began to edit it just now."""
    return bool(
        connection.execute(
            text(
                "SELECT by = :by AND action = :edited AND at > now() - interval '10 minutes' FROM audit_entries "
                "WHERE organization_id = :organization AND subject = :subject AND subject_id = :form "
                "ORDER BY entry_id DESC LIMIT 1"
            ),
            {"organization": organization_id, "subject": SUBJECT, "form": str(form_id), "by": by, "edited": EDITED},
        ).scalar_one_or_none()
    )


def _change(
    connection: Connection,
    organization_id: int,
    row: Mapping[str, Any],
    after: Mapping[str, object],
    *,
    by: str,
    action: str,
    now: datetime | None = None,
    texts: tuple[Mapping[str, object], Mapping[str, object]] = ({}, {}),
) -> None:
    """texts: what the form said before and after, where that changed for visitors."""
    changes = ", ".join(f"{name} = :{name}" for name in after)
    connection.execute(
        text(
            f"UPDATE forms SET {changes}, updated_at = coalesce(cast(:now AS timestamptz), now()) "
            "WHERE organization_id = :organization AND form_id = :form"
        ),
        {"organization": organization_id, "form": row["form_id"], "now": now, **after},
    )
    before = {name: row[name] for name in after}
    _note(
        connection, organization_id, row["form_id"], by=by, action=action, before={**texts[0], **before},
        after={**texts[1], **after},
    )  # fmt: skip


def _note(
    connection: Connection,
    organization_id: int,
    form_id: int,
    *,
    by: str,
    action: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> None:
    audit.record(
        connection, organization_id, by=by, action=action, subject=SUBJECT, subject_id=str(form_id), before=before,
        after=after,
    )  # fmt: skip


def _mended(definition: Mapping[str, object]) -> dict[str, Any]:
    """As the database can hold it."""
    found = json_of(definition)
    if len(found) > MOST_DRAFT_BYTES:
        raise ValueError(f"The form is too large: {len(found) // 1024} KiB of {MOST_DRAFT_BYTES // 1024}.")
    mended: dict[str, Any] = orjson.loads(found)
    return mended


def _json(definition: Mapping[str, object]) -> str:
    return orjson.dumps(definition).decode()


def _named(name: str) -> str:
    cleaned = " ".join(orjson.loads(json_of(name)).split())
    if not cleaned or len(cleaned) > MOST_NAME:
        raise ValueError(f"A form needs a name of at most {MOST_NAME} characters.")
    return cleaned
