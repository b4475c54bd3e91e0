"""Works of the day: once per organization and local day, after the syncs; again where they failed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import made_daily
import psycopg
import pytest
from made_daily import MORNING, has_data, services_of, work_off
from sqlalchemy import text

from ops import daily, jobs
from ops.daily import defer_due_works
from ops.job_book import Slot, booked
from ops.services import Services
from snapshots import job_runs
from snapshots.database import Database

done: list[tuple[int, date]] = []


def note(services: Services, organization_id: int, day: date) -> str:
    done.append((organization_id, day))
    return "noted"


def refuse(services: Services, organization_id: int, day: date) -> str:
    raise ValueError("not today")


@pytest.fixture
def services(database: Database) -> Services:
    return services_of(database)


@pytest.fixture
def read_daily(services: Services, organization: int, tmp_path: Path) -> int:
    """An organization with a source that is read every day."""
    made_daily.read_daily(services, organization, tmp_path)
    return organization


@pytest.fixture(autouse=True)
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    done.clear()
    monkeypatch.setattr(daily, "WORKS", {"note": f"{__name__}:note"})
    yield
    done.clear()


def statuses(services: Services) -> list[tuple[str, int]]:
    with psycopg.connect(services.database_url) as link:
        return link.execute(
            "SELECT status::text, attempts FROM procrastinate_jobs WHERE queue_name = 'daily' ORDER BY id"
        ).fetchall()


def test_a_work_follows_the_syncs_of_the_day_once(services: Services, read_daily: int) -> None:
    assert defer_due_works(services) == [], "no data yet"
    has_data(services, read_daily)
    assert defer_due_works(services) == [], "today's sync is not over"
    jobs.defer_due_refreshes(services)
    work_off(services, "sync")
    assert defer_due_works(services) == [(read_daily, "note", date(2026, 3, 10))]
    assert defer_due_works(services) == []
    work_off(services, daily.QUEUE)
    assert done == [(read_daily, date(2026, 3, 10))]
    tomorrow = replace(services, now=lambda: MORNING + timedelta(days=1))
    assert defer_due_works(tomorrow) == [], "tomorrow's sync is not over"


def test_a_work_that_fails_is_tried_again_later(
    services: Services, read_daily: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {"refuse": f"{__name__}:refuse"})
    with services.database.as_app(read_daily) as transaction:
        assert daily.defer_work(transaction, read_daily, "refuse", date(2026, 3, 10))
        assert not daily.defer_work(transaction, read_daily, "refuse", date(2026, 3, 10)), "one waits already"
    work_off(services, daily.QUEUE)
    assert statuses(services) == [("todo", 1)]


def test_a_work_of_an_organization_that_is_gone_ends(services: Services) -> None:
    assert daily.run(services, 999_999, Slot(job="note", day=date(2026, 3, 10))) == "gone"
    assert done == []


# --- once per slot ----------------------------------------------------------------------------------------------------


def book(services: Services, organization: int, job: str = "note") -> list[tuple[date, str, str]]:
    """Slot, trigger and outcome of each run, the oldest first."""
    since = MORNING - timedelta(days=400)
    runs = job_runs.history(services.database, organization, job, since=since)[::-1]
    return [(one.slot, one.trigger, one.outcome) for one in runs]


def at(services: Services, now: datetime) -> Services:
    return replace(services, now=lambda: now)


def test_a_work_stands_in_the_book_once_however_often_its_job_is_taken(services: Services, organization: int) -> None:
    has_data(services, organization)
    defer_due_works(services)
    work_off(services, daily.QUEUE)
    with psycopg.connect(services.database_url) as link:  # the worker died before the queue knew
        link.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE queue_name = 'daily'")
    work_off(services, daily.QUEUE)
    assert book(services, organization) == [(date(2026, 3, 10), "schedule", "done")]
    assert len(done) == 1


def test_of_several_schedulers_one_takes_a_slot(services: Services, organization: int) -> None:
    has_data(services, organization)
    with ThreadPoolExecutor(4) as several:
        taken = list(several.map(lambda _: defer_due_works(services), range(4)))
    assert sorted(map(len, taken)) == [0, 0, 0, 1]
    work_off(services, daily.QUEUE)
    assert book(services, organization) == [(date(2026, 3, 10), "schedule", "done")]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_day_on_which_the_clock_changes_has_one_slot(services: Services, organization: int, day: date) -> None:
    """Of 23 or of 25 hours in Berlin, looked at every half hour."""
    has_data(services, organization)
    midnight = datetime.combine(day, time(), ZoneInfo("Europe/Berlin")).astimezone(UTC)
    defer_due_works(at(services, midnight))  # the day before is taken
    taken = []
    for half_hours in range(62):
        now = midnight + timedelta(minutes=30 * half_hours)
        taken += [(slot, now) for _, _, slot in defer_due_works(at(services, now))]
    berlin = [(slot, now.astimezone(ZoneInfo("Europe/Berlin")).strftime("%d %H:%M")) for slot, now in taken]
    assert berlin == [(day, f"{day.day} 05:00"), (day + timedelta(days=1), f"{day.day + 1} 05:00")]


def test_a_slot_that_nobody_took_in_time_is_made_up_for_and_covers_those_before(
    services: Services, organization: int
) -> None:
    has_data(services, organization)
    defer_due_works(services)
    work_off(services, daily.QUEUE)
    back = at(services, MORNING + timedelta(days=4, hours=6))
    assert defer_due_works(back) == [(organization, "note", date(2026, 3, 14))]
    work_off(back, daily.QUEUE)
    assert book(services, organization)[1:] == [(date(2026, 3, 14), "catch-up", "done")]


@pytest.mark.parametrize("ends", ["note", "refuse"])
def test_what_tells_of_other_works_comes_when_these_have_ended_well_or_not(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(daily, "WORKS", {"teller": f"{__name__}:note", "finder": f"{__name__}:{ends}"})
    monkeypatch.setattr(daily, "AFTER", {"teller": frozenset({"finder"})})
    has_data(services, organization)
    late = at(services, MORNING + timedelta(hours=9))
    assert [name for _, name, _ in defer_due_works(late)] == ["finder"]
    assert defer_due_works(late) == []
    work_off(late, daily.QUEUE)
    assert [name for _, name, _ in defer_due_works(late)] == ["teller"]


def test_what_others_found_on_the_day_before_is_waited_out(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {"teller": f"{__name__}:note", "finder": f"{__name__}:note"})
    monkeypatch.setattr(daily, "AFTER", {"teller": frozenset({"finder"})})
    has_data(services, organization)
    booked(services, organization, Slot(job="finder", day=date(2026, 3, 10)), lambda: "found")
    tomorrow = at(services, MORNING + timedelta(days=1))
    assert [name for _, name, _ in defer_due_works(tomorrow)] == ["finder"]


def test_what_others_are_still_finding_is_waited_for(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {"teller": f"{__name__}:note", "finder": f"{__name__}:note"})
    monkeypatch.setattr(daily, "AFTER", {"teller": frozenset({"finder"})})
    has_data(services, organization)
    seen: list[list[str]] = []

    def look() -> str:
        seen.append([name for _, name, _ in defer_due_works(services)])
        return "found"

    booked(services, organization, Slot(job="finder", day=date(2026, 3, 10)), look)
    assert seen == [["finder"]]


def test_slots_that_make_something_of_their_own_are_made_up_for_within_three_days(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "MAKES_ITS_OWN", frozenset({"note"}))
    has_data(services, organization)
    assert [day for _, _, day in defer_due_works(services)] == [date(2026, 3, 10)], "nothing is missed before the first"
    back = at(services, MORNING + timedelta(days=6))
    days = [date(2026, 3, one) for one in (13, 14, 15, 16)]
    assert [day for _, _, day in defer_due_works(back)] == days
    assert defer_due_works(back) == []
    work_off(back, daily.QUEUE)
    assert [day for _, day in done] == [date(2026, 3, 10), *days], "the oldest first"
    assert [trigger for _, trigger, _ in book(services, organization)][1:] == ["catch-up"] * 3 + ["schedule"]


def test_a_source_counts_however_many_syncs_of_others_came_after(services: Services, read_daily: int) -> None:
    has_data(services, read_daily)
    jobs.defer_due_refreshes(services)
    work_off(services, "sync")
    with services.database.as_app(read_daily) as link:
        link.execute(
            text(
                "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at, "
                "finished_at) SELECT :o, c.connection_id + 1, 'workbench', 'succeeded', :at, :at, :at "
                "FROM crm_connections c, generate_series(1, 60)"
            ),
            {"o": read_daily, "at": MORNING + timedelta(hours=1)},
        )
        link.execute(
            text(
                "INSERT INTO crm_connections (organization_id, provider, name, settings) SELECT :o, 'csv', 'Once', '{}'"
            ),
            {"o": read_daily},
        )
    assert defer_due_works(at(services, MORNING + timedelta(hours=2))) == [(read_daily, "note", date(2026, 3, 10))]


def test_retention_waits_for_nothing(services: Services, read_daily: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "WORKS", {"note": f"{__name__}:note", "retention": "ops.retention:forget_daily"})
    assert defer_due_works(services) == [(read_daily, "retention", date(2026, 3, 10))], "no data, no sync"
    work_off(services, daily.QUEUE)
    assert book(services, read_daily, "retention") == [(date(2026, 3, 10), "schedule", "done")]
