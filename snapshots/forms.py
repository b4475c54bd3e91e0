"""Forms: where leads come in. Every organization has a default one from its first moment."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, text

from adapters.base import FieldPolicy
from snapshots.database import Database
from snapshots.public_keys import new_form_key


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """An extra field that goes to the CRM. property: its name there. policy: what happens to a value that is there."""

    name: str
    property: str
    policy: FieldPolicy = FieldPolicy.IF_EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSettings:
    """A form as its owner sets it up. thank_you_urls: where a plain HTML form may lead to after sending; none: the page
    that is hosted here. phone_region: ISO 3166 country of numbers without a country code."""

    form_id: int
    key: str
    name: str
    is_default: bool = False
    is_active: bool = True
    connection_id: int | None = None
    fields: tuple[FormField, ...] = ()
    thank_you_urls: tuple[str, ...] = ()
    phone_region: str | None = None


def add_default_form(connection: Connection, organization_id: int) -> None:
    """In the transaction that makes the organization; nothing where it has one."""
    connection.execute(
        text(
            "INSERT INTO forms (organization_id, name, key, is_default) VALUES (:id, 'Default form', :key, true) "
            "ON CONFLICT (organization_id) WHERE is_default DO NOTHING"
        ),
        {"id": organization_id, "key": new_form_key(organization_id)},
    )


def list_forms(database: Database, organization_id: int) -> list[FormSettings]:
    """The default form first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT form_id, key, name, is_default, is_active, connection_id, fields, thank_you_urls, phone_region "
                "FROM forms WHERE organization_id = :id ORDER BY is_default DESC, form_id"
            ),
            {"id": organization_id},
        ).mappings()
        return [
            FormSettings(
                **{**row, "fields": read_fields(row["fields"]), "thank_you_urls": tuple(row["thank_you_urls"])}
            )
            for row in rows
        ]


def save_form(database: Database, organization_id: int, form: FormSettings) -> None:
    """Change a form. Its key stays. Raises LookupError where it does not exist."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text(
                "UPDATE forms SET name = :name, is_active = :is_active, connection_id = :connection_id, "
                "fields = cast(:fields AS jsonb), thank_you_urls = :urls, phone_region = :region "
                "WHERE organization_id = :organization AND form_id = :form_id"
            ),
            {
                "organization": organization_id,
                "form_id": form.form_id,
                "name": form.name,
                "is_active": form.is_active,
                "connection_id": form.connection_id,
                "fields": orjson.dumps(form.fields).decode(),
                "urls": list(form.thank_you_urls),
                "region": form.phone_region,
            },
        )
        if done.rowcount != 1:
            raise LookupError(f"There is no form {form.form_id}.")


def read_fields(stored: list[dict[str, str]]) -> tuple[FormField, ...]:
    """The fields of a form as the database keeps them."""
    return tuple(
        FormField(name=one["name"], property=one["property"], policy=FieldPolicy(one["policy"])) for one in stored
    )
