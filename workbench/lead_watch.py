"""Keeps the pages of received leads up to date while something is on its way: looks every few seconds, and asks for the
whole page anew only when what it sees has changed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from workbench import lead_dialogs, states


@st.fragment(run_every="3s")
def until_changed(look: Callable[[], object], shown: object, *, key: str) -> None:
    """look: what is so now; shown: what was so when the page was drawn. Waits while a dialog is open."""
    with states.guarded("The page cannot keep itself up to date", key=f"watch_{key}"):
        if not lead_dialogs.is_open() and look() != shown:
            st.rerun()
