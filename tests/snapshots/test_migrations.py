"""Migrations go up and down, have one head, and give what the models say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from snapshots import schema
from snapshots.database import MIGRATIONS, downgrade, driver_url, migrate, revisions


def test_there_is_one_head_and_one_base() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1


def test_up_down_and_up_again_gives_the_same(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    first = _catalogue(url)
    downgrade(url, "base")
    assert _catalogue(url) == []
    migrate(url)
    assert _catalogue(url) == first
    assert revisions(url)[0] == revisions(url)[1]


def test_migrating_twice_changes_nothing(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    first = _catalogue(url)
    migrate(url)
    assert _catalogue(url) == first


def test_the_models_match_the_migrated_tables(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    engine = create_engine(driver_url(url))

    def ours(_: object, name: str | None, kind: str, reflected: bool, __: object) -> bool:
        return not (kind == "table" and reflected and (name or "").startswith(("procrastinate", "alembic")))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_two_processes_that_migrate_at_once_do_not_collide(new_database: Callable[[], str]) -> None:
    url = new_database()
    command = [sys.executable, "-c", "import sys; from snapshots.database import migrate; migrate(sys.argv[1])", url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in started] == [("", 0)] * 3
    assert revisions(url)[0] == revisions(url)[1]


def test_a_migration_gives_up_rather_than_block_the_running_program(new_database: Callable[[], str]) -> None:
    """Waiting for a table, it would make all that come after it wait as well."""
    url = new_database()
    migrate(url)
    first = _catalogue(url)
    with psycopg.connect(url) as reading:
        reading.execute("SELECT count(*) FROM activities")
        with pytest.raises(OperationalError, match="lock timeout"):
            downgrade(url, "base")
        reading.execute("SELECT count(*) FROM activities")
    migrate(url)  # it stands between two migrations, whence it goes on
    assert _catalogue(url) == first
    downgrade(url, "base")
    assert _catalogue(url) == []


@pytest.mark.parametrize("spelling", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_the_usual_spellings_of_an_address_are_understood(spelling: str) -> None:
    assert driver_url(f"{spelling}ann@db.example/slms").drivername == "postgresql+psycopg"


def _catalogue(url: str) -> list[tuple[object, ...]]:
    """Tables with columns, indexes and policies of ours and of the queue."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT 'column', table_name::text, column_name::text, data_type::text, is_nullable::text "
            "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version' "
            "UNION ALL SELECT 'index', tablename::text, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public' "
            "AND tablename <> 'alembic_version' "
            "UNION ALL SELECT 'policy', tablename::text, policyname::text, qual, roles::text FROM pg_policies "
            "UNION ALL SELECT 'type', typname::text, '', '', '' FROM pg_type WHERE typtype = 'e' "
            "UNION ALL SELECT 'function', proname::text, '', '', '' FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2, 3"
        ).fetchall()
