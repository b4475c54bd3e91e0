"""A made-up server behind the real client: it answers as a script says, and time is counted, not spent.

A script is a list of answers, the last one for ever: `status`, `raw` (the message's content) or `body`,
`finish_reason`, `headers`, `delay_s`, `refuse` (no connection) or `drop` (cut off in the middle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
import orjson

from insights.coaching.slots import schema
from insights.coaching.writing import NoCompletion
from ops.llm import Client, Endpoint, LlmUnavailable

DEADLINE_S: Final = 20.0
ENDPOINT: Final = Endpoint(model="scripted", base_url="http://scripted.invalid/v1")
MESSAGES: Final = ({"role": "user", "content": "Write the note."},)


class Clock:
    """Moves only when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.now_s += seconds


class ScriptedTransport(httpx2.AsyncBaseTransport):
    """Answers one after the other. bodies: the requests as they came."""

    def __init__(self, script: Sequence[Mapping[str, Any]], clock: Clock) -> None:
        self._script = [dict(one) for one in script] or [{"refuse": True}]
        self._clock = clock
        self.bodies: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(orjson.loads(await request.aread()))
        answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if answer.get("refuse"):
            raise httpx2.ConnectError("refused", request=request)
        self._delay(float(answer.get("delay_s") or 0), request)
        if answer.get("drop") or not answer.keys() - {"delay_s"}:
            raise httpx2.RemoteProtocolError("cut off", request=request)
        return httpx2.Response(
            int(answer.get("status", 200)), headers=_headers(answer), content=_content(answer), request=request
        )

    def _delay(self, delay_s: float, request: httpx2.Request) -> None:
        patience_s = float(request.extensions["timeout"]["read"])
        self._clock.wait(min(delay_s, patience_s))
        if delay_s >= patience_s:
            raise httpx2.ReadTimeout("no answer", request=request)


class ScriptedServer:
    """Completes notes of a script; all completions share one deadline."""

    def __init__(self, script: Sequence[Mapping[str, Any]]) -> None:
        self._clock = Clock()
        self.transport = ScriptedTransport(script, self._clock)
        self._client = Client(ENDPOINT, transport=self.transport, clock=self._clock, sleep=self._clock.wait)

    def complete(self) -> tuple[str | None, str | None]:
        """The text and the finish reason of one completion. Raises NoCompletion."""
        left_s = DEADLINE_S - self._clock()
        if left_s <= 0:
            raise NoCompletion("DEADLINE")
        try:
            made = self._client.complete(MESSAGES, schema(), deadline_s=left_s)
        except LlmUnavailable as why:
            raise NoCompletion(why.code) from why
        return made.text, made.finish_reason


def _headers(answer: Mapping[str, Any]) -> dict[str, str]:
    given = {**answer, **(answer.get("headers") or {})}
    named = {str(key).lower().replace("_", "-"): str(one) for key, one in given.items()}
    return {key: one for key, one in named.items() if key in {"retry-after", "content-type"}}


def _content(answer: Mapping[str, Any]) -> bytes:
    if "raw" not in answer:
        body = answer.get("body")
        return body.encode() if isinstance(body, str) else b"" if body is None else orjson.dumps(body)
    message = {"role": "assistant", "content": answer["raw"]}
    choice = {"index": 0, "message": message, "finish_reason": answer.get("finish_reason", "stop")}
    return orjson.dumps({"id": "1", "object": "chat.completion", "model": "scripted", "choices": [choice]})
