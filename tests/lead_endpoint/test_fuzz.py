"""Whatever is sent to the endpoint: no server error, nothing accepted without a row, and its memory stays as it is.

Schemathesis sends what follows from the OpenAPI document and what almost does, with all of its checks; then come
requests that no document describes. Both go to the endpoint as it is served, over sockets, with all checks on; the rate
limits alone are out of reach. SLMS_TEST_FULL=1 sends at least 50,000 and writes benchmarks/results/fuzz.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from pathlib import Path
from random import Random

import pytest
from databases import CopyOf
from hostile_requests import LEADS, REQUESTS, Sent, mangled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_api import send_lead
from made_installation import House, demo_house_of
from running_endpoint import Endpoint, running_endpoint
from sqlalchemy import text

from benchmarks.report import Report
from lead_endpoint import create_app, submission
from lead_endpoint.front import Front
from lead_endpoint.openapi import OPERATIONS
from snapshots.api_keys import create_api_key
from snapshots.database import Database
from snapshots.forms import list_forms

IS_FULL = os.environ.get("SLMS_TEST_FULL") == "1"
AT_LEAST = 50_000 if IS_FULL else 2_000
EXAMPLES = 400 if IS_FULL else 10
"""What Schemathesis makes for each of its phases and each operation."""
MANGLED = 4
"""How many requests are made of each hostile one by changing some bytes."""
MORE_MB = 32
"""So much more memory may be held at the end than after the first fifth."""
HERE, BIN = Path(__file__).parent, Path(sys.executable).parent
OF_LEADS = {status for one in OPERATIONS if one.path == LEADS for status in one.replies} - {503}


@dataclass(slots=True)
class Record:
    """What was answered. lead_ids: of answers that name one; hashes: of bodies that were accepted."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    lead_ids: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)

    def note(self, method: str, path: str, status: int, body_hash: str, lead_id: str | None) -> None:
        self.answers[f"{method} {path}", status] += 1
        if (method, path) == ("POST", LEADS) and status in {200, 202, 303}:
            self.hashes.add(body_hash)
        if lead_id is not None:
            self.lead_ids.add(lead_id)

    @property
    def n(self) -> int:
        return self.answers.total()

    @property
    def n_server_errors(self) -> int:
        return sum(n for (_, status), n in self.answers.items() if status >= 500)

    def without_row(self, database: Database) -> int:
        """How many were accepted of which nothing is stored."""
        with database.as_worker() as connection:
            rows = connection.execute(
                text("SELECT lead_id::text, encode(request_hash, 'hex') FROM received_leads")
            ).all()
        return len(self.lead_ids - {row[0] for row in rows}) + len(self.hashes - {row[1] for row in rows})


@dataclass(frozen=True, slots=True)
class Fuzzed:
    house: House
    endpoint: Endpoint
    key: str
    home: Path


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture
def fuzzed(house: House, tmp_path: Path) -> Iterator[Fuzzed]:
    # Without the scope live: the demo CRM takes a second for each of its answers.
    scopes = ("read", "debug", "metrics")
    key = create_api_key(house.database, house.organization_id, name="fuzz", scopes=scopes, expires_at=None)
    with running_endpoint(house.services.database_url, tmp_path, LEAD_WAIT_S="0.05") as endpoint:
        yield Fuzzed(house, endpoint, key, tmp_path)


def test_a_part_of_a_form_without_a_name_is_read_as_one() -> None:
    """Found by fuzzing: such a part was a server error."""
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
    body += b"--x\r\nContent-Disposition: form-data\r\n\r\nlost\r\n"
    body += b'--x\r\nContent-Disposition: form-data; filename="a.pdf"\r\n\r\nlost\r\n--x--\r\n'
    fields = submission.read(body, "multipart/form-data; boundary=x")
    assert (fields["email"], fields[""]) == ("ada@example.com", "lost")
    assert submission.person(fields, phone_region=None).email == "ada@example.com"


def test_a_defect_of_ours_is_answered_in_the_one_shape(house: House) -> None:
    class Broken:
        async def handle(self, request: object) -> object:
            raise ZeroDivisionError

    app = create_app(house.services)
    parts = app.extensions["slms"]
    parts._desk = Broken()
    given = send_lead(Front(parts, app), b"{}")
    assert (given.status, given.headers["content-type"]) == (500, "application/problem+json")
    assert b"ZeroDivision" not in given.body


