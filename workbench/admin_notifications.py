"""Admin, notifications: who is told of new leads, the webhooks, and what could not be sent."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from ops.webhooks import WebhookRefused
from snapshots.notifications import NotificationState, Webhook
from workbench import admin_data, admin_keys, cards, formats, installation, lead_words, places, tables
from workbench.columns import Column, ColumnKind
from workbench.view import View

_MADE: Final = "admin_webhook_made"
_FAULT: Final = "admin_webhook_fault"
REASONS: Final = {"config": "Set up wrongly", "rejected": "Refused", "exceeded": "Given up after a day"}
_COLUMNS: Final = (
    Column(field="created_at", title="Since", kind=ColumnKind.TIME),
    Column(field="to", title="To", width=1.2),
    Column(field="reason", title="Why"),
    Column(field="detail", title="What happened", width=2),
    Column(field="attempts", title="Attempts", kind=ColumnKind.COUNT),
)


def draw(view: View) -> None:
    admin_keys.shown_once(_MADE, "Copy the webhook’s secret now; the receiver verifies our signature with it.",
                          key="webhook")  # fmt: skip
    _mail(view)
    _webhooks(view)
    _parked(view)


def _mail(view: View) -> None:
    with st.container(border=True):
        with cards.titled("Mail", "To whom a lead is given, and to the addresses that its form names"):
            st.page_link(places.FORMS, label="Forms", icon=":material/dynamic_form:",
                         query_params=places.link(view.filters))  # fmt: skip
        missing = installation.missing_mail_settings()
        if missing:
            names = " and ".join(f"`{one}`" for one in missing)
            st.markdown(f":orange[:material/warning:] {names} must be set (in `.env`) before mail is sent.")
        else:
            st.markdown(":green[:material/check_circle:] :gray[A mail server is configured.]")
        counts = admin_data.notification_counts(view)
        told = [f"{formats.count(counts.get(state, 0))} {words}"
                for state, words in (("sent", "sent"), ("pending", "on their way"), ("parked", "parked"))]  # fmt: skip
        st.markdown(f":gray[Mails and calls so far: {', '.join(told)}.]")


def _webhooks(view: View) -> None:
    found = admin_data.list_webhooks(view)
    with st.container(border=True):
        cards.title("Webhooks", "Addresses that are told of every new lead, as signed JSON" if found else
                    "An address that is told of every new lead, as signed JSON; there is none yet")  # fmt: skip
        for one in found:
            _webhook(view, one)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name", key="hook_name", placeholder="Chat", max_chars=80, width=180)
            url = st.text_input("Address", key="hook_url", placeholder="https://…", width=380)
            st.button("Add", key="hook_add", icon=":material/add:", disabled=not (name.strip() and url.strip()),
                      on_click=_add_webhook, args=(view, name, url))  # fmt: skip
        if fault := st.session_state.pop(_FAULT, None):
            st.error(lead_words.plain(fault), icon=":material/error:")


def _add_webhook(view: View, name: str, url: str) -> None:
    """The fields are empty afterwards; what was refused stays in them, to be mended."""
    try:
        st.session_state[_MADE] = admin_data.add_webhook(view, name=name, url=url)
    except WebhookRefused as error:
        st.session_state[_FAULT] = str(error)
        return
    st.session_state["hook_name"] = st.session_state["hook_url"] = ""


def _webhook(view: View, one: Webhook) -> None:
    key = f"hook_{one.webhook_id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"hookrow_{one.webhook_id}"):
        off = "" if one.is_active else " :gray-badge[off]"
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{lead_words.plain(one.name)}**{off}")
            st.text(one.url)  # not as a link: whoever calls it would tell it of nothing
            _last_call(view, one)
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            _actions(view, one, key)


def _actions(view: View, one: Webhook, key: str) -> None:
    if st.button("Send a test", key=f"{key}_test", help=lead_words.plain(f"Calls {one.name} with a made-up lead")):
        with st.spinner("Calling …"):
            admin_data.try_webhook(view, one.webhook_id)
        st.rerun()
    st.button("Switch off" if one.is_active else "Switch on", key=f"{key}_switch",
              help=lead_words.plain(f"Webhook {one.name}"), on_click=admin_data.switch_webhook,
              args=(view, one.webhook_id), kwargs={"is_active": not one.is_active})  # fmt: skip
    st.button("Remove", key=f"{key}_remove", type="tertiary", help=lead_words.plain(f"Remove webhook {one.name}"),
              on_click=admin_data.remove_webhook, args=(view, one.webhook_id))  # fmt: skip


def _last_call(view: View, one: Webhook) -> None:
    if one.last_at is None:
        st.markdown(":gray[:small[Not called yet]]")
        return
    icon = ":green[:material/check_circle:]" if one.last_state == "sent" else ":orange[:material/warning:]"
    what = "Last test" if one.last_is_test else "Last call"
    at = formats.clock(one.last_at.astimezone(view.zone))
    st.markdown(f":small[{icon} :gray[{what} {at}. {lead_words.plain(one.last_detail or '')}]]")


def _parked(view: View) -> None:
    found = admin_data.parked(view)
    if not found:
        cards.title("Parked", "Nothing waits for you")
        return
    with cards.titled("Parked", f"{formats.plural(len(found), 'notification')} could not be sent"):
        ids = [one.notification_id for one in found]
        if st.button("Send all again", key="parked_all", icon=":material/play_arrow:"):
            n = admin_data.replay(view, ids)
            st.toast(f"{formats.plural(n, 'notification')} will be sent again.", icon=":material/check:")
            st.rerun()
    tables.plain(pd.DataFrame([_row(one, view) for one in found]), _COLUMNS, caption="Parked notifications")
    names = {one.notification_id: f"{one.to} · {formats.clock(one.created_at.astimezone(view.zone))}" for one in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("Send one again", list(names), index=None, placeholder="Choose one", width=360,
                              format_func=names.__getitem__, key=f"parked_one_{ids[0]}_{len(ids)}")  # fmt: skip
        if st.button("Send again", key="parked_again", disabled=picked is None) and picked:
            admin_data.replay(view, [picked])
            st.rerun()


def _row(one: NotificationState, view: View) -> dict[str, object]:
    return {
        "created_at": one.created_at.astimezone(view.zone), "to": one.to, "detail": one.detail,
        "reason": REASONS.get(one.reason or "", one.reason), "attempts": one.attempts,
    }  # fmt: skip
