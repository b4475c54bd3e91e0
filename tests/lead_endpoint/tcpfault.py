"""A proxy before a PostgreSQL server that goes wrong on the way: it refuses, swallows all, lets nothing back."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

PASS, REFUSE, SWALLOW, MUTE, CROWDED = "pass", "refuse", "swallow", "mute", "crowded"
"""What it does: hand on; hang up at once; take all and do nothing; hand on what is asked and keep the replies; say that
there are too many clients."""


@dataclass
class Proxy:
    """mode: counts for connections that stand as well as for new ones."""

    url: str
    mode: str = PASS
    port: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def through(self) -> str:
        """The database's address by way of this proxy."""
        parts = urlsplit(self.url)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}?sslmode=disable&gssencmode=disable"

    def cut(self) -> None:
        """Reset every connection."""
        with self._guard:
            for one in self._open:
                with suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _server(self) -> socket.socket:
        parts = urlsplit(self.url)
        folder = parse_qs(parts.query).get("host", [""])[0]
        if folder.startswith("/"):
            made = socket.socket(socket.AF_UNIX)
            made.connect(f"{folder}/.s.PGSQL.{parts.port or 5432}")
            return made
        return socket.create_connection((parts.hostname or folder or "127.0.0.1", parts.port or 5432))

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if self.mode == REFUSE:
                    client.close()
                elif self.mode == CROWDED:
                    threading.Thread(target=_turn_away, args=(client,), daemon=True).start()
                else:
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        server = self._server()
        with self._guard:
            self._open |= {client, server}
        for source, target, is_reply in ((client, server, False), (server, client, True)):
            threading.Thread(target=self._pump, args=(source, target, is_reply), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self.mode == SWALLOW or (self.mode == MUTE and is_reply):
                    continue
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _turn_away(client: socket.socket) -> None:
    fields = b"SFATAL\0C53300\0Msorry, too many clients already\0\0"
    with suppress(OSError), client:
        client.recv(1024)
        client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


@contextmanager
def proxy_before(url: str) -> Iterator[Proxy]:
    listener = socket.create_server(("127.0.0.1", 0))
    made = Proxy(url, port=listener.getsockname()[1])
    thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        made.cut()
        thread.join()
