"""Requests and answers without a framework, and the one shape of every error (RFC 9457, problem details)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlsplit, urlunsplit

import orjson
import structlog

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html; charset=utf-8"
SAFE = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
)
LOG = structlog.get_logger()
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Request:
    """headers: by lower-case name; one that came several times has its values joined by commas. peer: the address that
    connected to us. query: the first value of each name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    query: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def all_headers(self) -> list[tuple[str, str]]:
        """What the answer says itself goes before what every answer says."""
        own = {name for name, _ in self.headers}
        return [("content-type", self.content_type), *(one for one in SAFE if one[0] not in own), *self.headers]


_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)
_AS_IT_IS = "%/:=&?~#+!$,;'@()*[]|"


def ascii_host(host: str) -> str | None:
    """The host of an address as browsers write it (IDNA), IPv6 in brackets; None where it is none."""
    try:
        written = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        return None
    return written if _HOST.fullmatch(written) else None


def in_ascii(address: str) -> str:
    """The same web address as a header holds it: the answer to a lead that is on disk must not fail over a letter."""
    if address.isascii():
        return address
    parts = urlsplit(address)
    host = ascii_host(parts.hostname or "") or parts.netloc
    place = f"{host}:{parts.port}" if parts.port is not None else host
    return quote(urlunsplit(parts._replace(netloc=place)), safe=_AS_IT_IS)


def answer(status: int, content: Mapping[str, object], *headers: tuple[str, str]) -> Answer:
    return Answer(status, orjson.dumps(content), JSON, headers)


def page(status: int, html: str) -> Answer:
    return Answer(status, html.encode(), HTML, (("content-security-policy", PAGE_POLICY),))


def problem(
    status: int,
    detail: str,
    *headers: tuple[str, str],
    field_name: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Answer:
    """An error. detail: what is wrong and what to do. field_name: the field or parameter that it is about. errors: all
    fields that are wrong, each with its `field` and `message`."""
    said = problem_fields(status, detail, field_name=field_name)
    if errors:
        said["errors"] = list(errors)
    return Answer(status, orjson.dumps(said), PROBLEM, (*headers, ("x-correlation-id", str(said["correlation_id"]))))


def problem_fields(status: int, detail: str, *, field_name: str | None = None) -> dict[str, object]:
    said: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "correlation_id": secrets.token_hex(8),
    }
    return said | ({"field": field_name} if field_name else {})


def unexpected(error: Exception) -> Answer:
    """The answer to a defect of ours; the log has the details."""
    found = problem(500, "Something went wrong here; the log has the details under the correlation id.")
    LOG.error("request failed", correlation_id=dict(found.headers)["x-correlation-id"], exc_info=error)
    return found


def unavailable(detail: str = "The lead was not stored. Send it again, with the same Idempotency-Key.") -> Answer:
    return problem(503, detail, ("retry-after", "2"))
