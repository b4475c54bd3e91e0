"""The dialogs about CRM connections: connect one, replace its credentials, retire it, move to one that was here before.

Nothing that was entered is kept before the CRM let us in with it; secrets stand in password fields alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from adapters.base import Check
from adapters.registry import adapter_names
from ops import connecting, credentials
from ops.first_run import CRM_NAMES
from snapshots.crm_changes import ChangeRefused
from snapshots.organizations import CrmConnection
from workbench import change_data, installation, new_organization, places, states, tables
from workbench.columns import Column
from workbench.lead_words import plain
from workbench.view import View

_OPEN, _TRIED = "crm_dialog", "crm_tried"
_BESIDE: Final = 0
_CHECK_COLUMNS: Final = (
    Column(field="what", title="Checked"),
    Column(field="result", title="Result"),
    Column(field="detail", title="What the CRM says", width=2),
    Column(field="remedy", title="Remedy", width=2, missing=""),
)


def ask(name: str, connection: CrmConnection | None = None) -> None:
    """Opens a dialog with the run that follows."""
    st.session_state[_OPEN] = (name, connection)
    st.session_state.pop(_TRIED, None)


def close() -> None:
    for key in (_OPEN, _TRIED):
        st.session_state.pop(key, None)


def draw(view: View) -> None:
    """The dialog that is open, if any."""
    found = st.session_state.get(_OPEN)
    if found is None or not change_data.may_change(view):
        return
    name, connection = found
    titles = {
        "connect": "Connect a CRM", "check": "Access", "replace": "Replace credentials", "retire": "Retire a source",
        "move": "Move to another CRM",
    }  # fmt: skip
    bodies: dict[str, Any] = {
        "connect": _connect,
        "check": _check,
        "replace": _replace,
        "retire": _retire,
        "move": _move,
    }
    width: Literal["small", "large"] = "large" if name in {"connect", "replace", "check"} else "small"
    st.dialog(titles[name], width=width, on_dismiss=close)(bodies[name])(view, connection)


def _guarded(body: str) -> Any:
    return states.guarded(body, key="crm_dialog", still_works="Nothing was changed.")


# --- connect, replace ------------------------------------------------------------------------------------------------


def _connect(view: View, _: CrmConnection | None) -> None:
    with _guarded("The CRM could not be connected"):
        known = [name for name in credentials.FIELDS if name in adapter_names()]
        provider = st.selectbox("CRM", known, format_func=CRM_NAMES.__getitem__, key="crm_provider")
        if view.is_sample:
            _connect_apart(view, provider)
            return
        old = _followed(view)
        values = _fields(provider)
        if _is_tried(view, provider, values) and _yes("Connect", icon="link"):
            _finish(view, provider, values, old)


def _connect_apart(view: View, provider: str) -> None:
    """From the sample: a CRM gets an organization of its own, so that no made-up number stands beside a true one."""
    st.markdown(":gray[These are sample data, so the CRM is read into a new organization.]")
    wanted = new_organization.ask("crm_new")
    values = _fields(provider)
    if not _is_tried(view, provider, values):
        return
    hindrance = new_organization.hindrance(wanted)
    if hindrance:
        st.markdown(f":gray[{plain(hindrance)}]")
    if _yes("Connect", icon="link", is_possible=not hindrance):
        made = new_organization.make(wanted)
        _connected(made.organization_id, provider, values)


def _connected(organization_id: int, provider: str, values: Mapping[str, str]) -> None:
    """A source that is read from now on. Ends the run."""
    services = installation.services()
    new = connecting.connect(services, organization_id, provider, values, by=change_data.by(), waits=False)
    close()
    st.query_params.from_dict({"org": str(organization_id)})
    st.toast(f"{plain(new.name)} is connected; its first sync is queued.", icon=":material/check:")
    st.rerun()


def _finish(view: View, provider: str, values: Mapping[str, str], old: CrmConnection | None) -> None:
    if old is None:
        _connected(view.organization_id, provider, values)
        return
    services = installation.services()
    new = connecting.connect(services, view.organization_id, provider, values, by=change_data.by(), waits=True)
    close()
    change_data.start(view, old, new)
    st.switch_page(places.CHANGE, query_params=places.link(view.filters))


def _followed(view: View) -> CrmConnection | None:
    """The connection that the new one takes over from; None: it is read beside those that there are."""
    active = {one.connection_id: one for one in change_data.connections(view) if one.is_active}
    if not active:
        return None
    change = change_data.current(view)
    may_follow = change is None or not change.is_open
    names = (
        {key: f"It takes over from {plain(one.name)}: history goes on" for key, one in active.items()}
        if may_follow
        else {}
    )
    names[_BESIDE] = "It is read beside what is read now; deals that are in both count twice"
    picked = st.radio("What of the data that are here?", list(names), format_func=names.__getitem__, key="crm_follows")
    return active.get(picked)


def _replace(view: View, connection: CrmConnection | None) -> None:
    if connection is None:
        return
    with _guarded("The credentials could not be replaced"):
        st.markdown(
            f":gray[For **{plain(connection.name)}**. Those that it has are not shown; enter all of them again.]"
        )
        values = _fields(connection.provider)
        if _is_tried(view, connection.provider, values) and _yes("Replace", icon="key"):
            connecting.keep(installation.services(), connection, values, by=change_data.by())
            close()
            st.toast(f"{plain(connection.name)} has new credentials.", icon=":material/check:")
            st.rerun()


def _fields(provider: str) -> dict[str, str]:
    fields = credentials.FIELDS[provider]
    values = {one.name: _field(one) for one in fields if not one.is_further}
    with st.expander("Further settings"):
        values |= {one.name: _field(one) for one in fields if one.is_further}
    return values


def _field(field: credentials.Field) -> str:
    return st.text_input(
        field.label if field.is_needed or field.is_further else f"{field.label} (optional)",
        type="password" if field.is_secret else "default", help=field.help or None, key=f"crm_{field.name}",
        autocomplete="off",
    )  # fmt: skip


def _check(view: View, connection: CrmConnection | None) -> None:
    if connection is None:
        return
    with _guarded("The access could not be checked"):
        if st.session_state.get(_TRIED) is None:
            with st.spinner(f"Asking {plain(connection.name)} …"):
                st.session_state[_TRIED] = ("", connecting.check(installation.services(), connection))
        _said(st.session_state[_TRIED][1])


def _is_tried(view: View, provider: str, values: Mapping[str, str]) -> bool:
    """Whether the CRM let us in with exactly these values; shows what it said."""
    digest = hashlib.sha256(repr((provider, sorted(values.items()))).encode()).hexdigest()
    if st.button("Check the access", icon=":material/verified_user:", key="crm_check"):
        try:
            with st.spinner(f"Asking {CRM_NAMES[provider]} …"):
                checks = connecting.try_out(installation.services(), view.organization_id, provider, values)
        except credentials.WrongFields as error:
            st.error("  \n".join(map(plain, error.lines)), icon=":material/error:")
            return False
        st.session_state[_TRIED] = (digest, checks)
    tried = st.session_state.get(_TRIED)
    if tried is None or tried[0] != digest:
        st.markdown(":gray[Nothing is saved until the CRM lets us in.]")
        return False
    _said(tried[1])
    return connecting.works(tried[1])


def _said(checks: list[Check]) -> None:
    frame = pd.DataFrame(
        [
            {"what": one.name, "result": "Works" if one.ok else "Missing", "detail": one.detail, "remedy": one.remedy}
            for one in checks
        ]
    )
    tones = pd.DataFrame({"result": ["" if one.ok else "bad" for one in checks]})
    tables.plain(frame, _CHECK_COLUMNS, caption="What the CRM says to these credentials", tones=tones)
    missing = sum(not one.ok for one in checks)
    if missing and connecting.works(checks):
        st.markdown(":orange[:material/warning:] :gray[Some rights are missing. What they are for is left out of every "
                    "number until they are granted; a sync notices it then.]")  # fmt: skip


def _yes(label: str, *, icon: str, is_possible: bool = True) -> bool:
    with st.container(horizontal=True, gap="small"):
        is_confirmed = st.button(
            label, type="primary", icon=f":material/{icon}:", key="crm_yes", disabled=not is_possible
        )
        if st.button("Cancel", key="crm_no"):
            close()
            st.rerun()
    return is_confirmed


# --- retire, move ----------------------------------------------------------------------------------------------------


def _retire(view: View, connection: CrmConnection | None) -> None:
    if connection is None:
        return
    with _guarded("The source could not be retired"):
        st.markdown(
            f"**{plain(connection.name)}** is not read any more. What was read of it stays in every number, open deals "
            "stay open as they were. To go on in another CRM, connect that one and let it take over instead."
        )
        if _yes("Retire", icon="archive"):
            change_data.retire(view, connection)
            close()
            st.rerun()


def _move(view: View, connection: CrmConnection | None) -> None:
    """To a connection that waits, or that was retired."""
    active = {one.connection_id: one for one in change_data.connections(view) if one.is_active}
    if connection is None or not active:
        close()
        st.rerun()
        return
    with _guarded("The change could not be started"):
        names = {key: one.name for key, one in active.items()}
        picked = st.selectbox(plain(f"{connection.name} takes over from"), list(names), format_func=names.__getitem__,
                              key="crm_moves_from")  # fmt: skip
        st.markdown(f":gray[{plain(connection.name)} is read first; then you confirm who and what is the same. "
                    "Until then nothing changes.]")  # fmt: skip
        if _yes("Read it", icon="swap_horiz"):
            try:
                change_data.start(view, active[picked], connection)
            except ChangeRefused as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            close()
            st.switch_page(places.CHANGE, query_params=places.link(view.filters))
