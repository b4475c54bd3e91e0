"""The rows behind the numbers, a page at a time. Their count and sums are those of the number they stand behind.

Pages go by keyset: the next page starts after the last row's sort value and id, so that the millionth row costs as
much as the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import pandas as pd

from snapshots import tables
from snapshots.deal_log import all_deals, open_deals
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import Slice, Where, period_filter

PAGE_ROWS = 200


class DealSet(StrEnum):
    """Which deals: those open at the end of the as-of day, or those with an event in the period."""

    OPEN = "open"
    CREATED = "created"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"
    WITH_CYCLE = "with_cycle"
    OVERDUE = "overdue"
    UNVALUED = "unvalued"
    UNDATED = "undated"
    WITHOUT_OWNER = "without_owner"
    WITHOUT_COMPANY = "without_company"
    LINGERING = "lingering"
    DUE_SOON = "due_soon"
    WEIGHTED = "weighted"


LINGERING_DAYS = 90
"""Open deals that are in their stage for longer are lingering."""
DUE_DAYS = 7
"""Open deals that are expected to close within these days after the as-of day are due soon."""

_OPEN = "v.status = 'open'"
_STAGE_AGE = "(:as_of - (v.stage_entered_at AT TIME ZONE :zone)::date)"
_CONDITIONS: Mapping[DealSet, str] = {
    DealSet.OPEN: _OPEN,
    DealSet.CREATED: f"v.status IN {WAS_CREATED}",
    DealSet.WON: "v.status = 'won'",
    DealSet.LOST: "v.status = 'lost'",
    DealSet.CLOSED: "v.status IN ('won', 'lost')",
    DealSet.WITH_CYCLE: "v.status = 'won' AND v.created_day IS NOT NULL AND v.closed_day IS NOT NULL",
    DealSet.OVERDUE: f"{_OPEN} AND v.close_on < :as_of",
    DealSet.UNVALUED: f"{_OPEN} AND v.amount_minor IS NULL",
    DealSet.UNDATED: f"{_OPEN} AND v.created_at IS NULL",
    DealSet.WITHOUT_OWNER: f"{_OPEN} AND v.owner_id IS NULL",
    DealSet.WITHOUT_COMPANY: f"{_OPEN} AND v.company_id IS NULL",
    DealSet.LINGERING: f"{_OPEN} AND v.stage_entered_at < :lingering_since",
    DealSet.DUE_SOON: f"{_OPEN} AND v.close_on >= :as_of AND v.close_on - {DUE_DAYS} <= :as_of",
    DealSet.WEIGHTED: f"{_OPEN} AND v.amount_minor IS NOT NULL AND s.probability IS NOT NULL",
}
_PERIOD_DAY: Mapping[DealSet, str] = {
    DealSet.CREATED: "v.created_day",
    DealSet.WON: "v.closed_day",
    DealSet.LOST: "v.closed_day",
    DealSet.CLOSED: "v.closed_day",
    DealSet.WITH_CYCLE: "v.closed_day",
}

_DEAL_COLUMNS: Mapping[str, str] = {
    "deal_id": "v.deal_id",
    "name": "d.name",
    "status": "v.status",
    "owner_id": "v.owner_id",
    "owner": "o.name",
    "team": "t.name",
    "pipeline": "p.name",
    "stage": "s.name",
    "company": "c.name",
    "product": "r.name",
    "source": "v.source",
    "amount_minor": "v.amount_minor",
    "currency": "v.currency",
    "created_day": "v.created_day",
    "close_on": "v.close_on",
    "closed_day": "v.closed_day",
    "stage_age_days": _STAGE_AGE,
}
_STAGE_JOIN = "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id"
_DEAL_JOINS = """
    JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id
    LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = v.owner_id
    LEFT JOIN owner_versions ov ON ov.organization_id = :organization AND ov.owner_id = v.owner_id
        AND ov.valid_from < :end AND ov.valid_to >= :end
    LEFT JOIN teams t ON t.organization_id = :organization AND t.team_id = ov.team_id
    LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id
    LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = v.pipeline_id
    LEFT JOIN companies c ON c.organization_id = :organization AND c.company_id = v.company_id
    LEFT JOIN products r ON r.organization_id = :organization AND r.product_id = v.product_id
