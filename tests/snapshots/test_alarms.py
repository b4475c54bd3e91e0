"""Alarms stand as they were raised, are seen by who sees the rows behind them, and carry what people said last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from made_books import ANN, BO, CY, NOW, TODAY, Books, days

from snapshots import alarms
from snapshots.alarms import NoSuchAlarm, Raised
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import Role, Slice

WEEK = date(2026, 11, 16)
EVER = Slice(first_day=None, last_day=TODAY, as_of=TODAY)


def raised(key: object = BO, **values: Any) -> Raised:
    plain: dict[str, Any] = {
        "subject_key": str(key), "owner_id": key if isinstance(key, int) else None, "name": "Bo", "day": WEEK,
        "since": WEEK, "direction": "drop", "kind": "lost week", "score": 1.4, "value": 0, "expected": 8.0, "low": 4,
        "high": 12, "team": 1.0, "n_weeks": 1, "value_n": 0, "expected_n": 8.0, "why": "0 this week, 8.0 expected.",
    }  # fmt: skip
    return Raised(**(plain | values))


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def issue(books: Books, *said: Raised, measure: alarms.Measure = "activities", on: date = date(2026, 11, 23)) -> int:
    return alarms.issue(
        books.database, books.organization_id, measure, said, made_on=on, card={"budget": 0.25}, budget=0.25, now=NOW
    )


def reader(books: Books, role: Role = Role.ADMIN, owner_id: int | None = None) -> Reader:
    return Reader(books.database, books.viewer(role, owner_id))


def names_of(books: Books, as_of: date = TODAY, **who: Any) -> list[str]:
    found = alarms.list_alarms(reader(books, **who), "activities", replace(EVER, last_day=as_of, as_of=as_of))
    return found["subject_key"].tolist()


def test_an_alarm_that_stands_is_not_raised_again_and_does_not_change(books: Books) -> None:
    assert issue(books, raised()) == 1
    assert issue(books, raised(score=9.0, why="another word"), raised(direction="rise", kind="spike")) == 1
    found = alarms.list_alarms(reader(books), "activities", EVER)
    assert sorted(found["score"]) == [1.4, 1.4]
    assert set(found["why"]) == {"0 this week, 8.0 expected."}


def test_a_day_sees_what_was_raised_by_then(books: Books) -> None:
    issue(books, raised(BO), on=date(2026, 11, 25))
    issue(books, raised(ANN, day=WEEK - days(70), since=WEEK - days(70), is_replayed=True), on=date(2026, 11, 25))
    assert names_of(books, as_of=date(2026, 11, 24)) == [str(ANN)]
    assert names_of(books, as_of=date(2026, 11, 25)) == [str(BO), str(ANN)]
    assert names_of(books, as_of=WEEK - timedelta(days=64)) == []
    assert names_of(books, as_of=WEEK - timedelta(days=63)) == [str(ANN)]


def test_the_newest_run_of_a_day_says_what_the_budget_was_worth(books: Books) -> None:
    issue(books, on=date(2026, 11, 16))
    issue(books, on=date(2026, 11, 23))
    ask = (books.database, books.organization_id, "activities")
    assert alarms.latest_run(*ask, as_of=date(2026, 11, 22)).made_on == date(2026, 11, 16)  # type: ignore[union-attr]
    assert alarms.latest_run(*ask, as_of=TODAY).card == {"budget": 0.25}  # type: ignore[union-attr]
    assert alarms.latest_run(*ask, as_of=date(2026, 11, 1)) is None


def test_a_salesperson_sees_own_alarms_and_a_manager_those_of_the_teams(books: Books) -> None:
    issue(books, raised(ANN), raised(BO), raised(CY))
    assert names_of(books, role=Role.REP, owner_id=BO) == [str(BO)]
    assert sorted(names_of(books, role=Role.MANAGER, owner_id=ANN)) == [str(ANN), str(BO)]
    assert len(names_of(books, role=Role.ANALYST)) == 3


def test_sources_and_forms_are_for_who_sees_everything(books: Books) -> None:
    issue(books, raised("Website"), measure="leads")
    assert len(alarms.list_alarms(reader(books), "leads", EVER)) == 1
    assert alarms.list_alarms(reader(books, Role.MANAGER, ANN), "leads", EVER).empty


def test_nobody_elses_alarms_are_seen(books: Books, other_organization: int) -> None:
    issue(books, raised())
    other = Books(books.database, other_organization)
    assert alarms.list_alarms(reader(other), "activities", EVER).empty
    with pytest.raises(NoSuchAlarm):
        alarms.say(reader(other), alarm_id(books), "real", by="eve", now=NOW)


def alarm_id(books: Books) -> int:
    return int(books.ask("SELECT max(alarm_id) FROM alarms")[0][0])


def test_what_was_said_last_counts_and_may_be_taken_back(books: Books) -> None:
    issue(books, raised())
    one = alarm_id(books)
    for verdict, by in (("leave", "ann"), ("real", "bo")):
        alarms.say(reader(books), one, verdict, by=by, now=NOW)  # type: ignore[arg-type]
    found = alarms.list_alarms(reader(books), "activities", EVER)
    assert found[["verdict", "said_by"]].to_numpy().tolist() == [["real", "bo"]]
    alarms.say(reader(books), one, None, by="bo", now=NOW)
    found = alarms.list_alarms(reader(books), "activities", EVER)
    assert found["verdict"].isna().all()
    assert found["said_by"].isna().all()
    assert books.ask("SELECT count(*) FROM alarm_verdicts") == [(3,)]


def test_nobody_says_what_an_alarm_was_that_he_may_not_see(books: Books) -> None:
    issue(books, raised(CY))
    with pytest.raises(NoSuchAlarm):
        alarms.say(reader(books, Role.MANAGER, ANN), alarm_id(books), "real", by="ann", now=NOW)
    with pytest.raises(ValueError, match="real, leave, left, false"):
        alarms.say(reader(books), alarm_id(books), "maybe", by="ann", now=NOW)  # type: ignore[arg-type]
