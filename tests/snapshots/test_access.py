"""Row-level security, proven on every table there is: one organization never meets another's rows."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from snapshots import schema
from snapshots.access import APP_ROLE, WORKER_ROLE
from snapshots.database import Database
from snapshots.organizations import delete_organization

OTHERS_TABLES = ("procrastinate", "alembic")
"""The job queue and the migrations keep no organization's rows."""
TABLES = sorted(schema.metadata.tables)
GENERIC = {
    "bigint": "7",
    "integer": "7",
    "smallint": "7",
    "numeric": "7",
    "double precision": "7",
    "boolean": "true",
    "text": "'x'",
    "date": "'2026-01-05'",
    "timestamp with time zone": "'2026-01-05 09:00+00'",
    "jsonb": "'{}'",
    "bytea": "'x'",
    "ARRAY": "'{}'",
    "uuid": "'00000000-0000-0000-0000-000000000007'",
}
ROW_RULES = {
    "organizations": {"name": "'Organization ' || {id}"},
    "users": {"role": "'rep'"},
    "routing_rules": {"owner_id": "7"},
    "notifications": {"channel": "'email'"},
    "model_versions": {"subject": "'lead'", "state": "'candidate'"},
    "scores": {"subject": "'lead'", "band": "'hot'"},
    "scoring_runs": {"subject": "'lead'", "kind": "'train'", "state": "'running'"},
    "alarm_runs": {"measure": "'leads'"},
    "alarm_budgets": {"budget": "0.5"},
    "alarms": {"measure": "'leads'", "direction": "'drop'", "kind": "'spike'"},
    "alarm_verdicts": {"verdict": "'real'"},
    "forecast_runs": {"step": "'week'", "measure": "'bookings'"},
    "forecasts": {"node_kind": "'total'"},
    "forecast_cards": {"node_kind": "'total'"},
    "forecast_calls": {"node_kind": "'total'"},
    "coaching_notes": {"note_for": "'rep'", "level": "'L0'", "state": "'draft'"},
    "coaching_claims": {"note_for": "'rep'"},
    "note_feedback": {"said": "'done'"},
    "weekly_reports": {"audience": "'rep'"},
    "report_recipients": {"audience": "'rep'", "channel": "'email'"},
    "report_schedules": {"weekday": "0"},
    "report_sendings": {"channel": "'email'"},
    "job_runs": {"trigger": "'schedule'", "outcome": "'running'"},
}
"""Values that a column's type alone does not tell."""
APPEND_ONLY = {
    "alarm_verdicts", "audit_entries", "forecast_cards", "forecast_facts", "forecast_runs", "form_versions",
    "note_feedback", "weekly_reports",
}  # fmt: skip
"""What nobody changes. Of the audit log nobody removes anything either but with its organization: see `test_audit`."""
CHANGED_IN_PART = {
    "model_versions": {"state", "promoted_at", "promoted_by", "retired_at"},
    "scores": {"entity_key", "outcome", "graded_at", "is_current"},
    "scoring_runs": {"state", "heartbeat_at", "finished_at", "n_done", "n_total", "message", "stop_asked"},
    "lead_versions": {"owner_id"},
    "alarm_runs": {"card", "issued_at"},
    "alarms": {"owner_id", "subject_key"},
    "leave_entries": {"owner_id", "removed_at", "removed_by"},
    "forecasts": {"actual", "graded_at", "not_gradable"},
    "forecast_calls": {"actual_minor", "graded_at", "not_gradable"},
    "quotas": {"replaced_at", "replaced_by"},
    "coaching_notes": {"owner_id", "state", "approved_by", "approved_at", "sent_at"},
    "llm_requests": {"owner_id", "settled_at", "code", "tokens_in", "tokens_out", "micro_usd", "latency_ms"},
    "health_runs": {"judged_at", "rules_version", "n_open", "n_won", "not_applied", "record"},
    "health_flags": {"deal_id", "last_day", "latest"},
    "health_snoozes": {"deal_id", "ended_at", "ended_by"},
    "job_runs": {"ended_at", "outcome", "n_rows", "said", "error", "error_id"},
}
"""Columns that may change, of tables whose others never do."""
KEPT = APPEND_ONLY | set(CHANGED_IN_PART)


