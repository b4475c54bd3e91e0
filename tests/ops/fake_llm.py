"""A server on loopback that speaks Chat Completions: in several dialects, and with every fault there is.

It keeps what it was sent. A behaviour is a function of the request's body and its number that says what is answered.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from ops.llm import Client, Endpoint, Limits

Body = dict[str, Any]


@dataclass(frozen=True)
class Says:
    """One answer. drip_s: a byte each so many seconds, headers too. silent: nothing ever comes. drop: half of it."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0
    silent: bool = False
    drop: bool = False
    endless: bool = False


Behaviour = Callable[[Body, int], Says]


def completion(text: object, *, finish: str | None = "stop", tokens: tuple[int, int] | None = (900, 200)) -> Says:
    """A 200 with this message."""
    told: Body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "made-up-2",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
    }  # fmt: skip
    if tokens is not None:
        told["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return Says(json.dumps(told).encode())


def error(status: int, message: str, **headers: str) -> Says:
    named = {key.replace("_", "-"): one for key, one in headers.items()}
    return Says(json.dumps({"error": {"message": message}}).encode(), status, named)


def always(says: Says) -> Behaviour:
    return lambda body, number: says


def in_turn(*says: Says) -> Behaviour:
    """One after the other, the last for ever."""
    return lambda body, number: says[min(number, len(says) - 1)]


# --- dialects: each refuses what it does not know, and answers the rest ----------------------------------------------


def openai_like(text: str) -> Behaviour:
    return always(completion(text))


def json_object_only(text: str) -> Behaviour:
    def answer(body: Body, number: int) -> Says:
        if body.get("response_format", {}).get("type") == "json_schema":
            return error(400, "'response_format.type' must be 'text' or 'json_object'")
        return completion(text)

    return answer


def without_formats(text: str) -> Behaviour:
    def answer(body: Body, number: int) -> Says:
        if "response_format" in body:
            return error(422, "body.response_format: extra fields not permitted")
        return completion(text)

    return answer


def reasoning(text: str) -> Behaviour:
    def answer(body: Body, number: int) -> Says:
        if "max_tokens" in body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0.3 with this model.")
        return completion(text)

    return answer


def breaks_on_schema(text: str) -> Behaviour:
    """As llama-cpp-python's own server does."""

    def answer(body: Body, number: int) -> Says:
        if body.get("response_format", {}).get("type") == "json_schema":
            return error(500, "Internal Server Error: response_format json_schema")
        return completion(text)

    return answer


def error_in_200(text: str) -> Behaviour:
    def answer(body: Body, number: int) -> Says:
        if number == 0:
            return Says(b'{"error": {"code": 502, "message": "the provider is away"}}')
        return completion(text, tokens=None)

    return answer


DIALECTS: dict[str, Callable[[str], Behaviour]] = {
    "openai": openai_like, "json_object only": json_object_only, "no formats": without_formats,
    "reasoning": reasoning, "500 on a schema": breaks_on_schema, "error in a 200": error_in_200,
}  # fmt: skip

FAULTS: dict[str, Says] = {
    "429": error(429, "slow down"),
    "429 for an hour": error(429, "slow down", Retry_After="3600"),
    "500": error(500, "oops"),
    "401": error(401, "wrong key"),
    "no quota": error(429, "You exceeded your current quota (insufficient_quota)"),
    "silent": Says(silent=True),
    "drip": Says(completion("{}").content, drip_s=0.05),
    "empty body": Says(b""),
    "empty message": completion(""),
    "no message": completion(None),
    "truncated": completion('{"sentences": [{"kind": "strength", "te', finish="length"),
    "HTML": Says(b"<html><body>Sign in</body></html>", headers={"content-type": "text/html"}),
    "choices null": Says(b'{"choices": null}'),
    "error in a 200": Says(b'{"error": {"message": "no"}}'),
    "cut off": Says(completion("{}").content, drop=True),
    "endless": Says(endless=True),
    "redirect": Says(b"", 307, {"location": "http://127.0.0.1:9/v1/chat/completions"}),
    "prose": completion("Great week! You closed 14 deals worth $2m."),
    "deep": Says(b"[" * 200_000),
}


# --- the server ------------------------------------------------------------------------------------------------------


class FakeLlm:
    """What it was sent: bodies, headers (lower case), and how many were answered at the same time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.bodies: list[Body] = []
        self.raw: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.now, self.most_at_once = 0, 0
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def endpoint(self, **values: Any) -> Endpoint:
        return Endpoint(**{"model": "made-up", "base_url": self.url, "key": SecretStr("sk-key"), **values})

    def client(self, **values: Any) -> Client:
        """Waits between tries take no time."""
        plain: dict[str, Any] = {"sleep": lambda seconds: None, "limits": Limits()}
        return Client(self.endpoint(), **(plain | values))

    def close(self) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[FakeLlm]:
    server = FakeLlm(behaviour)
    try:
        yield server
    finally:
        server.close()


def _handler(server: FakeLlm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            with server.lock:
                number = len(server.bodies)
                server.bodies.append(json.loads(raw))
                server.raw.append(raw.decode())
                server.headers.append({key.lower(): one for key, one in self.headers.items()})
                server.now += 1
                server.most_at_once = max(server.most_at_once, server.now)
            try:
                with suppress(OSError):
                    self._answer(server.behaviour(json.loads(raw), number))
            finally:
                with server.lock:
                    server.now -= 1

        def _answer(self, says: Says) -> None:
            if says.silent:
                server.stopped.wait(30)
                self.close_connection = True
                return
            headers = {"content-type": "application/json", **says.headers, "content-length": str(len(says.content))}
            if says.endless:
                headers["content-length"] = str(10**9)
            head = "".join(f"{key}: {one}\r\n" for key, one in headers.items())
            whole = f"HTTP/1.1 {says.status} Said\r\n{head}\r\n".encode() + says.content
            if says.drop:
                whole = whole[: len(whole) - len(says.content) // 2]
            if says.drip_s:
                self._drip(whole, says.drip_s)
            else:
                self.wfile.write(whole)
            while says.endless and not server.stopped.is_set():
                self.wfile.write(b" " * 65_536)
            self.close_connection = says.drop or bool(says.drip_s) or says.endless

        def _drip(self, whole: bytes, each_s: float) -> None:
            for byte in whole:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if server.stopped.wait(each_s):
                    return

        def log_message(self, *args: object) -> None: ...

    return Handler
