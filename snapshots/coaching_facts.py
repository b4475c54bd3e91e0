"""The evidence of a fact: named queries that list the rows it counts, and recompute its value from them.

A query takes the parameters that a fact carries and the day whose end counts as now; it answers one viewer, so that
nobody opens rows that are not his. What is known later of that day counts: the value that comes out may be another one
than the note told, and then it is the note that is old. Here nothing is worded and nothing stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import pandas as pd

from snapshots import coaching_frames, tables
from snapshots.coaching_frames import HAPPENED, HELD, LOCAL, MOVED_OUT, PLANNED, between
from snapshots.health_rows import FLAG_STANDS, SNOOZED
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import Where

ROWS: Final[dict[str, str]] = {
    "row_id": "object",
    "part": "object",  # value: counted; baseline: what it is compared with; other: shown beside it
    "deal_id": "Int64",  # <NA>: about no deal
    "name": "object",  # of the deal, the subject of an activity, or what the row sums up
    "what": "object",  # kind, state, stage
    "day": "datetime64[ns]",
    "number": "Int64",  # days, or how many
    "amount_minor": "Int64",
    "currency": "object",
}
FEWEST_CLOSED: Final = 5
"""Closed deals below which there is no win rate: their number is the value."""


class UnknownQuery(LookupError):
    """No query has this name: the note was written by another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the rows come to. value: None where the fact has none. baseline, n: of what it is compared with or rests
    on. days: those that the fact may name. amounts: minor units by currency, never added up."""

    value: Decimal | None = None
    baseline: Decimal | None = None
    n: int | None = None
    days: tuple[date, ...] = ()
    amounts: Mapping[str, int] = field(default_factory=dict)


Parameters = Mapping[str, str]
_RowsOf = Callable[[Reader, date, Parameters], pd.DataFrame]
_Told = Callable[[pd.DataFrame, date, Parameters], Told]


def rows_of(reader: Reader, query: str, parameters: Parameters, day: date) -> pd.DataFrame:
    """ROWS behind a fact, as known now of the end of `day`; empty where the viewer may see none of them.

    Raises UnknownQuery, and ValueError where a parameter is missing or wrong.
    """
    if query not in QUERIES:
        raise UnknownQuery(f"There is no evidence query {query!r}.")
    try:
        return QUERIES[query].rows(reader, day, parameters)
    except KeyError as missing:
        raise ValueError(f"{query} needs the parameter {missing}") from None


def told(query: str, rows: pd.DataFrame, parameters: Parameters, day: date) -> Told:
    """What these ROWS come to: the value that the fact should have."""
    return QUERIES[query].told(rows, day, parameters)


# --- activities and deals of a week ----------------------------------------------------------------------------------


def _activities(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    owner, first, last = int(asked["owner"]), _day(asked, "first"), _day(asked, "last")
    kinds = asked["kinds"].split(",")
    slice_ = between(first, last, day, owner)
    where = reader.where(slice_, owner="a.owner_id", day=LOCAL.format("a.occurred_at"))
    zone = reader.organization.zone
    where.parameters |= {"begin": slice_.end_of(zone, first - timedelta(days=1)), "end": slice_.end_of(zone, last)}
    where.add(f"a.occurred_at >= :begin AND a.occurred_at < :end AND a.kind = ANY(:kinds) AND {HELD}", kinds=kinds)
    rows = reader.rows(
        "SELECT a.connection_id || ':' || a.external_id, 'value', a.deal_id, coalesce(d.name, a.subject), a.kind, "
        f"{LOCAL.format('a.occurred_at')}, NULL::bigint, NULL::bigint, NULL FROM activities a LEFT JOIN deals d "
        f"ON d.organization_id = :organization AND d.deal_id = a.deal_id WHERE {where} ORDER BY a.occurred_at, 1",
        where,
    )
    if "since" not in asked:
        return _shaped(rows)
    known = coaching_frames.activity_weeks(reader, _day(asked, "since"), first - timedelta(days=1), owner)
    own = known[(known["owner_id"] == owner) & known["what"].isin(kinds)]
    return _with_weeks(rows, own, asked)


def _new_deals(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    rows = _events(reader, day, asked, "v.created_day", f"v.status IN {WAS_CREATED}", "coalesce(s.name, v.status)")
    if "since" not in asked:
        return _shaped(rows)
    before = _day(asked, "first") - timedelta(days=1)
    known = coaching_frames.deal_weeks(reader, _day(asked, "since"), before, day, int(asked["owner"]))
    own = known[(known["owner_id"] == int(asked["owner"])) & (known["what"] == "created")]
    return _with_weeks(rows, own, asked)


def _closed_deals(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    return _shaped(_events(reader, day, asked, "v.closed_day", "v.status IN ('won', 'lost')", "v.status"))


def _won_deals(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    return _shaped(_events(reader, day, asked, "v.closed_day", "v.status = 'won'", "v.status"))


def _events(reader: Reader, day: date, asked: Parameters, when: str, condition: str, what: str) -> list[Any]:
    first, last = _day(asked, "first"), _day(asked, "last")
    where = reader.as_of(between(first, last, day, int(asked["owner"])), member_on=when)
    where.add(f"{when} >= :first AND {when} <= :last AND {condition}", first=first, last=last)
    return reader.rows(_deals(where, what, when, "NULL::bigint", f"{when}, v.deal_id"), where)


def _with_weeks(rows: list[Any], known: pd.DataFrame, asked: Parameters) -> pd.DataFrame:
    """With a row per week before, those in which nothing happened too."""
    by_week = known.groupby("week")["n"].sum()
    weeks = pd.date_range(_day(asked, "since"), _day(asked, "first") - timedelta(days=7), freq="7D")
    counted = [
        (f"week {week:%Y-%m-%d}", "baseline", None, "Week", "all of the week", week, int(by_week.get(week, 0)), None,
         None)
        for week in weeks
    ]  # fmt: skip
    return _shaped([*rows, *counted])


def _counted(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    value, weeks = rows[rows["part"] == "value"], rows[rows["part"] == "baseline"]["number"]
    n = len(weeks)
    usual = Decimal(str(float(weeks.astype("float64").median()))) if n else None
    return Told(value=Decimal(len(value)), baseline=usual, n=n or None, amounts=_amounts(value))


def _win_rate(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    n, won = len(rows), int((rows["what"] == "won").sum())
    if n < FEWEST_CLOSED:
        return Told(value=Decimal(n) if n else None, n=n)
    return Told(value=(Decimal(100) * won / n).quantize(Decimal(1), ROUND_HALF_UP), n=n)


# --- the open deals --------------------------------------------------------------------------------------------------


def _pipeline(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """The open deals of the day, and beside them those of the day before which the change is told."""
    owner = int(asked["owner"])
    parts = [("value", day)] + ([("baseline", _day(asked, "before"))] if "before" in asked else [])
    found = []
    for part, when in parts:
        where = reader.as_of(between(None, when, when, owner)).add("v.status = 'open'")
        if "currency" in asked:
            where.add("v.currency = :told_currency", told_currency=asked["currency"])
        query = _deals(where, "s.name", "v.close_on", "NULL::bigint", "v.amount_minor DESC NULLS LAST, v.deal_id", part)
        found += reader.rows(query, where)
    return _shaped(found)


def _pipeline_told(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    now, before = (_amounts(rows[rows["part"] == part]) for part in ("value", "baseline"))
    if "before" not in asked:
        return Told(amounts=now)
    currency = asked["currency"]
    after, earlier = now.get(currency, 0), before.get(currency, 0)
    scale = Decimal(10) ** tables.decimals(currency)
    return Told(value=(after - earlier) / scale, amounts={currency: after})


def _flagged(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    where = _open(reader, day, asked)
    run_day = _day(asked, "run_day")
    where.add(f"NOT {SNOOZED}", run_day=run_day, snoozed_on=run_day).add("f.rule = :rule", rule=asked["rule"])
    joined = f"JOIN health_flags f ON {FLAG_STANDS} "
    return _shaped(
        reader.rows(_deals(where, "s.name", "f.first_day", "NULL::bigint", "v.deal_id", "value", joined), where)
    )


def _past_close_date(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    where = _open(reader, day, asked).add("v.close_on < :as_of")
    return _shaped(reader.rows(_deals(where, "s.name", "v.close_on", "NULL::bigint", "v.close_on, v.deal_id"), where))


MISSING: Final[Mapping[str, str]] = {"amount": "v.amount_minor IS NULL", "close date": "v.close_on IS NULL"}


def _missing_field(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """The open deals, those first in which the field is empty."""
    where = _open(reader, day, asked)
    part = f"CASE WHEN {MISSING[asked['field']]} THEN 'value' ELSE 'other' END"
    found = reader.rows(_deals(where, "s.name", "v.created_day", "NULL::bigint", "v.deal_id"), where)
    is_missing = reader.rows(f"SELECT v.deal_id, {part} FROM deal_versions v WHERE {where}", where)
    parts = {int(str(key)): str(value) for key, value in is_missing}
    rows = _shaped(found)
    rows["part"] = [parts[int(one)] for one in rows["deal_id"]]
    return rows.sort_values("part", ascending=False, kind="stable", ignore_index=True)


def _of_all(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    return Told(value=Decimal(int((rows["part"] == "value").sum())), n=len(rows))


# --- one deal --------------------------------------------------------------------------------------------------------


def _last_activity(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """The deal with its last day of anything, and the activity of that day."""
    where = _one(reader, day, asked)
    last = (
        f"LEFT JOIN LATERAL (SELECT a.connection_id || ':' || a.external_id AS row_id, a.kind, a.subject, "
        f"{LOCAL.format('a.occurred_at')} AS on_day FROM activities a WHERE a.organization_id = :organization "
        f"AND a.deal_id = v.deal_id AND a.occurred_at < :end AND {HAPPENED} ORDER BY a.occurred_at DESC LIMIT 1) t "
        "ON true "
    )
    latest = "greatest(v.created_day, t.on_day)"
    rows = reader.rows(_deals(where, "s.name", latest, f":as_of - {latest}", "v.deal_id", "value", last), where)
    activity = reader.rows(
        "SELECT t.row_id, 'other', v.deal_id, coalesce(t.subject, 'Its last activity'), t.kind, t.on_day, "
        "NULL::bigint, NULL::bigint, NULL "
        f"FROM deal_versions v {last} WHERE {where} AND t.row_id IS NOT NULL",
        where,
    )
    return _shaped([*rows, *activity])


def _due(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """The open deal with its close date, and the meetings that are planned in it."""
    where = _one(reader, day, asked)
    rows = reader.rows(_deals(where, "s.name", "v.close_on", "NULL::bigint", "v.deal_id"), where)
    planned = reader.rows(
        "SELECT a.connection_id || ':' || a.external_id, 'other', v.deal_id, coalesce(a.subject, 'Planned'), a.kind, "
        f"{LOCAL.format('a.occurred_at')}, NULL::bigint, NULL::bigint, NULL FROM deal_versions v JOIN activities a "
        "ON a.organization_id = :organization AND a.deal_id = v.deal_id AND a.kind IN ('meeting', 'appointment') "
        f"AND {PLANNED} WHERE {where} ORDER BY a.occurred_at",
        where,
    )
    return _shaped([*rows, *planned])


def _moved_out(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """Each change of the deal's close date to a later one. day: on which it was changed."""
    where = _one(reader, day, asked)
    moved = MOVED_OUT.format("p.deal_id = :deal")
    rows = reader.rows(
        f"SELECT 'moved ' || k.valid_from, 'value', v.deal_id, d.name, "
        f"to_char(k.before, 'YYYY-MM-DD') || ' → ' || to_char(k.close_on, 'YYYY-MM-DD'), "
        f"{LOCAL.format('k.valid_from')}, (k.close_on - k.before)::bigint, v.amount_minor, v.currency "
        f"FROM deal_versions v JOIN ({moved}) k ON k.deal_id = v.deal_id "
        f"JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id WHERE {where} "
        "ORDER BY k.valid_from",
        where,
    )
    return _shaped(rows)


