"""Change of CRM: what the new one holds and what of it is known, to be confirmed; the first sync, or the way back."""

from __future__ import annotations

import streamlit as st

from snapshots import crm_changes
from snapshots.crm_changes import ChangeRefused, CrmChange
from snapshots.handover import Choices
from workbench import cards, change_data, change_sheet, data, formats, installation, places, shell, states
from workbench.lead_words import plain
from workbench.view import View


def _to_data(view: View) -> None:
    st.page_link(places.DATA, label="Data", icon=":material/arrow_back:", query_params=places.link(view.filters))


def _step(view: View, step: object, *args: object) -> None:
    """Takes a step and draws anew; what keeps it from being taken is said on the page."""
    try:
        step(view, *args)  # type: ignore[operator]
    except ChangeRefused as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.rerun()


def _give_up_button(view: View, change: CrmChange) -> None:
    if st.button("Give up the change", type="tertiary", icon=":material/close:", key="change_give_up"):
        _step(view, change_data.give_up, change)


@st.fragment(run_every="2s")
def reading(view: View, change: CrmChange) -> None:
    """Redraws itself while the new CRM is read."""
    now_view = data.at_now(view)
    found = crm_changes.open_change(installation.database(), view.organization_id)
    if found is None or found.state != "reading":
        st.rerun()
        return
    with st.container(border=True, key="change_reading"):
        cards.title(f"Reading {found.to_name}", "Nothing has changed yet")
        if found.was_killed(now_view.now):
            st.markdown(":orange[:material/pause_circle:] :gray[The reading broke off.]")
            if st.button("Read again", type="primary", icon=":material/refresh:", key="change_again"):
                change_data.read_again(view, found)
                st.rerun()
            return
        elapsed = formats.duration((now_view.now - found.started_at).total_seconds())
        st.progress(0.5 if found.n_read else 0.02, text=f"{formats.count(found.n_read)} records read · {elapsed}")
        if st.button("Give up the change", type="tertiary", icon=":material/close:", key="change_give_up"):
            change_data.give_up(view, found)
            st.rerun()


def failed(view: View, change: CrmChange) -> None:
    with st.container(border=True, key="change_failed"):
        cards.title(f"{change.to_name} could not be read", "Nothing has changed")
        st.markdown(f":red[:material/error: {plain(change.error_message or 'It gave no reason.')}]")
        if change_data.has_own_credentials(view, change.to_connection_id):
            st.markdown(":gray[It has credentials of its own, in place of the settings; replace them on Data.]")
        with st.container(horizontal=True, gap="small"):
            if st.button("Read again", type="primary", icon=":material/refresh:", key="change_again"):
                _step(view, change_data.read_again, change)
            _give_up_button(view, change)


def ready(view: View, change: CrmChange) -> None:
    with states.loading(120, 300, 300):
        sheet = change_data.sheet(view, change)
    read_at = formats.clock(change.read_at.astimezone(view.zone)) if change.read_at else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[Read {read_at}. Everything below is a guess until you confirm it.]", width="stretch")
        if st.button("Read again", type="tertiary", icon=":material/refresh:", key="change_again"):
            _step(view, change_data.read_again, change)
        _give_up_button(view, change)
    choices, faults = change_sheet.draw(view, change, sheet)
    _confirm(view, change, choices, faults)


def _confirm(view: View, change: CrmChange, choices: Choices, faults: list[str]) -> None:
    old, new = plain(change.from_name), plain(change.to_name)
    with st.container(border=True, key="change_confirm"):
        cards.title("Confirm the change")
        ends = f" {formats.plural(len(choices.ended), 'open deal ends', 'open deals end')}." if choices.ended else ""
        st.markdown(
            f"From now on {new} counts and {old} is not read any more. {formats.plural(len(choices.deals), 'deal')} "
            f"and everybody chosen above go on with their history.{ends} Days before today stay as {old} told them. "
            f"Until the first sync of {new} there is a way back."
        )
        for fault in faults:
            st.markdown(f":red[:material/error: {plain(fault)}]")
        if st.button("Confirm", type="primary", icon=":material/check:", key="change_yes", disabled=bool(faults)):
            _step(view, change_data.confirm, change, choices)


def confirmed(view: View, change: CrmChange) -> None:
    new = plain(change.to_name)
    with st.container(border=True, key="change_confirmed"):
        at = formats.clock(change.switched_at.astimezone(view.zone)) if change.switched_at else ""
        cards.title(f"Confirmed: {change.to_name} counts from {at} on", f"By {change.confirmed_by or 'somebody'}")
        st.markdown(f"{new} waits for its first sync, which the daily refresh starts if you do not. "
                    "Until then there is a way back, which leaves no trace.")  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            if st.button("Start the first sync", type="primary", icon=":material/sync:", key="change_sync"):
                change_data.start_first_sync(view, change)
                st.switch_page(places.DATA, query_params=places.link(view.filters))
            if st.button("Go back", icon=":material/undo:", key="change_undo"):
                _step(view, change_data.undo, change)


def done(view: View, change: CrmChange) -> None:
    with st.container(border=True, key="change_done"):
        day = formats.day(change.switched_at.astimezone(view.zone)) if change.switched_at else ""
        cards.title(f"Moved to {change.to_name} on {day}", f"By {change.confirmed_by or 'somebody'}")
        st.markdown(f":gray[Days before are told by {plain(change.from_name)}, days after by {plain(change.to_name)}. "
                    "Charts mark the day.]")  # fmt: skip
        st.page_link(places.OVERVIEW, label="Overview", icon=":material/space_dashboard:",
                     query_params=places.link(view.filters))  # fmt: skip


def page() -> None:
    view = shell.begin("Change of CRM", is_analysis=False)
    with states.guarded("The change could not be read", key="change"):
        change = change_data.current(view) if change_data.may_change(view) else None
        if change is None:
            states.empty(
                "No change of CRM" if change_data.may_change(view) else "For administrators only",
                "On Data, an administrator connects a CRM and lets it take over from another one.",
                key="change", icon="swap_horiz", actions=lambda: _to_data(view),
            )  # fmt: skip
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":gray[From **{plain(change.from_name)}** to **{plain(change.to_name)}**]", width="stretch")
            _to_data(view)
        steps = {"reading": reading, "failed": failed, "ready": ready, "confirmed": confirmed, "done": done}
        steps[change.state](view, change)


page()
