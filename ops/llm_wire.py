"""One request to a language model and what became of it: an answer, or a failure with what may be done about it.

The deadline is of the whole exchange by the wall clock: a reply that drips in is cut off like one that never comes.
Nothing that a server sends raises: HTML, an error inside a 200, no choices and no usage are read as what they are.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

if TYPE_CHECKING:
    import httpx2
    import openai

T = TypeVar("T")
MOST_BYTES: Final = 512 * 1024
RETRIED: Final = frozenset({408, 409, 425, 429})
MAY_NAME_AN_OPTION: Final = frozenset({400, 404, 415, 422, 500, 501})
NO_QUOTA: Final = ("insufficient_quota", "billing_hard_limit", "exceeded your current quota")
THOUGHTS: Final = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL | re.IGNORECASE)
GRACE_S: Final = 0.5
"""After the deadline, for the cancelled exchange to end by itself."""


class TooLargeError(Exception):
    """The reply goes on and on."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. text: None where the model gave none. Tokens: None where the server does not tell."""

    text: str | None
    finish_reason: str | None
    model: str
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. is_passing: the same may succeed later. said: by a refusal that may name an option to be left out.

    is_free: the server surely did no work that it bills. wait_s: how long it asks to wait.
    """

    code: str
    is_passing: bool
    said: str = ""
    wait_s: float | None = None
    is_free: bool = False


class Background:
    """A thread with an event loop, in which exchanges can be cut off at any point."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="llm", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T], at_most_s: float) -> T:
        """Raises TimeoutError after that time, whatever the work does."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(at_most_s)
        except LateError:
            running.cancel()
            raise TimeoutError from None


@cache
def background() -> Background:
    """One for the process."""
    return Background()


def connect(base_url: str | None, key: str, transport: httpx2.AsyncBaseTransport | None) -> openai.AsyncOpenAI:
    """A client without retries of its own. Redirects are not followed: facts go where the settings say, alone."""
    import httpx2
    import openai

    http = httpx2.AsyncClient(
        transport=transport, follow_redirects=False, event_hooks={"response": [_cap]},
        headers={"accept-encoding": "identity"}, limits=httpx2.Limits(max_connections=16, keepalive_expiry=15.0),
    )  # fmt: skip
    return openai.AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=http)


async def _cap(response: httpx2.Response) -> None:
    import httpx2

    class Capped(httpx2.AsyncByteStream):
        def __init__(self, inner: httpx2.AsyncByteStream) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._inner:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise TooLargeError
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = Capped(response.stream)


def exchange(
    client: openai.AsyncOpenAI, request: Mapping[str, Any], *, left_s: float, now: datetime
) -> Reply | Failure:
    """Sends a request and reads the reply, in `left_s` seconds at most. now: for a Retry-After that names a date."""
    try:
        return background().run(_exchange(client, request, left_s, now), left_s + GRACE_S)
    except TimeoutError:
        return Failure("DEADLINE", is_passing=True)


async def _exchange(
    client: openai.AsyncOpenAI, request: Mapping[str, Any], left_s: float, now: datetime
) -> Reply | Failure:
    import httpx2
    import openai

    try:
        async with asyncio.timeout(left_s):
            raw = await client.chat.completions.with_raw_response.create(
                **request, timeout=httpx2.Timeout(left_s, connect=min(left_s, 5.0))
            )
        return read(raw.http_response.content, now)
    except openai.APIStatusError as error:
        return refused(error.status_code, error.response.text, error.response.headers, now)
    except (TimeoutError, openai.APITimeoutError) as error:
        return Failure("DEADLINE", is_passing=True, is_free=isinstance(error.__cause__, httpx2.ConnectTimeout))
    except (openai.APIConnectionError, TooLargeError) as error:
        if isinstance(error, TooLargeError) or isinstance(error.__cause__, TooLargeError):
            return Failure("TOO_LARGE", is_passing=False)
        return Failure("UNREACHABLE", is_passing=True, is_free=isinstance(error.__cause__, httpx2.ConnectError))
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        return Failure("NOT_A_COMPLETION", is_passing=True)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(content: bytes, now: datetime) -> Reply | Failure:
    """What a 200 holds."""
    nothing = Failure("NOT_A_COMPLETION", is_passing=True)
    try:
        given = orjson.loads(content)
    except orjson.JSONDecodeError:
        return nothing
    if not isinstance(given, dict):
        return nothing
    if given.get("error"):
        return _inside(given["error"], now)
    choices = given.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return nothing
    usage: Any = given["usage"] if isinstance(given.get("usage"), dict) else {}
    return Reply(
        text=_text(message),
        finish_reason="content_filter" if message.get("refusal") else _short(choice.get("finish_reason")) or None,
        model=_short(given.get("model")),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
    )


def _text(message: Mapping[str, Any]) -> str | None:
    """The content, which some servers send in parts, without the thoughts that some models put before it."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(one.get("text") or "") for one in content if isinstance(one, dict))
    return THOUGHTS.sub("", content) if isinstance(content, str) else None


def _short(value: object) -> str:
    return "".join(one for one in value if one.isprintable())[:200] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def _inside(error: object, now: datetime) -> Failure:
    """An error in a reply whose status says that all is well."""
    code = error.get("code") if isinstance(error, dict) else None
    is_status = str(code).isdigit() and 400 <= int(str(code)) < 600
    found = refused(int(str(code)) if is_status else 500, str(error), {}, now)
    return found if is_status else replace(found, code="NOT_A_COMPLETION")


def refused(status: int, body: str, headers: Mapping[str, str], now: datetime) -> Failure:
    """What a status other than 2xx means."""
    code = f"HTTP_{status}"
    if any(one in body for one in NO_QUOTA):
        return Failure("QUOTA", is_passing=False, is_free=True)
    is_passing = status in RETRIED or status >= 500
    said = body[:4000] if status in MAY_NAME_AN_OPTION else ""
    return Failure(code, is_passing, said, _asked_wait_s(headers, now), is_free=status < 500)


def _asked_wait_s(headers: Mapping[str, str], now: datetime) -> float | None:
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        wait_s = float(asked)
    except ValueError:
        try:
            wait_s = (parsedate_to_datetime(asked) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, wait_s) if isfinite(wait_s) else None
