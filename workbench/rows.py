"""The rows behind a number: a dialog over the page, reachable by URL (`?rows=won`), one keyset page at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench import export, formats, grid, rows_data, states
from workbench.content import RowsPage
from workbench.view import View

PARAMETER: Final = "rows"
EXPORT_LIMIT: Final = 100_000
_PLACE: Final = "rows_place"


def open_rows(key: str) -> None:
    """Asks for the rows behind `key`; the dialog opens with the run that follows."""
    st.query_params[PARAMETER] = key
    st.session_state.pop(_PLACE, None)


def _close() -> None:
    st.query_params.pop(PARAMETER, None)
    st.session_state.pop(_PLACE, None)


def dialog_if_asked(view: View) -> None:
    """Opens the dialog when the URL names rows that exist."""
    key = st.query_params.get(PARAMETER)
    if key is None:
        return
    if key not in rows_data.row_titles():
        _close()
        return
    st.dialog(rows_data.row_titles()[key], width="large", on_dismiss=_close)(_rows)(view, key)


def _rows(view: View, key: str) -> None:
    with states.guarded("These rows could not be read", key="rows"):
        pager = Pager(view.filters, key)
        with states.loading(36, 420):
            page = rows_data.rows_page(view, key, after=pager.after)
        _head(page, view, key)
        if page.frame.empty:
            st.markdown(":gray[No rows in this view.]")
            return
        draw_grid(page, key=f"rows_{key}_{pager.number}")
        pager.draw(page, key=f"rows_{key}")


def _head(page: RowsPage, view: View, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{page.note}]", width="stretch")
        export.menu(
            lambda: all_rows(view, key),
            page.columns,
            name=f"{key}-{view.as_of.isoformat()}",
            key=f"rows_{key}",
            note=f"All rows of this list, up to {formats.count(EXPORT_LIMIT)}.",
        )


def all_rows(view: View, key: str) -> pd.DataFrame:
    """Every row of the list in the order shown, up to `EXPORT_LIMIT`."""
    return every(lambda after: rows_data.rows_page(view, key, after=after))


def every(read: Callable[[Any], RowsPage]) -> pd.DataFrame:
    """The rows of all pages, up to `EXPORT_LIMIT`. read: the page after the one that ended there; None: the first."""
    frames: list[pd.DataFrame] = []
    n, after = 0, None
    while True:
        page = read(after)
        frames.append(page.frame)
        n, after = n + len(page.frame), page.next_after
        if after is None or n >= EXPORT_LIMIT:
            return pd.concat(frames, ignore_index=True).head(EXPORT_LIMIT)


def draw_grid(page: RowsPage, *, key: str, max_height: int = 458) -> None:
    shown = grid.rows_for(page.frame, page.columns)
    definitions = [grid.column_definition(column, **grid.room_for(shown, column)) for column in page.columns]
    grid.draw(shown, definitions, key=key, max_height=max_height)


class Pager:
    """Previous and Next over keyset pages: remembers where each page began, as long as the filters stay the same."""

    def __init__(self, filters: Any, key: str) -> None:
        place = st.session_state.get(_PLACE)
        if place is None or place["of"] != (filters, key):
            place = {"of": (filters, key), "starts": [None]}
            st.session_state[_PLACE] = place
        self._starts: list[object | None] = place["starts"]

    @property
    def after(self) -> object | None:
        return self._starts[-1]

    @property
    def number(self) -> int:
        return len(self._starts)

    def draw(self, page: RowsPage, *, key: str) -> None:
        """The two buttons and where the page stands; nothing where one page holds everything."""
        if self.number == 1 and page.next_after is None:
            return
        first = (self.number - 1) * rows_data.PAGE_SIZE + 1
        total = f" of {formats.count(page.total)}" if page.total is not None else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            shown = f"{formats.count(first)}–{formats.count(first + len(page.frame) - 1)}{total}"
            st.markdown(f":gray[:small[{shown}]]", width="stretch")
            st.button("Previous", icon=":material/chevron_left:", key=f"{key}_back", disabled=self.number == 1,
                      on_click=self._back)  # fmt: skip
            st.button("Next", icon=":material/chevron_right:", icon_position="right", key=f"{key}_next",
                      disabled=page.next_after is None, on_click=self._forth,
                      args=(page.next_after,))  # fmt: skip

    def _back(self) -> None:
        self._starts.pop()

    def _forth(self, after: object) -> None:
        self._starts.append(after)
