"""Being woken by the database when a lead has come in, so that nobody has to ask all the time."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import psycopg

from snapshots.access import WRITABLE
from snapshots.intake import CHANNEL, cut


class Wakeup:
    """Waits on a connection of its own; without one (the server is away) it just lets the time pass."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._cancelled = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Until a lead comes in, at most `timeout_s`. True where one did."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=2, target_session_attrs=WRITABLE
                )
                self._connection.execute(f"LISTEN {CHANNEL}")
                return True  # what came before we listened was not heard
            return any(True for _ in self._connection.notifies(timeout=timeout_s, stop_after=1))
        except psycopg.Error:
            self.close()
            self._cancelled.wait(timeout_s)
            return False

    def cancel(self) -> None:
        """End a wait from another thread; for good."""
        self._cancelled.set()
        if self._connection is not None:
            cut(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
