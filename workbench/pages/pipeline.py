"""Pipeline: what is open at the end of the chosen day, where it stands, and how long it has been there."""

from __future__ import annotations

import streamlit as st

from insights import charts
from workbench import cards, deal_scores, export, formats, pipeline_data, rows, rows_data, shell, states, tables, tokens
from workbench.content import PipelinePage, StageTable
from workbench.view import View


def chosen(found: PipelinePage) -> StageTable:
    """The pipeline to show; a choice only where there are several."""
    by_id = {table.pipeline_id: table for table in found.pipelines}
    if len(by_id) == 1:
        return found.pipelines[0]
    picked = st.selectbox(
        "Pipeline", list(by_id), format_func=lambda one: by_id[one].name, key="pipeline_picked",
        label_visibility="collapsed", width=240,
    )  # fmt: skip
    return by_id[picked] if picked in by_id else found.pipelines[0]


def stages_card(found: PipelinePage, view: View) -> None:
    shown = chosen_again(found)
    deals = formats.plural(int(shown.rows["n"].sum()), "open deal")
    is_weighted = bool(shown.bars["weighted"].notna().any())
    note = f"{deals}, weighted part solid" if is_weighted else deals
    with cards.titled("Where does it stand?", note):
        table = chosen(found)
    label = " · ".join(f"{row.stage}: {row.label}" for row in table.bars.itertuples())
    chart = charts.stage_bars(table.bars, tokens.palette(), measure=table.measure)
    st.altair_chart(chart, key="stage_bars", alt=f"Open deals by stage. {label}", theme=None)
    for note in found.notes:
        st.caption(note)


def ages_card(found: PipelinePage, view: View) -> None:
    table = chosen_again(found)
    has_ages = bool(table.rows["median_days"].notna().any())
    note = "Days since the stage was entered" if has_ages else "No source tells when a stage was entered"
    with cards.titled("How long in the stage?", note):
        export.menu(lambda: table.rows, table.columns, name=f"stages-{view.as_of.isoformat()}", key="stages")
    tables.plain(table.rows, table.columns, caption="Stages with number, age and what is missing")


def chosen_again(found: PipelinePage) -> StageTable:
    """The pipeline that the selector of the first card holds."""
    picked = st.session_state.get("pipeline_picked")
    return next((table for table in found.pipelines if table.pipeline_id == picked), found.pipelines[0])


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
        left, right = st.container(key="split_stages").columns([1, 1.15], gap="small")
        with left.container(border=True, height="stretch", key="stages_card"):
            stages_card(found, view)
        with right.container(border=True, height="stretch", key="ages_card"):
            ages_card(found, view)
        deals_table(view)
        if deal_scores.dialog_if_asked(view):
            return
    rows.dialog_if_asked(view)


page()
