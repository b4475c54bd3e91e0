"""What scores are learned from: leads and deals of one organization with all that happened to them, as narrow frames.

Rows come by id, a page at a time, so that a million leads never stand in memory at once. Every frame has the dtypes
listed here; instants are UTC, NaT where they are not known or lie outside 1680-2260. With `until` nothing is returned
that happened later: what was created later is left out, what ended later is still open, and facts are as they stood
then, as far as versions tell. Owners see their own elsewhere: here nobody looks, a model learns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import text

from snapshots.current import NOT_TOLD
from snapshots.database import Database

PAGE: Final = 50_000
INSTANT: Final = "datetime64[ns, UTC]"
DAY: Final = "datetime64[ns]"

LEAD_FACTS: Final[dict[str, str]] = {
    "lead_id": "int64",
    "created_at": INSTANT,
    "source": "object",
    "campaign": "object",
    "owner_id": "Int64",
    "email": "object",
    "phone": "object",
    "company_name": "object",
    "converted": "boolean",  # <NA>: the CRM does not say
    "converted_at": INSTANT,
    "deal_id": "Int64",
    "fields": "object",  # dict or None
    "recorded_at": INSTANT,  # when this was written down for the first time; NaT: not known, or after `until`
}
LEAD_VERSIONS: Final[dict[str, str]] = {
    "lead_id": "int64",
    "superseded_at": INSTANT,  # until when it was so
    "source": "object",
    "campaign": "object",
    "owner_id": "Int64",
    "email": "object",
    "phone": "object",
    "company_name": "object",
    "fields": "object",
}
LEAD_TOUCHES: Final[dict[str, str]] = {
    "lead_id": "int64",
    "occurred_at": INSTANT,
    "kind": "object",
    "direction": "object",
    "owner_id": "Int64",
}
LEAD_LOADS: Final[dict[str, str]] = {
    "owner_id": "Int64",
    "created_at": INSTANT,
    "ended_at": INSTANT,  # converted; NaT: still open
}
LEAD_SPANS: Final[dict[str, str]] = {
    "owner_id": "Int64",  # who had the lead on the desk
    "began_at": INSTANT,
    "ended_at": INSTANT,  # something changed, or it converted; NaT: still so
    "is_first": "bool",  # the lead came then
}
DEAL_SPANS: Final[dict[str, str]] = {
    "owner_id": "Int64",
    "began_at": INSTANT,  # NaT: since before the data begin
    "ended_at": INSTANT,  # NaT: still so
    "is_first": "bool",  # the deal came then
    "status": "object",  # open, won or lost
    "is_entered": "bool",  # it was of another status before
}
COMPANIES: Final[dict[str, str]] = {
    "company_id": "int64",
    "name": "object",
    "domain": "object",
    "industry": "object",
    "country": "object",
    "employees": "Int64",
    "created_at": INSTANT,  # NaT: the CRM does not say
}
DEAL_FACTS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "created_at": INSTANT,
    "closed_at": INSTANT,
    "status": "object",  # open, won, lost, deleted, archived, merged, not moved or earlier
    "name": "object",
}
DEAL_STATES: Final[dict[str, str]] = {
    "deal_id": "int64",
    "valid_from": INSTANT,  # NaT: since before the data begin
    "valid_to": INSTANT,  # NaT: still so
    "status": "object",
    "pipeline_id": "Int64",
    "pipeline": "object",
    "stage_id": "Int64",
    "stage": "object",
    "position": "Int64",
    "stage_entered_at": INSTANT,
    "owner_id": "Int64",
    "company_id": "Int64",
    "product": "object",
    "source": "object",
    "campaign": "object",
    "amount_minor": "Int64",
    "currency": "object",
    "close_on": DAY,  # as the salesperson expected it then
}
DEAL_TOUCHES: Final[dict[str, str]] = {
    "deal_id": "int64",
    "occurred_at": INSTANT,
    "kind": "object",
    "direction": "object",
    "owner_id": "Int64",
    "outcome": "object",
}
DEAL_RECORDS: Final[dict[str, str]] = {
    "owner_id": "Int64",
    "created_at": INSTANT,
    "closed_at": INSTANT,
    "status": "object",
}

# --- leads ------------------------------------------------------------------------------------------------------------


def lead_facts(
    database: Database, organization_id: int, *, after: int = 0, limit: int = PAGE, ids: Sequence[int] | None = None,
    until: datetime | None = None,
) -> pd.DataFrame:  # fmt: skip
    """LEAD_FACTS of the next `limit` leads after the id `after`, by id; those that are gone from the CRM are left out.
    ids: of these alone. Empty: there are no more."""
    known = {"after": after, "limit": limit} | _ids(ids) | _until(until)
    query = _LEADS if until is None else _LEADS_THEN
    return _frame(database, organization_id, LEAD_FACTS, query.format(ids=_among("l.lead_id", ids)), known)


def lead_versions(
    database: Database, organization_id: int, ids: Sequence[int], *, until: datetime | None = None
) -> pd.DataFrame:
    """LEAD_VERSIONS: what these leads were before they became what they are, by lead, the oldest first."""
    clip = "" if until is None else " AND v.superseded_at <= :until"
    return _frame(
        database, organization_id, LEAD_VERSIONS,
        "SELECT v.lead_id, v.superseded_at, v.source, v.campaign, v.owner_id, v.email, v.phone, v.company_name, "
        f"v.fields FROM lead_versions v WHERE v.organization_id = :organization AND v.lead_id = ANY(:ids){clip} "
        "ORDER BY v.lead_id, v.superseded_at",
        _ids(ids) | _until(until),
    )  # fmt: skip


def lead_touches(
    database: Database, organization_id: int, ids: Sequence[int], *, until: datetime | None = None
) -> pd.DataFrame:
    """LEAD_TOUCHES: activities on these leads that have a date, by lead, the oldest first; also ones to come."""
    return _touches(database, organization_id, LEAD_TOUCHES, "lead_id", ids, until)


def lead_loads(
    database: Database, organization_id: int, *, until: datetime | None = None, owner_ids: Sequence[int] | None = None
) -> pd.DataFrame:
    """LEAD_LOADS of all leads that have a date, in the order of their ids. owner_ids: of these owners alone."""
    ended, clip = "l.converted_at", " AND l.gone_at IS NULL"
    if until is not None:
        ended, clip = _clipped("l.converted_at", until), f" AND l.created_at <= :until AND {_WAS_THERE}"
    return _all(
        database, organization_id, LEAD_LOADS,
        f"SELECT l.lead_id, l.owner_id, l.created_at, {ended} AS ended_at FROM leads l "
        "WHERE l.organization_id = :organization AND l.lead_id > :after "
        f"AND l.created_at IS NOT NULL{clip}{_among('l.owner_id', owner_ids)} ORDER BY l.lead_id LIMIT :limit",
        _ids(owner_ids) | _until(until),
    )  # fmt: skip


def lead_spans(
    database: Database, organization_id: int, *, until: datetime | None = None, owner_ids: Sequence[int] | None = None
) -> pd.DataFrame:
    """LEAD_SPANS of all leads that have a date: who had each of them when, as far as versions tell, until it converted.
    owner_ids: of these owners alone."""
    there = "l.gone_at IS NULL" if until is None else f"l.created_at <= :until AND {_WAS_THERE}"
    there += "" if owner_ids is None else f" AND {_EVER_OF}"
    begun = "" if until is None else " AND s.began_at <= :until"
    query = _LEAD_SPANS.format(there=there, begun=begun, owners=_among("s.owner_id", owner_ids),
                               ended=_clipped("s.ended_at", until))  # fmt: skip
    return _by_ids(database, organization_id, "leads", "lead_id", LEAD_SPANS, query, _ids(owner_ids) | _until(until))


def companies(database: Database, organization_id: int) -> pd.DataFrame:
    """COMPANIES that are in the CRM, as they are now."""
    return _all(
        database, organization_id, COMPANIES,
        "SELECT c.company_id, c.company_id, c.name, c.domain, c.industry, c.country, c.employees, "
        "c.created_at FROM companies c "
        "WHERE c.organization_id = :organization AND c.company_id > :after AND c.gone_at IS NULL "
        "AND c.content_hash <> 0 ORDER BY c.company_id LIMIT :limit",
        {},
    )  # fmt: skip


# --- deals ------------------------------------------------------------------------------------------------------------


def deal_facts(
    database: Database, organization_id: int, *, after: int = 0, limit: int = PAGE, ids: Sequence[int] | None = None,
    until: datetime | None = None,
) -> pd.DataFrame:  # fmt: skip
    """DEAL_FACTS of the next `limit` deals after the id `after`, by id, those that ended in any way too. ids: of these
    alone. Empty: there are no more."""
    known = {"after": after, "limit": limit} | _ids(ids) | _until(until)
    return _frame(
        database, organization_id, DEAL_FACTS,
        f"SELECT v.deal_id, v.created_at, {_clipped('v.closed_at', until)}, v.status, d.name FROM deal_versions v "
        "JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
        f"WHERE v.organization_id = :organization AND v.deal_id > :after{_among('v.deal_id', ids)} "
        f"AND {_is_true(until)} ORDER BY v.deal_id LIMIT :limit",
        known,
    )  # fmt: skip


def deal_states(
    database: Database, organization_id: int, ids: Sequence[int], *, until: datetime | None = None
) -> pd.DataFrame:
    """DEAL_STATES: what was true of these deals when, as we believe it now, by deal, the oldest first. Names are those
    of now."""
    begun = "" if until is None else " AND v.valid_from <= :until"
    return _frame(
        database, organization_id, DEAL_STATES,
        f"SELECT v.deal_id, v.valid_from, {_clipped('v.valid_to', until)}, v.status, v.pipeline_id, p.name, "
        "v.stage_id, s.name, s.position, v.stage_entered_at, v.owner_id, v.company_id, r.name, v.source, v.campaign, "
        "v.amount_minor, v.currency, v.close_on FROM deal_versions v "
        "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = v.stage_id "
        "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = v.pipeline_id "
        "LEFT JOIN products r ON r.organization_id = :organization AND r.product_id = v.product_id "
        "WHERE v.organization_id = :organization AND v.deal_id = ANY(:ids) AND v.valid_to > v.valid_from"
        f"{begun} ORDER BY v.deal_id, v.valid_from",
        _ids(ids) | _until(until),
    )  # fmt: skip


def deal_touches(
    database: Database, organization_id: int, ids: Sequence[int], *, until: datetime | None = None
) -> pd.DataFrame:
    """DEAL_TOUCHES: activities on these deals that have a date, by deal, the oldest first; also ones to come."""
    return _touches(database, organization_id, DEAL_TOUCHES, "deal_id", ids, until)


def deal_records(database: Database, organization_id: int, *, until: datetime | None = None) -> pd.DataFrame:
    """DEAL_RECORDS of all deals, in the order of their ids."""
    return _all(
        database, organization_id, DEAL_RECORDS,
        f"SELECT v.deal_id, v.owner_id, v.created_at, {_clipped('v.closed_at', until)}, v.status FROM deal_versions v "
        f"WHERE v.organization_id = :organization AND v.deal_id > :after AND {_is_true(until)} "
        "ORDER BY v.deal_id LIMIT :limit",
        _until(until),
    )  # fmt: skip


def deal_spans(database: Database, organization_id: int, *, until: datetime | None = None) -> pd.DataFrame:
    """DEAL_SPANS of all deals: who had each of them when, and who won or lost it, as we believe it now."""
    begun = "" if until is None else " AND v.valid_from <= :until"
    query = _DEAL_SPANS.format(begun=begun, ended=_clipped("v.valid_to", until))
    return _by_ids(database, organization_id, "deals", "deal_id", DEAL_SPANS, query, _until(until))


# --- how --------------------------------------------------------------------------------------------------------------

_LEAD_SPANS = """
    SELECT s.owner_id, s.began_at, {ended}, s.is_first FROM (
        SELECT l.lead_id, o.owner_id, coalesce(o.began, l.created_at) AS began_at,
            least(o.ended, coalesce(l.converted_at, 'infinity')) AS ended_at, o.began IS NULL AS is_first
        FROM leads l CROSS JOIN LATERAL (
            SELECT v.owner_id, lag(v.superseded_at) OVER (ORDER BY v.superseded_at) AS began, v.superseded_at AS ended
            FROM lead_versions v WHERE v.organization_id = :organization AND v.lead_id = l.lead_id
            UNION ALL
            SELECT l.owner_id, (SELECT max(e.superseded_at) FROM lead_versions e
                WHERE e.organization_id = :organization AND e.lead_id = l.lead_id), 'infinity'
        ) o
        WHERE l.organization_id = :organization AND l.lead_id > :after AND l.lead_id <= :last
            AND l.created_at IS NOT NULL AND {there}
    ) s WHERE s.began_at < s.ended_at{begun}{owners} ORDER BY s.lead_id, s.began_at