@pytest.fixture
def two(database: Database) -> tuple[int, int]:
    """Two organizations with a row of each in every table, put there past all security."""
    ids = (1_001, 1_002)
    with database.as_owner() as connection:
        for organization_id in ids:
            for table in TABLES:  # some write rows of another one themselves: visits their counts
                if not connection.execute(
                    text(f"SELECT EXISTS (SELECT FROM {table} WHERE organization_id = {organization_id})")
                ).scalar_one():
                    _insert(connection, table, organization_id)
    return ids


def _columns(connection: Connection, table: str) -> list[tuple[str, str]]:
    rows = connection.execute(
        text(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
            "AND table_name = :table AND (is_nullable = 'NO' AND column_default IS NULL OR column_name = "
            "'organization_id') AND is_generated = 'NEVER'"
        ),
        {"table": table},
    )
    return [(row[0], row[1]) for row in rows]


def _insert(connection: Connection, table: str, organization_id: int) -> None:
    rules = ROW_RULES.get(table, {})
    generic = {name: GENERIC[kind] for name, kind in _columns(connection, table)}
    named = {name: value.replace("{id}", str(organization_id)) for name, value in rules.items()}
    values = generic | named | {"organization_id": str(organization_id)}
    overriding = "OVERRIDING SYSTEM VALUE" if table == "organizations" else ""
    connection.execute(
        text(f"INSERT INTO {table} ({', '.join(values)}) {overriding} VALUES ({', '.join(values.values())})")
    )


def test_every_table_names_its_organization_first(database: Database) -> None:
    with database.as_owner() as connection:
        found = connection.execute(
            text(
                "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, "
                "(SELECT a.attname FROM pg_index i JOIN pg_attribute a "
                "ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisprimary) "
                "FROM pg_class c "
                "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            )
        ).all()
    ours = [row for row in found if not row[0].startswith(OTHERS_TABLES)]
    assert {row[0] for row in ours} == set(TABLES)
    assert [row[0] for row in ours if not row[1]] == []
    assert [row[0] for row in ours if row[2] != "organization_id"] == []


def test_every_index_begins_with_the_organization(database: Database) -> None:
    with database.as_owner() as connection:
        found = connection.execute(
            text(
                "SELECT c.relname, x.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
                "JOIN pg_class x ON x.oid = i.indexrelid "
                "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
                "WHERE c.relnamespace = 'public'::regnamespace AND a.attname <> 'organization_id' "
                "AND c.relname <> 'organizations'"
            )
        ).all()
    assert [row for row in found if row[0] in TABLES] == []


def test_another_organizations_rows_do_not_exist(database: Database, two: tuple[int, int]) -> None:
    mine, others = two
    for table in [one for one in TABLES if one not in APPEND_ONLY]:
        column = max(CHANGED_IN_PART.get(table, ()), default="") or schema.metadata.tables[table].columns.keys()[-1]
        with database.as_app(mine) as connection:
            seen = connection.execute(text(f"SELECT DISTINCT organization_id FROM {table}")).scalars().all()
            changed = connection.execute(
                text(f"UPDATE {table} SET {column} = {column} WHERE organization_id = :other"), {"other": others}
            )
            gone = connection.execute(text(f"DELETE FROM {table} WHERE organization_id = :other"), {"other": others})
        with database.as_owner() as connection:
            kept = connection.execute(text(f"SELECT count(*) FROM {table} WHERE organization_id = {others}"))
            assert (table, seen, changed.rowcount, gone.rowcount, kept.scalar_one()) == (table, [mine], 0, 0, 1)


@pytest.mark.parametrize("table", TABLES)
def test_no_policy_lets_a_row_into_another_organization(database: Database, table: str) -> None:
    with database.as_owner() as connection:
        own = connection.execute(
            text(
                "SELECT qual, with_check, cmd FROM pg_policies "
                "WHERE tablename = :table AND roles = ARRAY[:role]::name[]"
            ),
            {"table": table, "role": APP_ROLE},
        ).all()
    assert [(row.cmd, row.qual == row.with_check, "slms.organization_id" in row.qual) for row in own] == [
        ("ALL", True, True)
    ]


def test_nothing_can_be_put_into_another_organization(database: Database, two: tuple[int, int]) -> None:
    mine, others = two
    for table in TABLES:
        with pytest.raises(DBAPIError, match="row-level security"):
            _insert_as(database, mine, table, others)
        with pytest.raises(DBAPIError, match="permission" if table in KEPT else "row-level security"):
            _move_all(database, mine, table, others + 1)


def _insert_as(database: Database, viewer: int, table: str, organization_id: int) -> None:
    with database.as_app(viewer) as connection:
        if table != "audit_entries":
            connection.execute(text(f"DELETE FROM {table} WHERE organization_id = {viewer}"))
        _insert(connection, table, organization_id)


def _move_all(database: Database, viewer: int, table: str, organization_id: int) -> None:
    with database.as_app(viewer) as connection:
        connection.execute(text(f"UPDATE {table} SET organization_id = :other"), {"other": organization_id})


def test_without_an_organization_nothing_is_seen(database: Database, two: tuple[int, int]) -> None:
    with database.engine.connect() as connection, connection.begin():
        connection.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))
        seen = {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in TABLES}
    assert seen == dict.fromkeys(TABLES, 0)


