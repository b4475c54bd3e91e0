"""Everything that an organization holds, without what depends on how it came in: our ids and times of writing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from snapshots import schema
from snapshots.database import Database

HISTORY_OF_RUNS = {"sync_runs", "sync_counts", "sync_cursors"}
NOT_OF_A_CRM = {"forms", "form_versions", "audit_entries"}
NOT_COMPARED = {
    "organization_id", "connection_id", "run_id", "rejected_id", "user_id", "data_version", "updated_at", "since"
}  # fmt: skip
ENTITY_IDS = {f"{kind}_id" for kind in (
    "team", "owner", "manager", "pipeline", "stage", "from_stage", "product", "company", "contact", "lead", "deal",
    "entity",
)}  # fmt: skip
WRITTEN_BY_THE_CLOCK = {("organizations", "created_at"), ("organizations", "name"), ("crm_connections", "created_at")}


def state_of(database: Database, organization_id: int) -> dict[str, list[str]]:
    """Rows of each table as texts, in an order of their own, with the CRM's ids in place of ours."""
    with database.as_app(organization_id) as connection:
        names = _external_ids(connection)
        skipped = HISTORY_OF_RUNS | NOT_OF_A_CRM
        tables = [table for table in sorted(schema.metadata.tables) if table not in skipped]
        return {table: sorted(str(row) for row in _rows(connection, table, names)) for table in tables}


def taken_in(database: Database, organization_id: int) -> dict[str, tuple[int, ...]]:
    """What all runs together took, per kind: a page that was stored twice, or not at all, shows here."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT kind, sum(fetched)::int, sum(new)::int, sum(changed)::int, sum(unchanged)::int, "
                "sum(rejected)::int, sum(deleted)::int FROM sync_counts GROUP BY 1"
            )
        )
        return {row[0]: tuple(row[1:]) for row in rows}


def written_rows(database: Database, organization_id: int) -> dict[str, list[tuple[str, ...]]]:
    """Which physical rows there are of what a sync keeps: the same twice means that nothing was rewritten."""
    skipped = HISTORY_OF_RUNS | {"organizations", "missing_objects", "rejected_rows"}
    with database.as_app(organization_id) as connection:
        return {
            table: sorted(tuple(row) for row in connection.execute(text(f"SELECT ctid::text, xmin::text FROM {table}")))
            for table in schema.metadata.tables
            if table not in skipped
        }


def _external_ids(connection: Connection) -> dict[int, str]:
    rows = connection.execute(text("SELECT entity_id, external_id FROM external_links WHERE NOT is_merged"))
    names = {row.entity_id: row.external_id for row in rows}
    merged = connection.execute(
        text("SELECT DISTINCT entity_id, kind FROM external_links WHERE is_merged ORDER BY entity_id")
    )
    return {row.entity_id: f"a merged {row.kind}" for row in merged} | names


def _rows(connection: Connection, table: str, names: Mapping[int, str]) -> list[tuple[object, ...]]:
    columns = [
        column.name
        for column in schema.metadata.tables[table].columns
        if column.name not in NOT_COMPARED and (table, column.name) not in WRITTEN_BY_THE_CLOCK
    ]
    shown = ", ".join(f"{column}::text" for column in columns)
    found = []
    for row in connection.execute(text(f"SELECT {shown} FROM {table}")):
        values = dict(zip(columns, row, strict=True))
        found.append(tuple(_named(name, value, names) for name, value in values.items()))
    return found


def _named(column: str, value: str | None, names: Mapping[int, str]) -> object:
    if value is None or value == "0":
        return value
    if column in ENTITY_IDS:
        # What a merge left behind has no link of its own any more.
        return names.get(int(value), "without a link")
    if column == "entity_key":
        return value.partition(":")[2] or names.get(int(value), "without a link")
    return value
