"""Pages that were refused a form, for their website is not on its list: how often, and a click that puts them there."""

from __future__ import annotations

from typing import Final

import streamlit as st

from snapshots.form_versions import DraftChanged, FormSummary
from workbench import formats, forms_data, lead_words
from workbench.forms_data import BlockedPage
from workbench.view import View

MOST_SHOWN: Final = 3
_HELP: Final = (
    "A page of this website asked for the form, which is not on the form’s list of allowed domains: its visitors read "
    "that the form is not available there. Anybody can claim to be a page, so allow only domains that you know."
)


def draw(view: View, form: FormSummary, *, key: str) -> None:
    """Nothing where no page was refused in the last days."""
    found = forms_data.blocked(view, form)
    if not found:
        return
    with st.container(border=True, key=f"blocked_{key}", gap="xsmall"):
        for number, one in enumerate(found[:MOST_SHOWN]):
            _page(view, form, one, key=f"{key}_{form.form_id}_{number}")
        rest = found[MOST_SHOWN:]
        if rest:
            with st.expander(f"{formats.plural(len(rest), 'further page')}"):
                for number, one in enumerate(rest, MOST_SHOWN):
                    _page(view, form, one, key=f"{key}_{form.form_id}_{number}")


def _page(view: View, form: FormSummary, one: BlockedPage, *, key: str) -> None:
    last = formats.clock(one.last_at.astimezone(view.zone))
    host = lead_words.plain(one.origin.removeprefix("https://")) or "pages without a name here"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"blockedrow_{key}"):
        st.markdown(f":orange[:material/block:] Blocked on **{host}**: {formats.plural(one.n, 'time')}, last {last}",
                    help=_HELP, width="content")  # fmt: skip
        if one.is_in_draft:
            st.markdown(":gray[:small[The draft allows it: publish it]]", width="content")
        elif one.origin and view.may_change and form.status != "archived":
            st.button("Allow this domain", icon=":material/check:", key=f"allow_{key}", on_click=_allow,
                      args=(view, form, one.origin))  # fmt: skip


def _allow(view: View, form: FormSummary, origin: str) -> None:
    host = lead_words.plain(origin.removeprefix("https://"))
    try:
        forms_data.allow_domain(view, form.form_id, origin)
    except (ValueError, DraftChanged) as error:
        st.toast(lead_words.plain(str(error)), icon=":material/error:")
        return
    st.toast(f"The draft allows {host} now. Visitors see the form there once it is published.", icon=":material/check:")
