"""A CRM on loopback that goes wrong in every way a CRM does, and keeps a ledger of what was really written to it.

It holds contacts whose e-mail addresses are unique only where it is told so, and a search that lags behind. What goes
wrong with a request is said by `faults`: a queue of them, then `otherwise`. A fault says whether the request is carried
out and what is sent back, so that the two can disagree, as they do in life.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "crm-token-9f8e7d"
Reply = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Fault:
    """applies: whether the request is carried out before the answer goes wrong. answer: what is sent, given the
    handler and the answer that would be right; None: that one. writes_only: reads are served properly."""

    name: str
    applies: bool = False
    answer: Callable[[Handler, int, dict[str, Any]], None] | None = None
    writes_only: bool = False


@dataclass(frozen=True)
class Write:
    """An applied write. kind: create or update. lead_key: the delivery that it came from."""

    number: int
    at: float
    kind: str
    contact_id: str
    lead_key: str
    fields: dict[str, str]


@dataclass
class HostileCrm:
    """has_unique_emails: a second create answers 409 with the first one's id. lag_s: of the search. poison: a field
    value that is refused with 400. clock: seconds."""

    has_unique_emails: bool = False
    lag_s: float = 0.0
    poison: str = "poison"
    clock: Callable[[], float] = time.monotonic
    otherwise: Callable[[str], Fault | None] = lambda _: None
    faults: deque[Fault | None] = field(default_factory=deque)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    ledger: list[Write] = field(default_factory=list)
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    """(when, method, path) of each request."""
    port: int = 0
    _visible_at: dict[str, float] = field(default_factory=dict)
    _by_email: dict[str, list[str]] = field(default_factory=dict)
    _by_phone: dict[str, list[str]] = field(default_factory=dict)
    _guard: threading.RLock = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_fault(self, method: str, path: str) -> Fault | None:
        with self._guard:
            self.asked.append((self.clock(), method, path))
            if self.faults:
                first = self.faults[0]
                if first is not None and first.writes_only and method == "GET":
                    return None
                return self.faults.popleft()
        return self.otherwise(method)

    def creates_of(self, email: str) -> list[Write]:
        return [one for one in self.ledger if one.kind == "create" and one.fields.get("email", "").lower() == email]

    # --- what it does with a request ---

    def carry_out(self, method: str, target: str, body: dict[str, Any]) -> Reply:
        parts = urlsplit(target)
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        with self._guard:
            if method == "GET" and len(steps) == 1:
                return 200, {"results": self._search(parse_qs(parts.query))}
            if method == "POST":
                return self._create(body)
            if method == "PUT":
                found = self._by_email.get(steps[-1].lower())
                return self._update(found[0], body) if found else self._create(body)
            if steps[-1] not in self.contacts:
                return 404, {"message": "no such contact"}
            if method == "GET":
                return 200, {"id": steps[-1], "properties": self.contacts[steps[-1]]}
            return self._update(steps[-1], body)

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        by, value = ("email", query["email"][0].lower()) if "email" in query else ("phone", query["phone"][0])
        found = (self._by_email if by == "email" else self._by_phone).get(value, [])
        return [{"id": one, "properties": self.contacts[one]} for one in found if self.clock() >= self._visible_at[one]]

    def _create(self, body: dict[str, Any]) -> Reply:
        fields = dict(body["properties"])
        if self.poison in fields.values():
            return 400, {"message": f"{self.poison} is not allowed"}
        email, phone = fields.get("email", "").lower(), fields.get("phone", "")
        if self.has_unique_emails and self._by_email.get(email):
            return 409, {"message": "exists", "existing_id": self._by_email[email][0]}
        contact_id = f"C{len(self.contacts) + 1}"
        self.contacts[contact_id] = fields
        self._visible_at[contact_id] = self.clock() + self.lag_s
        if email:
            self._by_email.setdefault(email, []).append(contact_id)
        if phone:
            self._by_phone.setdefault(phone, []).append(contact_id)
        self._note("create", contact_id, body)
        return 201, {"id": contact_id, "outcome": "created"}

    def _update(self, contact_id: str, body: dict[str, Any]) -> Reply:
        fields = dict(body["properties"])
        if self.poison in fields.values():
            return 400, {"message": f"{self.poison} is not allowed"}
        changed = {name: value for name, value in fields.items() if self.contacts[contact_id].get(name) != value}
        self.contacts[contact_id] |= changed
        self._note("update", contact_id, body)
        return 200, {"id": contact_id, "outcome": "updated" if changed else "exists", "changed": sorted(changed)}

    def _note(self, kind: str, contact_id: str, body: dict[str, Any]) -> None:
        self.ledger.append(
            Write(len(self.ledger), self.clock(), kind, contact_id, body["lead_key"], dict(body["properties"]))
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    crm: HostileCrm
    stop: threading.Event

    def answer_any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            self.say(401, {"message": "who are you"})
            return
        fault = self.crm.next_fault(self.command, self.path)
        status, content = 200, {}
        if fault is None or fault.applies:
            status, content = self.crm.carry_out(self.command, self.path, json.loads(raw) if raw else {})
        if fault is None or fault.answer is None:
            self.say(status, content)
        else:
            fault.answer(self, status, content)

    do_GET = do_POST = do_PATCH = do_PUT = answer_any  # noqa: N815

    def say(self, status: int, content: object, **headers: str) -> None:
        self.wfile.write(self.whole(status, content, **headers))

    def whole(self, status: int, content: object, *, length: int | None = None, **headers: str) -> bytes:
        """An answer, head and body. length: what the head says, where it lies."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Length: {len(body) if length is None else length}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def hang_up(self, *, with_reset: bool = False) -> None:
        if with_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: Any) -> None: ...

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()


