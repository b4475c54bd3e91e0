"""Admin: what only administrators set up and look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import streamlit as st

from workbench import (
    admin_audit,
    admin_data,
    admin_keys,
    admin_notifications,
    admin_organizations,
    admin_routing,
    admin_users,
    shell,
    states,
)
from workbench.view import View

Section = Callable[[View], None]


def sections() -> Mapping[str, Section]:
    found: dict[str, Section] = {"Organizations": admin_organizations.draw, "Users": admin_users.draw}
    if find_spec(SOURCES) is not None:
        found["Sources & campaigns"] = import_module(SOURCES).draw
    return found | {
        "Routing": admin_routing.draw,
        "Notifications": admin_notifications.draw,
        "API keys": admin_keys.draw,
        "CRM connections": admin_keys.draw_connections,
        "Audit log": admin_audit.draw,
    }


SOURCES: Final = "workbench.admin_sources"


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
    found = sections()
    for tab, (name, draw) in zip(st.tabs(list(found), key="admin_tab", on_change="rerun"), found.items(), strict=True):
        if tab.open:
            with tab, states.guarded(f"{name} could not be read", key="admin"):
                draw(view)


page()
