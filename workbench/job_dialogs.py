"""The question before a job is run: says for which slot, and what it means where that was done already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import streamlit as st

from ops.job_list import Standing
from workbench import formats, jobs_data, lead_dialogs
from workbench.lead_words import plain
from workbench.view import View

RUN: Final = "job_run"


def draw(view: View, found: Sequence[Standing]) -> None:
    """The dialog that is open, if any; about the key of a job and one of its slots."""
    asked = lead_dialogs.asked(RUN)
    if asked is None:
        return
    key, slot = asked
    one = next((one for one in found if one.job.key == key), None)
    if one is None:
        lead_dialogs.close()
        return
    title = plain(f"{one.job.title}: {formats.day(slot)}")
    st.dialog(title, on_dismiss=lead_dialogs.close)(_body)(view, one, slot)


def _body(view: View, one: Standing, slot: date) -> None:
    is_done = one.is_slot_done and slot == one.job.slot
    st.markdown(plain(_words(one, slot, is_done=is_done)))
    with st.container(horizontal=True, gap="small"):
        label = "Run it again" if is_done else "Run it"
        if st.button(label, type="primary", icon=":material/play_arrow:", key="job_run_yes"):
            _run(view, one, slot, again=is_done)
        if st.button("Cancel", key="job_run_no"):
            lead_dialogs.close()
            st.rerun()


def _words(one: Standing, slot: date, *, is_done: bool) -> str:
    if one.job.connection_id is not None:
        return "The source is read from where it was left; what is known already changes nothing."
    if is_done:
        return (
            f"It was done for {formats.day(slot)} already. Doing it again changes what has changed since; "
            "what was issued or sent stays as it was, and nobody gets the same message twice."
        )
    return f"It is done for {formats.day(slot)} by a worker, once; you see here how it goes."


def _run(view: View, one: Standing, slot: date, *, again: bool) -> None:
    if jobs_data.run(view, one.job, slot, again=again):
        lead_dialogs.say(f"{plain(one.job.title)} begins as soon as a worker is free.")
    else:
        lead_dialogs.say(f"{plain(one.job.title)} runs or waits already.", is_done=False)
    lead_dialogs.close()
    st.rerun()
