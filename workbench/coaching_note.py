"""Draws one note: its sentences with their rows, what people say of them, the facts, what was sent to a model; and the
form in which a manager edits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import pandas as pd
import streamlit as st

from insights.coaching.facts import Fact
from ops.coaching import Refused
from ops.coaching_mail import NotHandedOver
from ops.coaching_week import Checked
from snapshots.coaching_facts import QUERIES
from snapshots.note_reads import LONGEST_COMMENT
from snapshots.notes import Note, NoteChanged
from workbench import access, cards, coaching_data, coaching_words, formats, lead_dialogs, states, tables
from workbench.coaching_data import PARTS, ROW_COLUMNS, STATES, Coaching
from workbench.columns import Column, ColumnKind
from workbench.lead_words import plain
from workbench.view import View

EDIT: Final = "coaching_edit"
_TEXT: Final = "note_text_"
MOST_ROWS: Final = 50
FACT_COLUMNS: Final = (
    Column(field="phrase", title="Fact", width=3),
    Column(field="role", title="Role"),
    Column(field="used", title="In the note"),
)
REQUEST_COLUMNS: Final = (
    Column(field="sent_at", title="Sent", kind=ColumnKind.TIME),
    Column(field="host", title="To"),
    Column(field="model", title="Model"),
    Column(field="outcome", title="Outcome", width=1.4),
    Column(field="tokens_in", title="Tokens in", kind=ColumnKind.COUNT),
    Column(field="tokens_out", title="Tokens out", kind=ColumnKind.COUNT),
)
Said = Sequence[Mapping[str, Any]]


def draw(loaded: Coaching, note: Note, *, more: Callable[[], None] = lambda: None) -> None:
    """more: draws further buttons for who coaches."""
    view, said = loaded.view, coaching_data.feedback(loaded.view, note)
    name = loaded.names.get(note.owner_id, "")
    cards.title(f"{name}, week of {formats.day(note.week)}", _about(view, note))
    with st.container(horizontal=True, gap="small", key="coaching_marks"):
        st.badge(plain(coaching_data.written_by(note)), color="gray", icon=":material/edit_note:")
        _state(note)
    for number, sentence in enumerate(note.sentences):
        _sentence(view, note, number, sentence, said)
    st.caption("Each sentence opens the rows that it counts. A note is for talking about deals, not for pay or rank.")
    if coaching_data.may_coach(view.viewer):
        _desk(view, note, more)


def _about(view: View, note: Note) -> str:
    day = coaching_data.snapshot_day(note)
    told = f"As of the evening of {formats.day(day)}. " if day is not None else ""
    return (
        f"{told}Written {formats.clock(pd.Timestamp(note.written_at).tz_convert(view.zone))}, version {note.version}."
    )


def _state(note: Note) -> None:
    color, icon = {"draft": ("gray", "draft"), "approved": ("blue", "check"), "sent": ("green", "send")}[note.state]
    by = plain(f"Approved by {note.approved_by}") if note.approved_by else None
    st.badge(STATES[note.state], color=color, icon=f":material/{icon}:", help=by)  # type: ignore[arg-type]


# --- a sentence ------------------------------------------------------------------------------------------------------


def _sentence(view: View, note: Note, number: int, sentence: Mapping[str, Any], said: Said) -> None:
    own = [one for one in said if one["sentence"] == number]
    marks = "".join(f" {mark}" for what, mark in MARKS.items() if any(one["said"] == what for one in own))
    icon = f":material/{coaching_words.ICONS.get(_role(note, sentence), 'notes')}:"
    place = st.expander(f"{plain(str(sentence['text']))}{marks}", icon=icon, type="compact",
                        key=f"note_{note.note_id}_{number}", on_change="rerun")  # fmt: skip
    if not place.open:
        return
    with place, st.container(border=True, key=f"evidence_{number}"):
        with states.guarded("The rows could not be read", key=f"evidence_{number}"):
            for fact_id in sentence["fact_ids"]:
                evidence(view, note, str(fact_id))
        _say(view, note, number, sentence, own)


def _role(note: Note, sentence: Mapping[str, Any]) -> str:
    """Of the first fact that it rests on: a person's sentence has no kind of its own."""
    fact = next((coaching_data.fact_of(note, str(one)) for one in sentence["fact_ids"]), None)
    return "context" if fact is None else fact.role


MARKS: Final = {"wrong": ":red-badge[:material/flag: Called wrong]", "done": ":green-badge[:material/check: Done]"}


