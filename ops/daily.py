"""What is worked out once a day for every organization, after its syncs of that day.

A work is done once per organization and local day, in a job of its own; one that fails is tried again, one that a
shutdown or a crash interrupts begins anew: each may therefore be repeated for the same day without harm. What became of
each attempt stands in the book of jobs.

A day on which nothing ran is made up for by the next one, whose work covers it; where each day has something of its own
to make, the days missed within CATCH_UP are done after it, the oldest first.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import procrastinate

from ops import jobs
from ops.job_book import Slot, booked
from ops.jobs import Transaction
from ops.services import Services
from snapshots import job_runs
from snapshots.idempotency import claim, was_claimed_before
from snapshots.job_runs import Trigger
from snapshots.organizations import Organization, list_connections, list_organizations
from snapshots.status import newest_runs

TASK: Final = "daily_work"
QUEUE: Final = "daily"
WORKS: Final[dict[str, str]] = {
    "activity_weeks": "ops.activity_weeks:count_daily",
    "anomalies": "ops.detecting:look_weekly",
    "coaching": "ops.coaching_week:write_weekly",
    "forecasts": "ops.forecasting:work",
    "health": "ops.health:judge_daily",
    "retention": "ops.retention:forget_daily",
}
"""Module and function by name: `(services, organization_id, day) -> what became of it`, an `ops.job_book.Done`;
imported when run."""
NEEDS_NO_DATA: Final = frozenset({"retention"})
"""Works that wait neither for data nor for syncs."""
MAKES_ITS_OWN: Final = frozenset({"coaching"})
"""Works whose days are not covered by a later one: the notes of a week are written in the week after it."""
AFTER: Final[Mapping[str, frozenset[str]]] = {"coaching": frozenset({"anomalies", "health"})}
"""Works that tell of what others find on the day come when these have ended, well or not."""
CATCH_UP: Final = timedelta(days=3)
LATE: Final = timedelta(hours=7)
"""After the beginning of a day's slot: until then syncs may take."""
ATTEMPTS: Final = 4
WAIT_S: Final = 300
"""Before a work that failed is tried again; as much longer each time."""


def defer_due_works(services: Services) -> list[tuple[int, str, date]]:
    """Queue the day's works of every organization whose syncs of the day are over; each once per local day."""
    deferred = []
    for organization in list_organizations(services.database):
        key, day = organization.organization_id, jobs.refresh_day(services.now(), organization.zone)
        settled = is_settled(services, organization, day)
        over = ended(services, key, day)
        due = [name for name in WORKS if name in NEEDS_NO_DATA or (settled and AFTER.get(name, frozenset()) <= over)]
        is_late = services.now() - began_at(day, organization) > LATE
        for name in due:
            slots = [Slot(job=name, day=one, trigger="catch-up") for one in _missed(services, key, name, day)]
            slots.append(Slot(job=name, day=day, trigger="catch-up" if is_late else "schedule"))
            deferred += [(key, name, one.day) for one in slots if _claim(services, key, one)]
    return deferred


def began_at(day: date, organization: Organization) -> datetime:
    """When the slot of this day begins; an hour that a clock change leaves out begins when the clock has passed it."""
    return datetime.combine(day, time(jobs.REFRESH_HOUR), organization.zone).astimezone(UTC)


def defer_work(
    connection: Transaction, organization_id: int, name: str, day: date, *, trigger: Trigger = "schedule",
    by: str | None = None, again: bool = False,
) -> bool:  # fmt: skip
    """Queue one work within the caller's transaction. again: also where the day's is done. False where it is waiting
    already."""
    slot = Slot(job=name, day=day, trigger=trigger, by=by, again=again)
    return jobs.put(
        connection, TASK, queue=QUEUE, lock=lock_of(organization_id, name),
        waiting=f"daily:{organization_id}:{name}:{slot.waiting_as}", organization_id=organization_id, name=name,
        day=day.isoformat(), **slot.arguments,
    )  # fmt: skip


def defer_asked(connection: Transaction, organization_id: int, name: str, day: date, *, by: str) -> bool:
    """Queue one work because a person asks for it, also where the day's is done: it may have had too little to go on,
    and more has come since. False where it is waiting already."""
    return defer_work(connection, organization_id, name, day, trigger="person", by=by, again=True)


def lock_of(organization_id: int, name: str) -> str:
    """Of the queue: one run of a work at a time."""
    return f"daily:{organization_id}:{name}"


def run(services: Services, organization_id: int, slot: Slot) -> str:
    """One work of one organization. Returns what became of it, in words."""
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"
    work = _function(slot.job)
    return booked(services, organization_id, slot, lambda: work(services, organization_id, slot.day))


def register(app: procrastinate.App, services: Services) -> None:
    """Adds the task and its schedule to the job queue."""
    retry = procrastinate.RetryStrategy(max_attempts=ATTEMPTS, wait=WAIT_S, linear_wait=WAIT_S)

    @app.task(name=TASK, queue=QUEUE, retry=retry)
    def daily_work(
        *, organization_id: int, name: str, day: str, trigger: Trigger = "schedule", by: str | None = None,
        again: bool = False,
    ) -> str:  # fmt: skip
        slot = Slot(job=name, day=date.fromisoformat(day), trigger=trigger, by=by, again=again)
        return run(services, organization_id, slot)

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="defer_daily_works", queueing_lock="defer_daily_works")
    def daily_tick(timestamp: int) -> str:
        return f"{len(defer_due_works(services))} works of the day deferred"


def is_settled(services: Services, organization: Organization, day: date) -> bool:
    """There are data, and each source that is read daily was read since that morning, whether it went well or not."""
    if not organization.data_version:
        return False
    morning = datetime.combine(day, time(jobs.REFRESH_HOUR), organization.zone)
    newest = newest_runs(services.database, organization.organization_id)
    daily = [one for one in list_connections(services.database, organization.organization_id) if jobs.is_refreshed(one)]
    return all(_is_over(newest.get(one.connection_id), morning) for one in daily)


def ended(services: Services, organization_id: int, day: date) -> frozenset[str]:
    """Works of which this day's slot has ended, well or not."""
    newest = job_runs.latest(services.database, organization_id)
    return frozenset(name for name, one in newest.items() if one.slot >= day and one.outcome in {"done", "failed"})


# --- how --------------------------------------------------------------------------------------------------------------


def _is_over(sync: Any, morning: datetime) -> bool:
    return sync is not None and sync.status != "running" and bool(sync.started_at >= morning)


def _missed(services: Services, organization_id: int, name: str, day: date) -> list[date]:
    """Days within CATCH_UP before this one that nobody took, where somebody took one before them."""
    if name not in MAKES_ITS_OWN:
        return []
    days = [day - timedelta(days=back) for back in range(CATCH_UP.days, 0, -1)]
    with services.database.as_app(organization_id) as connection:
        return [
            one for one in days
            if was_claimed_before(connection, organization_id, scope=f"daily_{name}", key=one.isoformat())
        ]  # fmt: skip


def _claim(services: Services, organization_id: int, slot: Slot) -> bool:
    with services.database.as_app(organization_id) as transaction:
        if not claim(transaction, organization_id, scope=f"daily_{slot.job}", key=slot.day.isoformat()):
            return False
        return defer_work(transaction, organization_id, slot.job, slot.day, trigger=slot.trigger)


def _function(name: str) -> Callable[[Services, int, date], str]:
    module, _, function = WORKS[name].partition(":")
    found: Callable[[Services, int, date], str] = getattr(importlib.import_module(module), function)
    return found
