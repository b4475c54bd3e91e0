"""Forms for tests: the default form, or a further one, published as a test wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from snapshots import form_versions
from snapshots.database import Database
from snapshots.form_definition import DEFAULT
from snapshots.forms import FormSettings, list_forms

AT = datetime(2024, 3, 5, 9, 0, tzinfo=UTC)
BY = "ann@example.com"


def default_form(database: Database, organization_id: int) -> FormSettings:
    return list_forms(database, organization_id)[0]


def definition(*fields: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The default definition with further fields at its end, and with changes of the whole."""
    found: dict[str, Any] = deepcopy(dict(DEFAULT))
    found["steps"][0]["fields"] += [{"kind": "text", "label": one["name"], **one} for one in fields]
    return found | changes


def only(*fields: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A definition of one step with these fields alone."""
    return {"steps": [{"fields": [{"kind": "text", "label": one["name"], **one} for one in fields]}], **changes}


def publish(database: Database, organization_id: int, draft: Mapping[str, Any], *, form_id: int | None = None) -> int:
    """Publish this as the next version of a form; None: of the default form."""
    form_id = form_id or default_form(database, organization_id).form_id
    held = form_versions.get_draft(database, organization_id, form_id)
    revision = form_versions.save_draft(
        database, organization_id, form_id, draft, expected_revision=held.revision, by=BY
    )
    return form_versions.publish(database, organization_id, form_id, expected_revision=revision, by=BY, now=AT)


def made_form(
    database: Database, organization_id: int, draft: Mapping[str, Any], name: str = "Website"
) -> FormSettings:
    """A further form that is published."""
    form = form_versions.create_form(database, organization_id, name, draft, by=BY)
    form_versions.publish(database, organization_id, form.form_id, expected_revision=form.draft_revision, by=BY, now=AT)
    return next(one for one in list_forms(database, organization_id) if one.form_id == form.form_id)


def mapped(*names: str, provider: str = "demo", **more: Any) -> Sequence[dict[str, Any]]:
    """Fields that go to the CRM as `crm_` and their name."""
    return [{"name": name, "properties": {provider: f"crm_{name}"}, **more} for name in names]
