"""One received lead: its journey, what is known of it, what was sent, and what can be done with it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import streamlit as st

from snapshots.journeys import Journey, ReceivedLead
from snapshots.lead_filter import ASIDE, LeadState
from workbench import (
    cards,
    formats,
    lead_dialogs,
    lead_duplicates,
    lead_filters,
    lead_routing,
    lead_timeline,
    lead_watch,
    lead_words,
    leads_data,
    places,
    score_sheet,
    score_sheet_data,
    shell,
    states,
)
from workbench.view import View

SAY_MORE = frozenset({"origin", "quick", "token"})  # which page, how soon, what is wrong with it
NEED_EDITING = frozenset({"rejected", "unreadable"})  # as they are, these cannot succeed


def asked_for() -> UUID | None:
    """The lead id in the URL."""
    try:
        return UUID(st.query_params.get("lead", ""))
    except ValueError:
        return None


def back(view: View, *, key: str) -> None:
    """The way back to the list as it was left."""
    params = places.link(view.filters) | lead_filters.to_url(lead_filters.kept())
    with st.container(key=key, width="content"):
        st.page_link(places.LEADS, label="All leads", icon=":material/arrow_back:", query_params=params)


def head(lead: ReceivedLead, view: View) -> None:
    with st.container(key="leadhead", horizontal=True, vertical_alignment="center", gap="small"):
        # Not as a title of Streamlit's, which would read what a stranger sent as Markdown.
        st.html(f'<h1 class="slms-title">{_text(lead_words.who(lead))}</h1><p class="slms-about">{_about(lead)}</p>',
                width="stretch")  # fmt: skip
        back(view, key="lead_back")


def _about(lead: ReceivedLead) -> str:
    parts = [part for part in (lead.email, lead.phone, lead.company) if part and part != lead_words.who(lead)]
    return " · ".join(_text(part) for part in parts) or "Nothing else is known"


def _text(text: str) -> str:
    return html.escape(lead_words.visible(text))


def standing(found: Journey, view: View) -> None:
    """Where the lead stands, why, what to do; and the buttons for it."""
    lead = found.lead
    with st.container(border=True, key="lead_standing", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(_standing(found, view), width="stretch")
        if lead.state in ASIDE and view.may_change:
            verb = "Release" if lead.state is LeadState.QUARANTINED else "Replay"
            first, second = ("edit", "replay") if lead.reason in NEED_EDITING else ("replay", "edit")
            labels = {"replay": verb, "edit": f"Edit and {verb.lower()}"}
            icons = {"replay": ":material/play_arrow:", "edit": ":material/edit:"}
            with st.container(horizontal=True, width="content", gap="xsmall"):
                for name in (second, first):
                    st.button(
                        labels[name], icon=icons[name], type="primary" if name == first else "secondary",
                        key=f"lead_{name}_open", on_click=lead_dialogs.ask, args=(name, lead.lead_id),
                    )  # fmt: skip


def _standing(found: Journey, view: View) -> str:
    lead = found.lead
    mark = f'<span aria-hidden="true">{lead_words.MARKS[lead.state]}</span> {lead_words.STATES[lead.state]}'
    badge = f'<span class="slms-state slms-{lead_words.TONES[lead.state]}">{mark}</span>'
    title, text = _words(found, view)
    return f'<div role="status" class="slms-standing">{badge}<b>{_text(title)}</b><p>{_text(text)}</p></div>'


def _words(found: Journey, view: View) -> tuple[str, str]:
    lead = found.lead
    if lead.state is LeadState.DELIVERED:
        when = formats.clock(lead.delivered_at.astimezone(view.zone)) if lead.delivered_at else ""
        return (f"{lead_words.outcome(lead.outcome)} in {lead.connection or 'the CRM'}",
                f"Contact {lead.external_id}, {when}.")  # fmt: skip
    if lead.state is LeadState.PENDING:
        coming = lead_timeline.upcoming(found, view)
        title, text = (coming[0].title, coming[0].text) if coming else ("Being delivered now", "")
        return title, text or lead.detail or "It is delivered by itself; nothing needs to be done."
    reason = lead_words.REASONS.get(lead.reason or "")
    if reason is None:
        return lead_words.reason_label(lead.reason), lead.detail or ""
    said = (
        f" It said: “{lead.detail}”"
        if lead.state is LeadState.PARKED and lead.reason == "rejected" and lead.detail
        else ""
    )
    why = lead.detail if lead.reason in SAY_MORE and lead.detail else reason.why
    return reason.label, f"{why}{said} {reason.todo}"


def facts(lead: ReceivedLead, view: View) -> None:
    """What is understood of it, and what was noticed."""
    pairs = [(label, getattr(lead, name)) for name, label in lead_words.FIELDS.items()]
    pairs += sorted(lead.extra.items())
    pairs += [(label, value) for label, value in leads_data.came_from(view, lead) if value]
    pairs += [(f"Agreed to, text {one['version']}", _consent(one, view)) for one in lead.consents]
    pairs += [("Form version", str(lead.form_version))] if lead.form_version else []
    pairs += [("Lead id", str(lead.lead_id)), *([("CRM contact", lead.external_id)] if lead.external_id else [])]
    rows = "".join(_fact(name, value) for name, value in pairs)
    cards.title("What is known")
    st.html(f'<dl class="slms-facts">{rows}</dl>')
    for flag in lead.flags:
        label, why = lead_words.FLAGS.get(flag, (flag, ""))
        st.html(f'<p class="slms-flag"><b>{_text(label)}</b> {_text(why)}</p>')


def _consent(one: Mapping[str, Any], view: View) -> str:
    at = formats.clock(datetime.fromisoformat(one["at"]).astimezone(view.zone))
    return f"“{one['text']}” {at}"


def _fact(name: str, value: str | None) -> str:
    shown = f"<dd>{_text(value)}</dd>" if value else f'<dd class="slms-missing">{formats.MISSING}</dd>'
    return f"<dt>{_text(name)}</dt>{shown}"


def score(lead: ReceivedLead, view: View) -> None:
    """Its score, or that of the lead in the CRM with the same e-mail address; nothing where there is none."""
    with states.guarded("The score could not be read", key="lead_score"):
        sheet = score_sheet_data.of_received(view, lead)
        if sheet is not None:
            with st.container(border=True, key="lead_score", gap="xsmall"):
                score_sheet.draw(view, sheet)


def body(lead: ReceivedLead) -> None:
    cards.title(
        "What was sent", f"{lead_words.sort_of(lead.body_type)}, {formats.plural(len(lead.body), 'byte')}, as it came"
    )
    st.code(lead_words.as_text(lead.body) or "(empty)", language=None, wrap_lines=True)


def nobody(view: View) -> None:
    states.empty(
        "There is no such lead",
        "The link names a lead that is not in this organization.",
        key="lead",
        icon="search_off",
        actions=lambda: back(view, key="lead_back"),
    )


def page() -> None:
    view = shell.begin(None, is_analysis=False)
    with states.guarded("This lead could not be read", key="lead"):
        lead_dialogs.told()
        if not leads_data.inbox(view).shows_leads:
            nobody(view)
            return
        lead_id = asked_for()
        found = leads_data.journey(view, lead_id) if lead_id is not None else None
        if found is None:
            nobody(view)
            return
        head(found.lead, view)
        standing(found, view)
        left, right = st.container(key="split_lead").columns([1.35, 1], gap="medium")
        with left:
            cards.title("Journey")
            lead_timeline.draw(found, view, lead_routing.events(view, found.lead))
        with right:
            score(found.lead, view)
            facts(found.lead, view)
            body(found.lead)
            lead_duplicates.draw(view, found.lead)
        lead_dialogs.of_lead(view, found)
        lead_duplicates.dialog(view, found.lead)
        lead = found.lead
        if lead.state is LeadState.PENDING:
            shown = (lead.state, lead.fence, lead.is_under_way)
            lead_watch.until_changed(lambda: leads_data.standing(view, lead.lead_id), shown, key="lead")


page()
