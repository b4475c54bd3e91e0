"""Training and scoring while they run: how far they are, whether they live, and the wish that they stop.

Of each subject and kind one runs at a time. One without a sign of life was killed, and makes way for the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, text

from snapshots.database import Database

NO_SIGN: Final = timedelta(minutes=10)
"""Without a sign of life for so long a run was killed."""
KILLED: Final = "It was stopped from outside before it was done."
Kind = Literal["train", "score"]
Ending = Literal["done", "failed", "stopped"]


class AlreadyRunning(RuntimeError):
    """Another run does the same; wait for it, or ask it to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRun:
    """n_total: None: not known yet. message: what it is doing, or how it ended."""

    run_id: int
    subject: str
    kind: str
    state: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    n_done: int
    n_total: int | None
    message: str | None
    stop_asked: bool
    started_by: str

    def was_killed(self, now: datetime) -> bool:
        return self.state == "running" and now - self.heartbeat_at > NO_SIGN


def begin(database: Database, organization_id: int, subject: str, kind: Kind, *, by: str, now: datetime) -> ScoringRun:
    """A new run. Raises AlreadyRunning."""
    with database.as_app(organization_id) as connection:
        known = {"organization": organization_id, "subject": subject, "kind": kind, "now": now}
        connection.execute(_BURY, known | {"last_sign": now - NO_SIGN, "killed": KILLED})
        made = connection.execute(
            text(
                "INSERT INTO scoring_runs "
                "(organization_id, subject, kind, state, started_at, heartbeat_at, started_by) "
                "VALUES (:organization, :subject, :kind, 'running', :now, :now, :by) ON CONFLICT DO NOTHING "
                "RETURNING run_id"
            ),
            known | {"by": by},
        ).scalar_one_or_none()
        if made is None:
            raise AlreadyRunning(f"{subject.title()}s are being {_DOING[kind]} already.")
        return _where(connection, organization_id, "run_id = :run_id", run_id=made)[0]


def advance(
    database: Database, organization_id: int, run_id: int, *, now: datetime, n_done: int | None = None,
    n_total: int | None = None, message: str | None = None,
) -> bool:  # fmt: skip
    """A sign of life, and how far it is; what is None stays. True: stop, somebody asked for it, or it is over."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "UPDATE scoring_runs SET heartbeat_at = :now, n_done = coalesce(:n_done, n_done), "
                "n_total = coalesce(:n_total, n_total), message = coalesce(:message, message) "
                "WHERE organization_id = :organization AND run_id = :run AND state = 'running' RETURNING stop_asked"
            ),
            {
                "organization": organization_id, "run": run_id, "now": now, "n_done": n_done, "n_total": n_total,
                "message": message,
            },
        ).one_or_none()  # fmt: skip
    return row is None or bool(row.stop_asked)


def finish(
    database: Database, organization_id: int, run_id: int, *, state: Ending, now: datetime, message: str | None = None
) -> None:
    """How it ended; one that is over already stays as it is."""
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "UPDATE scoring_runs SET state = :state, finished_at = :now, heartbeat_at = :now, message = :message "
                "WHERE organization_id = :organization AND run_id = :run AND state = 'running'"
            ),
            {"organization": organization_id, "run": run_id, "state": state, "now": now, "message": message},
        )


def ask_to_stop(database: Database, organization_id: int, run_id: int) -> bool:
    """It stops at its next sign of life. False where it is over already."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text(
                "UPDATE scoring_runs SET stop_asked = true "
                "WHERE organization_id = :organization AND run_id = :run AND state = 'running'"
            ),
            {"organization": organization_id, "run": run_id},
        )
        return bool(done.rowcount)


def latest(database: Database, organization_id: int, subject: str, kind: Kind) -> ScoringRun | None:
    """The one that was begun last; None: there was none."""
    with database.as_app(organization_id) as connection:
        found = _where(
            connection, organization_id, "subject = :subject AND kind = :kind ORDER BY run_id DESC LIMIT 1",
            subject=subject, kind=kind,
        )  # fmt: skip
    return found[0] if found else None


def running(database: Database, organization_id: int, *, now: datetime) -> list[ScoringRun]:
    """Those that run, the oldest first; killed ones are left out."""
    with database.as_app(organization_id) as connection:
        found = _where(connection, organization_id, "state = 'running' ORDER BY run_id")
    return [run for run in found if not run.was_killed(now)]


# --- how --------------------------------------------------------------------------------------------------------------

_DOING: Final = {"train": "learned from", "score": "scored"}
_BURY = text(
    "UPDATE scoring_runs SET state = 'failed', finished_at = :now, message = :killed "
    "WHERE organization_id = :organization AND subject = :subject AND kind = :kind AND state = 'running' "
    "AND heartbeat_at < :last_sign"
)


def _where(connection: Connection, organization_id: int, condition: str, **known: object) -> list[ScoringRun]:
    rows = connection.execute(
        text(
            "SELECT run_id, subject, kind, state, started_at, heartbeat_at, finished_at, n_done, n_total, message, "
            f"stop_asked, started_by FROM scoring_runs WHERE organization_id = :organization AND {condition}"
        ),
        {"organization": organization_id, **known},
    )
    return [ScoringRun(**row) for row in rows.mappings()]
