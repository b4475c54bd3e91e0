"""What kind of server an address leads to, asked before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from snapshots.access import APP_ROLE, WORKER_ROLE, WRITABLE

OLDEST_VERSION = 14


class DatabaseUnreachableError(Exception):
    """Nothing, or nothing usable, answers at DATABASE_URL. The message says why and what to do, never the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """roles: which of the program's roles its user may become. unsafe_roles: those with more rights than due."""

    version: str
    user: str
    can_create_roles: bool
    roles: frozenset[str]
    unsafe_roles: frozenset[str]
    encoding: str
    clock: datetime


def probe(url: str) -> Server:
    """Connect and look. Raises DatabaseUnreachableError."""
    try:
        with psycopg.connect(url, connect_timeout=10, target_session_attrs=WRITABLE) as connection:
            return _look(connection)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "read-only" in reason:
            raise DatabaseUnreachableError(
                f"DATABASE_URL: that server takes no writes, as a replica ({reason}). Name the primary, or all hosts "
                "of the cluster with commas between them."
            ) from None
        raise DatabaseUnreachableError(
            f"DATABASE_URL: no database there ({reason}). Check host, port, user, password and database name, and that "
            "the server runs; or remove DATABASE_URL to use the embedded one."
        ) from None


def _look(connection: psycopg.Connection) -> Server:
    if connection.info.server_version < OLDEST_VERSION * 10_000:
        found = connection.info.parameter_status("server_version")
        raise DatabaseUnreachableError(
            f"DATABASE_URL: PostgreSQL {found} is too old; {OLDEST_VERSION} or newer is needed."
        )
    row = connection.execute(
        "SELECT current_user, rolsuper OR rolcreaterole, clock_timestamp() FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    ours = connection.execute(
        "SELECT rolname, pg_has_role(current_user, oid, 'MEMBER'), rolsuper OR rolbypassrls FROM pg_roles "
        "WHERE rolname = ANY(%s)",
        [[APP_ROLE, WORKER_ROLE]],
    ).fetchall()
    return Server(
        version=(connection.info.parameter_status("server_version") or "").split()[0],
        user=row[0],
        can_create_roles=row[1],
        roles=frozenset(name for name, is_member, _ in ours if is_member),
        unsafe_roles=frozenset(name for name, _, is_unsafe in ours if is_unsafe),
        encoding=connection.info.parameter_status("server_encoding") or "",
        clock=row[2],
    )
