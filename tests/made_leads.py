"""Leads that came in, put straight into the database at a moment and in a state of the test's choice."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import text

from adapters.base import UpsertResult
from snapshots import delivery_rules
from snapshots.database import Database
from snapshots.delivery import Claim, Outbox
from snapshots.delivery_rules import Verdict
from snapshots.organizations import connect_crm

AT = datetime(2024, 6, 28, 12, tzinfo=UTC)
_numbers = itertools.count(1)
DEFAULTS = {"parked": "rejected", "quarantined": "spam"}


def new_id(at: datetime = AT) -> UUID:
    """Of version 7; later ones are larger."""
    ms, number = int(at.timestamp() * 1000), next(_numbers)
    return UUID(int=(ms << 80) | (7 << 76) | (2 << 62) | number)


def put(
    database: Database,
    organization_id: int,
    *,
    state: str = "pending",
    reason: str | None = None,
    detail: str | None = None,
    at: datetime = AT,
    email: str | None = "ada@example.com",
    phone: str | None = None,
    first_name: str | None = "Ada",
    last_name: str | None = "Lovelace",
    company: str | None = None,
    extra: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    body: bytes = b'{"email": "ada@example.com"}',
    attempts: int = 0,
    connection_id: int | None = None,
    due_in: timedelta = timedelta(),
    form_id: int | None = None,
) -> UUID:
    """One lead. reason: by default one that fits the state. due_in: of a pending one, from `at` on."""
    lead_id = new_id(at)
    values = {
        "o": organization_id, "lead": lead_id, "at": at, "hash": hashlib.sha256(body).digest(), "body": body,
        "email": email, "phone": phone, "first": first_name, "last": last_name, "company": company,
        "extra": orjson.dumps(dict(extra or {})).decode(), "flags": list(flags), "state": state,
        "contact": email.lower() if email else phone or str(lead_id), "reason": reason or DEFAULTS.get(state),
        "detail": detail, "attempts": attempts, "connection": connection_id, "form": form_id,
        "next": at + due_in if state == "pending" else None,
        "delivered": at + timedelta(seconds=1) if state == "delivered" else None,
        "outcome": "created" if state == "delivered" else None, "external": "C1" if state == "delivered" else None,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO received_leads (organization_id, lead_id, form_id, received_at, request_hash, body, "
                "body_type, network, email, phone, first_name, last_name, company, extra, contact_key, flags, state, "
                "reason, detail, attempts, next_attempt_at, connection_id, delivered_at, outcome, external_id) "
                "SELECT :o, :lead, coalesce(:form, f.form_id), :at, :hash, :body, 'application/json', "
                "'203.0.113.0/24', :email, :phone, :first, :last, :company, cast(:extra AS jsonb), :contact, :flags, "
                ":state, :reason, :detail, :attempts, :next, :connection, :delivered, :outcome, :external "
                "FROM forms f WHERE f.organization_id = :o AND f.is_default"
            ),
            values,
        )
    return lead_id


def refuse(
    database: Database, organization_id: int, *, at: datetime = AT, field: str | None = "email",
    reason: str = "This is no e-mail address.", body: bytes = b'{"email": "oh"}',
) -> int:  # fmt: skip
    """A submission that was not accepted."""
    with database.as_app(organization_id) as connection:
        return int(
            connection.execute(
                text(
                    "INSERT INTO refused_submissions (organization_id, form_id, received_at, body, body_type, network, "
                    "field, reason) SELECT :o, form_id, :at, :body, 'application/json', '203.0.113.0/24', :field, "
                    ":reason FROM forms WHERE organization_id = :o AND is_default RETURNING refused_id"
                ),
                {"o": organization_id, "at": at, "body": body, "field": field, "reason": reason},
            ).scalar_one()
        )


def pause(
    database: Database, organization_id: int, connection_id: int, *, since: datetime = AT,
    until: datetime = AT + timedelta(minutes=15), reason: str = "config", detail: str = "The token was refused.",
) -> None:  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO delivery_accounts (organization_id, connection_id, failures, paused_until, reason, "
                "detail, since) VALUES (:o, :c, 3, :until, :reason, :detail, :since)"
            ),
            {
                "o": organization_id, "c": connection_id, "until": until, "reason": reason, "detail": detail,
                "since": since,
            },
        )  # fmt: skip


def connect(database: Database, organization_id: int) -> int:
    """A connection to a CRM that takes leads."""
    made = connect_crm(database, organization_id, provider="demo", name="Demo CRM", settings={"born": "2023-06-29"})
    return made.connection_id


def outbox(database: Database, at: datetime = AT) -> Outbox:
    """A worker's, at this moment."""
    return Outbox(database=database, providers=("demo",), worker="worker one", clock=sql(at))


def sql(at: datetime) -> str:
    """The moment as the database is told it."""
    return f"timestamptz '{at.isoformat()}'"


def deliver(box: Outbox, claim: Claim) -> bool:
    """The CRM takes it."""
    return box.settle(claim, delivery_rules.delivered(UpsertResult(external_id="C7", outcome="created")))


def park(box: Outbox, claim: Claim, verdict: Verdict | None = None) -> bool:
    """The CRM does not take it."""
    reason = delivery_rules.Parked.REJECTED
    return box.settle(claim, verdict or delivery_rules.parked(reason, "The CRM knows no such country."))
