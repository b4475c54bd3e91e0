"""What each owner did in a week: counted once a day into `activity_weeks`, and read for one viewer.

Counting looks at raw activities, which no page may: it is the work of a job. A week may be counted again at any time;
what stood there is replaced, for activities count on the day on which they happened, whenever we learnt of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.database import Database
from snapshots.organizations import Organization
from snapshots.reads import Reader
from snapshots.slices import Slice, Where

ACTIVITY_WEEKS: Final[dict[str, str]] = {
    "week": "datetime64[ns]",  # its Monday
    "owner_id": "int64",
    "n_open": "int64",
    "recency": "float64",
    "n_covered": "int64",
    "n_sent": "int64",
    "n_answered": "int64",
    "n_planned": "int64",
    "n_held": "int64",
    "n_worked": "int64",
    "n_moved": "int64",
}
HALF_LIFE_DAYS: Final = 14
COVERED_DAYS: Final = 30
ANSWERED_DAYS: Final = 7
LEAST_OWNERS: Final = 3
"""Sums of fewer owners would tell one of them what the others do."""
_MEASURES: Final = [name for name in ACTIVITY_WEEKS if name not in ("week", "owner_id")]
_COUNTED = "a.kind IN ('email', 'call', 'meeting', 'appointment')"
_DONE = "a.gone_at IS NULL AND coalesce(lower(a.outcome), '') NOT IN ('cancelled', 'canceled', 'scheduled')"
_MEETING = "kind IN ('meeting', 'appointment')"
_HELD = "('completed', 'held', 'done', 'attended')"
_NOT_HELD = "('cancelled', 'canceled', 'no_show', 'no show', 'noshow', 'missed')"

_COUNT = text(f"""
    WITH open_deals AS (
        SELECT v.owner_id, v.deal_id FROM deal_versions v
        WHERE v.organization_id = :organization AND v.status = 'open' AND v.owner_id IS NOT NULL
            AND v.valid_from < :end AND v.valid_to >= :end
    ), touched AS (
        SELECT o.owner_id, extract(epoch FROM :end - t.at) / 86400.0 AS days
        FROM open_deals o LEFT JOIN LATERAL (
            SELECT a.occurred_at AS at FROM activities a
            WHERE a.organization_id = :organization AND a.deal_id = o.deal_id AND a.occurred_at < :end
                AND {_COUNTED} AND {_DONE}
            ORDER BY a.occurred_at DESC LIMIT 1
        ) t ON true
    ), deals AS (
        SELECT owner_id, count(*) AS n_open, coalesce(sum(power(2.0, -days / {HALF_LIFE_DAYS})), 0) AS recency,
            count(*) FILTER (WHERE days <= {COVERED_DAYS}) AS n_covered
        FROM touched GROUP BY 1
    ), own AS (
        SELECT o.owner_id, a.kind, a.direction, lower(a.outcome) AS outcome, a.occurred_at, a.deal_id, a.contact_id
        FROM owners o JOIN activities a ON a.organization_id = :organization AND a.owner_id = o.owner_id
            AND a.occurred_at >= :begin AND a.occurred_at < :end AND a.gone_at IS NULL
        WHERE o.organization_id = :organization
    ), acts AS (
        SELECT owner_id,
            count(*) FILTER (WHERE kind = 'email' AND direction = 'out' AND is_to_somebody) AS n_sent,
            count(*) FILTER (WHERE kind = 'email' AND direction = 'out' AND is_to_somebody AND is_answered)
                AS n_answered,
            count(*) FILTER (WHERE {_MEETING} AND (outcome IN {_HELD} OR outcome IN {_NOT_HELD})) AS n_planned,
            count(*) FILTER (WHERE {_MEETING} AND outcome IN {_HELD}) AS n_held
        FROM (
            SELECT own.*, contact_id IS NOT NULL OR deal_id IS NOT NULL AS is_to_somebody,
                kind = 'email' AND direction = 'out' AND EXISTS (
                    SELECT 1 FROM activities r WHERE r.organization_id = :organization
                        AND r.contact_id = own.contact_id AND r.occurred_at > own.occurred_at
                        AND r.occurred_at <= own.occurred_at + interval '{ANSWERED_DAYS} days'
                        AND r.kind = 'email' AND r.direction = 'in' AND r.gone_at IS NULL
                    UNION ALL
                    SELECT 1 FROM activities r WHERE r.organization_id = :organization
                        AND r.deal_id = own.deal_id AND r.occurred_at > own.occurred_at
                        AND r.occurred_at <= own.occurred_at + interval '{ANSWERED_DAYS} days'
                        AND r.kind = 'email' AND r.direction = 'in' AND r.gone_at IS NULL
                ) AS is_answered
            FROM own
        ) own GROUP BY 1
    ), closed AS (
        SELECT v.owner_id, v.deal_id, v.status FROM deal_versions v
        WHERE v.organization_id = :organization AND v.status IN ('won', 'lost') AND v.owner_id IS NOT NULL
            AND v.closed_day >= :first AND v.closed_day <= :last AND v.valid_from < :end AND v.valid_to >= :end
    ), moved AS (
        SELECT e.owner_id, e.deal_id FROM stages t
        JOIN stage_events e ON e.organization_id = :organization AND e.stage_id = t.stage_id
            AND e.entered_at >= :begin AND e.entered_at < :end AND e.owner_id IS NOT NULL
        JOIN stages s ON s.organization_id = :organization AND s.stage_id = e.from_stage_id
            AND s.pipeline_id IS NOT DISTINCT FROM t.pipeline_id AND s.position < t.position
        WHERE t.organization_id = :organization AND t.status = 'open'
        UNION
        SELECT owner_id, deal_id FROM closed WHERE status = 'won'
    ), worked AS (
        SELECT owner_id, deal_id FROM open_deals UNION SELECT owner_id, deal_id FROM closed
    ), work AS (
        SELECT w.owner_id, count(*) AS n_worked, count(m.deal_id) AS n_moved
        FROM worked w LEFT JOIN moved m USING (owner_id, deal_id) GROUP BY 1
    )
    INSERT INTO activity_weeks (organization_id, week, owner_id, {", ".join(_MEASURES)}, counted_at)
    SELECT :organization, :first, owner_id, coalesce(d.n_open, 0), coalesce(d.recency, 0), coalesce(d.n_covered, 0),
        coalesce(a.n_sent, 0), coalesce(a.n_answered, 0), coalesce(a.n_planned, 0), coalesce(a.n_held, 0),
        coalesce(w.n_worked, 0), coalesce(w.n_moved, 0), :now
    FROM deals d FULL JOIN acts a USING (owner_id) FULL JOIN work w USING (owner_id)
