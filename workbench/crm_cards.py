"""On the tab Sources, for administrators: what may be done with a connection, those that wait, the change that is open,
and those that were retired."""

from __future__ import annotations

import streamlit as st

from ops import credentials
from snapshots.crm_changes import CrmChange
from snapshots.organizations import CrmConnection
from workbench import cards, change_data, crm_dialogs, formats, places
from workbench.lead_words import plain
from workbench.view import View

_STATES = {
    "reading": "{new} is being read. Nothing has changed yet.",
    "ready": "{new} was read. Confirm who and what is the same; until then nothing has changed.",
    "failed": "{new} could not be read. Nothing has changed.",
    "confirmed": "Confirmed. {new} counts from now on, and waits for its first sync; until then there is a way back.",
}


def head(view: View) -> None:
    """The button that connects a CRM."""
    if change_data.may_change(view):
        with cards.titled("Sources", "CRMs and exports that are read"):
            st.button("Connect a CRM", icon=":material/add_link:", key="crm_connect", on_click=crm_dialogs.ask,
                      args=("connect",))  # fmt: skip


def menu(view: View, connection: CrmConnection) -> None:
    """What an administrator may do with an active source, beside its sync."""
    if not change_data.may_change(view):
        return
    what = {"check": ":material/verified_user: Check the access", "retire": ":material/archive: Retire"}
    if connection.provider in credentials.FIELDS:
        what = {"check": what["check"], "replace": ":material/key: Replace credentials", "retire": what["retire"]}
    picked = st.menu_button("More", list(what), format_func=what.__getitem__, icon=":material/more_horiz:",
                            key=f"source_more_{connection.connection_id}")  # fmt: skip
    if picked:
        crm_dialogs.ask(picked, connection)
        st.rerun()


def own_credentials(view: View, connection_id: int) -> None:
    """Beside a fault that names a setting: whose it is."""
    if change_data.may_change(view) and change_data.has_own_credentials(view, connection_id):
        st.markdown(":gray[It has credentials of its own, in place of the settings: *More*, *Replace credentials*.]")


def others(view: View) -> None:
    """The open change, waiting and retired connections, and the dialog that is open."""
    if not change_data.may_change(view):
        return
    change, found = change_data.current(view), change_data.connections(view)
    open_change = change if change is not None and change.is_open else None
    if open_change is not None:
        _open(open_change, view)
    busy = {open_change.to_connection_id} if open_change is not None else set()
    for connection in found:
        if connection.is_waiting and connection.connection_id not in busy:
            _waiting(connection, view, may_move=open_change is None and any(one.is_active for one in found))
    retired = [one for one in found if one.retired_at is not None and one.connection_id not in busy]
    if retired:
        _retired(retired, view, is_free=open_change is None, has_active=any(one.is_active for one in found))
    crm_dialogs.draw(view)


def _open(change: CrmChange, view: View) -> None:
    with st.container(border=True, key="open_change", gap="xsmall"):
        with cards.titled(f"From {change.from_name} to {change.to_name}", "Change of CRM"):
            st.page_link(
                places.CHANGE, label="Open", icon=":material/swap_horiz:", query_params=places.link(view.filters)
            )
        st.markdown(f":gray[{_STATES[change.state].format(new=plain(change.to_name))}]")


def _waiting(connection: CrmConnection, view: View, *, may_move: bool) -> None:
    key = connection.connection_id
    with st.container(border=True, key=f"waiting_{key}", gap="xsmall"):
        cards.title(connection.name, "Connected, not read yet")
        st.markdown(":gray[Deals that are here already and in it too would count twice, so say first what it is.]")
        with st.container(horizontal=True, gap="small"):
            if may_move:
                st.button("Let it take over", icon=":material/swap_horiz:", key=f"crm_move_{key}",
                          on_click=crm_dialogs.ask, args=("move", connection))  # fmt: skip
            st.button("Read it beside the others", key=f"crm_beside_{key}", on_click=change_data.read_beside,
                      args=(view, connection))  # fmt: skip
            if connection.provider in credentials.FIELDS:
                st.button("Replace credentials", key=f"crm_replace_{key}", type="tertiary",
                          on_click=crm_dialogs.ask, args=("replace", connection))  # fmt: skip
            st.button("Retire", key=f"crm_retire_{key}", type="tertiary", on_click=crm_dialogs.ask,
                      args=("retire", connection))  # fmt: skip


def _retired(retired: list[CrmConnection], view: View, *, is_free: bool, has_active: bool) -> None:
    """is_free: no change is open. Without anything that is read, one that nobody took over from just goes on."""
    handed_over = change_data.handed_over(view)
    with st.container(border=True, key="retired_sources", gap="xsmall"):
        cards.title("Retired", "Not read any more; their days stay as they were")
        for connection in retired:
            day = formats.day(connection.retired_at.astimezone(view.zone)) if connection.retired_at else ""
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(connection.name)}** :gray[since {day}]", width="stretch")
                if is_free and has_active:
                    st.button("Move back to it", type="tertiary", icon=":material/undo:",
                              key=f"crm_move_{connection.connection_id}", on_click=crm_dialogs.ask,
                              args=("move", connection))  # fmt: skip
                elif is_free and connection.connection_id not in handed_over:
                    st.button("Read it again", type="tertiary", icon=":material/sync:",
                              key=f"crm_again_{connection.connection_id}", on_click=change_data.read_beside,
                              args=(view, connection))  # fmt: skip
