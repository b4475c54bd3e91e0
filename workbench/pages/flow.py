"""Pipeline flow: who goes on from each stage, how long deals stay, what becomes of a week's deals, pushed dates."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from insights import flow, flow_chart
from workbench import cards, export, flow_data, flow_filters, formats, rows, shell, states, tables, tokens
from workbench.cards import Kpi
from workbench.flow_data import (
    COHORT_COLUMNS,
    PUSH_COLUMNS,
    STAGE_COLUMNS,
    STAY_COLUMNS,
    FlowPage,
)
from workbench.flow_filters import FATES, STAGE, FlowChoice
from workbench.table_choice import Tables
from workbench.view import View

SEEN = "flow_seen"
TABLES = Tables("flow", "on", "stay", "cohort")
ROWS = {"velocity": "open_pipeline", "flow_open": "open_pipeline", "flow_rate": "win_rate",
        "flow_average": "won_amount", "flow_cycle": "cycle_length"}  # fmt: skip
"""The rows behind each card; those of velocity are the deals that are to bring it."""


def chips(view: View) -> FlowChoice:
    known = flow_data.pipelines(view)
    choice = flow_filters.adopt(list(known))
    flow_filters.draw(choice, known)
    return choice


def kpis(found: FlowPage) -> list[Kpi]:
    """Velocity and what it is made of."""
    one, days = found.velocity, found.view.days
    missing = "" if one.per_day is not None else "A factor of it is not known in these days."
    per_day = flow_data.money_text(one.per_day)
    still_open = _deals(one.n_open, "open deal")
    return [
        Kpi(key="velocity", label="Velocity", value=per_day if one.per_day is None else f"{per_day} / day", why=missing,
            rows=still_open,
            definition="Open deals × win rate × average won amount ÷ cycle: what the open deals bring per day if all "
            "goes on as it did. A yardstick to compare days with, not a forecast."),
        Kpi(key="flow_open", label="Open deals", value=formats.count(one.n_open), rows=still_open,
            definition=f"Deals open at the end of {formats.day(found.view.as_of)}."),
        Kpi(key="flow_rate", label="Win rate", value=formats.rate(one.win_rate),
            rows=_deals(one.n_closed, "closed deal"), why=_why_none(one.n_closed, "closed"),
            definition=f"Won / (won + lost) among deals closed in {days}, by number."),
        Kpi(key="flow_average", label="Average won", value=flow_data.money_text(one.average),
            rows=_deals(one.n_won, "won deal"), why=_why_none(one.n_won, "won"),
            definition=f"Average amount of the deals won in {days} that have one, in the main currency."),
        Kpi(key="flow_cycle", label="Cycle", value=formats.days(one.cycle_days),
            rows=_deals(found.n_cycles, "won deal"), why=_why_none(found.n_cycles, "won", " with a creation date"),
            definition=f"Median days from creation to winning, of the deals won in {days}."),
    ]  # fmt: skip


def _deals(n: int, one: str) -> str | None:
    return formats.plural(n, one) if n else None


def _why_none(n: int, how: str, which: str = "") -> str:
    return "" if n else f"No deal{which} was {how} in these days."


def open_rows(key: str) -> None:
    """Opens the deals behind a card."""
    rows.open_rows(ROWS[key])


def goes_on_card(found: FlowPage, stages: pd.DataFrame) -> None:
    with cards.titled("Who goes on from here?", "Share of the deals that enter a stage, with its 95 % interval"):
        as_table = TABLES.toggle("on", key="flow_on_table")
        export.menu(lambda: stages, STAGE_COLUMNS, name=f"stages-{found.view.as_of.isoformat()}", key="flow_on")
    if as_table:
        tables.plain(stages, STAGE_COLUMNS, caption="Stages with what became of the deals that entered them")
    else:
        shown = stages[stages["value"].notna()].assign(label=[_on_label(row) for row in stages.itertuples()
                                                              if not formats.is_missing(row.value)])  # fmt: skip
        if shown.empty:
            st.markdown(f":gray[{_why_no_stays(found)}]")
            return
        _drawn(flow_chart.goes_on(shown, tokens.palette(), picked=found.part), "flow_on_chart",
               "; ".join(f"{row.stage}: {row.label} go on" for row in shown.itertuples()))  # fmt: skip
    st.caption(
        "Deals still in the stage are neither lost nor left out: they count for the days that they have been there. "
        "“Goes on”: to a later stage, or won. Click a stage for its deals."
    )


def _on_label(row: Any) -> str:
    words = flow_data.TOO_FEW if row.is_few else row.goes_on_between
    return f"{formats.rate(row.value)} ({words})" if words else formats.rate(row.value)


def stays_card(found: FlowPage, stages: pd.DataFrame) -> None:
    with cards.titled("How long do they stay?", "Days in the stage: the median and the middle half"):
        as_table = TABLES.toggle("stay", key="flow_stay_table")
        export.menu(lambda: stages, STAY_COLUMNS, name=f"time-in-stage-{found.view.as_of.isoformat()}", key="flow_stay")
    shown = stages[stages["first"].notna()]
    if as_table:
        tables.plain(stages, STAY_COLUMNS, caption="Stages with how long deals stay in them")
    elif shown.empty:
        st.markdown(f":gray[{_why_no_stays(found)}]")
        return
    else:
        label = [f"{row.median} (half: {row.half})" for row in shown.itertuples()]
        shown = shown.assign(label=label, short=shown["median"])
        st.altair_chart(
            flow_chart.stays(shown, tokens.palette()), key="flow_stay_chart", theme=None,
            alt="Days in the stage. " + "; ".join(f"{row.stage}: {row.label}" for row in shown.itertuples()),
        )  # fmt: skip
    st.caption(_stays_note(found))


def _why_no_stays(found: FlowPage) -> str:
    if found.n_undated and not any(one.n_watched for one in found.flows.values()):
        return "No source tells when deals entered their stage, so that nobody knows how long they were there."
    return "No deal left a stage in these days."


def _stays_note(found: FlowPage) -> str:
    note = "By survival analysis: who is still there counts up to that age. A pale bar is open: fewer have left yet."
    if found.n_undated:
        note += f" {formats.plural(found.n_undated, 'stay')} without a day of entry are left out."
    return note


def _drawn(chart: Any, key: str, alt: str) -> None:
    """A chart whose rows can be clicked: that chooses whose deals are listed."""
    event: Any = st.altair_chart(chart, key=key, theme=None, alt=alt, on_select="rerun",
                                 selection_mode=flow_chart.PICK)  # fmt: skip
    picked = event["selection"].get(flow_chart.PICK) or []
    clicked = str(picked[0].get("key", "")) if picked else ""
    seen = st.session_state.setdefault(SEEN, {})
    if clicked and clicked != seen.get(key):
        seen[key] = clicked
        flow_filters.change(part=clicked, fate="")
        st.rerun()


def cohorts_card(found: FlowPage) -> None:
    with cards.titled("What becomes of the deals of a week?", "Share won, by weeks since they were created"):
        as_table = TABLES.toggle("cohort", key="flow_cohort_table")
        export.menu(lambda: found.cohorts, COHORT_COLUMNS, name=f"cohorts-{found.view.as_of.isoformat()}",
                    key="flow_cohorts")  # fmt: skip
    if found.cohorts.empty:
        st.markdown(":gray[No deal was created in these weeks.]")
    elif as_table:
        tables.plain(found.cohorts, COHORT_COLUMNS, caption="Deals by the week in which they were created")
    else:
        _drawn(flow_chart.cohorts(flow_data.cohort_cells(found), tokens.palette(), picked=found.part),
               "flow_cohort_chart", "Share won by week of creation and age. The table view says the same.")  # fmt: skip
        st.caption(
            "Behind each week: how many deals were created in it. Empty: its deals are not that old yet. Click a "
            "week for its deals."
        )


def pushes_card(found: FlowPage) -> None:
    shown = flow_data.push_rows(found)
    with cards.titled("How often is the close date pushed?", f"Deals open in {found.view.days}, with a close date"):
        export.menu(lambda: shown, PUSH_COLUMNS, name=f"pushes-{found.view.as_of.isoformat()}", key="flow_pushes")
    if not shown["n"].sum():
        st.markdown(":gray[No deal that was open in these days has a close date.]")
        return
    tables.plain(shown, PUSH_COLUMNS, caption="Deals by how often their close date was pushed")
    st.caption(
        "A push moves the close date of an open deal to a later day, in these days. Only what was seen to change "
        "counts: most CRMs do not tell how close dates moved before the first sync. A deal that is open for longer has "
        "more chances to be pushed, so these win rates compare unlike deals; they do not say what a push does."
    )


def deals_card(found: FlowPage) -> None:
    """The deals behind the part that was chosen, a page at a time."""
    with states.guarded("The deals could not be read", key="flow_deals"):
        parts = _parts(found)
        part = found.part
        pager = rows.Pager((found.view.filters, found.choice), "flow_deals")
        page = flow_data.deals(found, after=pager.after)
        with cards.titled("Deals", page.note):
            _part_boxes(found, parts, part)
            export.menu(lambda: all_deals(found), page.columns, key="flow_deals",
                        name=f"flow-{part.replace('.', '-')}-{found.view.as_of.isoformat()}")  # fmt: skip
        if page.frame.empty:
            st.markdown(":gray[No deals here.]")
            return
        rows.draw_grid(page, key=f"flow_{part}_{found.choice.fate}_{pager.number}")
        pager.draw(page, key="flow_deals")


def _parts(found: FlowPage) -> dict[str, str]:
    stages = {f"{STAGE}.{key}": f"Entered {name}" for key, name in found.stages.items()}
    pushed = {f"pushed.{n}": f"Pushed: {flow_data.pushed_words(n).lower()}" for n in range(1, flow.MOST_PUSHES + 1)}
    weeks = {f"week.{day:%Y-%m-%d}": f"Created from {formats.day(day)}" for day in found.cohorts["day"]}
    not_pushed = {"pushed.0": "Close date not pushed"}
    return {**stages, **pushed, **not_pushed, **weeks}


def _part_boxes(found: FlowPage, parts: dict[str, str], part: str) -> None:
    st.session_state["flow_part"], st.session_state["flow_fate"] = part, found.choice.fate
    st.selectbox("Which deals", list(parts), format_func=parts.__getitem__, key="flow_part", width=230,
                 label_visibility="collapsed",
                 on_change=lambda: flow_filters.change(part=st.session_state["flow_part"], fate=""))  # fmt: skip
    if part.startswith(STAGE):
        st.selectbox("What became of them", list(FATES), format_func=lambda one: FATES[one].capitalize(),
                     key="flow_fate", width=150, label_visibility="collapsed",
                     on_change=lambda: flow_filters.change(fate=st.session_state["flow_fate"]))  # fmt: skip


def all_deals(found: FlowPage) -> pd.DataFrame:
    """Every deal of the part, up to the limit of an export."""
    return rows.every(lambda after: flow_data.deals(found, after=after))


def page() -> None:
    chosen: list[FlowChoice] = []
    view = shell.begin(
        "Pipeline flow",
        about=lambda view: view.days,
        chips=lambda view: chosen.append(chips(view)),
    )
    with states.guarded("The flow of deals could not be read", key="flow"):
        with states.loading(110, 300, 420):
            found = flow_data.load(view, chosen[0])
        if found.is_nothing:
            shell.nothing_here(view, what="No deals")
            return
        cards.kpi_band(kpis(found), open_rows=open_rows)
        stages = flow_data.stage_rows(found)
        left, right = st.container(key="split_flow").columns([1, 1], gap="small")
        with left.container(border=True, height="stretch", key="flow_on_card"):
            goes_on_card(found, stages)
        with right.container(border=True, height="stretch", key="flow_stay_card"):
            stays_card(found, stages)
        with st.container(border=True, key="flow_cohort_card"):
            cohorts_card(found)
        with st.container(border=True, key="flow_push_card"):
            pushes_card(found)
        deals_card(found)
        rows.dialog_if_asked(flow_data.rows_view(found))


page()
