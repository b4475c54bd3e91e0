"""A dialect's server as an ASGI application, for any server that runs one, and served on loopback by granian."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from adapters.sandbox.server import AnswerLost, DialectServer, Reply, Request, query_of

NO_CONTENT = 204
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class SandboxApp:
    """An ASGI application."""

    def __init__(self, server: DialectServer) -> None:
        self._server = server

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = self._server.handle(await _request(scope, receive))
        except AnswerLost:
            # A length without a body: the server closes the connection, and the client has no answer.
            reply = Reply(200, b" " * 64, is_cut=True)
        await _send(reply, send)


async def _request(scope: Message, receive: Receive) -> Request:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        scope["method"],
        path.decode().partition("?")[0],
        query_of(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        {name.decode().lower(): value.decode() for name, value in scope["headers"]},
        bytes(body),
    )


async def _send(reply: Reply, send: Send) -> None:
    content = reply.content()
    headers = {"content-type": "application/json;charset=utf-8", **reply.headers}
    if reply.status != NO_CONTENT:
        headers["content-length"] = str(len(content))
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": lines})
    if reply.is_cut:
        await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        raise ConnectionResetError("the answer is cut off on purpose")
    if reply.drip_s:
        for place in range(len(content)):
            await asyncio.sleep(reply.drip_s)
            await send({"type": "http.response.body", "body": content[place : place + 1], "more_body": True})
        content = b""
    await send({"type": "http.response.body", "body": content, "more_body": False})


def serve(server: DialectServer, address: str, port: int) -> None:
    """Until SIGTERM or SIGINT. One process: the world is in its memory."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    async def run() -> None:
        app = SandboxApp(server)
        await Server(app, address=address, port=port, interface=Interfaces.ASGINL, websockets=False).serve()

    asyncio.run(run())
