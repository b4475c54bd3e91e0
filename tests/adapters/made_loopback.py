"""Serves a sandbox account on loopback, for clients that nobody can hand a transport."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from adapters.sandbox import DialectServer
from adapters.sandbox.asgi import SandboxApp


@contextmanager
def on_loopback(server: DialectServer) -> Iterator[str]:
    """The address, as long as the context lasts."""
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    place.listen(64)
    config = uvicorn.Config(
        SandboxApp(server),
        log_level="critical",
        lifespan="off",
        access_log=False,
        date_header=False,  # the sandbox tells its own time
    )
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [place]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
    finally:
        runner.should_exit = True
        thread.join()
        place.close()