def _times_of_deal(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    """All rows are of one deal, whose amount counts once."""
    return Told(value=Decimal(len(rows)), amounts=_amounts(rows.head(1)))


def _stage_age(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """The deal with the day on which it entered its stage, and the stays of the owner's won deals in that stage."""
    where = _one(reader, day, asked).add("v.stage_id = :stage", stage=int(asked["stage"]))
    entered = LOCAL.format("v.stage_entered_at")
    rows = reader.rows(_deals(where, "s.name", entered, f":as_of - {entered}", "v.deal_id"), where)
    query, own = coaching_frames.stays_of(reader, day, int(asked["owner"]), int(asked["stage"]))
    stays = reader.rows(
        "SELECT 'stay ' || w.deal_id || ' ' || w.entered_on, 'baseline', w.deal_id, d.name, 'won', w.entered_on, "
        f"w.days::bigint, NULL::bigint, NULL FROM ({query}) w JOIN deals d ON d.organization_id = :organization "
        "AND d.deal_id = w.deal_id ORDER BY w.days, w.deal_id, w.entered_on",
        own,
    )
    return _shaped([*rows, *stays])


def _number_of_deal(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    value, usual = rows[rows["part"] == "value"], sorted(rows.loc[rows["part"] == "baseline", "number"])
    return Told(
        value=None if value.empty or pd.isna(value["number"].iloc[0]) else Decimal(int(value["number"].iloc[0])),
        baseline=Decimal(int(usual[(len(usual) - 1) // 2])) if usual else None,
        n=len(usual) or None, amounts=_amounts(value),
    )  # fmt: skip


def _day_of_deal(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    value = rows[rows["part"] == "value"]
    n = int((rows["part"] == "other").sum())
    return Told(n=n, days=tuple(one.date() for one in value["day"].dropna()), amounts=_amounts(value))


# --- what to keep in mind --------------------------------------------------------------------------------------------


def _history(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """Since when anything is known of the owner's work."""
    known = coaching_frames.first_days(reader, day, int(asked["owner"]))
    rows = known.loc[known["owner_id"] == int(asked["owner"]), ["day", "weeks"]].itertuples(index=False)
    what = "First day with data"
    return _shaped([("first day", "value", None, what, "whole weeks", one.day, one.weeks, None, None) for one in rows])


def _weeks_known(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    return Told(value=Decimal(int(rows["number"].sum())))


def _snapshot(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    age = (_day(asked, "noted_on") - day).days
    return _shaped([("snapshot", "value", None, "Last day that counts", None, day, age, None, None)])


def _last_sync(reader: Reader, day: date, asked: Parameters) -> pd.DataFrame:
    """When each connection was read last by the day of the note, the oldest first."""
    where = Where(parameters={
        "organization": reader.viewer.organization_id, "zone": reader.organization.time_zone,
        "noted": _day(asked, "noted_on"),
    })  # fmt: skip
    synced = LOCAL.format("max(r.finished_at)")
    rows = reader.rows(
        f"SELECT 'connection ' || c.connection_id, 'value', NULL::bigint, c.name, 'last read', {synced}, NULL::bigint, "
        "NULL::bigint, NULL FROM crm_connections c JOIN sync_runs r ON r.organization_id = :organization "
        "AND r.connection_id = c.connection_id AND r.status = 'succeeded' "
        f"AND {LOCAL.format('r.finished_at')} <= :noted WHERE c.organization_id = :organization AND c.is_active "
        "AND c.retired_at IS NULL GROUP BY c.connection_id, c.name ORDER BY 6, 1",
        where,
    )
    return _shaped(rows)


def _oldest_day(rows: pd.DataFrame, day: date, asked: Parameters) -> Told:
    return Told(days=() if rows.empty else (rows["day"].min().date(),))


# --- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """rows: what it lists. told: what they come to. title: what the rows are, over a table of them."""

    title: str
    rows: _RowsOf
    told: _Told


QUERIES: Final[Mapping[str, Query]] = {
    "activities": Query("Activities of the week, and the weeks before", _activities, _counted),
    "new_deals": Query("Deals created in the week, and the weeks before", _new_deals, _counted),
    "won_deals": Query("Deals won in the week", _won_deals, _counted),
    "closed_deals": Query("Deals closed in these days", _closed_deals, _win_rate),
    "pipeline": Query("Open deals", _pipeline, _pipeline_told),
    "flagged": Query("Flagged open deals", _flagged, _counted),
    "past_close_date": Query("Open deals whose close date is over", _past_close_date, _counted),
    "missing_field": Query("Open deals, those without the field first", _missing_field, _of_all),
    "last_activity": Query("The deal and its last activity", _last_activity, _number_of_deal),
    "due": Query("The deal, its close date and planned meetings", _due, _day_of_deal),
    "moved_out": Query("Changes of the close date to a later day", _moved_out, _times_of_deal),
    "stage_age": Query("The deal, and how long won deals stayed in the stage", _stage_age, _number_of_deal),
    "history": Query("Since when there are data", _history, _weeks_known),
    "snapshot": Query("The day that counts as now", _snapshot, _number_of_deal),
    "last_sync": Query("When the sources were read", _last_sync, _oldest_day),
}


# --- how -------------------------------------------------------------------------------------------------------------


def _deals(where: Where, what: str, day: str, number: str, order: str, part: str = "value", joined: str = "") -> str:
    """Of deal versions `v`: ROWS of these deals."""
    return (
        f"SELECT 'deal ' || v.deal_id, '{part}', v.deal_id, d.name, {what}, {day}, {number}, v.amount_minor, "
        "v.currency FROM deal_versions v "
        f"JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id {joined}"
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
        f"WHERE {where} ORDER BY {order}"
    )


def _open(reader: Reader, day: date, asked: Parameters) -> Where:
    return reader.as_of(between(None, day, day, int(asked["owner"]))).add("v.status = 'open'")


def _one(reader: Reader, day: date, asked: Parameters) -> Where:
    return reader.as_of(between(None, day, day)).add("v.status = 'open' AND v.deal_id = :deal", deal=int(asked["deal"]))


def _day(asked: Parameters, name: str) -> date:
    return date.fromisoformat(asked[name])


def _amounts(rows: pd.DataFrame) -> dict[str, int]:
    valued = rows[rows["amount_minor"].notna() & rows["currency"].notna()]
    return {str(key): int(one) for key, one in valued.groupby("currency")["amount_minor"].sum().items()}


def _shaped(rows: list[Any]) -> pd.DataFrame:
    return tables.shaped(rows, ROWS)
