"""How fresh and how whole the data are: sync runs, reconciliation, rejected rows, missing objects, currency rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd
from sqlalchemy import Connection, text

from snapshots import audit, tables
from snapshots.database import Database

STALE_AFTER = timedelta(hours=36)
"""A connection without a successful sync for this long is shown as stale: a daily refresh was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sync run. status: running, succeeded, failed, cancelled or interrupted."""

    run_id: int
    connection_id: int
    provider: str
    connection: str
    trigger: str
    status: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    step: str | None
    error_id: str | None
    error_message: str | None
    fetched: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """A connection and its newest successful sync; synced_at None: never."""

    connection_id: int
    provider: str
    name: str
    synced_at: datetime | None
    last_status: str | None
    last_error: str | None
    n_deals: int

    def is_stale(self, now: datetime) -> bool:
        return self.synced_at is None or now - self.synced_at > STALE_AFTER


RECONCILIATION: dict[str, str] = {
    "kind": "object",
    "fetched": "int64",
    "new": "int64",
    "changed": "int64",
    "unchanged": "int64",
    "rejected": "int64",
    "deleted": "int64",
    "expected": "Int64",  # live records by the CRM's own count; <NA>: it cannot be asked
    "ours": "Int64",  # live records that we hold; <NA>: the run did not get that far
    "is_done": "bool",
}
REJECTED: dict[str, str] = {
    "rejected_id": "int64",
    "kind": "object",
    "source": "object",
    "line": "Int64",
    "reason": "object",
    "row": "object",
}
MISSING: dict[str, str] = {
    "connection": "object",
    "kind": "object",
    "reason": "object",
    "since": "datetime64[ns, UTC]",
}


def list_runs(database: Database, organization_id: int, *, limit: int = 50) -> list[Run]:
    """The newest runs first."""
    return _runs(
        database, organization_id, "sync_runs", "ORDER BY r.started_at DESC, r.run_id DESC LIMIT :limit", limit=limit
    )


def runs_since(database: Database, organization_id: int, connection_id: int, *, since: datetime) -> list[Run]:
    """Of one connection, the newest first; at most 5,000."""
    where = "AND r.connection_id = :connection AND r.started_at >= :since"
    order = "ORDER BY r.started_at DESC, r.run_id DESC LIMIT 5000"
    return _runs(database, organization_id, "sync_runs", f"{where} {order}", connection=connection_id, since=since)


def newest_runs(database: Database, organization_id: int) -> dict[int, Run]:
    """The newest run of each connection, by connection_id, however many others there were since."""
    newest = (
        "(SELECT DISTINCT ON (connection_id) * FROM sync_runs WHERE organization_id = :id "
        "ORDER BY connection_id, started_at DESC, run_id DESC)"
    )
    return {one.connection_id: one for one in _runs(database, organization_id, newest, "")}


def _runs(database: Database, organization_id: int, source: str, which: str, **known: object) -> list[Run]:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT r.run_id, r.connection_id, c.provider, c.name AS connection, r.trigger, r.status, "
                "r.started_at, r.heartbeat_at, r.finished_at, r.cancel_requested_at, r.step, "
                "r.error_id, r.error_message, "
                "coalesce(n.fetched, 0)::bigint AS fetched, coalesce(n.rejected, 0)::bigint AS rejected "
                f"FROM {source} r JOIN crm_connections c USING (organization_id, connection_id) "
                "LEFT JOIN (SELECT run_id, sum(fetched) AS fetched, sum(rejected) AS rejected FROM sync_counts "
                "WHERE organization_id = :id GROUP BY 1) n USING (run_id) "
                f"WHERE r.organization_id = :id {which}"
            ),
            {"id": organization_id, **known},
        )
        return [Run(**row) for row in rows.mappings()]


def first_read_at(database: Database, organization_id: int) -> datetime | None:
    """When the organization's first sync began; before it nothing was known. None: there was none."""
    with database.as_app(organization_id) as connection:
        query = text("SELECT min(started_at) FROM sync_runs WHERE organization_id = :id")
        found: datetime | None = connection.execute(query, {"id": organization_id}).scalar()
    return found


