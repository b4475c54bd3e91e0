"""The dialogs over the pages of received leads: each says what will happen, and does it only when it is confirmed.

Which one is open stands in the session, so that it survives the runs that its widgets cause.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from snapshots.journeys import Journey, ReceivedLead
from snapshots.lead_actions import InvalidEdit, LeadEdit
from snapshots.lead_filter import LeadState
from workbench import formats, lead_words, leads_data, states
from workbench.lead_filters import LeadChoice
from workbench.view import View

_OPEN, _SAID = "lead_dialog", "lead_said"
MOST_EXTRA: Final = 30
"""Further fields that the form shows; the others stay as they are."""
_LONG: Final = 80
_PAST: Final = {"Replay": "Replayed", "Release": "Released"}


def ask(name: str, value: object = None) -> None:
    """Opens a dialog with the run that follows."""
    st.session_state[_OPEN] = (name, value)


def is_open() -> bool:
    return _OPEN in st.session_state


def close() -> None:
    st.session_state.pop(_OPEN, None)


def asked(name: str) -> Any:
    """What the dialog of this name is about; None where it is not open."""
    found = st.session_state.get(_OPEN)
    return found[1] if found is not None and found[0] == name else None


def say(words: str, *, is_done: bool = True) -> None:
    """Tells the result with the run that follows."""
    st.session_state[_SAID] = (words, ":material/check:" if is_done else ":material/info:")


def told() -> None:
    """Shows what was said; at the top of a page."""
    found = st.session_state.pop(_SAID, None)
    if found is not None:
        st.toast(found[0], icon=found[1])


def _show(title: str, body: Callable[..., None], *args: object, width: str = "small") -> None:
    st.dialog(title, width=width, on_dismiss=close)(body)(*args)  # type: ignore[call-overload]


def _done(words: str, *, is_done: bool = True) -> None:
    say(words, is_done=is_done)
    close()
    st.rerun()


def _buttons(label: str, key: str, *, icon: str) -> bool:
    with st.container(horizontal=True, gap="small"):
        is_confirmed = st.button(label, type="primary", icon=f":material/{icon}:", key=f"{key}_yes")
        if st.button("Cancel", key=f"{key}_no"):
            close()
            st.rerun()
    return is_confirmed


# --- one lead --------------------------------------------------------------------------------------------------------

TOO_LATE: Final = "Nothing was changed: this lead is not as it was shown. Somebody, or the worker, was faster."


def of_lead(view: View, found: Journey) -> None:
    """Opens the dialog that was asked for on a lead's page."""
    lead = found.lead
    if asked("replay") == lead.lead_id:
        is_release = lead.state is LeadState.QUARANTINED
        _show("Release this lead?" if is_release else "Replay this lead?", _replay, view, lead)
    elif asked("edit") == lead.lead_id:
        is_release = lead.state is LeadState.QUARANTINED
        _show("Edit and release" if is_release else "Edit and replay", _edit, view, lead, width="medium")


def _replay(view: View, lead: ReceivedLead) -> None:
    with states.guarded("The lead could not be replayed", key="replay", still_works="It is as it was."):
        is_release = lead.state is LeadState.QUARANTINED
        if lead.reason == "ambiguous":
            st.warning("The contact may exist in the CRM already. Look there first: a replay could make a second one.",
                       icon=":material/warning:")  # fmt: skip
        st.markdown(
            "It leaves quarantine and is delivered to the CRM at once, as it was received."
            if is_release
            else "It is delivered to the CRM again at once, and its attempts are counted anew."
        )
        verb = "Release" if is_release else "Replay"
        if _buttons(verb, "replay", icon="play_arrow"):
            is_done = leads_data.replay(view, lead.lead_id, lead.fence)
            _done(f"{_PAST[verb]}; it is on its way." if is_done else TOO_LATE, is_done=is_done)


def _edit(view: View, lead: ReceivedLead) -> None:
    with states.guarded("The lead could not be saved", key="edit", still_works="It is as it was."):
        st.markdown(":gray[:small[What was sent is kept beside it, and the change is noted with your name.]]")
        with st.form("lead_edit", border=False):
            values = _fields(lead)
            extra = _extra(lead)
            verb = "release" if lead.state is LeadState.QUARANTINED else "replay"
            is_sent = st.form_submit_button(f"Save and {verb}", type="primary", icon=":material/play_arrow:")
        if is_sent:
            try:
                is_done = leads_data.edit(view, lead.lead_id, lead.fence, LeadEdit(**values, extra=extra))
            except InvalidEdit as fault:
                st.error(f"{lead_words.FIELDS[fault.field]}: {lead_words.plain(str(fault))}", icon=":material/error:")
                return
            _done("Saved; it is on its way." if is_done else TOO_LATE, is_done=is_done)


