"""Coaching notes: what a template takes, what two hundred notes take with a model that answers in a second, what they
cost, and how long one waits for a server that never answers.

The model is made up: it answers every question well, after a second. Tokens are counted as four characters each, which
is what the words of prompts and answers come to; prices are those of a small model.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.report import Report
from insights.coaching import phrases, templates
from insights.coaching.facts import Baseline, Entity, Pack, Period
from ops.coaching import NOTE_DEADLINE_S, write_note, write_notes
from ops.llm import Client, Endpoint
from ops.services import Services
from ops.settings import Settings
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.organizations import create_organization

REPS, ANSWER_S = 200, 1.0
WEEK = date(2026, 11, 16)
PRICE_IN, PRICE_OUT = Decimal("0.10"), Decimal("0.50")
"""US dollars per million tokens."""


def run() -> bool:
    report = Report("notes", packages=("openai",))
    _templates(report)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url)
        try:
            _written(report, database)
            _silent(report, database)
        finally:
            database.close()
            embedded.release(place)
    report.write()
    return report.holds


def pack(rep: int) -> Pack:
    """Eight facts of a rep, other ones for each."""
    week, usual = Period(WEEK, date(2026, 11, 22), "last week"), Baseline(Decimal(4), "median", 8)
    deals = [Entity("D1", f"Company {rep}"), Entity("D2", f"Firm {rep}")]
    gap = phrases.sync_gap(date(2026, 11, 9), today=date(2026, 11, 23))
    made = [
        phrases.meetings(6 + rep % 9, week, usual), phrases.new_deals(1 + rep % 3, week, usual),
        phrases.win_rate(16 + rep, 51 + 3 * rep, week), phrases.without_next_step(2 + rep % 7),
        phrases.past_close_date(2 + rep % 5), phrases.silent_deal(deals[0], 15 + rep, (Decimal(1000 * rep), "USD")),
        phrases.pushed_deal(deals[1], 2 + rep % 4, (Decimal(500 * rep), "USD")), gap,
    ]  # fmt: skip
    return Pack(phrases.numbered(made), tuple(deals))


def _templates(report: Report) -> None:
    took: list[float] = []
    for rep in range(REPS):
        told, began = pack(rep + 1), time.perf_counter()
        templates.write(told, rep)
        took.append(1000 * (time.perf_counter() - began))
    report.at_most("milliseconds per template, p95", statistics.quantiles(took, n=20)[-1], 50.0)


def _written(report: Report, database: Database) -> None:
    services, organization = _services(database), create_organization(database, "Notes").organization_id
    with _serving(ANSWER_S) as (url, bodies):
        client = _client(url)
        packs = {rep: pack(rep) for rep in range(1, REPS + 1)}
        began = time.perf_counter()
        made = write_notes(services, organization, WEEK, packs, client=client)
        took = time.perf_counter() - began
        report.at_most(f"seconds for {REPS} notes, a model that answers in {ANSWER_S:g} s", took, 60.0)
        n_worded = sum(one.level == "L2" for one in made.values())
        report.add("notes worded by the model", n_worded, str(REPS), n_worded == REPS)
        began = time.perf_counter()
        write_notes(services, organization, WEEK, packs, client=client)
        report.add("seconds for the same once more", time.perf_counter() - began)
        report.add("requests in all", len(bodies), str(REPS), len(bodies) == REPS)
    costs = sorted(one.micro_usd or 0 for one in made.values())
    report.add("tokens per note in, median", statistics.median(one.tokens_in or 0 for one in made.values()))
    report.add("tokens per note out, median", statistics.median(one.tokens_out or 0 for one in made.values()))
    report.at_most(
        "millionths of a US dollar per note, p99, at 0.10 and 0.50 per million", costs[int(0.99 * REPS)], 1000
    )


def _silent(report: Report, database: Database) -> None:
    services, organization = _services(database), create_organization(database, "Silence").organization_id
    with _serving(60.0) as (url, _):
        client = _client(url)
        began = time.perf_counter()
        note = write_note(services, organization, 1, WEEK, pack(1), client=client)
        report.at_most("seconds for a note, a server that never answers", time.perf_counter() - began, NOTE_DEADLINE_S)
        report.add("it is", note.level, "L0", note.level == "L0")


def _client(url: str) -> Client:
    endpoint = Endpoint(
        model="made-up", base_url=url, key=SecretStr("k"), price_in=PRICE_IN, price_out=PRICE_OUT
    )  # fmt: skip
    return Client(endpoint)


def _services(database: Database) -> Services:
    return Services(
        settings=Settings(_env_file=None), database_url=database.url, database=database,
        now=lambda: datetime(2026, 11, 23, 7, tzinfo=UTC),
    )  # fmt: skip


# --- a model ---------------------------------------------------------------------------------------------------------

_OPENINGS = {
    "strength": "Nice momentum: {%s}.", "opportunity": "Worth a tidy-up: {%s}.", "action": "A good first call: {%s}.",
    "context": "For context: {%s}.", "caveat": "Please note: {%s}.",
}  # fmt: skip


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    given = json.loads(asked["messages"][1]["content"])["facts"]
    kinds = {"context": "summary", "caveat": "summary"}
    told = [
        {"kind": kinds.get(one["role"], one["role"]), "text": _OPENINGS[one["role"]] % one["id"]} for one in given[-6:]
    ]
    text = json.dumps({"sentences": told})
    usage = {"prompt_tokens": len(json.dumps(asked)) // 4, "completion_tokens": len(text) // 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "model": "made-up", "choices": [choice], "usage": usage}


@contextmanager
def _serving(after_s: float) -> Iterator[tuple[str, list[str]]]:
    bodies: list[str] = []
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(raw.decode())
            stopped.wait(after_s)
            content = json.dumps(_answer(json.loads(raw))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # who asked has gone
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", bodies
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