def freshness(database: Database, organization_id: int) -> list[Freshness]:
    """Every active connection with its newest successful sync."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT c.connection_id, c.provider, c.name, "
                "(SELECT max(r.finished_at) FROM sync_runs r WHERE r.organization_id = :id "
                "AND r.connection_id = c.connection_id AND r.status = 'succeeded') AS synced_at, "
                "l.status AS last_status, l.error_message AS last_error, "
                "coalesce((SELECT s.ours FROM sync_counts s JOIN sync_runs r USING (organization_id, run_id) "
                "WHERE s.organization_id = :id AND r.connection_id = c.connection_id AND s.kind = 'deal' "
                "AND s.ours IS NOT NULL ORDER BY s.run_id DESC LIMIT 1), 0) AS n_deals "
                "FROM crm_connections c LEFT JOIN LATERAL (SELECT status, error_message FROM sync_runs r "
                "WHERE r.organization_id = :id AND r.connection_id = c.connection_id "
                "ORDER BY r.started_at DESC, r.run_id DESC LIMIT 1) l ON true "
                "WHERE c.organization_id = :id AND c.is_active ORDER BY c.name"
            ),
            {"id": organization_id},
        )
        return [Freshness(**row) for row in rows.mappings()]


def reconciliation(database: Database, organization_id: int, run_id: int) -> pd.DataFrame:
    """RECONCILIATION of a run: fetched = new + changed + unchanged + rejected, and our count against the CRM's."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT {', '.join(RECONCILIATION)} FROM sync_counts "
                "WHERE organization_id = :id AND run_id = :run ORDER BY kind"
            ),
            {"id": organization_id, "run": run_id},
        ).all()
    return tables.shaped([tuple(row) for row in rows], RECONCILIATION)


def rejected(
    database: Database, organization_id: int, run_id: int, *, after: int = 0, limit: int = 200
) -> tuple[pd.DataFrame, int]:
    """A page of REJECTED rows of a run, and how many there are in all. after: the last rejected_id seen."""
    with database.as_app(organization_id) as connection:
        asked = {"id": organization_id, "run": run_id, "after": after, "limit": limit}
        rows = connection.execute(
            text(
                f"SELECT {', '.join(REJECTED)} FROM rejected_rows WHERE organization_id = :id AND run_id = :run "
                "AND rejected_id > :after ORDER BY rejected_id LIMIT :limit"
            ),
            asked,
        ).all()
        n = connection.execute(
            text("SELECT count(*) FROM rejected_rows WHERE organization_id = :id AND run_id = :run"), asked
        ).scalar_one()
    return tables.shaped([tuple(row) for row in rows], REJECTED), int(n)


def missing_objects(database: Database, organization_id: int) -> pd.DataFrame:
    """MISSING: what a CRM does not expose to us, and why."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT c.name, m.kind, m.reason, m.since FROM missing_objects m "
                "JOIN crm_connections c USING (organization_id, connection_id) "
                "WHERE m.organization_id = :id ORDER BY 1, 2"
            ),
            {"id": organization_id},
        ).all()
    return tables.shaped([tuple(row) for row in rows], MISSING)


def save_rates(
    database: Database,
    organization_id: int,
    rates: Sequence[tuple[str, str, date, Decimal]],
    *,
    entered_by: str,
) -> None:
    """Replace the organization's currency rates: (currency, to currency, from which day on, rate)."""
    with database.as_app(organization_id) as connection:
        before = _rates(connection, organization_id)
        connection.execute(text("DELETE FROM currency_rates WHERE organization_id = :id"), {"id": organization_id})
        for currency, to_currency, day, rate in rates:
            connection.execute(
                text(
                    "INSERT INTO currency_rates (organization_id, currency, to_currency, day, rate, entered_by) "
                    "VALUES (:id, :currency, :to, :day, :rate, :by)"
                ),
                {
                    "id": organization_id,
                    "currency": currency,
                    "to": to_currency,
                    "day": day,
                    "rate": rate,
                    "by": entered_by,
                },
            )
        connection.execute(
            text("UPDATE organizations SET data_version = data_version + 1 WHERE organization_id = :id"),
            {"id": organization_id},
        )
        audit.record(
            connection, organization_id, by=entered_by, action="changed", subject="rates",
            subject_id=str(organization_id), before=before, after=_rates(connection, organization_id),
        )  # fmt: skip


def _rates(connection: Connection, organization_id: int) -> dict[str, str]:
    """Each rate by what it is of and from which day on."""
    rows = connection.execute(
        text(
            "SELECT currency, to_currency, day, trim_scale(rate) AS rate FROM currency_rates "
            "WHERE organization_id = :id ORDER BY 1, 2, 3"
        ),
        {"id": organization_id},
    )
    return {f"{row.currency} in {row.to_currency} from {row.day}": str(row.rate) for row in rows}
