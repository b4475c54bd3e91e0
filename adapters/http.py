"""HTTP as every vendor needs it: one place for credentials, deadlines, rate limits, retries, and errors with remedies.

A vendor's module states facts (paths, fields, what a status means there) and calls `HttpClient`. It never sees httpx.
No secret leaves: messages, reprs and logs show neither headers nor query strings, and what a CRM echoes is redacted.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
import orjson
import stamina

from adapters.base import Budget
from adapters.errors import (
    ConfigError,
    CrmError,
    FatalError,
    MissingScopeError,
    RetriableError,
    ThrottledError,
    UnsureError,
)
from adapters.http_transport import Deadline, GuardedTransport, PrivateHostError

T = TypeVar("T")
HIDDEN = "•••"
JSON, JSON_PATCH, FORM, CSV = (
    "application/json", "application/json-patch+json", "application/x-www-form-urlencoded", "text/csv",
)  # fmt: skip
MAX_WAIT_S = 900.0
"""No answer makes us wait longer than this; a job that must is tried again by the schedule."""
RETRIABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
NOT_TAKEN_STATUSES = frozenset({425, 429})
"""Refused before anything was done, so that even a create may be sent again."""
ACCOUNT_STATUSES = {402: "Check the plan and its quota", 403: "Check the rights of the credentials"}
"""What is refused to the account, whatever the record, with the remedy."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusing answer means where its status alone does not tell. status: as which it is to be treated. wait_s:
    how long the CRM asks to wait, where it says so in its own way."""

    status: int
    wait_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom we talk to, and as whom.

    crm: its name in messages. key: names the account for the shared rate budget. headers: credentials, asked for at
    each request. renew: makes new credentials after a 401; None where they cannot be renewed. setting: what to correct.
    seen: is shown the headers of each answer, which may tell what is left of a limit. reads: the vendor's rules on its
    refusals, from status, headers and body; None where the status tells.
    """

    crm: str
    key: str
    base_url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    setting: str
    renew: Callable[[], None] | None = field(default=None, repr=False)
    seen: Callable[[Mapping[str, str]], None] | None = field(default=None, repr=False)
    reads: Callable[[int, Mapping[str, str], bytes], Refusal | None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """deadline_s: total time of one attempt. patience_s: of all attempts together. attempts: at most so many."""

    deadline_s: float = 60.0
    patience_s: float = 180.0
    attempts: int = 5
    max_bytes: int = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. what: the CRM's object, for messages. idempotent: sending it twice does no harm (every read, and an
    update to fixed values); a create is not, and is repeated only where the CRM surely did nothing. accept: statuses
    besides 2xx that the caller handles. scope: the CRM's name of the right that a 403 means is missing. may_send: asked
    right before sending; where it says no, nothing is sent (RetriableError). media_type: JSON, JSON_PATCH, FORM (body:
    names and values) or CSV (body: bytes). wants: JSON, or CSV for an answer that is kept as bytes."""

    method: str
    path: str
    what: str
    idempotent: bool
    params: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    accept: frozenset[int] = frozenset()
    scope: str | None = None
    may_send: Callable[[], bool] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON
    wants: str = JSON

    def content(self) -> bytes | None:
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        if self.media_type == FORM and isinstance(self.body, Mapping):
            return urlencode(self.body).encode()
        return orjson.dumps(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """json: the decoded body; None where there is none, or where something else was wanted. body: as it came, where
    that was wanted."""

    status: int
    headers: Mapping[str, str]
    json: object
    body: bytes = field(default=b"", repr=False)

    @property
    def at(self) -> datetime | None:
        """The time by the CRM's own clock; None where it does not tell."""
        return _date(self.headers.get("date", ""))


