"""The weekly digest: when it is due where the organization is, and its reports made, kept and put into the outbox.

A week's digest is claimed once, whatever crashes, however many schedulers run, and whether a clock change skips or
repeats the hour: the claim names the week. One that was missed is made up for within CATCH_UP, and never for a time
before the schedule was switched on.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import procrastinate
import structlog

from insights.report import html, pdf, plain
from insights.report.document import Week
from ops import daily, jobs, report_everybody, report_sending, reports
from ops.job_book import Done, Slot, booked
from ops.reports import NoSuchReader, Whose
from ops.services import Services
from snapshots import audit, report_archive, report_outbox
from snapshots import report_everybody as own_reports
from snapshots.idempotency import claim
from snapshots.job_runs import Trigger
from snapshots.organizations import Organization, get_organization, list_organizations
from snapshots.report_archive import Kept, Readership, Schedule

TASK: Final = "weekly_reports"
QUEUE: Final = "reports"
JOB: Final = "weekly_reports"
CATCH_UP: Final = timedelta(days=3)
"""A slot that was missed for longer, because nothing ran, is left out."""
MOST_WAIT: Final = timedelta(hours=6)
"""So long after its slot a digest waits for the day's syncs; then it is made from what is there."""
ATTEMPTS: Final = 4
WAIT_S: Final = 300
LOG = structlog.get_logger()


def newest_slot(now: datetime, zone: ZoneInfo, weekday: int, hour: int) -> datetime:
    """The last one that has begun. An hour that a clock change leaves out begins when the clock has passed it; one that
    comes twice begins the first time."""
    day = now.astimezone(zone).date()
    day -= timedelta(days=(day.weekday() - weekday) % 7)
    slot = datetime.combine(day, time(hour), zone)
    return slot if _instant(slot) <= now else datetime.combine(day - timedelta(days=7), time(hour), zone)


def next_slot(now: datetime, zone: ZoneInfo, weekday: int, hour: int) -> datetime:
    """The first one that has not begun."""
    newest = newest_slot(now, zone, weekday, hour)
    return datetime.combine(newest.date() + timedelta(days=7), time(hour), zone)


def _instant(slot: datetime) -> datetime:
    """In UTC: two times of one zone are compared by what the clock shows, which says nothing on the days it changes."""
    return slot.astimezone(ZoneInfo("UTC"))


def due_week(now: datetime, zone: ZoneInfo, schedule: Schedule) -> Week | None:
    """The week whose digest is due now: the last one that was over when the slot began."""
    slot = newest_slot(now, zone, schedule.weekday, schedule.hour)
    began = _instant(slot)
    if not schedule.is_on or began < schedule.changed_at or now - began > CATCH_UP:
        return None
    return Week.of(slot.date()).before


def defer_due_digests(services: Services) -> list[tuple[int, Week]]:
    """Queue the digest of every organization whose slot has begun; each week once."""
    deferred = []
    for organization in list_organizations(services.database):
        week = _due(services, organization)
        if week is not None and _claim(services, organization.organization_id, week):
            deferred.append((organization.organization_id, week))
    return deferred


def _due(services: Services, organization: Organization) -> Week | None:
    schedule = report_archive.schedule_of(services.database, organization.organization_id)
    if schedule is None or not organization.data_version:
        return None
    now, zone = services.now(), organization.zone
    week = due_week(now, zone, schedule)
    waited = now - _instant(newest_slot(now, zone, schedule.weekday, schedule.hour))
    if week is None or waited > MOST_WAIT:
        return week
    return week if daily.is_settled(services, organization, jobs.refresh_day(now, zone)) else None


def _claim(services: Services, organization_id: int, week: Week) -> bool:
    with services.database.as_app(organization_id) as transaction:
        if not claim(transaction, organization_id, scope="weekly_reports", key=week.name):
            return False
        return defer(transaction, organization_id, slot_of(services, organization_id, week))


def slot_of(services: Services, organization_id: int, week: Week) -> Slot:
    """Of the digest of a week, as the schedule has it: on the day of the week after."""
    schedule = report_archive.schedule_of(services.database, organization_id)
    now, zone = services.now(), get_organization(services.database, organization_id).zone
    day = week.last + timedelta(days=1 + (schedule.weekday if schedule is not None else 0))
    began = datetime.combine(day, time(schedule.hour if schedule is not None else 0), zone)
    trigger: Trigger = "catch-up" if now - _instant(began) > daily.LATE else "schedule"
    return Slot(job=JOB, day=day, trigger=trigger)


