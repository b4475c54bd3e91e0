"""The endpoint as its own process under granian, on a free port of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTS_S, STOPS_S = 60.0, 30.0
UNLIMITED = {"LEAD_RATE_PER_MINUTE": "1e9", "LEAD_RATE_BURST": "1e9"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory_mb(self) -> float:
        """Resident memory of the process that serves, which granian starts under its own."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        status = [Path(f"/proc/{pid}/status").read_text() for pid in children]
        sizes = [int(line.split()[1]) for text in status for line in text.splitlines() if line.startswith("VmRSS")]
        return max(sizes) / 1024


@contextmanager
def running_endpoint(database_url: str, home: Path, **settings: str) -> Iterator[Endpoint]:
    """Until it answers, and stopped at the end. home: a folder of its own."""
    port = _free_port()
    environment: Mapping[str, str] = {
        **os.environ, "DATABASE_URL": database_url, "SLMS_HOME": str(home), **UNLIMITED, **settings,
    }  # fmt: skip
    command = [sys.executable, "-m", "lead_endpoint", "--port", str(port)]
    with (home / "endpoint.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(port, process, home)
            yield Endpoint(port, process)
        finally:
            _stop(process)


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    pause = threading.Event()
    for _ in range(int(STARTS_S / 0.05)):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            assert process.poll() is None, (home / "endpoint.log").read_text()
        pause.wait(0.05)
    raise AssertionError(f"The endpoint does not answer: {(home / 'endpoint.log').read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPS_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