"""
_LEAD_COLUMNS: Mapping[str, str] = {
    "lead_id": "l.lead_id",
    "name": "l.name",
    "email": "l.email",
    "company_name": "l.company_name",
    "owner": "o.name",
    "source": "l.source",
    "campaign": "l.campaign",
    "status": "l.status",
    "created_day": "l.created_day",
    "converted": "l.converted",
}
_LEAD_JOINS = """
    LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = l.owner_id
"""
_ACTIVITY_COLUMNS: Mapping[str, str] = {
    "activity_id": "a.connection_id || ':' || a.external_id",
    "day": "a.day",
    "occurred_at": "a.occurred_at",
    "kind": "a.kind",
    "direction": "a.direction",
    "outcome": "a.outcome",
    "owner": "o.name",
    "deal": "d.name",
    "subject": "a.subject",
    "duration_s": "a.duration_s",
}
_ACTIVITY_JOINS = """
    LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = a.owner_id
    LEFT JOIN deals d ON d.organization_id = :organization AND d.deal_id = a.deal_id
"""


@dataclass(frozen=True, slots=True)
class Order:
    """column: one of the frame's. Rows without a value stand last, ties are broken by id."""

    column: str
    descending: bool = True


@dataclass(frozen=True, slots=True)
class RowsPage:
    """rows: as the frame's description. after: hand it back for the next page; None: this is the last."""

    rows: pd.DataFrame
    after: tuple[object, int | str] | None


@dataclass(frozen=True, slots=True)
class RowsSummary:
    """What all rows of the set come to. amount_minor: per currency, over the rows that have an amount."""

    n: int
    n_valued: int
    amount_minor: Mapping[str | None, int]


def deal_rows(
    reader: Reader,
    slice_: Slice,
    which: DealSet,
    *,
    stage_id: int | None = None,
    order: Order = Order("amount_minor"),
    after: tuple[object, int | str] | None = None,
    limit: int = PAGE_ROWS,
) -> RowsPage:
    """A page of DEALS. stage_id: only this stage; 0: deals whose stage is not recorded."""
    where = _deals(reader, slice_, which, stage_id)
    found = _Rows(tables.DEALS, _DEAL_COLUMNS, _source(reader, slice_, which, where), _DEAL_JOINS, "v.deal_id",
                  found_by=("deal_id", "valid_from", "recorded_at"))  # fmt: skip
    return _page(reader, found, where, order, after, limit)


def deal_summary(reader: Reader, slice_: Slice, which: DealSet, *, stage_id: int | None = None) -> RowsSummary:
    """What all the rows of `deal_rows` come to, whatever page of them is shown."""
    where = _deals(reader, slice_, which, stage_id)
    rows = reader.rows(
        "SELECT v.currency, count(*), count(v.amount_minor), coalesce(sum(v.amount_minor), 0)::bigint "
        f"FROM {_source(reader, slice_, which, where)} {_STAGE_JOIN} WHERE {where} GROUP BY 1",
        where,
    )
    return _summary(rows)


def open_summaries(reader: Reader, slice_: Slice, sets: Sequence[DealSet]) -> dict[DealSet, RowsSummary]:
    """The same for several sets of open deals, in one look at them."""
    where = _as_of(reader, slice_, ":as_of").add(_OPEN)
    parts = [
        f"count(*) FILTER (WHERE {_CONDITIONS[one]}), count(v.amount_minor) FILTER (WHERE {_CONDITIONS[one]}), "
        f"coalesce(sum(v.amount_minor) FILTER (WHERE {_CONDITIONS[one]}), 0)::bigint"
        for one in sets
    ]
    source = open_deals(slice_, reader.organization.zone, where)
    rows = reader.rows(
        f"SELECT v.currency, {', '.join(parts)} FROM {source} {_STAGE_JOIN} WHERE {where} GROUP BY 1", where
    )
    return {one: _summary([(row[0], *row[3 * n + 1 : 3 * n + 4]) for row in rows]) for n, one in enumerate(sets)}