def defer(connection: jobs.Transaction, organization_id: int, slot: Slot) -> bool:
    """Queue the digest of the week before the slot within the caller's transaction. False where the same waits
    already."""
    week = Week.of(slot.day).before
    return jobs.put(
        connection, TASK, queue=QUEUE, lock=lock_of(organization_id),
        waiting=f"reports:{organization_id}:{slot.waiting_as}", organization_id=organization_id,
        week=week.first.isoformat(), day=slot.day.isoformat(), **slot.arguments,
    )  # fmt: skip


def lock_of(organization_id: int) -> str:
    """Of the queue: one digest at a time."""
    return f"reports:{organization_id}"


# --- a digest ---------------------------------------------------------------------------------------------------------


def run(services: Services, organization_id: int, slot: Slot) -> str:
    """The digest of the week before the slot, written into the book of jobs. Returns what became of it, in words."""
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"
    week = Week.of(slot.day).before
    return booked(services, organization_id, slot, lambda: make_digest(services, organization_id, week))


def make_digest(services: Services, organization_id: int, week: Week) -> Done:
    """Make and keep every report that somebody gets, and have it sent; what was made or sent already stays. Returns
    what became of it, in words; n_rows: reports."""
    keep_own(services, organization_id, week, by=audit.PROGRAM)
    recipients = report_archive.list_recipients(services.database, organization_id)
    made, told, missing = 0, 0, 0
    for readership in report_archive.readerships(recipients):
        try:
            report_id = make(services, organization_id, readership, week)
        except NoSuchReader:
            missing += 1
            LOG.warning("nobody to make a report for", organization_id=organization_id, owner_id=readership.owner_id)
            continue
        mine = [one for one in report_archive.getting(recipients) if one.readership == readership]
        told += report_outbox.enqueue(services.database, organization_id, report_id, mine, at=services.now())
        made += 1
    left_out = f", {missing} left out: nobody has their id" if missing else ""
    return Done(f"{made} reports, {told} messages{left_out}", made)


def keep_own(services: Services, organization_id: int, week: Week, *, by: str) -> None:
    """Put everybody on the list where they are to get their own, and take off who is not any more. by: of the audit
    log."""
    schedule = report_archive.schedule_of(services.database, organization_id)
    is_wanted = schedule is not None and schedule.to_everybody
    own = report_everybody.everybody(services, organization_id, week).own if is_wanted else []
    own_reports.keep_own(services.database, organization_id, own, by=by)


def make(services: Services, organization_id: int, readership: Readership, week: Week) -> int:
    """The report_id of this reader and week; it is made where there is none. Raises as `ops.reports.weekly`."""
    found = report_archive.find(services.database, organization_id, readership, week.first)
    if found is not None:
        return found
    whose = Whose(readership.audience, readership.owner_id or None)
    document = reports.weekly(services, organization_id, whose, week)
    kept = Kept(
        readership=readership, week=week.first, made_at=document.made_at, whose=document.whose,
        summary=plain.summary(document), plain=plain.text(document), html=html.html(document), pdf=pdf.pdf(document),
    )  # fmt: skip
    return report_archive.keep(services.database, organization_id, kept)


def register(app: procrastinate.App, services: Services) -> None:
    """Adds the tasks and their schedule to the job queue."""
    retry = procrastinate.RetryStrategy(max_attempts=ATTEMPTS, wait=WAIT_S, linear_wait=WAIT_S)

    @app.task(name=TASK, queue=QUEUE, retry=retry)
    def weekly_reports(
        *, organization_id: int, week: str, day: str | None = None, trigger: Trigger = "schedule",
        by: str | None = None, again: bool = False,
    ) -> str:  # fmt: skip
        asked = Week(date.fromisoformat(week))
        slot_day = date.fromisoformat(day) if day is not None else asked.last + timedelta(days=1)
        return run(services, organization_id, Slot(job=JOB, day=slot_day, trigger=trigger, by=by, again=again))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="defer_weekly_reports", queueing_lock="defer_weekly_reports")
    def digest_tick(timestamp: int) -> str:
        return f"{len(defer_due_digests(services))} digests deferred"

    @app.periodic(cron="* * * * *")
    @app.task(name="send_reports", queueing_lock="send_reports")
    def sending_tick(timestamp: int) -> str:
        return f"{report_sending.send_due(services)} messages with reports tried"
