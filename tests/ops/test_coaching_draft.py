"""A manager's draft in free prose: from the note's own facts, judged, budgeted, apart from the note, and never sent."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fake_llm import FakeLlm, always, completion, in_turn, serving
from made_packs import answer, pack

from ops import coaching, coaching_draft, coaching_mail, llm
from ops.coaching_draft import NoDraft, draft_note
from ops.coaching_mail import NotHandedOver
from ops.services import Services
from ops.settings import Settings
from snapshots import audit, notes
from snapshots.database import Database
from snapshots.notes import Note

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
WEEK = date(2026, 11, 16)
OWNER = 7
PROSE = json.dumps({"sentences": [
    {"kind": "strength", "text": "You held 7 meetings last week, well done."},
    {"kind": "caveat", "text": "Email sync was last run on 9 November."},
]})  # fmt: skip
INVENTED = answer(strength="You held 9 meetings last week.")


def services(database: Database, **settings: Any) -> Services:
    made = Settings(_env_file=None, **({"llm_level": "L3"} | settings))
    return Services(settings=made, database_url=database.url, database=database, now=lambda: NOW)


def note_of(database: Database, organization: int, meetings: int = 7) -> Note:
    return coaching.write_note(services(database), organization, OWNER, WEEK, pack(meetings=meetings))


def drafted(database: Database, organization: int, server: FakeLlm, note: Note, **settings: Any) -> Note:
    client = llm.Client(server.endpoint(), sleep=lambda seconds: None)
    assert note.note_id is not None
    return draft_note(services(database, **settings), organization, note.note_id, by="mo@example.com", client=client)


def test_a_draft_is_prose_of_the_notes_own_facts_beside_the_note(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(always(completion(PROSE))) as server:
        draft = drafted(database, organization, server, note)
        assert drafted(database, organization, server, note) == draft
        assert len(server.bodies) == 1, "what stands is not asked for again"
    assert (draft.level, draft.note_for, draft.written_by, draft.state) == ("L3", "manager", None, "draft")
    assert draft.text == "You held 7 meetings last week, well done. Email sync was last run on 9 November."
    assert [one["fact_ids"] for one in draft.sentences] == [["F1"], ["F4"]]
    assert coaching_draft.is_of(draft, note)
    assert notes.newest(database, organization, notes.NoteKey(OWNER, WEEK)) == note


def test_what_no_fact_supports_is_no_draft_and_another_try_asks_again(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(in_turn(completion(INVENTED), completion(INVENTED), completion(PROSE))) as server:
        refused = drafted(database, organization, server, note)
        assert (refused.level, refused.asked_level) == ("L0", "L3")
        assert "NUM_UNSUPPORTED" in refused.codes
        assert "9 meetings" not in refused.text
        assert drafted(database, organization, server, note).level == "L3"


def test_a_draft_that_the_month_s_budget_does_not_hold_is_not_asked_for(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(always(completion(PROSE))) as server:
        draft = drafted(database, organization, server, note, llm_monthly_tokens=10)
        assert (draft.level, list(draft.codes), server.bodies) == ("L0", ["BUDGET"], [])


def test_other_facts_of_the_note_make_another_draft(database: Database, organization: int) -> None:
    first = note_of(database, organization)
    with serving(in_turn(completion(PROSE), completion(PROSE.replace("7", "8")))) as server:
        old = drafted(database, organization, server, first)
        newer = note_of(database, organization, meetings=8)
        assert not coaching_draft.is_of(old, newer)
        assert "8 meetings" in drafted(database, organization, server, newer).text


def test_without_the_level_or_a_model_nothing_is_asked(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    assert note.note_id is not None
    for settings in ({}, {"llm_level": "L2", "openai_model": "m", "openai_base_url": "http://127.0.0.1:9/v1"}):
        here = services(database, **settings)
        assert not coaching_draft.can_draft(here.settings)
        with pytest.raises(NoDraft):
            draft_note(here, organization, note.note_id, by="mo")
    assert coaching_draft.can_draft(
        services(database, openai_model="m", openai_base_url="http://127.0.0.1:9/v1").settings
    )


def test_a_draft_is_never_sent_and_no_draft_is_made_of_it(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(always(completion(PROSE))) as server:
        draft = drafted(database, organization, server, note)
        assert draft.note_id is not None
        with pytest.raises(NotHandedOver, match="draft"):
            coaching_mail.send(services(database), organization, draft.note_id, by="mo")
        assert notes.get(database, organization, draft.note_id).state == "draft"
        with pytest.raises(LookupError):
            drafted(database, organization, server, draft)


def test_who_had_a_draft_written_stands_in_the_audit_log_once(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(always(completion(PROSE))) as server:
        for _ in range(2):
            drafted(database, organization, server, note)
    [entry] = [one for one in audit.list_entries(database, organization) if one.action == "had drafted"]
    assert (entry.by, entry.subject, entry.subject_id) == ("mo@example.com", "coaching note", str(note.note_id))
    assert entry.after == {"level": "L3", "codes": []}


def test_a_manager_takes_a_draft_over_as_an_edit_of_the_own(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    assert note.note_id is not None
    with serving(always(completion(PROSE))) as server:
        draft = drafted(database, organization, server, note)
    text = "\n".join(str(one["text"]) for one in draft.sentences)
    edited = coaching.edit_note(services(database), organization, note.note_id, text, by="mo@example.com")
    assert (edited.note_for, edited.level, edited.written_by) == ("rep", "edited", "mo@example.com")


def test_prose_is_asked_for_without_a_word_that_people_wrote(database: Database, organization: int) -> None:
    note = note_of(database, organization)
    with serving(always(completion(PROSE))) as server:
        drafted(database, organization, server, note)
        assert "Kestrel" not in server.raw[0]
        system = server.bodies[0]["messages"][0]["content"]
    assert "The program writes every name; you never do." in system
