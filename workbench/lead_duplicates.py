"""Leads of the same person on the page of a lead: which there are, what a merge would say, merging, the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import pandas as pd
import streamlit as st

from snapshots import duplicates
from snapshots.duplicates import Candidate, MergedField, MergeRefused, Standing
from snapshots.journeys import ReceivedLead
from snapshots.lead_filter import LeadState
from workbench import access, cards, formats, installation, lead_dialogs, lead_words, leads_data, tables
from workbench.columns import Column
from workbench.view import View

_DIALOG: Final = "merge"
_COLUMNS: Final = (
    Column(field="field", title="Field"),
    Column(field="wins", title="Counts from then on", width=1.3),
    Column(field="origin", title="From"),
    Column(field="others", title="Does not count", width=1.3, missing=""),
)


def draw(view: View, lead: ReceivedLead) -> None:
    """The part of the page; nothing where there is no other lead of this person."""
    found = duplicates.same_person(leads_data.inbox(view), lead.lead_id)
    held = duplicates.standing(leads_data.inbox(view), lead.lead_id)
    if not found and not held.duplicates and held.duplicate_of is None:
        return
    with cards.titled("Leads of the same person", f"{formats.plural(len(found), 'other lead')}, the newest first"):
        if view.may_change and held.duplicate_of is None and _open(found, held):
            st.button("Merge …", icon=":material/merge:", key="merge_open", on_click=lead_dialogs.ask,
                      args=(_DIALOG, lead.lead_id))  # fmt: skip
    _said(view, lead, held)
    with st.container(gap=None, key="lead_siblings"):
        for one in found:
            _one(view, one, held)


def _open(found: Sequence[Candidate], held: Standing) -> list[Candidate]:
    """Those that may be merged into this lead."""
    return [one for one in found if one.kept_lead_id is None and one.lead_id not in held.duplicates]


def _said(view: View, lead: ReceivedLead, held: Standing) -> None:
    if held.duplicate_of is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(":orange[:material/content_copy:] :gray[This lead is a duplicate of another one.]")
            st.button("Open that one", key="merge_kept", type="tertiary", on_click=_show, args=(held.duplicate_of,))
    if held.duplicates:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            n = formats.plural(len(held.duplicates), "duplicate")
            st.markdown(f":green[:material/merge:] :gray[{n} merged into this one. Later deliveries say the merged "
                        "values.]")  # fmt: skip
            if view.may_change:
                st.button("Undo", key="merge_undo", type="tertiary", icon=":material/undo:", on_click=_undo,
                          args=(view, lead.lead_id), help="They are leads of their own again")  # fmt: skip


def _one(view: View, one: Candidate, held: Standing) -> None:
    when = formats.clock(one.received_at.astimezone(view.zone))
    state = LeadState(one.state)
    mark = " · merged" if one.lead_id in held.duplicates else ""
    label = f"{lead_words.MARKS[state]} {_who(one)}, {when}: {lead_words.STATES[state]} · {one.why}{mark}"
    st.button(label, type="tertiary", key=f"sibling_{one.lead_id}", on_click=_show, args=(one.lead_id,))


def _who(one: Candidate) -> str:
    name = " ".join(filter(None, (one.values.get("first_name"), one.values.get("last_name"))))
    return lead_words.plain(name or one.values.get("email") or one.values.get("phone") or lead_words.UNNAMED)


def _show(lead_id: UUID) -> None:
    st.query_params["lead"] = str(lead_id)


def _undo(view: View, lead_id: UUID) -> None:
    now = installation.services().now()
    is_done = duplicates.undo(leads_data.inbox(view), lead_id, by=access.who(), now=now)
    lead_dialogs.say("They are leads of their own again." if is_done else "Somebody was faster.", is_done=is_done)


# --- the dialog ------------------------------------------------------------------------------------------------------


def dialog(view: View, lead: ReceivedLead) -> None:
    """What a merge would say, before it is done."""
    if lead_dialogs.asked(_DIALOG) == lead.lead_id and view.may_change:
        st.dialog("Merge leads of the same person", width="large", on_dismiss=lead_dialogs.close)(_body)(view, lead)


def _body(view: View, lead: ReceivedLead) -> None:
    held = duplicates.standing(leads_data.inbox(view), lead.lead_id)
    found = duplicates.same_person(leads_data.inbox(view), lead.lead_id)
    st.markdown(":gray[This lead is kept. The others become its duplicates; nothing is deleted, and it can be undone.]")
    picked = [one for one in _open(found, held) if _is_picked(view, one)]
    merged = [one for one in found if one.lead_id in held.duplicates]
    fields = duplicates.preview((lead.lead_id, _known(lead)), [*picked, *merged])
    _preview(view, lead, fields, [*picked, *merged])
    with st.container(horizontal=True, gap="small"):
        is_sure = st.button(f"Merge {formats.plural(len(picked), 'lead')} into this one", type="primary",
                            icon=":material/merge:", key="merge_yes", disabled=not picked)  # fmt: skip
        if st.button("Cancel", key="merge_no"):
            lead_dialogs.close()
            st.rerun()
    if is_sure and picked:
        _merge(view, lead, picked)


def _is_picked(view: View, one: Candidate) -> bool:
    when = formats.clock(one.received_at.astimezone(view.zone))
    is_sure = "address" in one.why  # a number may be a whole company's
    return st.checkbox(f"{_who(one)}, {when} ({one.why})", value=is_sure, key=f"merge_{one.lead_id}")


def _known(lead: ReceivedLead) -> dict[str, str]:
    own = {name: getattr(lead, name) for name in duplicates.OWN} | dict(lead.extra)
    return {name: str(value) for name, value in own.items() if value}


def _preview(view: View, lead: ReceivedLead, fields: Sequence[MergedField], others: Sequence[Candidate]) -> None:
    received = {one.lead_id: formats.clock(one.received_at.astimezone(view.zone)) for one in others}
    names = received | {lead.lead_id: "this lead"}
    rows = [
        {
            "field": lead_words.FIELDS.get(one.name, one.name), "wins": one.wins, "origin": names[one.wins_from],
            "others": _others(one, names),
        }
        for one in fields
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["field", "wins", "origin", "others"])
    tones = pd.DataFrame({"others": ["risk" if one.others else "" for one in fields]})
    tables.plain(frame, _COLUMNS, caption="What would count after the merge", tones=tones)
    n = sum(bool(one.others) for one in fields)
    st.markdown(f":gray[{formats.plural(n, 'field differs', 'fields differ')}.]" if n else ":gray[Nothing differs.]")


def _others(field: MergedField, names: Mapping[UUID, str]) -> str:
    """The values that do not count, each once, with the lead that says it."""
    by_value: dict[str, list[str]] = {}
    for lead_id, value in field.others:
        by_value.setdefault(value, []).append(names[lead_id])
    told = ((value, from_[0], len(from_) - 1) for value, from_ in by_value.items())
    return "; ".join(f"{value} ({first}{f' and {more} more' if more else ''})" for value, first, more in told)


def _merge(view: View, lead: ReceivedLead, picked: Sequence[Candidate]) -> None:
    ids, now = [one.lead_id for one in picked], installation.services().now()
    try:
        duplicates.merge(leads_data.inbox(view), lead.lead_id, ids, by=access.who(), now=now)
    except MergeRefused as error:
        st.error(lead_words.plain(str(error)), icon=":material/error:")
        return
    lead_dialogs.say(f"{formats.plural(len(picked), 'lead')} merged into this one.")
    lead_dialogs.close()
    st.rerun()
