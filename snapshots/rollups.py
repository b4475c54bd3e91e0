"""The daily rollups: what a batch adds to them, and how to rebuild them from the rows they sum up.

`activity_daily` counts live activities that were not cancelled, by the day on which they happened and the owner who did
them. `lead_daily` counts leads by the day they were created. `deal_daily` holds signed events: a deal's creation,
winning or losing counts from `known_day` on; when a later version says otherwise (reopened, other owner, other
amount), the old contribution is taken back and the new one added on that version's day. Summing over
`known_day <= D` therefore gives the events as they stood at the end of day D.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, text

from snapshots import bulk, schema

NOT_COUNTED_OUTCOME = "cancelled"

Day = date | str


@dataclass(slots=True)
class Deltas:
    """Changes to the rollups, gathered while a batch is applied. Keys follow the primary keys of the tables."""

    activities: dict[tuple[object, ...], int] = field(default_factory=lambda: defaultdict(int))
    leads: dict[tuple[object, ...], list[int]] = field(default_factory=dict)

    def activity(self, day: Day, owner_id: int, kind: str, sign: int) -> None:
        self.activities[day, owner_id, kind] += sign

    def lead(self, day: Day, owner_id: int, source: str, converted: bool | None, sign: int) -> None:
        sums = self.leads.setdefault((day, owner_id, source), [0, 0, 0])
        sums[0] += sign
        sums[1] += sign * bool(converted)
        sums[2] += sign * (converted is not None)

    def write(self, connection: Connection, organization_id: int) -> None:
        one = ("organization_id",)
        bulk.add_to(
            connection,
            schema.activity_daily,
            (*one, "day", "owner_id", "kind", "n"),
            ("n",),
            [(organization_id, *key, n) for key, n in self.activities.items() if n],
        )
        bulk.add_to(
            connection,
            schema.lead_daily,
            (*one, "day", "owner_id", "source", "n", "n_converted", "n_known"),
            ("n", "n_converted", "n_known"),
            [(organization_id, *key, *sums) for key, sums in self.leads.items() if any(sums)],
        )


# Each query gives exactly the rows that the incremental way must have arrived at.
ACTIVITIES_FROM_ROWS = f"""
    SELECT organization_id, coalesce(day, '-infinity') AS day, coalesce(owner_id, 0) AS owner_id, kind, count(*) AS n
    FROM activities
    WHERE organization_id = :organization AND gone_at IS NULL
      AND coalesce(lower(outcome), '') <> '{NOT_COUNTED_OUTCOME}'
    GROUP BY 1, 2, 3, 4
"""
LEADS_FROM_ROWS = """
    SELECT organization_id, coalesce(created_day, '-infinity') AS day, coalesce(owner_id, 0) AS owner_id,
        coalesce(source, '') AS source, count(*) AS n,
        count(*) FILTER (WHERE converted) AS n_converted, count(converted) AS n_known
    FROM leads
    WHERE organization_id = :organization AND gone_at IS NULL AND content_hash <> 0
    GROUP BY 1, 2, 3, 4
"""
_DEAL_EVENTS = """
    SELECT 'created' AS event, coalesce(created_day, '-infinity') AS day, owner_id, pipeline_id, source,
        '' AS currency, NULL::bigint AS amount, known_day, sign
    FROM signed WHERE status IN ('open', 'won', 'lost')
    UNION ALL
    SELECT status, coalesce(closed_day, '-infinity'), owner_id, pipeline_id, source,
        coalesce(currency, ''), amount_minor, known_day, sign
    FROM signed WHERE status IN ('won', 'lost')
"""
_DEAL_SUMS = """
    SELECT CAST(:organization AS bigint) AS organization_id, event, day, known_day, coalesce(owner_id, 0) AS owner_id,
        coalesce(pipeline_id, 0) AS pipeline_id, coalesce(source, '') AS source, currency,
        sum(sign)::bigint AS n, coalesce(sum(sign) FILTER (WHERE amount IS NOT NULL), 0)::bigint AS n_valued,
        coalesce(sum(sign * amount), 0)::bigint AS amount_minor
    FROM events GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    HAVING sum(sign) <> 0 OR coalesce(sum(sign) FILTER (WHERE amount IS NOT NULL), 0) <> 0
        OR coalesce(sum(sign * amount), 0) <> 0
"""
_KNOWN_DAY = "CASE WHEN {0} = '-infinity' THEN '-infinity'::date ELSE ({0} AT TIME ZONE :zone)::date END"
# A version adds its events on the day it begins and takes them back on the day it ends.
DEALS_FROM_ROWS = f"""
    WITH zone AS (SELECT time_zone FROM organizations WHERE organization_id = :organization), signed AS (
        SELECT v.*, {_KNOWN_DAY.format("valid_from")} AS known_day, 1 AS sign FROM deal_versions v
        WHERE organization_id = :organization
        UNION ALL
        SELECT v.*, {_KNOWN_DAY.format("valid_to")}, -1 FROM deal_versions v
        WHERE organization_id = :organization AND valid_to < 'infinity'
    ), events AS ({_DEAL_EVENTS}) {_DEAL_SUMS}
""".replace(":zone", "(SELECT time_zone FROM zone)")
ADDS_CREATED, TAKES_CREATED, ADDS_CLOSED, TAKES_CLOSED = 1, 2, 4, 8
"""A staged version's marks: which events it adds on its first day and takes back on its last. Neighbours that count
the same leave the rollup alone."""

_STAGED = f"""
    SELECT v.status, v.owner_id, v.pipeline_id, d.source, v.currency, v.amount_minor, v.counts,
        (d.created_at AT TIME ZONE :zone)::date AS created_day, (v.closed_at AT TIME ZONE :zone)::date AS closed_day,
        {_KNOWN_DAY.format("v.valid_from")} AS from_day,
        CASE WHEN v.valid_to < 'infinity' THEN {_KNOWN_DAY.format("v.valid_to")} END AS to_day
    FROM staged_versions v JOIN staged_deals d USING (deal_id) WHERE v.counts > 0
