"""The sheet on which people say who was away: entries, an import, and the country whose public holidays are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, cast

import pandas as pd
import streamlit as st

from snapshots.leave import BadAbsence, NewAbsence
from workbench import cards, export, formats, lead_words, leave_data, tables
from workbench.columns import Column, ColumnKind
from workbench.view import View

COLUMNS: Final = (
    Column(field="who", title="Who", width=1.2),
    Column(field="first_day", title="From", kind=ColumnKind.DATE),
    Column(field="last_day", title="To", kind=ColumnKind.DATE),
    Column(field="reason", title="Why", missing=""),
    Column(field="entered_by", title="Entered by"),
)
_EVERYBODY: Final = 0
_NO_COUNTRY: Final = ""


def draw(view: View) -> None:
    """Entries for everyone to read; whoever may change settings adds and takes back."""
    found = leave_data.entries(view)
    with cards.titled("Leave and holidays", "What is known lessens what is expected of a week; a week that was hardly "
                      "worked is not judged"):  # fmt: skip
        export.menu(lambda: found, COLUMNS, name=f"leave-{view.organization_name}", key="leave")
    if view.may_change:
        _country(view)
    if found.empty:
        st.markdown(":gray[No leave has been entered.]")
    else:
        tables.plain(found.head(leave_data.SHOWN), COLUMNS, caption="Leave")
        if len(found) > leave_data.SHOWN:
            st.caption(f"The newest {leave_data.SHOWN} of {formats.count(len(found))}; the export has all.")
    if view.may_change:
        with st.expander("Add, import or take back", icon=":material/event_busy:", key="leave_edit"):
            _add(view)
            _import(view)
            _take_back(view, found)


def _country(view: View) -> None:
    known = {_NO_COUNTRY: "No public holidays", **leave_data.country_names()}
    held = leave_data.country(view)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        picked = st.selectbox(
            "Public holidays of", list(known), format_func=known.__getitem__, key="leave_country", width=260,
            index=list(known).index(held[0]) if held[0] in known else 0,
        )  # fmt: skip
        parts = leave_data.parts_of(picked) if picked else ()
        part = st.selectbox("Part of the country", ["", *parts], key=f"leave_part_{picked}", width=200,
                            index=(["", *parts].index(held[1]) if held[1] in parts else 0),
                            format_func=lambda one: one or "All of it") if parts else ""  # fmt: skip
        if (picked, part) != held:
            st.button("Save", type="primary", key="leave_country_save", on_click=leave_data.keep_country,
                      args=(view, picked, part))  # fmt: skip


def _add(view: View) -> None:
    people = {_EVERYBODY: "Everybody", **view.choices.owners}
    people = {key: name for key, name in people.items() if key == _EVERYBODY or key > 0}
    with (
        st.form("leave_add", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        who = st.selectbox("Who", list(people), format_func=people.__getitem__, index=None, width=220,
                           placeholder="Choose", key="leave_who")  # fmt: skip
        first = st.date_input("From", value=view.as_of, format="YYYY-MM-DD", key="leave_first", width=140)
        last = st.date_input("To", value=view.as_of, format="YYYY-MM-DD", key="leave_last", width=140)
        reason = st.text_input("Why (optional)", max_chars=200, key="leave_reason", width=220)
        is_sent = st.form_submit_button("Add", type="primary", key="leave_send")
    if is_sent:
        _added(view, who, first, last, reason)


def _added(view: View, who: int | None, first: Any, last: Any, reason: str) -> None:
    if who is None or not isinstance(first, date):
        st.error("Say who, and from which day on.", icon=":material/error:")
        return
    wanted = NewAbsence(owner_id=who or None, first_day=first, last_day=last or first, reason=reason)
    try:
        leave_data.add(view, [wanted])
    except BadAbsence as why:
        st.error(lead_words.plain(str(why)), icon=":material/error:")
        return
    st.rerun()


def _import(view: View) -> None:
    sent = st.file_uploader(
        "Or import a table with who (name or e-mail), from, to and why", type=["csv", "tsv", "txt"], key="leave_file"
    )
    if sent is None or st.session_state.get("leave_taken") == sent.file_id:
        return
    st.session_state["leave_taken"] = sent.file_id
    try:
        n, unread = leave_data.take(view, sent.name, sent.getvalue())
    except BadAbsence as why:
        st.error(lead_words.plain(str(why)), icon=":material/error:")
        return
    st.success(f"{formats.plural(n, 'entry', 'entries')} added.", icon=":material/check:")
    if unread:
        st.warning("\n".join(f"- {lead_words.plain(one)}" for one in unread[:20]), icon=":material/warning:")


def _take_back(view: View, found: pd.DataFrame) -> None:
    if found.empty:
        return
    names = {
        int(row.leave_id): f"{row.who}, {formats.day_range(row.first_day, row.last_day)}"
        for row in cast("Iterable[Any]", found.itertuples())
        if not pd.isna(row.leave_id)
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        picked = st.selectbox("Take back", list(names), format_func=names.__getitem__, index=None,
                              placeholder="An entry", key="leave_remove", width=320)  # fmt: skip
        st.button("Take back", key="leave_remove_now", disabled=picked is None, on_click=leave_data.take_back,
                  args=(view, picked))  # fmt: skip
