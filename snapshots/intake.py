"""Receiving leads. A lead is one row: what was sent, what was understood of it, and where its delivery stands; it is
committed to disk before anybody is answered.

This is all that the public route needs of the database, so it speaks psycopg alone and is quick to import. It works
under `slms_app`: the organization of each row is set in its transaction.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from snapshots.access import APP_ROLE, WORKER_ROLE, WRITABLE
from snapshots.form_definition import Definition

CHANNEL = "slms_leads"
"""NOTIFY on it says that leads are waiting for the worker."""
CONNECT_S, STATEMENT_S = 2, 5
LOOK_UPS = 4
FIND_S = 2.0
"""How long a look-up waits for a connection."""
ANSWER_S = 1.5
"""How long it then waits for the server. One that holds the connection and says nothing would keep us for ever."""


class StoreUnavailable(Exception):
    """The database did not confirm. The row may be there or not: sending again with the same key is safe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Where a lead comes in. version, definition: what it asks now; None where it was never published."""

    organization_id: int
    form_id: int
    key: str
    name: str
    status: str
    version: int | None
    definition: Definition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A lead on its way in.

    body: as sent. extra: every further field, as text. form_version: the one that was filled in. visit, source,
    campaign: as the submission says. consents: what was agreed to, each with field, text, version and time. due_in_s:
    when the worker may take it; None: never by itself, for it is quarantined for `reason`. idempotency_key: None where
    the sender gave none.
    """

    organization_id: int
    form_id: int
    lead_id: UUID
    idempotency_key: str | None
    request_hash: bytes
    body: bytes
    body_type: str
    network: str | None
    contact_key: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    form_version: int | None = None
    visit: str | None = None
    source: str | None = None
    campaign: str | None = None
    consents: Sequence[Mapping[str, object]] = ()
    due_in_s: float | None = 0.0
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is stored for a submission.

    is_new: False where the idempotency key was used before; is_same: whether by the same body. outcome, external_id:
    what the CRM said, once delivered.
    """

    lead_id: UUID
    is_new: bool
    is_same: bool
    state: str
    email: str | None
    outcome: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A submission that was not accepted, kept to be looked at. field: the one that is wrong."""

    organization_id: int
    form_id: int
    body: bytes
    body_type: str
    network: str | None
    field: str | None
    reason: str


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection that answers within seconds or fails, and commits to disk whatever the server's default."""
    return psycopg.connect(url, **_options())


Pool = ConnectionPool[psycopg.Connection[Any]]


def open_pool(url: str) -> Pool:
    """Connections for look-ups; leads have their own. None is opened before it is needed."""
    return ConnectionPool(
        url,
        kwargs=_options(),
        min_size=0,
        max_size=LOOK_UPS,
        open=True,
        check=_check,
        reconnect_timeout=CONNECT_S,
        name="look-ups",
    )


def _check(connection: psycopg.Connection[Any]) -> None:
    with _bounded(connection):
        ConnectionPool.check_connection(connection)


@contextmanager
def _bounded(connection: psycopg.Connection[Any]) -> Iterator[None]:
    watch = threading.Timer(ANSWER_S, cut, (connection,))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _options() -> dict[str, Any]:
    return {
        "autocommit": True,
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": 1000 * CONNECT_S,
        "target_session_attrs": WRITABLE,
        "application_name": "slms endpoint",
        "options": f"-c role={APP_ROLE} -c timezone=UTC -c synchronous_commit=on "
        f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={CONNECT_S}s",
    }


def cut(connection: psycopg.Connection[Any]) -> None:
    """End a connection whose server does not answer, from another thread: whoever waits on it gets an error."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as plug:
        plug.shutdown(socket.SHUT_RDWR)


_COLUMNS = (
    "organization_id",
    "lead_id",
    "form_id",
    "idempotency_key",
    "request_hash",
    "body",
    "body_type",
    "network",
    "email",
    "phone",
    "first_name",
    "last_name",
    "company",
    "contact_key",
    "reason",
    "detail",
    "form_version",
    "visit",
    "source",
    "campaign",
)
"""Columns that are stored as they are given, in the order of the function's arguments."""
_ACCEPT = f"SELECT * FROM accept_leads({', '.join(['%b'] * (len(_COLUMNS) + 4))}) ORDER BY place"
_EARLIER = (
    "SELECT lead_id, request_hash, state, email, outcome, external_id FROM received_leads "
    "WHERE organization_id = %s AND form_id = %s AND idempotency_key = %s"
)
AS_ORGANIZATION = "SELECT set_config('slms.organization_id', %s, true)"


