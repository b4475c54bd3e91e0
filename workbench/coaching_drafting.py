"""A manager's draft of a note in free prose, under the note: asked for with a button, read with its rows, taken over
into the note by a person or left. It says everywhere that it is a draft; nothing here sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from ops import coaching_draft
from ops.coaching_draft import NoDraft
from snapshots.notes import Note
from workbench import cards, coaching_data, coaching_note, coaching_words, lead_dialogs, states
from workbench.coaching_data import Coaching
from workbench.lead_words import plain

_ASKED: Final = "coaching_draft_asked"


def button(loaded: Coaching, note: Note) -> None:
    """Among a manager's buttons, where a model may write prose and no draft of these facts stands."""
    if coaching_data.can_draft(loaded.view) and not _stands(loaded.draft, note):
        st.button("Draft in own words", key="note_draft", icon=":material/stylus_note:", on_click=_ask, args=(note,),
                  help="A language model words the same facts in free sentences, for you to check. The salesperson "
                       "does not see it, and it is not sent.")  # fmt: skip


def _stands(draft: Note | None, note: Note) -> bool:
    return draft is not None and coaching_draft.is_of(draft, note)


def _ask(note: Note) -> None:
    st.session_state[_ASKED] = note.note_id


def draw(loaded: Coaching, note: Note) -> None:
    """Has the draft written where somebody just asked; shows the one there is."""
    if st.session_state.get(_ASKED) == note.note_id and note.note_id is not None:
        del st.session_state[_ASKED]
        _have_written(loaded, note.note_id)
    draft = loaded.draft
    if draft is None:
        return
    with st.container(border=True, gap="small", key="coaching_draft"):
        name = loaded.names.get(note.owner_id, "The salesperson")
        cards.title("Draft in own words", f"For you to check. {name} does not see it, and it is not sent.")
        if draft.is_without_ai:
            _refused(loaded, draft, note)
        else:
            _shown(loaded, draft, note)
        with st.expander("What was sent to a model", type="compact", key="draft_sent"):
            coaching_note.sent(loaded.view, draft)


def _have_written(loaded: Coaching, note_id: int) -> None:
    with st.spinner("The model is asked; this takes up to 20 seconds."):
        try:
            coaching_data.draft(loaded.view, note_id)
        except NoDraft as why:
            lead_dialogs.say(plain(str(why)), is_done=False)
    st.rerun()


def _refused(loaded: Coaching, draft: Note, note: Note) -> None:
    why = "; ".join(coaching_words.refused(str(code)) for code in draft.codes)
    st.markdown(
        f":orange[:material/info:] There is no draft: the model’s words could not be used. :gray[{plain(why)}.]"
    )
    if coaching_data.can_draft(loaded.view):
        st.button("Ask again", key="draft_again", icon=":material/refresh:", on_click=_ask, args=(note,))


def _shown(loaded: Coaching, draft: Note, note: Note) -> None:
    with st.container(horizontal=True, gap="small", key="draft_marks"):
        st.badge("Draft, never sent", color="orange", icon=":material/stylus_note:")
        st.badge(plain(coaching_data.written_by(draft)), color="gray", icon=":material/smart_toy:")
    if not _stands(draft, note):
        st.markdown(":orange[:material/update:] The note tells other facts by now than this draft.")
    for number, sentence in enumerate(draft.sentences):
        _sentence(loaded, draft, number, sentence)
    st.caption("Each sentence was held against its facts, as those of a note are, and opens the rows that it counts.")
    st.button("Take it over", key="draft_take", icon=":material/content_paste_go:", on_click=_take, args=(draft, note),
              help="Opens the note for editing with the draft’s sentences. It is saved in your name.")  # fmt: skip


def _sentence(loaded: Coaching, draft: Note, number: int, sentence: Mapping[str, Any]) -> None:
    place = st.expander(plain(str(sentence["text"])), icon=":material/notes:", type="compact",
                        key=f"note_{draft.note_id}_{number}", on_change="rerun")  # fmt: skip
    if not place.open:
        return
    where = f"draft_evidence_{number}"
    with place, st.container(border=True, key=where), states.guarded("The rows could not be read", key=where):
        for fact_id in sentence["fact_ids"]:
            coaching_note.evidence(loaded.view, draft, str(fact_id))


def _take(draft: Note, note: Note) -> None:
    coaching_note.ask_to_edit(note, [str(one["text"]) for one in draft.sentences])