"""
# Looking at the versions of every lead is what takes long.
_EVER_OF = """(l.owner_id = ANY(:ids) OR l.lead_id IN (
    SELECT e.lead_id FROM lead_versions e WHERE e.organization_id = :organization AND e.owner_id = ANY(:ids)
        AND e.lead_id > :after AND e.lead_id <= :last
))"""
_DEAL_SPANS = """
    SELECT s.owner_id, s.began_at, s.ended_at, s.is_first, s.status, s.is_entered FROM (
        SELECT v.deal_id, v.owner_id, v.valid_from AS began_at, {ended} AS ended_at,
            row_number() OVER w = 1 AS is_first, v.status, lag(v.status) OVER w IS DISTINCT FROM v.status AS is_entered
        FROM deal_versions v
        WHERE v.organization_id = :organization AND v.deal_id > :after AND v.deal_id <= :last
            AND v.valid_to > v.valid_from{begun}
        WINDOW w AS (PARTITION BY v.deal_id ORDER BY v.valid_from)
    ) s WHERE s.status IN ('open', 'won', 'lost') ORDER BY s.deal_id, s.began_at
"""
_LEADS = """
    SELECT l.lead_id, l.created_at, l.source, l.campaign, l.owner_id, l.email, l.phone, l.company_name, l.converted,
        l.converted_at, l.deal_id, l.fields, l.recorded_at
    FROM leads l
    WHERE l.organization_id = :organization AND l.lead_id > :after AND l.gone_at IS NULL AND l.content_hash <> 0{ids}
    ORDER BY l.lead_id LIMIT :limit
