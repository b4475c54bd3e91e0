"""Pages that were refused a form, for their website is not on its list: how often, and a click that puts them there."""

from __future__ import annotations

from typing import Final

import streamlit as st

from snapshots.form_versions import DraftChanged, FormSummary
from workbench import cards, formats, forms_data, lead_words
from workbench.forms_data import BlockedPage
from workbench.view import View

MOST_SHOWN: Final = 2
_HELP: Final = (
    "They asked for the form and are not on its list, so their visitors read that it is not available there. "
    "Anybody can claim to be a page: allow only domains that you know."
)


def draw(view: View, form: FormSummary, *, key: str, has_frame: bool = True) -> None:
    """Nothing where no page was refused in the last days."""
    found = forms_data.blocked(view, form)
    if not found:
        return
    with st.container(border=has_frame, key=f"blocked_{key}", gap="small"):
        cards.title("Blocked pages", _HELP)
        for number, one in enumerate(found[:MOST_SHOWN]):
            _page(view, form, one, key=f"{key}_{form.form_id}_{number}")
        rest = found[MOST_SHOWN:]
        if rest:
            with st.expander(f"{formats.plural(len(rest), 'further page')}"):
                for number, one in enumerate(rest, MOST_SHOWN):
                    _page(view, form, one, key=f"{key}_{form.form_id}_{number}")


def _page(view: View, form: FormSummary, one: BlockedPage, *, key: str) -> None:
    last = formats.clock(one.last_at.astimezone(view.zone))
    host = lead_words.plain(one.origin.removeprefix("https://")) or "other pages"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"blockedrow_{key}"):
        st.markdown(f":orange[:material/block:] Blocked on **{host}**: {formats.plural(one.n, 'time')}, last {last}")
        if one.is_in_draft:
            st.markdown(":gray[:small[The draft allows it: publish it]]", width="content")
        elif one.origin and view.may_change and form.status != "archived":
            st.button("Allow this domain", icon=":material/check:", key=f"allow_{key}", on_click=_allow,
                      args=(view, form, one.origin), help=f"Puts {host} on the draft’s list")  # fmt: skip


def _allow(view: View, form: FormSummary, origin: str) -> None:
    host = lead_words.plain(origin.removeprefix("https://"))
    try:
        forms_data.allow_domain(view, form.form_id, origin)
    except (ValueError, DraftChanged) as error:
        st.toast(lead_words.plain(str(error)), icon=":material/error:")
        return
    st.toast(f"The draft allows {host} now. Visitors see the form there once it is published.", icon=":material/check:")
