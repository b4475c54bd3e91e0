"""Organizations, their settings, users and CRM connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from snapshots import audit, rollups, schema
from snapshots.database import Database
from snapshots.forms import add_default_form

LOG = structlog.get_logger()


class NameTaken(ValueError):
    """An organization cannot be called this."""


class UnknownTimeZone(ValueError):
    """The name is not in the time zone database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    organization_id: int
    name: str
    time_zone: str
    default_currency: str | None
    reporting_currency: str | None
    is_sample: bool
    data_version: int
    fiscal_year_start: int = 1
    """The month in which its years begin, and every third from there its quarters."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmConnection:
    organization_id: int
    connection_id: int
    provider: str
    name: str
    settings: Mapping[str, object]
    is_active: bool
    retired_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Connected, and neither read yet nor retired."""
        return not self.is_active and self.retired_at is None


_ORGANIZATION = (
    "organization_id, name, time_zone, default_currency, reporting_currency, is_sample, data_version, "
    "fiscal_year_start"  # as the class
)


def list_organizations(database: Database) -> list[Organization]:
    """All organizations by name; for jobs, the command line and the organization filter of an administrator."""
    with database.as_worker() as connection:
        rows = connection.execute(text(f"SELECT {_ORGANIZATION} FROM organizations ORDER BY name"))
        return [Organization(**row) for row in rows.mappings()]


def find_organization(database: Database, name: str) -> Organization | None:
    """The organization of exactly this name; None: there is none."""
    return next((one for one in list_organizations(database) if one.name == name), None)


def get_organization(database: Database, organization_id: int) -> Organization:
    """Raises LookupError where there is none."""
    with database.as_app(organization_id) as connection:
        return _get(connection, organization_id)


