"""Which jobs an organization has, when the slot of each begins where the organization is, and how each stands.

A slot is a day of the organization: of a daily job each day, of a weekly one its weekday. What a source's syncs did is
read from their own log; what the others did, from the book of jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from ops import daily, jobs, report_digest, score_jobs
from ops.job_book import Slot
from ops.services import Services
from snapshots import job_queue, job_runs, report_archive, status
from snapshots.job_queue import Waiting
from snapshots.job_runs import JobRun, Outcome
from snapshots.organizations import CrmConnection, Organization, get_organization, list_connections
from snapshots.status import Run

SYNC: Final = "sync"
_DAILY: Final = "Every day from {hour}, after the day’s syncs"
_NO_SIGN: Final = timedelta(minutes=2)
"""A sync without a sign of life for this long was killed."""
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_COUNTS: Final[Mapping[str, tuple[str, str]]] = {
    "scores_lead": ("score", "scores"), "scores_deal": ("score", "scores"), "health": ("new flag", "new flags"),
    "anomalies": ("alarm", "alarms"), "forecasts": ("grade or forecast", "grades and forecasts"),
    "activity_weeks": ("week of a salesperson", "weeks of salespeople"), "coaching": ("note", "notes"),
    "retention": ("deleted row", "deleted rows"), report_digest.JOB: ("report", "reports"),
}  # fmt: skip
"""What the number of rows of a run counts, one and many; a sync counts rows that it read."""
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "scores_lead": ("Score leads", "Trains the model where it is due, grades old scores, scores every open lead"),
    "scores_deal": ("Score deals", "The same for open deals"),
    "health": ("Flag deals", "Flags open deals that are in trouble, and counts which flags came true"),
    "anomalies": ("Detect anomalies", "Looks once a week for people, forms and sources out of the ordinary"),
    "forecasts": ("Forecast", "Grades what came; issues the forecast of a week or month that has none"),
    "activity_weeks": ("Activity quality", "Counts what each salesperson did in the weeks that are over"),
    "coaching": ("Coaching notes", "Finds the facts of the last week, once a week, and has the notes written"),
    "retention": ("Retention", "Deletes what is over its period"),
}
"""Of the daily jobs, in the order of the page."""


class State(StrEnum):
    FINE = "fine"
    RUNNING = "running"
    WAITING = "waiting"
    LATE = "late"
    FAILED = "failed"
    NEVER = "never ran"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """schedule: in words, in the organization's time zone. slot: the newest that has begun, and began_at when; None:
    there is none. next_at: of the one after it; None: it is off. makes_its_own: each slot has something of its own to
    make, which a later one does not. lock: of the queue. scheduled_since: no slot before it was due; None: always."""

    key: str
    title: str
    does: str
    schedule: str
    slot: date | None
    began_at: datetime | None
    next_at: datetime | None
    makes_its_own: bool
    lock: str
    connection_id: int | None = None
    every_days: int = 1
    scheduled_since: datetime | None = None

    @property
    def counts(self) -> tuple[str, str]:
        """What the number of rows of its runs counts, one and many."""
        return _COUNTS.get(self.key, ("row", "rows"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a job stands. last: its newest run. is_slot_done: nothing is to be done until the next one. why: of the
    state, in a sentence; empty where it says all."""

    job: Job
    state: State
    last: JobRun | None
    is_slot_done: bool
    why: str = ""

    @property
    def is_busy(self) -> bool:
        return self.state in {State.RUNNING, State.WAITING}


def jobs_of(services: Services, organization: Organization) -> list[Job]:
    """Those that the organization has: one per source that is read daily, the works of the day, the weekly reports."""
    now = services.now()
    connections = list_connections(services.database, organization.organization_id)
    syncs = [_sync(one, organization, now) for one in connections if jobs.is_refreshed(one)]
    works = [_work(name, organization, now) for name in _TITLES]
    return [*syncs, *works[:-1], _reports(services, organization, now), works[-1]]


def standings(services: Services, organization_id: int) -> list[Standing]:
    """How each job of the organization stands now."""
    organization = get_organization(services.database, organization_id)
    database, now = services.database, services.now()
    last, done = job_runs.latest(database, organization_id), job_runs.done_slots(database, organization_id)
    for connection_id, run in status.newest_runs(database, organization_id).items():
        one = of_sync(run, organization.zone, now)
        last[one.job] = one
        if one.outcome == "done":
            done[f"{SYNC}-{connection_id}"] = one.slot
    queue = job_queue.waiting(database, organization_id)
    settled = organization.data_version > 0 and daily.is_settled(
        services, organization, jobs.refresh_day(now, organization.zone)
    )
    return [
        _standing(one, last.get(one.key), done.get(one.key), queue, organization, now=now, is_settled=settled)
        for one in jobs_of(services, organization)
    ]


