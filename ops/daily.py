"""What is worked out once a day for every organization, after its syncs of that day.

A work is done once per organization and local day, in a job of its own; one that fails is tried again, one that a
shutdown or a crash interrupts begins anew: each may therefore be repeated for the same day without harm.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Final

import procrastinate

from ops import jobs
from ops.jobs import Transaction
from ops.services import Services
from snapshots.idempotency import claim
from snapshots.organizations import Organization, list_connections, list_organizations
from snapshots.status import list_runs

TASK: Final = "daily_work"
QUEUE: Final = "daily"
WORKS: Final[dict[str, str]] = {
    "activity_weeks": "ops.activity_weeks:count_daily",
    "anomalies": "ops.detecting:look_weekly",
    "coaching": "ops.coaching_week:write_weekly",
    "forecasts": "ops.forecasting:work",
    "health": "ops.health:judge_daily",
}
"""Module and function by name: `(services, organization_id, day) -> what became of it, in words`; imported when run."""
ATTEMPTS: Final = 4
WAIT_S: Final = 300
"""Before a work that failed is tried again; as much longer each time."""


def defer_due_works(services: Services) -> list[tuple[int, str, date]]:
    """Queue the day's works of every organization whose syncs of the day are over; each once per local day."""
    deferred = []
    for organization in list_organizations(services.database):
        day = jobs.refresh_day(services.now(), organization.zone)
        if is_settled(services, organization, day):
            key = organization.organization_id
            deferred += [(key, name, day) for name in WORKS if _claim(services, key, name, day)]
    return deferred


def defer_work(connection: Transaction, organization_id: int, name: str, day: date) -> bool:
    """Queue one work within the caller's transaction. False where it is waiting already."""
    return jobs.put(
        connection, TASK, queue=QUEUE, lock=f"daily:{organization_id}:{name}",
        waiting=f"daily:{organization_id}:{name}:{day.isoformat()}", organization_id=organization_id, name=name,
        day=day.isoformat(),
    )  # fmt: skip


def run(services: Services, organization_id: int, name: str, day: date) -> str:
    """One work of one organization. Returns what became of it, in words."""
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"
    return _function(name)(services, organization_id, day)


def register(app: procrastinate.App, services: Services) -> None:
    """Adds the task and its schedule to the job queue."""
    retry = procrastinate.RetryStrategy(max_attempts=ATTEMPTS, wait=WAIT_S, linear_wait=WAIT_S)

    @app.task(name=TASK, queue=QUEUE, retry=retry)
    def daily_work(*, organization_id: int, name: str, day: str) -> str:
        return run(services, organization_id, name, date.fromisoformat(day))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="defer_daily_works", queueing_lock="defer_daily_works")
    def daily_tick(timestamp: int) -> str:
        return f"{len(defer_due_works(services))} works of the day deferred"


def is_settled(services: Services, organization: Organization, day: date) -> bool:
    """There are data, and each source that is read daily was read since that morning, whether it went well or not."""
    if not organization.data_version:
        return False
    morning = datetime.combine(day, time(jobs.REFRESH_HOUR), organization.zone)
    newest: dict[int, Any] = {}
    for one in list_runs(services.database, organization.organization_id):
        newest.setdefault(one.connection_id, one)
    daily = [one for one in list_connections(services.database, organization.organization_id) if jobs.is_refreshed(one)]
    return all(_is_over(newest.get(one.connection_id), morning) for one in daily)


# --- how --------------------------------------------------------------------------------------------------------------


def _is_over(sync: Any, morning: datetime) -> bool:
    return sync is not None and sync.status != "running" and bool(sync.started_at >= morning)


def _claim(services: Services, organization_id: int, name: str, day: date) -> bool:
    with services.database.as_app(organization_id) as transaction:
        if not claim(transaction, organization_id, scope=f"daily_{name}", key=day.isoformat()):
            return False
        return defer_work(transaction, organization_id, name, day)


def _function(name: str) -> Callable[[Services, int, date], str]:
    module, _, function = WORKS[name].partition(":")
    found: Callable[[Services, int, date], str] = getattr(importlib.import_module(module), function)
    return found
