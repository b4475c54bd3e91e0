"""Pipeline changes: how the open pipeline came from one evening to another, cause by cause, and which deals did it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from insights import waterfall_chart
from workbench import (
    cards,
    export,
    formats,
    rows,
    shell,
    states,
    tables,
    tokens,
    waterfall_data,
    waterfall_filters,
)
from workbench.filter_bar import drop
from workbench.lead_words import plain
from workbench.table_choice import Tables
from workbench.view import View
from workbench.waterfall_data import STEP_COLUMNS, Changes
from workbench.waterfall_filters import NO_CURRENCY, WaterfallChoice

RANGES = {"wtd": "This week", "mtd": "This month", "qtd": "Quarter to date"}
SEEN = "waterfall_seen"
TABLES = Tables("waterfall", "changes")
CAUSE_ALONE = 3
"""Bars where there is one cause, between start and end."""


def chips(view: View) -> WaterfallChoice:
    known = waterfall_data.known(view.viewer, view.data_version)
    choice = waterfall_filters.adopt(known)
    waterfall_filters.draw(view, choice, known)
    return choice


def presets(view: View) -> None:
    """The usual two days, one click away; any others are on the chip of dates."""
    st.session_state["waterfall_range"] = view.filters.range if view.filters.range in RANGES else None
    st.segmented_control(
        "Period", list(RANGES), format_func=RANGES.__getitem__, key="waterfall_range", label_visibility="collapsed",
        on_change=_on_preset,
    )  # fmt: skip


def _on_preset() -> None:
    if chosen := st.session_state["waterfall_range"]:
        drop(range=chosen, first=None, last=None)


def currency_of(loaded: Changes) -> str | None:
    """The currency to show; a choice only where there are several."""
    codes = loaded.found.currencies or [loaded.view.reporting_currency]
    shown = loaded.choice.shown(codes)
    if len(codes) > 1:
        st.session_state["waterfall_currency"] = shown
        st.selectbox("Currency", codes, format_func=lambda one: one or "No currency", key="waterfall_currency",
                     label_visibility="collapsed", width=110, on_change=_on_currency)  # fmt: skip
    return shown


def _on_currency() -> None:
    waterfall_filters.change(currency=st.session_state["waterfall_currency"] or NO_CURRENCY)


def changes_card(loaded: Changes) -> tuple[str, str | None]:
    """The chart or its table; which bar's deals are to be listed, and in which currency."""
    view, choice = loaded.view, loaded.choice
    days = f"From the evening of {formats.day(loaded.start)} to that of {formats.day(loaded.end)}"
    with cards.titled("What changed the pipeline?", days):
        currency = currency_of(loaded)
        steps = loaded.steps(currency)
        as_table = TABLES.toggle("changes", key="waterfall_table")
        export.menu(lambda: steps, STEP_COLUMNS, name=exported("pipeline-changes", loaded), key="waterfall",
                    note=narrowed(loaded))  # fmt: skip
    presets(view)
    part = choice.part if choice.part in set(steps["key"]) else "end"
    if as_table:
        tables.plain(steps, STEP_COLUMNS, caption="Parts of the change")
    else:
        part = drawn(steps, part)
    st.caption(said(loaded, steps, currency))
    return part, currency


def exported(what: str, loaded: Changes) -> str:
    """What an export is called: it says its last day, and the close dates that were asked for."""
    window = loaded.choice.window(loaded.view)
    closing = ["closing", *(day.isoformat() for day in window)] if window else []
    return "-".join([what, loaded.end.isoformat(), *closing])


def narrowed(loaded: Changes) -> str:
    """What of the pipeline an export is of."""
    view = loaded.view
    known = waterfall_data.known(view.viewer, view.data_version)
    return plain(waterfall_filters.described(view, loaded.choice, known))


def drawn(steps: pd.DataFrame, part: str) -> str:
    """The chart; a click on a bar chooses it."""
    label = "; ".join(f"{row.step} {row.label}" for row in steps.itertuples())
    event: Any = st.altair_chart(
        waterfall_chart.bars(steps, tokens.palette(), picked=part), key="waterfall_chart", theme=None,
        alt=f"From start to end: {label}. The table view says the same.", on_select="rerun",
        selection_mode=waterfall_chart.PICK,
    )  # fmt: skip
    picked = event["selection"].get(waterfall_chart.PICK) or []
    clicked = str(picked[0].get("key", "")) if picked else ""
    if clicked and clicked != st.session_state.get(SEEN) and clicked in set(steps["key"]):
        st.session_state[SEEN] = clicked
        waterfall_filters.change(part=clicked)
        st.rerun()
    return part


