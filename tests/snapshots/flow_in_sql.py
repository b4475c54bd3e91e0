"""What came into stages and left them, worked out by the database in one statement: what arrays come to has to be the
same. Slow with many deals, and plain to read."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import text

from snapshots.reads import Reader
from snapshots.slices import MEMBERSHIP, Slice, deal_filter

Counts = Counter[tuple[object, ...]]


def counted(reader: Reader, slice_: Slice) -> tuple[Counts, int, Counts]:
    """Stays by stage, age, fate and whether new; how many are undated; deals and days by pushes and status."""
    rows = _InSql(reader, slice_).aggregates()
    stays: Counts = Counter()
    pushes: Counts = Counter()
    for what, stage_id, number, word, is_new, n, days in rows:
        if what == "push":
            pushes[number, word, "deals"] += n
            pushes[number, word, "days"] += days
        elif number is not None:
            stays[stage_id, number, word, bool(is_new)] += n
    return stays, sum(row[5] for row in rows if row[0] == "in" and row[2] is None), +pushes


class _InSql:
    def __init__(self, reader: Reader, slice_: Slice) -> None:
        self.reader, self.slice = reader, slice_
        zone = reader.organization.zone
        self.where = reader.where(slice_, owner="v.owner_id", day=":until", source="v.source")
        deal_filter(self.where, slice_)
        first = slice_.first_day
        begins = None if first is None else datetime(first.year, first.month, first.day, tzinfo=zone)
        self.where.parameters |= {"until": slice_.until, "end": slice_.end_of(zone, slice_.until), "first": begins}
        self.until = "v.valid_to"
        if slice_.known_on is not None:
            self.until = "CASE WHEN v.superseded_at >= :known THEN 'infinity' ELSE v.valid_to END"
            self.where.add("v.recorded_at < :known", known=slice_.end_of(zone, slice_.known_on))

    def aggregates(self) -> list[tuple[object, ...]]:
        """what, stage, age or pushes, fate or status, whether new, n, days."""
        query = (
            "SELECT 'in', stage_id, came_age, 'in', is_new, count(*), 0 FROM stays WHERE is_first GROUP BY 2, 3, 5 "
            "UNION ALL "
            "SELECT 'out', stage_id, left_age, fate, is_new, count(*), 0 FROM fates GROUP BY 2, 3, 4, 5 "
            "UNION ALL "
            "SELECT 'push', NULL, n_pushes, status, false, count(*), sum(days)::bigint FROM pushed GROUP BY 3, 4"
        )
        with self.reader.database.as_app(self.reader.viewer.organization_id) as connection:
            found = connection.execute(text(f"WITH {MEMBERSHIP}{self._parts()} {query}"), self.where.parameters)
            return [tuple(row) for row in found]

    def _parts(self) -> str:
        """Common table expressions. `held`: open versions in the slice that touch the period. `stays`: the same with
        whether a stay begins or ends with them. `fates`: where each ended. `pushed`: per deal."""
        since = "" if self.slice.first_day is None else (
            " AND v.valid_to >= :first" if self.slice.known_on is None else f" AND {self.until} >= :first"
        )  # fmt: skip
        is_new = "true" if self.slice.first_day is None else "stage_entered_at >= :first"
        in_period = "" if self.slice.first_day is None else " AND since >= :first"
        first = "" if self.slice.first_day is None else ", :first"
        known = "true" if self.slice.known_on is None else "n.recorded_at < :known"
        held = self.until.replace("v.", "n.")
        return f"""
            , held AS MATERIALIZED (
                SELECT v.deal_id, v.valid_from AS since, {self.until} AS until, v.pipeline_id, v.stage_id, v.owner_id,
                    v.stage_entered_at, v.close_on, v.amount_minor, v.currency
                FROM deal_versions v WHERE {self.where} AND v.status = 'open' AND v.valid_from < :end{since}
                    AND {self.until} > v.valid_from
            ), around AS MATERIALIZED (
                SELECT *, coalesce(lag(until) OVER o = since AND lag(stage_id) OVER o IS NOT DISTINCT FROM stage_id
                        AND lag(stage_entered_at) OVER o IS NOT DISTINCT FROM stage_entered_at, false) AS goes_on,
                    CASE WHEN lag(until) OVER o = since THEN lag(close_on) OVER o END AS closed_before,
                    CASE WHEN lead(since) OVER o = until THEN lead(stage_id) OVER o END AS next_stage_id,
                    CASE WHEN lead(since) OVER o = until THEN lead(stage_entered_at) OVER o END AS next_entered_at,
                    coalesce(lead(since) OVER o = until, false) AS is_followed, lead(since) OVER o IS NULL AS is_last
                FROM held WINDOW o AS (PARTITION BY deal_id ORDER BY since)
            ), stays AS NOT MATERIALIZED (
                SELECT *, NOT goes_on AS is_first, {is_new} AS is_new,
                    (greatest(since, stage_entered_at{first}) AT TIME ZONE :zone)::date
                        - (stage_entered_at AT TIME ZONE :zone)::date AS came_age,
                    CASE WHEN stage_entered_at IS NOT NULL THEN greatest(least((until AT TIME ZONE :zone)::date, :until)
                        - (stage_entered_at AT TIME ZONE :zone)::date, 0) END AS left_age
                FROM around
            ), ended AS (
                SELECT * FROM stays WHERE until >= :end OR NOT is_followed OR next_stage_id IS DISTINCT FROM stage_id
                    OR next_entered_at IS DISTINCT FROM stage_entered_at
            ), fates AS MATERIALIZED (
                SELECT e.*, CASE
                    WHEN e.until >= :end THEN 'there'
                    WHEN e.is_followed AND e.next_stage_id IS NOT DISTINCT FROM e.stage_id THEN 'left'
                    WHEN e.is_followed AND t.pipeline_id IS DISTINCT FROM s.pipeline_id THEN 'gone'
                    WHEN e.is_followed AND t.position > s.position THEN 'on'
                    WHEN e.is_followed THEN 'back'
                    WHEN n.status IN ('won', 'lost') THEN n.status
                    WHEN n.status = 'open' OR n.status IS NULL THEN 'left'
                    ELSE 'gone' END AS fate
                FROM ended e
                LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = e.stage_id
                LEFT JOIN stages t ON t.organization_id = :organization AND t.stage_id = e.next_stage_id
                LEFT JOIN LATERAL (
                    SELECT n.status FROM deal_versions n WHERE n.organization_id = :organization
                        AND n.deal_id = e.deal_id AND n.valid_from = e.until AND {known}
                        AND {held} > n.valid_from AND NOT e.is_followed AND e.until < :end
                    ORDER BY n.recorded_at DESC LIMIT 1
                ) n ON true
            ), moves AS (
                SELECT deal_id, count(*) AS n_pushes, sum(close_on - closed_before) AS days
                FROM around WHERE close_on > closed_before{in_period} GROUP BY 1
            ), pushed AS (
                SELECT f.deal_id, coalesce(m.n_pushes, 0) AS n_pushes, coalesce(m.days, 0) AS days, f.close_on,
                    f.owner_id, f.amount_minor, f.currency, CASE f.fate WHEN 'won' THEN 'won' WHEN 'lost' THEN 'lost'
                        WHEN 'there' THEN 'open' ELSE 'gone' END AS status
                FROM fates f LEFT JOIN moves m ON m.deal_id = f.deal_id
                WHERE f.is_last AND f.close_on IS NOT NULL
            )"""
