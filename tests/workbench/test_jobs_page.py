"""Jobs: who sets things up sees how each stands, runs one, does again what failed or was missed, and sees an outage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from conftest import Workbench
from made_installation import NOW, TODAY, House
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from insights.report.document import Week
from ops import daily, job_list, report_digest
from ops.job_book import Done, Slot, booked
from snapshots import job_queue, job_runs, report_archive
from snapshots.report_archive import Readership
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import anomaly_data, coaching_data, health_data, installation, jobs_data
from workbench.filters import Filters
from workbench.view import View

SECRET = "hunter22"  # made up, to be looked for


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.error, *at.caption]
    return as_read("\n".join(str(part.value) for part in parts))


def tables(at: AppTest) -> str:
    return "\n".join(one.proto.body for one in at.get("html"))


def ran(house: House, job: str, days_ago: int, *, said: str = "well", error: str = "") -> None:
    """A run of a job for the slot so many days ago."""
    then = replace(house.services, now=lambda: NOW - timedelta(days=days_ago))

    def work() -> Done:
        if error:
            raise ValueError(error)
        return Done(said, 7)

    slot = Slot(job=job, day=TODAY - timedelta(days=days_ago))
    if not error:
        booked(then, house.organization_id, slot, work)
        return
    with pytest.raises(ValueError, match="postgresql"):
        booked(then, house.organization_id, slot, work)


def alive(house: House) -> None:
    with psycopg.connect(house.services.database_url) as link:
        link.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")


def view_of(house: House, role: Role) -> View:
    asked = Filters(organization_id=house.organization_id)
    viewer = Viewer(house.organization_id, role)
    return installation.make_view({house.organization_id: viewer}, asked, now=NOW)[0]


def test_every_job_is_shown_with_its_state_its_schedule_and_what_it_did(workbench: Workbench, own_house: House) -> None:
    ran(own_house, "health", 0, said="3 new flags")
    at = workbench.open(own_house, "jobs")
    assert not at.exception
    told = words(at)
    for one in job_list.standings(replace(own_house.services, now=lambda: NOW), own_house.organization_id):
        assert one.job.title in told
        assert at.button(f"job_{one.job.key}_history").label == "History"
    assert "28 Jun 2024, 17:00 · 0 s · 7 new flags" in told
    assert "3 new flags" in told
    assert "Every day from 05:00, after the day’s syncs · next 29 Jun 2024, 05:00" in told


@pytest.mark.parametrize("ask", [anomaly_data.look_now, coaching_data.write_now, health_data.judge])
def test_what_is_asked_for_at_night_is_of_the_day_whose_slot_has_begun(
    workbench: Workbench, own_house: House, ask: Callable[[View], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the day's own slot, after the syncs of the morning, would be done before it begins."""
    workbench.use(own_house)
    night = NOW.replace(hour=2)  # four o’clock where the organization is
    monkeypatch.setattr(installation, "services", lambda: replace(own_house.services, now=lambda: night))
    ask(replace(view_of(own_house, Role.ADMIN), now=night))
    with psycopg.connect(own_house.services.database_url) as link:
        assert link.execute("SELECT args ->> 'day' FROM procrastinate_jobs WHERE status = 'todo'").fetchall() == [
            ((TODAY - timedelta(days=1)).isoformat(),)
        ]


def test_the_number_of_rows_of_a_run_says_what_it_counts(workbench: Workbench, own_house: House) -> None:
    for job in ("health", "coaching"):
        ran(own_house, job, 0)
    shown = words(workbench.open(own_house, "jobs"))
    assert "7 new flags" in shown
    assert "7 notes" in shown
    history = workbench.open(own_house, "jobs", job="coaching")
    assert not history.exception
    assert ">Notes</th>" in tables(history)


def test_an_outage_is_said_at_the_top_with_its_remedy(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "jobs")
    assert "No worker has given a sign of life yet" in at.error[0].value
    assert "make run" in at.error[0].value
    alive(own_house)
    assert not workbench.open(own_house, "jobs").error


def test_an_error_is_shown_with_its_remedy_and_without_secrets(workbench: Workbench, own_house: House) -> None:
    ran(own_house, "health", 0, error=f"postgresql://ann:{SECRET}@db/slms said no\nline 2")
    at = workbench.open(own_house, "jobs", job="health")
    told = words(at) + tables(at)
    assert SECRET not in told
    assert "line 2" not in told
    assert "said no" in told
    assert "Look for its id in the worker’s log" in told
    assert "`E-" in told


def test_a_job_is_run_after_a_question_and_not_twice(workbench: Workbench, own_house: House) -> None:
    alive(own_house)
    at = workbench.open(own_house, "jobs")
    at.button("job_retention_run").click().run()
    assert "once; you see here how it goes" in words(at)
    assert job_queue.waiting(own_house.database, own_house.organization_id) == [], "nothing before the answer"
    at.button("job_run_yes").click().run()
    [waiting] = job_queue.waiting(own_house.database, own_house.organization_id)
    assert waiting.task == "daily_work"
    assert at.button("job_retention_run").disabled
    workbench.use(own_house)
    view = view_of(own_house, Role.ADMIN)
    job = next(one.job for one in jobs_data.standings(view) if one.job.key == "retention")
    assert not jobs_data.run(view, job, TODAY), "it waits already"
    assert len(job_queue.waiting(own_house.database, own_house.organization_id)) == 1


