"""The client of a language model: Chat Completions of any server, within a total deadline, or LlmUnavailable.

Owns retries, the ladder of what a server is asked for, the breaker, and how many requests run at once. One client
serves a process per server and model. Knows nothing of notes; what a request may cost is asked of a ledger before each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from ops.llm_shape import Messages, Shape
from ops.llm_wire import Failure, Reply, background, connect, exchange
from ops.services import utc_now
from ops.settings import Settings

if TYPE_CHECKING:
    import httpx2

OPENAI_HOST: Final = "api.openai.com"
MOST_REQUESTS: Final = 12
"""Of one completion: tries and steps of the ladder together."""


class LlmUnavailable(Exception):
    """No completion came. code says why: DEADLINE, BUSY, BREAKER, BUDGET, QUOTA, UNREACHABLE, HTTP_…, TOO_LARGE or
    NOT_A_COMPLETION."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Which model writes, where. Prices: US dollars per million tokens, None where unknown."""

    model: str
    base_url: str | None = None
    key: SecretStr | None = None
    price_in: Decimal | None = None
    price_out: Decimal | None = None
    reasoning: str | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2] if self.base_url else OPENAI_HOST

    def cost_micro(self, tokens_in: int, tokens_out: int) -> int | None:
        """In millionths of a US dollar, rounded up; None where a price is unknown."""
        if self.price_in is None or self.price_out is None:
            return None
        return ceil(tokens_in * self.price_in + tokens_out * self.price_out)


def endpoint_of(settings: Settings) -> Endpoint | None:
    """None where no model is configured: notes are then templates, and no client is made."""
    key, url, model = settings.openai_api_key, settings.openai_base_url, settings.openai_model
    if model is None or (key is None and url is None):
        return None
    return Endpoint(
        model=model, base_url=url, key=key, price_in=settings.llm_price_in, price_out=settings.llm_price_out,
        reasoning=settings.llm_reasoning_effort,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """tries: of one completion, where what went wrong may pass. rest_s: how long the breaker stays open."""

    tries: int = 4
    first_wait_s: float = 0.5
    at_once: int = 4
    failures_to_open: int = 5
    rest_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered, unjudged. tokens: None where the server does not tell."""

    text: str | None
    finish_reason: str | None
    model: str
    tokens_in: int | None
    tokens_out: int | None
    latency_s: float


class Ledger(Protocol):
    """Keeps each request and what it costs."""

    def reserve(self, request: Mapping[str, Any]) -> int:
        """Before it is sent. Returns its number. Raises LlmUnavailable where the budget is used up."""
        ...

    def settle(self, number: int, outcome: Reply | Failure, latency_s: float) -> None:
        """When it is over."""
        ...


class _NoLedger:
    def reserve(self, request: Mapping[str, Any]) -> int:
        return 0

    def settle(self, number: int, outcome: Reply | Failure, latency_s: float) -> None: ...


class Breaker:
    """Open after so many failures in a row; then one request tries again after each rest."""

    def __init__(self, failures_to_open: int, rest_s: float, clock: Callable[[], float]) -> None:
        self._most, self._rest_s, self._clock = failures_to_open, rest_s, clock
        self._failures, self._open_until, self._lock = 0, float("-inf"), threading.Lock()

    def lets_through(self) -> bool:
        """Whether a request may be sent now."""
        with self._lock:
            if self._failures < self._most:
                return True
            if self._clock() < self._open_until:
                return False
            self._open_until = self._clock() + self._rest_s  # this one tries; the others wait for what it finds
            return True

    def note(self, *, ok: bool) -> None:
        """How a request went."""
        with self._lock:
            self._failures = 0 if ok else self._failures + 1
            if self._failures >= self._most:
                self._open_until = self._clock() + self._rest_s


@dataclass
class Client:
    """Asks one model. transport, clock, sleep, now: replaced by tests."""

    endpoint: Endpoint
    limits: Limits = field(default_factory=Limits)
    transport: httpx2.AsyncBaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = utc_now

    def __post_init__(self) -> None:
        # A server that takes no key still wants one said.
        key = self.endpoint.key.get_secret_value() if self.endpoint.key else "none"
        self._sdk = connect(self.endpoint.base_url, key, self.transport)
        self._shape = Shape()
        self._slots = threading.BoundedSemaphore(self.limits.at_once)
        self._breaker = Breaker(self.limits.failures_to_open, self.limits.rest_s, self.clock)

    def close(self) -> None:
        """Lets go of the connections."""
        background().run(self._sdk.close(), 1.0)

    @property
    def shape(self) -> Shape:
        """What the server was last found to take."""
        return self._shape

    def complete(
        self,
        messages: Messages,
        schema: Mapping[str, Any],
        *,
        deadline_s: float,
        most_tokens: int = 700,
        ledger: Ledger | None = None,
    ) -> Completion:
        """One completion, with all tries in it. Raises LlmUnavailable, at the latest after deadline_s."""
        started, shape, tries = self.clock(), self._shape, 0
        ends_at = started + deadline_s
        for _ in range(MOST_REQUESTS):
            request = shape.request(
                self.endpoint.model, messages, schema, most_tokens=most_tokens, reasoning=self.endpoint.reasoning
            )
            outcome = self._once(request, ends_at, ledger or _NoLedger())
            if isinstance(outcome, Reply):
                self._shape = shape
                return self._completion(outcome, self.clock() - started)
            smaller = shape.without(outcome.said)
            if smaller is not None:
                shape = smaller
                continue
            tries += 1
            self._wait_or_give_up(outcome, tries, ends_at)
        raise LlmUnavailable("NOT_A_COMPLETION")

    def _once(self, request: Mapping[str, Any], ends_at: float, ledger: Ledger) -> Reply | Failure:
        if not self._breaker.lets_through():
            raise LlmUnavailable("BREAKER")
        if not self._slots.acquire(timeout=max(0.0, ends_at - self.clock())):
            raise LlmUnavailable("BUSY")
        try:
            number, started = ledger.reserve(request), self.clock()
            left_s = ends_at - started
            outcome = (
                exchange(self._sdk, request, left_s=left_s, now=self.now())
                if left_s > 0
                else Failure("DEADLINE", is_passing=False, is_free=True)
            )
            ledger.settle(number, outcome, self.clock() - started)
        finally:
            self._slots.release()
        # That an option is refused says that the server is there.
        self._breaker.note(ok=isinstance(outcome, Reply) or _steps(outcome))
        return outcome

    def _wait_or_give_up(self, failure: Failure, tries: int, ends_at: float) -> None:
        if not failure.is_passing or tries >= self.limits.tries:
            raise LlmUnavailable(failure.code)
        wait_s = failure.wait_s if failure.wait_s is not None else self.limits.first_wait_s * 2 ** (tries - 1)
        if wait_s >= ends_at - self.clock():
            raise LlmUnavailable(failure.code)
        self.sleep(wait_s)

    def _completion(self, reply: Reply, latency_s: float) -> Completion:
        model = reply.model or self.endpoint.model
        return Completion(reply.text, reply.finish_reason, model, reply.tokens_in, reply.tokens_out, latency_s)


def _steps(outcome: Failure) -> bool:
    return bool(outcome.said) and not outcome.is_passing


_CLIENTS: dict[Endpoint, Client] = {}
_LOCK = threading.Lock()


def client_for(endpoint: Endpoint) -> Client:
    """The process's client of a model: what it learnt of the server, its breaker and its places are shared."""
    with _LOCK:
        if endpoint not in _CLIENTS:
            _CLIENTS[endpoint] = Client(endpoint)
        return _CLIENTS[endpoint]
