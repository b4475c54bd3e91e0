"""Coaching: the note with its rows, who may see and change it, what people say of it, and how it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOTED, NOW, House, coached_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

from ops import coaching_mail
from ops.coaching import Refused
from ops.coaching_asking import allowance
from ops.coaching_mail import NotHandedOver
from ops.services import Services
from ops.settings import Settings
from snapshots import coaching_outcomes, llm_spending, note_reads, notes
from snapshots.llm_spending import Request
from snapshots.note_reads import NoSuchNote
from snapshots.notes import NoteKey
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.users import save_user
from workbench import access, coaching_choice, coaching_data, coaching_evaluation, coaching_words, installation
from workbench.coaching_choice import CoachingChoice
from workbench.filters import Filters
from workbench.view import View

WEEK = date(2024, 6, 17)
EVER = Slice(first_day=None, last_day=NOTED, as_of=NOTED)


@pytest.fixture
def coached(copy_of: CopyOf, tmp_path: Path) -> Iterator[House]:
    """The sample organization with the notes of one week."""
    with coached_house_of(copy_of, slms_home=tmp_path) as house:
        yield house


def view_of(house: House, **filters: Any) -> View:
    asked = Filters(organization_id=house.organization_id, **filters)
    return installation.make_view(installation.viewers(), asked, now=NOW)[0]


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.expander, *at.error]
    return as_read("\n".join(str(getattr(part, "value", None) or getattr(part, "label", "")) for part in parts))


@dataclass(frozen=True)
class Staff:
    """E-mails of users: a salesperson with a note, a colleague of another team, the manager of the first."""

    rep: str
    owner_id: int
    other: str
    other_id: int
    boss: str


@pytest.fixture
def staff(coached: House) -> Staff:
    reader = Reader(coached.database, Viewer(coached.organization_id, Role.ADMIN))
    noted = set(note_reads.list_notes(reader, EVER)["owner_id"])
    people = reader.owners(NOTED)
    teams: pd.DataFrame = people[people["owner_id"].isin(noted) & people["team_id"].notna()]
    first = teams.iloc[0]
    other = teams[teams["team_id"] != first["team_id"]].iloc[0]
    members = people[(people["team_id"] == first["team_id"]) & (people["owner_id"] != first["owner_id"])]
    emails = ("rep@example.com", "other@example.com", "boss@example.com")
    roles = (Role.REP, Role.REP, Role.MANAGER)
    for email, role, who in zip(emails, roles, (first, other, members.iloc[0]), strict=True):
        save_user(coached.database, coached.organization_id, email, role=role, owner_email=who["email"])
    return Staff(emails[0], int(first["owner_id"]), emails[1], int(other["owner_id"]), emails[2])


def note_id_of(house: House, owner_id: int) -> int:
    note = notes.newest(house.database, house.organization_id, NoteKey(owner_id, WEEK))
    assert note is not None
    assert note.note_id is not None
    return note.note_id


def test_the_page_shows_every_sentence_says_who_wrote_it_and_what_was_sent(
    workbench: Workbench, coached: House
) -> None:
    at = workbench.open(coached, "coaching")
    assert not at.exception
    loaded = coaching_data.load(view_of(coached), CoachingChoice())
    assert loaded.note is not None
    shown = words(at)
    for sentence in loaded.note.sentences:
        assert str(sentence["text"]) in shown
    assert "Written without AI" in shown
    assert "Nothing." in shown


@pytest.mark.parametrize("show", ["history", "evaluation"])
def test_the_other_parts_are_shown(workbench: Workbench, coached: House, show: str) -> None:
    at = workbench.open(coached, "coaching", show=show)
    assert not at.exception
    assert ("Notes so far" if show == "history" else "What became of suggested deals?") in words(at)


def test_without_a_note_the_page_says_when_there_will_be_one(workbench: Workbench, own_house: House) -> None:
    at = workbench.open(own_house, "coaching")
    assert not at.exception
    assert "There is no note yet" in words(at)
    at.button(key="coaching_write").click().run()
    assert "The worker has been asked" in words(at)


def test_a_salesperson_sees_own_notes_alone_from_the_start(workbench: Workbench, coached: House, staff: Staff) -> None:
    at = workbench.open(coached, "coaching", email=staff.rep, rep=str(staff.other_id))
    assert not at.exception
    own = notes.get(coached.database, coached.organization_id, note_id_of(coached, staff.owner_id))
    assert own.state == "draft"
    assert str(own.sentences[0]["text"]) in words(at)
    assert not [one for one in at.button if one.key in {"note_approve", "note_send", "note_edit"}]


def test_a_manager_sees_the_notes_of_the_own_team_and_no_other(
    workbench: Workbench, coached: House, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.use(coached)
    monkeypatch.setattr(access, "email", lambda: staff.boss)
    loaded = coaching_data.load(view_of(coached), CoachingChoice(rep=staff.other_id))
    assert staff.owner_id in loaded.names
    assert staff.other_id not in loaded.names
    with pytest.raises(NoSuchNote):
        coaching_data.approve(view_of(coached), note_id_of(coached, staff.other_id))
    assert coaching_data.approve(view_of(coached), note_id_of(coached, staff.owner_id)).state == "approved"


def test_a_salesperson_changes_no_note_whatever_page_was_drawn(
    workbench: Workbench, coached: House, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.use(coached)
    view, own = view_of(coached), note_id_of(coached, staff.owner_id)  # drawn for the administrator
    monkeypatch.setattr(access, "email", lambda: staff.rep)
    for change in (coaching_data.approve, coaching_data.send, lambda *told: coaching_data.edit(*told, "Well done.")):
        with pytest.raises(PermissionError):
            change(view, own)
    with pytest.raises(NoSuchNote):
        coaching_data.say(view, note_id_of(coached, staff.other_id), 0, None, "wrong")
    coaching_data.say(view, own, 0, None, "wrong", "Two were cancelled")
    (said,) = coaching_data.feedback(view, coaching_data.load(view, CoachingChoice(rep=staff.owner_id)).versions[0])
    assert (said["said"], said["said_by"], said["comment"]) == ("wrong", staff.rep, "Two were cancelled")


def test_an_edit_is_judged_and_what_no_fact_supports_is_pointed_out_by_sentence(
    workbench: Workbench, coached: House, staff: Staff
) -> None:
    workbench.use(coached)
    view, own = view_of(coached), note_id_of(coached, staff.owner_id)
    note = notes.get(coached.database, coached.organization_id, own)
    lines = [str(one["text"]) for one in note.sentences]
    text = "\n".join([*lines, "You will win 9 more because you are the best."])
    with pytest.raises(Refused) as refused:
        coaching_data.edit(view, own, text)
    (fault,) = [one for one in refused.value.verdict.where if one.sentence is not None]
    assert coaching_data.judged_sentences(note, text)[fault.sentence or 0] == (
        "You will win 9 more because you are the best."
    )
    assert fault.codes
    assert all(code in coaching_words.REFUSED for code in fault.codes)
    coaching_data.say(view, own, 0, None, "wrong")
    made = coaching_data.edit(view, own, "\n".join(lines))
    known = coaching_data.load(view, CoachingChoice()).known
    assert known.set_index("owner_id").loc[staff.owner_id, "n_wrong"] == 1  # what was said of a version before counts
    assert (made.version, made.level, made.written_by) == (2, "edited", access.LOCAL_NAME)


def test_what_people_say_and_what_became_of_suggestions_is_counted(
    workbench: Workbench, coached: House, staff: Staff
) -> None:
    workbench.use(coached)
    view = view_of(coached)
    suggested = coaching_data.suggested(view)
    assert len(suggested) > 3
    assert not suggested["is_done"].any()
    one = suggested.iloc[0]
    note = notes.get(coached.database, coached.organization_id, int(one["note_id"]))
    number = next(n for n, told in enumerate(note.sentences) if one["fact_id"] in told["fact_ids"])
    coaching_data.say(view, int(one["note_id"]), number, str(one["fact_id"]), "done")
    assert coaching_data.suggested(view)["is_done"].sum() == 1
    coaching_data.say(view, int(one["note_id"]), number, str(one["fact_id"]), None)
    assert not coaching_data.suggested(view)["is_done"].any()
    coaching_data.say(view, int(one["note_id"]), 0, None, "wrong")
    loaded = coaching_data.load(view, CoachingChoice())
    cards = {card.key: card for card in coaching_evaluation.kpis(coaching_data.evaluated(loaded))}
    assert cards["n_notes"].value == str(len(loaded.known))
    assert cards["called_wrong"].value != "0.0\u00a0%"
    assert cards["accepted"].why == "No model was asked."


def test_what_is_left_of_the_month_s_budget_is_shown_to_who_sets_it(workbench: Workbench, coached: House) -> None:
    workbench.use(coached)
    assert coaching_data.spent(view_of(coached)) is None
    asked = {"openai_base_url": "http://127.0.0.1:9/v1", "openai_model": "m", "llm_monthly_budget": Decimal("2.5")}
    settings = coached.services.settings.model_copy(update=asked)
    sent = Request(
        month=NOW.date().replace(day=1), owner_id=1, week=WEEK, note_for="rep", host="h", model="m", body={},
        tokens=1500, micro_usd=None,
    )  # fmt: skip
    llm_spending.reserve(coached.database, coached.organization_id, sent, allowance(settings), now=NOW)
    workbench.use(replace(coached.services, settings=settings))
    spent = coaching_data.spent(view_of(coached))
    assert spent is not None
    card = coaching_evaluation.budget(*spent)
    assert (card.value, card.note, card.why) == ("$0.00", "of $2.50", "1,500 of 2,000,000 tokens.")


def test_suggestions_are_followed_for_two_weeks_and_only_activities_after_the_week_count(coached: House) -> None:
    reader = Reader(coached.database, Viewer(coached.organization_id, Role.ADMIN))
    early, late = (
        coaching_outcomes.suggested(reader, Slice(first_day=None, last_day=day, as_of=day))
        for day in (date(2024, 6, 25), date(2024, 7, 8))
    )
    assert not early.empty
    assert not late.empty
    assert not early["is_over"].any()
    assert late["is_over"].all()
    on_the_evening = Slice(first_day=None, last_day=date(2024, 6, 23), as_of=date(2024, 6, 23))
    assert coaching_outcomes.suggested(reader, on_the_evening)["n_activities"].sum() == 0


def test_a_model_s_refused_answers_are_counted_by_reason() -> None:
    frame = pd.DataFrame({"codes": [["FREE_WORDS", "CAUSAL"], ["FREE_WORDS", "FREE_WORDS"], []]})
    found = coaching_evaluation.codes(frame)
    assert dict(zip(found["why"], found["n"], strict=True)) == {
        "Words that no fact supports": 2, "A cause, which facts do not tell": 1,
    }  # fmt: skip


def test_the_address_brings_the_choice_back_and_nonsense_is_left_out() -> None:
    choice = CoachingChoice(show="history", rep=12, week=WEEK)
    assert coaching_choice.from_url(coaching_choice.to_url(choice)) == choice
    assert coaching_choice.to_url(CoachingChoice()) == {}
    assert coaching_choice.from_url({"show": ["x"], "rep": ["-1"], "week": ["2024-13-40"]}) == CoachingChoice()


# --- by mail ---------------------------------------------------------------------------------------------------------


def with_mail(house: House, url: str) -> Services:
    settings = Settings(_env_file=None, smtp_url=url, smtp_from="SLMS <slms@example.com>")  # type: ignore[arg-type]
    held = house.services
    return Services(settings=settings, database_url=held.database_url, database=held.database, now=held.now)


def test_a_note_that_the_mail_server_did_not_take_is_not_called_sent(coached: House, staff: Staff) -> None:
    own = note_id_of(coached, staff.owner_id)
    services = with_mail(coached, "smtp://127.0.0.1:9")
    with pytest.raises(NotHandedOver, match="cannot be reached"):
        coaching_mail.send(services, coached.organization_id, own, by="ann")
    assert notes.get(coached.database, coached.organization_id, own).state == "approved"


def test_without_mail_a_note_is_marked_as_given(coached: House, staff: Staff) -> None:
    own = note_id_of(coached, staff.owner_id)
    assert coaching_mail.send(coached.services, coached.organization_id, own, by="ann").state == "sent"


def test_the_mail_goes_to_the_user_that_the_salesperson_is_and_says_who_wrote_it(coached: House, staff: Staff) -> None:
    assert coaching_mail.address_of(coached.services, coached.organization_id, staff.owner_id) == staff.rep
    note = notes.get(coached.database, coached.organization_id, note_id_of(coached, staff.owner_id))
    mail = coaching_mail.message_of(
        note, sender="slms@example.com", recipient=staff.rep, public_url="https://x.example/", host="example.com"
    )
    assert mail["To"] == staff.rep
    body = mail.get_content()
    assert all(str(one["text"]) in body for one in note.sentences)
    assert "Written without AI." in body
    assert "https://x.example/coaching" in body
