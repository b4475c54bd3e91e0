"""Coaching: the note of a salesperson's week, every sentence with its rows; earlier notes; and how notes do."""

from __future__ import annotations

from datetime import date

import streamlit as st

from workbench import (
    cards,
    coaching_choice,
    coaching_data,
    coaching_drafting,
    coaching_evaluation,
    coaching_note,
    coaching_rows,
    export,
    formats,
    grid,
    lead_dialogs,
    lead_watch,
    shell,
    states,
    tables,
)
from workbench.coaching_choice import SHOWN, CoachingChoice
from workbench.coaching_data import STATES, Coaching
from workbench.coaching_evaluation import Evaluated
from workbench.columns import Column, ColumnKind
from workbench.view import View

MOST_WRONG = 10
EPOCH = "coaching_epoch"  # names the grid: a new one has nothing selected
HISTORY_COLUMNS = (
    Column(field="name", title="Salesperson", width=1.4),
    Column(field="week", title="Week of", kind=ColumnKind.DATE),
    Column(field="state_name", title="State", width=0.9),
    Column(field="worded", title="Worded by", width=1.3),
    Column(field="version", title="Versions", kind=ColumnKind.COUNT),
    Column(field="n_wrong", title="Called wrong", kind=ColumnKind.COUNT),
    Column(field="n_done", title="Done", kind=ColumnKind.COUNT),
)


def chips(view: View) -> CoachingChoice:
    choice = coaching_choice.adopt()
    st.session_state["coaching_show"] = choice.show
    st.segmented_control("Show", list(SHOWN), format_func=SHOWN.__getitem__, key="coaching_show", required=True,
                         label_visibility="collapsed", on_change=_on_show)  # fmt: skip
    return choice


def _on_show() -> None:
    coaching_choice.change(show=st.session_state["coaching_show"] or "note")


# --- the note --------------------------------------------------------------------------------------------------------


def note_card(loaded: Coaching) -> None:
    _pick(loaded)
    note = loaded.note
    assert note is not None
    with st.container(border=True, gap="small", key="coaching_card"):
        coaching_note.draw(loaded, note, more=lambda: coaching_drafting.button(loaded, note))
    coaching_drafting.draw(loaded, note)
    with st.container(gap="xsmall", key="coaching_beside"):
        coaching_note.beside(loaded, note)
    coaching_note.edit_if_asked(loaded.view, note)


def _pick(loaded: Coaching) -> None:
    """Whose note, and of which week."""
    st.session_state["coaching_rep"], st.session_state["coaching_week"] = loaded.rep, loaded.week
    with st.container(horizontal=True, gap="small", key="coaching_pick"):
        if len(loaded.names) > 1:
            st.selectbox("Salesperson", list(loaded.names), format_func=loaded.names.__getitem__, key="coaching_rep",
                         width=240, on_change=_on_rep)  # fmt: skip
        st.selectbox("Week", loaded.weeks, format_func=coaching_data.week_name, key="coaching_week", width=220,
                     on_change=_on_week)  # fmt: skip


def _on_rep() -> None:
    coaching_choice.change(rep=st.session_state["coaching_rep"], week=None)


def _on_week() -> None:
    coaching_choice.change(week=st.session_state["coaching_week"])


# --- earlier notes ---------------------------------------------------------------------------------------------------


def history(loaded: Coaching) -> None:
    cards.title("Notes so far", "The newest first. A click opens the note.")
    known = loaded.known
    frame = known.assign(
        name=[loaded.names[int(one)] for one in known["owner_id"]],
        state_name=known["state"].map(STATES),
        worded=[coaching_rows.worded(one) for one in known.itertuples()],
    )
    shown = grid.rows_for(frame, HISTORY_COLUMNS)
    shown["owner_id"], shown["monday"] = frame["owner_id"].tolist(), frame["week"].dt.strftime("%Y-%m-%d").tolist()
    definitions = [
        grid.column_definition(column, **grid.room_for(shown, column))
        | ({"pinned": "left", "flex": None, "width": 170, "minWidth": 120} if column.field == "name" else {})
        for column in HISTORY_COLUMNS
    ]
    epoch = st.session_state.get(EPOCH, 0)
    answer = grid.draw(shown, definitions, key=f"coaching_history_{epoch}", opens=True, max_height=560)
    if answer.selected is not None:
        st.session_state[EPOCH] = epoch + 1
        coaching_choice.change(show="note", rep=int(answer.selected["owner_id"]),
                               week=date.fromisoformat(str(answer.selected["monday"])))  # fmt: skip
        st.rerun()


