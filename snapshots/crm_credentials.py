"""Where the credentials of CRM connections lie: sealed, in a table of their own. Only `ops` can open them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from snapshots import audit
from snapshots.database import Database


def keep(
    database: Database, organization_id: int, connection_id: int, sealed: bytes, *, by: str, now: datetime
) -> None:
    """In place of those that were there."""
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO crm_credentials (organization_id, connection_id, sealed, updated_by, updated_at) "
                "VALUES (:organization, :connection, :sealed, :by, :at) ON CONFLICT (organization_id, connection_id) "
                "DO UPDATE SET sealed = excluded.sealed, updated_by = excluded.updated_by, "
                "updated_at = excluded.updated_at"
            ),
            {
                "organization": organization_id, "connection": connection_id, "sealed": sealed, "by": by, "at": now,
            },
        )  # fmt: skip
        audit.record(  # that they changed, never what they are
            connection, organization_id, by=by, action="changed", subject="crm_credentials",
            subject_id=str(connection_id), before=None, after={"entered_at": now},
        )  # fmt: skip


def kept(database: Database, organization_id: int, connection_id: int) -> bytes | None:
    """None: this connection has none of its own."""
    with database.as_app(organization_id) as connection:
        sealed = connection.execute(
            text("SELECT sealed FROM crm_credentials WHERE organization_id = :organization AND connection_id = :id"),
            {"organization": organization_id, "id": connection_id},
        ).scalar_one_or_none()
    return None if sealed is None else bytes(sealed)


def owners_of_credentials(database: Database, organization_id: int) -> dict[int, datetime]:
    """Which connections have credentials of their own, and since when."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text("SELECT connection_id, updated_at FROM crm_credentials WHERE organization_id = :organization"),
            {"organization": organization_id},
        )
        return {row.connection_id: row.updated_at for row in rows}
