"""Where the demo CRM keeps what is written to it: outside the snapshots, shared by all processes."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from sqlalchemy import text

from snapshots.database import Database


class DatabaseDemoStore:
    """The `DemoStore` of the demo adapter, in the database."""

    def __init__(self, database: Database, organization_id: int) -> None:
        self.database, self.organization_id = database, organization_id

    def get(self, email: str) -> Mapping[str, object] | None:
        with self.database.as_app(self.organization_id) as connection:
            return connection.execute(
                text("SELECT record FROM demo_contacts WHERE organization_id = :id AND email = :email"),
                {"id": self.organization_id, "email": email},
            ).scalar_one_or_none()

    def put(self, email: str, record: Mapping[str, object]) -> None:
        with self.database.as_app(self.organization_id) as connection:
            connection.execute(
                text(
                    "INSERT INTO demo_contacts (organization_id, email, record) "
                    "VALUES (:id, :email, cast(:r AS jsonb)) "
                    "ON CONFLICT (organization_id, email) DO UPDATE SET record = excluded.record, updated_at = now()"
                ),
                {"id": self.organization_id, "email": email, "r": orjson.dumps(dict(record), default=str).decode()},
            )

    def all(self) -> list[Mapping[str, object]]:
        with self.database.as_app(self.organization_id) as connection:
            return list(
                connection.execute(
                    text("SELECT record FROM demo_contacts WHERE organization_id = :id ORDER BY updated_at, email"),
                    {"id": self.organization_id},
                ).scalars()
            )