# --- faults ----------------------------------------------------------------------------------------------------------


def refuses(status: int, content: object = None, **headers: str) -> Fault:
    """Answers with a status, and does nothing."""
    return Fault(str(status), answer=lambda at, *_: at.say(status, content or {}, **headers))


def fails_after(status: int, *, applies: bool = True) -> Fault:
    """Does it, then says that it failed."""
    return Fault(
        f"{status} after applying", applies=applies, answer=lambda at, *_: at.say(status, {}), writes_only=True
    )


def is_silent(*, applies: bool = True, seconds: float = 30.0) -> Fault:
    """Never answers: the client gives up first."""

    def answer(at: Handler, *_: object) -> None:
        at.stop.wait(seconds)
        at.hang_up()

    return Fault("time-out after applying" if applies else "time-out", applies, answer, writes_only=applies)


def resets(after_bytes: int, *, applies: bool = True) -> Fault:
    """The connection is reset after so many bytes of the right answer."""

    def answer(at: Handler, status: int, content: dict[str, Any]) -> None:
        at.wfile.write(at.whole(status, content)[:after_bytes])
        at.hang_up(with_reset=True)

    return Fault(f"reset after {after_bytes} bytes", applies, answer, writes_only=applies)


def lies_about_length(by: int) -> Fault:
    def answer(at: Handler, status: int, content: dict[str, Any]) -> None:
        at.wfile.write(at.whole(status, content, length=len(json.dumps(content)) + by))
        at.hang_up()

    return Fault(f"Content-Length {by:+d}", True, answer, writes_only=True)


def truncates() -> Fault:
    def answer(at: Handler, status: int, content: dict[str, Any]) -> None:
        at.say(status, json.dumps(content).encode()[:-3])

    return Fault("truncated JSON", True, answer, writes_only=True)


def says_anything(content: object, *, applies: bool = True) -> Fault:
    """200 with something else than was asked for."""
    return Fault("200 with nonsense", applies, lambda at, *_: at.say(200, content), writes_only=True)


def shows_a_page(*, applies: bool = False) -> Fault:
    page = b"<!doctype html><title>Sign in</title><form></form>"
    return Fault("login page", applies, lambda at, *_: at.say(200, page, content_type="text/html"), writes_only=True)


def drips(every_s: float = 0.02) -> Fault:
    """A byte now and then: no single read takes long."""

    def answer(at: Handler, status: int, _: dict[str, Any]) -> None:
        at.wfile.write(at.whole(status, b"", length=100_000))
        while not at.stop.wait(every_s):
            at.wfile.write(b" ")

    return Fault("slow drip", True, answer, writes_only=True)


def never_ends() -> Fault:
    def answer(at: Handler, status: int, _: dict[str, Any]) -> None:
        at.wfile.write(at.whole(status, b"", length=10**12))
        while not at.stop.is_set():
            at.wfile.write(b" " * 65_536)

    return Fault("endless body", True, answer, writes_only=True)


AMBIGUOUS: tuple[Callable[[], Fault], ...] = (
    is_silent,
    lambda: resets(0),
    lambda: resets(20),
    lambda: resets(110),
    truncates,
    lambda: lies_about_length(+7),
    lambda: lies_about_length(-5),
    drips,
    never_ends,
    lambda: says_anything([1, 2]),
    lambda: says_anything({"status": "error", "message": "try later"}),
    lambda: shows_a_page(applies=True),
    lambda: fails_after(500),
    lambda: fails_after(504),
)
"""Carried out, and the answer does not say so."""
HARMLESS: tuple[Callable[[], Fault], ...] = (
    lambda: refuses(429, retry_after="1"),
    lambda: refuses(429),
    lambda: refuses(429, retry_after="soon"),
    lambda: refuses(500),
    lambda: refuses(502),
    lambda: refuses(503, retry_after="1"),
    lambda: resets(0, applies=False),
    lambda: shows_a_page(applies=False),
)
"""Not carried out."""


@dataclass
class Weather:
    """Faults at random, from a seed: of the writes so many in a hundred go wrong."""

    seed: int
    percent: float
    kinds: tuple[Callable[[], Fault], ...] = AMBIGUOUS + HARMLESS
    _chance: random.Random = field(init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def __call__(self, method: str) -> Fault | None:
        with self._guard:
            if self._chance.random() * 100 >= self.percent:
                return None
            fault = self._chance.choice(self.kinds)()
        return None if method == "GET" and fault.writes_only else fault


@contextmanager
def serving(crm: HostileCrm) -> Iterator[HostileCrm]:
    """The CRM on a free port of this machine."""
    stop = threading.Event()
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"crm": crm, "stop": stop}))
    crm.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield crm
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False

    def handle_error(self, *_: Any) -> None: ...
