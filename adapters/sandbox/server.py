"""What all dialects share: requests and replies, routes, the request log, faults, and limits in the world's time.

A dialect is a subclass that states its routes and the words of its refusals. It is called in-process by
`transport.SandboxTransport` and served on loopback by `asgi.SandboxApp`.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson

from adapters.sandbox.faults import Fault, Faults, Mishap
from adapters.sandbox.world import World

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Password</form></body></html>"


class AnswerLost(Exception):
    """The connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """path: decoded where it is taken apart, not here. query: a name that is repeated has its values with commas
    between them, which is how some clients write a list. headers: lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        found = orjson.loads(self.body) if self.body else {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Reply:
    """body: JSON-ready, or the bytes themselves. is_cut: ends half-way. drip_s: seconds between its bytes."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    drip_s: float = 0.0

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of the request log. status: 0 where the answer was lost."""

    at: datetime
    method: str
    path: str
    status: int


@dataclass(slots=True)
class Window:
    """At most `most` requests within any `seconds`."""

    most: int
    seconds: float
    _taken: deque[datetime] = field(default_factory=deque)

    def take(self, now: datetime) -> bool:
        while self._taken and self._taken[0] <= now - timedelta(seconds=self.seconds):
            self._taken.popleft()
        if len(self._taken) >= self.most:
            return False
        self._taken.append(now)
        return True

    @property
    def left(self) -> int:
        return self.most - len(self._taken)


Handler = Callable[[Request, re.Match[str]], Reply]


class DialectServer:
    """One CRM account. A subclass fills `routes` and words the refusals."""

    def __init__(self, world: World) -> None:
        self.world, self.faults, self.log = world, Faults(), list[Asked]()
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._one_at_a_time = threading.RLock()

    # --- what a dialect says ---

    def not_allowed(self, request: Request) -> Reply | None:
        """A refusal by credentials; None where they are good."""
        raise NotImplementedError

    def over_limit(self, request: Request) -> Reply | None:
        """A refusal by a limit; None where there is something left, which is then spent."""
        raise NotImplementedError

    def worded(self, fault: Fault, request: Request) -> Reply:
        """How this CRM words THROTTLED, OVER_QUOTA, EXPIRED and STATUS."""
        raise NotImplementedError

    def not_found(self, request: Request) -> Reply:
        raise NotImplementedError

    def finished(self, reply: Reply, request: Request) -> None:
        """Add what every answer of this CRM carries."""

    # --- answering ---

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        self.routes.append((method, re.compile(pattern + r"/?$"), handler))

    def handle(self, request: Request) -> Reply:
        """Raises AnswerLost where the client gets none."""
        with self._one_at_a_time:
            at = self.world.clock.now()
            try:
                reply = self._handled(request)
            except AnswerLost:
                self.log.append(Asked(at, request.method, request.path, 0))
                raise
            self.log.append(Asked(at, request.method, request.path, reply.status))
            reply.headers.setdefault("date", format_datetime(self.world.clock.now(), usegmt=True))
            return reply

    def _handled(self, request: Request) -> Reply:
        fault = self.faults.due(request.method, request.path)
        if fault is None:
            return self._answered(request)
        if fault.mishap is Mishap.LOST_BEFORE:
            raise AnswerLost
        if fault.mishap is Mishap.LOGIN_PAGE:
            return Reply(200, LOGIN_PAGE, {"content-type": "text/html; charset=utf-8"})
        if fault.mishap in {Mishap.CUT, Mishap.DRIP, Mishap.LOST_AFTER}:
            reply = self._answered(request)
            if fault.mishap is Mishap.LOST_AFTER:
                raise AnswerLost
            reply.is_cut = fault.mishap is Mishap.CUT
            reply.drip_s = fault.seconds if fault.mishap is Mishap.DRIP else 0.0
            return reply
        reply = self.worded(fault, request)
        if fault.retry_after_s is not None:
            reply.headers["retry-after"] = f"{fault.retry_after_s:g}"
        return reply

    def _answered(self, request: Request) -> Reply:
        refused = self.not_allowed(request) or self.over_limit(request)
        reply = refused if refused is not None else self._routed(request)
        self.finished(reply, request)
        return reply

    def _routed(self, request: Request) -> Reply:
        for method, pattern, handler in self.routes:
            match = pattern.match(request.path) if method == request.method else None
            if match is not None:
                return handler(request, match)
        return self.not_found(request)


def query_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A request's query."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in found.items()}