"""
_WAS_THERE = f"(l.gone_at IS NULL OR l.gone_at > :until AND l.gone_reason IS DISTINCT FROM '{NOT_TOLD}')"
# k: what we knew last, which is the first version that was superseded later, else the lead as it is. Whether it had
# converted by then is not known where the CRM gives no date and we read of it afterwards.
_THEN = ", ".join(
    f"CASE WHEN v.superseded_at IS NULL THEN l.{name} ELSE v.{name} END AS {name}"
    for name in (
        "source",
        "campaign",
        "owner_id",
        "email",
        "phone",
        "company_name",
        "converted",
        "converted_at",
        "fields",
    )
)
_LEADS_THEN = f"""
    SELECT k.lead_id, k.created_at, k.source, k.campaign, k.owner_id, k.email, k.phone, k.company_name,
        CASE WHEN k.converted_at > :until THEN false
            WHEN k.converted AND k.converted_at IS NULL AND k.recorded_at IS NULL AND NOT k.was_told THEN NULL
            ELSE k.converted END,
        CASE WHEN k.converted_at <= :until THEN k.converted_at END,
        CASE WHEN k.converted_at <= :until THEN k.deal_id END,
        k.fields, k.recorded_at
    FROM (
        SELECT l.lead_id, l.created_at, l.deal_id, {_THEN}, v.superseded_at IS NOT NULL AS was_told,
            CASE WHEN v.superseded_at IS NOT NULL THEN
                (SELECT max(e.superseded_at) FROM lead_versions e WHERE e.organization_id = :organization
                    AND e.lead_id = l.lead_id AND e.superseded_at <= :until)
                WHEN l.recorded_at <= :until THEN l.recorded_at END AS recorded_at
        FROM leads l
        LEFT JOIN LATERAL (
            SELECT * FROM lead_versions o WHERE o.organization_id = :organization AND o.lead_id = l.lead_id
                AND o.superseded_at > :until ORDER BY o.superseded_at LIMIT 1
        ) v ON true
        WHERE l.organization_id = :organization AND l.lead_id > :after AND l.content_hash <> 0{{ids}}
            AND {_WAS_THERE}
            AND (l.created_at IS NULL OR l.created_at <= :until)
        ORDER BY l.lead_id LIMIT :limit
    ) k ORDER BY k.lead_id
