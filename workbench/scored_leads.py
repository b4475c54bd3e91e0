"""The tab Scored leads: whom to call first, and why. A row opens its reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from insights.charts import Palette
from workbench import (
    cards,
    export,
    formats,
    grid,
    lead_dialogs,
    lead_words,
    rows,
    score_sheet,
    score_sheet_data,
    score_words,
    scored_filters,
    scored_leads_data,
    states,
    tokens,
)
from workbench.content import RowsPage
from workbench.scored_filters import ScoredChoice
from workbench.scored_leads_data import Standing
from workbench.view import View

_EPOCH = "scored_epoch"  # names the grid: a new one has nothing selected
_DIALOG = "scored"


def draw(view: View, choice: ScoredChoice) -> None:
    held = scored_leads_data.standing(view)
    if not held.has_scores:
        _nothing(view, held)
        return
    if held.why is not None:
        _by_rule(view, held.why)
    found = scored_leads_data.bands(view, choice)
    cards.kpi_band(scored_leads_data.kpis(found, held), open_rows=_on_band)
    chosen = found[found["band"].isin(choice.bands)] if choice.bands else found
    _list(view, choice, held, total=int(chosen["n"].sum()))
    _dialog(view)


def _on_band(key: str) -> None:
    scored_filters.change(bands=(key.removeprefix("band_"),))


def _nothing(view: View, held: Standing) -> None:
    why = f"{held.why or 'There is no model.'} Scores stand here by themselves once they have proven something."
    states.empty("No scores of leads are shown", why, key="scored_gated", icon="lock",
                 actions=lambda: score_sheet.lab_link(view, "lead"))  # fmt: skip


def _by_rule(view: View, why: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="scored_by_rule"):
        st.markdown(f":orange[:material/lock:] {lead_words.plain(why)} :gray[Until then these are points by rule: they "
                    "say who comes first, and not how likely.]", width="content")  # fmt: skip
        score_sheet.lab_link(view, "lead")


def _list(view: View, choice: ScoredChoice, held: Standing, *, total: int) -> None:
    pager = rows.Pager((view.filters, choice), "scored")
    page = scored_leads_data.page(view, choice, held, total=total, after=pager.after)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{page.note}]", width="stretch")
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            _search(choice)
            export.menu(
                lambda: scored_leads_data.everything(view, choice), page.columns,
                name=f"scored-leads-{view.now.astimezone(view.zone).date().isoformat()}", key="scored",
                note=f"All leads of this list, up to {formats.count(scored_leads_data.EXPORT_LIMIT)}.",
            )  # fmt: skip
    if page.frame.empty:
        _none(view, choice)
        return
    _grid(page, pager)


def _grid(page: RowsPage, pager: rows.Pager) -> None:
    palette = tokens.palette()
    shown = grid.rows_for(page.frame, page.columns)
    shown["lead_id"] = page.frame["lead_id"].tolist()
    shown["name"], shown["name__note"] = shown["name__text"], page.frame["company_name"].tolist()
    shown["band__mark"] = [score_words.MARKS[band] for band in page.frame["band"]]
    shown["band__color"] = [getattr(palette, score_words.TONES[band]) for band in page.frame["band"]]
    epoch = st.session_state.get(_EPOCH, 0)
    answer = grid.draw(shown, _definitions(page, shown, palette), key=f"scored_{pager.number}_{epoch}", opens=True,
                       max_height=620)  # fmt: skip
    pager.draw(page, key="scored")
    if answer.selected is not None:
        st.session_state[_EPOCH] = epoch + 1
        lead_dialogs.ask(_DIALOG, (str(answer.selected["lead_id"]), str(answer.selected["name"])))
        st.rerun()


def _definitions(page: RowsPage, shown: pd.DataFrame, palette: Palette) -> list[dict[str, Any]]:
    made = []
    for column in page.columns:
        if column.field == "company_name":  # beside the name
            continue
        # The order is that of the score: a click on a head would sort this page alone.
        definition = grid.column_definition(column, **grid.room_for(shown, column)) | {"sortable": False}
        if column.field == "name":
            definition |= {"pinned": "left", "flex": None, "width": 250, "minWidth": 120,
                           "cellRenderer": grid.name_renderer(palette)}  # fmt: skip
        elif column.field == "band":
            definition |= {"cellRenderer": grid.mark_renderer(palette), "minWidth": 92}
        elif column.field in {"why", "next"}:
            definition |= {"minWidth": 300 if column.field == "why" else 210}
        made.append(definition)
    return made


def _search(choice: ScoredChoice) -> None:
    st.session_state["scored_search"] = choice.search
    st.text_input(
        "Find a lead", placeholder="Name, e-mail, company", icon=":material/search:", label_visibility="collapsed",
        width=230, key="scored_search", type="search", on_change=_on_search,
    )  # fmt: skip


def _on_search() -> None:
    scored_filters.change(search=(st.session_state["scored_search"] or "").strip())


def _none(view: View, choice: ScoredChoice) -> None:
    is_narrowed = choice.is_narrowed or view.filters.is_narrowed
    why = "The filters leave none of those that are scored." if is_narrowed else (
        "No open lead has a score. Leads that converted, or are older than the horizon, have none; new ones are scored "
        "every night.")  # fmt: skip

    def actions() -> None:
        if is_narrowed:
            st.button("Clear filters", type="primary", on_click=scored_filters.clear, key="scored_none_clear")
        score_sheet.lab_link(view, "lead")

    states.empty("No leads in this list", why, key="scored_none", icon="filter_alt_off", actions=actions)


def _dialog(view: View) -> None:
    asked = lead_dialogs.asked(_DIALOG)
    if asked is not None:
        key, name = asked
        st.dialog(lead_words.plain(name), width="medium", on_dismiss=lead_dialogs.close)(_sheet)(view, key)


def _sheet(view: View, key: str) -> None:
    with states.guarded("The score could not be read", key="scored_sheet", still_works="The list still works."):
        with states.loading(240):
            found = score_sheet_data.sheet(view, "lead", key)
        if found is None:
            st.markdown(":gray[It has no score any more: it converted, was lost, or is somebody else’s.]")
            return
        score_sheet.draw(view, found, has_title=False)