# --- how notes do ----------------------------------------------------------------------------------------------------


def evaluation(loaded: Coaching) -> None:
    view = loaded.view
    told = coaching_data.evaluated(loaded)
    spent = coaching_data.spent(view) if view.may_change else None
    numbers = coaching_evaluation.kpis(told) + ([coaching_evaluation.budget(*spent)] if spent else [])
    cards.kpi_band(numbers, open_rows=coaching_rows.open_rows)
    coaching_rows.dialog_if_asked(told, loaded.names, view)
    with st.container(border=True, key="coaching_outcomes"):
        cards.title("What became of suggested deals?", "It followed the note; nothing says that it came of it.")
        found = coaching_evaluation.outcomes(told.suggested)
        if found.empty:
            st.markdown(":gray[No deal was suggested in these days.]")
        else:
            tables.plain(found, coaching_evaluation.OUTCOME_COLUMNS, caption="Suggested deals by reason")
    with st.container(border=True, key="coaching_codes"):
        cards.title("Why were answers of a model refused?", "Each writing once per reason; an edit is no refusal.")
        codes = coaching_evaluation.codes(told.asked)
        if codes.empty:
            st.markdown(":gray[None was refused in these days.]")
        else:
            tables.plain(codes, coaching_evaluation.CODE_COLUMNS, caption="Refusals by reason")
    _called_wrong(loaded, told)


def _called_wrong(loaded: Coaching, told: Evaluated) -> None:
    """The newest ones; all of them are behind the figure."""
    found = coaching_rows.wrong_rows(told, loaded.names, loaded.view)
    with st.container(border=True, key="coaching_wrong"):
        with cards.titled("What did people call wrong?", "The newest first, of any version of a note."):
            if len(found):
                export.menu(lambda: found, coaching_rows.WRONG_COLUMNS, key="coaching_wrong",
                            name=f"called-wrong-{loaded.view.as_of.isoformat()}")  # fmt: skip
        if found.empty:
            st.markdown(":gray[Nothing in these days.]")
            return
        tables.plain(found.head(MOST_WRONG), coaching_rows.WRONG_IN_SHORT, caption="What people called wrong")
        if len(found) > MOST_WRONG:
            st.button(f"Show all {formats.count(len(found))}", key="wrong_all", type="tertiary",
                      on_click=coaching_rows.open_rows, args=("called_wrong",))  # fmt: skip


# --- nothing ---------------------------------------------------------------------------------------------------------

_ASKED = "coaching_asked"


def nothing_yet(view: View) -> None:
    is_asked = st.session_state.get(_ASKED) == view.organization_id
    is_narrowed = bool(view.filters.team_ids or view.filters.owner_ids)

    def act() -> None:
        if view.may_change and not is_asked and not is_narrowed:
            st.button("Write them now", type="primary", key="coaching_write", icon=":material/edit_note:",
                      on_click=_on_write, args=(view,))  # fmt: skip

    why = (
        "Nobody of those that the filters name has a note."
        if is_narrowed
        else "The worker has been asked; this takes some seconds. It runs where `make run` or `slms worker` does."
        if is_asked
        else "Notes of a week are written on the first day after it on which all sources were read."
    )
    states.empty("There is no note yet", why, key="coaching", icon="edit_note", actions=act)
    if is_asked:
        lead_watch.until_changed(lambda: len(coaching_data.load(view, CoachingChoice()).known), 0, key="coaching")


def _on_write(view: View) -> None:
    coaching_data.write_now(view)
    st.session_state[_ASKED] = view.organization_id


def about(view: View) -> str:
    return f"Weeks up to {formats.day(view.as_of)}"


def untouched(view: View) -> str:
    said = view.filters.unused("source")
    return said and f"{said}a note is about all that a salesperson did."


def page() -> None:
    chosen: list[CoachingChoice] = []
    view = shell.begin("Coaching", about=about, chips=lambda view: chosen.append(chips(view)), untouched=untouched)
    lead_dialogs.told()
    with states.guarded("The notes could not be read", key="coaching"):
        with states.loading(60, 420):
            loaded = coaching_data.load(view, chosen[0])
        if loaded.note is None:
            nothing_yet(view)
        elif loaded.choice.show == "history":
            history(loaded)
        elif loaded.choice.show == "evaluation":
            evaluation(loaded)
        else:
            note_card(loaded)


page()
