"""A sync or an import that is killed anywhere, and started again, leaves what one that was never killed leaves."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from databases import MIGRATED, CopyOf
from made_crm import Clock, MadeCrm, activity, connect, lead, sync
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from stored_state import state_of, taken_in

from snapshots import rollups
from snapshots.database import Database, migrate
from snapshots.organizations import create_organization
from snapshots.status import list_runs

KILLS = 50 if os.environ.get("SLMS_TEST_FULL") else 25
"""In each of the two worlds: fifty points together, fifty in each where all is run."""
KILLING = Path(__file__).with_name("killing.py")


def made_export(folder: Path) -> Path:
    """A small folder as a CRM would export it, with a few rows that cannot be taken."""
    chance = random.Random(3)
    agents = [f"Agent {i}" for i in range(6)]
    folder.mkdir()
    _write(
        folder / "sales_teams.csv", ["sales_agent", "manager", "regional_office"], [[a, "Boss", "West"] for a in agents]
    )
    deals = []
    for i in range(120):
        engaged = date(2025, 10, 1) + timedelta(days=chance.randrange(120))
        stage = chance.choice(["Prospecting", "Engaging", "Won", "Lost"])
        is_closed = stage in ("Won", "Lost")
        closed = engaged + timedelta(days=chance.randrange(1, 60)) if is_closed else ""
        amount = f"{chance.randrange(100, 9000)}.50" if is_closed else ""
        shown = "not a day" if i in (31, 77) else engaged
        deals.append([f"OPP{i:03}", chance.choice(agents), "Widget", f"Company {i % 9}", stage, shown, closed, amount])
    names = [
        "opportunity_id",
        "sales_agent",
        "product",
        "account",
        "deal_stage",
        "engage_date",
        "close_date",
        "close_value",
    ]
    _write(folder / "sales_pipeline.csv", names, deals)
    leads = [[f"L{i}", f"Lead {i}", "Web" if i % 3 else "", "Yes" if i % 4 == 0 else "No"] for i in range(60)]
    _write(folder / "leads.csv", ["Lead ID", "Name", "Lead Source", "Converted"], leads)
    return folder


def _write(path: Path, names: list[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


@pytest.mark.once
@pytest.mark.parametrize("world", ["demo", "csv"])
def test_a_run_killed_again_and_again_leaves_what_an_unbroken_one_leaves(
    database: Database, tmp_path: Path, world: str
) -> None:
    folder = made_export(tmp_path / "export") if world == "csv" else tmp_path
    command = [sys.executable, str(KILLING), database.url, world, str(folder), str(KILLS), "11"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    assert len(outcome["points"]) >= KILLS
    assert len(set(outcome["after_pages"])) >= 12, "the kills were not spread over the run"
    expected, taken = state_of(database, outcome["whole"]), taken_in(database, outcome["whole"])
    assert expected["deal_versions"]
    for organization_id in outcome["killed"]:
        found = state_of(database, organization_id)
        for table, rows in expected.items():
            assert found[table] == rows, table
        assert taken_in(database, organization_id) == taken
        with database.as_app(organization_id) as connection:
            assert set(rollups.differences(connection, organization_id).values()) == {0}


class CutOff:
    """Ends the server's side of a connection just before it is to run the statement number `at`."""

    def __init__(self, database: Database, at: int) -> None:
        self.left, self.engine, self.url = at, database.engine, database.url

    def __enter__(self) -> CutOff:
        event.listen(self.engine, "before_cursor_execute", self._count)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._count)

    def _count(self, connection: Connection, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            with psycopg.connect(self.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [driver.info.backend_pid])


def made_crm() -> tuple[MadeCrm, Clock]:
    crm, clock = MadeCrm(page_size=4), Clock()
    for n in range(12):
        crm.create(f"d{n}", clock.forward(hours=3), stage=("s1", "s2", "won")[n % 3])
        crm.add(activity(f"a{n}", clock.at), lead(f"l{n}", clock.at))
    crm.move("d0", clock.forward(hours=1), "lost")
    crm.merge("d1", "d3", clock.forward(hours=1))
    crm.remove("d4", clock.forward(hours=1))
    clock.forward(days=1)
    return crm, clock


@pytest.fixture(scope="module")
def unbroken(copy_of: CopyOf) -> tuple[dict[str, list[str]], dict[str, tuple[int, ...]]]:
    """What a run leaves that lost nothing: every row, and what it took."""
    with copy_of(MIGRATED, migrate) as (url, _):
        database = Database(url)
        organization = create_organization(database, "Whole", time_zone="UTC", default_currency="EUR").organization_id
        crm, clock = made_crm()
        assert sync(database, organization, connect(database, organization), crm, clock).status == "succeeded"
        found = state_of(database, organization), taken_in(database, organization)
        database.close()
    return found


@pytest.mark.parametrize("at", range(1, 240, 17))
def test_a_lost_connection_costs_no_more_than_the_run(
    database: Database, at: int, unbroken: tuple[dict[str, list[str]], dict[str, tuple[int, ...]]]
) -> None:
    """Whichever of its connections it is: of the page being stored, of the one being prepared, or of the lock."""
    crm, clock = made_crm()
    organization = create_organization(database, "Broken", time_zone="UTC", default_currency="EUR").organization_id
    broken = connect(database, organization)
    with CutOff(database, at) as cut, suppress(OperationalError):
        report = sync(database, organization, broken, crm, clock)
        assert report.status == "failed" or cut.left > 0
    clock.forward(seconds=1)  # a run is told from the one before it by its time
    assert sync(database, organization, broken, crm, lambda: clock.at - timedelta(seconds=1)).status == "succeeded"
    expected, taken = unbroken
    found = state_of(database, organization)
    for table in expected.keys() - {"organizations"}:
        assert found[table] == expected[table], table
    assert taken_in(database, organization) == taken
    statuses = [run.status for run in list_runs(database, organization)]
    assert "running" not in statuses
