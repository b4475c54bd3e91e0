"""Which jobs an organization has, when their slots are where it is, and how they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from made_daily import MORNING, has_data, read_daily, services_of, work_off

from ops import daily, job_list, jobs, score_jobs, scoring
from ops.job_book import Slot, booked
from ops.job_list import Standing, State
from ops.services import Services
from snapshots import job_queue, job_runs, report_archive
from snapshots.database import Database
from snapshots.organizations import get_organization
from snapshots.report_archive import Schedule

TODAY = date(2026, 3, 10)
WORKS = {"scores_lead", "scores_deal", "health", "anomalies", "forecasts", "activity_weeks", "coaching", "retention"}


@pytest.fixture
def services(database: Database) -> Services:
    return services_of(database)


def at(services: Services, now: datetime) -> Services:
    return replace(services, now=lambda: now)


def standing(services: Services, organization: int, key: str) -> Standing:
    return next(one for one in job_list.standings(services, organization) if one.job.key == key)


def fail() -> str:
    raise ValueError("not today")


def test_every_work_of_the_day_is_a_job_and_every_job_is_a_work(
    services: Services, organization: int, tmp_path: Path
) -> None:
    connection = read_daily(services, organization, tmp_path)
    known = {one.key for one in job_list.jobs_of(services, get_organization(services.database, organization))}
    assert known == WORKS | {f"sync-{connection}", "weekly_reports"}
    assert daily.WORKS.keys() | {score_jobs.job_of("lead"), score_jobs.job_of("deal")} == WORKS


def test_slots_are_of_the_organizations_time_zone(services: Services, organization: int) -> None:
    early = at(services, datetime(2026, 3, 10, 3, 59, tzinfo=UTC))  # 04:59 in Berlin
    assert standing(early, organization, "health").job.slot == date(2026, 3, 9)
    one = standing(at(services, datetime(2026, 3, 10, 4, tzinfo=UTC)), organization, "health").job
    assert (one.slot, one.began_at) == (TODAY, datetime(2026, 3, 10, 4, tzinfo=UTC))
    summer = standing(at(services, datetime(2026, 3, 28, 12, tzinfo=UTC)), organization, "health").job
    assert summer.next_at == datetime(2026, 3, 29, 3, tzinfo=UTC), "five o'clock of a day of 23 hours"


def test_the_weekly_reports_have_a_slot_only_where_somebody_chose_one(services: Services, organization: int) -> None:
    assert standing(services, organization, "weekly_reports").state is State.OFF
    wanted = Schedule(is_on=True, weekday=1, hour=7, changed_at=MORNING - timedelta(days=8))
    report_archive.set_schedule(services.database, organization, wanted, by="ann")
    one = standing(services, organization, "weekly_reports")
    assert (one.job.slot, one.state) == (TODAY, State.NEVER)
    later = replace(wanted, changed_at=MORNING)
    report_archive.set_schedule(services.database, organization, later, by="ann")
    assert standing(services, organization, "weekly_reports").job.slot is None, "it was switched on after the hour"


def test_a_job_stands_as_its_last_run_and_its_slot_say(services: Services, organization: int) -> None:
    has_data(services, organization)
    assert standing(services, organization, "health").state is State.NEVER
    with pytest.raises(ValueError, match="not today"):
        booked(services, organization, Slot(job="health", day=TODAY), fail)
    assert standing(services, organization, "health").state is State.FAILED
    booked(services, organization, Slot(job="health", day=TODAY), lambda: "3 new flags")
    fine = standing(services, organization, "health")
    assert (fine.state, fine.is_slot_done) == (State.FINE, True)
    tomorrow = at(services, MORNING + timedelta(days=1))
    due = standing(tomorrow, organization, "health")
    assert (due.state, due.is_slot_done) == (State.FINE, False), "there is time for the syncs"
    missed = standing(at(services, MORNING + timedelta(days=2)), organization, "health")
    assert missed.state is State.LATE, "the slot before was not done either"
    late = standing(at(services, MORNING + timedelta(days=1, hours=4)), organization, "health")
    assert (late.state, late.why) == (State.LATE, "No worker took its slot")


def test_what_is_asked_for_waits_runs_once_and_says_who_asked(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {**daily.WORKS, "health": "test_job_list:work"})
    job = standing(services, organization, "health").job
    assert job_list.defer(services, organization, job, TODAY, by="ann", again=False)
    assert not job_list.defer(services, organization, job, TODAY, by="bob", again=False)
    assert standing(services, organization, "health").state is State.WAITING
    work_off(services, daily.QUEUE)
    one = standing(services, organization, "health")
    assert one.last is not None
    assert (one.state, one.last.trigger, one.last.asked_by, one.last.said) == (State.FINE, "person", "ann", "worked")


def test_what_failed_can_be_asked_for_before_it_is_tried_again(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {**daily.WORKS, "health": "test_job_list:refuse"})
    with services.database.as_app(organization) as transaction:
        daily.defer_work(transaction, organization, "health", TODAY)
    work_off(services, daily.QUEUE)
    with psycopg.connect(services.database_url) as link:  # its time is of the real clock
        link.execute("UPDATE procrastinate_jobs SET scheduled_at = %s", (MORNING + timedelta(minutes=5),))
    failed = standing(services, organization, "health")
    assert (failed.state, failed.why) == (State.FAILED, "Tried again at 10:05")
    monkeypatch.setattr(daily, "WORKS", {**daily.WORKS, "health": "test_job_list:work"})
    assert job_list.defer(services, organization, failed.job, TODAY, by="ann", again=False)
    work_off(services, daily.QUEUE)
    runs = job_runs.history(services.database, organization, "health", since=MORNING - timedelta(days=1))
    assert [one.outcome for one in runs] == ["done", "failed"], "and once, whatever waited"
    assert standing(services, organization, "health").state is State.FINE


def test_what_was_done_with_too_little_to_go_on_is_done_again_where_somebody_asks(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {**daily.WORKS, "forecasts": "test_job_list:work"})
    booked(services, organization, Slot(job="forecasts", day=TODAY), lambda: "no forecast: too little past")
    with services.database.as_app(organization) as transaction:
        daily.defer_asked(transaction, organization, "forecasts", TODAY, by="ann")
    work_off(services, daily.QUEUE)
    last = job_runs.latest(services.database, organization)["forecasts"]
    assert (last.said, last.trigger, last.asked_by) == ("worked", "person", "ann")


def test_what_may_be_tried_again_by_now_waits_for_a_worker(services: Services, organization: int) -> None:
    with pytest.raises(ValueError, match="not today"):
        booked(services, organization, Slot(job="health", day=TODAY), fail)
    with services.database.as_app(organization) as transaction:
        daily.defer_work(transaction, organization, "health", TODAY)
    with psycopg.connect(services.database_url) as link:
        link.execute("UPDATE procrastinate_jobs SET scheduled_at = %s", (MORNING - timedelta(minutes=1),))
    assert standing(services, organization, "health").state is State.WAITING


def refuse(services: Services, organization_id: int, day: date) -> str:
    raise ValueError("not today")


def work(services: Services, organization_id: int, day: date) -> str:
    return "worked"


@pytest.mark.parametrize("key", ["scores_lead", "scores_deal", "weekly_reports", "retention", "coaching"])
def test_every_job_can_be_asked_for_and_stands_in_the_book_then(
    services: Services, organization: int, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "refresh", lambda *_, **__: ["nothing to score"])
    job = standing(services, organization, key).job
    assert job_list.defer(services, organization, job, TODAY, by="ann", again=True)
    [waiting] = job_queue.waiting(services.database, organization)
    assert (waiting.lock, waiting.is_running) == (job.lock, False)
    with psycopg.connect(services.database_url) as link:
        [queue] = link.execute("SELECT queue_name FROM procrastinate_jobs WHERE status = 'todo'").fetchone() or [""]
    work_off(services, queue)
    last = job_runs.latest(services.database, organization)[key]
    assert (last.slot, last.trigger, last.asked_by) == (TODAY, "person", "ann")


def test_a_source_stands_as_its_own_log_says(services: Services, organization: int, tmp_path: Path) -> None:
    key = f"sync-{read_daily(services, organization, tmp_path)}"
    assert standing(services, organization, key).state is State.NEVER
    jobs.defer_due_refreshes(services)
    assert standing(services, organization, key).state is State.WAITING
    work_off(services, "sync")
    one = standing(services, organization, key)
    assert one.last is not None
    assert (one.state, one.is_slot_done, one.last.trigger, one.last.n_rows) == (State.FINE, True, "schedule", 4)


def test_slots_without_a_run_after_the_first_are_missed(services: Services, organization: int) -> None:
    for days in (0, 1, 4):
        there = at(services, MORNING + timedelta(days=days))
        booked(there, organization, Slot(job="health", day=TODAY + timedelta(days=days)), lambda: "done")
    now = at(services, MORNING + timedelta(days=5))
    job = standing(now, organization, "health").job
    runs = job_list.history(now, get_organization(services.database, organization), job)
    assert job_list.missed(job, runs) == [date(2026, 3, 13), date(2026, 3, 12)], "today's may still come"


def test_no_slot_was_missed_before_the_schedule_was_what_it_is(services: Services, organization: int) -> None:
    first = date(2026, 2, 2)  # a Monday
    for weeks in (0, 1):
        then = at(services, MORNING - timedelta(weeks=5 - weeks, days=1))
        booked(then, organization, Slot(job="weekly_reports", day=first + timedelta(weeks=weeks)), lambda: "sent")
    moved = datetime(2026, 2, 24, 12, tzinfo=UTC)  # to Tuesdays, when this one's hour had passed
    wanted = Schedule(is_on=True, weekday=1, hour=7, changed_at=moved)
    report_archive.set_schedule(services.database, organization, wanted, by="ann")
    job = standing(services, organization, "weekly_reports").job
    runs = job_list.history(services, get_organization(services.database, organization), job)
    assert job.slot == TODAY
    assert job_list.missed(job, runs) == [date(2026, 3, 3)]


def test_a_worker_is_alive_while_it_gives_signs(services: Services) -> None:
    assert job_queue.worker(services.database).silent_for is None
    with psycopg.connect(services.database_url) as link:
        link.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
    assert job_queue.worker(services.database).is_alive
    with psycopg.connect(services.database_url) as link:
        link.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '6 minutes'")
    silent = job_queue.worker(services.database)
    assert not silent.is_alive
    assert silent.silent_for is not None
    assert silent.silent_for > timedelta(minutes=5)


def test_an_outsider_sees_nothing_of_it(services: Services, organization: int, other_organization: int) -> None:
    booked(services, organization, Slot(job="health", day=TODAY), lambda: "done")
    job = standing(services, organization, "health").job
    assert job_list.defer(services, organization, job, TODAY, by="ann", again=True)
    assert job_queue.waiting(services.database, other_organization) == []
    assert standing(services, other_organization, "health").last is None
    theirs = get_organization(services.database, other_organization)
    assert job_list.history(services, theirs, job) == []
