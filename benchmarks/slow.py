"""Senders who dawdle: what a probe and a lead wait while hundreds of sockets send a byte per second."""

from __future__ import annotations

import http.client
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.accept import UNLIMITED, free_port, served
from benchmarks.report import Report
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.organizations import create_organization

SLOW = 200
PROBES = 300
HEAD = b"\r\n".join(
    (
        b"POST /public/leads HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Content-Type: application/json",
        b"Content-Length: 5000",
        b"",
        b"",
    )
)
LEAD = b'{"email": "ada@example.com", "name": "Ada Lovelace"}'


def run() -> bool:
    report = Report("slow", packages=("granian", "flask"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url)
        create_organization(database, "Benchmark")
        database.close()
        port = free_port()
        command = [sys.executable, "-m", "lead_endpoint", f"--port={port}"]
        try:
            with served(command, {"DATABASE_URL": url, **UNLIMITED}, port):
                _measure(report, port)
        finally:
            embedded.release(place)
    report.write()
    return report.holds


def _measure(report: Report, port: int) -> None:
    alone = {name: _p99(port, name) for name in ("GET /healthz", "GET /readyz", "POST /public/leads")}
    stop = threading.Event()
    sockets = [_begun(port) for _ in range(SLOW)]
    dripping = threading.Thread(target=_drip, args=(port, sockets, stop))
    dripping.start()
    try:
        beside = {name: _p99(port, name) for name in alone}
    finally:
        stop.set()
        dripping.join()
        for one in sockets:
            one.close()
    for name, seconds in alone.items():
        report.add(f"{name}: p99 s alone", seconds)
        report.at_most(f"{name}: p99 s beside {SLOW} slow senders", beside[name], 1.0)


def _begun(port: int) -> socket.socket:
    """A request whose head says that a body comes."""
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(HEAD + b"{")
    return one


def _drip(port: int, sockets: list[socket.socket], stop: threading.Event) -> None:
    """A byte per second to each; whoever is turned away begins again elsewhere, so that there are always as many."""
    while not stop.wait(1.0):
        for place, one in enumerate(sockets):
            try:
                one.sendall(b" ")
            except OSError:
                one.close()
                sockets[place] = _begun(port)


def _p99(port: int, what: str) -> float:
    method, _, path = what.partition(" ")
    taken = []
    for _ in range(PROBES):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        began = time.perf_counter()
        headers = {"content-type": "application/json", "prefer": "respond-async"} if method == "POST" else {}
        connection.request(method, path, LEAD if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - began)
        assert answer.status in {200, 202}, answer.status
        connection.close()
    return statistics.quantiles(taken, n=100)[98]