def test_an_organization_does_not_stay_behind_in_the_connection(database: Database, two: tuple[int, int]) -> None:
    own = Database(database.url, pool_size=1)
    with own.as_app(two[0]) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with own.engine.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == pid
        assert connection.execute(text("SELECT current_setting('slms.organization_id', true)")).scalar_one() in (
            "",
            None,
        )
    own.close()


def test_the_worker_sees_all_organizations(database: Database, two: tuple[int, int]) -> None:
    with database.as_worker() as connection:
        seen = connection.execute(text("SELECT organization_id FROM organizations ORDER BY 1")).scalars().all()
    assert seen == list(two)


@pytest.mark.parametrize("role", [APP_ROLE, WORKER_ROLE])
def test_the_programs_roles_have_no_special_rights(database: Database, role: str) -> None:
    with database.as_owner() as connection:
        rights = connection.execute(
            text(
                "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin FROM pg_roles "
                "WHERE rolname = :role"
            ),
            {"role": role},
        ).scalar_one()
        owned = connection.execute(
            text("SELECT count(*) FROM pg_class WHERE relowner = CAST(:role AS regrole)"), {"role": role}
        ).scalar_one()
    assert (rights, owned) == (False, 0)


def test_a_removed_organization_leaves_no_row_in_any_table(database: Database, two: tuple[int, int]) -> None:
    delete_organization(database, two[0])
    with database.as_owner() as connection:
        left = {
            table: connection.execute(text(f"SELECT array_agg(organization_id) FROM {table}")).scalar_one()
            for table in TABLES
        }
    assert left == {table: [two[1]] for table in TABLES}


@pytest.mark.parametrize("table", TABLES)
def test_the_worker_may_do_with_every_table_what_the_program_does(database: Database, table: str) -> None:
    """And nothing else: no role of the program may empty, change or watch a table as a whole."""
    with database.as_owner() as connection:
        rows = connection.execute(
            text(
                "SELECT grantee, array_agg(privilege_type::text ORDER BY privilege_type) FROM "
                "information_schema.role_table_grants WHERE table_name = :table AND grantee = ANY(:roles) GROUP BY 1"
            ),
            {"table": table, "roles": [APP_ROLE, WORKER_ROLE]},
        ).all()
    rights = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    if table in KEPT:
        rights.remove("UPDATE")
    wanted = {APP_ROLE: rights, WORKER_ROLE: rights}
    if table == "audit_entries":  # the worker removes organizations, with all that is theirs
        wanted[APP_ROLE] = ["INSERT", "SELECT"]
    assert {row[0]: row[1] for row in rows} == wanted


@pytest.mark.parametrize("table", CHANGED_IN_PART)
@pytest.mark.parametrize("role", [APP_ROLE, WORKER_ROLE])
def test_of_what_is_kept_as_it_was_said_these_columns_alone_may_change(
    database: Database, table: str, role: str
) -> None:
    with database.as_owner() as connection:
        found = connection.execute(
            text(
                "SELECT column_name::text FROM information_schema.column_privileges WHERE table_name = :table "
                "AND grantee = :role AND privilege_type = 'UPDATE'"
            ),
            {"table": table, "role": role},
        ).scalars()
        assert set(found) == CHANGED_IN_PART[table]
