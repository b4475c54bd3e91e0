"""Lead analytics: which visits become leads, what becomes of them, how soon, by whose hand, and who gets the credit."""

from __future__ import annotations

import streamlit as st

from insights import funnel, lead_charts
from workbench import (
    cards,
    export,
    formats,
    funnel_cards,
    funnel_data,
    funnel_filters,
    funnel_rows,
    lead_analytics_data,
    places,
    rate_words,
    shell,
    states,
    tables,
    tokens,
)
from workbench.columns import Column, ColumnKind
from workbench.funnel_data import Loaded
from workbench.view import View

WORDS = {"source": "Source", "campaign": "Campaign"}


def chips(view: View) -> Loaded:
    forms = funnel_data.forms_of(view)
    choice = funnel_filters.adopt(funnel_data.newest_versions(forms))
    loaded = funnel_data.load(view, choice, forms)
    if not loaded.is_untouched:
        funnel_filters.draw(view, choice, funnel_data.names(view, choice, forms), has_people=True)
    return loaded


def untouched(view: View) -> None:
    states.empty(
        "No form was seen or sent yet",
        "Open the Form builder, copy a form’s snippet and paste it into a page of your website.",
        key="lead_analytics",
        icon="query_stats",
        actions=lambda: st.page_link(places.FORMS, label="Open the Form builder", icon=":material/dynamic_form:",
                                     query_params=places.link(view.filters)),
    )  # fmt: skip


def performance(loaded: Loaded, key: str) -> None:
    """The counts per source, campaign or form."""
    names = {"source": "Source", "campaign": "Campaign", "form_id": "Form"}
    with cards.titled("What brings leads?", "Open a row to see who they are"):
        by = st.segmented_control("By", list(names), format_func=names.__getitem__, default="source", required=True,
                                  label_visibility="collapsed", key=f"{key}_by")  # fmt: skip
        by = by or "source"
        frame = lead_analytics_data.by_words(loaded, by)
        field = "form" if by == "form_id" else "shown"
        first = Column(field=field, title=names[by], width=1.2)
        counts = funnel_cards.COUNTS if loaded.visits is not None else funnel_cards.LEAD_COUNTS
        export.menu(
            lambda: frame,
            (first, *funnel_cards.exported(counts)),
            name=f"leads-by-{names[by].lower()}",
            key=f"{key}_{by}",
        )
    if frame.empty:
        st.markdown(":gray[Nothing in these days.]")
        return
    funnel_cards.group_table(frame, (first,), by="form" if by == "form_id" else by, key=f"{key}_{by}_grid",
                             counts=counts)  # fmt: skip


def drop_off(loaded: Loaded) -> None:
    cards.title("Where do leads get lost?", "Each step with its share of the step before; paler: of the contacts")
    counts = {key: n for key, n in loaded.counts.items() if key not in {"views", "starts"}}
    funnel_cards.steps_chart(funnel.funnel(counts), funnel.contact_parts(loaded.leads), key="lead_steps")
    found = lead_analytics_data.gaps(loaded)
    tables.plain(found, lead_analytics_data.GAP_COLUMNS, caption="Median time between steps")


def stage_card(loaded: Loaded) -> None:
    stages = lead_analytics_data.stages(loaded)
    found = stages.frame
    if found.empty:
        cards.title("How far do their deals come?", "Stages of the deals that came of leads")
        st.markdown(":gray[No deal came of a lead of these days yet, or no source tells of stages.]")
        return
    deals = formats.plural(int(found["of"].iloc[0]), "deal")
    cards.title("How far do their deals come?", f"{deals} in one pipeline, each stage with its share of them")
    said = "; ".join(f"{row.step} {row.label}" for row in found.itertuples())
    st.altair_chart(
        lead_charts.bars(found, tokens.palette(), title="Stage"), key="lead_stages", theme=None,
        alt=f"Deals of leads that reached each stage: {said}",
    )  # fmt: skip
    if not stages.gaps.empty:
        tables.plain(stages.gaps, lead_analytics_data.GAP_COLUMNS, caption="Median time from stage to stage")


def speed_card(loaded: Loaded) -> None:
    found = lead_analytics_data.speeds(loaded)
    with cards.titled(
        "Does it help to be quick?", "Contacts that got a deal, by the time to the first activity of a salesperson"
    ):
        columns = (
            Column(field="speed", title="First activity", width=1.2),
            Column(field="n", title="Contacts", kind=ColumnKind.COUNT, width=0.7),
            Column(field="deals", title="Deals", kind=ColumnKind.COUNT, width=0.6),
            Column(field="with_deal", title="With a deal", text_field="with_deal_said", is_right=True),
        )
        export.menu(
            lambda: found,
            (*columns[:3], *rate_words.exported("with_deal", "With a deal")),
            name="speed-to-lead",
            key="lead_speed",
        )
    if found["n"].sum() == 0:
        st.markdown(":gray[No lead of these days is a contact yet.]")
        return
    st.altair_chart(
        lead_charts.shares(found[found["n"] > 0], tokens.palette(), title="First activity"), key="lead_speeds",
        theme=None, alt="; ".join(f"{row.group}: {row.label}" for row in found[found["n"] > 0].itertuples()),
    )  # fmt: skip
    funnel_rows.small_table(found, columns, by="speed", step="contacts", key="lead_speed", caption="Speed to lead")
    st.caption("An association, not a cause: whoever is called first may have been the likelier buyer.")


