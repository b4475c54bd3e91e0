from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from made_daily import MORNING, app_of, has_data, read_daily, services_of, work_off

from ops import jobs, score_jobs
from ops.job_book import Slot
from ops.score_jobs import defer_due_scores, defer_scoring, defer_training
from ops.services import Services
from snapshots import job_runs, model_versions, scoring_runs
from snapshots.database import Database


@pytest.fixture
def services(database: Database) -> Services:
    return services_of(database)


@pytest.fixture
def daily(services: Services, organization: int, tmp_path: Path) -> int:
    """An organization with a source that is read every day."""
    read_daily(services, organization, tmp_path)
    return organization


def queued(services: Services) -> list[tuple[str, str, str]]:
    """Task, status and subject of each job of scores."""
    with psycopg.connect(services.database_url) as link:
        return link.execute(
            "SELECT task_name, status::text, args->>'subject' FROM procrastinate_jobs WHERE queue_name = 'score' "
            "ORDER BY id"
        ).fetchall()


def test_a_second_wish_for_the_same_waits_with_the_first(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as transaction:
        assert defer_training(transaction, organization, "lead", "Ada")
        assert not defer_training(transaction, organization, "lead", "Grace")
        assert defer_training(transaction, organization, "deal", "Ada"), "of the other subject"
        assert defer_scoring(transaction, organization, "lead", "Ada"), "is another wish"
    assert [(task, subject) for task, _, subject in queued(services)] == [
        ("train_model", "lead"), ("train_model", "deal"), ("score_subject", "lead"),
    ]  # fmt: skip


def test_a_training_whose_worker_was_killed_is_taken_over_at_once(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as transaction:
        defer_training(transaction, organization, "lead", "Ada")
    dead = scoring_runs.begin(services.database, organization, "lead", "train", by="Ada", now=MORNING)
    with psycopg.connect(services.database_url) as link:
        worker = link.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') RETURNING id"
        ).fetchone()
        assert worker is not None
        link.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", worker)

    async def take_over() -> int:
        app = app_of(services)
        async with app.open_async():
            return await jobs.retry_stalled_jobs(app, now=MORNING)

    assert asyncio.run(take_over()) == 1
    work_off(services, score_jobs.QUEUE)
    assert [status for _, status, _ in queued(services)] == ["succeeded"]
    newest = scoring_runs.latest(services.database, organization, "lead", "train")
    assert newest is not None
    assert newest.run_id != dead.run_id
    assert newest.state == "done"
    [version] = model_versions.list_versions(services.database, organization, "lead")
    assert (version.trained_by, version.card["gate"]["open"]) == ("Ada", False)


def test_who_runs_already_keeps_a_second_one_out_and_says_so(services: Services, organization: int) -> None:
    scoring_runs.begin(services.database, organization, "lead", "score", by="Ada", now=MORNING)
    said = score_jobs.run(services, score_jobs.SCORE_TASK, organization, "lead", by="Grace")
    assert said == "Leads are being scored already."


def test_a_night_that_finds_another_run_is_broken_off_and_did_not_fail(services: Services, organization: int) -> None:
    scoring_runs.begin(services.database, organization, "lead", "score", by="Ada", now=MORNING)
    slot = Slot(job=score_jobs.job_of("lead"), day=MORNING.date())
    score_jobs.run(services, score_jobs.REFRESH_TASK, organization, "lead", by=score_jobs.NIGHTLY, slot=slot)
    last = job_runs.latest(services.database, organization)["scores_lead"]
    assert (last.outcome, last.said, last.error) == ("interrupted", "Leads are being scored already.", None)
    assert queued(services) == [("refresh_scores", "todo", "lead")], "the night's wish is not lost"


def test_what_a_shutdown_interrupts_is_queued_again(services: Services, organization: int) -> None:
    said = score_jobs.run(services, score_jobs.SCORE_TASK, organization, "deal", by="Ada", should_stop=lambda: True)
    assert said == "interrupted"
    assert queued(services) == [("score_subject", "todo", "deal")]


def test_scores_follow_the_syncs_of_the_day_once(services: Services, daily: int) -> None:
    assert defer_due_scores(services) == [], "no data yet"
    has_data(services, daily)
    assert defer_due_scores(services) == [], "today's sync is not over"
    jobs.defer_due_refreshes(services)
    work_off(services, "sync")
    assert defer_due_scores(services) == [(daily, date(2026, 3, 10))]
    assert defer_due_scores(services) == []
    assert [(task, subject) for task, _, subject in queued(services)] == [
        ("refresh_scores", "lead"), ("refresh_scores", "deal"),
    ]  # fmt: skip
    tomorrow = replace(services, now=lambda: MORNING + timedelta(days=1))
    assert defer_due_scores(tomorrow) == [], "its own sync comes first"


def test_data_that_are_not_read_again_are_scored_too(services: Services, organization: int) -> None:
    has_data(services, organization)
    assert defer_due_scores(services) == [(organization, date(2026, 3, 10))]
