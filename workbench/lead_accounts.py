"""The banner over the leads when a CRM takes none: which, why, since when, when it is tried next, and a button."""

from __future__ import annotations

import html

import streamlit as st

from snapshots.inbox import PausedAccount
from workbench import formats, lead_dialogs, lead_words, leads_data, states
from workbench.view import View

_WHY = {
    "config": "It refuses our access.",
    "retry": "It does not answer as it should.",
    "exceeded": "It does not answer as it should.",
    "wait": "It asks us to wait.",
}


def draw(view: View) -> None:
    with states.guarded("The CRM accounts could not be read", key="accounts"):
        for account in leads_data.paused(view):
            _banner(account, view)


def _banner(account: PausedAccount, view: View) -> None:
    with st.container(key=f"paused_{account.connection_id}", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(markup(account, view), width="stretch")
        if view.may_change:
            st.button("Try now", icon=":material/play_arrow:", key=f"resume_{account.connection_id}",
                      on_click=_resume, args=(account, view),
                      help="Resumes delivery with one lead; if that works, the others follow.")  # fmt: skip


def markup(account: PausedAccount, view: View) -> str:
    """What the banner says, every text escaped: the CRM's own words may quote anything."""
    since = f"{formats.clock(account.since.astimezone(view.zone))} ({formats.age(account.since, now=view.now)})"
    until = account.until.astimezone(view.zone)
    next_try = f"Next try {formats.clock(until)}." if account.until > view.now else "It is tried with the next lead."
    waiting = f"{formats.plural(account.waiting, 'lead waits', 'leads wait')}; none is lost."
    why = _WHY.get(account.reason, "")
    said = (
        f' <span class="slms-quote">“{html.escape(lead_words.visible(account.detail))}”</span>'
        if account.detail
        else ""
    )
    return (
        f'<div role="status" class="slms-paused"><b><span aria-hidden="true">▲ </span>{html.escape(account.name)} '
        f"takes no leads at the moment.</b> {html.escape(why)}{said}<br>"
        f"<span>Since {html.escape(since)}. {html.escape(next_try)} {html.escape(waiting)}</span></div>"
    )


def _resume(account: PausedAccount, view: View) -> None:
    is_done = leads_data.resume(view, account.connection_id)
    lead_dialogs.say("One lead is on its way to find out." if is_done else "The account is not paused any more.",
                     is_done=is_done)  # fmt: skip
