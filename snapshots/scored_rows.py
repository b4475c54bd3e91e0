"""Leads and open deals with their current scores, a page at a time, for the viewer: a rep's own, a manager's teams'.

What is shown is now: the owner, the teams and the values of today beside the score that holds. Pages go by keyset, in
the order of an index where that is the score's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from snapshots import tables
from snapshots.database import Database
from snapshots.lead_filter import MOST_SEARCH
from snapshots.reads import Reader
from snapshots.rows import PAGE_ROWS, RowsPage
from snapshots.scores import AS_NOW, TODAY
from snapshots.slices import Slice, Viewer, Where

Sort = Literal["score", "created"]
After = tuple[object, int | str]

_SAID: Final[dict[str, str]] = {
    "score": "float64",  # points, not clipped
    "probability": "float64",  # NaN: points by rule
    "base_rate": "float64",
    "band": "object",
    "reasons": "object",  # list of mappings, the largest first
    "scored_at": "datetime64[ns, UTC]",
    "model_version": "Int64",
}
SCORED_LEADS: Final[dict[str, str]] = {
    "lead_id": "int64",
    "name": "object",
    "email": "object",
    "company_name": "object",
    "owner_id": "Int64",
    "owner": "object",
    "source": "object",
    "campaign": "object",
    "status": "object",
    "created_at": "datetime64[ns, UTC]",
    **_SAID,
}
SCORED_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "company": "object",
    "owner_id": "Int64",
    "owner": "object",
    "pipeline": "object",
    "stage": "object",
    "source": "object",
    "created_at": "datetime64[ns, UTC]",
    "amount_minor": "Int64",
    "currency": "object",
    "close_on": "datetime64[ns]",  # as the salesperson expects it
    "close_early": "datetime64[ns]",
    "close_likely": "datetime64[ns]",
    "close_late": "datetime64[ns]",
    "expected_minor": "Int64",  # in `currency`; <NA>: no amount, or in another currency when it was scored
    **_SAID,
}
LEAD_BANDS: Final[dict[str, str]] = {
    "band": "object",
    "n": "int64",
    "n_probable": "int64",  # those with a probability
    "expected": "float64",  # conversions: the sum of their probabilities
}
DEAL_BANDS: Final[dict[str, str]] = {
    "band": "object",
    "currency": "object",  # None: of deals without an amount
    "n": "int64",
    "n_valued": "int64",
    "amount_minor": "int64",
    "n_expected": "int64",  # those with an expected value
    "expected_minor": "int64",
    "n_probable": "int64",
    "expected": "float64",  # wins: the sum of the probabilities
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFilter:
    """Which of them. Empty tuples mean all; `slices.NOBODY` and `slices.UNKNOWN` ask for what has no owner or source.
    least_score: as it is shown, rounded. search: part of a name, an e-mail address or a company."""

    bands: tuple[str, ...] = ()
    owner_ids: tuple[int, ...] = ()
    team_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    least_score: float | None = None
    search: str = ""


EVERYTHING: Final = ScoreFilter()


def scored_leads(
    database: Database, viewer: Viewer, *, wanted: ScoreFilter = EVERYTHING, sort: Sort = "score",
    after: After | None = None, limit: int = PAGE_ROWS,
) -> RowsPage:  # fmt: skip
    """A page of SCORED_LEADS, the highest score or the newest first. Leads of the CRM; for those from a website ask
    `scores.current_of`."""
    return _page(Reader(database, viewer), "lead", wanted, sort, after, limit)


def scored_deals(
    database: Database, viewer: Viewer, *, wanted: ScoreFilter = EVERYTHING, sort: Sort = "score",
    after: After | None = None, limit: int = PAGE_ROWS,
) -> RowsPage:  # fmt: skip
    """A page of SCORED_DEALS that are open, the highest score or the newest first."""
    return _page(Reader(database, viewer), "deal", wanted, sort, after, limit)


def leads_of(database: Database, viewer: Viewer, email: str) -> list[int]:
    """Ids of the CRM's leads with this e-mail address, as it is written or in small letters, that the viewer may see;
    the newest first, at most 50."""
    reader = Reader(database, viewer)
    where = reader.where(AS_NOW, owner="l.owner_id", day=TODAY, source="l.source")
    where.add("l.organization_id = :organization AND l.gone_at IS NULL")
    where.add("l.email = ANY(:emails)", emails=sorted({email.strip(), email.strip().lower()}))
    rows = reader.rows(
        f"SELECT l.lead_id FROM leads l WHERE {where} ORDER BY l.created_at DESC NULLS LAST, l.lead_id DESC LIMIT 50",
        where,
    )
    return [int(str(row[0])) for row in rows]


def lead_bands(database: Database, viewer: Viewer, *, wanted: ScoreFilter = EVERYTHING) -> pd.DataFrame:
    """LEAD_BANDS: what all rows of `scored_leads` come to, whatever page of them is shown; bands without any left
    out."""
    return _bands(
        Reader(database, viewer), "lead", wanted, LEAD_BANDS,
        "s.band, count(*), count(s.probability), coalesce(sum(s.probability), 0)", "1",
    )  # fmt: skip


def deal_bands(database: Database, viewer: Viewer, *, wanted: ScoreFilter = EVERYTHING) -> pd.DataFrame:
    """DEAL_BANDS: what all rows of `scored_deals` come to, per currency."""
    currency = "CASE WHEN v.amount_minor IS NOT NULL THEN v.currency END"
    return _bands(
        Reader(database, viewer), "deal", wanted, DEAL_BANDS,
        f"s.band, {currency}, count(*), count(v.amount_minor), coalesce(sum(v.amount_minor), 0)::bigint, "
        f"count({_EXPECTED}), coalesce(sum({_EXPECTED}), 0)::bigint, count(s.probability), "
        "coalesce(sum(s.probability), 0)", "1, 2",
    )  # fmt: skip


# --- how --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Subject:
    """How its rows are found. expressions: where a column is no plain one of `row`. searched: columns of a search."""

    columns: dict[str, str]
    row: str
    key: str
    joins: str
    expressions: Mapping[str, str]
    searched: tuple[str, ...]


_EXPECTED = (
    "CASE WHEN v.amount_minor IS NOT NULL AND s.currency IS NOT DISTINCT FROM v.currency THEN s.expected_minor END"
)
_OWNER = "LEFT JOIN owners o ON o.organization_id = :organization AND o.owner_id = {0}.owner_id"
_SUBJECTS: Final[Mapping[str, _Subject]] = {
    "lead": _Subject(
        columns=SCORED_LEADS,
        row="l",
        key="lead_id",
        joins="JOIN leads l ON l.organization_id = :organization AND l.lead_id = s.entity_id AND l.gone_at IS NULL "
        + _OWNER.format("l"),
        expressions={"owner": "o.name"},
        searched=("l.name", "l.email", "l.company_name"),
    ),
    "deal": _Subject(
        columns=SCORED_DEALS,
        row="v",
        key="deal_id",
        joins="JOIN deal_versions v ON v.organization_id = :organization AND v.deal_id = s.entity_id "
        "AND v.valid_to = 'infinity' AND v.status = 'open' "
        "JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
        "LEFT JOIN companies c ON c.organization_id = :organization AND c.company_id = v.company_id "
        "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = v.pipeline_id "
        "LEFT JOIN stages g ON g.organization_id = :organization AND g.stage_id = v.stage_id " + _OWNER.format("v"),
        expressions={
            "name": "d.name", "company": "c.name", "owner": "o.name", "pipeline": "p.name", "stage": "g.name",
            "close_early": "s.close_early", "close_likely": "s.close_likely", "close_late": "s.close_late",
            "expected_minor": _EXPECTED,
        },
        searched=("d.name", "c.name"),
    ),
}  # fmt: skip


def _page(reader: Reader, subject: str, wanted: ScoreFilter, sort: Sort, after: After | None, limit: int) -> RowsPage:
    of = _SUBJECTS[subject]
    where = _where(reader, subject, wanted)
    if sort == "score":
        # The index of the current scores, read from its end.
        order = "s.score DESC, s.entity_key DESC"
        if after is not None:
            where.add("(s.score, s.entity_key) < (:after_score, :after_key)")
            where.parameters |= {"after_score": after[0], "after_key": str(after[1])}
    else:
        created, key = f"{of.row}.created_at", f"{of.row}.{of.key}"
        order = f"{created} DESC NULLS LAST, {key} DESC"
        if after is not None:
            _start_after(where, created, key, after)
    rows = reader.rows(
        f"SELECT {', '.join(_expression(of, name) for name in of.columns)} FROM scores s {of.joins} WHERE {where} "
        f"ORDER BY {order} LIMIT :limit",
        where.add("true", limit=limit + 1),
    )
    more, rows = len(rows) > limit, rows[:limit]
    place = list(of.columns).index("score" if sort == "score" else "created_at")
    last: After | None = (rows[-1][place], int(str(rows[-1][0]))) if more else None
    return RowsPage(tables.shaped(rows, of.columns), last)


def _start_after(where: Where, created: str, key: str, after: After) -> None:
    if after[0] is None:
        where.add(f"{created} IS NULL AND {key} < :after_key", after_key=after[1])
        return
    where.add(f"({created} IS NULL OR ({created}, {key}) < (:after_at, :after_key))")
    where.parameters |= {"after_at": after[0], "after_key": after[1]}


def _bands(
    reader: Reader, subject: str, wanted: ScoreFilter, columns: dict[str, str], sums: str, by: str
) -> pd.DataFrame:
    where = _where(reader, subject, wanted)
    joins = _SUBJECTS[subject].joins
    rows = reader.rows(f"SELECT {sums} FROM scores s {joins} WHERE {where} GROUP BY {by} ORDER BY {by}", where)
    return tables.shaped(rows, columns)


def _where(reader: Reader, subject: str, wanted: ScoreFilter) -> Where:
    of = _SUBJECTS[subject]
    asked = Slice(
        first_day=None, last_day=AS_NOW.last_day, as_of=AS_NOW.as_of, team_ids=wanted.team_ids,
        owner_ids=wanted.owner_ids, sources=wanted.sources,
    )  # fmt: skip
    where = reader.where(asked, owner=f"{of.row}.owner_id", day=TODAY, source=f"{of.row}.source")
    where.add("s.organization_id = :organization AND s.subject = :subject AND s.is_current", subject=subject)
    if wanted.bands:
        where.add("s.band = ANY(:bands)", bands=list(wanted.bands))
    if wanted.least_score is not None:
        where.add("s.score >= :least_score", least_score=wanted.least_score - 0.5)
    if words := wanted.search.replace("\x00", "").strip()[:MOST_SEARCH]:
        escaped = re.sub(r"([\\%_])", r"\\\1", words)
        where.add(f"({' OR '.join(f'{one} ILIKE :pattern' for one in of.searched)})", pattern=f"%{escaped}%")
    return where


def _expression(of: _Subject, name: str) -> str:
    if name in of.expressions:
        return of.expressions[name]
    return f"s.{name}" if name in _SAID else f"{of.row}.{name}"
