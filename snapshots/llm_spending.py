"""Requests to language models as they were sent, and the monthly budget that is reserved before each.

What a request may cost at most is taken from the month's budget before it is sent and put right when it is over. One
whose process dies keeps what it reserved: the server may have billed it, so the budget holds whatever happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import text

from snapshots.database import Database

REQUESTS_KEPT: Final = timedelta(days=180)
"""Long enough to see what was sent about somebody in the last half year."""


class OverBudget(Exception):
    """The month's budget does not hold what the request may cost; nothing was reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What an organization may spend in a month. most_micro_usd counts where prices are known."""

    most_tokens: int
    most_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request before it is sent. month: first day. tokens, micro_usd: what it may cost at most; None: no price."""

    month: date
    owner_id: int
    week: date
    note_for: str
    host: str
    model: str
    body: Mapping[str, Any]
    tokens: int
    micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went. tokens: what counts, where the server told it or did no work; None: what was reserved counts."""

    code: str
    tokens_in: int | None
    tokens_out: int | None
    tokens: int | None
    micro_usd: int | None
    latency_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What an organization used in a month, with what requests under way have reserved."""

    month: date
    n_requests: int
    tokens: int
    micro_usd: int


def reserve(database: Database, organization_id: int, request: Request, allowance: Allowance, *, now: datetime) -> int:
    """Keep a request and take what it may cost. Returns its number. Raises OverBudget."""
    known = {
        "organization": organization_id, **asdict(request), "now": now, "most_tokens": allowance.most_tokens,
        "most_micro": allowance.most_micro_usd, "micro": request.micro_usd or 0,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(_MONTH, known)
        if not connection.execute(_TAKE, known).rowcount:
            raise OverBudget(f"The budget of {request.month:%B %Y} is used up.")
        row = connection.execute(_REQUEST, known | {"body": orjson.dumps(dict(request.body)).decode()})
        return int(row.scalar_one())


def settle(database: Database, organization_id: int, request_id: int, outcome: Outcome, *, now: datetime) -> None:
    """Write down how a request went and put the month right. A second time changes nothing."""
    known = {"organization": organization_id, "request": request_id, "now": now, **asdict(outcome)}
    with database.as_app(organization_id) as connection:
        # Where a crash of the server takes it away, what was reserved stays taken: that is on the safe side.
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        row = connection.execute(_SETTLE, known).one_or_none()
        if row is not None and outcome.tokens is not None:
            spared = {"tokens": outcome.tokens - row.reserved_tokens, "micro": row.micro_usd - row.reserved_micro_usd}
            connection.execute(_PUT_RIGHT, {"organization": organization_id, "month": row.month, **spared})


def month_of(database: Database, organization_id: int, month: date) -> Month:
    """Of the month that begins on this day."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT n_requests, tokens, micro_usd FROM llm_months "
                "WHERE organization_id = :organization AND month = :month"
            ),
            {"organization": organization_id, "month": month},
        ).one_or_none()
    n, tokens, micro = row if row is not None else (0, 0, 0)
    return Month(month=month, n_requests=n, tokens=tokens, micro_usd=micro)


def forget_requests(database: Database, organization_id: int, *, now: datetime) -> int:
    """Delete the organization's requests older than `REQUESTS_KEPT`. Returns how many there were."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text("DELETE FROM llm_requests WHERE organization_id = :organization AND sent_at < :until"),
            {"organization": organization_id, "until": now - REQUESTS_KEPT},
        )
        return int(done.rowcount)


_MONTH: Final = text(
    "INSERT INTO llm_months (organization_id, month, n_requests, tokens, micro_usd) "
    "VALUES (:organization, :month, 0, 0, 0) ON CONFLICT (organization_id, month) DO NOTHING"
)
# The row stays locked: of two that fit alone, but not together, the second one sees what the first took.
_TAKE: Final = text(
    "UPDATE llm_months SET n_requests = n_requests + 1, tokens = tokens + :tokens, micro_usd = micro_usd + :micro "
    "WHERE organization_id = :organization AND month = :month "
    "AND tokens + :tokens <= :most_tokens AND micro_usd + :micro <= :most_micro"
)
_REQUEST: Final = text(
    "INSERT INTO llm_requests (organization_id, month, owner_id, week, note_for, host, model, body, reserved_tokens, "
    "reserved_micro_usd, sent_at) VALUES (:organization, :month, :owner_id, :week, :note_for, :host, :model, "
    "cast(:body AS jsonb), :tokens, :micro_usd, :now) RETURNING request_id"
)
_SETTLE: Final = text(
    "UPDATE llm_requests SET settled_at = :now, code = :code, tokens_in = :tokens_in, tokens_out = :tokens_out, "
    "micro_usd = CASE WHEN cast(:tokens AS bigint) IS NULL THEN reserved_micro_usd "
    "ELSE cast(:micro_usd AS bigint) END, "
    "latency_ms = :latency_ms WHERE organization_id = :organization AND request_id = :request AND settled_at IS NULL "
    "RETURNING month, reserved_tokens, coalesce(reserved_micro_usd, 0) AS reserved_micro_usd, "
    "coalesce(micro_usd, 0) AS micro_usd"
)
_PUT_RIGHT: Final = text(
    "UPDATE llm_months SET tokens = tokens + :tokens, micro_usd = micro_usd + :micro "
    "WHERE organization_id = :organization AND month = :month"
)
