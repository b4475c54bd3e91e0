"""Leads poured in by eight senders while endpoints, workers and the database are killed at random, into CRMs that lie:
nothing that was accepted may be lost, and no contact made twice. `python soak.py --seconds 600` (also `make soak`).

Everything is a real process on this machine with a database of its own on a disk that is synced; senders behave as they
should, and send again with the same key after anything but a definite answer.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from hostile_crm import AMBIGUOUS, HARMLESS, HostileCrm, Weather, is_silent, refuses, serving
from ledger import ACCEPTED, Heard, Ledger, check
from processes import Processes, answers, is_alive, processes, send, wait_until
from running_endpoint import _free_port as free_port

from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.forms import list_forms
from snapshots.organizations import connect_crm, create_organization

CLIENTS = 8
ENDPOINTS, WORKERS = 2, 3
LEASE_S, DEADLINE_S, LAG_S, WAIT_S = 6.0, 1.5, 1.0, 0.5
DEFINITE = ACCEPTED | {400, 413, 415, 422}
PG_EVERY_S = 25.0
WEATHER = tuple(kind for kind in AMBIGUOUS if kind is not is_silent) + HARMLESS + (lambda: is_silent(seconds=2.0),)


@dataclass(frozen=True)
class Plan:
    """pace: leads per second of all senders together. kill_every_s: on average."""

    seconds: float
    seed: int = 1
    pace: float = 24.0
    kill_every_s: float = 2.2


@dataclass
class Outcome:
    ledger: Ledger
    counts: Counter[str]
    seconds: float

    def lines(self) -> list[tuple[str, int | float]]:
        return [*self.counts.items(), *self.ledger.counts.items(), ("seconds", round(self.seconds))]


class Cluster:
    """The database server, which is stopped without a word now and then."""

    def __init__(self, folder: Path, binaries: Path | None) -> None:
        self.folder = folder
        self.url = embedded.start(folder, binaries=binaries)
        self._server, _ = embedded._in_use[folder.resolve()]

    def crash(self) -> None:
        account = embedded._Account.for_data(self._server.data)
        with suppress(embedded.EmbeddedServerError):  # it may be on its way up just now
            self._server._pg_ctl(account, "stop", "-m", "immediate")
        for _ in range(20):
            with suppress(embedded.EmbeddedServerError, psycopg.OperationalError):
                self._server.ensure_running()
                return
        raise AssertionError("the database did not come up again")

    def close(self) -> None:
        embedded.release(self.folder)


@dataclass
class Soak:
    plan: Plan
    cluster: Cluster
    crms: dict[int, HostileCrm]
    forms: dict[int, str]
    processes: Processes
    ports: list[int] = field(default_factory=list)
    endpoints: dict[int, int] = field(default_factory=dict)
    workers: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    heard: list[Heard] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Outcome:
        began = time.monotonic()
        self._begin()
        senders = [threading.Thread(target=self._send_leads, args=(number,)) for number in range(CLIENTS)]
        for sender in senders:
            sender.start()
        self._do_harm()
        self.stopped.set()
        for crm in self.crms.values():
            crm.otherwise = lambda _: None
        for sender in senders:
            sender.join()
        wait_until(self._is_drained, at_most_s=180, every_s=0.5)
        writes = [write for crm in self.crms.values() for write in crm.ledger]
        ledger = check(self.cluster.url, self.heard, writes, is_drained=True)
        return Outcome(ledger, self.counts, time.monotonic() - began)

    def _begin(self) -> None:
        self.ports = [free_port() for _ in range(ENDPOINTS)]
        for port in self.ports:
            self._start_endpoint(port)
        for port in self.ports:
            wait_until(lambda port=port: answers(port))
        self.workers = [self._start_worker() for _ in range(WORKERS)]

    def _start_endpoint(self, port: int) -> None:
        self.endpoints[port] = self.processes.start("endpoint", port=port)
        self.counts["endpoints started"] += 1

    def _start_worker(self) -> int:
        self.counts["workers started"] += 1
        return self.processes.start("worker", name=f"worker {self.counts['workers started']}")

    # --- harm ---

    def _do_harm(self) -> None:
        chance, ends = random.Random(self.plan.seed), time.monotonic() + self.plan.seconds
        next_crash = time.monotonic() + PG_EVERY_S / 2
        while time.monotonic() < ends:
            self.stopped.wait(chance.uniform(0.3, 1.7) * self.plan.kill_every_s)
            if time.monotonic() >= next_crash:
                self.cluster.crash()
                self.counts["database crashes"] += 1
                next_crash = time.monotonic() + PG_EVERY_S
            self._hurt_one(chance)

    def _hurt_one(self, chance: random.Random) -> None:
        for port, pid in self.endpoints.items():
            if not is_alive(pid):
                self._start_endpoint(port)
        dice = chance.random()
        if dice < 0.35:
            self._kill(self.endpoints[port := chance.choice(self.ports)], "endpoint kills")
            self._start_endpoint(port)
        elif dice < 0.9:
            place = chance.randrange(WORKERS)
            self._kill(self.workers[place], "worker kills")
            self.workers[place] = self._start_worker()
        else:
            self._put_to_sleep(chance.choice(self.workers))

    def _kill(self, pid: int, name: str) -> None:
        self.processes.kill(pid)
        wait_until(lambda: not is_alive(pid))
        self.counts[name] += 1
        self.counts["kills"] += 1

    def _put_to_sleep(self, pid: int) -> None:
        """Past its lease; it wakes as a zombie, whose leads are somebody else's."""
        self.processes.kill(pid, signal.SIGSTOP)
        timer = threading.Timer(LEASE_S + 1.5, self.processes.kill, (pid, signal.SIGCONT))
        timer.daemon = True
        timer.start()
        self.counts["workers put to sleep"] += 1

    # --- senders ---

    def _send_leads(self, number: int) -> None:
        chance = random.Random(self.plan.seed * 1000 + number)
        count = 0
        while not self.stopped.is_set():
            count += 1
            organization = chance.choice(list(self.forms))
            # One in eight comes from somebody who wrote before.
            person = count if chance.random() > 0.125 else chance.randint(1, count)
            body = {
                "email": f"lead.{number}.{person}@org{organization}.example.com",
                "form": self.forms[organization],
                "company": "poison" if chance.random() < 0.01 else f"Company {count}",
            }
            key = str(UUID(int=chance.getrandbits(128)))
            self._until_definite(chance, body, key)
            if chance.random() < 0.05:
                self._until_definite(chance, body, key)
            if chance.random() < 0.02:
                self._until_definite(chance, body | {"company": "Another"}, key)
            self.stopped.wait(chance.expovariate(self.plan.pace / CLIENTS))

    def _until_definite(self, chance: random.Random, body: dict[str, str], key: str) -> None:
        headers = {"prefer": "respond-async"} if chance.random() < 0.7 else {}
        for _ in range(200):
            status, said = send(chance.choice(self.ports), body, key=key, headers=headers)
            with self._guard:
                self.counts[f"answers {status}" if status else "no answer"] += 1
                if status:
                    self.heard.append(Heard(key, json.dumps(body, sort_keys=True), status, said.get("lead_id")))
            if status in DEFINITE:
                return
            threading.Event().wait(0.1 + chance.random() * 0.2)
        raise AssertionError(f"{key} got no definite answer")

    def _is_drained(self) -> bool:
        for port, pid in list(self.endpoints.items()):
            if not is_alive(pid):
                self._start_endpoint(port)
        with psycopg.connect(self.cluster.url, autocommit=True) as connection:
            found = connection.execute("SELECT count(*) FROM received_leads WHERE state = 'pending'").fetchone()
        return found == (0,)


