"""API keys of the internal routes: 256 random bits, shown once, kept as a SHA-256 hash, with scopes and an end."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.public_keys import new_api_key, organization_of

SCOPES = ("read", "debug", "live", "metrics")
"""read: owners, counts, health. debug: the rows behind counts. live: asking the CRM itself. metrics: of the process."""
SHOWN = 4
"""Characters of the random part that lists show, to tell keys apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    organization_id: int
    key_id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


_COLUMNS = "organization_id, key_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at"


def create_api_key(
    database: Database, organization_id: int, *, name: str, scopes: Sequence[str], expires_at: datetime | None,
    by: str = audit.PROGRAM,
) -> str:  # fmt: skip
    """Make a key and return it; it cannot be shown again. Raises ValueError for an unknown scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"Scopes are {', '.join(SCOPES)}; {', '.join(unknown) or 'none given'}.")
    key = new_api_key(organization_id)
    shown = key[: len(f"slms_{organization_id}_") + SHOWN]
    with database.as_app(organization_id) as connection:
        key_id = connection.execute(
            text(
                "INSERT INTO api_keys (organization_id, name, prefix, key_hash, scopes, expires_at) "
                "VALUES (:id, :name, :prefix, :hash, :scopes, :expires) RETURNING key_id"
            ),
            {
                "id": organization_id,
                "name": name,
                "prefix": shown,
                "hash": _hash(key),
                "scopes": list(scopes),
                "expires": expires_at,
            },
        ).scalar_one()
        audit.record(
            connection, organization_id, by=by, action="created", subject="api_key", subject_id=str(key_id),
            before=None, after={"name": name, "begins": shown, "scopes": list(scopes), "expires_at": expires_at},
        )  # fmt: skip
    return key


def list_api_keys(database: Database, organization_id: int) -> list[ApiKey]:
    """Those of an organization, revoked ones included, in the order in which they were made."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(f"SELECT {_COLUMNS} FROM api_keys WHERE organization_id = :id ORDER BY key_id"),
            {"id": organization_id},
        ).mappings()
        return [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


def revoke_api_key(
    database: Database, organization_id: int, key_id: int, *, now: datetime, by: str = audit.PROGRAM
) -> None:
    """From now on it opens nothing. Raises LookupError where there is none."""
    with database.as_app(organization_id) as connection:
        before = _ending(connection, organization_id, key_id)
        done = connection.execute(
            text(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, :now) "
                "WHERE organization_id = :id AND key_id = :key"
            ),
            {"id": organization_id, "key": key_id, "now": now},
        )
        if done.rowcount != 1:
            raise LookupError(f"There is no API key {key_id}.")
        audit.record(
            connection, organization_id, by=by, action="revoked", subject="api_key", subject_id=str(key_id),
            before=before, after=_ending(connection, organization_id, key_id),
        )  # fmt: skip


def _ending(connection: Connection, organization_id: int, key_id: int) -> dict[str, object]:
    row = connection.execute(
        text("SELECT revoked_at FROM api_keys WHERE organization_id = :id AND key_id = :key"),
        {"id": organization_id, "key": key_id},
    ).one_or_none()  # fmt: skip
    return {"revoked_at": row.revoked_at if row else None}


def find_api_key(database: Database, key: str, *, now: datetime) -> ApiKey | None:
    """The key's record, where it is valid now; notes that it was used. None for any other text."""
    organization_id = organization_of(key)
    if organization_id is None or not key.startswith("slms_"):
        return None
    wanted = _hash(key)
    with database.as_app(organization_id) as connection:
        row = (
            connection.execute(
                text(f"SELECT key_hash, {_COLUMNS} FROM api_keys WHERE organization_id = :id AND key_hash = :hash"),
                {"id": organization_id, "hash": wanted},
            )
            .mappings()
            .one_or_none()
        )
        if row is None or not hmac.compare_digest(bytes(row["key_hash"]), wanted):
            return None
        found = ApiKey(**{name: row[name] for name in _COLUMNS.split(", ")} | {"scopes": tuple(row["scopes"])})
        if found.revoked_at is not None or (found.expires_at is not None and found.expires_at <= now):
            return None
        if found.last_used_at is None or (now - found.last_used_at).total_seconds() > 60:  # once a minute is enough
            connection.execute(
                text("UPDATE api_keys SET last_used_at = :now WHERE organization_id = :id AND key_id = :key"),
                {"id": organization_id, "key": found.key_id, "now": now},
            )
    return found


def any_api_key(database: Database) -> bool:
    """Whether a key was ever made in this installation, revoked ones included."""
    with database.as_worker() as connection:
        return bool(connection.execute(text("SELECT EXISTS (SELECT FROM api_keys)")).scalar_one())


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
