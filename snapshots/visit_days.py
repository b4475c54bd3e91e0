"""Which day a visit is of, when the organization's time zone changes: rows, counts by day and the leads' visits move
together, under the lock of whoever writes visits.

Signs of a visit on both sides of an old midnight become one row where they are of one day now. One row is never taken
apart: which of its signs came after a new midnight is not kept, so it is of the day of its first sign. Counts of visits
whose rows are forgotten stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from snapshots import beacons
from snapshots.beacons import Flag, visit_key

_KIND = "CASE WHEN flags & 3 > 0 THEN 1 WHEN flags & 4 > 0 THEN 2 WHEN flags & 8 > 0 THEN 3 ELSE 0 END"
_MOVE_LEADS = """
    UPDATE lead_visits j SET day = (v.first_at AT TIME ZONE :zone)::date FROM form_visits v
    WHERE j.organization_id = :organization AND v.organization_id = :organization
        AND v.day = j.day AND v.form_id = j.form_id AND v.visit = j.visit
"""
_MARK_REPEATS = """
    UPDATE lead_visits j SET is_repeat = true WHERE organization_id = :organization AND NOT is_repeat AND EXISTS (
        SELECT FROM lead_visits e WHERE e.organization_id = :organization AND e.day = j.day
            AND e.form_id = j.form_id AND e.visit = j.visit AND e.lead_id < j.lead_id)
"""
_UNCOUNT = f"""
    UPDATE visit_daily d SET n_views = d.n_views - b.views, n_starts = d.n_starts - b.starts,
        n_submits = d.n_submits - b.submits
    FROM (
        SELECT day, form_id, version, origin_id, {_KIND} AS kind, count(*) AS views,
            count(*) FILTER (WHERE step >= 2) AS starts, count(*) FILTER (WHERE step >= 3) AS submits
        FROM form_visits WHERE organization_id = :organization GROUP BY 1, 2, 3, 4, 5
    ) b
    WHERE d.organization_id = :organization AND d.day = b.day AND d.form_id = b.form_id AND d.version = b.version
        AND d.origin_id = b.origin_id AND d.kind = b.kind
"""
# What is deleted stays counted and what is inserted is counted by triggers: hence `_UNCOUNT` before it. That a visit's
# second lead stood on another day set the second row apart; put together, only a lead of another visit's does.
_MOVE = f"""
    WITH gone AS (DELETE FROM form_visits WHERE organization_id = :organization RETURNING *),
    moved AS (SELECT *, (first_at AT TIME ZONE :zone)::date AS new_day FROM gone)
    INSERT INTO form_visits (organization_id, day, form_id, visit, first_at, last_at, version, origin_id, step,
        form_step, flags, has_lead)
    SELECT :organization, new_day, form_id, visit, min(first_at), max(last_at), max(version),
        (array_agg(origin_id ORDER BY first_at, origin_id))[1], max(step), max(form_step),
        CASE WHEN count(*) = 1 OR EXISTS (
            SELECT FROM unnest(cast(:days AS date[]), cast(:forms AS bigint[]), cast(:visits AS uuid[]))
                AS a (day, form_id, visit) WHERE a.day = new_day AND a.form_id = m.form_id AND a.visit = m.visit
        ) THEN bit_or(flags) ELSE bit_or(flags) & ~{int(Flag.REPEAT)} END, bool_or(has_lead)
    FROM moved m GROUP BY new_day, form_id, visit
"""
_NOTHING_LEFT = """
    DELETE FROM visit_daily WHERE organization_id = :organization AND n_views = 0 AND n_starts = 0 AND n_submits = 0
"""


def move_to_zone(connection: Connection, organization_id: int, zone: str) -> None:
    """Within the transaction that changes the zone."""
    beacons.lock(connection.connection.driver_connection, organization_id)  # type: ignore[arg-type]
    asked: dict[str, Any] = {"organization": organization_id, "zone": zone}
    for statement in (_MOVE_LEADS, _MARK_REPEATS, _UNCOUNT):
        connection.execute(text(statement), asked)
    apart = _apart(connection, asked)
    days, forms, visits = ([one[column] for one in apart] for column in range(3))
    connection.execute(text(_MOVE), asked | {"days": days, "forms": forms, "visits": visits})
    connection.execute(text(_NOTHING_LEFT), asked)


def _apart(connection: Connection, asked: dict[str, Any]) -> Sequence[tuple[date, int, UUID]]:
    """Day, form and key of visits in which a lead was sent that counts for another one."""
    rows = connection.execute(
        text(
            "SELECT (l.received_at AT TIME ZONE :zone)::date AS own_day, l.visit AS said, j.day, j.form_id, j.visit "
            "FROM lead_visits j JOIN received_leads l ON l.organization_id = :organization AND l.lead_id = j.lead_id "
            "WHERE j.organization_id = :organization AND j.is_repeat AND l.visit IS NOT NULL"
        ),
        asked,
    )
    own = [((row.own_day, row.form_id, visit_key(row.said)), (row.day, row.visit)) for row in rows]
    return [one for one, place in own if (one[0], one[2]) != place]
