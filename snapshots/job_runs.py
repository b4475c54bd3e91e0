"""What became of each job of an organization: a row per attempt at a slot, the organization's day that it is done for.

A job runs once at a time, which the queue's lock sees to: who begins finds no other alive, so what is still said to run
died with its process. It cannot end any more: its row is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import text

from snapshots.database import Database
from snapshots.storable import storable

Trigger = Literal["schedule", "catch-up", "person"]
Outcome = Literal["running", "done", "failed", "interrupted"]
SHOWN: Final = timedelta(days=90)
"""So far back a history goes."""
MOST: Final = 5_000
"""Rows of a history at once: ten jobs with five attempts each day."""
_DIED: Final = "Its process ended before the work was over."


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One attempt. ended_at None: it runs. n_rows None: it counts no rows. asked_by None: nobody did."""

    run_id: int
    job: str
    slot: date
    attempt: int
    trigger: Trigger
    asked_by: str | None
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    n_rows: int | None
    said: str | None
    error: str | None
    error_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """error: without secrets; error_id: as the log names it."""

    outcome: Outcome
    said: str | None = None
    n_rows: int | None = None
    error: str | None = None
    error_id: str | None = None


_ALL: Final = (
    "run_id, job, slot, attempt, trigger, asked_by, started_at, ended_at, outcome, n_rows, said, error, error_id"
)


def begin(
    database: Database, organization_id: int, job: str, slot: date, *, trigger: Trigger, by: str | None, again: bool,
    now: datetime,
) -> int | None:  # fmt: skip
    """The run_id of a new attempt. None: the slot is done, and nobody asked for it to be done again."""
    known = {
        "organization": organization_id, "job": job, "slot": slot, "trigger": trigger, "by": storable(by), "now": now,
        "again": again, "died": _DIED,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(_BURY, known)
        row = connection.execute(_BEGIN, known).one_or_none()
    return None if row is None else int(row[0])


def end(database: Database, organization_id: int, run_id: int, ending: Ending, *, now: datetime) -> bool:
    """False where it is over already: another one took its place, and what that one says counts."""
    known = {
        "organization": organization_id, "run": run_id, "outcome": ending.outcome, "rows": ending.n_rows,
        "said": storable(ending.said), "error": storable(ending.error), "error_id": ending.error_id, "now": now,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        return connection.execute(_END, known).rowcount == 1


def latest(database: Database, organization_id: int) -> dict[str, JobRun]:
    """The newest run of each job, by job."""
    query = (
        f"SELECT DISTINCT ON (job) {_ALL} FROM job_runs WHERE organization_id = :organization "
        "ORDER BY job, started_at DESC, run_id DESC"
    )
    return {one.job: one for one in _rows(database, organization_id, query)}


def done_slots(database: Database, organization_id: int) -> dict[str, date]:
    """The newest slot of each job that is done."""
    query = text(
        "SELECT job, max(slot) FROM job_runs WHERE organization_id = :organization AND outcome = 'done' GROUP BY 1"
    )
    with database.as_app(organization_id) as connection:
        return {row[0]: row[1] for row in connection.execute(query, {"organization": organization_id})}


def history(database: Database, organization_id: int, job: str, *, since: datetime) -> list[JobRun]:
    """Of one job, the newest first; at most `MOST`."""
    query = (
        f"SELECT {_ALL} FROM job_runs WHERE organization_id = :organization AND job = :job AND started_at >= :since "
        f"ORDER BY started_at DESC, run_id DESC LIMIT {MOST}"
    )
    return _rows(database, organization_id, query, job=job, since=since)


def _rows(database: Database, organization_id: int, query: str, **known: object) -> list[JobRun]:
    with database.as_app(organization_id) as connection:
        found = connection.execute(text(query), {"organization": organization_id, **known}).mappings()
        return [JobRun(**row) for row in found]


_BURY: Final = text(
    "UPDATE job_runs SET outcome = 'interrupted', ended_at = :now, said = :died "
    "WHERE organization_id = :organization AND job = :job AND outcome = 'running'"
)
_BEGIN: Final = text(
    "INSERT INTO job_runs (organization_id, job, slot, attempt, trigger, asked_by, started_at, outcome) "
    "SELECT :organization, :job, cast(:slot AS date), coalesce(max(attempt), 0) + 1, :trigger, :by, :now, 'running' "
    "FROM job_runs WHERE organization_id = :organization AND job = :job AND slot = :slot "
    "HAVING :again OR count(*) FILTER (WHERE outcome = 'done') = 0 RETURNING run_id"
)
_END: Final = text(
    "UPDATE job_runs SET outcome = :outcome, ended_at = :now, n_rows = :rows, said = :said, error = :error, "
    "error_id = :error_id WHERE organization_id = :organization AND run_id = :run AND outcome = 'running'"
)
