"""What a newcomer sees: no organization yet, or one without a single record."""

from __future__ import annotations

import streamlit as st

from workbench import access, cards, formats, import_wizard, places, states, syncs
from workbench.view import View


def draw() -> None:
    """The welcome of an empty installation: sample data, or one's own files."""
    cards.page_title("Welcome to SLMS", "Who does what, and where the pipeline stands")
    if access.oidc_is_configured():
        st.markdown("There is no organization yet. The administrator of this installation makes the first one.")
        return
    loading = st.session_state.get("demo_loading")
    if loading is not None:
        _wait_for_demo(loading)
        return

    about = "A made-up sales team with two years of history; one click removes it again"
    with st.container(border=True, key="first_sample"), cards.titled("Look around with sample data", about):
        st.button("Load sample data", type="primary", icon=":material/science:", key="demo", on_click=_load_demo)
    st.space("xsmall")
    cards.title(
        "Or start with your own data",
        "From CSV exports of any CRM, as they are. To read a CRM itself, set CRM_PROVIDER in .env and start again",
    )
    import_wizard.draw(None)


def _load_demo() -> None:
    st.session_state["demo_loading"] = syncs.start_demo()


@st.fragment(run_every="2s")
def _wait_for_demo(loading: object) -> None:
    future = st.session_state["demo_loading"]
    if future.done():
        del st.session_state["demo_loading"]
        future.result()
        st.rerun()
    with states.guarded("The sample data could not be loaded", key="demo"):
        st.progress(syncs.demo_share(), text="Making up a sales team: people, companies, two years of deals …")
        st.skeleton(120)
        st.skeleton(260)


def nothing_synced(view: View) -> None:
    """An organization that exists and holds nothing."""

    def actions() -> None:
        if st.button("Go to Data", type="primary", icon=":material/database:", key="to_data"):
            st.switch_page(places.DATA, query_params=places.link(view.filters))

    running = [source for source in syncs.sources(view) if source.is_running]
    if running:
        states.empty(
            "The first sync is running",
            f"{formats.plural(len(running), 'source is', 'sources are')} being read. The page Data shows how far.",
            key="first_sync", icon="sync", actions=actions,
        )  # fmt: skip
    else:
        states.empty(
            f"{view.organization_name} has no data yet",
            "Connect a source or import CSV exports on the page Data; the numbers appear here by themselves.",
            key="no_data", icon="database", actions=actions,
        )  # fmt: skip