@contextmanager
def soaking(folder: Path, plan: Plan, binaries: Path | None = None) -> Iterator[Soak]:
    """Two organizations: the CRM of one is looked up first, in a search that lags and shows double contacts; the other
    one's keeps addresses unique."""
    cluster = Cluster(folder / "pg", binaries)
    try:
        migrate(cluster.url)
        database = Database(cluster.url)
        searched = create_organization(database, "Looked up first").organization_id
        unique = create_organization(database, "Keeps addresses unique").organization_id
        for organization in (searched, unique):
            connect_crm(database, organization, provider="demo", name="Hostile", settings={})
        forms = {one: list_forms(database, one)[0].key for one in (searched, unique)}
        database.close()
        weather = Weather(plan.seed, 12.0, (*WEATHER, lambda: refuses(401)))
        crms = {searched: HostileCrm(lag_s=LAG_S * 0.9, otherwise=weather), unique: HostileCrm(otherwise=weather)}
        with serving(crms[searched]), serving(crms[unique]):
            known: dict[int, tuple[str, bool, float | None]] = {
                searched: (crms[searched].url, False, LAG_S),
                unique: (crms[unique].url, True, 0.0),
            }
            with processes(
                cluster.url, known, lease_s=LEASE_S, wait_s=WAIT_S, deadline_s=DEADLINE_S, is_hasty=True
            ) as made:
                yield Soak(plan, cluster, crms, forms, made)
    finally:
        cluster.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks are not installed
    from benchmarks.report import Report

    report = Report("soak", packages=("psycopg", "granian", "flask", "httpx"))
    with (
        tempfile.TemporaryDirectory(prefix="slms-soak-") as folder,
        soaking(Path(folder), Plan(given.seconds, given.seed, pace=150.0, kill_every_s=2.0)) as soak,
    ):
        outcome = soak.run()
    is_long = given.seconds >= 600
    for name, value in outcome.lines():
        targets = {"lost": 0, "duplicated": 0}
        if name in targets:
            report.add(name, value, "0", value == 0)
        elif is_long and name in {"accepted", "kills"}:
            report.at_least(name, float(value), {"accepted": 10_000, "kills": 200}[name])
        else:
            report.add(name, value)
    faults = outcome.ledger.faults
    report.add("broken invariants", len(faults), "0", not faults)
    sys.stdout.write("\n".join(faults[:50]) + "\n")
    if is_long:
        report.write()
    return 0 if report.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
