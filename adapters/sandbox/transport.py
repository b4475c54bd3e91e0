"""A dialect's server as an httpx transport: no socket, no thread, and the world's clock for whatever takes time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx

from adapters.sandbox.server import AnswerLost, DialectServer, Reply, Request, query_of


class SandboxTransport(httpx.BaseTransport):
    """advance: lets so many seconds pass where an answer is slow; the world's clock where left out."""

    def __init__(self, server: DialectServer, *, advance: Callable[[float], None] | None = None) -> None:
        self._server, self._advance = server, advance or server.world.clock.advance

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            reply = self._server.handle(
                Request(
                    request.method,
                    request.url.raw_path.decode().partition("?")[0],
                    query_of(request.url.params.multi_items()),
                    {name.lower(): value for name, value in request.headers.items()},
                    request.read(),
                )
            )
        except AnswerLost as error:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from error
        content = reply.content()
        headers = {"content-type": "application/json;charset=utf-8", **reply.headers}
        if reply.is_cut or reply.drip_s:
            return httpx.Response(reply.status, headers=headers, stream=_Slow(reply, content, self._advance))
        return httpx.Response(reply.status, headers=headers, content=content)


class _Slow(httpx.SyncByteStream):
    def __init__(self, reply: Reply, content: bytes, advance: Callable[[float], None]) -> None:
        self._reply, self._content, self._advance = reply, content, advance

    def __iter__(self) -> Iterator[bytes]:
        if self._reply.is_cut:
            yield self._content[: len(self._content) // 2]
            raise httpx.ReadError("Connection reset by peer")
        for place in range(len(self._content)):
            self._advance(self._reply.drip_s)
            yield self._content[place : place + 1]
