"""Admin: what only administrators set up and look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import streamlit as st

from workbench import (
    admin_audit,
    admin_data,
    admin_keys,
    admin_notifications,
    admin_organizations,
    admin_routing,
    admin_sources,
    admin_users,
    shell,
    states,
)
from workbench.view import View

Section = Callable[[View], None]


SECTIONS: Final[Mapping[str, Section]] = {
    "Organizations": admin_organizations.draw,
    "Users": admin_users.draw,
    "Sources & campaigns": admin_sources.draw,
    "Routing": admin_routing.draw,
    "Notifications": admin_notifications.draw,
    "API keys": admin_keys.draw,
    "CRM connections": admin_keys.draw_connections,
    "Audit log": admin_audit.draw,
}


def page() -> None:
    view = shell.begin("Admin", is_analysis=False)
    if not admin_data.may_administer(view):
        states.empty(
            "For administrators only",
            f"In {view.organization_name} you are {view.viewer.role.replace('_', ' ')}. Ask an administrator.",
            key="admin",
            icon="lock",
        )
        return
    # A link may name the section; from then on the tabs have it.
    if (wanted := st.query_params.pop("section", None)) in SECTIONS:
        st.session_state["admin_tab"] = wanted
    tabs = st.tabs(list(SECTIONS), key="admin_tab", on_change="rerun")
    for tab, (name, draw) in zip(tabs, SECTIONS.items(), strict=True):
        if tab.open:
            with tab, states.guarded(f"{name} could not be read", key="admin"):
                draw(view)


page()