def test_a_job_that_runs_shows_how_far_it_is_and_cannot_be_started(workbench: Workbench, own_house: House) -> None:
    ran(own_house, "health", 1)
    job_runs.begin(
        own_house.database, own_house.organization_id, "health", TODAY, trigger="schedule", by=None, again=False,
        now=NOW - timedelta(seconds=42),
    )  # fmt: skip
    with own_house.database.as_app(own_house.organization_id) as transaction:
        daily.defer_work(transaction, own_house.organization_id, "health", TODAY)
    with psycopg.connect(own_house.services.database_url) as link:
        link.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    at = workbench.open(own_house, "jobs", job="health")
    assert not at.exception
    [bar] = at.get("progress")
    assert bar.proto.text.startswith("Running for 42 s")
    assert at.button("job_health_run").disabled
    workbench.use(own_house)
    view = view_of(own_house, Role.ADMIN)
    job = next(one.job for one in jobs_data.standings(view) if one.job.key == "health")
    assert not jobs_data.run(view, job, TODAY), "by whatever way it is asked for"


def test_messages_that_were_not_delivered_lead_to_the_reports(workbench: Workbench, own_house: House) -> None:
    key = own_house.organization_id
    report_archive.add_recipient(own_house.database, key, Readership("organization"), "email", "a@example.com", by="x")
    report_digest.make_digest(own_house.services, key, Week.of(TODAY).before)
    assert "could not be delivered" not in words(workbench.open(own_house, "jobs"))
    with own_house.database.as_app(key) as link:
        link.execute(text("UPDATE report_sendings SET state = 'parked', next_attempt_at = NULL"))
    at = workbench.open(own_house, "jobs")
    assert "1 message with reports could not be delivered." in words(at)


def test_what_is_done_is_done_again_only_where_that_was_asked(workbench: Workbench, own_house: House) -> None:
    ran(own_house, "retention", 0)
    at = workbench.open(own_house, "jobs")
    at.button("job_retention_run").click().run()
    assert "It was done for 28 Jun 2024 already" in words(at)
    at.button("job_run_yes").click().run()
    with psycopg.connect(own_house.services.database_url) as link:
        assert link.execute("SELECT args ->> 'again' FROM procrastinate_jobs WHERE status = 'todo'").fetchall() == [
            ("true",)
        ]


def test_the_history_is_filtered_by_the_url_and_tells_what_was_missed(workbench: Workbench, own_house: House) -> None:
    for days_ago in (5, 4, 1, 0):
        ran(own_house, "health", days_ago, said=f"said {days_ago}")
    at = workbench.open(own_house, "jobs", job="health")
    told = tables(at)
    assert "Nothing ran. Made up for by the run for 27 Jun 2024" in told
    assert {one.label: one.value for one in at.metric}["Slots done"] == "4 of 6"
    only = workbench.open(own_house, "jobs", job="health", outcome="missed")
    assert "said 4" not in tables(only)
    assert tables(only).count("Nothing ran.") == 2
    assert not [one for one in only.button if one.key == "job_replay"], "a later run did what was missed"


def test_a_missed_slot_with_something_of_its_own_to_make_can_be_done_again(
    workbench: Workbench, own_house: House
) -> None:
    for days_ago in (25, 4):  # a Monday, and a Monday three weeks later: 2024-06-03, 2024-06-24
        ran(own_house, "coaching", days_ago)
    at = workbench.open(own_house, "jobs", job="coaching")
    slots = at.selectbox("job_open_slot").options
    assert slots == ["23 Jun 2024", "16 Jun 2024"], "one of each week in which no notes were written"
    at.selectbox("job_open_slot").set_value(TODAY - timedelta(days=5)).run()
    at.button("job_replay").click().run()
    at.button("job_run_yes").click().run()
    with psycopg.connect(own_house.services.database_url) as link:
        assert link.execute("SELECT args ->> 'day' FROM procrastinate_jobs WHERE status = 'todo'").fetchall() == [
            ("2024-06-23",)
        ]


@pytest.mark.parametrize("role", [Role.ANALYST, Role.MANAGER, Role.REP])
def test_others_see_why_they_see_nothing(workbench: Workbench, own_house: House, role: Role) -> None:
    ran(own_house, "health", 0)
    save_user(own_house.database, own_house.organization_id, email="ana@example.com", role=role, by="test")
    at = workbench.open(own_house, "jobs", email="ana@example.com")
    assert not at.exception
    assert "Jobs are for administrators and sales ops" in words(at)
    assert not [one for one in at.button if (one.key or "").startswith("job_")]


def test_a_role_that_was_withdrawn_starts_nothing(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    job = next(one.job for one in jobs_data.standings(view_of(own_house, Role.ADMIN)) if one.job.key == "retention")
    view = view_of(own_house, Role.ANALYST)
    for ask in (lambda: jobs_data.run(view, job, TODAY), lambda: jobs_data.standings(view),
                lambda: jobs_data.history(view, job), lambda: jobs_data.n_parked_messages(view)):  # fmt: skip
        with pytest.raises(PermissionError):
            ask()
    assert job_runs.latest(own_house.database, own_house.organization_id) == {}