def _get(connection: Connection, organization_id: int) -> Organization:
    row = (
        connection.execute(
            text(f"SELECT {_ORGANIZATION} FROM organizations WHERE organization_id = :id"),
            {"id": organization_id},
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise LookupError(f"There is no organization {organization_id}.")
    return Organization(**row)


def create_organization(
    database: Database,
    name: str,
    *,
    time_zone: str = "UTC",
    default_currency: str | None = None,
    reporting_currency: str | None = None,
    is_sample: bool = False,
    is_new: bool = False,
    by: str = audit.PROGRAM,
) -> Organization:
    """Make an organization, or return the one that has this name already. is_new: then raise NameTaken instead."""
    check_time_zone(time_zone)
    with database.as_worker() as connection:
        done = connection.execute(
            text(
                "INSERT INTO organizations (name, time_zone, default_currency, reporting_currency, is_sample) "
                "VALUES (:name, :zone, :default, :reporting, :sample) ON CONFLICT (name) DO NOTHING"
            ),
            {
                "name": name,
                "zone": time_zone,
                "default": default_currency,
                "reporting": reporting_currency or default_currency,
                "sample": is_sample,
            },
        )
        if is_new and not done.rowcount:
            raise NameTaken(f"There is an organization {name} already: open it, or choose another name.")
        row = connection.execute(
            text(f"SELECT {_ORGANIZATION} FROM organizations WHERE name = :name"),
            {"name": name},
        )
        made = Organization(**row.mappings().one())
        add_default_form(connection, made.organization_id)
        if done.rowcount:
            _note(connection, made.organization_id, by, "organization", made.organization_id, None, _settings(made))
        return made


def _settings(held: Organization) -> dict[str, object]:
    names = ("name", "time_zone", "default_currency", "reporting_currency", "fiscal_year_start")
    return {name: getattr(held, name) for name in names}


def _note(
    connection: Connection, organization_id: int, by: str, subject: str, subject_id: int,
    before: audit.Values | None, after: audit.Values | None,
) -> None:  # fmt: skip
    audit.record(
        connection, organization_id, by=by, action="created" if before is None else "changed", subject=subject,
        subject_id=str(subject_id), before=before, after=after,
    )  # fmt: skip


def check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownTimeZone(f"{name!r} is not a time zone; use a name such as Europe/Berlin.") from error


def change_settings(
    database: Database,
    organization_id: int,
    *,
    time_zone: str,
    default_currency: str | None,
    reporting_currency: str | None,
    by: str = audit.PROGRAM,
) -> None:
    """A new time zone counts all days anew; currencies are as ISO 4217 codes."""
    check_time_zone(time_zone)
    with database.as_app(organization_id) as connection:
        before = _get(connection, organization_id)
        connection.execute(
            text(
                "UPDATE organizations SET default_currency = :default, reporting_currency = :reporting, "
                "data_version = data_version + 1 WHERE organization_id = :id"
            ),
            {"default": default_currency, "reporting": reporting_currency, "id": organization_id},
        )
        if time_zone != before.time_zone:
            rollups.move_to_zone(connection, organization_id, time_zone)
        after = _settings(_get(connection, organization_id))
        _note(connection, organization_id, by, "organization", organization_id, _settings(before), after)


def rename(
    database: Database, organization_id: int, *, name: str, fiscal_year_start: int, by: str = audit.PROGRAM
) -> None:
    """Another name, another first month of its years. Raises NameTaken."""
    if not name.strip():
        raise NameTaken("An organization needs a name.")
    with database.as_app(organization_id) as connection:
        before = _get(connection, organization_id)
        try:
            with connection.begin_nested():
                connection.execute(
                    text(
                        "UPDATE organizations SET name = :name, fiscal_year_start = :month, "
                        "data_version = data_version + (fiscal_year_start <> :month)::int WHERE organization_id = :id"
                    ),
                    {"name": name.strip(), "month": fiscal_year_start, "id": organization_id},
                )
        except IntegrityError as error:
            raise NameTaken(f"There is an organization {name.strip()} already.") from error
        after = _settings(_get(connection, organization_id))
        _note(connection, organization_id, by, "organization", organization_id, _settings(before), after)


def count_received_leads(database: Database, organization_id: int) -> int:
    """How many leads came in here from outside, whatever became of them."""
    with database.as_app(organization_id) as connection:
        return int(
            connection.execute(
                text("SELECT count(*) FROM received_leads WHERE organization_id = :id"), {"id": organization_id}
            ).scalar_one()
        )


_OWN_WORK = {
    "lead from outside": "received_leads WHERE true",
    "form": "forms WHERE NOT is_default",
    "routing rule": "routing_rules WHERE true",
    "webhook": "webhooks WHERE true",
    "API key": "api_keys WHERE revoked_at IS NULL",
    "cost of marketing": "marketing_costs WHERE true",
}


def own_work(database: Database, organization_id: int) -> dict[str, int]:
    """What came in here from outside or was set up by people, by its name in the singular, and would go with the
    organization; what there is none of is left out."""
    with database.as_app(organization_id) as connection:
        counted = {
            name: connection.execute(
                text(f"SELECT count(*) FROM {rows} AND organization_id = :id"), {"id": organization_id}
            ).scalar_one()
            for name, rows in _OWN_WORK.items()
        }
    return {name: n for name, n in counted.items() if n}


def delete_organization(database: Database, organization_id: int, *, by: str = audit.PROGRAM) -> None:
    """Remove an organization and everything of it, its audit log too, at once or not at all. One line of the program's
    own log says who did it."""
    with database.as_worker() as connection:
        connection.execute(
            text("SELECT set_config('slms.removed_organization', :id, true)"), {"id": str(organization_id)}
        )
        for table in schema.metadata.tables.values():
            connection.execute(
                text(f"DELETE FROM {table.name} WHERE organization_id = :id"),
                {"id": organization_id},
            )
    LOG.info("organization removed", organization_id=organization_id, by=by)


def connect_crm(
    database: Database,
    organization_id: int,
    *,
    provider: str,
    name: str,
    settings: Mapping[str, object],
    is_active: bool = True,
    by: str = audit.PROGRAM,
) -> CrmConnection:
    """Make a CRM connection, or bring the settings of the one with this name up to date. `settings` hold no secrets.

    is_active: of a new one, whether it is read; one that was retired stays so.
    """
    with database.as_app(organization_id) as connection:
        before = _connection_facts(connection, organization_id, "name = :which", name)
        connection.execute(
            text(
                "INSERT INTO crm_connections (organization_id, provider, name, settings, is_active) "
                "VALUES (:organization, :provider, :name, cast(:settings AS jsonb), :active) "
                "ON CONFLICT (organization_id, name) DO UPDATE SET settings = excluded.settings"
            ),
            {
                "active": is_active,
                "organization": organization_id,
                "provider": provider,
                "name": name,
                "settings": orjson.dumps(dict(settings)).decode(),
            },
        )
        after = _connection_facts(connection, organization_id, "name = :which", name) or {}
        made_id = int(str(after["connection_id"]))
        _note(connection, organization_id, by, "crm_connection", made_id, before, after)
    return next(one for one in list_connections(database, organization_id) if one.name == name)


def _connection_facts(
    connection: Connection, organization_id: int, condition: str, which: object
) -> dict[str, object] | None:
    """What the audit log says of a connection; None: there is none. Its settings hold no secrets."""
    row = connection.execute(
        text(
            "SELECT connection_id, provider, name, settings, is_active, retired_at FROM crm_connections "
            f"WHERE organization_id = :organization AND {condition}"
        ),
        {"organization": organization_id, "which": which},
    ).mappings().one_or_none()  # fmt: skip
    return None if row is None else {**row}


def list_connections(database: Database, organization_id: int) -> list[CrmConnection]:
    """Its CRM connections by name, inactive ones included."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT organization_id, connection_id, provider, name, settings, is_active, retired_at "
                "FROM crm_connections "
                "WHERE organization_id = :id ORDER BY name"
            ),
            {"id": organization_id},
        )
        return [CrmConnection(**row) for row in rows.mappings()]


def get_connection(database: Database, organization_id: int, connection_id: int) -> CrmConnection:
    """Raises LookupError where there is none."""
    found = [one for one in list_connections(database, organization_id) if one.connection_id == connection_id]
    if not found:
        raise LookupError(f"There is no CRM connection {connection_id}.")
    return found[0]


def retire_connection(
    database: Database, organization_id: int, connection_id: int, *, now: datetime, by: str = audit.PROGRAM
) -> None:
    """It is not read any more; what was read stays."""
    what = "is_active = false, retired_at = coalesce(retired_at, :at)"
    _switch(database, organization_id, connection_id, what, by=by, at=now)


def activate_connection(
    database: Database, organization_id: int, connection_id: int, *, by: str = audit.PROGRAM
) -> None:
    """It is read from now on, beside the others."""
    _switch(database, organization_id, connection_id, "is_active = true, retired_at = NULL", by=by)


def _switch(
    database: Database, organization_id: int, connection_id: int, what: str, *, by: str, **values: object
) -> None:
    with database.as_app(organization_id) as connection:
        before = _connection_facts(connection, organization_id, "connection_id = :which", connection_id)
        connection.execute(
            text(f"UPDATE crm_connections SET {what} WHERE organization_id = :organization AND connection_id = :id"),
            {"organization": organization_id, "id": connection_id, **values},
        )
        after = _connection_facts(connection, organization_id, "connection_id = :which", connection_id)
        if before is not None:
            _note(connection, organization_id, by, "crm_connection", connection_id, before, after)
