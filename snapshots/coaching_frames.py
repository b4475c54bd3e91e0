"""What a week of all salespeople is made of, one query each: weekly counts, open deals with what happened on them, the
stays of won deals; read by the weekly job, never by a page.

Counts of activities look at the rows themselves, for what a meeting came to is not in the rollups. `HAPPENED` and
`HELD` say which activities count; `snapshots.coaching_facts` lists the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.health_rows import FLAG_STANDS, SNOOZED
from snapshots.reads import WEEK, Reader
from snapshots.slices import Slice, Where

HAPPENED: Final = (
    "a.occurred_at IS NOT NULL AND a.gone_at IS NULL AND coalesce(lower(a.outcome), '') NOT IN "
    "('cancelled', 'canceled', 'scheduled')"
)
HELD: Final = (
    f"{HAPPENED} AND (a.kind NOT IN ('meeting', 'appointment') OR coalesce(lower(a.outcome), '') NOT IN "
    "('no_show', 'no show', 'noshow', 'missed'))"
)
PLANNED: Final = (
    "a.gone_at IS NULL AND coalesce(lower(a.outcome), '') NOT IN ('cancelled', 'canceled') AND a.occurred_at >= :end"
)
LOCAL: Final = "({0} AT TIME ZONE :zone)::date"
STAYS_DAYS: Final = 365
"""Deals that were won in so many days tell how long a stage usually takes."""
MOVED_OUT: Final = (
    "SELECT m.deal_id, m.valid_from, m.close_on, m.before FROM (SELECT p.deal_id, p.valid_from, p.close_on, "
    "lag(p.close_on) OVER (PARTITION BY p.deal_id ORDER BY p.valid_from, p.recorded_at) AS before "
    "FROM deal_versions p WHERE p.organization_id = :organization AND {0} AND p.valid_from < :end "
    "AND p.valid_to > p.valid_from) m WHERE m.close_on > m.before"
)
"""Changes of a close date to a later one, of the deals that the condition names."""

COUNT_WEEKS: Final[dict[str, str]] = {
    "owner_id": "int64",
    "week": "datetime64[ns]",  # its Monday
    "what": "object",  # kind of activity; or created, won, lost
    "n": "int64",
}
OPEN_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "owner_id": "int64",
    "stage_id": "Int64",
    "stage": "object",
    "stage_days": "Int64",  # <NA>: not known when it entered
    "amount_minor": "Int64",
    "currency": "object",
    "close_on": "datetime64[ns]",
    "last_day": "datetime64[ns]",  # of its last activity, or of its creation where that is later; NaT: neither is known
    "next_meeting": "datetime64[ns]",  # after the day looked at; NaT: none
    "n_planned": "int64",  # activities from the day of the note on
    "n_moved_out": "int64",
    "moved_day": "datetime64[ns]",  # of the last such change
}
STAYS: Final[dict[str, str]] = {"owner_id": "int64", "stage_id": "int64", "median_days": "int64", "n": "int64"}
FIRST_DAYS: Final[dict[str, str]] = {
    "owner_id": "int64",
    "day": "datetime64[ns]",
    "weeks": "int64",  # whole ISO weeks from there to the day looked at
}
SUMS: Final[dict[str, str]] = {
    "owner_id": "int64", "currency": "object", "n": "int64", "n_valued": "int64", "amount_minor": "int64",
}  # fmt: skip
FLAGS: Final[dict[str, str]] = {"owner_id": "int64", "deal_id": "int64", "rule": "object"}


def between(first: date | None, last: date, as_of: date, owner_id: int | None = None) -> Slice:
    return Slice(first_day=first, last_day=last, as_of=as_of, owner_ids=() if owner_id is None else (owner_id,))


def activity_weeks(reader: Reader, first: date, last: date, owner_id: int | None = None) -> pd.DataFrame:
    """COUNT_WEEKS of what happened from `first` to `last`, by kind. owner_id: of this owner alone."""
    where = _in_days(reader, first, last, owner_id)
    rows = reader.rows(
        f"SELECT a.owner_id, date_trunc('week', {LOCAL.format('a.occurred_at')})::date, a.kind, count(*) "
        "FROM owners o JOIN activities a ON a.organization_id = :organization AND a.owner_id = o.owner_id "
        f"AND a.occurred_at >= :begin AND a.occurred_at < :end WHERE o.organization_id = :organization AND {where} "
        f"AND {HELD} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, COUNT_WEEKS)


def deal_weeks(reader: Reader, first: date, last: date, as_of: date, owner_id: int | None = None) -> pd.DataFrame:
    """COUNT_WEEKS of deals that were created, won and lost, as known at the end of `as_of`."""
    where = reader.where(between(first, last, as_of, owner_id), owner="d.owner_id", day="d.day")
    where.add("d.known_day <= :as_of AND d.day BETWEEN :first AND :last AND d.owner_id > 0",
              as_of=as_of, first=first, last=last)  # fmt: skip
    rows = reader.rows(
        f"SELECT d.owner_id, {WEEK.format('d.day')}, d.event, sum(d.n)::bigint FROM deal_daily d "
        f"WHERE {where} GROUP BY 1, 2, 3 HAVING sum(d.n) <> 0 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, COUNT_WEEKS)


def first_days(reader: Reader, as_of: date, owner_id: int | None = None) -> pd.DataFrame:
    """FIRST_DAYS: since when anything is known of each owner's work."""
    where = reader.where(between(None, as_of, as_of, owner_id), owner="d.owner_id", day="d.day")
    where.add("d.owner_id > 0 AND d.day > '-infinity' AND d.n > 0 AND d.day <= :as_of", as_of=as_of)
    rows = reader.rows(
        "SELECT d.owner_id, min(d.day) FROM (SELECT organization_id, owner_id, day, n FROM activity_daily UNION ALL "
        f"SELECT organization_id, owner_id, day, n FROM deal_daily) d WHERE {where} GROUP BY 1 ORDER BY 1",
        where,
    )
    told = [(owner, day, _whole_weeks(day, as_of)) for owner, day in rows]
    return tables.shaped(told, FIRST_DAYS)


