"""Scores as they were issued, which of them are current, and what came of what they said.

A score is appended and never changes. Later the outcome is filled in beside it, and a newer one takes its place as the
current one of its lead or deal. A lead from a website has its UUID for a key, all else our id as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
import pandas as pd
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from snapshots import bulk, schema, tables
from snapshots.current import NOT_TOLD
from snapshots.database import Database
from snapshots.organizations import Organization, get_organization
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import Slice, Viewer, Where, owner_filter

DATE_MOVES_DAYS: Final = 3
"""An expected close date that moves by less is not worth a new score."""
TODAY: Final = "date '9999-12-31'"
"""The day, in conditions, whose teams count where what is now is shown: the last there will be."""
AS_NOW: Final = Slice(first_day=None, last_day=date.max, as_of=date.max)
LOG = structlog.get_logger()
_LOCK: Final = 7_112_027
"""First key of the advisory lock: one writer of an organization's scores of a subject at a time."""

TRACK_RECORD: Final[dict[str, str]] = {
    "month": "datetime64[ns]",  # its first day
    "n": "int64",
    "predicted": "float64",  # mean probability
    "happened": "float64",  # share that converted or was won
    "model_version": "int64",
}
GRADED: Final[dict[str, str]] = {
    "entity_key": "object",
    "scored_at": "datetime64[ns, UTC]",
    "probability": "float64",
    "base_rate": "float64",
    "outcome": "int64",  # 1 or 0
    "model_version": "int64",
    "drift": "float64",  # log-odds that the probability had been corrected by
}
# Points of the reason, of which ten double the odds.
_DRIFT = """coalesce((
    SELECT sum((r->>'points')::float8) FROM jsonb_array_elements(reasons) r WHERE r->>'group' = 'drift'
), 0) * ln(2.0)::float8 / 10"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What a model, or points by rule, say of one lead or deal.

    score: points, not clipped: 50 is the base rate, ten double the odds. probability None: points by rule. reasons: add
    up to the score. due_on: the last day on which what was predicted may happen. close_early, close_late: within them
    it closes in eight of ten cases. expected_minor: amount times probability, in minor units of `currency`.
    """

    entity_key: str
    score: float
    log_odds: float
    probability: float | None
    base_rate: float | None
    band: str
    reasons: Sequence[Mapping[str, Any]]
    due_on: date
    close_early: date | None = None
    close_likely: date | None = None
    close_late: date | None = None
    expected_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentScore(Issued):
    """One that was issued. model_version None: points by rule. outcome: 1 it happened, 0 it did not, None: not known
    yet."""

    scored_at: datetime
    model_version: int | None
    outcome: int | None
    graded_at: datetime | None
    is_current: bool


def issue(
    database: Database, organization_id: int, subject: str, scores: Sequence[Issued], *, model_version: int | None,
    now: datetime,
) -> int:  # fmt: skip
    """Append those that say something new, and make them the current ones. Returns how many.

    New is what has no current score yet or one of another version, band or rounded score, of a deal also another
    expected value or a close date moved by DATE_MOVES_DAYS. Each lead or deal may come once. At most 50,000 at once.
    """
    if not scores:
        return 0
    rows = [(organization_id, subject, *_row(one, model_version, now)) for one in scores]
    own = {"organization": organization_id, "subject": subject, "now": now}
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        staged = bulk.stage(connection, schema.metadata.tables["scores"], _COLUMNS, rows)
        connection.execute(text(f"ANALYZE {staged}"))
        for statement in (_UNCHANGED, _LATER, _SUPERSEDED):
            connection.execute(text(statement.format(staged=staged)), own)
        return connection.execute(text(_APPEND.format(staged=staged)), own).rowcount


