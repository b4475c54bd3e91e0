"""Flagged deals as a viewer may see them: how many by rule and currency, a page of them, and all flags of one.

Deals are as they were at the end of the slice's day, so that one which closed since it was judged is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd

from snapshots import tables
from snapshots.deal_log import open_deals
from snapshots.health_flags import Flag
from snapshots.organizations import get_organization
from snapshots.reads import Reader
from snapshots.rows import PAGE_ROWS
from snapshots.slices import Slice, Where

FLAG_SUMS: Final[dict[str, str]] = {
    "rule": "object",
    "is_snoozed": "bool",
    "currency": "object",
    "n": "int64",
    "n_valued": "int64",
    "amount_minor": "int64",
}
FLAGGED: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "pipeline": "object",
    "stage": "object",
    "company": "object",
    "amount_minor": "Int64",
    "currency": "object",
    "close_on": "datetime64[ns]",
    "first_day": "datetime64[ns]",  # of its oldest flag that is listed
    "flags": "object",  # list of {rule, first_day, last_day, is_replayed, evidence, evidence_on, latest}, oldest first
}
SEEN: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner": "object",
    "status": "object",
    "stage": "object",
    "amount_minor": "Int64",
    "currency": "object",
    "created_day": "datetime64[ns]",
}
FLAG_STANDS: Final = (
    "f.organization_id = :organization AND f.deal_id = v.deal_id AND f.first_day <= :run_day AND f.last_day >= :run_day"
)
SNOOZED: Final = (
    "EXISTS (SELECT FROM health_snoozes z WHERE z.organization_id = :organization AND z.deal_id = f.deal_id "
    "AND z.rule = f.rule AND (z.snoozed_at AT TIME ZONE :zone)::date <= :snoozed_on AND z.until >= :snoozed_on "
    "AND (z.ended_at IS NULL OR (z.ended_at AT TIME ZONE :zone)::date > :snoozed_on))"
)
"""Conditions on a flag `f` of a deal version `v`: that it stood on :run_day, that it was snoozed on :snoozed_on."""


NEWEST_FLAGS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "flag": "object",  # as one of FLAGGED's
}
_FLAG: Final = (
    "jsonb_build_object('rule', f.rule, 'first_day', f.first_day, 'is_replayed', f.is_replayed, 'evidence', "
    "CASE WHEN f.last_day = :run_day THEN f.latest ELSE f.evidence END, 'evidence_on', "
    "CASE WHEN f.last_day = :run_day THEN f.last_day ELSE f.first_day END, 'last_day', f.last_day, 'latest', f.latest)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """run_day: the judged day whose flags are listed. snoozed_on: the day on which snoozes count. rules, stage_ids: of
    these alone; none mean all. are_snoozed: those that are snoozed, else the others."""

    run_day: date
    snoozed_on: date
    rules: tuple[str, ...] = ()
    stage_ids: tuple[int, ...] = ()
    are_snoozed: bool = False


@dataclass(frozen=True, slots=True)
class FlaggedPage:
    """rows: FLAGGED. after: hand it back for the next page; None: this is the last."""

    rows: pd.DataFrame
    after: tuple[object, ...] | None


def flag_sums(reader: Reader, slice_: Slice, asked: Asked) -> pd.DataFrame:
    """FLAG_SUMS of all rules, whichever are asked for, snoozed ones apart. A deal counts in each rule that flags it."""
    where = _where(reader, slice_, asked)
    rows = reader.rows(
        f"SELECT f.rule, {SNOOZED}, v.currency, count(*), count(v.amount_minor), "
        f"coalesce(sum(v.amount_minor), 0)::bigint FROM deal_versions v JOIN health_flags f ON {FLAG_STANDS} "
        f"WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, FLAG_SUMS)


def n_flagged(reader: Reader, slice_: Slice, asked: Asked) -> int:
    """How many deals `flagged` lists on all pages."""
    where = _listed(_where(reader, slice_, asked), asked)
    n: Any = reader.rows(
        f"SELECT count(DISTINCT v.deal_id) FROM deal_versions v JOIN health_flags f ON {FLAG_STANDS} WHERE {where}",
        where,
    )[0][0]
    return int(n)


def flagged(
    reader: Reader, slice_: Slice, asked: Asked, *, after: tuple[object, ...] | None = None, limit: int = PAGE_ROWS
) -> FlaggedPage:
    """A page of the deals that are flagged: the largest amount first, in the reporting currency by the newest rates up
    to the slice's day; then those in currencies without a rate, by currency and amount; those without an amount last.
    """
    where = _listed(_where(reader, slice_, asked), asked).add("true", limit=limit + 1)
    where.parameters |= _factors(reader, slice_)
    rows = reader.rows(
        "SELECT v.deal_id, d.name, o.name, p.name, s.name, c.name, v.amount_minor, v.currency, v.close_on, "
        f"v.first_day, v.flags, {_PLACE} FROM (SELECT v.deal_id, v.owner_id, v.pipeline_id, v.stage_id, v.company_id, "
        "v.amount_minor, v.currency, v.close_on, min(f.first_day) AS first_day, "
        f"jsonb_agg({_FLAG} ORDER BY f.first_day, f.rule) AS flags "
        f"FROM deal_versions v JOIN health_flags f ON {FLAG_STANDS} WHERE {where} "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) v "
        "LEFT JOIN unnest(cast(:currencies AS text[]), cast(:factors AS float8[])) AS r (currency, factor) "
        "ON r.currency = v.currency "
        "JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
        "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = v.owner_id "
        "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = v.pipeline_id "
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
        "LEFT JOIN companies c ON c.organization_id = :organization AND c.company_id = v.company_id "
        f"WHERE {_beyond(where, after)} ORDER BY {_PLACE} LIMIT :limit",
        where,
    )
    more, rows = len(rows) > limit, rows[:limit]
    last = tuple(rows[-1][len(FLAGGED) :]) if more else None
    return FlaggedPage(tables.shaped([row[: len(FLAGGED)] for row in rows], FLAGGED), last)


def newest_flags(reader: Reader, slice_: Slice, asked: Asked, *, limit: int) -> tuple[pd.DataFrame, int]:
    """NEWEST_FLAGS: of what `flagged` lists, the flags that were raised last, by rule where on one day; and how many
    deals are flagged in all."""
    where = _listed(_where(reader, slice_, asked), asked).add("true", limit=limit)
    held = open_deals(slice_, reader.organization.zone, where)
    rows: Any = reader.rows(
        "SELECT f.deal_id, d.name, f.flag, f.n_deals FROM (SELECT f.*, count(*) FILTER (WHERE f.nth = 1) OVER () "
        f"AS n_deals FROM (SELECT v.deal_id, f.rule, f.first_day, {_FLAG} AS flag, "
        "row_number() OVER (PARTITION BY v.deal_id) AS nth "
        f"FROM {held} JOIN health_flags f ON {FLAG_STANDS} WHERE {where}) f "
        "ORDER BY f.first_day DESC, f.rule, f.deal_id LIMIT :limit) f "
        "JOIN deals d ON d.organization_id = :organization AND d.deal_id = f.deal_id "
        "ORDER BY f.first_day DESC, f.rule, f.deal_id",
        where,
    )
    return tables.shaped([row[:3] for row in rows], NEWEST_FLAGS), int(rows[0][3]) if rows else 0


def flags_of_deal(reader: Reader, slice_: Slice, deal_id: int) -> list[Flag]:
    """Every flag there was of a deal by the end of the slice's day, the newest first; none where the viewer may not see
    the deal as it is then."""
    if not sees_deal(reader, slice_, deal_id):
        return []
    where = Where(parameters={"organization": reader.viewer.organization_id, "deal": deal_id, "as_of": slice_.as_of})
    rows = reader.rows(
        "SELECT deal_id, rule, first_day, last_day, is_replayed, evidence, latest FROM health_flags "
        "WHERE organization_id = :organization AND deal_id = :deal AND first_day <= :as_of "
        "ORDER BY last_day DESC, first_day DESC, rule",
        where,
    )
    names = ("deal_id", "rule", "first_day", "last_day", "is_replayed", "evidence", "latest")
    return [Flag(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def sees_deal(reader: Reader, slice_: Slice, deal_id: int) -> bool:
    """Whether the deal is among what the viewer may see at the end of the slice's day."""
    where = reader.as_of(slice_).add("v.deal_id = :deal", deal=deal_id)
    return bool(reader.rows(f"SELECT 1 FROM deal_versions v WHERE {where} LIMIT 1", where))