def evidence(view: View, note: Note, fact_id: str) -> None:
    """The rows behind a fact, and whether they still come to it."""
    fact, found = coaching_data.fact_of(note, fact_id), coaching_data.evidence(view, note, fact_id)
    if fact is None or found is None or fact.evidence is None:
        st.markdown(":gray[The rows of this sentence cannot be listed: it was written by another version.]")
        return
    rows = coaching_data.row_frame(found)
    st.markdown(f"**{QUERIES[fact.evidence.query].title}**  \n{_agreement(fact, found)}")
    if rows.empty:
        st.markdown(":gray[There are no such rows.]" if fact.value == 0 else ":gray[You may see none of these rows.]")
        return
    shown = [column for column in ROW_COLUMNS if column.missing or rows[column.field].notna().any()]
    tables.plain(rows.head(MOST_ROWS), shown, caption=QUERIES[fact.evidence.query].title)
    if len(rows) > MOST_ROWS:
        st.caption(f"{formats.plural(len(rows) - MOST_ROWS, 'more row')}.")


def _agreement(fact: Fact, found: Checked) -> str:
    counted = int((found.rows["part"] == "value").sum())
    of = formats.plural(counted, "row")
    if found.agrees:
        come = "it comes" if counted == 1 else "they come"
        return f":gray[:material/check: {of} {PARTS['value'].lower()}; {come} to what the note says.]"
    now = "" if found.told.value is None else f" They come to {plain(str(found.told.value))} now."
    return f":orange[:material/update: The data have changed since the note was written.{now}]"


# --- what people say -------------------------------------------------------------------------------------------------


WORDS: Final = {"wrong": "this is wrong", "done": "done"}


def _say(view: View, note: Note, number: int, sentence: Mapping[str, Any], said: Said) -> None:
    for one in said:
        comment = f": {one['comment']}" if one["comment"] else ""
        st.markdown(f":gray[:small[{plain(str(one['said_by']) + ', ' + WORDS[str(one['said'])] + comment)}]]")
    mine = {str(one["said"]) for one in said if one["said_by"] == access.who()}
    action = _action(note, sentence)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if mine:
            fact_id = next((one["fact_id"] for one in said if one["said_by"] == access.who()), None)
            st.button("Take back", key=f"say_none_{number}", icon=":material/undo:", on_click=_on_say,
                      args=(view, note.note_id, number, fact_id, None))  # fmt: skip
            return
        if action is not None:
            st.button("Done", key=f"say_done_{number}", icon=":material/check:", on_click=_on_say,
                      args=(view, note.note_id, number, action, "done"))  # fmt: skip
        with st.popover("This is wrong", icon=":material/flag:", key=f"say_wrong_{number}"):
            st.text_input("What is wrong?", key=f"wrong_why_{number}", max_chars=LONGEST_COMMENT,
                          placeholder="Optional")  # fmt: skip
            st.button("Say that it is wrong", key=f"wrong_yes_{number}", type="primary", on_click=_on_say,
                      args=(view, note.note_id, number, None, "wrong"))  # fmt: skip


def _action(note: Note, sentence: Mapping[str, Any]) -> str | None:
    roles = {fact.id: fact.role for fact in coaching_data.facts_of(note)}
    return next((str(one) for one in sentence["fact_ids"] if roles.get(str(one)) == "action"), None)


def _on_say(view: View, note_id: int, number: int, fact_id: str | None, said: Any) -> None:
    comment = str(st.session_state.get(f"wrong_why_{number}") or "") if said == "wrong" else ""
    coaching_data.say(view, note_id, number, fact_id, said, comment)


# --- a manager’s desk ------------------------------------------------------------------------------------------------


def _desk(view: View, note: Note, more: Callable[[], None]) -> None:
    with st.container(horizontal=True, gap="small", key="coaching_desk"):
        if note.state == "draft":
            st.button("Approve", key="note_approve", icon=":material/check:", on_click=_on_approve, args=(view, note))
        if note.state != "sent":
            by_mail = coaching_data.goes_by_mail()
            why = None if by_mail else "Mail is not set up. The salesperson sees the note here from the start."
            st.button("Send by mail" if by_mail else "Mark as given", key="note_send", type="primary", help=why,
                      icon=":material/send:", on_click=_on_send, args=(view, note))  # fmt: skip
        st.button("Edit", key="note_edit", icon=":material/edit:", on_click=ask_to_edit, args=(note,))
        more()


CHANGED: Final = "Somebody changed this note in the meantime. This is the newest version."


def _on_approve(view: View, note: Note) -> None:
    assert note.note_id is not None
    try:
        coaching_data.approve(view, note.note_id)
        lead_dialogs.say("Approved")
    except NoteChanged:
        lead_dialogs.say(CHANGED, is_done=False)


def _on_send(view: View, note: Note) -> None:
    assert note.note_id is not None
    try:
        coaching_data.send(view, note.note_id)
        lead_dialogs.say("Sent" if coaching_data.goes_by_mail() else "Marked as given")
    except NoteChanged:
        lead_dialogs.say(CHANGED, is_done=False)
    except NotHandedOver as why:
        lead_dialogs.say(plain(str(why)), is_done=False)