def issue_first(
    connection: Connection, organization_id: int, one: Issued, *, model_version: int | None, now: datetime
) -> None:
    """The score of a lead from a website as it comes in, in the transaction of whoever asks, which goes on whatever is
    wrong with the score. Nothing where the lead has a score. It waits for no other writer: a first one supersedes
    nothing."""
    row = (organization_id, "lead", *_row(one, model_version, now))
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        with connection.begin_nested():
            connection.execute(_FIRST, values)
    except DBAPIError as why:
        if why.connection_invalidated:
            raise
        LOG.warning("a score was not kept", lead_id=one.entity_key, error=type(why.orig).__name__)


def withdraw(database: Database, organization_id: int, subject: str, entity_keys: Iterable[str]) -> int:
    """These have no current score any more; what was issued stays. Returns how many had one."""
    return _withdraw(
        database, organization_id, subject, "s.entity_key = ANY(:keys)", keys=[_checked(one) for one in entity_keys]
    )


def withdraw_settled(
    database: Database, organization_id: int, subject: str, *, created_before: datetime | None = None
) -> int:
    """Leads that converted, are gone, duplicates or quarantined, or were created before `created_before`, and deals
    that are not open, have no current score any more. Returns how many had one."""
    settled = _SETTLED[subject]
    if created_before is not None:
        settled = f"({settled} OR {_OLD[subject]})"
    return _withdraw(database, organization_id, subject, settled, created_before=created_before)


def current_of(database: Database, viewer: Viewer, subject: str, entity_keys: Iterable[str]) -> dict[str, CurrentScore]:
    """By key; without those that have none and those that the viewer may not see."""
    found = _read(
        database, viewer, subject, "s.is_current AND s.entity_key = ANY(:keys)", keys=[str(one) for one in entity_keys]
    )
    return {one.entity_key: one for one in found}


def history(database: Database, viewer: Viewer, subject: str, entity_key: str) -> list[CurrentScore]:
    """All that were issued of it, the newest first; none where the viewer may not see it."""
    return _read(database, viewer, subject, "s.entity_key = :key", key=entity_key)


# --- grading ----------------------------------------------------------------------------------------------------------


