"""Versions of models: numbered, never changed, one of them used, each step written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from snapshots import model_versions
from snapshots.audit import list_entries
from snapshots.database import Database
from snapshots.model_versions import HasNoModel, ModelVersion, NoSuchVersion

NOW = datetime(2026, 11, 28, 20, tzinfo=UTC)
ANN = "ann@example.com"


def _add(database: Database, organization: int, subject: str = "lead", **further: Any) -> ModelVersion:
    trained: dict[str, Any] = {
        "card": {"gate": {"open": True, "gain": float("nan")}}, "model": b"packed", "cut_off": NOW - timedelta(days=1),
        "n": 500, "n_positive": 90, "data_hash": "abc", "by": ANN, "now": NOW, "state": "candidate",
    }  # fmt: skip
    return model_versions.add(database, organization, subject, **(trained | further))


def _states(database: Database, organization: int) -> list[tuple[int, str]]:
    return [(one.version, one.state) for one in model_versions.list_versions(database, organization, "lead")]


def test_a_version_is_kept_as_it_was_trained(database: Database, organization: int) -> None:
    made = _add(database, organization)
    assert model_versions.list_versions(database, organization, "lead") == [made]
    assert (made.version, made.state, made.n, made.n_positive, made.trained_by) == (1, "candidate", 500, 90, ANN)
    assert (made.card, made.has_model) == ({"gate": {"open": True, "gain": None}}, True)
    assert model_versions.load(database, organization, "lead", 1) == b"packed"
    assert model_versions.active(database, organization, "lead") is None


def test_versions_are_numbered_per_subject_and_listed_the_newest_first(database: Database, organization: int) -> None:
    made = [_add(database, organization, subject).version for subject in ("lead", "lead", "deal", "lead")]
    assert made == [1, 2, 1, 3]
    assert [version for version, _ in _states(database, organization)] == [3, 2, 1]


def test_one_that_is_active_from_the_start_takes_the_place_of_the_other(database: Database, organization: int) -> None:
    _add(database, organization, state="active")
    second = _add(database, organization, state="active")
    assert (second.promoted_at, second.promoted_by) == (NOW, ANN)
    assert _states(database, organization) == [(2, "active"), (1, "retired")]


def test_promoting_and_going_back_leave_one_that_is_used(database: Database, organization: int) -> None:
    for _ in range(2):
        _add(database, organization)
    for n, version in enumerate((1, 2, 1)):
        model_versions.promote(database, organization, "lead", version, by=ANN, now=NOW + timedelta(hours=n))
    assert _states(database, organization) == [(2, "retired"), (1, "active")]
    used = model_versions.active(database, organization, "lead")
    assert used is not None
    assert (used.version, used.promoted_at, used.retired_at) == (1, NOW + timedelta(hours=2), None)


def test_what_was_never_made_is_not_used(database: Database, organization: int) -> None:
    _add(database, organization, state="active")
    _add(database, organization, model=None, state="refused")
    with pytest.raises(HasNoModel):
        model_versions.promote(database, organization, "lead", 2, by=ANN, now=NOW)
    with pytest.raises(HasNoModel):
        _add(database, organization, model=None, state="active")
    with pytest.raises(NoSuchVersion):
        model_versions.promote(database, organization, "lead", 7, by=ANN, now=NOW)
    with pytest.raises(NoSuchVersion):
        model_versions.load(database, organization, "deal", 1)
    assert model_versions.load(database, organization, "lead", 2) is None
    assert _states(database, organization) == [(2, "refused"), (1, "active")]


def test_none_may_be_used(database: Database, organization: int) -> None:
    _add(database, organization, state="active")
    assert model_versions.retire(database, organization, "lead", by=ANN, now=NOW) == 1
    assert model_versions.retire(database, organization, "lead", by=ANN, now=NOW) is None
    assert model_versions.active(database, organization, "lead") is None


def test_each_step_is_written_down_once(database: Database, organization: int) -> None:
    _add(database, organization, state="active")
    _add(database, organization)
    for _ in range(2):
        model_versions.promote(database, organization, "lead", 2, by="bo@example.com", now=NOW)
    model_versions.retire(database, organization, "lead", by=ANN, now=NOW)
    steps = [
        (one.action, one.by, one.subject_id, one.before, one.after)
        for one in reversed(list_entries(database, organization, subject="model"))
    ]
    trained = {"n": 500, "n_positive": 90, "data_hash": "abc"}
    assert steps == [
        ("trained", ANN, "lead 1", None, {"state": "active"} | trained),
        ("promoted", ANN, "lead", None, {"version": 1}),
        ("trained", ANN, "lead 2", None, {"state": "candidate"} | trained),
        ("promoted", "bo@example.com", "lead", {"version": 1}, {"version": 2}),
        ("retired", ANN, "lead", {"version": 2}, None),
    ]


@pytest.mark.parametrize("column", ["card", "model", "n", "data_hash", "trained_at", "version"])
def test_nobody_changes_what_a_version_is(database: Database, organization: int, column: str) -> None:
    _add(database, organization)
    with pytest.raises(DBAPIError, match="permission denied"), database.as_app(organization) as connection:
        connection.execute(text(f"UPDATE model_versions SET {column} = {column}"))


def test_an_outsider_meets_none(database: Database, organization: int, other_organization: int) -> None:
    _add(database, organization, state="active")
    assert model_versions.list_versions(database, other_organization, "lead") == []
    assert model_versions.active(database, other_organization, "lead") is None
    with pytest.raises(NoSuchVersion):
        model_versions.load(database, other_organization, "lead", 1)
    with pytest.raises(NoSuchVersion):
        model_versions.promote(database, other_organization, "lead", 1, by=ANN, now=NOW)
    assert _states(database, organization) == [(1, "active")]
