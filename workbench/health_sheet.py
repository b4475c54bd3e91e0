"""The flags of one deal: why each was raised and since when, the rows it rests on, who snoozed it and why; and the form
that snoozes one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import streamlit as st

from insights.health import words as health_words
from snapshots.health_flags import MOST_REASON, Flag, Snooze
from workbench import flag_rows, formats, health_data, lead_dialogs, states
from workbench.health_data import Sheet
from workbench.lead_words import plain
from workbench.view import View

DIALOG: Final = "deal_flags"
UNTIL: Final = {7: "A week", 14: "Two weeks", 30: "A month", 90: "A quarter"}


def dialog_if_asked(view: View) -> bool:
    """Opens the flags of the deal that was asked for; False where none was."""
    asked = lead_dialogs.asked(DIALOG)
    if asked is None:
        return False
    deal_id, name = asked
    st.dialog(plain(name), width="medium", on_dismiss=lead_dialogs.close)(_whole)(view, deal_id)
    return True


def _whole(view: View, deal_id: int) -> None:
    with states.guarded("The flags could not be read", key="flags_sheet", still_works="The list still works."):
        alone(view, deal_id)


def section(view: View, deal_id: int) -> None:
    """Below what else is said of a deal; nothing where it never had a flag."""
    found = health_data.sheet(view, deal_id)
    if found is not None and (found.standing or found.past):
        st.header("Flags", anchor=False)
        draw(view, deal_id, found)


def alone(view: View, deal_id: int) -> None:
    """Where nothing else is said of a deal; says why there is no flag."""
    with states.loading(160):
        found = health_data.sheet(view, deal_id)
    if found is None:
        st.markdown(":gray[This deal is not shown to you, or no deal was judged by this day.]")
    else:
        draw(view, deal_id, found)


def draw(view: View, deal_id: int, found: Sheet) -> None:
    if not found.standing:
        st.markdown(f":gray[No flag stands as of {formats.day(found.run.day)}.]")
    for flag, snooze in found.standing:
        with st.container(border=True, gap="xsmall", key=f"flag_{flag.rule}"):
            _flag(view, deal_id, flag, snooze, found)
    if found.past:
        with st.expander(f"Earlier flags ({formats.count(len(found.past))})", type="compact"):
            for flag in found.past:
                when = formats.day_range(flag.first_day, flag.last_day)
                st.markdown(f"**{health_words.title(flag.rule)}** :gray[{when}]  \n"
                            f":small[{plain(health_words.reason(flag.rule, flag.evidence))}.]")  # fmt: skip


def _flag(view: View, deal_id: int, flag: Flag, snooze: Snooze | None, found: Sheet) -> None:
    later = " · judged later, by what is known now of that day" if flag.is_replayed else ""
    is_now = flag.last_day == found.run.day
    st.markdown(f"**:orange[:material/flag:] {health_words.title(flag.rule)}** "
                f":gray[:small[since {formats.day(flag.first_day)}{later}]]")  # fmt: skip
    listed = {
        "rule": flag.rule, "evidence": flag.latest if is_now else flag.evidence, "latest": flag.latest,
        "evidence_on": str(flag.last_day if is_now else flag.first_day), "last_day": str(flag.last_day),
    }  # fmt: skip
    shown, on = health_words.on_day(listed, found.run.day)
    st.markdown(f"{plain(health_words.reason(flag.rule, shown))}{on}.")
    if is_now and flag.latest != flag.evidence:
        st.caption(f"When it was raised: {plain(health_words.reason(flag.rule, flag.evidence))}.")
    flag_rows.draw(view, flag, health_data.plain_slice(view))
    if snooze is not None:
        _snoozed(view, deal_id, snooze)
    elif health_data.may_snooze(view):
        _form(view, deal_id, flag.rule)


def _snoozed(view: View, deal_id: int, snooze: Snooze) -> None:
    said = f"Snoozed until {formats.day(snooze.until)} by {plain(snooze.snoozed_by)}: {plain(snooze.reason)}"
    st.markdown(f":gray[:material/snooze: {said}]")
    if health_data.may_snooze(view):
        st.button("Wake it", key=f"wake_{snooze.rule}", icon=":material/alarm:", on_click=_on_wake,
                  args=(view, deal_id, snooze.rule))  # fmt: skip


def _on_wake(view: View, deal_id: int, rule: str) -> None:
    health_data.wake(view, deal_id, rule)
    lead_dialogs.say(f"{health_words.title(rule)} counts again")


def _form(view: View, deal_id: int, rule: str) -> None:
    with st.expander("Snooze", type="compact"), st.form(f"snooze_{rule}", border=False):
        days = st.radio("For", list(UNTIL), format_func=UNTIL.__getitem__, index=1, horizontal=True,
                        key=f"snooze_days_{rule}")  # fmt: skip
        reason = st.text_input("Reason", max_chars=MOST_REASON, key=f"snooze_reason_{rule}",
                               placeholder="What you know that the rule does not")  # fmt: skip
        if not st.form_submit_button("Snooze this flag", icon=":material/snooze:"):
            return
        if not (reason or "").strip():
            st.error("Say why: whoever looks at it next sees the reason.", icon=":material/error:")
            return
        until = _today(view) + timedelta(days=int(days or 14))
        health_data.snooze(view, deal_id, rule, reason=reason or "", until=until)
        lead_dialogs.say(f"{health_words.title(rule)} is quiet until {formats.day(until)}")
        st.rerun()


def _today(view: View) -> date:
    return view.now.astimezone(view.zone).date()
