"""How deals flow through their stages in a period: what came into each, what left it for where, and pushed close dates.

A *stay* is a deal's time in a stage as the slice sees it: from entering it, or from when it came into the slice or the
period began, until it leaves, or until the end. Its age counts from the day on which the deal entered the stage,
however long before the period that was; what is still there at the end, or went out of the slice, is told as such, so
that nobody takes it for decided. Rights and owners are those of each version; the team is the owner's on the last day.

Read from the versions of deals, as known now or (`known_on`) then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import MEMBERSHIP, Slice, Where, deal_filter, period_filter

STAYS: Final[dict[str, str]] = {
    "stage_id": "Int64",
    "age": "int64",  # days in the stage, when it came or when it left
    "fate": "object",  # "in" for coming; else of `Fate`
    "is_new": "bool",  # it entered the stage in the period
    "n": "int64",
}
STAGE_NAMES: Final[dict[str, str]] = {
    "stage_id": "int64",
    "stage": "object",
    "position": "int64",
    "pipeline_id": "Int64",
    "pipeline": "object",
}
PUSHES: Final[dict[str, str]] = {
    "n_pushes": "int64",  # in the period, of one deal; 0: none
    "status": "object",  # what the deals are at the end
    "n": "int64",
    "days": "int64",  # by which their close dates moved later, together
}
COHORTS: Final[dict[str, str]] = {
    "day": "datetime64[ns]",  # Monday of the week in which they were created
    "status": "object",
    "weeks": "Int64",  # whole weeks from creation to closing; <NA>: open, or closed nobody knows when
    "n": "int64",
}
STAY_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "entered_day": "datetime64[ns]",
    "left_day": "datetime64[ns]",  # NaT: it is still there
    "age": "int64",
    "fate": "object",
    "amount_minor": "Int64",
    "currency": "object",
}
PUSHED_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "n_pushes": "int64",
    "days": "int64",
    "close_on": "datetime64[ns]",
    "status": "object",
    "amount_minor": "Int64",
    "currency": "object",
}


class Fate(StrEnum):
    """Where a stay ended."""

    WON = "won"
    ON = "on"  # a later stage of the pipeline
    BACK = "back"  # an earlier one
    LOST = "lost"
    GONE = "gone"  # deleted, archived, merged, or in another pipeline
    THERE = "there"  # still in the stage at the end
    LEFT = "left"  # out of the slice: handed to somebody else, or its source was changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """stays: STAYS. n_undated: stays of which nobody knows when they began. pushes: PUSHES of deals that were open in
    the period."""

    stays: pd.DataFrame
    n_undated: int
    pushes: pd.DataFrame


def flow(reader: Reader, slice_: Slice) -> Flow:
    """What came into stages and left them in the period, and what close dates did."""
    rows = _Asked(reader, slice_).aggregates()
    stays = [(row[1], row[2], row[3], row[4], row[5]) for row in rows if row[0] in ("in", "out") and row[2] is not None]
    pushes = [(row[2], row[3], row[5], row[6]) for row in rows if row[0] == "push"]
    n_undated = sum(int(row[5]) for row in rows if row[0] == "in" and row[2] is None)  # type: ignore[call-overload]
    return Flow(stays=tables.shaped(stays, STAYS), n_undated=n_undated, pushes=tables.shaped(pushes, PUSHES))


def stage_names(reader: Reader) -> pd.DataFrame:
    """STAGE_NAMES of the stages in which deals are open, in their order."""
    where = Where(parameters={"organization": reader.viewer.organization_id})
    rows = reader.rows(
        "SELECT s.stage_id, s.name, s.position, s.pipeline_id, p.name FROM stages s LEFT JOIN pipelines p "
        "ON p.organization_id = :organization AND p.pipeline_id = s.pipeline_id "
        "WHERE s.organization_id = :organization AND s.status = 'open' "
        "ORDER BY p.position, p.name, s.position, s.name, s.stage_id",
        where,
    )
    return tables.shaped(rows, STAGE_NAMES)


def cohorts(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """COHORTS of the deals created in the period: what they are at the end of `as_of`, and how old they were then."""
    where = reader.as_of(slice_, member_on="v.created_day").add(f"v.status IN {WAS_CREATED}")
    period_filter(where, slice_, "v.created_day").add("v.created_day IS NOT NULL")
    rows = reader.rows(
        "SELECT date_trunc('week', v.created_day)::date, v.status, "
        "CASE WHEN v.status IN ('won', 'lost') THEN greatest(v.closed_day - v.created_day, 0) / 7 END, count(*) "
        f"FROM deal_versions v WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, COHORTS)


def closed(reader: Reader, slice_: Slice) -> pd.DataFrame:
    """DEAL_EVENTS of deals won and lost in the period, as they are at the end of `as_of`, in the slice's pipelines."""
    where = reader.as_of(slice_, member_on="v.closed_day").add("v.status IN ('won', 'lost')")
    period_filter(where, slice_, "coalesce(v.closed_day, '-infinity')")
    if slice_.first_day is not None:
        where.add("v.closed_day >= :first_day")  # the form that the index on the day can serve
    rows = reader.rows(
        "SELECT v.status, v.closed_day, NULL::bigint, v.currency, count(*), count(v.amount_minor), "
        f"coalesce(sum(v.amount_minor), 0)::bigint FROM deal_versions v WHERE {where} "
        "GROUP BY 1, 2, 4 ORDER BY 1, 2, 4",
        where,
    )
    return tables.shaped(rows, tables.DEAL_EVENTS)


