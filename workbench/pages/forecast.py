"""Forecast: what the quarter will bring, how sure that is, how good it was, and whether the quota is reached."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from workbench import (
    cards,
    first_steps,
    forecast_cards,
    forecast_choice,
    forecast_data,
    forecast_dialogs,
    forecast_first,
    forecast_outlook,
    forecast_proof,
    forecast_report_card,
    forecast_table,
    lead_dialogs,
    shell,
    states,
)
from workbench.forecast_choice import ForecastChoice
from workbench.forecast_data import Found
from workbench.forecast_outlook import Loaded
from workbench.lead_words import plain
from workbench.view import View

PAST = "The newest forecast that was issued by then, as it was issued, with what had come by that evening."


def chips(view: View) -> tuple[ForecastChoice, Found | None]:
    """What is chosen and the forecast there is for it; the chip says whose it is."""
    choice = forecast_choice.adopt()
    if view.data_version == 0:
        return choice, None
    found = forecast_data.find(view, choice)
    if found is not None:
        forecast_choice.node_chip(found.node, found.names)
    return choice, found


def head(choice: ForecastChoice) -> None:
    """The title, and beside it what is forecast and in which steps."""
    with st.container(key="forecast_head", horizontal=True, vertical_alignment="center", gap="small"):
        cards.page_title("Forecast")
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            _pick("Measure", "measure", choice.measure, forecast_choice.MEASURES)
            _pick("Steps", "step", choice.step, forecast_choice.STEPS)


def _pick(label: str, name: str, value: str, names: Mapping[str, str]) -> None:
    key = f"forecast_{name}"
    st.session_state[key] = value
    st.segmented_control(
        label, list(names), format_func=names.__getitem__, key=key, required=True,
        label_visibility="collapsed", on_change=lambda: forecast_choice.change(**{name: st.session_state[key]}),
    )  # fmt: skip


def outlook(loaded: Loaded) -> None:
    """The headline with what it is made of, and that it is of another one where the one asked for is not in it."""
    node = loaded.found.node
    if loaded.choice.node not in (None, node):
        named = plain(loaded.found.names[node])
        st.caption(f":material/link_off: What was asked for is not in this forecast. This is the one of: {named}")
    with st.container(key="forecast_top", horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            forecast_cards.headline(loaded)
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            _periods(loaded)
            _currencies(loaded)
            forecast_dialogs.buttons(loaded)
    forecast_cards.numbers(loaded, open_rows=forecast_table.open_rows(loaded))


def _periods(loaded: Loaded) -> None:
    if len(loaded.periods) > 1:
        names = {key: forecast_choice.PERIODS[key] for key in loaded.periods}
        _pick("Period", "period", loaded.period.key, names)


def _currencies(loaded: Loaded) -> None:
    codes = loaded.found.currencies
    if len(codes) > 1:
        st.session_state["forecast_currency"] = loaded.unit.currency
        st.selectbox("Currency", codes, key="forecast_currency", label_visibility="collapsed", width=100,
                     on_change=_on_currency)  # fmt: skip


def _on_currency() -> None:
    forecast_choice.change(currency=st.session_state["forecast_currency"])


def body(loaded: Loaded) -> None:
    left, right = st.container(key="split_forecast").columns([1.6, 1], gap="small")
    with left.container(border=True, height="stretch", key="forecast_chart_card"):
        forecast_cards.chart(loaded)
        forecast_proof.draw(loaded)
    with right.container(border=True, height="stretch", key="forecast_record_card"):
        forecast_report_card.record(loaded)
    forecast_table.draw(loaded)
    with states.guarded("The past forecasts could not be read", key="forecast_ledger"):
        forecast_cards.ledger(loaded)
        forecast_cards.calls(loaded, forecast_outlook.graded_calls(loaded))


def page() -> None:
    chosen: list[tuple[ForecastChoice, Found | None]] = []
    view = shell.begin(None, is_analysis=False, chips=lambda view: chosen.append(chips(view)), past=PAST)
    choice, found = chosen[0]
    head(choice)
    if view.data_version == 0:
        first_steps.nothing_synced(view)
        return
    with states.guarded("The forecast could not be read", key="forecast"):
        lead_dialogs.told()
        if found is None:
            forecast_first.draw(view, choice)
            return
        with states.loading(60, 110, 380):
            loaded = forecast_outlook.load(view, choice, found)
        outlook(loaded)
        body(loaded)
        forecast_table.dialog_if_asked(loaded)
        forecast_report_card.origins_if_asked(loaded)
        forecast_dialogs.draw(loaded)


page()
