"""Training and scoring while they run: one at a time, seen from outside, stopped when asked, buried when killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from snapshots import scoring_runs
from snapshots.database import Database
from snapshots.scoring_runs import AlreadyRunning, ScoringRun

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)


def _begin(database: Database, organization: int, *, minutes: float = 0) -> ScoringRun:
    return scoring_runs.begin(
        database, organization, "lead", "train", by="ann@example.com", now=NOW + timedelta(minutes=minutes)
    )


def _latest(database: Database, organization: int) -> ScoringRun:
    found = scoring_runs.latest(database, organization, "lead", "train")
    assert found is not None
    return found


def test_a_run_tells_how_far_it_is_and_how_it_ended(database: Database, organization: int) -> None:
    run = _begin(database, organization)
    assert scoring_runs.running(database, organization, now=NOW) == [run]
    later = NOW + timedelta(minutes=1)
    scoring_runs.advance(database, organization, run.run_id, now=later, n_done=3, n_total=9, message="reading leads")
    scoring_runs.advance(database, organization, run.run_id, now=later, n_done=4)
    told = _latest(database, organization)
    assert (told.n_done, told.n_total, told.message, told.heartbeat_at) == (4, 9, "reading leads", later)
    scoring_runs.finish(database, organization, run.run_id, state="done", now=later, message="9 leads")
    ended = _latest(database, organization)
    assert (ended.state, ended.finished_at, ended.message) == ("done", later, "9 leads")
    assert scoring_runs.running(database, organization, now=later) == []


def test_of_a_subject_and_kind_one_runs_at_a_time(
    database: Database, organization: int, other_organization: int
) -> None:
    run = _begin(database, organization)
    with pytest.raises(AlreadyRunning):
        _begin(database, organization)
    scoring_runs.begin(database, organization, "lead", "score", by="SLMS", now=NOW)
    scoring_runs.begin(database, organization, "deal", "train", by="SLMS", now=NOW)
    _begin(database, other_organization)
    scoring_runs.finish(database, organization, run.run_id, state="failed", now=NOW)
    _begin(database, organization)


def test_one_that_was_killed_makes_way_and_says_so(database: Database, organization: int) -> None:
    killed = _begin(database, organization)
    assert not killed.was_killed(NOW + timedelta(minutes=9))
    assert scoring_runs.running(database, organization, now=NOW + timedelta(minutes=11)) == []
    run = _begin(database, organization, minutes=11)
    assert run.run_id != killed.run_id
    assert scoring_runs.advance(database, organization, killed.run_id, now=NOW + timedelta(minutes=12)) is True
    scoring_runs.finish(database, organization, run.run_id, state="done", now=NOW + timedelta(minutes=12))
    assert _latest(database, organization).state == "done"


def test_who_is_asked_to_stop_learns_it_at_the_next_sign_of_life(database: Database, organization: int) -> None:
    run = _begin(database, organization)
    assert scoring_runs.advance(database, organization, run.run_id, now=NOW) is False
    assert scoring_runs.ask_to_stop(database, organization, run.run_id) is True
    assert scoring_runs.advance(database, organization, run.run_id, now=NOW) is True
    scoring_runs.finish(database, organization, run.run_id, state="stopped", now=NOW)
    assert scoring_runs.ask_to_stop(database, organization, run.run_id) is False


def test_an_end_is_the_last_word(database: Database, organization: int) -> None:
    run = _begin(database, organization)
    scoring_runs.finish(database, organization, run.run_id, state="stopped", now=NOW)
    scoring_runs.finish(database, organization, run.run_id, state="done", now=NOW)
    assert _latest(database, organization).state == "stopped"


def test_an_outsider_neither_sees_nor_stops_a_run(
    database: Database, organization: int, other_organization: int
) -> None:
    run = _begin(database, organization)
    assert scoring_runs.latest(database, other_organization, "lead", "train") is None
    assert scoring_runs.running(database, other_organization, now=NOW) == []
    assert scoring_runs.ask_to_stop(database, other_organization, run.run_id) is False
    assert _latest(database, organization).stop_asked is False
