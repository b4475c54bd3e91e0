"""Runs the endpoint under granian. One process does the work: its writers, its limits and its deliveries share what
they know; a second machine runs another one on the same database."""

from __future__ import annotations

import gc

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from lead_endpoint.app import create_app
from lead_endpoint.front import Front
from lead_endpoint.parts import Parts

HEADERS_MS = 10_000
"""So long may the head of a request take."""
BUFFER_BYTES = 64 * 1024
OPEN_AT_ONCE = 4096
STOP_S = 15


def serve(address: str, port: int, *, target: str = "lead_endpoint.serving:make_front") -> None:
    """Until SIGTERM or SIGINT. What was accepted by then is on disk. target: makes the front, in the process that
    serves."""
    Server(
        target,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=OPEN_AT_ONCE,
        backpressure=OPEN_AT_ONCE,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_MS, max_buffer_size=BUFFER_BYTES),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S,
        log_access=False,
    ).serve()


def make_front() -> Front:
    """The front with what the settings describe."""
    from ops import logs
    from ops.settings import load

    logs.configure(load())
    app = create_app()
    parts: Parts = app.extensions["slms"]
    # What is loaded by now stays: looking through all of it for rubbish would hold up a lead in a hundred.
    gc.collect()
    gc.freeze()
    return Front(parts, app)