def store(connection: psycopg.Connection[Any], leads: Sequence[Received]) -> list[Receipt]:
    """Store leads in one transaction; when this returns, they are on disk. A receipt each, in the same order.

    A lead whose idempotency key was used before on its form is not stored again. Raises StoreUnavailable.
    """
    try:
        return _store(connection, leads)
    except (psycopg.DataError, psycopg.IntegrityError):
        # One row of them cannot be stored as it was understood. Nothing is lost: each goes alone, that one as sent.
        return [_store_alone(connection, lead) for lead in leads]
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _store_alone(connection: psycopg.Connection[Any], lead: Received) -> Receipt:
    try:
        try:
            return _store(connection, [lead])[0]
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            return _store(connection, [_as_sent(lead, type(error).__name__)])[0]
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _as_sent(lead: Received, fault: str) -> Received:
    names = ("email", "phone", "first_name", "last_name", "company", "form_version", "visit", "source", "campaign")
    bare = dict.fromkeys(names)
    detail = f"The database could not take what was understood of it ({fault}); the body is kept as it was sent."
    kept = replace(lead, **bare, extra={}, consents=(), due_in_s=None, reason="unreadable", detail=detail)  # type: ignore[arg-type]
    return replace(kept, contact_key=str(lead.lead_id))


def _store(connection: psycopg.Connection[Any], leads: Sequence[Received]) -> list[Receipt]:
    arrays: list[list[object]] = [[getattr(lead, name) for lead in leads] for name in _COLUMNS]
    arrays.append([orjson.dumps(lead.extra).decode() for lead in leads])
    arrays.append([",".join(lead.flags) for lead in leads])
    arrays.append([lead.due_in_s for lead in leads])
    arrays.append([orjson.dumps(lead.consents).decode() if lead.consents else None for lead in leads])
    found = connection.execute(_ACCEPT, arrays, binary=True).fetchall()
    return [
        Receipt(lead_id=lead_id, is_new=True, is_same=True, state=state, email=email)
        if is_new
        else _earlier(connection, lead)
        for lead, (_, lead_id, is_new, _, state, email, *_) in zip(leads, found, strict=True)
    ]


def _earlier(connection: psycopg.Connection[Any], lead: Received) -> Receipt:
    """What an earlier submission with the same key left."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(AS_ORGANIZATION, (str(lead.organization_id),))
        row = cursor.execute(_EARLIER, (lead.organization_id, lead.form_id, lead.idempotency_key)).fetchone()
    if row is None:
        raise StoreUnavailable("the lead with this key was removed meanwhile")
    is_same = row.pop("request_hash") == lead.request_hash
    return Receipt(is_new=False, is_same=is_same, **row)


def keep_refused(pool: Pool, refused: Refused) -> None:
    """Raises StoreUnavailable."""
    names = ("organization_id", "form_id", "body", "body_type", "network", "field", "reason")
    with session(pool, refused.organization_id) as connection:
        connection.execute(
            f"INSERT INTO refused_submissions ({', '.join(names)}) VALUES ({', '.join(['%b'] * len(names))})",
            [getattr(refused, name) for name in names],
        )


def current(pool: Pool, organization_id: int, lead_id: UUID) -> Receipt:
    """Where a stored lead stands now. Raises StoreUnavailable."""
    with session(pool, organization_id) as connection:
        row = connection.execute(
            "SELECT state, email, outcome, external_id FROM received_leads WHERE organization_id = %s AND lead_id = %s",
            (organization_id, lead_id),
        ).fetchone()
    if row is None:
        raise StoreUnavailable("the lead is not there any more")
    state, email, outcome, external_id = row
    return Receipt(
        lead_id=lead_id, is_new=False, is_same=True, state=state, email=email, outcome=outcome, external_id=external_id
    )


def is_ready(pool: Pool) -> bool:
    """Whether a lead could be stored now."""
    try:
        with session(pool, None) as connection:
            connection.execute("SELECT 1 FROM received_leads LIMIT 1")
    except StoreUnavailable:
        return False
    return True


@contextmanager
def session(pool: Pool, organization_id: int | None) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that sees one organization; with None all of them, to find out whose a request is."""
    try:
        with (
            pool.connection(timeout=FIND_S) as connection,
            _bounded(connection),
            connection.transaction(),
        ):
            if organization_id is None:
                connection.execute(f"SET LOCAL ROLE {WORKER_ROLE}")
            else:
                connection.execute(AS_ORGANIZATION, (str(organization_id),))
            yield connection
    except (psycopg.Error, PoolTimeout) as error:
        raise StoreUnavailable(type(error).__name__) from error
