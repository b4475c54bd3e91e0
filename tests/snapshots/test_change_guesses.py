"""What is guessed to be the same in two CRMs, and what is left to a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.records import Kind
from snapshots.change_guesses import DealFacts, Item, deals, items, stages

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)


def owners(*names: tuple[str | int, str | None, str | None]) -> list[Item]:
    return [Item(key=key, name=name, email=email) for key, name, email in names]


def test_salespeople_are_the_same_by_address_whatever_their_names() -> None:
    found = items(Kind.OWNER, owners(("a", "Ann S.", "Ann@X.example")), owners((1, "Ann Smith", "ann@x.example")))
    assert (found["a"].ours, found["a"].why) == (1, "Same e-mail address")


def test_without_an_address_the_name_decides_without_case_and_accents() -> None:
    found = items(Kind.OWNER, owners(("a", "Jose  NUNEZ", None)), owners((1, "José Núñez", "j@x.example")))
    assert (found["a"].ours, found["a"].why) == (1, "Same name")


@pytest.mark.parametrize(("n_theirs", "n_ours"), [(1, 2), (2, 1), (2, 2)])
def test_a_name_that_several_have_is_left_to_a_person(n_theirs: int, n_ours: int) -> None:
    theirs = owners(*((f"a{n}", "Ann", None) for n in range(n_theirs)))
    found = items(Kind.OWNER, theirs, owners(*((n, "Ann", None) for n in range(n_ours))))
    assert {guess.ours for guess in found.values()} == {None}
    assert all("Nobody here" in guess.why for guess in found.values())


def test_the_only_pipeline_left_on_both_sides_is_the_same() -> None:
    theirs = [Item(key="p", name="Deals"), Item(key="q", name="Renewals")]
    found = items(Kind.PIPELINE, theirs, [Item(key=1, name="Sales"), Item(key=2, name="Renewals")])
    assert {key: guess.ours for key, guess in found.items()} == {"p": 1, "q": 2}


def pipeline(*names: str, keys: str, of: str | int) -> list[Item]:
    statuses = {"Won": "won", "Closed": "won", "Lost": "lost"}
    return [
        Item(key=f"{keys}{n}" if keys else n, name=name, position=n, pipeline=of, status=statuses.get(name, "open"))
        for n, name in enumerate(names, start=1)
    ]


def test_stages_are_the_same_by_name_then_by_place() -> None:
    theirs = pipeline("New", "Proposal", "Deciding", "Closed", "Lost", keys="s", of="p")
    ours = pipeline("New", "Offer", "Decision", "Won", "Lost", keys="", of=7)
    found = stages(theirs, ours, {"p": 7})
    assert {key: guess.ours for key, guess in found.items()} == {"s1": 1, "s2": 2, "s3": 3, "s4": 4, "s5": 5}
    assert found["s2"].why == "Same place, 2 of 3"
    assert found["s4"].why == "The only other stage of won deals"


def test_stages_that_are_more_on_one_side_are_not_guessed_by_place() -> None:
    theirs = pipeline("One", "Two", "Three", keys="s", of="p")
    found = stages(theirs, pipeline("A", "B", keys="", of=7), {"p": 7})
    assert {guess.ours for guess in found.values()} == {None}


def test_stages_of_a_new_pipeline_are_new() -> None:
    found = stages(pipeline("New", keys="s", of="p"), pipeline("New", keys="", of=7), {"p": None})
    assert (found["s1"].ours, found["s1"].why) == (None, "Its pipeline is new here")


DEAL = DealFacts(
    key=1, name="Licences 2026", status="open", amount_minor=1_200_00, currency="EUR", created_at=AT, company="Acme",
    domain="acme.example", people=frozenset({"ann@acme.example"}),
)  # fmt: skip
THERE = replace(DEAL, key="a")
IMPORTED = AT + timedelta(days=200)


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (THERE, "Same name, company, day of creation and amount"),
        (replace(THERE, created_at=IMPORTED), "Same name, company and amount"),
        (replace(THERE, created_at=IMPORTED, amount_minor=None), "Same name and company"),
        (replace(THERE, created_at=IMPORTED, company=None, domain=None), "Same name, contact and amount"),
        (replace(THERE, company=None, domain=None, people=frozenset()), "Same name, day of creation and amount"),
        (replace(THERE, name="Other"), "Same company, day of creation and amount"),
    ],
)
def test_deals_are_the_same_where_enough_agrees(theirs: DealFacts, why: str) -> None:
    [pair] = deals([theirs], [DEAL])
    assert (pair.theirs, pair.ours, pair.why) == ("a", 1, why)


@pytest.mark.parametrize(
    "theirs",
    [
        replace(THERE, name="Other", created_at=IMPORTED),
        replace(THERE, name="Other", amount_minor=5),
        replace(THERE, created_at=IMPORTED, company=None, domain=None, people=frozenset()),
        replace(THERE, currency="USD", name="Other"),
    ],
)
def test_deals_of_which_too_little_agrees_are_not_guessed(theirs: DealFacts) -> None:
    assert deals([theirs], [DEAL]) == []


def test_an_open_deal_there_is_no_closed_one_here() -> None:
    assert deals([THERE], [replace(DEAL, status="won")]) == []
    assert len(deals([replace(THERE, status="won")], [DEAL])) == 1


def test_each_deal_is_in_one_pair_and_the_better_one_wins() -> None:
    twin = replace(DEAL, key=2, amount_minor=999)
    found = deals([THERE, replace(THERE, key="b", amount_minor=999)], [DEAL, twin])
    assert {(pair.theirs, pair.ours) for pair in found} == {("a", 1), ("b", 2)}
