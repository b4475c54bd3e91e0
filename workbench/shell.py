"""The frame around every page: navigation, styles, who is looking, filter bar, sample-data banner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import streamlit as st

from workbench import cards, data, filter_bar, first_steps, formats, freshness, page_watch, states, tokens, url_choice
from workbench.places import (
    ADMIN,
    ANOMALIES,
    CHANGE,
    COACHING,
    DATA,
    FLOW,
    FORECAST,
    FORMS,
    HEALTH,
    JOBS,
    LEAD,
    LEAD_ANALYTICS,
    LEADS,
    MODEL_LAB,
    OVERVIEW,
    PIPELINE,
    REPORTS,
    SALESPEOPLE,
    SALESPERSON,
    WATERFALL,
    WIDGETS,
)
from workbench.view import View

_STYLES: Final = Path(__file__).with_name("workbench.css")


def pages() -> Mapping[str, Sequence[Any]]:
    """The navigation. A page that does not exist has no entry."""
    return {
        "": [
            # The first page is served at the root and nowhere else, but its pathname is taken all the same.
            st.Page(OVERVIEW, title="Overview", icon=":material/space_dashboard:", url_path="first", default=True),
            st.Page(_to_overview, title="Overview", url_path="overview", visibility="hidden"),
        ],
        "Analyse": [
            st.Page(SALESPEOPLE, title="Salespeople", icon=":material/group:", url_path="salespeople"),
            st.Page(LEADS, title="Leads", icon=":material/move_to_inbox:", url_path="leads"),
            st.Page(LEAD_ANALYTICS, title="Lead analytics", icon=":material/query_stats:", url_path="lead_analytics"),
            st.Page(PIPELINE, title="Pipeline", icon=":material/waterfall_chart:", url_path="pipeline"),
            st.Page(WATERFALL, title="Pipeline changes", icon=":material/stacked_line_chart:", url_path="waterfall"),
            st.Page(FLOW, title="Pipeline flow", icon=":material/moving:", url_path="flow"),
            st.Page(HEALTH, title="Pipeline health", icon=":material/health_and_safety:", url_path="health"),
            st.Page(ANOMALIES, title="Anomalies", icon=":material/troubleshoot:", url_path="anomalies"),
            st.Page(FORECAST, title="Forecast", icon=":material/trending_up:", url_path="forecast"),
            st.Page(MODEL_LAB, title="Model lab", icon=":material/science:", url_path="model_lab"),
            st.Page(
                SALESPERSON,
                title="Salesperson",
                icon=":material/person:",
                url_path="salesperson",
                visibility="hidden",
            ),
            st.Page(LEAD, title="Lead", icon=":material/contact_mail:", url_path="lead", visibility="hidden"),
        ],
        "Coach": [
            st.Page(COACHING, title="Coaching", icon=":material/edit_note:", url_path="coaching"),
            st.Page(REPORTS, title="Reports", icon=":material/summarize:", url_path="reports"),
        ],
        "Build": [
            st.Page(FORMS, title="Form builder", icon=":material/dynamic_form:", url_path="forms"),
            st.Page(WIDGETS, title="Widgets", icon=":material/widgets:", url_path="widgets"),
        ],
        "Workspace": [
            st.Page(DATA, title="Data", icon=":material/database:", url_path="data"),
            st.Page(JOBS, title="Jobs", icon=":material/event_repeat:", url_path="jobs"),
            st.Page(ADMIN, title="Admin", icon=":material/admin_panel_settings:", url_path="admin"),
            st.Page(
                CHANGE, title="Change of CRM", icon=":material/swap_horiz:", url_path="change", visibility="hidden"
            ),
        ],
    }


def _to_overview() -> None:
    """The first page stands at the root alone; who types its name is taken there, with what the link asks for."""
    st.switch_page(OVERVIEW, query_params={name: st.query_params.get_all(name) for name in st.query_params})


def dress(*, now: datetime) -> None:
    """Styles, logo and the time of this run; called by the entry before the page."""
    st.session_state["now"] = now
    url_choice.begin_run()
    st.logo("static/logo_dark.svg" if tokens.is_dark() else "static/logo.svg", size="medium")
    st.html(f"<style>{tokens.css_variables()}{_STYLES.read_text(encoding='utf-8')}</style>")
    page_watch.draw()


def begin(
    title: str | None,
    *,
    is_analysis: bool = True,
    is_of_person: bool = False,
    about: Callable[[View], str] = lambda _: "",
    chips: Callable[[View], None] | None = None,
    past: str = "",
    untouched: Callable[[View], str] = lambda _: "",
) -> View:
    """The top of a page: who is looking, filter bar, banner, title. Stops the run where there is nothing to show yet.

    title: None where the page draws its own. about: what stands beside it, e.g. which days the numbers are of.
    is_analysis: False for pages that no filter but the organization touches. chips: draws a page's own beside it.
    past: what such a page shows of a past day, where it can be asked for one; else it says that it has no past.
    untouched: which of the filters that are set changes nothing here, and why; "": none.
    """
    now: datetime = st.session_state["now"]
    with states.guarded("The data could not be reached", key="begin", still_works="Nothing on this page can be shown."):
        viewers = data.viewers()
        if not viewers or first_steps.is_loading():
            first_steps.draw()
            st.stop()
        filters, unread = filter_bar.adopt(organization_id=data.first_choice(viewers))
        view, was_dropped = data.make_view(viewers, filters, now=now)
        filter_bar.keep(view.filters)
        has_data = view.data_version > 0
        filter_bar.draw(
            view.filters, view.choices, organization_name=view.organization_name,
            is_whole=is_analysis and has_data, is_of_person=is_of_person,
            further=None if chips is None else lambda: chips(view), has_past=bool(past) and has_data,
        )  # fmt: skip
        _say_what_is_left_out(unread, was_dropped=was_dropped)
        _banners(view, is_analysis=is_analysis and has_data, past=past)
        if title:
            cards.page_title(title, about(view) if has_data else "")
        if is_analysis and has_data and (said := untouched(view)):
            st.caption(f":material/filter_alt_off: {said}")
        if is_analysis and not has_data:
            first_steps.nothing_synced(view)
            st.stop()
        return view
    st.stop()
    raise AssertionError("st.stop ends the run")


def _say_what_is_left_out(unread: Collection[str], *, was_dropped: bool) -> None:
    if was_dropped:
        what = "an organization, team, owner or source"
        st.caption(f":material/link_off: The link names {what} that is not here; it was left out.")
    if unread:
        names = ", ".join(f"`{name}`" for name in sorted(unread))
        st.caption(f":material/link_off: The link has a value that cannot be read, so it was left out: {names}")


def nothing_here(view: View, *, what: str) -> None:
    """The empty state of an analysis page: says which filter leaves nothing, and offers to take it away."""
    filters = view.filters
    narrowing = [
        name
        for name, value in (("team", filters.team_ids), ("owner", filters.owner_ids), ("source", filters.sources))
        if value
    ]
    reason = f"in {view.days}" + (f" with the {' and '.join(narrowing)} chosen" if narrowing else "")

    def actions() -> None:
        if filters.is_narrowed:
            st.button("Clear filters", type="primary", on_click=filter_bar.clear, key="empty_clear")
        if filters.range != "all":
            everything = {"range": "all", "first": None, "last": None}
            st.button("Show all time", on_click=filter_bar.drop, kwargs=everything, key="empty_all")

    states.empty(f"{what} here", f"{what} were found {reason}.", key="nothing", icon="filter_alt_off", actions=actions)


def _banners(view: View, *, is_analysis: bool, past: str) -> None:
    if view.looks_back and (is_analysis or past):
        cards.as_it_was(formats.day(view.as_of), knows_then=view.filters.knows_then, covers=past)
    elif view.looks_back:
        cards.no_past(f"It shows what is there now, not what was on {formats.day(view.as_of)}.")
    elif is_analysis and view.ends_early:
        st.caption(f":material/event: The data end on {formats.day(view.as_of)}, so that day counts as today.")
    for words in freshness.troubles(view) if is_analysis else ():
        st.markdown(f":orange[:material/warning:] {words}")
    if view.is_sample:
        with st.container(key="sample", horizontal=True, vertical_alignment="center", gap="small"):
            st.badge("Sample data", icon=":material/science:", color="orange")
            with st.container(key="sample_words", width="stretch"):
                st.markdown(":small[People, companies and deals on this page are made up.]")
            if view.may_change:
                remove_sample_button(view, key="banner")
                _ask_about_leads(view)


def remove_sample_button(view: View, *, key: str) -> None:
    """The button that removes the sample organization, at once and completely; it asks where leads would go with it."""
    st.button(
        "Remove sample data",
        icon=":material/delete:",
        type="tertiary",
        key=f"remove_sample_{key}",
        on_click=data.ask_to_remove_sample,
        args=(view.organization_id,),
        help="Removes the sample organization and everything in it. Your own organizations stay.",
    )


_PLURALS: Final = {"lead from outside": "leads from outside", "cost of marketing": "costs of marketing"}


def _ask_about_leads(view: View) -> None:
    own: Mapping[str, int] | None = st.session_state.get(data.SAMPLE_LEADS)
    if own is None:
        return

    def forget() -> None:
        st.session_state.pop(data.SAMPLE_LEADS, None)

    @st.dialog("Remove what is yours, too?", on_dismiss=forget)
    def ask() -> None:
        listed = "\n".join(f"- {formats.plural(n, name, _PLURALS.get(name))}" for name, n in own.items())
        st.markdown(
            f"These came in here or were set up here, and would be deleted with the sample data:\n\n{listed}\n\n"
            "Export leads that you need on the page *Leads* first. What you set up for good belongs into an "
            "organization of your own: *Admin → Organizations*."
        )
        with st.container(horizontal=True, gap="small"):
            arguments = (view.organization_id,)
            st.button(
                "Remove all of it", type="primary", key="sample_leads_yes", on_click=data.remove_sample, args=arguments
            )
            st.button("Keep them", key="sample_leads_no", on_click=forget)

    ask()
