"""Admin, API keys and CRM connections: what programs may open here, and what is read."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from ops.first_run import CRM_NAMES
from snapshots.api_keys import SCOPES, ApiKey
from snapshots.organizations import CrmConnection
from workbench import admin_data, cards, change_data, formats, places, states, tables
from workbench.columns import Column, ColumnKind
from workbench.view import View

_MADE: Final = "admin_key_made"
SCOPE_WORDS: Final = {
    "read": "read: owners, counts, health", "debug": "debug: the rows behind counts",
    "live": "live: asks the CRM itself", "metrics": "metrics: of the process",
}  # fmt: skip
_DAYS: Final = {30: "30 days", 90: "90 days", 365: "A year", None: "No end"}
_COLUMNS: Final = (
    Column(field="name", title="Who uses it", width=1.4),
    Column(field="prefix", title="Begins with"),
    Column(field="scopes", title="Scopes"),
    Column(field="created_at", title="Made", kind=ColumnKind.TIME),
    Column(field="expires_at", title="Ends", kind=ColumnKind.TIME, missing="Never"),
    Column(field="last_used_at", title="Last used", kind=ColumnKind.TIME, missing="Never"),
    Column(field="state", title="State"),
)
_CRM_COLUMNS: Final = (
    Column(field="name", title="Connection", width=1.4),
    Column(field="provider", title="CRM"),
    Column(field="state", title="State"),
    Column(field="access", title="Access"),
)


def shown_once(session_key: str, words: str, *, key: str) -> None:
    """A secret that was just made, until it is put away."""
    secret = st.session_state.get(session_key)
    if secret is None:
        return
    with st.container(border=True, key=f"{key}_once"):
        st.markdown(f":material/key: **{words}** It cannot be shown again.")
        st.code(secret, language=None, wrap_lines=True)
        st.button("I have it", key=f"{key}_seen", on_click=st.session_state.pop, args=(session_key, None))


def draw(view: View) -> None:
    keys = admin_data.keys(view)
    shown_once(_MADE, "Copy the key now.", key="api_key")
    cards.title("API keys", "For programs that read what is known here; each opens this organization alone")
    if keys:
        frame = pd.DataFrame([_row(one, view) for one in keys])
        tables.plain(frame, _COLUMNS, caption="API keys")
        _revoke(view, [one for one in keys if one.revoked_at is None])
    else:
        states.empty("There is no key yet", "Until the first one is made, programs on this machine need none.",
                     key="keys", icon="key_off")  # fmt: skip
    with st.container(border=True):
        _make(view)


def _row(one: ApiKey, view: View) -> dict[str, object]:
    def local(at: datetime | None) -> datetime | None:
        return at.astimezone(view.zone) if at else None

    is_over = one.expires_at is not None and one.expires_at <= view.now
    return {
        "name": one.name, "prefix": f"{one.prefix}…", "scopes": ", ".join(one.scopes),
        "created_at": local(one.created_at), "expires_at": local(one.expires_at),
        "last_used_at": local(one.last_used_at),
        "state": "Revoked" if one.revoked_at else "Ended" if is_over else "Works",
    }  # fmt: skip


def _revoke(view: View, live: list[ApiKey]) -> None:
    if not live:
        return
    names = {one.key_id: f"{one.name} ({one.prefix}…)" for one in live}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("End a key at once", list(names), index=None, placeholder="Choose a key", width=320,
                              format_func=names.__getitem__, key=f"key_revoked_{len(live)}")  # fmt: skip
        if st.button("Revoke", key="key_revoke", icon=":material/block:", disabled=picked is None) and picked:
            admin_data.revoke_key(view, picked)
            st.toast("The key opens nothing any more.", icon=":material/check:")
            st.rerun()


def _make(view: View) -> None:
    cards.title("New key")
    with st.container(horizontal=True):
        name = st.text_input("Who uses it", key="key_name", placeholder="Intranet", max_chars=120, width=240)
        days = st.selectbox(
            "Ends after", list(_DAYS), index=2, format_func=_DAYS.__getitem__, key="key_days", width=140
        )
    with st.container(gap="xxsmall"):
        boxes = [st.checkbox(SCOPE_WORDS[one], one == "read", key=f"key_scope_{one}") for one in SCOPES]
    scopes = [one for one, is_on in zip(SCOPES, boxes, strict=True) if is_on]
    if st.button("Make a key", type="primary", key="key_make", disabled=not (name.strip() and scopes)):
        st.session_state[_MADE] = admin_data.create_key(view, name=name, scopes=scopes, days=days)
        st.rerun()


# --- CRM connections -------------------------------------------------------------------------------------------------


def draw_connections(view: View) -> None:
    found = change_data.connections(view)
    with cards.titled("CRM connections", "Connected, checked, replaced and retired on the page Data"):
        st.page_link(places.DATA, label="Open Data", icon=":material/database:", query_params=places.link(view.filters))
    if not found:
        states.empty("No CRM is connected", "Connect one on the page Data.", key="connections", icon="power_off")
        return
    frame = pd.DataFrame([_connection(one, view) for one in found])
    tables.plain(frame, _CRM_COLUMNS, caption="CRM connections")


def _connection(one: CrmConnection, view: View) -> dict[str, object]:
    retired = f"Retired on {formats.day(one.retired_at.astimezone(view.zone))}" if one.retired_at else ""
    has_own = change_data.has_own_credentials(view, one.connection_id)
    return {
        "name": one.name, "provider": CRM_NAMES.get(one.provider, one.provider.capitalize()),
        "state": "Is read" if one.is_active else retired or "Waits to take over",
        "access": "Credentials of its own" if has_own else "By the settings",
    }  # fmt: skip