def said(loaded: Changes, steps: pd.DataFrame, currency: str | None) -> str:
    """What the bars leave out, and how they are to be read."""
    first, last = (int(steps["amount_minor"].iloc[place]) for place in (0, -1))
    sign = "+" if last > first else ""
    parts = [f"{formats.money_full(first, currency)} → {formats.money_full(last, currency)} "
             f"({sign}{formats.money_full(last - first, currency)})."]  # fmt: skip
    closed = loaded.closed
    if len(steps) > CAUSE_ALONE:
        parts.append("A deal that changed for several reasons counts as one in each bar; its amount is split.")
    if closed.n_unvalued:
        parts.append(f"{formats.plural(closed.n_unvalued, 'open deal')} without an amount add nothing.")
    if loaded.choice.closes and closed.n_without_close_date:
        parts.append(f"{formats.plural(closed.n_without_close_date, 'open deal')} without a close date are left out.")
    if closed.n_undated:
        parts.append(f"{formats.plural(closed.n_undated, 'open deal')} without a creation date count as always there.")
    if not loaded.choice.closes:
        parts.append("Close dates move nothing in or out until a quarter, or two days, are chosen.")
    if not loaded.choice.has_swings:
        parts.append("Swings inside the period are left out.")
    if loaded.view.filters.knows_then:
        parts.append("Each day as it was known on its evening; what was learnt later of the first is “corrected”.")
    return plain(" ".join(parts))


def deals_card(loaded: Changes, steps: dict[str, str], part: str, currency: str | None) -> None:
    """The deals of a bar, a page at a time."""
    with states.guarded("The deals could not be read", key="waterfall_deals"):
        pager = rows.Pager((loaded.view.filters, loaded.choice, currency), f"waterfall_{part}")
        page = waterfall_data.deals(loaded, part, currency, after=pager.after)
        with cards.titled(f"Deals: {steps[part].lower()}", page.note):
            st.session_state["waterfall_part"] = part
            st.selectbox("Part", list(steps), format_func=steps.__getitem__, key="waterfall_part", width=170,
                         label_visibility="collapsed", on_change=_on_part)  # fmt: skip
            export.menu(lambda: all_deals(loaded, part, currency), page.columns, key=f"waterfall_{part}",
                        name=exported(f"pipeline-{part}", loaded), note=narrowed(loaded))  # fmt: skip
        if page.frame.empty:
            st.markdown(":gray[No deals here.]")
            return
        rows.draw_grid(page, key=f"waterfall_{part}_{pager.number}")
        pager.draw(page, key="waterfall_deals")


def _on_part() -> None:
    waterfall_filters.change(part=st.session_state["waterfall_part"])


def all_deals(loaded: Changes, part: str, currency: str | None) -> pd.DataFrame:
    """Every deal of the bar, up to the limit of an export."""
    return rows.every(lambda after: waterfall_data.deals(loaded, part, currency, after=after))


def show_all() -> None:
    waterfall_filters.clear()
    drop(knows_then=False)


def nothing(loaded: Changes) -> None:
    if not loaded.choice.is_narrowed and not loaded.view.filters.knows_then:
        shell.nothing_here(loaded.view, what="No open deals")
        return
    reason = "No deal was open on either day, or between, with what is chosen above."
    if loaded.view.filters.knows_then:
        reason += " Before its first sync nothing was known of an organization."

    def widen() -> None:
        st.button("Show all of it", type="primary", key="waterfall_widen", on_click=show_all)

    states.empty("No open deals here", reason, key="waterfall", icon="filter_alt_off", actions=widen)


def page() -> None:
    chosen: list[WaterfallChoice] = []
    view = shell.begin(
        "Pipeline changes",
        about=lambda view: f"Open pipeline, {view.days}",
        chips=lambda view: chosen.append(chips(view)),
    )
    with states.guarded("The pipeline’s changes could not be read", key="waterfall"):
        with states.loading(420, 300):
            loaded = waterfall_data.changes(view, chosen[0])
        if loaded.is_nothing:
            nothing(loaded)
            return
        with st.container(border=True, key="waterfall_card"):
            part, currency = changes_card(loaded)
        steps = loaded.steps(currency)
        names = dict(zip(steps["key"], steps["step"], strict=True))
        deals_card(loaded, names, part, currency)


page()
