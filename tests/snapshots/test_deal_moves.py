"""How one deal's close date and amount moved: each move once, the newest first, for who may see the deal since."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from made_books import ANN, BO, CY, NOW, TODAY, Books, days, due
from sqlalchemy import text

from snapshots import deal_moves
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

AS_NOW = Slice(first_day=None, last_day=TODAY, as_of=TODAY)
STEPS = (  # days ago, close date in so many days from today, amount, owner
    (50, None, 100_00, BO),
    (40, -10, 100_00, BO),
    (30, 5, 100_00, BO),
    (20, 5, 150_00, ANN),
    (10, 2, 150_00, ANN),
)


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    made.put("deals", deal_id=1, name="Deal 1", content_hash=2)
    for place, (ago, close, minor, owner_id) in enumerate(STEPS):
        end = NOW - days(STEPS[place + 1][0]) if place + 1 < len(STEPS) else "infinity"
        made.put(
            "deal_versions", deal_id=1, valid_from=NOW - days(ago), recorded_at=NOW - days(ago), valid_to=end,
            superseded_at=end, is_observed=True, status="open", owner_id=owner_id, amount_minor=minor, currency="EUR",
            close_on=None if close is None else due(close),
        )  # fmt: skip
    made.deal(2, ("open", NOW - days(50)), owner_id=CY)
    return made


def dates(books: Books, viewer: Viewer, slice_: Slice = AS_NOW, limit: int = 9) -> list[tuple[date, int]]:
    found = deal_moves.date_moves(Reader(books.database, viewer), slice_, 1, limit=limit)
    return [(row.day.date(), row.days) for row in found.itertuples()]


def test_each_move_of_a_close_date_is_told_with_its_day_and_the_first_date_is_none(books: Books) -> None:
    later, earlier = (TODAY - days(30), 15), (TODAY - days(10), -3)
    assert dates(books, books.viewer()) == [earlier, later]
    assert dates(books, books.viewer(), limit=1) == [earlier]
    past = replace(AS_NOW, as_of=TODAY - days(15))
    assert dates(books, books.viewer(), past) == [later]


def test_moves_of_the_amount_are_told_from_and_to(books: Books) -> None:
    found = deal_moves.amount_moves(Reader(books.database, books.viewer()), AS_NOW, 1, limit=9)
    assert found[["was_minor", "amount_minor", "currency", "owner"]].to_numpy().tolist() == [
        [100_00, 150_00, "EUR", "Ann"]
    ]


def test_entries_into_stages_are_told_the_newest_first_to_who_may_see_them(books: Books) -> None:
    for stage_id, name in ((11, "First"), (12, "Second")):
        books.put("stages", stage_id=stage_id, name=name, status="open", content_hash=2)
    for stage_id, before, ago, owner_id in ((11, None, 50, BO), (12, 11, 20, ANN)):
        books.put("stage_events", deal_id=1, entered_at=NOW - days(ago), stage_id=stage_id, from_stage_id=before,
                  owner_id=owner_id, is_observed=True, recorded_at=NOW - days(ago))  # fmt: skip

    def told(viewer: Viewer, slice_: Slice = AS_NOW) -> list[object]:
        found = deal_moves.stage_moves(Reader(books.database, viewer), slice_, 1, limit=9)
        return found[["was", "stage", "owner"]].to_numpy().tolist()

    first, second = [None, "First", "Bo"], ["First", "Second", "Ann"]
    assert told(books.viewer()) == [second, first]
    assert told(books.viewer(), replace(AS_NOW, as_of=TODAY - days(30))) == [first]
    then = replace(AS_NOW, known_on=TODAY - days(30))
    assert told(books.viewer(), then) == [first]
    assert told(books.viewer(Role.REP, BO)) == [first]


def test_a_move_is_seen_by_who_may_see_the_deal_since(books: Books, other_organization: int) -> None:
    assert [by for _, by in dates(books, books.viewer(Role.REP, BO))] == [15]
    assert [by for _, by in dates(books, books.viewer(Role.MANAGER, ANN))] == [-3, 15]
    assert dates(books, books.viewer(Role.MANAGER, CY)) == []
    assert dates(books, Viewer(other_organization, Role.ADMIN)) == []


def test_what_was_learnt_later_is_left_out_where_what_was_known_then_is_asked_for(books: Books) -> None:
    with books.database.as_owner() as connection:
        connection.execute(
            text("UPDATE deal_versions SET recorded_at = :late WHERE valid_from = :at"),
            {"late": NOW - days(2), "at": NOW - days(10)},
        )
    then = replace(AS_NOW, as_of=TODAY - days(5), known_on=TODAY - days(5))
    assert [by for _, by in dates(books, books.viewer(), then)] == [15]
    assert [by for _, by in dates(books, books.viewer(), replace(then, known_on=None))] == [-3, 15]


def test_a_move_that_was_taken_back_later_stands_where_what_was_known_then_is_asked_for(books: Books) -> None:
    """A version that a correction left no time for was believed to hold until then."""
    with books.database.as_owner() as connection:
        connection.execute(
            text("UPDATE deal_versions SET valid_to = valid_from, superseded_at = :late WHERE valid_from = :at"),
            {"late": NOW - days(2), "at": NOW - days(10)},
        )
    then = replace(AS_NOW, as_of=TODAY - days(5), known_on=TODAY - days(5))
    assert [by for _, by in dates(books, books.viewer(), then)] == [-3, 15]
    assert [by for _, by in dates(books, books.viewer(), replace(then, known_on=None))] == [15]