def grade_due(database: Database, organization_id: int, subject: str, *, now: datetime) -> int:
    """Fill in what happened, where it is decided or was due before today. Returns how many.

    A lead that converted until the end of `due_on` counts 1, otherwise 0 once that day is over and its CRM was read
    after it: while that cannot be read, nobody knows. Where the CRM does not say, nothing is filled in. Where it gives
    no date, it converted when we first read so. A lead from a website converted when a deal of its contact was created;
    one that was not delivered is not graded. A deal counts 1 if it is won at the end of `due_on` and 0 if it is lost;
    one that was not decided by then is not graded, nor is a merged one.
    """
    organization = get_organization(database, organization_id)
    known = {
        "organization": organization_id, "now": now, "zone": organization.time_zone,
        "today": _day(organization, now), "not_told": NOT_TOLD,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        return sum(connection.execute(statement, known).rowcount for statement in _GRADES[subject])


def track_record(
    database: Database, organization_id: int, subject: str, *, since: datetime, now: datetime
) -> pd.DataFrame:
    """TRACK_RECORD by month of scoring and version, the oldest first: of scores issued since then that are due, were
    graded and gave a probability. Of several scores of one lead or deal in a month the first counts.

    What is not due yet is left out though it may be graded: conversions are known at once, their absence at the end, so
    that the record would look better than it is."""
    organization = get_organization(database, organization_id)
    return _frame(
        database, organization_id, TRACK_RECORD,
        "SELECT month, count(*), avg(probability), avg(outcome)::float8, model_version FROM ("
        "SELECT DISTINCT ON (month, model_version, entity_key) month, model_version, probability, outcome FROM ("
        "SELECT date_trunc('month', scored_at AT TIME ZONE :zone)::date AS month, model_version, entity_key, "
        f"scored_at, probability, outcome FROM scores WHERE {_WAS_GRADED}) a "
        "ORDER BY month, model_version, entity_key, scored_at) b "
        "GROUP BY month, model_version ORDER BY month, model_version",
        {"subject": subject, "since": since, "zone": organization.time_zone, "today": _day(organization, now)},
    )  # fmt: skip


def graded(database: Database, organization_id: int, subject: str, *, since: datetime, now: datetime) -> pd.DataFrame:
    """GRADED: every score that fell due since then, gave a probability and was graded, the oldest first."""
    organization = get_organization(database, organization_id)
    return _frame(
        database, organization_id, GRADED,
        f"SELECT entity_key, scored_at, probability, base_rate, outcome, model_version, {_DRIFT} "
        f"FROM scores WHERE {_IS_DUE} AND due_on >= :since ORDER BY scored_at, entity_key",
        {"subject": subject, "since": _day(organization, since), "today": _day(organization, now)},
    )  # fmt: skip


# --- how --------------------------------------------------------------------------------------------------------------


def _day(organization: Organization, now: datetime) -> date:
    return now.astimezone(organization.zone).date()


_SAID: Final = tuple(field.name for field in fields(Issued))
_COLUMNS: Final = (
    "organization_id", "subject", "entity_key", "scored_at", "model_version", "score", "log_odds", "probability",
    "base_rate", "band", "reasons", "close_early", "close_likely", "close_late", "expected_minor", "currency", "due_on",
    "is_current",
)  # fmt: skip
_FIRST: Final = text(
    f"INSERT INTO scores ({', '.join(_COLUMNS)}) SELECT "
    + ", ".join("cast(:reasons AS jsonb)" if name == "reasons" else f":{name}" for name in _COLUMNS)
    + " WHERE NOT EXISTS (SELECT FROM scores WHERE organization_id = :organization_id AND subject = :subject "
    "AND entity_key = :entity_key) ON CONFLICT DO NOTHING"
)
_CURRENT = "c.organization_id = :organization AND c.subject = :subject AND c.entity_key = n.entity_key AND c.is_current"
_SHOWN = "round(least(100, greatest(0, {0}.score)))"
_UNCHANGED = (
    f"DELETE FROM {{staged}} n USING scores c WHERE {_CURRENT} "
    "AND (c.model_version, c.band, c.expected_minor, c.currency) "
    "IS NOT DISTINCT FROM (n.model_version, n.band, n.expected_minor, n.currency) "
    f"AND {_SHOWN.format('c')} = {_SHOWN.format('n')} AND (c.close_likely IS NULL) = (n.close_likely IS NULL) "
    f"AND coalesce(abs(c.close_likely - n.close_likely), 0) < {DATE_MOVES_DAYS}"
)
# Two that are issued at one instant are told apart by a microsecond.
_LATER = (
    f"UPDATE {{staged}} n SET scored_at = c.scored_at + interval '1 microsecond' FROM scores c WHERE {_CURRENT} "
    "AND c.scored_at >= n.scored_at"
)
_SUPERSEDED = f"UPDATE scores c SET is_current = false FROM {{staged}} n WHERE {_CURRENT}"
# One that was withdrawn at this very instant stands where the new one would: the next run issues it.
_APPEND = (
    f"INSERT INTO scores ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} FROM {{staged}} ON CONFLICT "
    "(organization_id, subject, entity_key, scored_at) DO NOTHING"
)
_IS_DUE = (
    "organization_id = :organization AND subject = :subject AND outcome IS NOT NULL AND probability IS NOT NULL "
    "AND due_on < :today"
)
_WAS_GRADED = f"{_IS_DUE} AND scored_at >= :since"
_IS_OURS = "s.organization_id = :organization AND s.subject = '{0}' AND s.outcome IS NULL"
_RECEIVED = (
    "r.organization_id = :organization AND r.lead_id = CASE WHEN s.entity_id IS NULL THEN s.entity_key::uuid END"
)
_DEAL_OF_RECEIVED = f"""
    SELECT min(v.created_at) AS deal_at FROM external_links k
    JOIN deal_contacts dc ON dc.organization_id = :organization AND dc.contact_id = k.entity_id
    JOIN deal_versions v ON v.organization_id = :organization AND v.deal_id = dc.deal_id
        AND v.valid_to = 'infinity' AND v.status IN {WAS_CREATED} AND v.created_at >= r.received_at
    WHERE k.organization_id = :organization AND k.connection_id = r.connection_id AND k.kind = 'contact'
        AND k.external_id = r.external_id
"""
_CONVERTED_AT = """coalesce(l.converted_at, (SELECT max(v.superseded_at) FROM lead_versions v
    WHERE v.organization_id = :organization AND v.lead_id = l.lead_id AND v.converted IS NOT TRUE), l.recorded_at)"""
# The day on which its connection was last read to the end, today at the latest; where none ever was, today.
_READ_ON = """least(:today, (SELECT (max(y.finished_at) AT TIME ZONE :zone)::date FROM {0}
    y.organization_id = :organization AND y.status = 'succeeded'))"""
_LEAD_READ_ON = _READ_ON.format("""external_links k JOIN sync_runs y ON y.connection_id = k.connection_id
    WHERE k.organization_id = :organization AND k.kind = 'lead' AND k.entity_id = l.lead_id AND""")
_RECEIVED_READ_ON = _READ_ON.format("sync_runs y WHERE y.connection_id = r.connection_id AND")
_GRADES: Final[Mapping[str, Sequence[Any]]] = {
    "lead": (
        text(
            "UPDATE scores s SET graded_at = :now, "
            f"outcome = (l.converted AND ({_CONVERTED_AT} AT TIME ZONE :zone)::date <= s.due_on)::int "
            f"FROM leads l WHERE {_IS_OURS.format('lead')} AND l.organization_id = :organization "
            "AND l.lead_id = s.entity_id AND l.content_hash <> 0 AND l.converted IS NOT NULL "
            "AND coalesce(l.gone_reason, '') NOT IN ('merged', :not_told) "
            f"AND (s.due_on < {_LEAD_READ_ON} "
            f"OR l.converted AND ({_CONVERTED_AT} AT TIME ZONE :zone)::date <= s.due_on)"
        ),
        text(
            "UPDATE scores s SET graded_at = :now, "
            "outcome = coalesce((g.deal_at AT TIME ZONE :zone)::date <= s.due_on, false)::int "
            f"FROM received_leads r LEFT JOIN LATERAL ({_DEAL_OF_RECEIVED}) g ON true "
            f"WHERE {_IS_OURS.format('lead')} AND {_RECEIVED} AND r.state = 'delivered' "
            f"AND (s.due_on < {_RECEIVED_READ_ON} OR (g.deal_at AT TIME ZONE :zone)::date <= s.due_on)"
        ),
    ),
    "deal": (
        text(
            "UPDATE scores s SET graded_at = :now, outcome = (v.status = 'won')::int "
            f"FROM deal_versions v WHERE {_IS_OURS.format('deal')} AND v.organization_id = :organization "
            "AND v.deal_id = s.entity_id "
            "AND v.valid_from < least(:now, (s.due_on + 1)::timestamp AT TIME ZONE :zone) "
            "AND v.valid_to >= least(:now, (s.due_on + 1)::timestamp AT TIME ZONE :zone) "
            "AND v.status IN ('won', 'lost')"
        ),
    ),
}
_SETTLED: Final = {
    "lead": (
        "CASE WHEN s.entity_id IS NOT NULL THEN NOT EXISTS (SELECT FROM leads l "
        "WHERE l.organization_id = :organization AND l.lead_id = s.entity_id AND l.gone_at IS NULL "
        "AND l.converted IS NOT TRUE) "
        f"ELSE NOT EXISTS (SELECT FROM received_leads r WHERE {_RECEIVED} AND r.state <> 'quarantined' "
        "AND NOT EXISTS (SELECT FROM lead_merges m WHERE m.organization_id = :organization AND m.lead_id = r.lead_id) "
        f"AND ({_DEAL_OF_RECEIVED}) IS NULL) END"
    ),
    "deal": (
        "NOT EXISTS (SELECT FROM deal_versions v WHERE v.organization_id = :organization AND v.deal_id = s.entity_id "
        "AND v.valid_to = 'infinity' AND v.status = 'open')"
    ),
}
_OLD: Final = {
    "lead": (
        "EXISTS (SELECT FROM leads l WHERE l.organization_id = :organization AND l.lead_id = s.entity_id "
        "AND l.created_at < :created_before) "
        f"OR EXISTS (SELECT FROM received_leads r WHERE {_RECEIVED} AND r.received_at < :created_before)"
    ),
    "deal": (
        "EXISTS (SELECT FROM deal_versions v WHERE v.organization_id = :organization AND v.deal_id = s.entity_id "
        "AND v.valid_to = 'infinity' AND v.created_at < :created_before)"
    ),
}
_OWNED_BY: Final = {
    "lead": ("LEFT JOIN leads o ON o.organization_id = :organization AND o.lead_id = s.entity_id"),
    "deal": (
        "LEFT JOIN deal_versions o ON o.organization_id = :organization AND o.deal_id = s.entity_id "
        "AND o.valid_to = 'infinity' AND o.valid_from < 'infinity'"
    ),
}


def _row(one: Issued, model_version: int | None, now: datetime) -> tuple[object, ...]:
    """In the order of _COLUMNS, from the third on."""
    return (
        _checked(one.entity_key), now, model_version, one.score, one.log_odds, one.probability, one.base_rate, one.band,
        _json(one.reasons), one.close_early, one.close_likely, one.close_late, one.expected_minor, one.currency,
        one.due_on, True,
    )  # fmt: skip


def _json(reasons: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(list(reasons), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _checked(entity_key: str) -> str:
    if not (entity_key.isascii() and entity_key.isdecimal() and len(entity_key) <= 18):
        UUID(entity_key)
    return entity_key


def _lock(connection: Connection, organization_id: int, subject: str) -> None:
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(:what))"),
        {"lock": _LOCK, "what": f"{organization_id} {subject}"},
    )


def _withdraw(database: Database, organization_id: int, subject: str, condition: str, **known: object) -> int:
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id, subject)
        return connection.execute(
            text(
                "UPDATE scores s SET is_current = false WHERE s.organization_id = :organization "
                f"AND s.subject = :subject AND s.is_current AND {condition}"
            ),
            {"organization": organization_id, "subject": subject, **known},
        ).rowcount


def _read(database: Database, viewer: Viewer, subject: str, condition: str, **known: object) -> list[CurrentScore]:
    reader = Reader(database, viewer)
    where = Where().add("s.organization_id = :organization", organization=viewer.organization_id)
    where.add("s.subject = :subject", subject=subject, zone=reader.organization.time_zone)
    # A lead from a website has no owner here: only who sees everything sees it.
    owner_filter(where, viewer, AS_NOW, managed_teams=reader.managed_teams, owner="o.owner_id", day=TODAY)
    names = (*_SAID, "scored_at", "model_version", "outcome", "graded_at", "is_current")
    rows = reader.rows(
        f"SELECT {', '.join(f's.{name}' for name in names)} FROM scores s {_OWNED_BY[subject]} "
        f"WHERE {where.add(condition, **known)} ORDER BY s.scored_at DESC",
        where,
    )
    return [CurrentScore(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def _frame(
    database: Database, organization_id: int, columns: dict[str, str], query: str, known: Mapping[str, object]
) -> pd.DataFrame:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(query), {"organization": organization_id, **known}).all()
    return tables.shaped([tuple(row) for row in rows], columns)
