"""Acceptance, refusals and cost count every version of a note and every request, edited and rewritten or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from made_books import ANN, BO, NOW, TODAY, Books

from snapshots import llm_spending, note_askings, notes
from snapshots.database import Database
from snapshots.llm_spending import Allowance, Outcome, Request
from snapshots.notes import NewNote, Note, NoteKey
from snapshots.organizations import create_organization
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

WEEK = date(2026, 11, 16)
EVER = Slice(first_day=None, last_day=TODAY, as_of=TODAY)
PLENTY = Allowance(most_tokens=1_000_000, most_micro_usd=1_000_000)
REFUSED: dict[str, Any] = {"level": "L0", "codes": ["CAUSAL"], "n_completions": 2}


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def written(books: Books, cache_key: str, owner: int = ANN, note_for: Any = "rep", **values: Any) -> Note:
    """A version of the week's note, accepted at the first answer."""
    told: dict[str, Any] = {
        "text": "You held 7 meetings.", "facts": {"facts": []}, "facts_hash": "h", "cache_key": cache_key,
        "sentences": [{"kind": "strength", "text": "You held 7 meetings.", "fact_ids": ["F1"], "evidence": []}],
        "level": "L2", "asked_level": "L2", "prompt_version": "1", "verifier_version": "1", "codes": [],
        "n_completions": 1,
    }  # fmt: skip
    key, where = NoteKey(owner, WEEK, note_for), (books.database, books.organization_id)
    assert notes.claim(*where, key, cache_key, token="t", lease=timedelta(seconds=25), now=NOW) is True
    made = notes.keep(*where, key, NewNote(**(told | values)), token="t", now=NOW)
    assert made is not None
    return made


def edited(books: Books, note: Note) -> Note:
    assert note.note_id is not None
    new = NewNote(**{name: getattr(note, name) for name in NewNote.__dataclass_fields__})
    said = replace(new, level="edited", written_by="ann@example.com", codes=(), n_completions=0, tokens_in=None,
                   tokens_out=None, micro_usd=None)  # fmt: skip
    return notes.edit(books.database, books.organization_id, note.note_id, said, now=NOW)


def requested(books: Books, owner: int = ANN, note_for: str = "rep", **values: Any) -> int:
    """A request that may cost 500 tokens and 40 millionths; settled as `values` say, else under way."""
    wanted = Request(
        month=date(2026, 11, 1), owner_id=owner, week=WEEK, note_for=note_for, host="h", model="m", body={},
        tokens=500, micro_usd=values.pop("reserved", 40),
    )  # fmt: skip
    where = (books.database, books.organization_id)
    number = llm_spending.reserve(*where, wanted, PLENTY, now=NOW)
    if values:
        llm_spending.settle(*where, number, Outcome(**({"code": "OK", "latency_ms": 9} | values)), now=NOW)
    return number


def paid(tokens: int, micro: int | None) -> dict[str, Any]:
    return {"tokens_in": tokens - 1, "tokens_out": 1, "tokens": tokens, "micro_usd": micro}


def reader(books: Books, role: Role = Role.ADMIN, owner_id: int | None = None) -> Reader:
    return Reader(books.database, books.viewer(role, owner_id))


def cost(books: Books, owner: int = ANN) -> tuple[Any, ...]:
    found = note_askings.costs(reader(books), EVER).set_index("owner_id")
    return tuple(found.loc[owner, ["n_requests", "tokens", "micro_usd", "n_unpriced"]])


def test_an_edit_takes_nothing_from_acceptance_nor_from_refusals(books: Books) -> None:
    edited(books, written(books, "k", codes=["FREE_WORDS"], n_completions=2))
    [one] = note_askings.asked(reader(books), EVER).itertuples()
    assert (one.is_accepted, one.codes, one.version) == (True, ["FREE_WORDS"], 1)


def test_each_writing_for_which_a_model_was_asked_counts(books: Books) -> None:
    written(books, "k", **REFUSED)
    written(books, "changed facts")
    written(books, "no answer", owner=BO, level="L0", codes=["BREAKER"], n_completions=0)
    found = note_askings.asked(reader(books), EVER)
    assert [(one.owner_id, one.version, one.is_accepted) for one in found.itertuples()] == [
        (ANN, 2, True), (ANN, 1, False), (BO, 1, False),
    ]  # fmt: skip


def test_what_no_model_was_asked_for_is_neither_accepted_nor_refused(books: Books) -> None:
    written(books, "template", level="L0", asked_level="L0", n_completions=0)
    written(books, "taken over from equal facts", n_completions=0)
    assert note_askings.asked(reader(books), EVER).empty


def test_cost_is_of_every_request_of_every_version(books: Books) -> None:
    requested(books, **paid(100, 7))
    written(books, "k", tokens_in=99, tokens_out=1, micro_usd=7, **REFUSED)
    requested(books, **paid(200, 9))
    edited(books, written(books, "changed facts", tokens_in=199, tokens_out=1, micro_usd=9))
    requested(books, owner=BO, **paid(50, 3))
    assert cost(books) == (2, 300, 16, 0)
    assert cost(books, BO) == (1, 50, 3, 0), "its note was never kept"


def test_what_a_server_did_not_tell_counts_as_reserved_and_an_unknown_price_is_said(books: Books) -> None:
    requested(books)
    requested(books, code="NOT_A_COMPLETION", tokens_in=None, tokens_out=None, tokens=None, micro_usd=None)
    assert cost(books) == (2, 1000, 80, 0)
    requested(books, reserved=None, **paid(10, None))
    assert cost(books) == (3, 1010, 80, 1)


def test_what_the_book_of_requests_forgot_is_told_by_the_versions(books: Books) -> None:
    requested(books, **paid(100, 7))
    written(books, "k", tokens_in=99, tokens_out=1, micro_usd=7)
    written(books, "changed facts", tokens_in=None, tokens_out=None, micro_usd=None)
    llm_spending.forget_requests(books.database, books.organization_id, now=NOW + timedelta(days=200))
    assert cost(books) == (0, 100, 7, 1)


def test_a_salesperson_sees_own_ones_without_drafts_and_an_outsider_none(books: Books) -> None:
    for owner in (ANN, BO):
        written(books, "k", owner=owner)
        requested(books, owner=owner, **paid(100, 7))
    written(books, "draft", note_for="manager")
    requested(books, note_for="manager", **paid(100, 7))
    own = reader(books, Role.REP, ANN)
    assert [(one.owner_id, one.note_for) for one in note_askings.asked(own, EVER).itertuples()] == [(ANN, "rep")]
    assert [(one.owner_id, one.note_for) for one in note_askings.costs(own, EVER).itertuples()] == [(ANN, "rep")]
    assert len(note_askings.costs(reader(books), EVER)) == 3
    other = create_organization(books.database, "Outsiders", time_zone="UTC").organization_id
    outsider = Reader(books.database, Viewer(other, Role.ADMIN))
    assert note_askings.asked(outsider, EVER).empty
    assert note_askings.costs(outsider, EVER).empty


def test_weeks_outside_the_days_looked_at_do_not_count(books: Books) -> None:
    written(books, "k")
    requested(books, **paid(100, 7))
    later = Slice(first_day=WEEK + timedelta(days=1), last_day=TODAY, as_of=TODAY)
    assert note_askings.asked(reader(books), later).empty
    assert note_askings.costs(reader(books), later).empty
