"""Who changed what, with before and after. An entry stands in the transaction of its change and never changes itself.

Secrets never come here: of a key or a credential the entry says that it changed, not what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, text

from snapshots.database import Database
from snapshots.slices import Where

PROGRAM: Final = "SLMS"
"""Who did it, where nobody asked for it."""
PAGE_ENTRIES: Final = 50
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """before, after: what changed alone, by name; None: there was none, there is none any more."""

    entry_id: int
    at: datetime
    by: str
    action: str
    subject: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def record(
    connection: Connection,
    organization_id: int,
    *,
    by: str,
    action: str,
    subject: str,
    subject_id: str,
    before: Values | None,
    after: Values | None,
) -> None:
    """Write it down in the transaction of the change. What both have in common is left out; where nothing is left of
    them, nothing changed, and nothing is written."""
    if before is not None and after is not None:
        before, after = differing(before, after)
        if not before and not after:
            return
    connection.execute(
        text(
            "INSERT INTO audit_entries (organization_id, by, action, subject, subject_id, before, after) VALUES "
            "(:organization, :by, :action, :subject, :subject_id, cast(:before AS jsonb), cast(:after AS jsonb))"
        ),
        {
            "organization": organization_id, "by": by, "action": action, "subject": subject, "subject_id": subject_id,
            "before": _json(before), "after": _json(after),
        },
    )  # fmt: skip


def differing(before: Values, after: Values) -> tuple[dict[str, object], dict[str, object]]:
    """The values that are not the same in both."""
    held, wanted = orjson.loads(_json(before) or "{}"), orjson.loads(_json(after) or "{}")
    return (
        {name: value for name, value in held.items() if name not in wanted or wanted[name] != value},
        {name: value for name, value in wanted.items() if name not in held or held[name] != value},
    )


def _json(values: Values | None) -> str | None:
    return None if values is None else orjson.dumps(dict(values), default=str).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """subject, by: these alone. since, until: instants, `until` excluded."""

    subject: str | None = None
    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_entries(
    database: Database,
    organization_id: int,
    *,
    subject: str | None = None,
    after: int | None = None,
    most: int = PAGE_ENTRIES,
    wanted: AuditFilter | None = None,
) -> list[Entry]:
    """The newest first. after: the last entry_id seen, where the next page goes on."""
    wanted = wanted or AuditFilter(subject=subject)
    where = Where().add("organization_id = :organization", organization=organization_id)
    for condition, value in (
        ("subject = :subject", wanted.subject), ("by = :by", wanted.by), ("at >= :since", wanted.since),
        ("at < :until", wanted.until), ("entry_id < :after", after),
    ):  # fmt: skip
        if value is not None:
            where.add(condition, **{condition.rpartition(":")[2]: value})
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT entry_id, at, by, action, subject, subject_id, before, after FROM audit_entries "
                f"WHERE {where} ORDER BY entry_id DESC LIMIT :most"
            ),
            where.parameters | {"most": most},
        )
        return [Entry(**row) for row in rows.mappings()]


def known_by(database: Database, organization_id: int) -> tuple[list[str], list[str]]:
    """Which kinds of things, and which persons, there are entries of."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT array_agg(DISTINCT subject ORDER BY subject), array_agg(DISTINCT by ORDER BY by) "
                "FROM audit_entries WHERE organization_id = :id"
            ),
            {"id": organization_id},
        ).one()
    return list(row[0] or []), list(row[1] or [])
