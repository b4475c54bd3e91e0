"""Things that must happen once: whoever writes the key first may do them, in the same transaction."""

from __future__ import annotations

from sqlalchemy import Connection, text


def claim(connection: Connection, organization_id: int, *, scope: str, key: str) -> bool:
    """True for the first to ask with this key, False for all later ones. Undone if the transaction is."""
    done = connection.execute(
        text(
            "INSERT INTO idempotency_keys (organization_id, scope, key, request_hash) VALUES (:o, :scope, :key, 0) "
            "ON CONFLICT DO NOTHING"
        ),
        {"o": organization_id, "scope": scope, "key": key},
    )
    return done.rowcount == 1


def is_claimed(connection: Connection, organization_id: int, *, scope: str, key: str) -> bool:
    """Whether somebody has this key, without taking it."""
    found = connection.execute(
        text("SELECT 1 FROM idempotency_keys WHERE organization_id = :o AND scope = :scope AND key = :key"),
        {"o": organization_id, "scope": scope, "key": key},
    )
    return found.first() is not None


def was_claimed_before(connection: Connection, organization_id: int, *, scope: str, key: str) -> bool:
    """Whether a key of this scope was taken that comes before this one in the order of their letters, as days do."""
    found = connection.execute(
        text("SELECT 1 FROM idempotency_keys WHERE organization_id = :o AND scope = :scope AND key < :key LIMIT 1"),
        {"o": organization_id, "scope": scope, "key": key},
    )
    return found.first() is not None
