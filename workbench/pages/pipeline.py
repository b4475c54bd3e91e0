"""Pipeline: what is open at the end of the chosen day, where it stands, and how long it has been there."""

from __future__ import annotations

import streamlit as st

from insights import charts
from workbench import (
    cards,
    deal_scores,
    export,
    formats,
    pipeline_choice,
    pipeline_data,
    rows,
    rows_data,
    shell,
    states,
    tables,
    tokens,
)
from workbench.content import PipelinePage, StageTable
from workbench.view import View


def adopted(found: PipelinePage) -> StageTable:
    """The pipeline to show."""
    by_id = {table.pipeline_id: table for table in found.pipelines}
    return by_id[pipeline_choice.adopt(list(by_id))]


def choose(found: PipelinePage, shown: StageTable) -> None:
    """A choice only where there are several."""
    names = {table.pipeline_id: table.name for table in found.pipelines}
    if len(names) > 1:
        st.session_state["pipeline_picked"] = shown.pipeline_id
        st.selectbox("Pipeline", list(names), format_func=names.__getitem__, key="pipeline_picked",
                     label_visibility="collapsed", width=240, on_change=_on_pick)  # fmt: skip


def _on_pick() -> None:
    pipeline_choice.change(st.session_state["pipeline_picked"])


def stages_card(found: PipelinePage, shown: StageTable) -> None:
    deals = formats.plural(int(shown.rows["n"].sum()), "open deal")
    is_weighted = bool(shown.bars["weighted"].notna().any())
    note = f"{deals}, weighted part solid" if is_weighted else deals
    with cards.titled("Where does it stand?", note):
        choose(found, shown)
    label = " · ".join(f"{row.stage}: {row.label}" for row in shown.bars.itertuples())
    chart = charts.stage_bars(shown.bars, tokens.palette(), measure=shown.measure)
    st.altair_chart(chart, key="stage_bars", alt=f"Open deals by stage. {label}", theme=None)
    for said in found.notes:
        st.caption(said)


def ages_card(shown: StageTable, view: View) -> None:
    has_ages = bool(shown.rows["median_days"].notna().any())
    note = "Days since the stage was entered" if has_ages else "No source tells when a stage was entered"
    with cards.titled("How long in the stage?", note):
        export.menu(lambda: shown.rows, shown.columns, name=f"stages-{view.as_of.isoformat()}", key="stages")
    tables.plain(shown.rows, shown.columns, caption="Stages with number, age and what is missing")


@st.fragment
def deals_table(view: View) -> None:
    """All open deals, largest first, a page at a time."""
    with states.guarded("The deals could not be read", key="pipeline_deals"):
        pager = rows.Pager(view.filters, "pipeline")
        page = deal_scores.with_scores(view, rows_data.rows_page(view, "open_pipeline", after=pager.after))
        with cards.titled("Open deals", page.note):
            export.menu(lambda: deal_scores.told(view, rows.all_rows(view, "open_pipeline")), page.columns,
                        name=f"open-deals-{view.as_of.isoformat()}", key="pipeline_deals",
                        note=f"All open deals, up to {formats.count(rows.EXPORT_LIMIT)}.")  # fmt: skip
        deal_scores.draw_grid(page, key=f"pipeline_{pager.number}", max_height=578)
        pager.draw(page, key="pipeline_deals")


def page() -> None:
    view = shell.begin("Pipeline", about=lambda view: f"What is open at the end of {formats.day(view.as_of)}")
    with states.guarded("The pipeline could not be read", key="pipeline"):
        with states.loading(110, 300, 420):
            found = pipeline_data.pipeline(view)
        if found.n_deals == 0:
            shell.nothing_here(view, what="No open deals")
            return
        cards.kpi_band(found.kpis, open_rows=rows.open_rows)
        shown = adopted(found)
        left, right = st.container(key="split_stages").columns([1, 1.15], gap="small")
        with left.container(border=True, height="stretch", key="stages_card"):
            stages_card(found, shown)
        with right.container(border=True, height="stretch", key="ages_card"):
            ages_card(shown, view)
        deals_table(view)
        if deal_scores.dialog_if_asked(view):
            return
    rows.dialog_if_asked(view)


page()