"""


def _touches(
    database: Database, organization_id: int, columns: dict[str, str], key: str, ids: Sequence[int],
    until: datetime | None,
) -> pd.DataFrame:  # fmt: skip
    clip = "" if until is None else " AND a.occurred_at <= :until"
    return _frame(
        database, organization_id, columns,
        f"SELECT {', '.join(f'a.{name}' for name in columns)} FROM activities a "
        f"WHERE a.organization_id = :organization AND a.{key} = ANY(:ids) AND a.occurred_at IS NOT NULL "
        f"AND a.gone_at IS NULL{clip} ORDER BY a.{key}, a.occurred_at, a.connection_id, a.external_id",
        _ids(ids) | _until(until),
    )  # fmt: skip


def _is_true(until: datetime | None) -> str:
    """Of a version: now, or then. Each deal has one."""
    if until is None:
        return "v.valid_to = 'infinity' AND v.valid_from < 'infinity'"
    return "v.valid_from <= :until AND v.valid_to > :until"


def _clipped(instant: str, until: datetime | None) -> str:
    return instant if until is None else f"CASE WHEN {instant} <= :until THEN {instant} END"


def _among(column: str, ids: Sequence[int] | None) -> str:
    return "" if ids is None else f" AND {column} = ANY(:ids)"


def _ids(ids: Sequence[int] | None) -> dict[str, object]:
    return {} if ids is None else {"ids": [int(one) for one in ids]}


def _until(until: datetime | None) -> dict[str, object]:
    return {} if until is None else {"until": until}


def _all(
    database: Database, organization_id: int, columns: dict[str, str], query: str, known: Mapping[str, object]
) -> pd.DataFrame:
    """All pages as one frame. The query's first column is the id that pages go by."""
    pages, after, keyed = [], 0, {"id": "int64"} | columns
    while True:
        page = _frame(database, organization_id, keyed, query, {**known, "after": after, "limit": PAGE})
        pages.append(page.drop(columns="id"))
        if len(page) < PAGE:
            return pd.concat(pages, ignore_index=True) if len(pages) > 1 else pages[0]
        after = int(page["id"].iloc[-1])