def ask_to_edit(note: Note, sentences: Sequence[str] = ()) -> None:
    """Opens the form with the run that follows. sentences: instead of the note's own."""
    st.session_state.pop(f"{_TEXT}{note.note_id}", None)
    if sentences:
        st.session_state[f"{_TEXT}{note.note_id}"] = "\n".join(sentences)
    lead_dialogs.ask(EDIT, note.note_id)


def edit_if_asked(view: View, note: Note) -> None:
    if lead_dialogs.asked(EDIT) == note.note_id and coaching_data.may_coach(view.viewer):
        st.dialog("Edit the note", width="large", on_dismiss=lead_dialogs.close)(_edit)(view, note)


def _edit(view: View, note: Note) -> None:
    how = "A sentence per line, in your own words. What no fact supports is pointed out and not saved."
    st.markdown(f":gray[{how} What there is to keep in mind has to stay.]")
    key = f"{_TEXT}{note.note_id}"
    st.session_state.setdefault(key, "\n".join(str(one["text"]) for one in note.sentences))
    text = st.text_area("Sentences", height=300, key=key)
    if not st.button("Save", type="primary", key="note_save", icon=":material/save:"):
        return
    assert note.note_id is not None
    try:
        coaching_data.edit(view, note.note_id, text or "")
    except Refused as why:
        refused(note, text or "", why)
        return
    except NoteChanged:
        lead_dialogs.say(CHANGED, is_done=False)
    else:
        lead_dialogs.say("Saved as a new version")
    lead_dialogs.close()
    st.rerun()


def refused(note: Note, text: str, why: Refused) -> None:
    """Says of each sentence what no fact supports."""
    rows = coaching_data.judged_sentences(note, text)
    st.error("Not saved: the facts do not support this.", icon=":material/error:")
    for fault in why.verdict.where:
        words = plain(", ".join(dict.fromkeys(coaching_words.refused(code) for code in fault.codes)))
        is_one = fault.sentence is not None and fault.sentence < len(rows)
        where = plain(rows[fault.sentence]) if is_one and fault.sentence is not None else "The note as a whole"
        st.markdown(f"**{where}**  \n:red[:material/close:] {words}")
    if not why.verdict.where:
        st.markdown(plain(", ".join(coaching_words.refused(code) for code in why.verdict.codes)))


# --- beside the note -------------------------------------------------------------------------------------------------


def beside(loaded: Coaching, note: Note) -> None:
    """The facts, what was sent, and earlier versions."""
    view = loaded.view
    facts = coaching_data.facts_of(note)
    used = {str(one) for sentence in note.sentences for one in sentence["fact_ids"]}
    with st.expander(f"Facts ({formats.count(len(facts))})", type="compact", key="note_facts"):
        frame = pd.DataFrame({
            "phrase": [one.phrase for one in facts], "role": [one.role.capitalize() for one in facts],
            "used": ["Yes" if one.id in used else "No" for one in facts],
        })  # fmt: skip
        tables.plain(frame, FACT_COLUMNS, caption="Facts that the note could be about")
    with st.expander("What was sent to a model", type="compact", key="note_sent"):
        sent(view, note)
    if len(loaded.versions) > 1:
        with st.expander(f"Versions ({formats.count(len(loaded.versions))})", type="compact", key="note_versions"):
            for one in loaded.versions:
                when = formats.clock(pd.Timestamp(one.written_at).tz_convert(view.zone))
                st.markdown(f"**Version {one.version}** :gray[{when}, {plain(coaching_data.written_by(one))}, "
                            f"{STATES[one.state].lower()}]  \n{plain(one.text)}")  # fmt: skip
                if one.note_id != note.note_id:
                    _said_before(one, coaching_data.feedback(view, one))


def _said_before(note: Note, said: Said) -> None:
    """What people said of an earlier version, with its sentences."""
    for one in said:
        about = f"“{note.sentences[one['sentence']]['text']}”" if one["sentence"] is not None else "the note"
        comment = f": {one['comment']}" if one["comment"] else ""
        st.caption(plain(f"{one['said_by']}, of {about}: {WORDS[str(one['said'])]}{comment}"))


def sent(view: View, note: Note) -> None:
    """Every request about a week's note, as it went out."""
    requests = coaching_data.requests(view, note)
    if requests.empty:
        st.markdown(":gray[Nothing. Notes are worded by a model only where one is set up (`OPENAI_API_KEY`).]")
        return
    told = requests.assign(
        outcome=[coaching_words.outcome(None if pd.isna(code) else str(code)) for code in requests["code"]],
        sent_at=requests["sent_at"].dt.tz_convert(view.zone),
    )
    tables.plain(told, REQUEST_COLUMNS, caption="Requests for this note")
    for body in requests["body"]:
        st.code(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode(), language="json", wrap_lines=True)