def history(services: Services, organization: Organization, job: Job) -> list[JobRun]:
    """Runs of the last days that are shown, the newest first."""
    now = services.now()
    since = now - job_runs.SHOWN
    if job.connection_id is None:
        return job_runs.history(services.database, organization.organization_id, job.key, since=since)
    found = status.runs_since(services.database, organization.organization_id, job.connection_id, since=since)
    return [of_sync(one, organization.zone, now) for one in found]


def missed(job: Job, runs: Sequence[JobRun]) -> list[date]:
    """Slots without any run between the first run that is shown and the newest slot, the newest first; none of before
    the schedule was what it is."""
    if job.slot is None or not runs:
        return []
    seen, first = {one.slot for one in runs}, min(one.slot for one in runs)
    step = timedelta(days=job.every_days)
    days = [job.slot - step * back for back in range(1, job_runs.SHOWN.days // job.every_days)]
    return [one for one in days if one > first and one not in seen and _was_due(job, one)]


def _was_due(job: Job, slot: date) -> bool:
    if job.scheduled_since is None or job.began_at is None:
        return True
    return datetime.combine(slot, job.began_at.timetz()).astimezone(UTC) >= job.scheduled_since


def of_sync(run: Run, zone: ZoneInfo, now: datetime) -> JobRun:
    """A source's sync as a run of its job. n_rows: how many were fetched."""
    outcome = _OUTCOMES.get(run.status, "interrupted")
    if outcome == "running" and now - run.heartbeat_at > _NO_SIGN:
        outcome = "interrupted"
    ended_at = run.finished_at or (run.heartbeat_at if outcome != "running" else None)
    said = f"{run.rejected:,} rejected" if run.rejected else None
    error = run.error_message or ("The log has the details." if outcome == "failed" else None)
    return JobRun(
        run_id=run.run_id, job=f"{SYNC}-{run.connection_id}", slot=jobs.refresh_day(run.started_at, zone), attempt=1,
        trigger="schedule" if run.trigger in {"daily", "retry", "resume"} else "person", asked_by=None,
        started_at=run.started_at, ended_at=ended_at, outcome=outcome, n_rows=run.fetched, said=said, error=error,
        error_id=run.error_id,
    )  # fmt: skip


_OUTCOMES: Final[Mapping[str, Outcome]] = {"running": "running", "succeeded": "done", "failed": "failed"}


# --- which ------------------------------------------------------------------------------------------------------------


def _sync(connection: CrmConnection, organization: Organization, now: datetime) -> Job:
    slot, began, following = _daily_slot(organization, now)
    return Job(
        key=f"{SYNC}-{connection.connection_id}", title=f"Read {connection.name}",
        does="Fetches what changed in the source and keeps it as a snapshot",
        schedule=f"Every day at {jobs.REFRESH_HOUR:02d}:00", slot=slot, began_at=began, next_at=following,
        makes_its_own=False, lock=jobs.lock_of(organization.organization_id, connection.connection_id),
        connection_id=connection.connection_id,
    )  # fmt: skip


def _work(name: str, organization: Organization, now: datetime) -> Job:
    (title, does), (slot, began, following) = _TITLES[name], _daily_slot(organization, now)
    key = organization.organization_id
    subject = name.removeprefix("scores_")
    hour = f"{jobs.REFRESH_HOUR:02d}:00"
    return Job(
        key=name, title=title, does=does,
        schedule=f"Every day at {hour}" if name in daily.NEEDS_NO_DATA else _DAILY.format(hour=hour),
        slot=slot, began_at=began, next_at=following, makes_its_own=name in daily.MAKES_ITS_OWN,
        lock=daily.lock_of(key, name) if subject == name else score_jobs.lock_of(key, subject),
    )  # fmt: skip


def _daily_slot(organization: Organization, now: datetime) -> tuple[date, datetime, datetime]:
    """The newest day whose slot has begun, when it did, and when the next one does."""
    day = jobs.refresh_day(now, organization.zone)
    return day, daily.began_at(day, organization), daily.began_at(day + timedelta(days=1), organization)


def _reports(services: Services, organization: Organization, now: datetime) -> Job:
    key, zone = organization.organization_id, organization.zone
    found = report_archive.schedule_of(services.database, key)
    slot = began = following = None
    words = "Off: nobody chose when, on the page Reports"
    if found is not None and found.is_on:
        newest = report_digest.newest_slot(now, zone, found.weekday, found.hour)
        following = report_digest.next_slot(now, zone, found.weekday, found.hour)
        if newest.astimezone(UTC) >= found.changed_at:
            slot, began = newest.date(), newest
        words = f"{WEEKDAYS[found.weekday]}s at {found.hour:02d}:00, after the day’s syncs"
    return Job(
        key=report_digest.JOB, title="Weekly reports", does="Makes the reports of the last week and hands them over",
        schedule=words, slot=slot, began_at=began, next_at=following, makes_its_own=True,
        lock=report_digest.lock_of(key), every_days=7, scheduled_since=None if found is None else found.changed_at,
    )  # fmt: skip


# --- how they stand ---------------------------------------------------------------------------------------------------


def _standing(
    job: Job, last: JobRun | None, done: date | None, queue: Sequence[Waiting], organization: Organization, *,
    now: datetime, is_settled: bool,
) -> Standing:  # fmt: skip
    state, why = _state(job, last, done, [one for one in queue if one.lock == job.lock], organization, now, is_settled)
    is_done = done is not None and (job.slot is None or done >= job.slot)
    return Standing(job=job, state=state, last=last, is_slot_done=is_done, why=why)


def _state(  # noqa: PLR0911  # one case per state
    job: Job, last: JobRun | None, done: date | None, queue: Sequence[Waiting], organization: Organization,
    now: datetime, is_settled: bool,
) -> tuple[State, str]:  # fmt: skip
    if last is not None and last.outcome == "running" and (any(one.is_running for one in queue) or job.connection_id):
        return State.RUNNING, ""
    later = min((one.not_before for one in queue if one.not_before is not None and one.not_before > now), default=None)
    again = f"Tried again at {later.astimezone(organization.zone):%H:%M}" if later is not None else ""
    if any(not one.is_running and not one.rests(now) for one in queue):
        return State.WAITING, "A worker begins with it as soon as one is free"
    if last is not None and last.outcome == "failed":
        return State.FAILED, again
    if last is not None and last.outcome in {"interrupted", "running"}:
        return State.LATE, again or last.said or "It broke off; it is taken up again by a worker"
    if job.slot is None:
        return (State.OFF, "") if job.next_at is None else (State.FINE if last else State.NEVER, "")
    waits = job.key not in daily.NEEDS_NO_DATA and job.connection_id is None and not is_settled
    if done is not None and done >= job.slot:
        return State.FINE, ""
    why = _waits_for(organization) if waits else ""
    is_late = job.began_at is not None and now - job.began_at > daily.LATE
    is_late |= done is not None and done < job.slot - timedelta(days=job.every_days)  # the one before was missed, too
    if last is None:
        return State.NEVER, why or "No worker has taken its first slot yet"
    return (State.LATE, why or "No worker took its slot") if is_late else (State.FINE, why)


def _waits_for(organization: Organization) -> str:
    return "It waits for the day’s syncs" if organization.data_version else "It waits for the first data"


# --- by hand ----------------------------------------------------------------------------------------------------------


def defer(services: Services, organization_id: int, job: Job, slot: date, *, by: str, again: bool) -> bool:
    """Queue a job for one of its slots because a person asks for it. again: also where the slot is done. False where
    it is waiting already."""
    with services.database.as_app(organization_id) as transaction:
        if job.connection_id is not None:
            return jobs.defer_sync(transaction, organization_id, job.connection_id, trigger="workbench")
        if job.key == report_digest.JOB:
            asked = Slot(job=job.key, day=slot, trigger="person", by=by, again=again)
            return report_digest.defer(transaction, organization_id, asked)
        if job.key == score_jobs.job_of("lead"):
            return score_jobs.defer_refresh(transaction, organization_id, "lead", slot, by=by, again=again)
        if job.key == score_jobs.job_of("deal"):
            return score_jobs.defer_refresh(transaction, organization_id, "deal", slot, by=by, again=again)
        return daily.defer_work(transaction, organization_id, job.key, slot, trigger="person", by=by, again=again)
