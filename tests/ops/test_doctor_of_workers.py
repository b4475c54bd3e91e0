"""`slms doctor` says when no worker is at work any more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg

from adapters.base import Check
from ops.doctor import examine
from ops.settings import Settings
from snapshots.database import Database


def check_of_workers(database: Database, home: Path) -> Check:
    settings = Settings(_env_file=None, slms_home=home, database_url=database.url)
    [found] = [one for one in examine(lambda: datetime.now(UTC), lambda: settings) if one.name == "worker"]
    return found


def test_a_worker_that_fell_silent_is_a_fault_and_none_yet_is_not(database: Database, tmp_path: Path) -> None:
    never = check_of_workers(database, tmp_path)
    assert (never.ok, never.detail[:17]) == (True, "none has run yet;")
    with psycopg.connect(database.url) as link:
        link.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '9 minutes')")
    silent = check_of_workers(database, tmp_path)
    assert (silent.ok, silent.detail) == (False, "last sign of life 9 min 0 s ago")
    assert "slms worker" in str(silent.remedy)
    with psycopg.connect(database.url) as link:
        link.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert check_of_workers(database, tmp_path).ok
