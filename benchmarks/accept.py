"""Accepting leads: how many per second come to be on disk, with all checks on.

In turns, against one server: `pgbench` running the same transaction under the same role; the lead endpoint; and FastAPI
with uvicorn and asyncpg doing the same checks. `wrk` sends the leads. Ratios within a round; medians of rounds.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text

from benchmarks.report import Report
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.forms import list_forms
from snapshots.organizations import create_organization

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = (16, 64)
SHARE = {16: 0.60, 64: 0.50}
"""Of the same transaction."""
BARE_SHARE = {16: 0.30, 64: 0.25}
"""Of the INSERT alone, which names no organization and needs one round trip: nothing can be quicker."""
UNLIMITED = {"LEAD_RATE_PER_MINUTE": "1e9", "LEAD_RATE_BURST": "1e9"}
AS_APP = "-c role=slms_app -c synchronous_commit=on"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

BARE_INSERT = """
\\set n random(1, 1000000000)
INSERT INTO received_leads (organization_id, lead_id, form_id, idempotency_key, request_hash, body, body_type, network,
  email, phone, first_name, last_name, company, extra, contact_key, flags)
VALUES ({organization}, gen_random_uuid(), {form}, gen_random_uuid()::text, decode(repeat('ab', 32), 'hex'),
  decode(repeat('cd', 230), 'hex'), 'application/json', '127.0.0.0/24', 'ada.' || :n || '@example.com', '+49301234567',
  'Ada', 'Lovelace', 'Analytical Engines', '{{"message": "Please call me back about the offer", "utm_source": "news"}}',
  'ada.' || :n || '@example.com', '{{}}')
