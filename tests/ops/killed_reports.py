"""Makes and sends a weekly digest again and again in processes that are killed at some statement, until one ends it.

A program of its own (`python killed_reports.py URL ORGANIZATION PORT KILLS SEED`), because only a process with a single
thread may fork. The mail server at PORT is the caller's. It prints one JSON object: how many were killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from datetime import UTC, date, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import event

from insights.report import html, pdf, plain  # noqa: F401  # what a child would load again each time
from insights.report.document import Week
from ops import report_digest
from ops.report_sending import ReportSender
from ops.services import Services
from ops.settings import Settings
from ops.webhooks import WebhookSender
from snapshots.database import Database
from snapshots.report_outbox import ReportOutbox

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEK = Week(date(2026, 11, 16))
IN_MAKING, IN_SENDING = 150, 30
"""Of so many statements of either part one is chosen before which a process dies: making the report takes about a
hundred, sending each message five."""


def run(url: str, organization: int, port: int, kill_at: int | None, *, in_sending: bool) -> None:
    """The whole work in this process, which ends by SIGKILL before its statement `kill_at`, of all or of sending."""
    database, statements, is_sending = Database(url), 0, False

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at and (is_sending or not in_sending):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", count)
    event.listen(database.engine, "commit", count)
    settings = Settings(
        _env_file=None, smtp_url=SecretStr(f"smtp://127.0.0.1:{port}"), smtp_from="SLMS <slms@example.com>",
        secret_key=SecretStr("k" * 40),
    )  # fmt: skip
    services = Services(settings=settings, database_url=url, database=database, now=lambda: NOW)
    report_digest.make_digest(services, organization, WEEK)
    # As if the lease of whoever died had passed.
    outbox = ReportOutbox(database=database, lease=timedelta())
    statements, is_sending = (0 if in_sending else statements), True
    sender = ReportSender(services, outbox, WebhookSender(settings))
    while sender.send_due():
        pass


def is_killed(url: str, organization: int, port: int, kill_at: int | None, *, in_sending: bool) -> bool:
    """The same in a child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(url, organization, port, kill_at, in_sending=in_sending)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise RuntimeError("a run failed")
    return False


def main(url: str, organization: int, port: int, kills: int, seed: int) -> None:
    chance, n_killed, n_runs = random.Random(seed), 0, 0
    is_over = False
    while not (is_over and n_killed >= kills):
        in_sending = n_killed % 5 > 0
        kill_at = chance.randint(1, IN_SENDING if in_sending else IN_MAKING) if n_killed < kills else None
        killed = is_killed(url, organization, port, kill_at, in_sending=in_sending)
        n_killed, n_runs, is_over = n_killed + killed, n_runs + 1, not killed
        if is_over and n_killed < kills:
            break  # all is sent: nothing is left to be killed at
    print(json.dumps({"killed": n_killed, "runs": n_runs}))


if __name__ == "__main__":
    main(sys.argv[1], *(int(one) for one in sys.argv[2:]))