class HttpClient:
    """A CRM's HTTP interface. Raises adapters.errors alone.

    now: the time of day, for waits that a CRM names as a date. allow_private_hosts: plain HTTP and addresses inside
    private networks are refused without it. transport, clock: replaced by tests.
    """

    def __init__(
        self,
        account: Account,
        budget: Budget,
        *,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        allow_private_hosts: bool = False,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account, self._budget, self._limits, self._now = account, budget, limits or Limits(), now
        self._clock, self._deadline = clock, Deadline(clock)
        self._require_safe(account.base_url, allow_private_hosts)
        self._client = httpx.Client(
            transport=transport or GuardedTransport(self._deadline, allow_private_hosts=allow_private_hosts),
            timeout=httpx.Timeout(self._limits.deadline_s),
            follow_redirects=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"HttpClient({self._account.crm} at {urlsplit(self._account.base_url).hostname})"

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, *, what: str, params: Mapping[str, str] | None = None, scope: str | None = None) -> object:
        """The JSON at `path`."""
        call = Call(method="GET", path=path, what=what, idempotent=True, params=params or {}, scope=scope)
        return self.send(call).json

    def send(self, call: Call) -> Answer:
        """Send, and send again where that may help and does no harm."""
        retries = stamina.retry_context(
            on=lambda error: self._again(error, call),
            attempts=self._limits.attempts,
            timeout=self._limits.patience_s,
            wait_initial=0.5,
            wait_max=30.0,
        )
        for attempt in retries:
            with attempt:
                return self._attempt(call)
        raise AssertionError("stamina ends with the last error")

    # --- one attempt -----------------------------------------------------------------------------------------------

    def _attempt(self, call: Call) -> Answer:
        answer = self._exchange(call)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._account.renew is not None:
            self._account.renew()
            answer = self._exchange(call)
        if answer.is_success or answer.status_code in call.accept:
            return self._taken(answer, call)
        raise self._refused(answer, call)

    def _taken(self, answer: httpx.Response, call: Call) -> Answer:
        if call.wants != JSON and answer.is_success:
            self._refuse_page(answer, call)
            return Answer(answer.status_code, dict(answer.headers), None, answer.content)
        return Answer(answer.status_code, dict(answer.headers), self._decoded(answer, call))

    def _exchange(self, call: Call) -> httpx.Response:
        self._budget.acquire(self._account.key, at_most_s=self._limits.patience_s)
        if call.may_send is not None and not call.may_send():
            raise RetriableError(f"{self._account.crm}: {call.what} was not sent, since it took too long to get here.")
        ends_at = self._clock() + self._limits.deadline_s
        try:
            with self._deadline.within(self._limits.deadline_s):
                return self._followed(call, ends_at)
        except PrivateHostError as error:
            raise self._config(
                f"{error} is inside a private network", "Set ALLOW_PRIVATE_HOSTS=true if it is yours"
            ) from error
        except httpx.HTTPError as error:
            raise self._broken(error, call) from error
        except httpx.InvalidURL as error:
            raise self._config("its address is not valid", f"Correct {self._account.setting}") from error

    def _followed(self, call: Call, ends_at: float) -> httpx.Response:
        url = self._url(call.path)
        params: Mapping[str, str] | None = call.params or None
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(call, url, params, ends_at)
            location = answer.headers.get("location")
            if answer.status_code not in REDIRECTS or not location or answer.status_code in call.accept:
                return answer
            url, params = self._redirected(url, location, call), None
        raise self._fatal(call, f"redirects more than {MAX_REDIRECTS} times", f"Check {self._account.setting}")

    def _once(self, call: Call, url: str, params: Mapping[str, str] | None, ends_at: float) -> httpx.Response:
        content = call.content()
        headers = {"accept": call.wants, **({"content-type": call.media_type} if content else {}), **call.headers}
        request = self._client.build_request(
            call.method, url, params=params, content=content, headers={**headers, **self._account.headers()}
        )
        answer = self._client.send(request, stream=True)
        if self._account.seen is not None:
            self._account.seen(answer.headers)
        try:
            body = self._body(answer, call, ends_at)
        finally:
            answer.close()
        # The decoded bytes, so what described their coding no longer holds.
        kept = [
            (name, value)
            for name, value in answer.headers.multi_items()
            if name not in {"content-encoding", "content-length"}
        ]
        return httpx.Response(answer.status_code, headers=kept, content=body, request=request)

    def _body(self, answer: httpx.Response, call: Call, ends_at: float) -> bytes:
        body = bytearray()
        for chunk in answer.iter_bytes(65_536):
            body += chunk
            if len(body) > self._limits.max_bytes:
                megabytes = self._limits.max_bytes // 1024**2
                raise self._useless(call, f"answers with more than {megabytes} MB", "Ask for smaller pages")
            if self._clock() > ends_at:
                raise httpx.ReadTimeout("the total deadline has passed")
        return bytes(body)

    def _redirected(self, url: str, location: str, call: Call) -> str:
        target = urljoin(url, location)
        if call.method != "GET" or urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise self._fatal(call, f"redirects to {urlsplit(target).hostname}", f"Check {self._account.setting}")
        return target

    def _decoded(self, answer: httpx.Response, call: Call) -> object:
        body = answer.content.strip()
        if not body or (answer.is_error and body.startswith(b"<")):  # the status, which the caller handles, says enough
            return None
        self._refuse_page(answer, call)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            # Most often a body that was cut off; where it is not, the last attempt says so.
            raise self._temporary(call, "answers with broken JSON") from error

    def _refuse_page(self, answer: httpx.Response, call: Call) -> None:
        if answer.content.lstrip().startswith(b"<"):
            remedy = f"Check {self._account.setting}, and whether a proxy or a log-in page stands between"
            raise self._useless(
                call, f"answers with a web page instead of {call.wants.partition('/')[2].upper()}", remedy
            )

    # --- what went wrong -------------------------------------------------------------------------------------------

    def _again(self, error: Exception, call: Call) -> bool | float:
        if not isinstance(error, RetriableError) or isinstance(error, UnsureError):
            return False
        if error.wait_s is None:
            return True
        return error.wait_s if error.wait_s <= self._limits.patience_s else False

    def _refused(self, answer: httpx.Response, call: Call) -> CrmError:
        meant, said = self._meant(answer), self._said(answer, call)
        status, wait_s, what = meant.status, meant.wait_s, f"answers with {answer.status_code}{said}"
        if status in RETRIABLE_STATUSES:
            if status == httpx.codes.TOO_MANY_REQUESTS:
                self._budget.penalize(self._account.key, wait_s if wait_s is not None else 1.0)
                text = f"{self._account.crm} {what} ({call.what}). It is tried again later."
                return ThrottledError(text, wait_s=wait_s)
            return self._temporary(call, what, wait_s, taken=status not in NOT_TAKEN_STATUSES)
        if status == httpx.codes.UNAUTHORIZED:
            return self._config(f"it refuses the credentials{said}", f"Set {self._account.setting} to valid ones")
        if status == httpx.codes.FORBIDDEN and call.scope is not None:
            text = f"{self._account.crm}: {call.what} may not be read{said}. Grant the right {call.scope}."
            return MissingScopeError(text, scope=call.scope)
        if status in ACCOUNT_STATUSES:
            return self._config(f"it answers with {status}{said} ({call.what})", ACCOUNT_STATUSES[status])
        return self._fatal(call, what, "The adapter must be corrected")

    def _meant(self, answer: httpx.Response) -> Refusal:
        read = self._account.reads
        found = read(answer.status_code, answer.headers, answer.content) if read is not None else None
        found = found or Refusal(answer.status_code)
        asked_s = retry_after(answer.headers, now=self._now())
        return found if asked_s is None else Refusal(found.status, max(asked_s, found.wait_s or 0.0))

    def _broken(self, error: httpx.HTTPError, call: Call) -> CrmError:
        was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        slow = isinstance(error, httpx.TimeoutException)
        what = (
            f"does not answer within {self._limits.deadline_s:.0f} s"
            if slow
            else f"breaks off ({type(error).__name__})"
        )
        if not was_sent:
            what = "cannot be reached"
        return self._temporary(call, what, taken=was_sent)

    def _temporary(self, call: Call, what: str, wait_s: float | None = None, *, taken: bool = True) -> RetriableError:
        text = f"{self._account.crm} {what} ({call.what})."
        if taken and not call.idempotent:
            return UnsureError(f"{text} It may have been done: look before sending it again.", wait_s=wait_s)
        return RetriableError(f"{text} It is tried again later.", wait_s=wait_s)

    def _useless(self, call: Call, what: str, remedy: str) -> CrmError:
        """An answer from which nothing can be learnt: not even whether a create happened."""
        return self._fatal(call, what, remedy) if call.idempotent else self._temporary(call, what)

    def _fatal(self, call: Call, what: str, remedy: str) -> FatalError:
        return FatalError(f"{self._account.crm} {what} ({call.what}). {remedy}.")

    def _config(self, what: str, remedy: str) -> ConfigError:
        return ConfigError(f"{self._account.crm}: {what}. {remedy}.", setting=self._account.setting)

    def _said(self, answer: httpx.Response, call: Call) -> str:
        """The CRM's own words, shortened, and without our secrets should it echo them."""
        text = " ".join(answer.text.split())[:300]
        for secret in self._secrets(call):
            text = text.replace(secret, HIDDEN)
        return f": {text}" if text and not text.startswith("<") else ""

    def _secrets(self, call: Call) -> list[str]:
        """Headers, and what a form holds: that is how a log-in is sent."""
        values = [part for value in self._account.headers().values() for part in (value, value.rpartition(" ")[2])]
        values += [password for value in values if (password := _password(value))]
        if call.media_type == FORM and isinstance(call.body, Mapping):
            values += [str(value) for value in call.body.values()]
        return sorted((value for value in values if len(value) >= 4), key=len, reverse=True)

    def _url(self, path: str) -> str:
        url = urljoin(self._account.base_url.rstrip("/") + "/", path.lstrip("/")) if "://" not in path else path
        if urlsplit(url)[:2] != urlsplit(self._account.base_url)[:2]:
            raise FatalError(f"{self._account.crm} names another host as its next page. Nothing was sent there.")
        return url

    def _require_safe(self, url: str, allow_private_hosts: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise self._config(
                "its address is not valid", f"Set {self._account.setting} to one that starts with https://"
            )
        if parts.scheme == "http" and not allow_private_hosts:
            raise self._config("plain http:// would show the credentials to everyone on the way", "Use https://")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, in either form (seconds, HTTP date), at most MAX_WAIT_S; None where it makes
    no sense. A date is compared with the server's own clock where it tells it: clocks differ."""
    said = headers.get("retry-after", "").strip()
    try:
        wait_s = float(said)
    except ValueError:
        then, there = _date(said), _date(headers.get("date", "")) or now
        wait_s = (then - there).total_seconds() if then is not None else float("nan")
    return min(max(wait_s, 0.0), MAX_WAIT_S) if isfinite(wait_s) else None


def _password(credentials: str) -> str | None:
    """Of credentials for HTTP's basic scheme."""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2] or None
    except ValueError:
        return None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def follow(fetch: Callable[[str | None], tuple[T, str | None]], cursor: str | None = None) -> Iterator[T]:
    """Pages one after the other. fetch: cursor -> (page, next cursor; None: the last). Raises FatalError on a cursor
    that came before, which would go round for ever."""
    seen = {hash(cursor)}
    while True:
        page, cursor = fetch(cursor)
        yield page
        if cursor is None:
            return
        if hash(cursor) in seen:
            raise FatalError("The CRM sends a page cursor that it sent before. Nothing is lost; try the sync again.")
        seen.add(hash(cursor))
