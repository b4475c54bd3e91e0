"""Row 22: the database is brought to the newest version while leads come in, and the one who does it is killed on the
way: every sender is answered, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
from ledger import Heard, check
from world import request, services_for

from lead_endpoint.parts import Parts
from snapshots.database import Database, migrate, revisions

SENDERS, BEFORE_VERSIONS, FIRST = 4, "0005_crm_changes", "0006_forms"
"""FIRST: the oldest database that this program takes leads with."""
ROOT = Path(__file__).parents[2]
MIGRATE = "import sys; from snapshots.database import migrate; migrate(sys.argv[1])"
ORGANIZATION = "INSERT INTO organizations (name, time_zone) VALUES ('Acme', 'UTC') RETURNING organization_id"
FORM = (
    "INSERT INTO forms (organization_id, key, name, is_default) VALUES (%s, %s, 'Website', true) ON CONFLICT DO NOTHING"
)


def test_leads_are_accepted_while_the_database_is_migrated_by_somebody_who_is_killed(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    migrate(url, BEFORE_VERSIONS)
    with psycopg.connect(url) as connection:
        organization_id = connection.execute(ORGANIZATION).fetchone()[0]  # type: ignore[index]
        connection.execute(FORM, (organization_id, f"{organization_id:06d}.1"))
    migrate(url, FIRST)
    parts = Parts(lambda: services_for(Database(url), lambda _: []))
    heard: list[Heard] = []
    is_over, chance = threading.Event(), random.Random(22)

    def send(sender: int) -> None:
        number = 0
        while not is_over.is_set():
            key, email = f"{sender}-{number}", f"person{sender}.{number}@example.com"
            answer = parts.desk.handle_from_thread(request({"email": email}, key=key))
            heard.append(Heard(key, email, answer.status, json.loads(answer.body).get("lead_id")))
            number += answer.status != 503  # which is sent again, with the same key

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(6):
            killed(url, after_s=chance.uniform(0.2, 1.6))
        migrate(url)
    finally:
        is_over.set()
        for sender in senders:
            sender.join()
        parts.close()
    current, newest = revisions(url)
    assert current == newest != FIRST
    refused = sum(one.status == 503 for one in heard)
    assert {one.status for one in heard} <= {202, 503}
    assert refused <= 0.01 * len(heard), f"{refused} of {len(heard)} were refused"
    check(url, heard, []).require()


def killed(url: str, *, after_s: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", MIGRATE, url], cwd=ROOT)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