"""
_DEALS_FROM_STAGED = f"""
    WITH staged AS MATERIALIZED ({_STAGED}), ended AS (
        SELECT v.status, v.owner_id, v.pipeline_id, v.source, v.currency, v.amount_minor, v.created_day, v.closed_day,
            {_KNOWN_DAY.format("c.valid_to")} AS known_day, -1 AS sign
        FROM staged_closings c JOIN deal_versions v ON v.organization_id = :organization AND v.deal_id = c.deal_id
            AND v.valid_from = c.valid_from AND v.recorded_at = c.recorded_at
    ), created AS (
        SELECT owner_id, pipeline_id, source, created_day, from_day AS known_day, 1 AS sign
        FROM staged WHERE counts & {ADDS_CREATED} > 0
        UNION ALL
        SELECT owner_id, pipeline_id, source, created_day, to_day, -1 FROM staged WHERE counts & {TAKES_CREATED} > 0
        UNION ALL
        SELECT owner_id, pipeline_id, source, created_day, known_day, sign
        FROM ended WHERE status IN ('open', 'won', 'lost')
    ), closed AS (
        SELECT status, owner_id, pipeline_id, source, closed_day, currency, amount_minor,
            from_day AS known_day, 1 AS sign
        FROM staged WHERE counts & {ADDS_CLOSED} > 0 AND status <> 'open'
        UNION ALL
        SELECT status, owner_id, pipeline_id, source, closed_day, currency, amount_minor, to_day, -1
        FROM staged WHERE counts & {TAKES_CLOSED} > 0 AND status <> 'open'
        UNION ALL
        SELECT status, owner_id, pipeline_id, source, closed_day, currency, amount_minor, known_day, sign
        FROM ended WHERE status IN ('won', 'lost')
    ), events AS (
        SELECT 'created' AS event, coalesce(created_day, '-infinity') AS day, owner_id, pipeline_id, source,
            '' AS currency, NULL::bigint AS amount, known_day, sign FROM created
        UNION ALL
        SELECT status, coalesce(closed_day, '-infinity'), owner_id, pipeline_id, source,
            coalesce(currency, ''), amount_minor, known_day, sign FROM closed
    ) {_DEAL_SUMS}
"""


def add_deals(connection: Connection, known: Mapping[str, object]) -> None:
    """Add what the staged versions (see `snapshots/deals.py`) begin and end. known: organization, zone."""
    connection.execute(
        text(
            f"INSERT INTO deal_daily (organization_id, event, day, known_day, owner_id, pipeline_id, source, currency, "
            f"n, n_valued, amount_minor) SELECT * FROM ({_DEALS_FROM_STAGED}) s "
            "ORDER BY 3, 4, 5, 6, 2, 7, 8 "  # one order for all writers, so that two cannot wait for each other
            "ON CONFLICT (organization_id, event, day, known_day, owner_id, pipeline_id, source, currency) "
            "DO UPDATE SET n = deal_daily.n + excluded.n, n_valued = deal_daily.n_valued + excluded.n_valued, "
            "amount_minor = deal_daily.amount_minor + excluded.amount_minor"
        ),
        known,
    )


_FROM_ROWS = {
    "activity_daily": ACTIVITIES_FROM_ROWS,
    "lead_daily": LEADS_FROM_ROWS,
    "deal_daily": DEALS_FROM_ROWS,
}


def rebuild(connection: Connection, organization_id: int) -> None:
    """Make the rollups anew from the rows: after a change of time zone, or when `differences` found any."""
    asked = {"organization": organization_id}
    for table, query in _FROM_ROWS.items():
        connection.execute(text(f"DELETE FROM {table} WHERE organization_id = :organization"), asked)
        connection.execute(text(f"INSERT INTO {table} {query}"), asked)


def differences(connection: Connection, organization_id: int) -> dict[str, int]:
    """How many rollup rows differ from what the rows say, per table; all zero means the rollups are right."""
    asked = {"organization": organization_id}
    found = {}
    for table, query in _FROM_ROWS.items():
        measures = {"activity_daily": "n <> 0", "lead_daily": "n <> 0"}.get(
            table, "(n <> 0 OR n_valued <> 0 OR amount_minor <> 0)"
        )
        kept = f"SELECT * FROM {table} WHERE organization_id = :organization AND {measures}"
        found[table] = connection.execute(
            text(
                f"SELECT count(*) FROM ((({query}) EXCEPT ALL ({kept})) UNION ALL (({kept}) EXCEPT ALL ({query}))) AS d"
            ),
            asked,
        ).scalar_one()
    return found


def move_to_zone(connection: Connection, organization_id: int, zone: str) -> None:
    """Count days in another time zone: the day columns and the rollups are made anew."""
    asked = {"organization": organization_id, "zone": zone}
    connection.execute(text("UPDATE organizations SET time_zone = :zone WHERE organization_id = :organization"), asked)
    for table, days in _DAYS_OF.items():
        sets = ", ".join(f"{day} = ({at} AT TIME ZONE :zone)::date" for day, at in days)
        connection.execute(text(f"UPDATE {table} SET {sets} WHERE organization_id = :organization"), asked)
    rebuild(connection, organization_id)


_DAYS_OF: dict[str, Iterable[tuple[str, str]]] = {
    "activities": [("day", "occurred_at")],
    "leads": [("created_day", "created_at")],
    "deal_versions": [("created_day", "created_at"), ("closed_day", "closed_at")],
}
