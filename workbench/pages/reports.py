"""Reports: the weekly report to look at and to take along, who gets it, when, and what was sent."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from insights.report.document import Week
from ops.reports import NoSuchReader
from ops.webhooks import WebhookRefused
from snapshots.report_archive import Readership, Recipient
from workbench import (
    cards,
    formats,
    installation,
    lead_dialogs,
    lead_words,
    report_choice,
    report_data,
    report_words,
    shell,
    states,
    tables,
)
from workbench.columns import Column, ColumnKind
from workbench.lead_words import plain
from workbench.report_choice import ReportChoice
from workbench.view import View

PREVIEW_PX: Final = 820
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CHANNELS: Final = {"email": "E-mail", "chat": "Chat webhook"}
STATES: Final = {"sent": "Sent", "pending": "On its way", "parked": "Parked"}
_FAULT: Final = "report_fault"
SEND: Final = "report_send_asked"
NAMED: Final = 5  # recipients whose addresses stand in the question before a report is sent
OWN_COLUMNS: Final = (
    Column(field="to", title="To", width=1.6),
    Column(field="whose", title="Report of", width=1.4),
    Column(field="ended", title="Unsubscribed", kind=ColumnKind.TIME, missing="No"),
)
ARCHIVE_COLUMNS: Final = (
    Column(field="week", title="Week", width=0.8),
    Column(field="days", title="Days", width=1.2),
    Column(field="whose", title="Of", width=1.4),
    Column(field="made_at", title="Made", kind=ColumnKind.TIME),
    Column(field="sent", title="Sent", kind=ColumnKind.COUNT),
    Column(field="pending", title="On their way", kind=ColumnKind.COUNT),
    Column(field="parked", title="Parked", kind=ColumnKind.COUNT),
)
SENT_COLUMNS: Final = (
    Column(field="to", title="To", width=1.4),
    Column(field="state", title="State"),
    Column(field="at", title="When", kind=ColumnKind.TIME),
    Column(field="attempts", title="Attempts", kind=ColumnKind.COUNT),
    Column(field="detail", title="What happened", width=2),
)


def choose(view: View, names: dict[Readership, str], weeks: list[Week]) -> tuple[Readership, Week]:
    """The report that is looked at."""
    choice: ReportChoice = report_choice.adopt(list(names), weeks)
    readership, week = choice.readership or next(iter(names)), choice.week or weeks[0]
    st.session_state["report_of"], st.session_state["report_week"] = readership, week
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Report of", list(names), format_func=names.__getitem__, key="report_of", width=280,
            on_change=lambda: report_choice.change(readership=st.session_state["report_of"]),
        )  # fmt: skip
        st.selectbox(
            "Week", weeks, format_func=_week_words, key="report_week", width=280,
            on_change=lambda: report_choice.change(week=st.session_state["report_week"]),
        )  # fmt: skip
    return readership, week


def _week_words(week: Week) -> str:
    return f"{week.name} · {formats.day_range(week.first, week.last)}"


def preview(view: View, name: str, readership: Readership, week: Week) -> None:
    with states.loading(PREVIEW_PX):
        try:
            shown = report_data.show(view, readership, week)
        except NoSuchReader:
            shown = None
    if shown is None:
        states.empty("No report", f"{name} was not there in this week.", key="report")
        return
    note = "As it was made and sent" if shown.report_id is not None else "As it would be made now; nobody got it yet"
    with st.container(border=True):
        with cards.titled(f"Weekly report · {name}", note):
            file = f"weekly-report-{week.name}"
            st.download_button("PDF", shown.pdf, f"{file}.pdf", "application/pdf", key="report_pdf", on_click="ignore",
                               icon=":material/picture_as_pdf:")  # fmt: skip
            st.download_button("HTML", shown.html, f"{file}.html", "text/html", key="report_html", on_click="ignore",
                               icon=":material/code:")  # fmt: skip
            if view.may_change:
                st.button("Send now", key="report_send", icon=":material/send:", on_click=lead_dialogs.ask,
                          args=(SEND, (readership, week)), help="To everybody who is to get this report")  # fmt: skip
        # The file allows no script and fetches nothing, by a policy of its own.
        st.iframe(shown.html, height=PREVIEW_PX, alt=f"Weekly report {week.name}")
    if lead_dialogs.asked(SEND) == (readership, week):
        st.dialog("Send the report?", on_dismiss=lead_dialogs.close)(_before_it_is_sent)(view, name, readership, week)


def _before_it_is_sent(view: View, name: str, readership: Readership, week: Week) -> None:
    to = [one.address for one in report_data.receiving(view, readership)]
    more = f" and {formats.plural(len(to) - NAMED, 'other')}" if len(to) > NAMED else ""
    said = f"It goes to {', '.join(to[:NAMED])}{more}. Who got it already gets a copy." if to else (
        "Nobody is to get this report. It is made and kept in the archive."
    )  # fmt: skip
    st.markdown(plain(f"{name}, {_week_words(week)}. {said}"))
    with st.container(horizontal=True, gap="small"):
        if st.button("Send" if to else "Keep it", type="primary", icon=":material/send:", key="report_send_yes"):
            _send(view, readership, week)
            lead_dialogs.close()
            st.rerun()
        if st.button("Cancel", key="report_send_no"):
            lead_dialogs.close()
            st.rerun()


def _send(view: View, readership: Readership, week: Week) -> None:
    n = report_data.send(view, readership, week)
    if n:
        lead_dialogs.say(f"{formats.plural(n, 'message')} will be sent within a minute.")
    else:
        lead_dialogs.say("Nobody is to get this report; it is in the archive now.", is_done=False)


def _retry(view: View, report_id: int) -> None:
    n = report_data.retry(view, report_id)
    st.toast(f"{formats.plural(n, 'message')} will be tried again within a minute.", icon=":material/check:")


# --- who and when -----------------------------------------------------------------------------------------------------


def recipients_card(view: View, names: dict[Readership, str]) -> None:
    every = report_data.recipients(view)
    found = [one for one in every if not one.is_automatic]
    with st.container(border=True, height="stretch"):
        cards.title("Recipients", "Each gets the report of whom it names" if every else "Nobody gets a report yet")
        missing = installation.missing_mail_settings()
        if missing:
            told = " and ".join(f"`{one}`" for one in missing)
            st.markdown(f":orange[:material/warning:] {told} must be set (in `.env`) before mail is sent.")
        for one in found:
            _recipient(view, one, names)
        _own(view, [one for one in every if one.is_automatic], names)
        _add(view, names)


def _own(view: View, found: list[Recipient], names: dict[Readership, str]) -> None:
    """Those who are on the list because everybody gets the own report."""
    if not found:
        return
    gone = sum(one.unsubscribed_at is not None for one in found)
    ended = f", {formats.count(gone)} of them unsubscribed" if gone else ""
    with st.expander(f"{formats.plural(len(found), 'person is', 'people are')} on the list for their own{ended}",
                     type="compact", key="reports_own"):  # fmt: skip
        rows = [
            {
                "to": one.address, "whose": names.get(one.readership, "Somebody who is not there any more"),
                "ended": None if one.unsubscribed_at is None else one.unsubscribed_at.astimezone(view.zone),
            }
            for one in found
        ]  # fmt: skip
        tables.plain(pd.DataFrame(rows), OWN_COLUMNS, caption="People who get their own report")


def _recipient(view: View, one: Recipient, names: dict[Readership, str]) -> None:
    whose = names.get(one.readership, "Somebody who is not there any more")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"reportto_{one.recipient_id}"):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{lead_words.plain(one.address)}**")
            ended = one.unsubscribed_at
            told = f" · unsubscribed on {formats.day(ended.astimezone(view.zone).date())}" if ended else ""
            st.markdown(f":gray[:small[{CHANNELS[one.channel]} · {lead_words.plain(whose)}{told}]]")
        st.button("Remove", key=f"reportto_{one.recipient_id}_remove", type="tertiary",
                  help=lead_words.plain(f"Remove {one.address}"), on_click=report_data.remove_recipient,
                  args=(view, one.recipient_id))  # fmt: skip


def _add(view: View, names: dict[Readership, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        readership = st.selectbox("Report of", list(names), format_func=names.__getitem__, key="to_of", width=200)
        channel = st.segmented_control("By", list(CHANNELS), format_func=CHANNELS.__getitem__, default="email",
                                       required=True, key="to_channel")  # fmt: skip
        is_chat = channel == "chat"
        address = st.text_input("Name" if is_chat else "Address", key="to_address", width=220, max_chars=200,
                                placeholder="Sales channel" if is_chat else "ann@example.com")  # fmt: skip
        url = ""
        if is_chat:
            url = st.text_input("Webhook", key="to_url", type="password", width=260,
                                placeholder="https://hooks.slack.com/…")  # fmt: skip
        st.button("Add", key="to_add", icon=":material/add:", disabled=not address.strip() or (is_chat and not url),
                  on_click=_on_add, args=(view, readership, channel, address, url))  # fmt: skip
    if fault := st.session_state.pop(_FAULT, None):
        st.error(lead_words.plain(fault), icon=":material/error:")


def _on_add(view: View, readership: Readership, channel: str, address: str, url: str) -> None:
    """The fields are empty afterwards; what was refused stays in them, to be mended."""
    try:
        report_data.add_recipient(view, readership, "chat" if channel == "chat" else "email", address, url=url)
    except (WebhookRefused, ValueError) as error:
        st.session_state[_FAULT] = str(error)
        return
    for key in ("to_address", "to_url"):
        st.session_state[key] = ""


def schedule_card(view: View) -> None:
    found = report_data.schedule(view)
    with st.container(border=True, height="stretch"):
        when = report_data.next_slot(view, found)
        note = f"Next on {formats.clock(when)}, {view.time_zone}" if found.is_on else "Nothing is sent by itself"
        cards.title("Schedule", note)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            is_on = st.toggle("Every week", value=found.is_on, key="slot_on")
            weekday = st.selectbox("Day", list(range(7)), index=found.weekday, format_func=DAYS.__getitem__,
                                   key="slot_day", width=150)  # fmt: skip
            hour = st.selectbox("At", list(range(24)), index=found.hour, format_func=lambda one: f"{one:02d}:00",
                                key="slot_hour", width=110)  # fmt: skip
        to_everybody = st.toggle("Everybody gets their own", value=found.to_everybody, key="slot_everybody")
        st.markdown(f":gray[:small[{plain(report_words.everybody(report_data.everybody(view)))}]]")
        wanted = {"is_on": is_on, "weekday": weekday, "hour": hour, "to_everybody": to_everybody}
        is_same = all(getattr(found, name) == value for name, value in wanted.items())
        st.button("Save", key="slot_save", type="primary", disabled=is_same, on_click=report_data.set_schedule,
                  args=(view,), kwargs=wanted)  # fmt: skip
        st.markdown(":gray[:small[Of the last week that is over, once the day’s syncs are through, six hours later at "
                    "the latest. A time that was missed is made up for within three days.]]")  # fmt: skip


# --- the archive ------------------------------------------------------------------------------------------------------


def archive_card(view: View) -> None:
    found = report_data.archive(view)
    with st.container(border=True):
        if not found:
            cards.title("Archive", "Empty until a report was sent for the first time")
            return
        cards.title("Archive", formats.plural(len(found), "report"))
        rows = [
            {
                "week": Week(one.week).name, "days": formats.day_range(one.week, Week(one.week).last),
                "whose": one.whose, "made_at": one.made_at.astimezone(view.zone), "sent": one.sent,
                "pending": one.pending, "parked": one.parked,
            }
            for one in found
        ]  # fmt: skip
        tables.plain(pd.DataFrame(rows), ARCHIVE_COLUMNS, caption="Reports that were made")
        labels = {one.report_id: f"{Week(one.week).name} · {one.whose}" for one in found}
        by_id = {one.report_id: one for one in found}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            picked = st.selectbox("Look at one", list(labels), index=None, format_func=labels.__getitem__, width=360,
                                  placeholder="Choose a report", key="archive_pick")  # fmt: skip
            if picked is not None:
                one = by_id[picked]
                st.button("Show it", key="archive_show", on_click=report_choice.change,
                          kwargs={"readership": one.readership, "week": Week(one.week)})  # fmt: skip
                if view.may_change and one.parked:
                    st.button("Try parked ones again", key="archive_retry", on_click=_retry,
                              args=(view, picked))  # fmt: skip
        if picked is not None and view.may_change:
            _sent_to(view, picked)


def _sent_to(view: View, report_id: int) -> None:
    found = report_data.states(view, report_id)
    if not found:
        st.markdown(":gray[:small[It was sent to nobody.]]")
        return
    rows = [
        {
            "to": one.to, "state": STATES[one.state], "at": (one.sent_at or one.created_at).astimezone(view.zone),
            "attempts": one.attempts, "detail": one.detail,
        }
        for one in found
    ]  # fmt: skip
    tables.plain(pd.DataFrame(rows), SENT_COLUMNS, caption="To whom it went")


def page() -> None:
    view = shell.begin("Reports", is_analysis=False, about=lambda _: "A week at a time, with the numbers of the pages")
    lead_dialogs.told()
    if not view.data_version:
        states.empty("No report yet", "Reports are made from synced or imported data; there are none.", key="reports")
        return
    with states.guarded("The reports could not be read", key="reports"):
        names = report_data.readable(view)
        if not names:
            states.empty("No report of yours", "You are no salesperson of this organization.", key="reports_none")
            return
        # What is in the archive can be shown, however long ago it was.
        kept = {Week(one.week) for one in report_data.archive(view)}
        weeks = sorted({*report_data.weeks(view), *kept}, key=lambda one: one.first, reverse=True)
        readership, week = choose(view, names, weeks)
        if view.may_change:
            left, right = st.columns([1.6, 1], gap="small")
            with left:
                recipients_card(view, names)
            with right:
                schedule_card(view)
        preview(view, names[readership], readership, week)
        archive_card(view)


page()
