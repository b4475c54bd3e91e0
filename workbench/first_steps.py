"""What a newcomer sees: no organization yet, or one without a single record."""

from __future__ import annotations

import logging

import streamlit as st

from snapshots.organizations import get_organization
from workbench import access, cards, formats, import_wizard, installation, places, states, syncs
from workbench.view import View

log = logging.getLogger(__name__)


def draw() -> None:
    """The welcome of an empty installation: sample data, or one's own files."""
    cards.page_title("Welcome to SLMS", "Who does what, and where the pipeline stands")
    if access.oidc_is_configured():
        st.markdown("There is no organization yet. The administrator of this installation makes the first one.")
        return
    if is_loading():
        _wait_for_demo()
        return

    if failed := st.session_state.pop("demo_failed", None):
        st.error(f"The sample data could not be loaded. Load them again, or look for {failed} in the log.")
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


def is_loading() -> bool:
    """Whether the sample data that this person asked for are on their way. The organization exists before they do."""
    return "demo_loading" in st.session_state


@st.fragment(run_every="2s")
def _wait_for_demo() -> None:
    future = st.session_state.get("demo_loading")
    with states.guarded("The sample data could not be loaded", key="demo"):
        if future is None or future.done():
            st.session_state.pop("demo_loading", None)
            if future is not None and (error := future.exception()) is not None:
                st.session_state["demo_failed"] = states.error_id(error)
                log.error("The sample data could not be loaded [%s]", states.error_id(error), exc_info=error)
            st.rerun()
        st.progress(syncs.demo_share(), text="Making up a sales team: people, companies, two years of deals …")
        st.skeleton(120)
        st.skeleton(260)


@st.fragment(run_every="3s")
def _wait_for_first_sync(organization_id: int) -> None:
    """The page follows by itself when there is something to show."""
    if get_organization(installation.database(), organization_id).data_version:
        st.rerun()


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
        _wait_for_first_sync(view.organization_id)
    else:
        states.empty(
            f"{view.organization_name} has no data yet",
            "Connect a source or import CSV exports on the page Data; the numbers appear here by themselves.",
            key="no_data", icon="database", actions=actions,
        )  # fmt: skip
