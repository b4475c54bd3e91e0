"""Pages that asked for a form which they may not show: counted per form, day (UTC) and origin, so that the form's owner
learns of it. Anybody can name an origin, so few are new on a day; the others are counted together.

What the endpoint needs speaks psycopg alone, under `slms_app`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg

from snapshots.beacons import session

if TYPE_CHECKING:
    from snapshots.database import Database

MOST_NEW: Final = 30
"""Origins of a form that are new on one day."""
OTHERS: Final = ""
"""Stands for all those that found no place."""
KEPT: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Blocked:
    """How often an origin asked, the last time at `last_at`. origin: `OTHERS`, those that are not named."""

    form_id: int
    origin: str
    n: int
    last_at: datetime


def store(connection: psycopg.Connection[Any], organization_id: int, found: Sequence[Blocked]) -> None:
    """Add to what was counted. Raises StoreUnavailable."""
    arrays: Mapping[str, object] = {
        "organization": organization_id, "most": MOST_NEW, "forms": [one.form_id for one in found],
        "origins": [one.origin for one in found], "ns": [one.n for one in found],
        "at": [one.last_at for one in found],
    }  # fmt: skip
    with session(connection, organization_id):
        # One at a time: two would wait for each other's rows, and each let so many in.
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('blocked', %s))", (organization_id,))
        connection.execute(_ADD, arrays)


def blocked_since(database: Database, organization_id: int, first_day: date) -> list[Blocked]:
    """Of all forms, from that day (UTC) on: the most frequent origin of each form first, those without a name last."""
    with database.as_app(organization_id) as connection:
        rows = connection.exec_driver_sql(
            "SELECT form_id, origin, sum(n)::bigint, max(last_at) FROM blocked_origins "
            "WHERE organization_id = %(organization)s AND day >= %(day)s "
            "GROUP BY form_id, origin ORDER BY form_id, origin = '', sum(n) DESC, origin",
            {"organization": organization_id, "day": first_day},
        )
        return [Blocked(*row) for row in rows]


def forget_blocked(database: Database, organization_id: int, *, now: datetime) -> int:
    """Delete what is older than `KEPT`. Returns how many rows that were."""
    with database.as_app(organization_id) as connection:
        done = connection.exec_driver_sql(
            "DELETE FROM blocked_origins WHERE organization_id = %(organization)s AND day < %(day)s",
            {"organization": organization_id, "day": (now - KEPT).date()},
        )
        return int(done.rowcount)


_ADD = """
    WITH said AS (
        SELECT form_id, (at AT TIME ZONE 'UTC')::date AS day, origin, sum(n) AS n, max(at) AS at
        FROM unnest(%(forms)s::bigint[], %(origins)s::text[], %(ns)s::bigint[], %(at)s::timestamptz[])
            AS m (form_id, origin, n, at) GROUP BY 1, 2, 3
    ),
    placed AS (
        SELECT s.*, k.origin IS NOT NULL AS is_known,
            row_number() OVER (PARTITION BY s.form_id, s.day, k.origin IS NOT NULL OR s.origin = ''
                ORDER BY s.n DESC, s.origin) + (
                SELECT count(*) FROM blocked_origins c WHERE c.organization_id = %(organization)s
                AND c.form_id = s.form_id AND c.day = s.day AND c.origin <> '') AS place
        FROM said s LEFT JOIN blocked_origins k ON k.organization_id = %(organization)s AND k.form_id = s.form_id
            AND k.day = s.day AND k.origin = s.origin
    )
    INSERT INTO blocked_origins AS b (organization_id, form_id, day, origin, n, last_at)
    SELECT %(organization)s, form_id, day, CASE WHEN is_known OR place <= %(most)s THEN origin ELSE '' END, sum(n),
        max(at)
    FROM placed GROUP BY 2, 3, 4
    ON CONFLICT (organization_id, form_id, day, origin) DO UPDATE SET n = b.n + excluded.n,
        last_at = greatest(b.last_at, excluded.last_at)
"""