def _fields(lead: ReceivedLead) -> dict[str, str]:
    place = st.container(gap="xsmall")
    first, second = place.columns(2, gap="small"), place.columns(2, gap="small")
    places = {
        "email": first[0], "phone": first[1], "first_name": second[0], "last_name": second[1], "company": place
    }  # fmt: skip
    return {
        name: where.text_input(lead_words.FIELDS[name], value=getattr(lead, name) or "", key=f"edit_{name}") or ""
        for name, where in places.items()
    }


def _extra(lead: ReceivedLead) -> dict[str, str]:
    """Every further field, those that are shown as they were typed."""
    extra = dict(lead.extra)
    if not extra:
        return extra
    st.markdown(":gray[:small[Further fields. An empty one is taken away.]]")
    for number, name in enumerate(sorted(extra)[:MOST_EXTRA]):
        label, value = lead_words.plain(name), extra[name]
        is_long = len(value) > _LONG or "\n" in value
        draw = st.text_area if is_long else st.text_input
        extra[name] = draw(label, value=value, key=f"edit_extra_{number}") or ""
    if len(extra) > MOST_EXTRA:
        st.caption(f"{formats.plural(len(extra) - MOST_EXTRA, 'more field')} stay as they are.")
    return extra


# --- many leads ------------------------------------------------------------------------------------------------------


def of_list(view: View, choice: LeadChoice) -> None:
    """Opens the dialog that was asked for on the list."""
    state = asked("replay_all")
    if state is not None:
        _show("Replay all of them?" if state is LeadState.PARKED else "Release all of them?", _replay_all, view, choice,
              state)  # fmt: skip
    refused_id = asked("refused")
    if refused_id is not None:
        _show("Refused submission", _refused, view, refused_id, width="large")


def _replay_all(view: View, choice: LeadChoice, state: LeadState) -> None:
    with states.guarded("The leads could not be replayed", key="replay_all", still_works="They are as they were."):
        n = leads_data.n_to_replay(view, choice, state)
        word, verb = lead_words.STATES[state].lower(), "Replay" if state is LeadState.PARKED else "Release"
        leads = formats.plural(n, f"{word} lead")
        scope = "that match the filters of this list are" if choice.is_narrowed else "of these days are"
        st.markdown(f"**{leads}** {scope} delivered to the CRM again, in the order in which they came in.")
        unsure = leads_data.n_to_replay(view, choice, state, reason="ambiguous")
        if unsure:
            st.markdown(
                f":orange[:material/warning:] **{formats.count(unsure)} of them** :gray[may be in the CRM already. "
                "Look there first: a replay could make a second contact. The filter for reasons leaves them out.]"
            )
        if _buttons(f"{verb} {leads}", "replay_all", icon="playlist_play"):
            done = leads_data.replay_all(view, choice, state)
            _done(f"{_PAST[verb]} {formats.plural(done, 'lead')}: on the way.")


def _refused(view: View, refused_id: int) -> None:
    with states.guarded("The submission could not be read", key="refused", still_works="The list still works."):
        found = leads_data.refused_submission(view, refused_id)
        if found is None:
            st.markdown(":gray[There is no such submission here.]")
            return
        field = lead_words.FIELDS.get(found.field or "", found.field)
        what = f"**{lead_words.plain(field)}**: " if field else ""
        st.markdown(f"{what}{lead_words.plain(found.reason)}")
        when = formats.clock(found.received_at.astimezone(view.zone))
        via = lead_words.plain(found.form or "a form that was removed")
        origin = lead_words.plain(found.network or "an unknown network")
        st.markdown(f":gray[:small[{when} · through {via} · from {origin} · {lead_words.plain(found.body_type)}]]")
        st.code(lead_words.as_text(found.body) or "(empty)", language=None, wrap_lines=True)
        st.caption("It was not accepted, so it cannot be replayed: its sender was told what to correct.")
