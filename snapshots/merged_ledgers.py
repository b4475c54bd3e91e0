"""What a merge does to what was issued, promised or said of those who are one from now on.

A forecast or a call stays as it was made. What comes of each alone can never be told apart again, so steps that are not
over are marked as not gradable, instead of giving one of them nothing and the other everything. Quotas of losers are
closed, those of survivors stay. Weeks are summed up, and marked to be counted again. Alarms, flags and snoozes follow
where the survivor has none of the same time; else they stay with what they were said of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, TextClause, text

from adapters.records import Kind
from snapshots import audit, schema
from snapshots.rollups import MERGED

MERGED_WHY: Final = "merged"
"""Why what came will never be known, as forecasts and calls say it."""
_NODE: Final[Mapping[Kind, str]] = {Kind.OWNER: "owner", Kind.TEAM: "team", Kind.PRODUCT: "product"}
"""Kinds that are nodes of a forecast."""


def follow(connection: Connection, kind: Kind, known: Mapping[str, object]) -> None:
    """known: `organization`, the ids of `rollups.MERGED`, and `now`. To be called once deals and owners name the
    survivors."""
    for statement in _STATEMENTS.get(kind, ()):
        connection.execute(statement, {**known, "node": _NODE.get(kind), "by": audit.PROGRAM})
    if kind in (Kind.OWNER, Kind.TEAM):
        _close_quotas(connection, kind, known)


def _close_quotas(connection: Connection, kind: Kind, known: Mapping[str, object]) -> None:
    """The survivor is held to its own quota: nobody promised the sum."""
    column = f"{kind.value}_id"
    closed = connection.execute(
        text(
            f"UPDATE quotas q SET replaced_at = :now, replaced_by = :by FROM {MERGED} "
            f"WHERE q.organization_id = :organization AND q.{column} = m.loser AND q.replaced_at IS NULL "
            f"RETURNING q.quota_id, q.{column} AS node, m.winner, q.first_day, q.last_day, q.amount_minor, q.currency"
        ),
        {**known, "by": audit.PROGRAM},
    ).all()
    for row in closed:
        of = {column: row.node, "first_day": row.first_day, "last_day": row.last_day, "currency": row.currency}
        audit.record(
            connection, int(str(known["organization"])), by=audit.PROGRAM, action="quota", subject="quota",
            subject_id=str(row.quota_id), before={"amount_minor": row.amount_minor},
            after=of | {"reason": f"the {kind.value} was merged", "merged_into": row.winner},
        )  # fmt: skip


# --- forecasts and calls ---------------------------------------------------------------------------------------------

# Of a run in which nothing was expected of the losers, the survivor is graded by what came of all of them.
_FORECASTS = text(
    f"WITH m AS (SELECT loser::text AS key, winner::text AS kept FROM {MERGED} "
    f"UNION SELECT winner::text, winner::text FROM {MERGED}), "
    "said AS (SELECT DISTINCT f.run_id, f.node_key, m.kept FROM forecasts f JOIN m ON f.node_key = m.key "
    "WHERE f.organization_id = :organization AND f.node_kind = :node AND f.graded_at IS NULL "
    "AND f.not_gradable IS NULL), "
    "mixed AS (SELECT s.run_id, s.node_key FROM said s WHERE s.node_key <> s.kept OR EXISTS "
    "(SELECT FROM said o WHERE o.run_id = s.run_id AND o.kept = s.kept AND o.node_key <> s.node_key)) "
    f"UPDATE forecasts f SET not_gradable = '{MERGED_WHY}' FROM mixed x WHERE f.organization_id = :organization "
    "AND f.run_id = x.run_id AND f.node_kind = :node AND f.node_key = x.node_key AND f.graded_at IS NULL "
    "AND f.not_gradable IS NULL"
)
# A team is graded by who was in it then: where a loser was in another one than the survivor, neither can be.
_TEAMS_OF_OWNERS = text(
    "WITH lost AS (SELECT DISTINCT f.run_id, coalesce(f.parent_key, '') AS team, m.winner FROM forecasts f "
    f"JOIN {MERGED} ON f.node_key = m.loser::text WHERE f.organization_id = :organization AND f.node_kind = 'owner' "
    "AND f.graded_at IS NULL), "
    "pairs AS (SELECT l.run_id, l.team, coalesce(w.team, o.team_id::text, '') AS other FROM lost l "
    "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = l.winner "
    "LEFT JOIN LATERAL (SELECT coalesce(f.parent_key, '') AS team FROM forecasts f "
    "WHERE f.organization_id = :organization AND f.run_id = l.run_id AND f.node_kind = 'owner' "
    "AND f.node_key = l.winner::text LIMIT 1) w ON true), "
    "torn AS (SELECT run_id, team FROM pairs WHERE team <> other UNION SELECT run_id, other FROM pairs "
    "WHERE team <> other) "
    f"UPDATE forecasts f SET not_gradable = '{MERGED_WHY}' FROM torn x WHERE f.organization_id = :organization "
    "AND f.run_id = x.run_id AND f.node_kind = 'team' AND f.node_key = x.team AND f.graded_at IS NULL "
    "AND f.not_gradable IS NULL"
)
# Who called one of them meant him alone; another call can be made for all of them.
_CALLS = text(
    f"UPDATE forecast_calls c SET not_gradable = '{MERGED_WHY}' FROM {MERGED} "
    "WHERE c.organization_id = :organization AND c.node_kind = :node "
    "AND c.node_key IN (m.loser::text, m.winner::text) AND c.graded_at IS NULL AND c.not_gradable IS NULL"
)

# --- weeks and alarms ------------------------------------------------------------------------------------------------

_COUNTS: Final = [
    column.name for column in schema.metadata.tables["activity_weeks"].columns
    if column.name not in {"organization_id", "week", "owner_id", "counted_at", "is_stale"}
]  # fmt: skip
_WEEKS = text(
    f"WITH gone AS (DELETE FROM activity_weeks t USING {MERGED} WHERE t.organization_id = :organization "
    "AND t.owner_id = m.loser RETURNING t.*, m.winner) "
    f"INSERT INTO activity_weeks AS w (organization_id, week, owner_id, {', '.join(_COUNTS)}, counted_at, is_stale) "
    f"SELECT organization_id, week, winner, {', '.join(f'sum({name})' for name in _COUNTS)}, max(counted_at), true "
    "FROM gone GROUP BY 1, 2, 3 ON CONFLICT (organization_id, week, owner_id) DO UPDATE SET "
    f"{', '.join(f'{name} = w.{name} + excluded.{name}' for name in _COUNTS)}, is_stale = true"
)
# Of several that say the same of a week one is the survivor's.
_ALARMS = text(
    "UPDATE alarms a SET subject_key = o.winner FROM ("
    "SELECT DISTINCT ON (m.winner, a.day, a.direction) a.alarm_id, m.winner::text AS winner "
    f"FROM alarms a JOIN {MERGED} ON a.subject_key = m.loser::text WHERE a.organization_id = :organization "
    "AND a.measure = 'activities' AND NOT EXISTS (SELECT FROM alarms w WHERE w.organization_id = :organization "
    "AND w.measure = 'activities' AND w.subject_key = m.winner::text AND w.day = a.day AND w.direction = a.direction) "
    "ORDER BY m.winner, a.day, a.direction, a.score DESC, a.alarm_id) o "
    "WHERE a.organization_id = :organization AND a.alarm_id = o.alarm_id"
)

# --- flags and snoozes -----------------------------------------------------------------------------------------------

# Past days show what was raised by then: a flag follows only where the survivor was open on its first day, and neither
# it nor another loser was flagged by the same rule meanwhile.
_MEANWHILE: Final = "{0}.rule = f.rule AND {0}.first_day <= f.last_day AND {0}.last_day >= f.first_day"
_FLAGS = text(
    f"UPDATE health_flags f SET deal_id = m.winner FROM {MERGED} WHERE f.organization_id = :organization "
    "AND f.deal_id = m.loser "
    "AND EXISTS (SELECT FROM deal_versions v JOIN organizations z ON z.organization_id = v.organization_id "
    "WHERE v.organization_id = :organization AND v.deal_id = m.winner AND v.status = 'open' "
    "AND v.valid_from < ((f.first_day + 1)::timestamp AT TIME ZONE z.time_zone) "
    "AND v.valid_to >= ((f.first_day + 1)::timestamp AT TIME ZONE z.time_zone)) "
    "AND NOT EXISTS (SELECT FROM health_flags w WHERE w.organization_id = :organization AND w.deal_id = m.winner "
    f"AND {_MEANWHILE.format('w')}) "
    "AND NOT EXISTS (SELECT FROM health_flags o "
    f"JOIN {MERGED.replace('AS m (', 'AS n (')} ON o.deal_id = n.loser AND n.winner = m.winner "
    f"WHERE o.organization_id = :organization AND o.deal_id < f.deal_id AND {_MEANWHILE.format('o')})"
)
_SNOOZES = text(
    f"UPDATE health_snoozes z SET deal_id = m.winner FROM {MERGED} "
    "WHERE z.organization_id = :organization AND z.deal_id = m.loser"
)
# One holds at a time: the one that lasts longest.
_ONE_SNOOZE = text(
    "UPDATE health_snoozes z SET ended_at = :now, ended_by = :by FROM (SELECT s.snooze_id, row_number() OVER "
    "(PARTITION BY s.deal_id, s.rule ORDER BY s.until DESC, s.snooze_id DESC) AS place FROM health_snoozes s "
    "WHERE s.organization_id = :organization AND s.deal_id = ANY(cast(:winners AS bigint[])) AND s.ended_at IS NULL "
    "AND s.until >= (cast(:now AS timestamptz) AT TIME ZONE (SELECT time_zone FROM organizations "
    "WHERE organization_id = :organization))::date) o "
    "WHERE z.organization_id = :organization AND z.snooze_id = o.snooze_id AND o.place > 1"
)
_STATEMENTS: Final[Mapping[Kind, Sequence[TextClause]]] = {
    Kind.OWNER: (_TEAMS_OF_OWNERS, _FORECASTS, _CALLS, _WEEKS, _ALARMS),
    Kind.TEAM: (_CALLS,),
    Kind.PRODUCT: (_FORECASTS,),
    Kind.DEAL: (_FLAGS, _SNOOZES, _ONE_SNOOZE),
}