def _summary(rows: Sequence[Sequence[object]]) -> RowsSummary:
    """rows: currency, how many, how many with an amount, the sum."""
    return RowsSummary(
        n=sum(int(row[1]) for row in rows),  # type: ignore[call-overload]
        n_valued=sum(int(row[2]) for row in rows),  # type: ignore[call-overload]
        amount_minor={row[0]: int(row[3]) for row in rows if row[2]},  # type: ignore[misc,call-overload]
    )


def lead_rows(
    reader: Reader,
    slice_: Slice,
    *,
    order: Order = Order("created_day"),
    after: tuple[object, int | str] | None = None,
    limit: int = PAGE_ROWS,
) -> RowsPage:
    """A page of LEADS created in the period."""
    where = reader.where(slice_, owner="l.owner_id", day="coalesce(l.created_day, '-infinity')", source="l.source")
    where.add("l.gone_at IS NULL").add("l.content_hash <> 0")
    period_filter(where, slice_, "coalesce(l.created_day, '-infinity')")
    found = _Rows(tables.LEADS, _LEAD_COLUMNS, "leads l", _LEAD_JOINS, "l.lead_id")
    return _page(reader, found, where, order, after, limit)


def activity_rows(
    reader: Reader,
    slice_: Slice,
    *,
    kinds: Sequence[str] | None = None,
    deal_id: int | None = None,
    order: Order = Order("occurred_at"),
    after: tuple[object, int | str] | None = None,
    limit: int = PAGE_ROWS,
) -> RowsPage:
    """A page of ACTIVITIES that happened in the period. kinds: None means all; deal_id: on this one alone."""
    day = "coalesce(a.day, '-infinity')"
    where = reader.where(slice_, owner="a.owner_id", day=day)
    where.add("a.gone_at IS NULL").add("coalesce(lower(a.outcome), '') <> 'cancelled'")
    period_filter(where, slice_, day)
    if kinds is not None:
        where.add("a.kind = ANY(:kinds)", kinds=list(kinds))
    if deal_id is not None:
        where.add("a.deal_id = :deal_id", deal_id=deal_id)
    # The index is by instant; the day alone would read all of an owner's years.
    undated = " OR a.occurred_at IS NULL" if slice_.first_day is None else ""
    end = slice_.end_of(reader.organization.zone, slice_.until)
    where.add(f"(a.occurred_at < :occurred_before{undated})", occurred_before=end)
    dated = frozenset({"a.occurred_at"} if slice_.first_day is not None else ())
    key = _ACTIVITY_COLUMNS["activity_id"]
    found = _Rows(tables.ACTIVITIES, _ACTIVITY_COLUMNS, "activities a", _ACTIVITY_JOINS, key, never_null=dated)
    return _page(reader, found, where, order, after, limit)


def _source(reader: Reader, slice_: Slice, which: DealSet, where: Where) -> str:
    """Where deals are read from, as `v`; `where` gets what that refers to."""
    if which is DealSet.CREATED:
        return all_deals(slice_, reader.organization.zone, where)
    if _CONDITIONS[which].startswith(_OPEN):
        return open_deals(slice_, reader.organization.zone, where)
    return "deal_versions v"


def _deals(reader: Reader, slice_: Slice, which: DealSet, stage_id: int | None) -> Where:
    day = f"coalesce({_PERIOD_DAY[which]}, '-infinity')" if which in _PERIOD_DAY else None
    where = _as_of(reader, slice_, day or ":as_of").add(_CONDITIONS[which])
    if day is not None:
        period_filter(where, slice_, day)
        if slice_.first_day is not None:
            # The same condition once more, in the form that the index on the day can serve.
            where.add(f"{_PERIOD_DAY[which]} >= :first_day")
    if stage_id is not None:
        where.add("coalesce(v.stage_id, 0) = :stage_id", stage_id=stage_id)
    return where