def _whole_weeks(first: object, last: date) -> int:
    assert isinstance(first, date)
    monday = first + timedelta(days=-first.weekday() % 7)
    return max(0, ((last - monday).days + 1) // 7)


def open_deals(reader: Reader, as_of: date, *, noted_on: date) -> pd.DataFrame:
    """OPEN_DEALS at the end of `as_of`, by owner and id, as they are noted on a later day. What is planned is so by
    what is known now: what happened between the two days says nothing of planning ahead, and is not in `n_planned`."""
    where = reader.as_of(between(None, as_of, as_of)).add("v.status = 'open' AND v.owner_id IS NOT NULL")
    where.parameters["noted_on"] = noted_on
    rows = reader.rows(
        f"SELECT v.deal_id, d.name, v.owner_id, v.stage_id, s.name, :as_of - {LOCAL.format('v.stage_entered_at')}, "
        f"v.amount_minor, v.currency, v.close_on, greatest(v.created_day, {LOCAL.format('t.last_at')}), "
        f"{LOCAL.format('t.next_meeting')}, coalesce(t.n_planned, 0), coalesce(m.n, 0), {LOCAL.format('m.last_at')} "
        "FROM deal_versions v JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
        f"LEFT JOIN LATERAL (SELECT max(a.occurred_at) FILTER (WHERE a.occurred_at < :end AND {HAPPENED}) AS last_at, "
        f"min(a.occurred_at) FILTER (WHERE {PLANNED} AND a.kind IN ('meeting', 'appointment')) AS next_meeting, "
        f"count(*) FILTER (WHERE {PLANNED} AND {LOCAL.format('a.occurred_at')} >= :noted_on) AS n_planned "
        "FROM activities a WHERE a.organization_id = :organization AND a.deal_id = v.deal_id) t ON true "
        "LEFT JOIN LATERAL (SELECT count(*) AS n, max(k.valid_from) AS last_at FROM ("
        f"{MOVED_OUT.format('p.deal_id = v.deal_id')}) k) m ON true WHERE {where} ORDER BY v.owner_id, v.deal_id",
        where,
    )
    return tables.shaped(rows, OPEN_DEALS)


def open_sums(reader: Reader, as_of: date) -> pd.DataFrame:
    """SUMS of the open deals at the end of `as_of`."""
    where = reader.as_of(between(None, as_of, as_of)).add("v.status = 'open' AND v.owner_id IS NOT NULL")
    rows = reader.rows(
        "SELECT v.owner_id, v.currency, count(*), count(v.amount_minor), coalesce(sum(v.amount_minor), 0)::bigint "
        f"FROM deal_versions v WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2",
        where,
    )
    return tables.shaped(rows, SUMS)


def won_sums(reader: Reader, first: date, last: date, as_of: date) -> pd.DataFrame:
    """SUMS of the deals that were won from `first` to `last`, as known at the end of `as_of`."""
    where = reader.where(between(first, last, as_of), owner="d.owner_id", day="d.day")
    where.add("d.known_day <= :as_of AND d.day BETWEEN :first AND :last AND d.owner_id > 0 AND d.event = 'won'",
              as_of=as_of, first=first, last=last)  # fmt: skip
    rows = reader.rows(
        "SELECT d.owner_id, nullif(d.currency, ''), sum(d.n)::bigint, sum(d.n_valued)::bigint, "
        f"sum(d.amount_minor)::bigint FROM deal_daily d WHERE {where} GROUP BY 1, 2 HAVING sum(d.n) <> 0 ORDER BY 1, 2",
        where,
    )
    return tables.shaped(rows, SUMS)


def stays(reader: Reader, as_of: date) -> pd.DataFrame:
    """STAYS: how long each owner's won deals stayed in each open stage, the lower median."""
    query, where = stays_of(reader, as_of)
    rows = reader.rows(
        "SELECT w.owner_id, w.stage_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY w.days), count(*) "
        f"FROM ({query}) w GROUP BY 1, 2 ORDER BY 1, 2",
        where,
    )
    return tables.shaped(rows, STAYS)


def stays_of(
    reader: Reader, as_of: date, owner_id: int | None = None, stage_id: int | None = None
) -> tuple[str, Where]:
    """The query of single stays (owner_id, deal_id, stage_id, entered_on, days), and its parameters."""
    where = reader.as_of(between(None, as_of, as_of, owner_id), member_on=":as_of")
    where.add("v.status = 'won' AND v.owner_id IS NOT NULL AND v.closed_day > :stays_after AND v.closed_day <= :as_of",
              stays_after=as_of - timedelta(days=STAYS_DAYS))  # fmt: skip
    wanted = "" if stage_id is None else " AND w.stage_id = :stage"
    if stage_id is not None:
        where.parameters["stage"] = stage_id
    entered, left = LOCAL.format("w.entered_at"), LOCAL.format("w.left_at")
    query = (
        f"SELECT w.owner_id, w.deal_id, w.stage_id, {entered} AS entered_on, {left} - {entered} AS days FROM ("
        "SELECT v.owner_id, e.deal_id, e.stage_id, e.entered_at, "
        "lead(e.entered_at) OVER (PARTITION BY e.deal_id ORDER BY e.entered_at, e.stage_id) AS left_at "
        "FROM deal_versions v JOIN stage_events e ON e.organization_id = :organization AND e.deal_id = v.deal_id "
        f"AND e.entered_at < :end WHERE {where}) w "
        "JOIN stages s ON s.organization_id = :organization AND s.stage_id = w.stage_id AND s.status = 'open' "
        f"WHERE w.left_at IS NOT NULL{wanted}"
    )
    return query, where


def flags(reader: Reader, as_of: date, run_day: date, rules: Sequence[str]) -> pd.DataFrame:
    """FLAGS that stood on the judged day and were not snoozed, of deals that are open at the end of `as_of`."""
    where = reader.as_of(between(None, as_of, as_of)).add("v.status = 'open' AND v.owner_id IS NOT NULL")
    where.add("f.rule = ANY(:rules)", rules=list(rules)).add(f"NOT {SNOOZED}", run_day=run_day, snoozed_on=run_day)
    rows = reader.rows(
        f"SELECT v.owner_id, v.deal_id, f.rule FROM deal_versions v JOIN health_flags f ON {FLAG_STANDS} "
        f"WHERE {where} ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(rows, FLAGS)


# --- how -------------------------------------------------------------------------------------------------------------


def _in_days(reader: Reader, first: date, last: date, owner_id: int | None) -> Where:
    slice_ = between(first, last, last, owner_id)
    where = reader.where(slice_, owner="a.owner_id", day=LOCAL.format("a.occurred_at"))
    zone = reader.organization.zone
    where.parameters |= {"begin": slice_.end_of(zone, first - timedelta(days=1)), "end": slice_.end_of(zone)}
    return where