""")


def count_week(database: Database, organization: Organization, monday: date, *, now: datetime) -> int:
    """Counts the week from `monday`, instead of what stood there. Returns how many owners have a row.

    Raises ValueError where the day is no Monday, or the week is not over at `now`.
    """
    last = monday + timedelta(days=6)
    nothing = Slice(first_day=None, last_day=last, as_of=last)
    end = nothing.end_of(organization.zone)
    if monday.weekday() or end > now:
        raise ValueError(f"{monday} does not begin a week that is over")
    known = {
        "organization": organization.organization_id, "first": monday, "last": last, "now": now, "end": end,
        "begin": nothing.end_of(organization.zone, monday - timedelta(days=1)),
    }  # fmt: skip
    with database.as_app(organization.organization_id) as connection:
        connection.execute(
            text("DELETE FROM activity_weeks WHERE organization_id = :organization AND week = :first"), known
        )
        return connection.execute(_COUNT, known).rowcount


def counted_weeks(database: Database, organization_id: int) -> set[date]:
    """The weeks that were counted, by their Mondays, but for those that are to be counted again after a merge."""
    with database.as_app(organization_id) as connection:
        query = text(
            "SELECT week FROM activity_weeks WHERE organization_id = :id GROUP BY 1 HAVING NOT bool_or(is_stale)"
        )
        return set(connection.execute(query, {"id": organization_id}).scalars())


def weeks(reader: Reader, *, first: date, last: date, owner_ids: Sequence[int] = ()) -> pd.DataFrame:
    """ACTIVITY_WEEKS of the viewer's owners, of the weeks that begin from `first` to `last`; oldest first."""
    asked = Slice(first_day=first, last_day=last, as_of=last, owner_ids=tuple(owner_ids))
    where = reader.where(asked, owner="d.owner_id", day="(d.week + 6)")
    where.add("d.week BETWEEN :first AND :last", first=first, last=last)
    columns = ", ".join(f"d.{name}" for name in ACTIVITY_WEEKS)
    rows = reader.rows(f"SELECT {columns} FROM activity_weeks d WHERE {where} ORDER BY d.week, d.owner_id", where)
    return tables.shaped(rows, ACTIVITY_WEEKS)


def sums_of_all(reader: Reader, *, first: date, last: date) -> pd.DataFrame:
    """ACTIVITY_WEEKS of the whole organization, `owner_id` 0, with which everybody may compare himself; weeks of fewer
    than LEAST_OWNERS owners are left out."""
    where = Where(parameters={"organization": reader.viewer.organization_id, "first": first, "last": last})
    sums = ", ".join(f"sum({name})" + ("" if name == "recency" else "::bigint") for name in _MEASURES)
    rows = reader.rows(
        f"SELECT week, 0, {sums} FROM activity_weeks WHERE organization_id = :organization "
        f"AND week BETWEEN :first AND :last GROUP BY 1 HAVING count(*) >= {LEAST_OWNERS} ORDER BY 1",
        where,
    )
    return tables.shaped(rows, ACTIVITY_WEEKS)
