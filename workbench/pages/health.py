"""Pipeline health: which open deals are in trouble by the organization's own standards, and how often it was so."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from insights.charts import Palette
from insights.health.rules import RULES
from insights.health.track_record import FOLLOWED_DAYS
from workbench import (
    cards,
    export,
    formats,
    grid,
    health_data,
    health_filters,
    health_past,
    health_sheet,
    lead_dialogs,
    lead_watch,
    rows,
    shell,
    states,
    tokens,
)
from workbench.content import RowsPage
from workbench.health_data import Standing
from workbench.health_filters import HealthChoice
from workbench.view import View

_EPOCH = "health_epoch"  # names the grid: a new one has nothing selected
_ASKED = "health_asked"
_ROOM = {"rules": 180, "why": 270, "owner": 140, "stage": 110, "amount_minor": 120}  # pixels, so that words can be read


def chips(view: View) -> HealthChoice:
    known = health_data.stages(view.viewer, view.data_version)
    choice = health_filters.adopt(list(known))
    health_filters.draw(choice, known)
    return choice


def open_rule(key: str) -> None:
    """Narrows the list to the deals behind a card, or to the past flags behind its record."""
    rule = key.removeprefix("past_").removeprefix("flag_")
    health_filters.change(rules=(rule,), are_snoozed=False, are_past=key.startswith("past_"))


def not_judged(view: View, held: Standing) -> None:
    if held.first_day is not None:
        states.empty(
            "Nothing was judged by this day", f"The first judged day is {formats.day(held.first_day)}.", key="health",
            icon="event_busy",
        )  # fmt: skip
        return
    is_asked = st.session_state.get(_ASKED) == view.organization_id

    def ask() -> None:
        if view.may_change and not is_asked:
            st.button("Judge now", type="primary", key="health_judge", on_click=_on_judge, args=(view,))

    why = "The worker has been asked; this takes some seconds, a minute with many deals." if is_asked else (
        "Open deals are judged once a day after the first sync, and the year before with them, so that there is a "
        "record."
    )  # fmt: skip
    states.empty("The deals were not judged yet", why, key="health", icon="health_and_safety", actions=ask)
    lead_watch.until_changed(lambda: health_data.newest_day(view), None, key="health")


def _on_judge(view: View) -> None:
    health_data.judge(view)
    st.session_state[_ASKED] = view.organization_id


def flagged(view: View, held: Standing, choice: HealthChoice) -> None:
    assert held.run is not None
    run = held.run
    pager = rows.Pager((view.filters, choice, run.day), "health")
    page = health_data.page(view, run, choice, after=pager.after)
    with cards.titled(titled("Snoozed flags" if choice.are_snoozed else "Flagged deals", choice), page.note):
        if choice.is_narrowed:
            st.button("All rules", type="tertiary", icon=":material/close:", key="health_all",
                      on_click=health_filters.change, kwargs={"rules": (), "stage_ids": ()})  # fmt: skip
        export.menu(
            lambda: health_data.everything(view, run, choice), page.columns, key="health",
            name=f"flagged-deals-{run.day.isoformat()}",
            note=f"All deals of this list, up to {formats.count(rows.EXPORT_LIMIT)}.",
        )  # fmt: skip
    if page.frame.empty:
        nothing(view, choice)
        return
    draw_grid(page, pager)


def titled(text: str, choice: HealthChoice) -> str:
    return f"{text}: {RULES[choice.rules[0]].title.rstrip('?').lower()}" if len(choice.rules) == 1 else text


def past_flags(view: View, held: Standing, choice: HealthChoice) -> None:
    """What the records on the cards are of, a page at a time."""
    assert held.run is not None
    run = held.run
    pager = rows.Pager((view.filters, choice, run.day), "health_past")
    page = health_past.page(view, held, choice, after=pager.after)
    with cards.titled(titled("Past flags", choice), page.note):
        if choice.rules:
            st.button("All rules", type="tertiary", icon=":material/close:", key="health_all",
                      on_click=health_filters.change, kwargs={"rules": ()})  # fmt: skip
        st.button("Flagged deals", type="tertiary", icon=":material/flag:", key="health_standing",
                  on_click=health_filters.change, kwargs={"are_past": False})  # fmt: skip
        if not page.frame.empty:
            export.menu(lambda: health_past.everything(view, run, choice), page.columns, key="health_past",
                        name=f"past-flags-{run.day.isoformat()}", note="All past flags of this list.")  # fmt: skip
    if page.frame.empty:
        no_past_flags(view, held, choice)
        return
    draw_grid(page, pager)


def no_past_flags(view: View, held: Standing, choice: HealthChoice) -> None:
    has_record = any(held.rates[rule].flagged.n for rule in choice.rules or RULES if rule in held.rates)
    why = (
        "The record is of deals that are not shown to you, or that the filters leave out."
        if has_record
        else f"A flag has {FOLLOWED_DAYS} days to come true, and no record is kept of days that were judged later."
    )

    def back() -> None:
        if view.filters.is_narrowed:
            st.button("Clear filters", type="primary", on_click=health_filters.clear, key="health_clear")

    states.empty("No past flags in this list", why, key="health_none", icon="history", actions=back)


def nothing(view: View, choice: HealthChoice) -> None:
    is_narrowed = choice.is_narrowed or view.filters.is_narrowed

    def widen() -> None:
        if is_narrowed:
            st.button("Clear filters", type="primary", on_click=health_filters.clear, key="health_clear")

    what = "is snoozed" if choice.are_snoozed else "is flagged"
    why = f"No open deal {what}" + (" with what is chosen above." if is_narrowed else ".")
    states.empty("No deals in this list", why, key="health_none", actions=widen,
                 icon="filter_alt_off" if is_narrowed else "verified")  # fmt: skip


def draw_grid(page: RowsPage, pager: rows.Pager) -> None:
    palette = tokens.palette()
    shown = grid.rows_for(page.frame, page.columns)
    shown["deal_id"] = page.frame["deal_id"].tolist()
    shown["name"] = shown["name__text"]
    epoch = st.session_state.get(_EPOCH, 0)
    is_one_of_many = page.next_after is not None or pager.number > 1
    answer = grid.draw(
        shown, definitions(page, shown, palette, is_sortable=not is_one_of_many), key=f"health_{pager.number}_{epoch}",
        opens=True, max_height=620,
    )  # fmt: skip
    pager.draw(page, key="health")
    if answer.selected is not None:
        st.session_state[_EPOCH] = epoch + 1
        lead_dialogs.ask(health_sheet.DIALOG, (int(answer.selected["deal_id"]), str(answer.selected["name"])))
        st.rerun()


def definitions(page: RowsPage, shown: pd.DataFrame, palette: Palette, *, is_sortable: bool) -> list[dict[str, Any]]:
    made = []
    for column in page.columns:
        definition = grid.column_definition(column, **grid.room_for(shown, column))
        # Largest first over all pages: a click on a head would sort the page that is shown, alone.
        definition |= {} if is_sortable else {"sortable": False}
        if column.field == "name":
            definition |= {"pinned": "left", "flex": None, "width": 270, "minWidth": 120,
                           "cellRenderer": grid.name_renderer(palette)}  # fmt: skip
        elif column.field in _ROOM:
            definition |= {"minWidth": _ROOM[column.field]}
        made.append(definition)
    return made


def head(held: Standing) -> None:
    assert held.run is not None
    parts = [health_data.followed(held)]
    if held.run.is_replayed:
        parts.insert(0, "This day was judged later, by what is known now of it.")
    if held.n_snoozed:
        parts.append(f"{formats.plural(held.n_snoozed, 'flag')} snoozed.")
    if said := " ".join(one for one in parts if one):
        st.caption(said)


def page() -> None:
    chosen: list[HealthChoice] = []
    view = shell.begin(
        "Pipeline health",
        about=lambda view: f"Open deals at the end of {formats.day(view.as_of)}, whatever the period",
        chips=lambda view: chosen.append(chips(view)),
    )
    lead_dialogs.told()
    with states.guarded("Pipeline health could not be read", key="health"):
        with states.loading(320, 420):
            held = health_data.standing(view, chosen[0])
        if held.run is None:
            not_judged(view, held)
            return
        cards.kpi_band(health_data.kpis(held), open_rows=open_rule)
        head(held)
        with states.guarded("The flagged deals could not be read", key="health_deals"):
            listed = past_flags if chosen[0].are_past else flagged
            listed(view, held, chosen[0])
        health_sheet.dialog_if_asked(view)


page()
