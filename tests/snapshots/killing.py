"""Runs a sync again and again in processes that are killed at a chosen statement, until one reaches its end.

A program of its own (`python killing.py URL WORLD FOLDER KILLS SEED`), because only a process with a single thread may
fork: every run is a child that shares what was imported and drawn before. It prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import event

from adapters.base import CrmAdapter
from adapters.csv_export import CsvExport, guess_mapping, inspect_export
from adapters.demo import DemoCrm, DemoSettings, MemoryDemoStore
from adapters.records import Kind
from snapshots.database import Database
from snapshots.organizations import connect_crm, create_organization
from snapshots.sync import SYNC_LOCK, Sync

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = FIRST + timedelta(days=45)
DEMO = DemoSettings(seed=5, owners=4, deals=60, activities=200, years=0.5, born=date(2025, 9, 1))


@dataclass
class Bed:
    """Where a sync runs. now: the same for all runs of a step, so that they must leave the same rows."""

    url: str
    organization_id: int
    connection_id: int

    @classmethod
    def make(cls, url: str, name: str) -> Bed:
        database = Database(url)
        made = create_organization(database, name, time_zone="Europe/Berlin", default_currency="EUR")
        connection = connect_crm(database, made.organization_id, provider="any", name="any", settings={})
        database.close()
        return cls(url, made.organization_id, connection.connection_id)

    def run(self, adapter: CrmAdapter, now: datetime, *, kill_at: int | None) -> int:
        """A run in this process, which ends by SIGKILL before its statement `kill_at`; returns how many there were."""
        database, statements = Database(self.url), 0

        def count(*_: object) -> None:
            nonlocal statements
            statements += 1
            if statements == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(database.engine, "before_cursor_execute", count)
        event.listen(database.engine, "commit", count)
        report = Sync(
            database=database,
            organization_id=self.organization_id,
            connection_id=self.connection_id,
            adapter=adapter,
            now=lambda: now,
            together=1,
        ).run(trigger="test")
        database.close()
        if report.status != "succeeded":
            raise RuntimeError(f"the run {report.status}: {report.error_message}")
        return statements

    def kill(self, adapter: CrmAdapter, now: datetime, kill_at: int) -> bool:
        """A run in a child; whether it was killed."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.run(adapter, now, kill_at=kill_at)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self._wait_for_the_server()
            return True
        if os.WEXITSTATUS(status) != 0:
            raise RuntimeError("a run failed; what it said stands above")
        return False

    def _wait_for_the_server(self) -> None:
        """Until it has noticed that its client is gone and let go of the lock."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            asked = [SYNC_LOCK, self.connection_id % 2**31]
            query = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            while connection.execute(query, asked).fetchone() is not None:
                time.sleep(0.005)

    def pages(self) -> int:
        """How many pages it has stored."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            asked = [self.organization_id]
            row = connection.execute(
                "SELECT data_version FROM organizations WHERE organization_id = %s", asked
            ).fetchone()
        assert row is not None
        return int(row[0])


def demo(now: datetime) -> CrmAdapter:
    crm = DemoCrm(DEMO, now=lambda: now, store=MemoryDemoStore(), page_size=12)
    for kind in Kind:
        crm.expected_count(kind)  # draws the world, once for all children
    return crm


def export(folder: Path) -> CrmAdapter:
    return CsvExport(folder, guess_mapping(inspect_export(folder)), default_currency="EUR", page_size=9)


def main(url: str, world: str, folder: str, kills: int, seed: int) -> dict[str, object]:
    chance = random.Random(seed)
    adapters: list[tuple[CrmAdapter, datetime]] = (
        [(demo(FIRST), FIRST), (demo(LATER), LATER)] if world == "demo" else [(export(Path(folder)), FIRST)]
    )
    whole = Bed.make(url, "Never killed")
    lengths = [whole.run(adapter, now, kill_at=None) for adapter, now in adapters]
    ids: list[int] = []
    killed_at: list[int] = []
    after_pages: list[int] = []
    while len(killed_at) < kills:
        bed = Bed.make(url, f"Killed {len(ids)}")
        ids.append(bed.organization_id)
        for (adapter, now), length in zip(adapters, lengths, strict=True):
            # Some die early, when nothing is done yet; the others get far enough for the run to reach its end.
            while bed.kill(adapter, now, point := chance.randint(1, 150 + length // 2)):
                killed_at.append(point)
                after_pages.append(bed.pages())
    return {
        "whole": whole.organization_id,
        "killed": ids,
        "points": killed_at,
        "after_pages": after_pages,
        "statements": lengths,
    }


if __name__ == "__main__":
    url, world, folder, kills, seed = sys.argv[1:]
    sys.stdout.write(json.dumps(main(url, world, folder, int(kills), int(seed))))
