"""Processes that make and send reports are killed at any statement: each recipient gets one Message-ID."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from examples import examples
from made_receivers import mail_server
from sqlalchemy import text

from snapshots import report_archive
from snapshots.database import Database
from snapshots.report_archive import Readership

ROOT = Path(__file__).resolve().parents[2]
KILLS = examples(5, full=50)
PEOPLE = 5 * KILLS
"""More than can be told before the last one is killed."""


@pytest.mark.once
@pytest.mark.timeout(1200)
def test_one_message_per_report_recipient_and_week_comes_whenever_a_process_is_killed(
    database: Database, organization: int
) -> None:
    with database.as_app(organization) as link:
        link.execute(text("UPDATE organizations SET data_version = 1"))
    people = [f"person{n}@example.com" for n in range(PEOPLE)]
    for one in people:
        report_archive.add_recipient(database, organization, Readership("organization"), "email", one, by="ann")
    with mail_server() as inbox:
        program = [sys.executable, str(ROOT / "tests/ops/killed_reports.py"), database.url]
        arguments = [str(one) for one in (organization, inbox.port, KILLS, 7)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        done = subprocess.run([*program, *arguments], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
    ids = Counter((mail["To"], mail["Message-ID"]) for mail in inbox.mails)
    print(told, "messages:", ids.total(), "of them a second time:", ids.total() - len(ids))
    assert told["killed"] == KILLS
    assert sorted(to for to, _ in ids) == sorted(people)
    assert len({message for _, message in ids}) == len(people)
    assert KILLS < 50 or ids.total() > len(ids), "nobody died between sending and writing it down"
