"""Real processes for tests to kill: forked from a program that has imported everything, and ended by their ids."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any

ZYGOTE = Path(__file__).with_name("zygote.py")


@dataclass
class Processes:
    """started: ids of all processes that were ever forked, none of which may outlive this."""

    zygote: subprocess.Popen[str]
    started: set[int] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def start(self, what: str, **more: Any) -> int:
        """endpoint (port) or worker (name). crash: where it kills itself."""
        with self._guard:
            given, said = self._pipes()
            given.write(json.dumps({"what": what, **more}) + "\n")
            given.flush()
            pid = int(said.readline())
        self.started.add(pid)
        return pid

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        return self.zygote.stdin, self.zygote.stdout

    def kill(self, pid: int, how: int = signal.SIGKILL) -> None:
        assert pid in self.started, "only what was started here is ended here"
        with suppress(ProcessLookupError):
            os.kill(pid, how)


@contextmanager
def processes(
    database_url: str,
    crms: dict[int, tuple[str, bool, float | None]],
    *,
    lease_s: float = 60.0,
    wait_s: float = 0.0,
    deadline_s: float = 1.0,
    is_hasty: bool = False,
) -> Iterator[Processes]:
    """See `zygote.Config`."""
    config = {
        "database_url": database_url,
        "crms": {str(organization): crm for organization, crm in crms.items()},
        "lease_s": lease_s,
        "wait_s": wait_s,
        "deadline_s": deadline_s,
        "is_hasty": is_hasty,
    }
    command = [sys.executable, str(ZYGOTE), json.dumps(config)]
    zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    made = Processes(zygote)
    try:
        yield made
    finally:
        for pid in made.started:
            made.kill(pid)
        given, _ = made._pipes()
        given.close()
        zygote.wait()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def wait_until(condition: Any, *, at_most_s: float = 120.0, every_s: float = 0.02) -> None:
    """Until it holds; another process must do something, so there is no event to wait for."""
    pause, ends = threading.Event(), time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        pause.wait(every_s)


def send(
    port: int, body: dict[str, Any], *, key: str, headers: dict[str, str] | None = None, timeout_s: float = 8.0
) -> tuple[int, dict[str, Any]]:
    """(status, JSON) of a POST of a lead; status 0 where there was no whole answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    given = {"content-type": "application/json", "idempotency-key": key, **(headers or {})}
    try:
        connection.request("POST", "/public/leads", json.dumps(body), given)
        answer = connection.getresponse()
        raw = answer.read()
        is_json = (answer.getheader("content-type") or "").startswith("application/")
        return answer.status, json.loads(raw) if is_json and raw else {}
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