def _by_ids(
    database: Database, organization_id: int, table: str, key: str, columns: dict[str, str], query: str,
    known: Mapping[str, object],
) -> pd.DataFrame:  # fmt: skip
    """The query's rows of all ids as one frame, however many rows an id has. It takes those from `after` to `last`."""
    border = text(
        f"SELECT max(p.id) FROM (SELECT {key} AS id FROM {table} WHERE organization_id = :organization "
        f"AND {key} > :after ORDER BY {key} LIMIT :limit) p"
    )
    pages, after = [_frame(database, organization_id, columns, query, {**known, "after": 0, "last": 0})], 0
    while True:
        with database.as_app(organization_id) as connection:
            own = {"organization": organization_id, "after": after, "limit": PAGE}
            last = connection.execute(border, own).scalar_one()
        if last is None:
            return pd.concat(pages[1:], ignore_index=True) if len(pages) > 1 else pages[0]
        pages.append(_frame(database, organization_id, columns, query, {**known, "after": after, "last": last}))
        after = int(last)


def _frame(
    database: Database, organization_id: int, columns: Mapping[str, str], query: str, known: Mapping[str, object]
) -> pd.DataFrame:
    # Seconds since 1970 are read ten times as fast as instants, and infinity is one of them.
    asked = ", ".join(
        f"date_part('epoch', q.{name})" if dtype in _INSTANTS else f"q.{name}" for name, dtype in columns.items()
    )
    shaped = f"SELECT {asked} FROM ({query}) q ({', '.join(columns)})"
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(shaped), {"organization": organization_id, **known}).all()
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pd.DataFrame(
        {name: _AS[dtype](one) for (name, dtype), one in zip(columns.items(), values, strict=True)}, copy=False
    )


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return held


def _instants(values: Sequence[Any]) -> pd.DatetimeIndex:
    return _days(values).tz_localize("UTC")


def _days(values: Sequence[Any]) -> pd.DatetimeIndex:
    seconds = np.array(values, dtype=np.float64)  # exact to the microsecond until 2255
    told = np.abs(seconds) < _REPRESENTABLE_S
    micros = np.rint(np.where(told, seconds, 0) * 1e6).astype(np.int64)
    return pd.DatetimeIndex(np.where(told, micros * 1000, _NAT).view("datetime64[ns]"))


_REPRESENTABLE_S: Final = 9.15e9
"""About 290 years on either side of 1970 are what nanoseconds can say."""
_NAT: Final = np.iinfo(np.int64).min
_INSTANTS: Final = {INSTANT, DAY}
_AS: Final[Mapping[str, Callable[[Sequence[Any]], Any]]] = {
    "int64": lambda values: np.array(values, dtype=np.int64),
    "Int64": lambda values: pd.array(values, dtype="Int64"),
    "bool": lambda values: np.array(values, dtype=np.bool_),
    "boolean": lambda values: pd.array(values, dtype="boolean"),
    "object": _objects,
    INSTANT: _instants,
    DAY: _days,
}