def deals_seen(reader: Reader, slice_: Slice, deal_ids: Sequence[int]) -> pd.DataFrame:
    """SEEN of those of these deals that the slice holds and the viewer may see, as they are at the end of its day; by
    id."""
    where = reader.as_of(slice_).add("v.deal_id = ANY(:deals)", deals=[int(one) for one in deal_ids])
    rows = reader.rows(
        "SELECT v.deal_id, d.name, o.name, v.status, s.name, v.amount_minor, v.currency, v.created_day "
        "FROM deal_versions v JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
        "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = v.owner_id "
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
        f"WHERE {where} ORDER BY v.deal_id",
        where,
    )
    return tables.shaped(rows, SEEN)


def stage_names(reader: Reader) -> dict[int, str]:
    """Open stages by id, in the order of their pipelines."""
    where = Where(parameters={"organization": reader.viewer.organization_id})
    rows: Any = reader.rows(
        "SELECT s.stage_id, s.name, p.name, count(p.pipeline_id) OVER (PARTITION BY s.name) > 1 FROM stages s "
        "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = s.pipeline_id "
        "WHERE s.organization_id = :organization AND s.gone_at IS NULL AND s.status = 'open' "
        "ORDER BY p.position, p.name, s.position, s.name, s.stage_id",
        where,
    )
    return {
        int(key): f"{name or 'Unnamed stage'} ({pipeline})" if is_twice and pipeline else str(name or "Unnamed stage")
        for key, name, pipeline, is_twice in rows
    }


