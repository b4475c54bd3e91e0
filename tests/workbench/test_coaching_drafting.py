"""Drafts in free prose on the page Coaching: for who coaches, where a model may write them, apart from the note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOTED, NOW, House, coached_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.coaching import facts
from ops import coaching
from ops.settings import WritingLevel
from snapshots import note_reads, notes
from snapshots.notes import NewNote, Note, NoteKey
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.users import save_user
from workbench import access, coaching_data, installation
from workbench.coaching_choice import CoachingChoice
from workbench.filters import Filters
from workbench.view import View

EVER = Slice(first_day=None, last_day=NOTED, as_of=NOTED)
PROSE = {"llm_level": WritingLevel.L3, "openai_model": "m", "openai_base_url": "http://127.0.0.1:9/v1"}


@pytest.fixture
def coached(copy_of: CopyOf, tmp_path: Path) -> Iterator[House]:
    """The sample organization with the notes of one week."""
    with coached_house_of(copy_of, slms_home=tmp_path) as house:
        yield house


def with_model(house: House, **settings: Any) -> House:
    """Where a model may write prose, of which this month has no token left."""
    told = house.services.settings.model_copy(update=PROSE | {"llm_monthly_tokens": 0} | settings)
    return replace(house, services=replace(house.services, settings=told))


def view_of(house: House) -> View:
    asked = Filters(organization_id=house.organization_id)
    return installation.make_view(installation.viewers(), asked, now=NOW)[0]


def first_note(house: House) -> Note:
    """The one that the page opens with."""
    note = coaching_data.load(view_of(house), CoachingChoice()).note
    assert note is not None
    return note


def drafted(house: House, note: Note, text: str = "A draft in *free* prose.", **values: Any) -> Note:
    """A draft of the note's facts, as a model would have left it."""
    pack = replace(facts.read(note.facts), note_for="manager")
    told = {name: getattr(note, name) for name in NewNote.__dataclass_fields__}
    own = [str(one) for one in note.sentences[0]["fact_ids"]]
    new = NewNote(**(told | {
        "level": "L3", "asked_level": "L3", "facts": facts.dump(pack), "facts_hash": facts.facts_hash(pack),
        "cache_key": "draft", "n_completions": 1, "model": "m", "text": text,
        "sentences": [{"kind": "summary", "text": text, "fact_ids": own, "evidence": []}],
    } | values))  # fmt: skip
    key, where = NoteKey(note.owner_id, note.week, "manager"), (house.database, house.organization_id)
    assert notes.claim(*where, key, "draft", token="t", lease=coaching.LEASE, now=NOW) is True
    made = notes.keep(*where, key, new, token="t", now=NOW)
    assert made is not None
    return made


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.expander, *at.error]
    return as_read("\n".join(str(getattr(part, "value", None) or getattr(part, "label", "")) for part in parts))


def buttons(at: AppTest) -> set[str]:
    return {str(one.key) for one in at.button}


def test_a_draft_is_offered_only_where_a_model_may_write_prose(workbench: Workbench, coached: House) -> None:
    assert "note_draft" in buttons(workbench.open(with_model(coached), "coaching"))
    assert "note_draft" not in buttons(workbench.open(coached, "coaching"))
    assert "note_draft" not in buttons(workbench.open(with_model(coached, llm_level=WritingLevel.L2), "coaching"))
    assert "note_draft" not in buttons(workbench.open(with_model(coached, openai_model=None), "coaching"))


def test_a_draft_that_does_not_come_says_why_and_can_be_asked_for_again(workbench: Workbench, coached: House) -> None:
    at = workbench.open(with_model(coached), "coaching")
    at.button(key="note_draft").click().run()
    assert not at.exception
    assert "There is no draft: the model’s words could not be used. the month’s budget was used up." in words(
        at
    ).replace(":gray[", "").replace("]", "")
    assert {"draft_again", "note_draft"} & buttons(at) == {"draft_again"}
    at.button(key="draft_again").click().run()
    assert not at.exception
    workbench.use(coached)
    draft = coaching_data.load(view_of(coached), CoachingChoice()).draft
    assert draft is not None
    assert (draft.version, draft.codes) == (2, ["BUDGET"])


def test_a_draft_stands_apart_from_the_note_is_called_one_and_is_taken_over_by_hand(
    workbench: Workbench, coached: House
) -> None:
    workbench.use(coached)
    note = first_note(coached)
    drafted(coached, note)
    at = workbench.open(coached, "coaching")
    assert not at.exception
    shown = words(at)
    assert "Draft in own words" in shown
    assert "A draft in *free* prose." in shown
    assert str(note.sentences[0]["text"]) in shown
    assert coaching_data.load(view_of(coached), CoachingChoice()).note == note
    at.button(key="draft_take").click().run()
    assert not at.exception
    assert at.text_area(key=f"note_text_{note.note_id}").value == "A draft in *free* prose."
    assert first_note(coached) == note, "nothing is saved until somebody says so"


def test_neither_the_salesperson_nor_who_may_not_coach_sees_a_draft(
    workbench: Workbench, coached: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.use(coached)
    note = first_note(coached)
    drafted(coached, note)
    people = Reader(coached.database, Viewer(coached.organization_id, Role.ADMIN)).owners(NOTED)
    own = people.loc[people["owner_id"] == note.owner_id, "email"].iloc[0]
    save_user(coached.database, coached.organization_id, "rep@example.com", role=Role.REP, owner_email=str(own))
    save_user(coached.database, coached.organization_id, "ana@example.com", role=Role.ANALYST)
    for email in ("rep@example.com", "ana@example.com"):
        at = workbench.open(with_model(coached), "coaching", email=email, rep=str(note.owner_id))
        assert not at.exception
        assert str(note.sentences[0]["text"]) in words(at)
        assert "free" not in words(at).partition("Draft in own words")[2]
        assert not {"note_draft", "draft_take"} & buttons(at)
    workbench.use(with_model(coached))
    view = view_of(coached)
    monkeypatch.setattr(access, "email", lambda: "rep@example.com")
    assert note.note_id is not None
    with pytest.raises(PermissionError):
        coaching_data.draft(view, note.note_id)


def test_drafts_count_neither_as_notes_nor_as_suggestions(workbench: Workbench, coached: House) -> None:
    workbench.use(coached)
    before = coaching_data.evaluated(coaching_data.load(view_of(coached), CoachingChoice()))
    note = first_note(coached)
    drafted(coached, note, sentences=note.sentences)
    after = coaching_data.evaluated(coaching_data.load(view_of(coached), CoachingChoice()))
    assert len(after.notes) == len(before.notes)
    assert len(after.suggested) == len(before.suggested)
    assert after.asked["note_for"].tolist() == ["manager"]
    listed = note_reads.list_notes(Reader(coached.database, Viewer(coached.organization_id, Role.ADMIN)), EVER)
    assert len(listed) == len(after.notes) + 1