def _as_of(reader: Reader, slice_: Slice, member_on: str) -> Where:
    """With the instant before which a deal entered its stage that is in it for more than LINGERING_DAYS."""
    longest = min(LINGERING_DAYS, (slice_.as_of - date.min).days)
    first = slice_.as_of - timedelta(days=longest)
    where = reader.as_of(slice_, member_on=member_on)
    where.parameters["lingering_since"] = datetime(first.year, first.month, first.day, tzinfo=reader.organization.zone)
    return where


@dataclass(frozen=True, slots=True)
class _Rows:
    """How rows of a kind are read: the frame's columns, their expressions, the table with its alias, what is joined to
    it, what tells two rows apart; found_by: the table's primary key, where an index has all that finds a page but not
    all that is shown; never_null: expressions that are never null of the rows that are asked for."""

    columns: dict[str, str]
    expressions: Mapping[str, str]
    source: str
    joins: str
    key: str
    found_by: tuple[str, ...] = ()
    never_null: frozenset[str] = frozenset()


def _page(
    reader: Reader, of: _Rows, where: Where, order: Order, after: tuple[object, int | str] | None, limit: int
) -> RowsPage:
    if order.column not in of.expressions:
        raise ValueError(f"Rows cannot be sorted by {order.column!r}; choose one of {', '.join(of.expressions)}.")
    sorted_by = of.expressions[order.column]
    if after is not None:
        _start_after(where, sorted_by, of.key, order, after)
    way = "DESC" if order.descending else "ASC"
    # Of what is never null, an index read backwards gives the newest first.
    nulls = "" if sorted_by in of.never_null else " NULLS LAST"
    ordered = f"ORDER BY {sorted_by} {way}{nulls}, {of.key}"
    names = ", ".join(of.expressions[name] for name in of.columns)
    source = (
        _page_of(of, where, ordered) if _is_plain(of, sorted_by, where) else f"{of.source} {of.joins} WHERE {where}"
    )
    rows = reader.rows(f"SELECT {names} FROM {source} {ordered} LIMIT :limit", where.add("true", limit=limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    place, id_place = list(of.columns).index(order.column), 0
    last = (rows[-1][place], rows[-1][id_place]) if more else None
    return RowsPage(tables.shaped(rows, of.columns), last)  # type: ignore[arg-type]


def _is_plain(of: _Rows, sorted_by: str, where: Where) -> bool:
    """Whether it takes the table alone to find a page."""
    return sorted_by.startswith(f"{_alias(of)}.") and "s.probability" not in str(where)


def _page_of(of: _Rows, where: Where, ordered: str) -> str:
    """The rows of the page, found before anything is joined to them."""
    alias = _alias(of)
    if not of.found_by:
        return f"(SELECT {alias}.* FROM {of.source} WHERE {where} {ordered} LIMIT :limit) {alias} {of.joins}"
    keys = ", ".join(f"{alias}.{name}" for name in of.found_by)
    same = " AND ".join(f"{alias}.{name} = found.{name}" for name in of.found_by)
    return (
        f"(SELECT {keys} FROM {of.source} WHERE {where} {ordered} LIMIT :limit) found "
        f"JOIN deal_versions {alias} ON {alias}.organization_id = :organization AND {same} {of.joins}"
    )


def _alias(of: _Rows) -> str:
    return of.source.rpartition(" ")[2]


def _start_after(where: Where, sorted_by: str, key: str, order: Order, after: tuple[object, int | str]) -> None:
    value, row_id = after
    if value is None:
        where.add(f"({sorted_by} IS NULL AND {key} > :after_id)", after_id=row_id)
        return
    beyond = "<" if order.descending else ">"
    where.add(
        f"({sorted_by} {beyond} :after_value OR ({sorted_by} = :after_value AND {key} > :after_id) "
        f"OR {sorted_by} IS NULL)",
        after_value=value,
        after_id=row_id,
    )