def cohort_card(loaded: Loaded) -> None:
    found = lead_analytics_data.cohorts(loaded)
    with cards.titled(
        "Do later weeks do better?", "Contacts by the week of their first lead, and the share with a deal"
    ):
        export.menu(lambda: found, lead_analytics_data.COHORT_COLUMNS, name="cohorts", key="lead_cohorts")
    if found.empty:
        st.markdown(":gray[No lead in the last 13 weeks of these days.]")
        return
    funnel_rows.small_table(found, lead_analytics_data.COHORT_COLUMNS, by="week", step="submits", key="lead_cohort",
                            caption="Cohorts by week")  # fmt: skip


def credit_card(loaded: Loaded) -> None:
    with cards.titled(
        "Who gets the credit?", "Won deals of these days that came of leads, by four models side by side"
    ):
        by = st.segmented_control("Credit to", list(WORDS), format_func=WORDS.__getitem__, default="source",
                                  required=True, label_visibility="collapsed", key="credit_by") or "source"  # fmt: skip
        found = lead_analytics_data.attributed(loaded, by=by)
        frame, columns = found.frame, found.columns
        if st.toggle("Deals", key="credit_rows", disabled=not found.n, help="Show the deals behind the credits"):
            frame, columns = lead_analytics_data.conversion_rows(found, by=by), lead_analytics_data.CONVERSION_COLUMNS
        export.menu(lambda: frame, columns, name=f"attribution-by-{by}", key=f"credit_{by}")
    if not found.n:
        st.markdown(":gray[No deal that came of a lead was won in these days.]")
    else:
        tables.plain(frame, columns, caption="Credit for won deals by model")
        sums = formats.money_line((one.currency, one.minor) for one in found.money)
        st.caption(
            f"Each model adds up to {formats.plural(found.n, 'won deal')} and {sums}. First and last touch give all to "
            "one visit, linear the same to each, position-based 40 % to the first and the last."
        )
    if not lead_analytics_data.has_all_paid_for(loaded, by=by):
        if loaded.view.sees_everything:
            st.caption("A cost is paid for all leads of a source or campaign, so it is shown where all of them are.")
        return
    costs = lead_analytics_data.paid(loaded, found, by=by)
    if costs.empty:
        if loaded.view.may_change:
            st.caption("What a source or campaign cost is entered on *Admin → Sources & campaigns*; cost per lead and "
                       "return then stand here.")  # fmt: skip
        return
    tables.plain(costs, lead_analytics_data.COST_COLUMNS, caption="Cost and return")


def people_card(loaded: Loaded) -> None:
    teams = lead_analytics_data.by_people(loaded, team_id=None)
    columns = (
        Column(field="who", title="Who", width=1.3),
        *funnel_cards.LEAD_COUNTS,
        Column(field="to_deal", title="Leads with a deal", text_field="to_deal_said", is_right=True),
    )
    with cards.titled("Who works on them?", "Leads by the team and the person who owns their deal or contact"):
        names: dict[int | None, str] = {None: "All teams"}
        names |= {int(one): str(who) for one, who in zip(teams["is"], teams["who"], strict=True)}
        team_id = st.selectbox("Team", list(names), format_func=names.__getitem__, label_visibility="collapsed",
                               width=190, key="people_team")  # fmt: skip
        team_id = team_id if team_id in names else None
        frame = teams if team_id is None else lead_analytics_data.by_people(loaded, team_id=team_id)
        export.menu(lambda: frame, (*columns[:-1], *rate_words.exported("to_deal", "Leads with a deal")),
                    name="leads-by-owner", key="lead_people")  # fmt: skip
    if frame.empty:
        st.markdown(":gray[No lead in these days.]")
        return
    funnel_rows.small_table(
        frame, columns, by="team" if team_id is None else "owner", step="submits", key=f"lead_people_{team_id or 0}",
        caption="Leads by owner",
    )  # fmt: skip


def page() -> None:
    found: list[Loaded] = []
    view = shell.begin(
        None, is_analysis=False, chips=lambda view: found.append(chips(view)),
        past="Visits and leads until that day, with what had become of them by then, by what is known today.",
    )  # fmt: skip
    with states.guarded("The leads could not be read", key="lead_analytics"):
        loaded = found[0]
        with st.container(key="lead_analytics_head", horizontal=True, vertical_alignment="center", gap="small"):
            cards.page_title("Lead analytics", f"Visits and leads {funnel_data.period_note(loaded)}")
        if loaded.is_untouched:
            untouched(view)
            return
        cards.kpi_band(funnel_cards.kpis(loaded), open_rows=funnel_rows.open_step)
        st.caption(f"{funnel_cards.apart_note(loaded)} {rate_words.RULE}".strip())
        _cards(loaded)
        funnel_rows.dialog_if_asked(loaded)


def _cards(loaded: Loaded) -> None:
    if loaded.visits is not None:
        with st.container(border=True, key="lead_capture_card"):
            funnel_cards.capture_card(loaded, key="lead_capture")
    performance(loaded, "lead_performance")
    left, right = st.container(key="split_drop_off").columns([1, 1], gap="small")
    with left.container(border=True, height="stretch", key="drop_off_card"):
        drop_off(loaded)
    with right.container(border=True, height="stretch", key="lead_stage_card"):
        stage_card(loaded)
    with st.container(border=True, key="lead_speed_card"):
        speed_card(loaded)
    with st.container(border=True, key="lead_credit_card"):
        credit_card(loaded)
    people_card(loaded)
    cohort_card(loaded)


page()
