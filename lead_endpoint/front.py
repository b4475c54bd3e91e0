"""The asynchronous front (ASGI): it takes a request's body in full, within a size and a time, before any thread is
spent on it; hundreds of senders who dawdle cost nothing but their sockets. Leads and beacons it handles itself,
everything else goes to Flask in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from a2wsgi import WSGIMiddleware
from flask import Flask

from lead_endpoint.beacons import ALLOWED, BEACONS_PATH
from lead_endpoint.messages import Answer, Request, problem, unexpected
from lead_endpoint.parts import Parts
from lead_endpoint.reception import MOST_BYTES, too_large

LEADS_PATH = "/public/leads"
BODY_S = 10.0
"""So long may a body take from its first byte to its last."""
THREADS = 8

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Front:
    """flask: everything but the leads."""

    parts: Parts
    flask: Flask
    body_s: float = BODY_S
    _wsgi: Any = field(init=False)

    def __post_init__(self) -> None:
        self._wsgi = WSGIMiddleware(self.flask.wsgi_app, workers=THREADS)  # type: ignore[arg-type]  # its own typing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = await self._body(scope, receive)
        if isinstance(body, Answer):
            await _send(send, body)
        elif scope["path"] == LEADS_PATH and scope["method"] == "POST":
            await _send(send, await self._lead(_request(scope, body)))
        elif scope["path"] == BEACONS_PATH and scope["method"] in {"POST", "OPTIONS"}:
            is_post = scope["method"] == "POST"
            await _send(send, self.parts.beacons.take(_request(scope, body)) if is_post else ALLOWED)
        else:
            await self._wsgi(scope, _replayed(body), send)

    async def _lead(self, request: Request) -> Answer:
        try:
            return await self.parts.desk.handle(request)
        except Exception as error:  # a defect of ours must not leave as a bare text, nor without a line in the log
            return unexpected(error)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Ready before the first request, and done with what was begun after the last."""
        await receive()
        await asyncio.to_thread(self.parts.desk.at_once.warm_up)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self.parts.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Answer:
        """The whole body, or why it is not taken."""
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > MOST_BYTES):
                return _closing(too_large())
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.body_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return problem(400, "The connection was closed before the body was complete.")
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > MOST_BYTES:
                        return _closing(too_large())
                    parts.append(chunk)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            return _closing(problem(408, f"The body was not complete after {self.body_s:.0f} s. Send it again."))


def _request(scope: Scope, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query: dict[str, str] = {}
    raw_query = scope.get("query_string", b"")
    if raw_query:
        for name, value in parse_qsl(raw_query[:4096].decode("latin-1"), errors="replace"):
            query.setdefault(name, value)
    client = scope.get("client")
    return Request(scope["method"], scope["path"], headers, body, client[0] if client else "", query)


def _closing(answer: Answer) -> Answer:
    """What is still on its way is not read, so that the connection can't be used again."""
    return Answer(answer.status, answer.body, answer.content_type, (*answer.headers, ("connection", "close")))


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.all_headers()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _replayed(body: bytes) -> Receive:
    """A body that was collected, as if it came just now."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets this event")

    return receive
