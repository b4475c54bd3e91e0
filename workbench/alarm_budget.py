"""Where whoever may change settings says how many false alarms the organization bears."""

from __future__ import annotations

from typing import Final

import streamlit as st

from snapshots import alarm_budget
from snapshots.alarm_budget import LEAST, MOST
from workbench import access, cards, installation, rights
from workbench.view import View

_REFUSAL: Final = "Only administrators and sales ops set how many false alarms there may be."


def draw(view: View) -> None:
    """Nothing for who may not change it; the card of the rate tells everybody what it is."""
    if not view.may_change:
        return
    held = alarm_budget.budget_of(installation.database(), view.organization_id)
    cards.title("How many false alarms?", "Per salesperson, source or form and quarter; fewer alarms miss more")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        wanted = st.number_input("Alarms a quarter", LEAST, MOST, value=held, step=0.05, format="%.2f", width=180,
                                 key="alarm_budget")  # fmt: skip
        st.button("Save", type="primary", key="alarm_budget_save", disabled=_same(wanted, held), on_click=keep,
                  args=(view, wanted))  # fmt: skip
    st.caption(
        "It counts from the next weekly look on; alarms that were raised stand. Where nobody sets it, it is "
        f"{alarm_budget.USUAL}: about one alarm a year for each."
    )


def _same(wanted: float, held: float) -> bool:
    return abs(wanted - held) < LEAST / 10


def keep(view: View, wanted: float) -> None:
    """Raises PermissionError for who may not change settings, ValueError beyond the limits."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    alarm_budget.set_budget(
        installation.database(), view.organization_id, round(wanted, 2), by=access.who(),
        now=installation.services().now(),
    )  # fmt: skip
