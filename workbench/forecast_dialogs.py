"""Quotas and calls: who may sets what is to be reached, or says what he expects; both are kept as they were said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from snapshots import forecast_calls, quotas
from snapshots.quotas import Quota
from snapshots.tables import decimals
from workbench import access, forecast_choice, forecast_data, formats, installation, lead_dialogs, rights, states
from workbench.forecast_choice import Node
from workbench.forecast_data import Found, Period
from workbench.forecast_outlook import Loaded
from workbench.lead_words import plain
from workbench.view import View

QUOTAS: Final = "forecast_quotas"
CALL: Final = "forecast_call"
_REFUSAL: Final = "Only administrators and sales ops set quotas."
_LESS: Final = "call_less"
"""The amount below what is won that was asked about."""


def buttons(loaded: Loaded) -> None:
    """What the viewer may do here."""
    if not loaded.unit.is_money:
        return
    if loaded.view.may_change and not loaded.view.looks_back:
        st.button("Set quotas", icon=":material/flag:", key="forecast_quotas_open", on_click=lead_dialogs.ask,
                  args=(QUOTAS, True))  # fmt: skip
    if _may_call(loaded):
        st.button("Make a call", icon=":material/record_voice_over:", key="forecast_call_open",
                  on_click=lead_dialogs.ask, args=(CALL, True),
                  help="What you expect, beside what the model expects. Both are graded.")  # fmt: skip


def _may_call(loaded: Loaded) -> bool:
    kind, key = loaded.found.node
    has_node = kind == "total" or (kind in {"team", "owner"} and bool(key))
    is_open = not loaded.view.looks_back and loaded.period.span.days_left > 0
    return has_node and is_open and forecast_calls.may_call(installation.database(), loaded.view.viewer, kind, key)


def draw(loaded: Loaded) -> None:
    """The dialog that was asked for."""
    if lead_dialogs.asked(QUOTAS) and loaded.view.may_change:
        st.dialog("Quotas", width="medium", on_dismiss=lead_dialogs.close)(_quotas)(loaded)
    elif lead_dialogs.asked(CALL) and _may_call(loaded):
        st.dialog("Your call", on_dismiss=lead_dialogs.close)(_call)(loaded)


def _cancel(key: str) -> None:
    if st.button("Cancel", key=key):
        lead_dialogs.close()
        st.rerun()  # of the whole page: a dialog runs by itself


# --- quotas ----------------------------------------------------------------------------------------------------------


def _quotas(loaded: Loaded) -> None:
    with states.guarded("The quotas could not be changed", key="quotas", still_works="They are as they were."):
        spans = forecast_data.spans(loaded.view)
        names = forecast_choice.PERIODS
        key = st.segmented_control("Period", list(spans), format_func=names.__getitem__, default=loaded.period.key,
                                   required=True, label_visibility="collapsed", key="quota_period")  # fmt: skip
        period = spans[key or loaded.period.key]
        held = held_quotas(loaded.view, loaded.found, period)
        frame = quota_rows(loaded.found, held)
        symbol = formats.symbol(loaded.unit.currency).strip() or "amount"
        days = formats.day_range(period.span.first, period.span.last)
        st.caption(f"{days}. A team without a quota of its own has the sum of its salespeople’s, once each of them has "
                   "one; so has the whole of its teams’. Clear a cell to take one away."
                   + (" Who has won nothing yet stands last." if loaded.found.newcomers else ""))  # fmt: skip
        edited = st.data_editor(
            frame[["name", "kind", "quota"]], hide_index=True, disabled=["name", "kind"], placeholder=formats.MISSING,
            key=f"quota_rows_{period.key}", height=min(38 * (len(frame) + 1) + 2, 420), row_height=38,
            column_config={
                "name": st.column_config.TextColumn("Of"), "kind": st.column_config.TextColumn("What", width="small"),
                "quota": st.column_config.NumberColumn(f"Quota, {symbol}", min_value=0.0, format="localized"),
            },
        )  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            if st.button("Save quotas", type="primary", icon=":material/check:", key="quotas_save"):
                n = save(loaded.view, loaded.found, period, frame.assign(quota=edited["quota"]), held)
                lead_dialogs.say(f"{formats.plural(n, 'quota')} changed." if n else "Nothing was changed.")
                lead_dialogs.close()
                st.rerun()
            _cancel("quotas_cancel")


def held_quotas(view: View, found: Found, period: Period) -> dict[Node, Quota]:
    """Those of exactly this period that hold now, by node."""
    known = quotas.list_quotas(installation.database(), view.viewer, first_day=period.span.first,
                               last_day=period.span.last)  # fmt: skip
    days = (period.span.first, period.span.last)
    return {one.node: one for one in known
            if (one.first_day, one.last_day) == days and one.currency == found.unit.currency}  # fmt: skip


def quota_rows(found: Found, held: Mapping[Node, Quota]) -> pd.DataFrame:
    """One row per node that can have a quota, newcomers last: `node`, `name`, `kind`, `quota` in main units, missing
    where none is."""
    kinds = {"total": "Whole", "team": "Team", "owner": "Salesperson"}
    names = {**found.names, **found.new_names}
    nodes = [one for one in names if one[0] in kinds and (one[0] == "total" or one[1])]
    scale = 10.0 ** decimals(found.unit.currency)
    amounts = [held[one].amount_minor / scale if one in held else None for one in nodes]
    return pd.DataFrame({
        "node": nodes, "name": [names[one] for one in nodes], "kind": [kinds[kind] for kind, _ in nodes],
        "quota": pd.Series(amounts, dtype="float64"),
    })  # fmt: skip


def save(view: View, found: Found, period: Period, wanted: pd.DataFrame, held: Mapping[Node, Quota]) -> int:
    """Puts what is new or different, takes away what was cleared. Returns how many. Raises PermissionError."""
    rights.demand(view, rights.changes_settings, _REFUSAL)
    viewer, by, n = rights.viewer(view), access.who(), 0
    scale = 10.0 ** decimals(found.unit.currency)
    for node, amount in zip(wanted["node"], wanted["quota"], strict=True):
        before = held.get(node)
        minor = 0 if formats.is_missing(amount) else round(float(amount) * scale)
        if minor == (before.amount_minor if before else 0):
            continue
        n += 1
        if minor:
            kind, key = node
            quotas.put_quota(
                installation.database(), viewer, owner_id=int(key) if kind == "owner" else None,
                team_id=int(key) if kind == "team" else None, first_day=period.span.first, last_day=period.span.last,
                amount_minor=minor, currency=str(found.unit.currency), by=by, now=view.now,
            )  # fmt: skip
        elif before is not None:
            quotas.remove_quota(installation.database(), viewer, before.quota_id, by=by, now=view.now)
    return n


# --- calls -----------------------------------------------------------------------------------------------------------


def _call(loaded: Loaded) -> None:
    with states.guarded("The call could not be kept", key="call", still_works="Calls made before are as they were."):
        unit, one = loaded.unit, loaded.outlook
        name, days = loaded.found.names[loaded.found.node], loaded.period.span
        said = (f"The model says {unit.short(one.value)}, 80 % between {unit.short(one.low)} and "
                f"{unit.short(one.high)}; {unit.short(one.won)} are won.")  # fmt: skip
        # Two dollar signs would make a formula of what stands between them.
        st.markdown(f"**{plain(name)}**, {formats.day_range(days.first, days.last)}. {plain(said)}")
        before = loaded.call
        # Without a call before it begins empty: what the model says would be repeated.
        start = None if before is None else float(round(unit.drawn(float(before.amount_minor)), 2))
        amount = st.number_input(f"What will be won, {unit.currency or 'amount'}", min_value=0.0, step=1000.0,
                                 value=start, placeholder="Amount", key="call_amount")  # fmt: skip
        note = st.text_area("Why (optional)", max_chars=forecast_calls.NOTE_LENGTH, height=80, key="call_note")
        st.caption("It stays as you say it, with your name and today’s date. You can make another one at any time.")
        with st.container(horizontal=True, gap="small"):
            is_kept = st.button("Keep this call", type="primary", icon=":material/check:", key="call_save")
            if is_kept and amount is not None and _is_meant(loaded, amount):
                put(loaded, round(amount * 10 ** decimals(unit.currency)), note or "")
                lead_dialogs.say("The call is kept.")
                lead_dialogs.close()
                st.rerun()
            _cancel("call_cancel")


def _is_meant(loaded: Loaded, amount: float) -> bool:
    """False, with a question, the first time that a call is less than what is won already."""
    won = loaded.outlook.won
    if amount * 10 ** decimals(loaded.unit.currency) >= won or st.session_state.get(_LESS) == amount:
        return True
    st.session_state[_LESS] = amount
    st.warning(f"{plain(loaded.unit.short(won))} are won already. Press again to keep the call all the same, if some "
               "of it will be taken back.", icon=":material/warning:")  # fmt: skip
    return False


def put(loaded: Loaded, amount_minor: int, note: str) -> None:
    """Raises PermissionError for who may not, ValueError where the period is over."""
    kind, key = loaded.found.node
    view, span = loaded.view, loaded.period.span
    forecast_calls.put_call(
        installation.database(), rights.viewer(view), node_kind=kind, node_key=key, first_day=span.first,  # type: ignore[arg-type]
        last_day=span.last, amount_minor=amount_minor, currency=str(loaded.unit.currency), note=note.strip(),
        by=access.who(), now=view.now, today=view.as_of,
    )  # fmt: skip
