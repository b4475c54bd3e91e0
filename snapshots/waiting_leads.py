"""Pending leads at which nobody has looked yet: who gets them, and who is told of them. While a CRM takes nothing its
leads are not even claimed, and this is when people should hear of them.

Delivery looks first, for it does so with each lead that it claims; so what has been due for a moment alone is swept. A
partial index holds what is left, nothing at all as long as CRMs work. Whether a lead is given away is decided in the
transaction that locks its row (`snapshots.routing`), never here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from snapshots.database import Database

HEAD_START: Final = timedelta(seconds=2)
"""So long delivery has a lead to itself."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lead that somebody may get, or be told of."""

    organization_id: int
    lead_id: UUID


@dataclass(frozen=True, slots=True)
class Look:
    """n_seen: all that were looked at. to_give: those of them that somebody may get, or be told of, the longest due
    first, by turns of organizations; the others are done with."""

    n_seen: int
    to_give: Sequence[Waiting]


def look(database: Database, most: int, *, without: Collection[UUID] = (), clock: str = "clock_timestamp()") -> Look:
    """At the next `most` leads at most. without: leads to leave alone for now. clock: SQL of the present."""
    with database.as_worker() as connection:
        values = {"most": most, "head_start": HEAD_START, "without": list(without)}
        rows = connection.execute(text(_WAITING.format(now=clock)), values).all()
        done = [row for row in rows if not row.is_asked]
        if done:
            leave(connection, [Waiting(row.organization_id, row.lead_id) for row in done])
    return Look(len(rows), [Waiting(row.organization_id, row.lead_id) for row in rows if row.is_asked])


def leave(connection: Connection, leads: Sequence[Waiting]) -> None:
    """Do not look at these again: what is left to do is done at their delivery. Waits for nobody who has one in
    hand."""
    connection.execute(
        _LEAVE, {"organizations": [one.organization_id for one in leads], "leads": [one.lead_id for one in leads]}
    )


def give_up(database: Database, lead: Waiting) -> None:
    """Leave a lead that could not be given away, time and again, to its delivery."""
    with database.as_worker() as connection:
        leave(connection, [lead])


# A lead of an organization without rules, webhooks and scores, by a form that names nobody, needs no look.
_WAITING = """
    SELECT w.organization_id, w.lead_id, NOT EXISTS (
            SELECT FROM lead_assignments a WHERE a.organization_id = w.organization_id AND a.lead_id = w.lead_id
        ) AND (
            EXISTS (SELECT FROM routing_rules r WHERE r.organization_id = w.organization_id AND r.is_active)
            OR EXISTS (SELECT FROM webhooks h WHERE h.organization_id = w.organization_id AND h.is_active)
            OR EXISTS (
                SELECT FROM forms f JOIN form_versions v ON v.organization_id = f.organization_id
                    AND v.form_id = f.form_id AND v.version = f.published_version
                WHERE f.organization_id = w.organization_id AND f.form_id = w.form_id
                    AND v.definition -> 'notify' <> '[]'::jsonb)
            OR EXISTS (
                SELECT FROM model_versions m WHERE m.organization_id = w.organization_id AND m.subject = 'lead'
                    AND m.state = 'active')
        ) AS is_asked
    FROM (
        SELECT l.*, row_number() OVER (PARTITION BY l.organization_id ORDER BY l.next_attempt_at, l.lead_id) AS turn
        FROM organizations o CROSS JOIN LATERAL (
            SELECT organization_id, lead_id, form_id, next_attempt_at FROM received_leads
            WHERE organization_id = o.organization_id AND state = 'pending' AND NOT is_routed
                AND next_attempt_at <= {now} - cast(:head_start AS interval)
                AND (lease_until IS NULL OR lease_until <= {now}) AND lead_id <> ALL(cast(:without AS uuid[]))
            ORDER BY next_attempt_at, lead_id LIMIT :most
        ) l
    ) w
    ORDER BY w.turn, w.next_attempt_at LIMIT :most
"""
_LEAVE = text(
    "UPDATE received_leads l SET is_routed = true FROM ("
    "SELECT organization_id, lead_id FROM received_leads WHERE (organization_id, lead_id) IN ("
    "SELECT * FROM unnest(cast(:organizations AS bigint[]), cast(:leads AS uuid[]))) AND NOT is_routed "
    "FOR NO KEY UPDATE SKIP LOCKED) mine "
    "WHERE l.organization_id = mine.organization_id AND l.lead_id = mine.lead_id"
)
