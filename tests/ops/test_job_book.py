"""The book of jobs: one outcome per slot, whatever crashes and however many do it; errors without secrets."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import get_type_hints

import pytest
from made_daily import MORNING, services_of
from pydantic import SecretStr

from adapters.errors import RetriableError
from ops import daily, job_book
from ops.job_book import ALREADY, Done, Slot, booked, sentence
from ops.services import Services
from ops.settings import Settings
from snapshots import job_runs
from snapshots.database import Database
from snapshots.job_runs import Ending, JobRun

SLOT = Slot(job="health", day=date(2026, 3, 10))


def test_every_work_of_the_day_tells_how_many_rows_it_made() -> None:
    for name in daily.WORKS:
        module, _, function = daily.WORKS[name].partition(":")
        work = getattr(importlib.import_module(module), function)
        assert get_type_hints(work)["return"] is Done, name


def test_what_is_done_is_its_words_with_a_number() -> None:
    done = Done("3 new flags", 3)
    assert (done, done.n_rows, f"{done}.") == ("3 new flags", 3, "3 new flags.")
    assert Done("nothing to count").n_rows is None


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def services(database: Database) -> Services:
    return services_of(database)


def book(services: Services, organization: int) -> list[JobRun]:
    """The oldest first."""
    since = MORNING - timedelta(days=1)
    return job_runs.history(services.database, organization, "health", since=since)[::-1]


def outcomes(services: Services, organization: int) -> list[tuple[int, str]]:
    return [(one.attempt, one.outcome) for one in book(services, organization)]


def counting(done: list[int], *, fails: int = 0) -> Callable[[], str]:
    def work() -> str:
        done.append(1)
        if len(done) <= fails:
            raise ValueError("not yet")
        return "3 new flags"

    return work


def test_what_was_done_is_written_down_with_its_rows_and_who_asked(services: Services, organization: int) -> None:
    slot = replace(SLOT, trigger="person", by="ann@example.com")
    assert booked(services, organization, slot, lambda: Done("Deleted: 7 scores", 7)) == "Deleted: 7 scores"
    [one] = book(services, organization)
    assert (one.slot, one.attempt, one.outcome, one.said, one.n_rows) == (SLOT.day, 1, "done", "Deleted: 7 scores", 7)
    assert (one.trigger, one.asked_by, one.started_at, one.ended_at) == ("person", "ann@example.com", MORNING, MORNING)


def test_a_crash_between_the_work_and_its_entry_leaves_one_outcome(
    services: Services, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def die(*_: object, **__: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(job_runs, "end", die)
        with pytest.raises(Killed):
            booked(services, organization, SLOT, counting(done))
    assert outcomes(services, organization) == [(1, "running")]
    assert booked(services, organization, SLOT, counting(done)) == "3 new flags"
    assert outcomes(services, organization) == [(1, "interrupted"), (2, "done")]
    # The worker dies once more, before the queue knows: what is done is not done again.
    assert booked(services, organization, SLOT, counting(done)) == ALREADY
    assert outcomes(services, organization) == [(1, "interrupted"), (2, "done")]
    assert len(done) == 2


def test_a_slot_that_is_done_is_done_again_only_where_somebody_asks(services: Services, organization: int) -> None:
    done: list[int] = []
    booked(services, organization, SLOT, counting(done))
    assert booked(services, organization, replace(SLOT, trigger="person"), counting(done)) == ALREADY
    assert booked(services, organization, replace(SLOT, trigger="person", again=True), counting(done)) == "3 new flags"
    assert outcomes(services, organization) == [(1, "done"), (2, "done")]


def test_a_worker_that_was_taken_for_dead_does_not_write_over_its_successor(
    services: Services, organization: int
) -> None:
    database = services.database
    first = job_runs.begin(
        database, organization, "health", SLOT.day, trigger="schedule", by=None, again=False, now=MORNING
    )
    assert first is not None
    booked(services, organization, SLOT, lambda: "by the second")
    assert not job_runs.end(database, organization, first, Ending(outcome="done", said="by the first"), now=MORNING)
    assert [one.said for one in book(services, organization)][1] == "by the second"


def test_a_failure_is_written_down_and_raised_and_each_attempt_is_one(services: Services, organization: int) -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match="not yet"):
        booked(services, organization, SLOT, counting(done, fails=1))
    booked(services, organization, SLOT, counting(done, fails=1))
    assert outcomes(services, organization) == [(1, "failed"), (2, "done")]
    failed = book(services, organization)[0]
    assert failed.error == "ValueError: not yet"
    assert failed.error_id is not None
    assert failed.error_id.startswith("E-")


def test_what_is_no_fault_is_told_as_broken_off(services: Services, organization: int) -> None:
    def stop() -> str:
        raise KeyError("Somebody asked it to stop.")

    with pytest.raises(KeyError):
        booked(services, organization, SLOT, stop, broken_off=(KeyError,))
    assert outcomes(services, organization) == [(1, "interrupted")]


def test_an_error_is_shown_without_secrets_and_without_a_trace(services: Services) -> None:
    settings = Settings(_env_file=None, hubspot_api_key=SecretStr("pat-eu1-4711"), secret_key=SecretStr("s" * 40))
    known = replace(services, settings=settings)
    for error in (
        RetriableError("HubSpot refused pat-eu1-4711 for deals. Make a new key.\nTraceback: secret_function"),
        ValueError("postgresql://ann:hunter22@db/slms is closed"),
        ValueError("postgresql://ann:p@hunter22@db/slms is closed"),
        ValueError("GET /deals?api_key=hunter22&limit=5 failed"),
        ValueError("Authorization: Bearer hunter22"),
        ValueError("Authorization: Basic hunter22"),
        ValueError('refused: {"limit": 5, "api_key": "hunter22"}'),
        ValueError("connection failed: password = 'hunter22'"),
    ):
        told = sentence(known, error)
        assert "pat-eu1-4711" not in told
        assert "hunter22" not in told
        assert "secret_function" not in told
    assert sentence(known, RetriableError("HubSpot is down. Wait.")) == "HubSpot is down. Wait."
    assert len(sentence(known, ValueError("x" * 2_000))) == job_book.LONGEST


def test_an_outsider_sees_no_run(services: Services, organization: int, other_organization: int) -> None:
    booked(services, organization, SLOT, lambda: "done")
    assert book(services, other_organization) == []
    assert job_runs.latest(services.database, other_organization) == {}
    assert job_runs.done_slots(services.database, other_organization) == {}
    [mine] = book(services, organization)
    assert not job_runs.end(services.database, other_organization, mine.run_id, Ending(outcome="failed"), now=MORNING)
