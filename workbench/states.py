"""What a page says when there is nothing to show, when something failed, and while it waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, StopException

from ops import logs
from workbench.lead_words import plain

log = logging.getLogger(__name__)
error_id = logs.error_id


def empty(
    title: str, reason: str, *, key: str, icon: str = "inbox", actions: Callable[[], object] | None = None
) -> None:
    """An empty state: what was looked for, why there is nothing, and the buttons that help. Words are text."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"empty_{key}"):
        st.space("small")
        st.markdown(f":gray[:material/{icon}:]", width="content")
        st.header(plain(title), anchor=False, width="content")
        st.markdown(f":gray[{plain(reason)}]", width="content", text_alignment="center")
        if actions:
            st.space("xxsmall")
            with st.container(horizontal=True, horizontal_alignment="center", gap="xsmall"):
                actions()
        st.space("small")


def failed(what: str, identifier: str, *, still_works: str, key: str) -> None:
    """An error panel: what failed, what still works, an id to quote, and a way to try again. No stack trace."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"failed_{key}"):
        st.space("small")
        st.markdown(":red[:material/cloud_off:]", width="content")
        st.header(plain(what), anchor=False, width="content")
        st.markdown(f":gray[{plain(still_works)}]", width="content", text_alignment="center")
        with st.container(horizontal=True, horizontal_alignment="center", gap="small", vertical_alignment="center"):
            if st.button("Try again", type="primary", icon=":material/refresh:", key=f"retry_{key}"):
                st.cache_data.clear()
                st.rerun()
            st.markdown(f":gray[:small[Error id]] `{identifier}`", width="content")
        st.space("small")


@contextmanager
def guarded(what: str, *, key: str, still_works: str = "The other parts of this page still work.") -> Iterator[None]:
    """Draws `failed` in place of a part of the page that raises; the details go to the log under the same id.

    what: the failure as a sentence, e.g. "The pipeline could not be read".
    """
    try:
        yield
    except (RerunException, StopException):
        raise
    except Exception as error:
        identifier = error_id(error)
        log.exception("%s [%s]", what, identifier)
        failed(what, identifier, still_works=still_works, key=key)


@contextmanager
def loading(*heights: int) -> Iterator[None]:
    """Skeletons at the final heights while the block loads; gone when it is done."""
    place = st.empty()
    with place.container(gap="small"):
        for height in heights:
            st.skeleton(height)
    try:
        yield
    finally:
        place.empty()
