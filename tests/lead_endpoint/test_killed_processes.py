"""Endpoints and workers that are killed by the system at a chosen point: what was answered holds, the rest can be sent
again, and the CRM gets everything once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import psycopg
import pytest
from hostile_crm import HostileCrm, serving
from ledger import ACCEPTED, Heard, Ledger, check
from processes import Processes, answers, is_alive, processes, send, wait_until
from running_endpoint import _free_port as free_port

from snapshots.database import Database
from snapshots.organizations import connect_crm

LEASE_S = 1.5


@dataclass
class Bed:
    """An installation of real processes and the CRM that they deliver to."""

    database_url: str
    crm: HostileCrm
    processes: Processes
    port: int
    heard: list[Heard] = field(default_factory=list)

    def send(self, email: str, *, key: str | None = None) -> tuple[int, str | None]:
        key = key or uuid4().hex
        status, said = send(self.port, {"email": email}, key=key, headers={"prefer": "respond-async"})
        lead_id = said.get("lead_id")
        if status:
            self.heard.append(Heard(key, email, status, lead_id))
        return status, lead_id

    def endpoint(self, **more: str) -> int:
        pid = self.processes.start("endpoint", port=self.port, **more)
        wait_until(lambda: answers(self.port))
        return pid

    def is_drained(self) -> bool:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            found = connection.execute("SELECT count(*) FROM received_leads WHERE state = 'pending'").fetchone()
        return found == (0,)

    def finish(self) -> Ledger:
        self.processes.start("worker", name="last")
        wait_until(self.is_drained)
        return check(self.database_url, self.heard, self.crm.ledger, is_drained=True).require()


@pytest.fixture
def bed(database: Database, organization: int) -> Iterator[Bed]:
    """The CRM is looked up first."""
    connect_crm(database, organization, provider="demo", name="Hostile", settings={})
    with serving(HostileCrm()) as crm:
        crms: dict[int, tuple[str, bool, float | None]] = {organization: (crm.url, False, 0.0)}
        with processes(database.url, crms, lease_s=LEASE_S, is_hasty=True) as made:
            yield Bed(database.url, crm, made, free_port())


@pytest.mark.parametrize("crash", ["before the insert", "after the commit", "during the reply"])
def test_an_endpoint_killed_while_it_accepts_loses_nothing_that_it_answered(bed: Bed, crash: str) -> None:
    pid = bed.endpoint(crash=crash)
    status, _ = bed.send("ada@example.com", key="one")
    assert status not in ACCEPTED
    wait_until(lambda: not is_alive(pid))
    bed.endpoint()
    assert [bed.send("ada@example.com", key="one")[0] for _ in range(2)] == [202, 202]
    counts = bed.finish().counts
    assert (counts["rows"], counts["contacts"], counts["duplicated"]) == (1, 1, 0)


@pytest.mark.parametrize("crash", ["after the claim", "before the mark", "after the mark"])
def test_a_worker_killed_while_it_delivers_is_followed_by_another(bed: Bed, crash: str) -> None:
    bed.endpoint()
    for number in range(3):
        assert bed.send(f"lead.{number}@example.com")[0] == 202
    for _ in range(2):
        pid = bed.processes.start("worker", name="dying", crash=crash)
        wait_until(lambda pid=pid: not is_alive(pid))
    counts = bed.finish().counts
    assert (counts["delivered"], counts["contacts"], counts["duplicated"]) == (3, 3, 0)


def test_a_worker_stopped_past_its_lease_changes_nothing_when_it_wakes(bed: Bed) -> None:
    bed.endpoint()
    bed.crm.otherwise = _slowly
    first = bed.processes.start("worker", name="sleepy")
    assert bed.send("ada@example.com")[0] == 202
    wait_until(lambda: bed.crm.asked)
    bed.processes.kill(first, signal.SIGSTOP)
    bed.crm.otherwise = lambda _: None
    bed.processes.start("worker", name="awake")
    wait_until(bed.is_drained)
    bed.processes.kill(first, signal.SIGCONT)
    assert bed.send("bo@example.com")[0] == 202
    wait_until(bed.is_drained)
    assert bed.finish().counts["duplicated"] == 0


def _slowly(method: str):
    from hostile_crm import Fault

    def answer(at, status, content):
        at.stop.wait(0.5)
        at.say(status, content)

    return Fault("slow", applies=True, answer=answer) if method == "GET" else None
