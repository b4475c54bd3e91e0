"""The daily rollups: what a batch adds to them, and how to rebuild them from the rows they sum up.

`activity_daily` counts live activities that were not cancelled, by the day on which they happened and the owner who did
them. `lead_daily` counts leads by the day they were created. `deal_daily` holds signed events: a deal's creation,
winning or losing counts from `known_day` on; when a later version says otherwise (reopened, other owner, other
amount), the old contribution is taken back and the new one added on that version's day. Summing over
`known_day <= D` therefore gives the events as they stood at the end of day D.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, text

from snapshots import bulk, schema, visit_days, wire

NOT_COUNTED_OUTCOME = "cancelled"
NOT_MOVED = "not moved"
"""Status of a deal that ended with a change of CRM: it was created, and neither won nor lost."""
WAS_CREATED = ("open", "won", "lost", NOT_MOVED)
"""What a deal is that counts as created."""

Day = date | str

DealKey = tuple[str, int, int, int, str, str]
"""event, day, owner_id, pipeline_id, source, currency; days as `wire.days` counts them."""
DealEvent = tuple[DealKey, int | None]
"""And the amount."""

_DEAL_DAILY = {
    "day": "date", "known_day": "date", "owner_id": "bigint", "pipeline_id": "bigint", "n": "bigint",
    "n_valued": "bigint", "amount_minor": "bigint", "event": "text", "source": "text", "currency": "text",
}  # fmt: skip
_numbers = wire.packer(">hiiiiiqiqiqiqiq")
_DEAL_KEY = ", ".join(column.name for column in schema.deal_daily.primary_key)
_DEAL_COLUMNS = ", ".join(_DEAL_DAILY)
_ADD_DEALS = text(
    f"INSERT INTO deal_daily (organization_id, {_DEAL_COLUMNS}) SELECT :organization, {_DEAL_COLUMNS} "
    "FROM staged_deal_daily ORDER BY event, day, known_day, owner_id, pipeline_id, source, currency "
    f"ON CONFLICT ({_DEAL_KEY}) "
    f"DO UPDATE SET {bulk.additions(schema.deal_daily, ('n', 'n_valued', 'amount_minor'))}"
)


@dataclass(slots=True)
class Deltas:
    """Changes to the rollups, gathered while a batch is applied. Keys follow the primary keys of the tables."""

    activities: dict[tuple[object, ...], int] = field(default_factory=lambda: defaultdict(int))
    leads: dict[tuple[object, ...], list[int]] = field(default_factory=dict)
    deals: dict[tuple[int, DealKey], list[int]] = field(default_factory=dict)

    def activity(self, day: Day, owner_id: int, kind: str, sign: int) -> None:
        self.activities[day, owner_id, kind] += sign

    def lead(self, day: Day, owner_id: int, source: str, converted: bool | None, sign: int) -> None:
        sums = self.leads.setdefault((day, owner_id, source), [0, 0, 0])
        sums[0] += sign
        sums[1] += sign * bool(converted)
        sums[2] += sign * (converted is not None)

    def deal(self, known_day: int, before: Sequence[DealEvent], after: Sequence[DealEvent]) -> None:
        """From `known_day` on a deal counts as `after` and no longer as `before`; what is in both is left alone."""
        for event in before:
            if event not in after:
                self._deal_event(known_day, event, -1)
        for event in after:
            if event not in before:
                self._deal_event(known_day, event, 1)

    def _deal_event(self, known_day: int, event: DealEvent, sign: int) -> None:
        what, amount_minor = event
        sums = self.deals.get((known_day, what))
        if sums is None:
            self.deals[known_day, what] = sums = [0, 0, 0]
        sums[0] += sign
        if amount_minor is not None:
            sums[1] += sign
            sums[2] += sign * amount_minor

    def deal_rows(self) -> bytes:
        """What there is to add to `deal_daily`, as COPY takes it, for `add_deals`."""
        texts, n_columns = wire.Texts(), len(_DEAL_DAILY)
        return b"".join(
            [
                _numbers(n_columns, 4, day, 4, known_day, 8, owner_id, 8, pipeline_id, 8, n, 8, n_valued, 8, amount)
                + texts[event] + texts[source] + texts[currency]
                for (known_day, (event, day, owner_id, pipeline_id, source, currency)), (n, n_valued, amount)
                in self.deals.items()
                if n or n_valued or amount
            ]
        )  # fmt: skip

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
        add_deals(connection, organization_id, self.deal_rows())


def deal_events(
    status: str, created_day: int, closed_day: int, *, whose: tuple[int, int, str], money: tuple[str, int | None]
) -> tuple[DealEvent, ...]:
    """What a version of a deal counts as. whose: owner_id, pipeline_id, source; money: currency, amount_minor."""
    if status not in WAS_CREATED:
        return ()
    created: DealEvent = (("created", created_day, *whose, ""), None)
    return (
        (created,) if status in ("open", NOT_MOVED) else (created, ((status, closed_day, *whose, money[0]), money[1]))
    )


def add_deals(connection: Connection, organization_id: int, rows: bytes) -> None:
    """Add rows of `Deltas.deal_rows` to `deal_daily`."""
    if rows:
        bulk.stage_ready(connection, "staged_deal_daily", _DEAL_DAILY, rows)
        connection.execute(_ADD_DEALS, {"organization": organization_id})


MERGED = "unnest(cast(:losers AS bigint[]), cast(:winners AS bigint[])) AS m (loser, winner)"
"""Pairs of ids, as a table in SQL."""


def merge_owners(connection: Connection, known: Mapping[str, object]) -> None:
    """What counted for the losers counts for the winners. known: organization, and the ids of MERGED."""
    for table in (schema.activity_daily, schema.lead_daily, schema.deal_daily):
        key = [column.name for column in table.primary_key]
        measures = [column.name for column in table.columns if column.name not in key]
        kept = ", ".join("winner" if name == "owner_id" else name for name in key)
        sums = ", ".join(f"sum({name})::bigint" for name in measures)
        connection.execute(
            text(
                f"WITH gone AS (DELETE FROM {table.name} t USING {MERGED} WHERE t.organization_id = :organization "
                f"AND t.owner_id = m.loser RETURNING t.*, m.winner) "
                f"INSERT INTO {table.name} ({', '.join((*key, *measures))}) SELECT {kept}, {sums} FROM gone "
                f"GROUP BY {kept} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {bulk.additions(table, measures)}"
            ),
            known,
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
_DEAL_EVENTS = f"""
    SELECT 'created' AS event, coalesce(created_day, '-infinity') AS day, owner_id, pipeline_id, source,
        '' AS currency, NULL::bigint AS amount, known_day, sign
    FROM signed WHERE status IN {WAS_CREATED}
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
    """Count days in another time zone: the day columns and the rollups are made anew, those of visits too."""
    asked = {"organization": organization_id, "zone": zone}
    connection.execute(text("UPDATE organizations SET time_zone = :zone WHERE organization_id = :organization"), asked)
    for table, days in _DAYS_OF.items():
        sets = ", ".join(f"{day} = ({at} AT TIME ZONE :zone)::date" for day, at in days)
        connection.execute(text(f"UPDATE {table} SET {sets} WHERE organization_id = :organization"), asked)
    rebuild(connection, organization_id)
    visit_days.move_to_zone(connection, organization_id, zone)


_DAYS_OF: dict[str, Iterable[tuple[str, str]]] = {
    "activities": [("day", "occurred_at")],
    "leads": [("created_day", "created_at")],
    "deal_versions": [("created_day", "created_at"), ("closed_day", "closed_at")],
}
