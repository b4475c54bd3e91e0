"""Overview: seven numbers, their trend, what needs a look, and how fresh the sources are."""

from __future__ import annotations

import streamlit as st

from workbench import cards, chart_card, formats, lead_words, overview_data, places, rows, shell, states
from workbench.content import Look, Overview
from workbench.view import View


def looks_card(found: Overview, view: View) -> None:
    n = len(found.looks)
    deals = formats.plural(found.n_open, "open deal")
    cards.title("What needs a look", f"{formats.plural(n, 'finding')} among {deals}" if n else "")
    if not found.n_open:
        st.markdown(":gray[:small[No deal is open in this view, so there is nothing to look after.]]")
    elif not n:
        good = f"Nothing stands out among {deals}: all have an owner, an amount and a close date ahead."
        st.markdown(f":green[:material/check_circle:] :gray[:small[{good}]]")
    for look in found.looks:
        _look(look, view)


def _look(look: Look, view: View) -> None:
    row = st.container(key=f"look_{look.key}", horizontal=True, vertical_alignment="center", gap="small", wrap=False)
    with row:
        st.markdown(f":{look.tone}[:material/{look.icon}:]", width="content")
        st.markdown(f":small[**{look.what}**]  \n:gray[:small[{lead_words.plain(look.why)}]]", width="stretch")
        if look.amount:
            st.markdown(f":small[**{look.amount}**]", width="content")
        if look.page:
            st.page_link(
                look.page,
                label="",
                icon=":material/chevron_right:",
                help=f"Open: {look.what}",
                width="content",
                query_params=places.link(view.filters),
            )
        else:
            st.button("", icon=":material/chevron_right:", type="tertiary", key=f"look_open_{look.key}",
                      help=f"Show: {look.what}", on_click=rows.open_rows, args=(look.rows,))  # fmt: skip


def page() -> None:
    view = shell.begin("Overview", about=lambda view: view.days_compared)
    with states.guarded("The overview could not be read", key="overview"):
        with states.loading(150, 340):
            found = overview_data.overview(view)
        if found.is_empty:
            shell.nothing_here(view, what="No leads, deals or activities")
            return
        cards.kpi_band(found.kpis, open_rows=rows.open_rows)
        for note in found.notes:
            st.caption(note)
        left, right = st.container(key="split_trend").columns([2.1, 1], gap="small")
        with left.container(border=True, height="stretch", key="trend_card"):
            chart_card.trends(found.trends, view, key="overview")
        with right.container(border=True, height="stretch", gap="xxsmall", key="looks"):
            looks_card(found, view)
        cards.stamps(found.stamps, now=view.now)
    rows.dialog_if_asked(view)


page()
