"""Notes are versions that stay as written, seen by whom they concern; of several workers one claims each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from made_books import ANN, BO, CY, NOW, TODAY, Books
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from snapshots import llm_spending, note_reads, notes
from snapshots.database import Database
from snapshots.llm_spending import Allowance, Outcome, OverBudget, Request
from snapshots.note_reads import Feedback, NoSuchNote
from snapshots.notes import NewNote, Note, NoteChanged, NoteKey
from snapshots.organizations import create_organization
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

WEEK = date(2026, 11, 16)
LEASE = timedelta(seconds=25)
EVER = Slice(first_day=None, last_day=TODAY, as_of=TODAY)


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def new(**values: Any) -> NewNote:
    plain: dict[str, Any] = {
        "text": "You held 7 meetings.", "facts": {"facts": [{"id": "F1", "phrase": "you held 7 meetings"}]},
        "sentences": [{"kind": "strength", "text": "You held 7 meetings.", "fact_ids": ["F1"], "evidence": []}],
        "facts_hash": "h", "cache_key": "k", "level": "L2", "asked_level": "L2", "prompt_version": "1",
        "verifier_version": "1", "codes": ["NUM_UNSUPPORTED"],
    }  # fmt: skip
    return NewNote(**(plain | values))


def written(books: Books, owner: int = ANN, week: date = WEEK, **values: Any) -> Note:
    key, where = NoteKey(owner, week), (books.database, books.organization_id)
    assert notes.claim(*where, key, str(values.get("cache_key", "k")), token="t", lease=LEASE, now=NOW) is True
    made = notes.keep(*where, key, new(**values), token="t", now=NOW)
    assert made is not None
    return made


def reader(books: Books, role: Role = Role.ADMIN, owner_id: int | None = None) -> Reader:
    return Reader(books.database, books.viewer(role, owner_id))


def outsider(database: Database) -> Reader:
    other = create_organization(database, "Outsiders", time_zone="UTC").organization_id
    return Reader(database, Viewer(other, Role.ADMIN))


# --- claims ----------------------------------------------------------------------------------------------------------


def test_one_claims_and_others_wait_until_it_is_kept_released_or_over(books: Books) -> None:
    key, where = NoteKey(ANN, WEEK), (books.database, books.organization_id)

    def claim(token: str, later: float = 0) -> Note | bool:
        return notes.claim(*where, key, "k", token=token, lease=LEASE, now=NOW + timedelta(seconds=later))

    assert [claim("a"), claim("b"), claim("a")] == [True, False, False]
    notes.release(*where, key, token="b")
    assert claim("b") is False, "nobody lets go of another's claim"
    notes.release(*where, key, token="a")
    assert [claim("b"), claim("c", 24), claim("c", 26)] == [True, False, True]
    assert notes.keep(*where, key, new(), token="b", now=NOW) is None, "another has the claim"
    kept = notes.keep(*where, key, new(), token="c", now=NOW)
    assert kept is not None
    assert claim("d") == kept


def test_other_facts_make_a_version_until_a_person_has_put_a_hand_to_it(books: Books) -> None:
    first = written(books)
    second = written(books, cache_key="k2")
    assert (first.version, second.version) == (1, 2)
    assert second.note_id is not None
    notes.approve(books.database, books.organization_id, second.note_id, by="Mo", now=NOW)
    key = NoteKey(ANN, WEEK)
    held = notes.claim(books.database, books.organization_id, key, "k3", token="t", lease=LEASE, now=NOW)
    assert isinstance(held, Note)
    assert (held.version, held.state, held.approved_by) == (2, "approved", "Mo")


def test_what_a_person_approved_while_a_worker_wrote_is_not_written_over(books: Books) -> None:
    first, key, where = written(books), NoteKey(ANN, WEEK), (books.database, books.organization_id)
    assert first.note_id is not None
    assert notes.claim(*where, key, "k2", token="t", lease=LEASE, now=NOW) is True
    approved = notes.approve(*where, first.note_id, by="Mo", now=NOW)
    assert notes.keep(*where, key, new(cache_key="k2"), token="t", now=NOW) == approved
    assert notes.newest(*where, key) == approved
    claimed = notes.claim(*where, key, "k3", token="u", lease=LEASE, now=NOW)
    assert claimed == approved, "the claim was ended"


def test_only_the_newest_version_is_edited_approved_and_sent(books: Books) -> None:
    first, where = written(books), (books.database, books.organization_id)
    assert first.note_id is not None
    edited = notes.edit(*where, first.note_id, new(text="Better.", level="edited", written_by="Mo"), now=NOW)
    with pytest.raises(NoteChanged):
        notes.approve(*where, first.note_id, by="Mo", now=NOW)
    with pytest.raises(NoteChanged):
        begin(books, first)
    assert edited.note_id is not None
    assert end(books, begin(books, edited), is_sent=True).state == "sent"
    assert notes.approve(*where, edited.note_id, by="Mo", now=NOW).state == "sent", "what is sent stays sent"
    assert notes.get(*where, first.note_id) == first
    told = books.ask("SELECT action, by FROM audit_entries WHERE subject = 'coaching note' ORDER BY entry_id")
    assert told == [("edited", "Mo"), ("approved", "Mo"), ("sent", "Mo")]


def begin(books: Books, note: Note | None, token: str = "t", *, later: timedelta = timedelta()) -> Note | None:
    assert note is not None
    assert note.note_id is not None
    where = (books.database, books.organization_id, note.note_id)
    return notes.begin_sending(*where, by="Mo", token=token, lease=LEASE, now=NOW + later)


def end(books: Books, note: Note | None, token: str = "t", *, is_sent: bool) -> Note:
    assert note is not None
    where = (books.database, books.organization_id, note)
    return notes.end_sending(*where, by="Mo", token=token, now=NOW, is_sent=is_sent)


def test_of_two_who_send_a_note_one_does(books: Books) -> None:
    note = written(books)
    mine = begin(books, note)
    assert mine is not None
    assert mine.state == "approved"
    assert begin(books, note, "other") is None
    end(books, mine, is_sent=False)
    again = begin(books, note, "other")
    assert again is not None, "what did not go out may be sent again"
    assert begin(books, note, "third", later=LEASE + timedelta(seconds=1)) is not None, "whoever began is dead"
    end(books, again, "third", is_sent=True)
    sent = begin(books, note)
    assert sent is not None
    assert sent.state == "sent"


def test_what_was_edited_while_it_was_sent_stays_the_newest_and_the_sent_version_is_called_so(books: Books) -> None:
    note = written(books)
    mine = begin(books, note)
    assert note.note_id is not None
    edited = notes.edit(
        books.database, books.organization_id, note.note_id, new(text="Better.", level="edited", written_by="Mo"),
        now=NOW,
    )  # fmt: skip
    assert end(books, mine, is_sent=True).state == "sent"
    newest = notes.newest(books.database, books.organization_id, NoteKey(ANN, WEEK))
    assert newest == edited


def test_what_a_version_says_cannot_be_changed(books: Books) -> None:
    written(books)
    with books.database.as_app(books.organization_id) as connection, pytest.raises(ProgrammingError, match="denied"):
        connection.execute(text("UPDATE coaching_notes SET text = 'Other.'"))


def test_the_same_answer_is_found_of_a_model_alone(books: Books) -> None:
    where = (books.database, books.organization_id)
    written(books, level="L0", cache_key="a")
    made = written(books, BO, cache_key="b")
    assert notes.same_answer(*where, "a") is None
    assert notes.same_answer(*where, "b") == made
    other = outsider(books.database).viewer.organization_id
    assert notes.same_answer(books.database, other, "b") is None


# --- who sees it -----------------------------------------------------------------------------------------------------


def test_a_salesperson_sees_own_notes_a_manager_the_teams_and_an_outsider_none(books: Books) -> None:
    made = {owner: written(books, owner, cache_key=str(owner)) for owner in (ANN, BO, CY)}

    def seen(by: Reader) -> list[int]:
        found = note_reads.list_notes(by, EVER)["owner_id"].tolist()
        for owner, note in made.items():
            assert note.note_id is not None
            if owner in found:
                assert note_reads.get_note(by, note.note_id) == note
                assert len(note_reads.history(by, owner, WEEK)) == 1
                continue
            assert note_reads.history(by, owner, WEEK) == []
            for ask in (note_reads.get_note, note_reads.requests_of, note_reads.feedback_of):
                with pytest.raises(NoSuchNote):
                    ask(by, note.note_id)
            with pytest.raises(NoSuchNote):
                note_reads.say(by, note.note_id, Feedback(said="wrong"), by="x", now=NOW)
        return found

    assert seen(reader(books)) == [ANN, BO, CY]
    assert seen(reader(books, Role.REP, BO)) == [BO]
    assert seen(reader(books, Role.MANAGER, ANN)) == [ANN, BO]
    assert seen(reader(books, Role.REP)) == []
    assert seen(outsider(books.database)) == []


def test_what_is_written_for_a_manager_is_not_for_the_salesperson(books: Books) -> None:
    key, where = NoteKey(ANN, WEEK, "manager"), (books.database, books.organization_id)
    assert notes.claim(*where, key, "m", token="t", lease=LEASE, now=NOW) is True
    made = notes.keep(*where, key, new(cache_key="m"), token="t", now=NOW)
    assert made is not None
    assert made.note_id is not None
    own = reader(books, Role.REP, ANN)
    assert note_reads.list_notes(own, EVER).empty
    assert note_reads.history(own, ANN, WEEK) == []
    with pytest.raises(NoSuchNote):
        note_reads.get_note(own, made.note_id)
    assert note_reads.list_notes(reader(books), EVER)["note_for"].tolist() == ["manager"]


def test_the_list_has_the_newest_version_of_each_week(books: Books) -> None:
    written(books, week=WEEK - timedelta(days=7), cache_key="a")
    written(books)
    newest = written(books, cache_key="k2")
    found = note_reads.list_notes(reader(books), EVER)
    assert found["version"].tolist() == [2, 1]
    assert found["note_id"].tolist()[0] == newest.note_id
    assert found["codes"].tolist()[0] == ["NUM_UNSUPPORTED"]
    early = replace(EVER, last_day=WEEK - timedelta(days=1))
    assert note_reads.list_notes(reader(books), early)["version"].tolist() == [1]


# --- feedback --------------------------------------------------------------------------------------------------------


def test_the_newest_word_of_a_person_about_the_same_thing_counts(books: Books) -> None:
    note_id, by = written(books).note_id, reader(books)
    assert note_id is not None
    for who, said in (("Ann", Feedback(said="wrong", sentence=0)), ("Ann", Feedback(said="done", fact_id="F1")),
                      ("Mo", Feedback(said="wrong", sentence=0, comment="No.")),
                      ("Ann", Feedback(said=None, sentence=0))):  # fmt: skip
        note_reads.say(by, note_id, said, by=who, now=NOW)
    stands = [(one["said_by"], one["said"], one["sentence"], one["fact_id"]) for one in
              note_reads.feedback_of(by, note_id)]  # fmt: skip
    assert stands == [("Ann", "done", None, "F1"), ("Mo", "wrong", 0, None)]
    counted = note_reads.list_notes(by, EVER)
    assert (counted["n_wrong"].tolist(), counted["n_done"].tolist()) == ([1], [1])


@pytest.mark.parametrize(
    "said",
    [
        Feedback(said="wrong", sentence=1), Feedback(said="wrong", sentence=-1), Feedback(said="done", fact_id="F2"),
        Feedback(said="fine"), Feedback(said="wrong", comment="x" * 501),
    ],  # type: ignore[arg-type]
)  # fmt: skip
def test_nothing_is_said_of_what_is_not_there(books: Books, said: Feedback) -> None:
    note_id = written(books).note_id
    assert note_id is not None
    with pytest.raises(ValueError, match=r"has|says"):
        note_reads.say(reader(books), note_id, said, by="Ann", now=NOW)


# --- requests --------------------------------------------------------------------------------------------------------


def request(**values: Any) -> Request:
    plain: dict[str, Any] = {
        "month": date(2026, 11, 1), "owner_id": ANN, "week": WEEK, "note_for": "rep", "host": "h", "model": "m",
        "body": {"messages": [{"role": "user", "content": "F1"}]}, "tokens": 1000, "micro_usd": 300,
    }  # fmt: skip
    return Request(**(plain | values))


def done(**values: Any) -> Outcome:
    plain: dict[str, Any] = {
        "code": "OK", "tokens_in": 500, "tokens_out": 100, "tokens": 600, "micro_usd": 100, "latency_ms": 900,
    }  # fmt: skip
    return Outcome(**(plain | values))


MUCH = Allowance(most_tokens=10**9, most_micro_usd=10**9)


def test_a_request_is_kept_as_sent_and_shown_to_whom_may_see_the_note(books: Books) -> None:
    where, note_id = (books.database, books.organization_id), written(books).note_id
    number = llm_spending.reserve(*where, request(), MUCH, now=NOW)
    llm_spending.settle(*where, number, done(), now=NOW)
    llm_spending.reserve(*where, request(owner_id=BO), MUCH, now=NOW)
    assert note_id is not None
    shown = note_reads.requests_of(reader(books), note_id)
    assert shown["body"].tolist() == [request().body]
    assert (shown["code"][0], shown["micro_usd"][0], shown["tokens_in"][0]) == ("OK", 100, 500)


@pytest.mark.parametrize(
    ("allowed", "fits"),
    [
        (Allowance(most_tokens=1000, most_micro_usd=300), True),
        (Allowance(most_tokens=999, most_micro_usd=300), False),
        (Allowance(most_tokens=1000, most_micro_usd=299), False),
    ],
)  # fmt: skip
def test_a_budget_holds_to_the_last_token_and_cent(books: Books, allowed: Allowance, fits: bool) -> None:
    where = (books.database, books.organization_id)
    if fits:
        llm_spending.reserve(*where, request(), allowed, now=NOW)
    with pytest.raises(OverBudget):
        llm_spending.reserve(*where, request(), allowed, now=NOW)
    assert llm_spending.month_of(*where, date(2026, 11, 1)).n_requests == fits
    llm_spending.reserve(*where, request(month=date(2026, 12, 1)), MUCH, now=NOW)
    other = create_organization(books.database, "Outsiders").organization_id
    llm_spending.reserve(books.database, other, request(), MUCH, now=NOW)


def test_a_request_is_settled_once_and_keeps_what_it_reserved_where_its_use_is_unknown(books: Books) -> None:
    where = (books.database, books.organization_id)
    for outcome, tokens, micro in (
        (done(), 600, 100), (done(tokens=None, micro_usd=None), 1600, 400), (done(tokens=0, micro_usd=0), 1600, 400)
    ):  # fmt: skip
        number = llm_spending.reserve(*where, request(), MUCH, now=NOW)
        for _ in range(2):
            llm_spending.settle(*where, number, outcome, now=NOW)
        month = llm_spending.month_of(*where, date(2026, 11, 1))
        assert (month.tokens, month.micro_usd) == (tokens, micro)


def test_old_requests_are_forgotten_and_what_they_cost_is_not(books: Books) -> None:
    where = (books.database, books.organization_id)
    llm_spending.reserve(*where, request(), MUCH, now=NOW)
    assert llm_spending.forget_requests(*where, now=NOW + timedelta(days=180)) == 0
    assert llm_spending.forget_requests(*where, now=NOW + timedelta(days=181)) == 1
    assert llm_spending.month_of(*where, date(2026, 11, 1)).tokens == 1000
