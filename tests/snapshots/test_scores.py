"""Scores as they were issued: appended where they say something new, never changed, seen by whom they are for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import made_leads
import pytest
from made_books import ANN, BO, CY, NOW, Books, days, due, issued
from made_crm import lead
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stored_crm import Stored, noon

from adapters.records import Kind, Merge
from snapshots import scores
from snapshots.database import Database
from snapshots.slices import Role


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def test_a_score_is_kept_as_it_was_issued(books: Books) -> None:
    books.deal(1)
    said = issued(
        1, 61.4, close_early=due(3), close_likely=due(9), close_late=due(30), expected_minor=250, currency="EUR"
    )
    assert books.issue(said, subject="deal", version=4) == 1
    (kept,) = scores.history(books.database, books.viewer(), "deal", "1")
    assert (kept.scored_at, kept.model_version, kept.is_current, kept.outcome) == (NOW, 4, True, None)
    assert {name: getattr(kept, name) for name in said.__slots__} == {
        name: getattr(said, name) for name in said.__slots__
    }
    assert scores.current_of(books.database, books.viewer(), "deal", ["1"]) == {"1": kept}


def test_what_says_the_same_again_is_not_appended(books: Books) -> None:
    books.lead(1)
    books.issue(issued(1, 50.2))
    assert books.issue(issued(1, 49.8, probability=0.2), at=NOW + days(1)) == 0
    assert books.current(1) == {"1": 50.2}


@pytest.mark.parametrize(
    "further",
    [{"score": 51.0}, {"band": "hot"}, {"expected_minor": 7}, {"currency": "USD"}, {"close_likely": due(12)}],
    ids=lambda further: next(iter(further)),
)
def test_what_says_something_new_takes_the_place_of_the_other(books: Books, further: dict[str, Any]) -> None:
    books.deal(1)
    said = issued(1, close_likely=due(9), expected_minor=5, currency="EUR")
    books.issue(said, subject="deal")
    assert books.issue(replace(said, **further), subject="deal", at=NOW + days(1)) == 1
    kept = scores.history(books.database, books.viewer(), "deal", "1")
    assert [(one.scored_at, one.is_current) for one in kept] == [(NOW + days(1), True), (NOW, False)]


def test_a_close_date_that_hardly_moves_says_nothing_new(books: Books) -> None:
    books.deal(1)
    books.issue(issued(1, close_likely=due(9)), subject="deal")
    assert books.issue(issued(1, close_likely=due(11)), subject="deal", at=NOW + days(1)) == 0
    assert books.issue(issued(1), subject="deal", at=NOW + days(1)) == 1


def test_beyond_what_is_shown_points_say_nothing_new(books: Books) -> None:
    books.lead(1)
    books.issue(issued(1, 104.0))
    assert books.issue(issued(1, 131.0), at=NOW + days(1)) == 0


def test_another_version_of_the_model_says_it_anew(books: Books) -> None:
    books.lead(1)
    books.issue(issued(1))
    assert books.issue(issued(1), version=2, at=NOW + days(1)) == 1
    assert books.issue(issued(1, probability=None), version=None, at=NOW + days(2)) == 1
    assert books.issue(issued(1, probability=None), version=None, at=NOW + days(3)) == 0


def test_points_by_rule_have_no_probability(books: Books) -> None:
    books.lead(1)
    with pytest.raises(DBAPIError, match="rules_have_no_probability"):
        books.issue(issued(1), version=None)


def test_two_that_are_issued_at_one_instant_are_both_kept(books: Books) -> None:
    books.lead(1)
    for score in (50.0, 60.0, 70.0):
        books.issue(issued(1, score))
    assert [one.score for one in scores.history(books.database, books.viewer(), "lead", "1")] == [70.0, 60.0, 50.0]
    assert books.current(1) == {"1": 70.0}


def test_what_is_no_key_of_ours_is_refused(books: Books) -> None:
    for key in ("", "x", "12a", "-1", "1234567890123456789"):
        with pytest.raises(ValueError, match="UUID"):
            books.issue(issued(key))


@pytest.mark.parametrize("column", ["score", "probability", "reasons", "due_on", "scored_at", "model_version"])
def test_nobody_changes_what_was_issued(books: Books, column: str) -> None:
    books.lead(1)
    books.issue(issued(1))
    for door in (books.database.as_app(books.organization_id), books.database.as_worker()):
        with pytest.raises(DBAPIError, match="permission denied"), door as connection:
            connection.execute(text(f"UPDATE scores SET {column} = {column}"))


# --- which are current ------------------------------------------------------------------------------------------------


def test_what_was_withdrawn_stays_in_the_history_and_may_come_again(books: Books) -> None:
    for lead_id in (1, 2):
        books.lead(lead_id)
    books.issue(issued(1), issued(2))
    assert scores.withdraw(books.database, books.organization_id, "lead", ["1", "3"]) == 1
    assert books.current(1, 2) == {"2": 50.0}
    assert [one.is_current for one in scores.history(books.database, books.viewer(), "lead", "1")] == [False]
    assert books.issue(issued(1), at=NOW + days(1)) == 1


def test_settled_leads_have_no_current_score(books: Books) -> None:
    books.lead(1)
    books.lead(2, converted=True)
    books.lead(3, gone_at=NOW, gone_reason="deleted")
    books.lead(4, converted=None)
    books.lead(5, created_at=NOW - days(200))
    books.lead(6, created_at=None)
    books.issue(*(issued(n) for n in range(1, 8)))
    assert scores.withdraw_settled(books.database, books.organization_id, "lead") == 3
    assert set(books.current(*range(1, 8))) == {"1", "4", "5", "6"}
    again = scores.withdraw_settled(books.database, books.organization_id, "lead", created_before=NOW - days(180))
    assert again == 1
    assert set(books.current(*range(1, 8))) == {"1", "4", "6"}


def test_settled_leads_from_a_website_have_no_current_score(books: Books) -> None:
    at = NOW - days(9)
    connection_id = made_leads.connect(books.database, books.organization_id)
    put = {"connection_id": connection_id, "at": at}
    old, spam, double, waits, sold, lives = (
        made_leads.put(books.database, books.organization_id, **{**put, **further})
        for further in (
            {"at": NOW - days(300)}, {"state": "quarantined"}, {}, {}, {"state": "delivered"}, {"state": "delivered"},
        )
    )  # fmt: skip
    books.ask(f"UPDATE received_leads SET external_id = 'other' WHERE lead_id = '{lives}' RETURNING 1")
    books.put("lead_merges", lead_id=double, kept_lead_id=waits, merged_at=at, by="ann@example.com")
    books.put("external_links", connection_id=connection_id, kind="contact", external_id="C1", entity_id=9)
    books.deal(1, ("open", at + days(1)))
    books.put("deal_contacts", deal_id=1, contact_id=9)
    books.issue(*(issued(one) for one in (old, spam, double, waits, sold, lives)))
    scores.withdraw_settled(books.database, books.organization_id, "lead", created_before=NOW - days(180))
    assert set(books.current(old, spam, double, waits, sold, lives)) == {str(waits), str(lives)}


def test_deals_that_are_not_open_have_no_current_score(books: Books) -> None:
    books.deal(1)
    for deal_id, status in enumerate(("won", "lost", "deleted"), start=2):
        books.deal(deal_id, ("open", NOW - days(5)), (status, NOW - days(1)))
    books.issue(*(issued(n) for n in range(1, 6)), subject="deal")
    assert scores.withdraw_settled(books.database, books.organization_id, "deal") == 4
    assert set(books.current(1, 2, 3, 4, 5, subject="deal")) == {"1"}
    assert scores.withdraw_settled(books.database, books.organization_id, "deal", created_before=NOW) == 1


@pytest.mark.parametrize("kind", [Kind.LEAD, Kind.DEAL])
def test_scores_follow_a_merge_and_the_survivors_own_stays_the_current_one(
    database: Database, organization: int, kind: Kind
) -> None:
    stored, books = Stored(database, organization), Books(database, organization)
    for key in ("a", "b", "c"):
        if kind is Kind.LEAD:
            stored.crm.add(lead(key, noon(0)))
        else:
            stored.crm.create(key, noon(0))
    stored.sync(1)
    a, b, c = (stored.id_of(kind, key) for key in ("a", "b", "c"))
    books.issue(issued(a, 10), issued(b, 20), issued(c, 30), subject=kind.value, at=noon(1))
    books.issue(issued(b, 25), issued(c, 35), subject=kind.value, at=noon(2))
    stored.crm.log[kind].append(Merge(kind=kind, winner_id="a", loser_ids=("b", "c"), at=noon(3)))
    stored.sync(4)
    kept = books.ask("SELECT entity_key, score, is_current FROM scores ORDER BY score")
    assert kept == [
        (str(a), 10.0, True), (str(b), 20.0, False), (str(a), 25.0, False), (str(c), 30.0, False), (str(c), 35.0, False)
    ]  # fmt: skip


# --- who sees them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["lead", "deal"])
@pytest.mark.parametrize(
    ("role", "owner_id", "sees"),
    [
        (Role.ADMIN, None, {"1", "2", "3", "4"}), (Role.SALES_OPS, None, {"1", "2", "3", "4"}),
        (Role.ANALYST, None, {"1", "2", "3", "4"}), (Role.MANAGER, ANN, {"1", "2"}), (Role.MANAGER, CY, {"3"}),
        (Role.MANAGER, None, set()), (Role.REP, BO, {"2"}), (Role.REP, CY, {"3"}), (Role.REP, None, set()),
    ],
)  # fmt: skip
def test_a_rep_sees_own_scores_and_a_manager_those_of_his_teams(
    books: Books, subject: str, role: Role, owner_id: int | None, sees: set[str]
) -> None:
    for n, owner in enumerate((ANN, BO, CY, None), start=1):
        (books.lead if subject == "lead" else books.deal)(n, owner_id=owner)  # type: ignore[operator]
    books.issue(*(issued(n) for n in range(1, 5)), subject=subject)
    viewer = books.viewer(role, owner_id)
    assert set(books.current(1, 2, 3, 4, subject=subject, viewer=viewer)) == sees
    assert {str(n) for n in range(1, 5) if scores.history(books.database, viewer, subject, str(n))} == sees


def test_a_manager_sees_those_who_are_in_his_team_now(books: Books) -> None:
    books.lead(1, owner_id=BO, created_at=NOW - days(100))
    books.issue(issued(1))
    moved = NOW - days(50)
    with books.database.as_app(books.organization_id) as connection:
        connection.execute(
            text("UPDATE owner_versions SET valid_to = :at, superseded_at = :at WHERE owner_id = :bo"),
            {"at": moved, "bo": BO},
        )
    books.put(
        "owner_versions", owner_id=BO, valid_from=moved, recorded_at=moved, is_observed=True, is_active=True,
        team_id=802,
    )  # fmt: skip
    assert books.current(1, viewer=books.viewer(Role.MANAGER, ANN)) == {}
    assert books.current(1, viewer=books.viewer(Role.MANAGER, CY)) == {"1": 50.0}


def test_of_leads_from_a_website_nobody_knows_but_who_sees_everything(books: Books) -> None:
    lead_id = made_leads.put(books.database, books.organization_id)
    books.issue(issued(lead_id))
    assert books.current(lead_id) == {str(lead_id): 50.0}
    for role in (Role.MANAGER, Role.REP):
        assert books.current(lead_id, viewer=books.viewer(role, ANN)) == {}


def test_an_outsider_sees_changes_and_grades_none(books: Books, other_organization: int) -> None:
    books.lead(1, converted=True)
    books.issue(issued(1))
    outside = Books(books.database, other_organization)
    assert outside.current(1) == {}
    assert scores.history(books.database, outside.viewer(), "lead", "1") == []
    assert scores.withdraw(books.database, other_organization, "lead", ["1"]) == 0
    assert scores.withdraw_settled(books.database, other_organization, "lead") == 0
    assert scores.grade_due(books.database, other_organization, "lead", now=NOW) == 0
    assert len(scores.graded(books.database, other_organization, "lead", since=NOW - days(9), now=NOW)) == 0
    assert books.current(1) == {"1": 50.0}