ON CONFLICT (organization_id, form_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING lead_id;
"""
TRANSACTION = (
    BARE_INSERT.replace(
        "INSERT", "BEGIN;\nSELECT set_config('slms.organization_id', '{organization}', true);\nINSERT", 1
    )
    + "COMMIT;\n"
)


@dataclass(frozen=True, slots=True)
class Run:
    """per_s: leads on disk per second. p99_ms, errors: as the sender saw them. cpu_us: per lead, of the server program
    and of PostgreSQL."""

    per_s: float
    p99_ms: float
    errors: int
    cpu_us: tuple[float, float]


def run() -> bool:
    if shutil.which("wrk") is None:
        print("accept: wrk is missing, which sends the leads: apt install wrk")
        return False
    report = Report("accept", packages=("flask", "granian", "psycopg", "fastapi", "uvicorn", "asyncpg"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url)
        try:
            bench = Bench(url, database, Path(folder))
            for connections in CONNECTIONS:
                _measure(report, bench, connections)
        finally:
            database.close()
            embedded.release(place)
    report.write()
    return report.holds


class Bench:
    def __init__(self, url: str, database: Database, folder: Path) -> None:
        self.url, self.database, self.folder = url, database, folder
        self.organization_id = create_organization(database, "Benchmark").organization_id
        self.form_id = list_forms(database, self.organization_id)[0].form_id
        self.run_number = 0

    def pgbench(self, connections: int, transaction: str) -> float:
        """Transactions per second."""
        self.empty()
        script = self.folder / "transaction.sql"
        script.write_text(transaction.format(organization=self.organization_id, form=self.form_id))
        program = embedded.bundled_binaries() / "pgbench"
        command = [
            *(str(program), "--no-vacuum", "--protocol=prepared", f"--file={script}", f"--client={connections}"),
            *("--jobs=2", f"--time={SECONDS}", self.url),
        ]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True,
            env={**os.environ, "PGOPTIONS": f"{AS_APP} -c slms.organization_id={self.organization_id}"},
        )  # fmt: skip
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        assert found is not None, done.stdout
        return float(found[1])

    def endpoint(self, connections: int) -> Run:
        environment = {"DATABASE_URL": self.url, "DEFAULT_ORGANIZATION": "Benchmark", **UNLIMITED}
        port = free_port()
        with served([sys.executable, "-m", "lead_endpoint", f"--port={port}"], environment, port) as process:
            return self._send(port, process, connections)

    def fastapi(self, connections: int) -> Run:
        environment = {"DATABASE_URL": self.url, "FORM": f"{self.organization_id}:{self.form_id}"}
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.accept_load.fastapi_reference", str(port)]
        with served(command, environment, port) as process:
            return self._send(port, process, connections)

    def _send(self, port: int, process: subprocess.Popen[bytes], connections: int) -> Run:
        self._wrk(port, connections, 2)
        self.empty()
        before = cpu_s(process.pid), self._server_cpu_s()
        said = self._wrk(port, connections, SECONDS)
        after = cpu_s(process.pid), self._server_cpu_s()
        stored = self.stored()
        sent, seconds = re.search(r"(\d+) requests in ([\d.]+)s", said), re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
        assert sent is not None, said
        assert seconds is not None, said
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
        errors = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
        assert stored >= int(sent[1]), f"{sent[1]} were accepted, {stored} are stored"
        return Run(
            per_s=int(sent[1]) / float(sent[2]),
            p99_ms=float(seconds[1]) * _UNITS[seconds[2]],
            errors=errors,
            cpu_us=tuple(1e6 * (b - a) / int(sent[1]) for a, b in zip(before, after, strict=True)),  # type: ignore[arg-type]
        )

    def _wrk(self, port: int, connections: int, seconds: int) -> str:
        self.run_number += 1
        command = [
            *("wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--latency"),
            *("--timeout=10s", f"--script={HERE / 'accept_load' / 'leads.lua'}"),
            *(f"http://127.0.0.1:{port}/public/leads", "--", str(self.run_number)),
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def empty(self) -> None:
        with self.database.as_owner() as connection:
            connection.execute(text("TRUNCATE received_leads"))
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))

    def stored(self) -> int:
        with self.database.as_worker() as connection:
            return int(connection.execute(text("SELECT count(*) FROM received_leads")).scalar_one())

    def _server_cpu_s(self) -> float:
        with self.database.as_owner() as connection:
            backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        return cpu_s(_parent(backend))


def _measure(report: Report, bench: Bench, connections: int) -> None:
    rounds = [
        (
            bench.pgbench(connections, TRANSACTION),
            bench.endpoint(connections),
            bench.pgbench(connections, BARE_INSERT),
            bench.fastapi(connections),
        )
        for _ in range(ROUNDS)
    ]
    with_s = f"at {connections} connections (median of {ROUNDS})"
    ours, theirs = [one for _, one, _, _ in rounds], [one for *_, one in rounds]
    report.add(f"pgbench, same transaction, per second {with_s}", statistics.median(tps for tps, *_ in rounds))
    report.add(f"pgbench, bare INSERT, per second {with_s}", statistics.median(tps for _, _, tps, _ in rounds))
    report.add(f"leads per second {with_s}", statistics.median(one.per_s for one in ours))
    report.at_least(
        f"share of pgbench, same transaction, {with_s}",
        statistics.median(one.per_s / tps for tps, one, *_ in rounds),
        SHARE[connections],
    )
    report.at_least(
        f"share of pgbench, bare INSERT, {with_s}",
        statistics.median(one.per_s / tps for _, one, tps, _ in rounds),
        BARE_SHARE[connections],
    )
    report.at_least(
        f"leads per second relative to FastAPI {with_s}",
        statistics.median(one.per_s / other.per_s for _, one, _, other in rounds),
        2.0,
    )
    report.add(f"p99 ms {with_s}", statistics.median(one.p99_ms for one in ours))
    report.at_most(
        f"p99 relative to FastAPI {with_s}",
        statistics.median(one.p99_ms / other.p99_ms for _, one, _, other in rounds),
        0.5,
    )
    errors = sum(one.errors for one in ours)
    report.add(f"errors {with_s}", errors, "0", errors == 0)
    for name, runs in (("endpoint", ours), ("FastAPI", theirs)):
        for place, part in enumerate(("program", "PostgreSQL")):
            report.add(
                f"CPU µs per lead, {name}, {part} {with_s}", statistics.median(one.cpu_us[place] for one in runs)
            )


@contextmanager
def served(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server program, from when it answers until the block ends."""
    process = subprocess.Popen(command, cwd=HERE.parent, env={**os.environ, **environment}, start_new_session=True)
    try:
        wait_for(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the server ended"
        try:
            with urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=1):
                return
        except URLError as error:
            if "refused" not in str(error.reason):
                return  # it answers, if with an error
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """CPU time of a process and all below it, ended ones included."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * _TICK_S + sum(cpu_s(child) for child in children if _is_alive(child))


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
