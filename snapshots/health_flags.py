"""Flags as they were raised: on which days the open deals were judged, from when to when each flag stood, what became
of past ones; and the snoozes of people.

A flag is an interval of judged days; its end moves on as long as every judged day raises it again, and nothing else of
it ever changes. A day that is judged again adds what it finds, and takes nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
import pandas as pd
from sqlalchemy import Connection, text

from snapshots import audit, bulk, schema, tables
from snapshots.database import Database
from snapshots.organizations import get_organization

_LOCK: Final = 7_112_041
"""First key of the advisory lock: one judgement of an organization at a time."""
MOST_REASON: Final = 500
RAISED_ON: Final[dict[str, str]] = {
    "deal_id": "int64",
    "rule": "object",
    "first_day": "datetime64[ns]",
    "last_day": "datetime64[ns]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRun:
    """A day on which the open deals were judged. not_applied: why, by rule. record: how many past flags had come true
    by then, by rule."""

    day: date
    judged_at: datetime
    is_replayed: bool
    rules_version: str
    n_open: int
    n_won: int
    not_applied: Mapping[str, str]
    record: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Raised:
    """evidence: JSON-ready."""

    deal_id: int
    rule: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """evidence: as known on the first day; latest: as of the last day on which it was raised."""

    deal_id: int
    rule: str
    first_day: date
    last_day: date
    is_replayed: bool
    evidence: Mapping[str, Any]
    latest: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """until: the last day of it. ended_at: when somebody woke the flag before."""

    snooze_id: int
    deal_id: int
    rule: str
    reason: str
    snoozed_by: str
    snoozed_at: datetime
    until: date
    ended_at: datetime | None
    ended_by: str | None


# --- judged days ------------------------------------------------------------------------------------------------------


def keep(database: Database, organization_id: int, run: HealthRun, raised: Sequence[Raised]) -> int:
    """Keep what a day's judgement raised. Returns how many flags are new.

    A flag that stood on the judged day before goes on, else a new one begins. A day before the newest judged one is
    settled: nothing happens, and 0 is returned. Each deal and rule may come once.
    """
    with database.as_app(organization_id) as connection:
        _lock(connection, organization_id)
        newest, before = _days(connection, organization_id, run.day)
        if newest is not None and newest > run.day:
            return 0
        _put_run(connection, organization_id, run)
        own = {"organization": organization_id, "day": run.day, "before": before or run.day}
        rows = [
            (organization_id, one.deal_id, one.rule, run.day, run.day, run.judged_at, run.is_replayed,
             evidence := _json(one.evidence), evidence)
            for one in raised
        ]  # fmt: skip
        staged = bulk.stage(connection, schema.metadata.tables["health_flags"], _COLUMNS, rows)
        connection.execute(text(_GO_ON.format(staged=staged)), own)
        return connection.execute(text(_BEGIN.format(staged=staged)), own).rowcount


def run_of(database: Database, organization_id: int, day: date) -> HealthRun | None:
    """The newest judged day up to `day`."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                f"SELECT {_RUN} FROM health_runs WHERE organization_id = :organization AND day <= :day "
                "ORDER BY day DESC LIMIT 1"
            ),
            {"organization": organization_id, "day": day},
        ).mappings().first()  # fmt: skip
    return None if row is None else HealthRun(**row)


def raised_between(database: Database, organization_id: int, first: date, last: date) -> pd.DataFrame:
    """RAISED_ON: the flags that stood on any of these days."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT deal_id, rule, first_day, last_day FROM health_flags WHERE organization_id = :organization "
                "AND last_day >= :first AND first_day <= :last ORDER BY deal_id, rule, first_day"
            ),
            {"organization": organization_id, "first": first, "last": last},
        ).all()
    return tables.shaped([tuple(row) for row in rows], RAISED_ON)


def runs_between(database: Database, organization_id: int, first: date, last: date) -> list[HealthRun]:
    """The judged days of these, the oldest first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT {_RUN} FROM health_runs WHERE organization_id = :organization "
                "AND day BETWEEN :first AND :last ORDER BY day"
            ),
            {"organization": organization_id, "first": first, "last": last},
        )
        return [HealthRun(**row) for row in rows.mappings()]


# --- snoozes ----------------------------------------------------------------------------------------------------------


def snooze(
    database: Database, organization_id: int, deal_id: int, rule: str, *, reason: str, until: date, by: str,
    now: datetime,
) -> int:  # fmt: skip
    """Quiet a flag until the end of a day; a snooze that holds is ended by the new one. Returns its id.

    Whether the one who asks may see the deal is for the caller to ask first. Raises ValueError without a reason, or
    with one of more than MOST_REASON characters.
    """
    said = reason.strip()
    if not said or len(said) > MOST_REASON:
        raise ValueError(f"A reason is needed, of at most {MOST_REASON} characters.")
    own = _asked(database, organization_id, deal_id, rule, by=by, now=now)
    with database.as_app(organization_id) as connection:
        connection.execute(_END, own)
        made = int(
            connection.execute(
                text(
                    "INSERT INTO health_snoozes (organization_id, deal_id, rule, reason, snoozed_by, snoozed_at, until)"
                    " VALUES (:organization, :deal, :rule, :reason, :by, :now, :until) RETURNING snooze_id"
                ),
                own | {"reason": said, "until": until},
            ).scalar_one()
        )
        _note(connection, organization_id, deal_id, rule, by=by, action="snoozed",
              after={"rule": rule, "reason": said, "until": until})  # fmt: skip
    return made