def stay_deals(
    reader: Reader, slice_: Slice, *, stage_id: int, fates: Sequence[Fate], is_new: bool = True,
    after: tuple[int, int] | None = None, limit: int = 200,
) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
    """A page of STAY_DEALS, the longest stays first, and what to ask the next page with. is_new: only those that
    entered the stage in the period. A deal that was there twice stands there twice."""
    return _Asked(reader, slice_).stays(stage_id, fates, is_new=is_new, after=after, limit=limit)


def pushed_deals(
    reader: Reader, slice_: Slice, *, least: int = 1, most: int | None = None, after: tuple[int, int] | None = None,
    limit: int = 200,
) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
    """A page of PUSHED_DEALS whose close date was pushed at least and at most so often, the most often pushed first."""
    return _Asked(reader, slice_).pushed(least, most, after=after, limit=limit)


class _Asked:
    """The queries of one question, which share their conditions."""

    def __init__(self, reader: Reader, slice_: Slice) -> None:
        self.reader, self.slice = reader, slice_
        zone = reader.organization.zone
        self.where = reader.where(slice_, owner="v.owner_id", day=":until", source="v.source")
        deal_filter(self.where, slice_)
        first = slice_.first_day
        begins = None if first is None else datetime(first.year, first.month, first.day, tzinfo=zone)
        self.where.parameters |= {
            "until": slice_.until, "end": slice_.end_of(zone, slice_.until), "first": begins,
        }  # fmt: skip
        self.until = "v.valid_to"
        if slice_.known_on is not None:
            self.until = "CASE WHEN v.superseded_at >= :known THEN 'infinity' ELSE v.valid_to END"
            self.where.add("v.recorded_at < :known", known=slice_.end_of(zone, slice_.known_on))

    def aggregates(self) -> list[Sequence[object]]:
        """what, stage, age or pushes, fate or status, whether new, n, days."""
        return self._rows(
            "SELECT 'in', stage_id, came_age, 'in', is_new, count(*), 0 FROM stays WHERE is_first GROUP BY 2, 3, 5 "
            "UNION ALL "
            "SELECT 'out', stage_id, left_age, fate, is_new, count(*), 0 FROM fates GROUP BY 2, 3, 4, 5 "
            "UNION ALL "
            "SELECT 'push', NULL, n_pushes, status, false, count(*), sum(days) FROM pushed GROUP BY 3, 4"
        )

    def stays(self, stage_id: int, fates: Sequence[Fate], *, is_new: bool, after: tuple[int, int] | None,
              limit: int) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
        rows = self._rows(
            "SELECT f.deal_id, d.name, o.name, (f.stage_entered_at AT TIME ZONE :zone)::date, "
            "CASE WHEN f.fate <> 'there' THEN (f.until AT TIME ZONE :zone)::date END, f.left_age, f.fate, "
            "f.amount_minor, f.currency FROM fates f "
            "JOIN deals d ON d.organization_id = :organization AND d.deal_id = f.deal_id "
            "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = f.owner_id "
            "WHERE f.stage_id = :stage AND f.fate = ANY(:fates) AND f.left_age IS NOT NULL "
            f"AND {'f.is_new' if is_new else 'true'} AND {_beyond('f.left_age', 'f.deal_id', after)} "
            "ORDER BY f.left_age DESC, f.deal_id, f.since LIMIT :limit",
            stage=stage_id, fates=[one.value for one in fates], limit=limit + 1, **_start(after),
        )  # fmt: skip
        return _page(rows, STAY_DEALS, 5, limit)

    def pushed(self, least: int, most: int | None, *, after: tuple[int, int] | None,
               limit: int) -> tuple[pd.DataFrame, tuple[int, int] | None]:  # fmt: skip
        rows = self._rows(
            "SELECT p.deal_id, d.name, o.name, p.n_pushes, p.days, p.close_on, p.status, p.amount_minor, p.currency "
            "FROM pushed p JOIN deals d ON d.organization_id = :organization AND d.deal_id = p.deal_id "
            "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = p.owner_id "
            f"WHERE p.n_pushes >= :least AND p.n_pushes <= :most AND {_beyond('p.n_pushes', 'p.deal_id', after)} "
            "ORDER BY p.n_pushes DESC, p.deal_id LIMIT :limit",
            least=least, most=most if most is not None else 1_000_000, limit=limit + 1, **_start(after),
        )  # fmt: skip
        return _page(rows, PUSHED_DEALS, 3, limit)

    def _rows(self, query: str, **further: object) -> list[Sequence[object]]:
        with self.reader.database.as_app(self.reader.viewer.organization_id) as connection:
            found = connection.execute(
                text(f"WITH {MEMBERSHIP}{self._parts()} {query}"), self.where.parameters | further
            )
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
                    greatest(least((until AT TIME ZONE :zone)::date, :until)
                        - (stage_entered_at AT TIME ZONE :zone)::date, 0) AS left_age
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
                        AND n.valid_to > n.valid_from AND NOT e.is_followed AND e.until < :end
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


def _beyond(column: str, key: str, after: tuple[int, int] | None) -> str:
    if after is None:
        return "true"
    return f"({column} < :after_value OR ({column} = :after_value AND {key} > :after_id))"


def _start(after: tuple[int, int] | None) -> dict[str, object]:
    return {} if after is None else {"after_value": after[0], "after_id": after[1]}


def _page(
    rows: list[Sequence[object]], columns: dict[str, str], place: int, limit: int
) -> tuple[pd.DataFrame, tuple[int, int] | None]:
    more, shown = len(rows) > limit, rows[:limit]
    after = (int(shown[-1][place]), int(shown[-1][0])) if more else None  # type: ignore[call-overload]
    return tables.shaped(shown, columns), after
