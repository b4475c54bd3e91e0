"""Salespeople: who does what, one row per owner, a click or Enter away from the person's own page."""

from __future__ import annotations

import unicodedata
from typing import Any

import pandas as pd
import streamlit as st

from insights.charts import Palette
from workbench import export, formats, grid, people_data, places, shell, states, tokens
from workbench.columns import Column, ColumnKind
from workbench.content import People
from workbench.view import View

SORTED_BY = "won_major"


def definitions(columns: list[Column], palette: Palette) -> list[dict[str, Any]]:
    """The grid's columns: the name pinned, rates with their n, and the trend at the end."""
    made = []
    for column in columns:
        definition = grid.column_definition(column)
        if column.field == "name":
            definition |= {
                "pinned": "left",
                "cellRenderer": grid.name_renderer(palette),
                "flex": None,
                "width": 270,
                "minWidth": 120,
            }
        elif column.text_field is not None:
            definition |= {"cellRenderer": grid.money_renderer(palette), "tooltipField": f"{column.field}__text"}
            definition |= {"sort": "desc"} if column.field == SORTED_BY else {}
        elif column.kind is ColumnKind.RATE:
            definition |= {"cellRenderer": grid.rate_renderer(palette), "minWidth": 124}
        made.append(definition)
    if "emails" not in {column.field for column in columns}:
        return made  # the small lines are of activities, of which no source tells
    trend = {
        "field": "trend",
        "headerName": "13 weeks",
        "minWidth": 118,
        "sortable": False,
        "flex": 1,
        "cellDataType": False,
    }
    made.append(trend | {"cellRenderer": grid.sparkline_renderer(palette), "headerTooltip": "Activities per week"})
    return made


def grid_rows(found: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """The rows as the grid wants them, with the notes that stand beside names and rates."""
    rows = grid.rows_for(found, columns)
    rows["owner_id"] = found["owner_id"].tolist()
    rows["trend"] = found["trend"].tolist()
    rows["name__note"] = found["note"].tolist()
    rows["win_rate__note"] = [f"n {formats.count(n)}" for n in found["n_closed"]]
    rows["win_rate__few"] = found["few"].tolist()
    return rows


def matching(found: pd.DataFrame, wanted: str) -> pd.DataFrame:
    """People whose name or team holds the wanted text, case and accents as typed or not."""
    if not wanted.strip():
        return found
    text = (found["name"].fillna("") + " " + found["note"].fillna("")).map(_folded)
    return found[text.str.contains(_folded(wanted.strip()), regex=False)]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def _open(owner_id: int, view: View) -> None:
    # A new grid and an empty box: nothing is chosen when the reader comes back.
    st.session_state["people_epoch"] = st.session_state.get("people_epoch", 0) + 1
    st.switch_page(places.SALESPERSON, query_params=places.link(view.filters, person=str(owner_id)))


def table(found: People, view: View) -> None:
    columns = list(found.columns)
    epoch = st.session_state.get("people_epoch", 0)
    with st.container(
        key="people_head", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f":gray[:small[{found.note}]]", width="stretch")
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            wanted = st.text_input(
                "Find a person", placeholder="Find a person or team", icon=":material/search:",
                label_visibility="collapsed", width=220, live=True, key="people_find", type="search",
            )  # fmt: skip
            shown = matching(found.frame, wanted or "")
            _person_box(shown, view, epoch)
            order: list[int] = st.session_state.get("people_order", [])
            export.menu(
                lambda: _sorted(shown, order), columns, name=f"salespeople-{view.as_of.isoformat()}", key="people"
            )
    if shown.empty:
        states.empty(
            f"Nobody matches “{wanted}”",
            f"{formats.plural(len(found.frame), 'person', 'people')} can be found by name or team.",
            key="people",
            icon="search_off",
            actions=lambda: st.button("Clear search", on_click=_clear_search, type="primary", key="people_clear"),
        )
        return
    answer = grid.draw(
        grid_rows(shown, columns), definitions(columns, tokens.palette()), key=f"people_{epoch}", opens=True
    )
    st.session_state["people_order"] = [int(row["owner_id"]) for row in answer.shown]
    if answer.selected is not None:
        _open(int(answer.selected["owner_id"]), view)


def _person_box(shown: pd.DataFrame, view: View, epoch: int) -> None:
    """The way to a person's page without a pointer."""
    people = zip(shown["owner_id"], shown["name"], shown["note"], strict=True)
    names = {int(owner_id): f"{name} · {note}" if note else str(name) for owner_id, name, note in people}
    chosen = st.selectbox(
        "Open a person", list(names), index=None, format_func=names.__getitem__, placeholder="Open a person",
        label_visibility="collapsed", width=190, key=f"people_open_{epoch}",
    )  # fmt: skip
    if chosen is not None:
        _open(chosen, view)


def _clear_search() -> None:
    st.session_state["people_find"] = ""


def _sorted(shown: pd.DataFrame, order: list[int]) -> pd.DataFrame:
    """The people in the order in which the grid shows them."""
    place = {owner_id: number for number, owner_id in enumerate(order)}
    return shown.assign(
        _place=shown["owner_id"].map(lambda owner_id: place.get(int(owner_id), len(place)))
    ).sort_values("_place", kind="stable")


def page() -> None:
    view = shell.begin("Salespeople")
    with states.guarded("The salespeople could not be read", key="people"):
        with states.loading(36, 420):
            found = people_data.salespeople(view)
        if found.frame.empty:
            shell.nothing_here(view, what="No salespeople")
            return
        table(found, view)


page()