def wake(database: Database, organization_id: int, deal_id: int, rule: str, *, by: str, now: datetime) -> bool:
    """End the snooze of a flag. False where none holds."""
    own = _asked(database, organization_id, deal_id, rule, by=by, now=now)
    with database.as_app(organization_id) as connection:
        n = connection.execute(_END, own).rowcount
        if n:
            _note(connection, organization_id, deal_id, rule, by=by, action="woken", after={"rule": rule})
    return n > 0


def snoozes_of(database: Database, organization_id: int, deal_id: int) -> list[Snooze]:
    """All snoozes there were of a deal's flags, the newest first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT {_SNOOZE} FROM health_snoozes WHERE organization_id = :organization AND deal_id = :deal "
                "ORDER BY snoozed_at DESC, snooze_id DESC"
            ),
            {"organization": organization_id, "deal": deal_id},
        )
        return [Snooze(**row) for row in rows.mappings()]


# --- how --------------------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "organization_id", "deal_id", "rule", "first_day", "last_day", "raised_at", "is_replayed", "evidence", "latest",
)  # fmt: skip
_RUN: Final = "day, judged_at, is_replayed, rules_version, n_open, n_won, not_applied, record"
_SNOOZE: Final = "snooze_id, deal_id, rule, reason, snoozed_by, snoozed_at, until, ended_at, ended_by"
_END: Final = text(
    "UPDATE health_snoozes SET ended_at = :now, ended_by = :by WHERE organization_id = :organization "
    "AND deal_id = :deal AND rule = :rule AND ended_at IS NULL AND until >= :today"
)
# On the day itself it stands already where that is judged again.
_GO_ON: Final = (
    "UPDATE health_flags f SET last_day = :day, latest = n.latest FROM {staged} n "
    "WHERE f.organization_id = :organization AND f.deal_id = n.deal_id AND f.rule = n.rule "
    "AND f.last_day IN (:before, :day)"
)
_BEGIN: Final = (
    f"INSERT INTO health_flags ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} FROM {{staged}} n "
    "WHERE NOT EXISTS (SELECT FROM health_flags f WHERE f.organization_id = :organization AND f.deal_id = n.deal_id "
    "AND f.rule = n.rule AND f.last_day = :day)"
)


def _asked(
    database: Database, organization_id: int, deal_id: int, rule: str, *, by: str, now: datetime
) -> dict[str, object]:
    today = now.astimezone(get_organization(database, organization_id).zone).date()
    return {"organization": organization_id, "deal": deal_id, "rule": rule, "by": by, "now": now, "today": today}


def _lock(connection: Connection, organization_id: int) -> None:
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(:what))"), {"lock": _LOCK, "what": str(organization_id)}
    )


def _days(connection: Connection, organization_id: int, day: date) -> tuple[date | None, date | None]:
    """The newest judged day, and the newest one before this."""
    row = connection.execute(
        text("SELECT max(day), max(day) FILTER (WHERE day < :day) FROM health_runs WHERE organization_id = :id"),
        {"id": organization_id, "day": day},
    ).one()
    return row[0], row[1]


def _put_run(connection: Connection, organization_id: int, run: HealthRun) -> None:
    connection.execute(
        text(
            f"INSERT INTO health_runs (organization_id, {_RUN}) VALUES (:organization, :day, :judged_at, :is_replayed, "
            ":rules_version, :n_open, :n_won, cast(:not_applied AS jsonb), cast(:record AS jsonb)) "
            "ON CONFLICT (organization_id, day) DO UPDATE SET judged_at = excluded.judged_at, "
            "rules_version = excluded.rules_version, n_open = excluded.n_open, n_won = excluded.n_won, "
            "not_applied = excluded.not_applied, record = excluded.record"
        ),
        {
            "organization": organization_id, "day": run.day, "judged_at": run.judged_at,
            "is_replayed": run.is_replayed, "rules_version": run.rules_version, "n_open": run.n_open,
            "n_won": run.n_won, "not_applied": _json(run.not_applied), "record": _json(run.record),
        },
    )  # fmt: skip


def _note(
    connection: Connection, organization_id: int, deal_id: int, rule: str, *, by: str, action: str,
    after: Mapping[str, object],
) -> None:  # fmt: skip
    audit.record(connection, organization_id, by=by, action=action, subject="flag", subject_id=f"{deal_id} {rule}",
                 before=None, after=after)  # fmt: skip


def _json(values: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
