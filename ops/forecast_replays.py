"""Issued forecasts that are made again because a person asks for it: the worker does it, for a large organization takes
minutes, and what it showed stands in the book of jobs. Nothing of the forecast is changed.

Each forecast is a job of its own there, so that its newest replay is found by its name.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import procrastinate

from ops import jobs
from ops.job_book import Done, Slot, booked
from ops.jobs import Transaction
from ops.services import Services
from snapshots import job_queue, job_runs
from snapshots.database import Database
from snapshots.job_runs import JobRun
from snapshots.organizations import list_organizations

if TYPE_CHECKING:
    from ops.forecasting import Replayed

TASK: Final = "replay_forecast"
QUEUE: Final = "forecast"
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def defer(connection: Transaction, organization_id: int, run_id: int, made_on: date, *, by: str) -> bool:
    """Queue the replay of a forecast within the caller's transaction. False where it is waiting already."""
    name = lock_of(organization_id, run_id)
    return jobs.put(connection, TASK, queue=QUEUE, lock=name, waiting=name, organization_id=organization_id,
                    run_id=run_id, day=made_on.isoformat(), by=by)  # fmt: skip


def lock_of(organization_id: int, run_id: int) -> str:
    """Of the queue: one replay of a forecast at a time."""
    return f"forecast_replay:{organization_id}:{run_id}"


def job_of(run_id: int) -> str:
    """What the replay of a forecast is called in the book of jobs."""
    return f"forecast-replay-{run_id}"


def is_waiting(database: Database, organization_id: int, run_id: int) -> bool:
    """Whether a worker is at it, or takes it as soon as one is free."""
    lock = lock_of(organization_id, run_id)
    return any(one.lock == lock for one in job_queue.waiting(database, organization_id))


def newest(database: Database, organization_id: int, run_id: int) -> JobRun | None:
    """The newest replay: `said` in words, `n_rows` how many numbers differ; n_rows None: it could not be made again.
    None: nobody asked for one."""
    found = job_runs.history(database, organization_id, job_of(run_id), since=_EVER)
    return found[0] if found else None


def register(app: procrastinate.App, services: Services) -> None:
    """Adds the task to the job queue. It is not tried again: whoever asked sees that it failed, and asks again."""

    @app.task(name=TASK, queue=QUEUE)
    def replay_forecast(*, organization_id: int, run_id: int, day: str, by: str) -> str:
        return run(services, organization_id, run_id, date.fromisoformat(day), by=by)


def run(services: Services, organization_id: int, run_id: int, made_on: date, *, by: str) -> str:
    """Returns what it showed, in words."""
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"
    slot = Slot(job=job_of(run_id), day=made_on, trigger="person", by=by, again=True)
    return booked(services, organization_id, slot, lambda: _replayed(services, organization_id, run_id))


def _replayed(services: Services, organization_id: int, run_id: int) -> Done:
    from insights.forecasting.members import CannotForecast
    from ops.forecasting import replay

    try:
        found = replay(services, organization_id, run_id)
    except (LookupError, CannotForecast) as why:
        return Done(str(why))
    return Done(in_words(found), n_rows=len(found.differences))


def in_words(found: Replayed) -> str:
    """Without amounts: whoever sees one node of the forecast may read it."""
    if found.is_same:
        said = f"The same number: all {found.n_numbers:,} came out as they were issued."
    else:
        kinds = ", ".join(sorted({one.node_kind for one in found.differences}))
        columns = ", ".join(sorted({one.column for one in found.differences}))
        said = f"{len(found.differences):,} of {found.n_numbers:,} numbers differ ({columns} of {kinds})."
    if not found.facts_read_the_same:
        said += " Read today, the facts of then are joined or called otherwise: something was merged or renamed since."
    return said