# --- how --------------------------------------------------------------------------------------------------------------


def _where(reader: Reader, slice_: Slice, asked: Asked) -> Where:
    where = reader.as_of(slice_).add("v.status = 'open'")
    if asked.stage_ids:
        where.add("v.stage_id = ANY(:stages)", stages=list(asked.stage_ids))
    where.parameters |= {"run_day": asked.run_day, "snoozed_on": asked.snoozed_on}
    return where


def _listed(where: Where, asked: Asked) -> Where:
    where.add(SNOOZED if asked.are_snoozed else f"NOT {SNOOZED}")
    if asked.rules:
        where.add("f.rule = ANY(:rules)", rules=list(asked.rules))
    return where


_PLACE: Final = (
    "CASE WHEN v.amount_minor IS NULL THEN 3 WHEN v.currency IS NULL THEN 2 WHEN r.factor IS NULL THEN 1 ELSE 0 END, "
    "CASE WHEN v.amount_minor IS NULL OR r.factor IS NOT NULL THEN '' ELSE coalesce(v.currency, '') END, "
    "-coalesce(v.amount_minor * coalesce(r.factor, 1), 0)::float8, v.deal_id"
)
"""Where a deal stands in the list."""


def _factors(reader: Reader, slice_: Slice) -> dict[str, object]:
    """What one minor unit of each currency is in the reporting one, as far as there is a rate by the slice's day."""
    to = get_organization(reader.database, reader.viewer.organization_id).reporting_currency
    rates = reader.rates()
    known = rates[(rates["to_currency"] == to) & (rates["day"] <= pd.Timestamp(slice_.as_of))]
    newest = known.sort_values("day").drop_duplicates("currency", keep="last")
    found = {
        str(one): float(rate) * 10.0 ** (tables.decimals(to) - tables.decimals(str(one)))
        for one, rate in zip(newest["currency"], newest["rate"], strict=True)
    }
    found |= {} if to is None else {to: 1.0}
    return {"currencies": list(found), "factors": list(found.values())}


def _beyond(where: Where, after: tuple[object, ...] | None) -> str:
    if after is None:
        return "true"
    names = ("after_group", "after_currency", "after_worth", "after_id")
    where.parameters |= dict(zip(names, after, strict=True))
    return f"({_PLACE}) > ({', '.join(f':{name}' for name in names)})"
