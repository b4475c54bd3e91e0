"""Row 32: an endpoint that is told to stop under load answers what it has begun; nobody hears anything but yes."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import uuid4

import psycopg
from processes import wait_until
from running_endpoint import running_endpoint

from snapshots.database import Database

SENDERS, LEADS_BEFORE = 6, 120


def test_an_endpoint_that_is_stopped_under_load_answers_what_it_has_begun(
    database: Database, organization: int, tmp_path: Path
) -> None:
    said: Counter[str] = Counter()
    answered: set[str] = set()
    guard, is_over = threading.Lock(), threading.Event()

    def send() -> None:
        while not is_over.is_set():
            key = uuid4().hex
            what = _post(endpoint.port, key)
            with guard:
                said[what] += 1
                answered.update({key} if what == "202" else ())
            if what == "refused":
                return

    with running_endpoint(database.url, tmp_path) as endpoint:
        senders = [threading.Thread(target=send) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        wait_until(lambda: said["202"] >= LEADS_BEFORE)
        endpoint.process.send_signal(signal.SIGTERM)
        endpoint.process.wait(30)
        is_over.set()
        for sender in senders:
            sender.join()
    assert set(said) <= {"202", "refused", "cut off"}, said
    with psycopg.connect(database.url, autocommit=True) as connection:
        stored = {key for (key,) in connection.execute("SELECT idempotency_key FROM received_leads").fetchall()}
    assert answered <= stored
    assert stored <= answered, "a lead was stored, and its sender was not told"


def _post(port: int, key: str) -> str:
    """The status; or that there was nobody, or nobody any more before the request was taken."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.connect()
    except OSError:
        return "refused"
    try:
        headers = {"content-type": "application/json", "prefer": "respond-async", "idempotency-key": key}
        connection.request("POST", "/public/leads", json.dumps({"email": "ada@example.com"}), headers)
        return str(connection.getresponse().status)
    except (OSError, HTTPException):
        return "cut off"
    finally:
        connection.close()
