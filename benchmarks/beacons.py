"""Beacons: what a million of them take in the database, and what a stream of them costs those who take leads.

A million beacons of 400,000 visits of 30 days are written in batches, as the endpoint's thread writes them. Then leads
come in as fast as they can, in turns without and with a steady stream of beacons: ratios within a round, their median.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from benchmarks.accept import HERE, ROUNDS, UNLIMITED, Bench, Run, free_port, served
from benchmarks.report import Report, peak_mb, seconds
from snapshots import beacons, embedded, visits
from snapshots.beacons import Sighting, Step, visit_key
from snapshots.database import Database, migrate
from snapshots.forms import list_forms
from snapshots.organizations import create_organization
from snapshots.origins import Origin

BEACONS, VISITS, DAYS, BATCH = int(os.environ.get("BENCH_BEACONS", "1000000")), 400_000, 30, 1_000
PER_S = 200
"""Of the stream: seventeen million a day."""
CONNECTIONS, SENDERS = 64, 16
MOST_MB = 200.0
TABLES = ("form_visits", "visit_daily", "visit_origins", "form_hosts")
FIRST = datetime(2026, 6, 1, tzinfo=UTC)


def run() -> bool:
    if shutil.which("wrk") is None:
        print("beacons: wrk is missing, which sends the leads: apt install wrk")
        return False
    report = Report("beacons", packages=("granian", "psycopg", "crawler-user-agents"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url)
        try:
            _volume(report, database)
            _beside_leads(report, url, database, Path(folder))
        finally:
            database.close()
            embedded.release(place)
    report.write()
    return report.holds


# --- volume -----------------------------------------------------------------------------------------------------------


def _volume(report: Report, database: Database) -> None:
    organization_id = create_organization(database, "Volume").organization_id
    with beacons.connect(database.url) as connection:
        took = seconds(lambda: _write(connection, organization_id))
    sizes = _sizes(database)
    report.add("beacons written", BEACONS)
    report.add("rows of visits", _count(database, "form_visits"))
    report.add("rows of counts by day", _count(database, "visit_daily"))
    report.add("microseconds per beacon, in batches of 1,000", 1e6 * took / BEACONS)
    report.at_most("MB of all tables with their indexes", sum(sizes.values()), MOST_MB)
    report.add("MB per table", ", ".join(f"{name} {size:.1f}" for name, size in sizes.items()))
    wrong = len(visits.differences(database, organization_id))
    report.add("counts by day that differ from the rows", wrong, "0", wrong == 0)
    report.add("peak memory of the writer in MB", peak_mb())


def _write(connection: psycopg.Connection[Any], organization_id: int) -> None:
    for batch in _batches(random.Random(1)):
        beacons.store(connection, organization_id, batch)


def _batches(chance: random.Random) -> Iterator[list[Sighting]]:
    """Visits of day after day; each beacon of a visit comes in a batch soon after the one before."""
    for number in range(BEACONS // BATCH):
        day = FIRST + timedelta(seconds=number * BATCH * DAYS * 86_400 / BEACONS)
        around = number * BATCH * VISITS // BEACONS
        yield [_sighting(chance, around + chance.randrange(-1_500, 1_500), day) for _ in range(BATCH)]


def _sighting(chance: random.Random, visit: int, at: datetime) -> Sighting:
    own = random.Random(visit)  # the same for every beacon of a visit
    return Sighting(
        form_id=own.randrange(6), visit=visit_key(f"visit number {visit:09d}"), first_at=at,
        last_at=at + timedelta(seconds=chance.randrange(60)), step=chance.choice(tuple(Step)),
        version=1 + at.day // 12, form_step=1, host=f"www{own.randrange(4)}.example.com",
        origin=Origin(
            utm_source=own.choice(("google", "newsletter", "linkedin", "")), utm_medium=own.choice(("cpc", "email")),
            utm_campaign=f"campaign {own.randrange(8)}",
            referrer=own.choice(("google.com", "bing.com", "example.org", "")),
        ),
    )  # fmt: skip


def _sizes(database: Database) -> dict[str, float]:
    with database.as_owner() as connection:
        return {
            name: float(connection.execute(text(f"SELECT pg_total_relation_size('{name}')")).scalar_one()) / 1e6
            for name in TABLES
        }


def _count(database: Database, table: str) -> int:
    with database.as_worker() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


# --- beside leads -----------------------------------------------------------------------------------------------------


def _beside_leads(report: Report, url: str, database: Database, folder: Path) -> None:
    bench = Bench(url, database, folder)
    key = list_forms(database, bench.organization_id)[0].key
    alone: list[Run] = []
    beside: list[Run] = []
    sent: list[float] = []
    for number in range(ROUNDS):
        for has_stream in (False, True) if number % 2 == 0 else (True, False):
            named = {"DATABASE_URL": url, "DEFAULT_ORGANIZATION": "Benchmark", "TRUSTED_PROXIES": "1"}
            environment = named | UNLIMITED
            port = free_port()
            with served([sys.executable, "-m", "lead_endpoint", f"--port={port}"], environment, port) as process:
                if has_stream:
                    with _stream(port, key) as tally:
                        beside.append(bench._send(port, process, CONNECTIONS))
                    sent.append(tally[0] / tally[1])
                else:
                    alone.append(bench._send(port, process, CONNECTIONS))
    ratios = [one.per_s / other.per_s for one, other in zip(beside, alone, strict=True)]
    for name, runs in (("without", alone), ("beside", beside)):
        report.add(
            f"leads per second {name} beacons (median of {ROUNDS})", statistics.median(one.per_s for one in runs)
        )
        # Says the same on a machine that others use as well.
        spent = statistics.median(sum(one.cpu_us) for one in runs)
        report.add(f"CPU µs per lead {name} beacons, theirs included, program and PostgreSQL", spent)
    report.add("beacons per second of the stream", statistics.median(sent))
    report.at_least("leads beside beacons relative to leads alone", statistics.median(ratios), 0.9)


@contextmanager
def _stream(port: int, key: str) -> Iterator[list[float]]:
    """Beacons at a steady pace while the block runs; afterwards [how many were answered, in how many seconds]."""
    tally = [0.0, 0.0]
    command = [
        *("wrk", "--threads=1", f"--connections={SENDERS}", "--duration=600s", "--timeout=10s"),
        f"--script={HERE / 'accept_load' / 'beacons.lua'}",
        *(f"http://127.0.0.1:{port}/public/beacons", "--", key, str(1000 * SENDERS // PER_S)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield tally
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[0]
    sent = re.search(r"(\d+) requests in ([\d.]+)(s|m)", said)
    assert sent is not None, said
    assert "Non-2xx" not in said, said
    tally[:] = [float(sent[1]), float(sent[2]) * (60 if sent[3] == "m" else 1)]
