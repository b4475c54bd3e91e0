"""How one deal's close date, amount and stage moved, by what is known now of it, or was known at the end of the slice's
`known_on`: a row for each move, the newest first.

A move is seen by who may see the deal as it was from then on.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.deal_log import Between
from snapshots.reads import Reader
from snapshots.slices import Slice

DATE_MOVES: Final[dict[str, str]] = {
    "day": "datetime64[ns]",  # of the organization, on which it moved
    "was_on": "datetime64[ns]",
    "close_on": "datetime64[ns]",
    "days": "int64",  # later; negative: earlier
    "owner": "object",  # from then on
}
AMOUNT_MOVES: Final[dict[str, str]] = {
    "day": "datetime64[ns]",
    "was_minor": "Int64",
    "was_currency": "object",
    "amount_minor": "Int64",
    "currency": "object",
    "owner": "object",
}


STAGE_MOVES: Final[dict[str, str]] = {
    "day": "datetime64[ns]",
    "was": "object",  # None: its first stage, or not known
    "stage": "object",
    "owner": "object",
}


def date_moves(reader: Reader, slice_: Slice, deal_id: int, *, limit: int) -> pd.DataFrame:
    """DATE_MOVES until the end of `as_of`, while the deal was open; a date that was told for the first time is none."""
    return _moves(
        reader, slice_, deal_id, DATE_MOVES, "v.was_on, v.close_on, v.close_on - v.was_on",
        before="lag(v.close_on) OVER w AS was_on", told="v.close_on IS NOT NULL AND isfinite(v.close_on)",
        moved="v.close_on <> v.was_on", limit=limit,
    )  # fmt: skip


def amount_moves(reader: Reader, slice_: Slice, deal_id: int, *, limit: int) -> pd.DataFrame:
    """AMOUNT_MOVES until the end of `as_of`, while the deal was open; an amount that was told for the first time is
    none."""
    return _moves(
        reader, slice_, deal_id, AMOUNT_MOVES, "v.was_minor, v.was_currency, v.amount_minor, v.currency",
        before="lag(v.amount_minor) OVER w AS was_minor, lag(v.currency) OVER w AS was_currency",
        told="v.amount_minor IS NOT NULL",
        moved="v.was_minor IS NOT NULL AND (v.amount_minor, v.currency) IS DISTINCT FROM (v.was_minor, v.was_currency)",
        limit=limit,
    )  # fmt: skip


def stage_moves(reader: Reader, slice_: Slice, deal_id: int, *, limit: int) -> pd.DataFrame:
    """STAGE_MOVES until the end of `as_of`: each entry into a stage."""
    where = reader.where(slice_, owner="e.owner_id", day="(e.entered_at AT TIME ZONE :zone)::date")
    between = _until(reader, slice_)
    where.parameters |= between.parameters
    where.add("e.deal_id = :deal", deal=deal_id).add("e.entered_at < :end", limit=limit)
    if between.known is not None:
        where.add("e.recorded_at < :known")
    rows = reader.rows(
        "SELECT (e.entered_at AT TIME ZONE :zone)::date, f.name, s.name, o.name FROM stage_events e "
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = e.stage_id "
        "LEFT JOIN stages f ON f.organization_id = :organization AND f.stage_id = e.from_stage_id "
        "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = e.owner_id "
        f"WHERE {where} ORDER BY e.entered_at DESC, e.stage_id LIMIT :limit",
        where,
    )
    return tables.shaped(rows, STAGE_MOVES)


def _moves(
    reader: Reader, slice_: Slice, deal_id: int, columns: dict[str, str], names: str, *, before: str, told: str,
    moved: str, limit: int,
) -> pd.DataFrame:  # fmt: skip
    where = reader.where(slice_, owner="v.owner_id", day="v.day").add(moved)
    between = _until(reader, slice_)
    where.parameters |= {"deal": deal_id, "limit": limit, **between.parameters}
    rows = reader.rows(
        f"SELECT v.day, {names}, o.name FROM (SELECT v.organization_id, v.owner_id, v.valid_from, v.close_on, "
        f"v.amount_minor, v.currency, (v.valid_from AT TIME ZONE :zone)::date AS day, {before} FROM deal_versions v "
        "WHERE v.organization_id = :organization AND v.deal_id = :deal AND v.status = 'open' "
        f"AND v.valid_from < :end AND {between.holds} AND {told} "
        "WINDOW w AS (ORDER BY v.valid_from)) v "
        "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = v.owner_id "
        f"WHERE {where} ORDER BY v.valid_from DESC LIMIT :limit",
        where,
    )
    return tables.shaped(rows, columns)


def _until(reader: Reader, slice_: Slice) -> Between:
    """Since ever, to the end of `as_of`."""
    zone = reader.organization.zone
    return Between(None, slice_.end_of(zone), None if slice_.known_on is None else slice_.end_of(zone, slice_.known_on))