@pytest.mark.once
@pytest.mark.timeout(3600 if IS_FULL else 600)
def test_nothing_that_is_sent_breaks_the_endpoint(fuzzed: Fuzzed) -> None:
    record = Record()
    schemathesis(fuzzed, record)
    n_described = record.n
    after_a_fifth = hostile(fuzzed, record, AT_LEAST // 5)
    # However many requests the description asked for, as many come after the first look at the memory.
    at_the_end = hostile(fuzzed, record, max(AT_LEAST // 5, AT_LEAST - AT_LEAST // 5 - n_described))
    unstored = record.without_row(fuzzed.house.database)
    if IS_FULL:
        write(record, n_described, unstored, after_a_fifth, at_the_end)
    assert record.n >= AT_LEAST
    assert record.n_server_errors == 0
    assert unstored == 0
    assert len(record.hashes) > record.n / 20  # enough was accepted for this to mean something
    assert at_the_end - after_a_fifth <= MORE_MB


def schemathesis(fuzzed: Fuzzed, record: Record) -> None:
    """Fails with what Schemathesis says."""
    answers = fuzzed.home / "answers.jsonl"
    form = list_forms(fuzzed.house.database, fuzzed.house.organization_id)[0].key
    command = [str(BIN / "schemathesis"), "run", f"{fuzzed.endpoint.address}/openapi.json", "--checks", "all"]
    # On a busy machine the first report, with its charts, takes longer than the usual ten seconds.
    command += [
        "--request-timeout",
        "60",
        "--max-examples",
        str(EXAMPLES),
        "--seed",
        "1",
        "--header",
        f"Authorization: Bearer {fuzzed.key}",
    ]
    environment = {"SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py"), "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command,
        cwd=fuzzed.home,
        env={**os.environ, **environment, "FUZZ_FORM": form, "FUZZ_RECORD": str(answers)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for line in answers.read_text().splitlines():
        said = json.loads(line)
        record.note(said["method"], said["path"], said["status"], said["hash"], said["lead_id"])
    asked = {name for name, _ in record.answers}
    # The document itself was asked for at the beginning.
    assert {f"{one.method.upper()} {one.path}" for one in OPERATIONS} - asked == {"GET /openapi.json"}


def hostile(fuzzed: Fuzzed, record: Record, number: int) -> float:
    """Send so many hostile requests; the memory of the endpoint after that, in MB."""
    client = Client(fuzzed.endpoint.port, fuzzed.key)

    @settings(
        max_examples=number // (1 + MANGLED) + 1,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS, st.integers(0, 2**32))
    def send(sent: Sent, seed: int) -> None:
        check(sent)
        chance = Random(seed)
        for _ in range(MANGLED):
            check(mangled(sent, chance))

    def check(sent: Sent) -> None:
        status, kind, body = client.answer(sent)
        path = sent.target.partition("?")[0]
        is_accepted = sent.method == "POST" and path == LEADS and status in {200, 202}
        lead_id = json.loads(body)["lead_id"] if is_accepted else None
        record.note(sent.method, path, status, hashlib.sha256(sent.body).hexdigest(), lead_id)
        assert status < 500, body
        if (sent.method, path) == ("POST", LEADS):
            assert status in OF_LEADS, body
        if status >= 400 and sent.method != "HEAD":
            assert kind in {"application/problem+json", "text/html; charset=utf-8"}

    send()
    client.close()
    return fuzzed.endpoint.memory_mb


class Client:
    """One connection, kept open as long as the endpoint keeps it."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def answer(self, sent: Sent) -> tuple[int, str | None, bytes]:
        try:
            found = self._ask(sent)
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):  # it closes after some refusals
            self.close()
            found = self._ask(sent)
        return found.status, found.getheader("content-type"), found.read()

    def _ask(self, sent: Sent) -> HTTPResponse:
        headers = {name: value.encode("latin-1") for name, value in sent.headers.items()}
        headers["Authorization"] = f"Bearer {self._key}".encode()
        self._connection.request(sent.method, sent.target, sent.body, headers)  # type: ignore[arg-type]
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


def write(record: Record, n_described: int, unstored: int, before_mb: float, after_mb: float) -> None:
    report = Report("fuzz", packages=("schemathesis", "hypothesis", "granian", "flask", "pydantic"))
    report.at_least("requests", record.n, AT_LEAST)
    report.add("requests made by schemathesis, all checks", n_described)
    report.add("leads accepted", sum(n for (_, status), n in record.answers.items() if status in {202, 303}))
    report.add("refusals (4xx)", sum(n for (_, status), n in record.answers.items() if 400 <= status < 500))
    report.at_most("server errors", record.n_server_errors, 0)
    report.at_most("accepted without a row", unstored, 0)
    report.add("resident memory after the first fifth, MB", before_mb)
    report.at_most("growth from there to the end, MB", after_mb - before_mb, MORE_MB)
    report.write()
