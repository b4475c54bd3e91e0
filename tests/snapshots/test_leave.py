"""Who was away stands once, is taken back by name, and is seen by who sees the person; there is one calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from made_books import ANN, BO, CY, NOW, Books

from snapshots import leave
from snapshots.audit import list_entries
from snapshots.database import Database
from snapshots.leave import BadAbsence, Calendar, NewAbsence
from snapshots.reads import Reader
from snapshots.slices import Role

DAY = date(2026, 11, 2)


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def away(owner_id: int | None = BO, first: date = DAY, last: date = DAY + timedelta(days=4), **more: Any) -> NewAbsence:
    return NewAbsence(owner_id=owner_id, first_day=first, last_day=last, **more)


def add(books: Books, *wanted: NewAbsence) -> int:
    return leave.add_absences(books.database, books.organization_id, wanted, by="ann", now=NOW)


def whose(books: Books, role: Role = Role.ADMIN, owner_id: int | None = None) -> set[int | None]:
    return {one.owner_id for one in leave.list_absences(Reader(books.database, books.viewer(role, owner_id)))}


def test_the_same_days_stand_once(books: Books) -> None:
    assert add(books, away(), away(None)) == 2
    assert add(books, away(reason="again"), away(last=DAY)) == 1
    assert len(list_entries(books.database, books.organization_id, subject="leave")) == 3


def test_a_person_sees_own_leave_and_that_of_everybody(books: Books) -> None:
    add(books, away(ANN), away(BO), away(CY), away(None))
    assert whose(books) == {ANN, BO, CY, None}
    assert whose(books, Role.REP, BO) == {BO, None}
    assert whose(books, Role.MANAGER, ANN) == {ANN, BO, None}


def test_who_gets_no_leads_for_some_days_is_away_too(books: Books) -> None:
    books.put("absences", owner_id=BO, first_day=DAY, last_day=DAY)
    (one,) = leave.list_absences(Reader(books.database, books.viewer(Role.REP, BO)))
    assert (one.leave_id, one.owner_id, one.first_day, one.entered_by) == (None, BO, DAY, leave.ROUTING)
    assert whose(books, Role.REP, CY) == set()


def test_an_entry_that_is_taken_back_counts_no_more_and_says_who_did_so(books: Books) -> None:
    add(books, away())
    (one,) = leave.list_absences(Reader(books.database, books.viewer()))
    assert one.leave_id is not None
    for _ in range(2):
        leave.remove_absence(books.database, books.organization_id, one.leave_id, by="cy", now=NOW)
    assert whose(books) == set()
    assert books.ask("SELECT removed_by FROM leave_entries") == [("cy",)]
    told = list_entries(books.database, books.organization_id, subject="leave")
    assert [entry.action for entry in told] == ["removed", "created"]
    assert add(books, away()) == 1


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(away(last=DAY - timedelta(days=1)), "before the first"), (away(last=DAY + timedelta(days=2000)), "three years"),
     (away(reason="x" * 201), "200 letters"), (away(999), "not in this organization")],
)  # fmt: skip
def test_days_that_cannot_be_are_refused_and_nothing_is_entered(books: Books, wanted: NewAbsence, said: str) -> None:
    with pytest.raises(BadAbsence, match=said):
        add(books, away(ANN), wanted)
    assert whose(books) == set()


def test_nobody_elses_leave_is_seen_or_taken_back(books: Books, other_organization: int) -> None:
    add(books, away())
    other = Books(books.database, other_organization)
    assert whose(other) == set()
    (one,) = leave.list_absences(Reader(books.database, books.viewer()))
    assert one.leave_id is not None
    leave.remove_absence(books.database, other_organization, one.leave_id, by="eve", now=NOW)
    assert whose(books) == {BO}
    with pytest.raises(BadAbsence):
        add(other, away())


def test_an_organization_keeps_the_holidays_of_one_country_or_of_none(books: Books) -> None:
    ask = (books.database, books.organization_id)
    for wanted in (Calendar(country="DE", subdivision="BE"), Calendar(country="PL", subdivision=None), None):
        leave.set_calendar(*ask, wanted, by="ann", now=NOW)
        assert leave.calendar_of(*ask) == wanted
    leave.set_calendar(*ask, None, by="ann", now=NOW)
    assert len(list_entries(*ask, subject="calendar")) == 3
