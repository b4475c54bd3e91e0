"""Anomalies: whose week was out of the ordinary, what was to be expected, and whether the alarms keep their budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pandas as pd
import streamlit as st

from insights.anomalies import chart
from snapshots.leave import NewAbsence
from workbench import (
    alarm_budget,
    anomaly_choice,
    anomaly_data,
    cards,
    export,
    figures,
    formats,
    grid,
    leave_data,
    leave_sheet,
    places,
    rows,
    shell,
    states,
    tables,
    tokens,
)
from workbench.anomaly_choice import NAMES
from workbench.anomaly_data import ALARM_COLUMNS, VERDICTS, WEEK_COLUMNS, Anomalies
from workbench.cards import Kpi
from workbench.lead_words import plain
from workbench.view import View

EPOCH = "anomalies_epoch"  # names the grid: a new one has nothing selected
SERIES_WORD = {"activities": "salesperson", "leads": "source", "conversion": "form"}
_EXPECTED_BY = {
    "activities": "the weeks before and the team’s week",
    "leads": "the weeks before and the other sources’ week",
    "conversion": "the weeks before and the visits of that week",
}
NO_COUNTS = {
    "activities": "It takes whole weeks with activities of salespeople.",
    "leads": "It takes whole weeks with new leads in the CRM, and a source with one a week.",
    "conversion": "It takes whole weeks with visits of forms, and a form with one submission a week.",
}
UNTOUCHED = {  # by measure: filters that narrow nothing, and why
    "activities": (("source",), "an activity comes from no lead source."),
    "leads": (("team", "owner"), "new leads are held against each source’s own weeks, whoever has them."),
    "conversion": (("team", "owner", "source"), "submissions are held against each form’s own weeks."),
}
KNOWN_THEN = (
    "“As known then” changes nothing here: alarms stand as they were raised, and weeks count by the day on which "
    "things happened."
)
PAST = "Alarms that had been raised by then, with what is said of them now; weeks by the day on which things happened."
LISTED = {
    "": "The newest first.",
    "year": "Of the last 52 weeks, the newest first.",
    "said": "Of the last 52 weeks, those of which somebody said what they were, the newest first.",
}
SHOWN_BY = {"alarms": "", "rate": "year", "said": "said"}  # by card: which alarms its number is of
COUNTED = {"activities": "Activities", "leads": "New leads", "conversion": "Submissions"}


# --- top -------------------------------------------------------------------------------------------------------------


def measures(view: View) -> anomaly_choice.AnomalyChoice:
    choice = anomaly_choice.adopt(sees_everything=view.sees_everything)
    if view.sees_everything:
        st.session_state["anomaly_measure"] = choice.measure
        st.segmented_control("Of", list(NAMES), format_func=NAMES.__getitem__, key="anomaly_measure", required=True,
                             label_visibility="collapsed", on_change=_on_measure)  # fmt: skip
    return choice


def untouched(view: View, measure: str) -> str:
    names, why = UNTOUCHED[measure]
    said = view.filters.unused(*names)
    parts = [said + why] if said else []
    return " ".join([*parts, KNOWN_THEN] if view.filters.knows_then else parts)


def _on_measure() -> None:
    measure = st.session_state["anomaly_measure"] or "activities"
    anomaly_choice.change(measure=measure, series=None, alarm=None, shown="")


def show(card: str) -> None:
    """Lists the alarms behind a card's number."""
    anomaly_choice.change(shown=SHOWN_BY[card], series=None, alarm=None)


def kpis(loaded: Anomalies) -> list[Kpi]:
    record, run = loaded.record, loaded.run
    card = run.card if run is not None else {}
    word = SERIES_WORD[loaded.choice.measure]
    budget, held = _rate(card.get("budget")), card.get("held_out_per_series_quarter")
    late = f"{formats.count(record.replayed)} of {formats.count(record.raised)} were found afterwards."
    return [
        Kpi(key="alarms", label="Alarms", value=formats.count(len(loaded.alarms)), note="in these days",
            rows=_n(len(loaded.alarms)),
            definition="Weeks, or runs of weeks, in which a count was so unlikely that it is told. They stand as they "
                       "were raised, whatever is learnt later."),
        Kpi(key="rate", label="Rate a quarter", value=_rate(record.rate), note="last 52 weeks", rows=_n(record.raised),
            definition=f"Alarms per {word} and quarter of 13 weeks, in the last 52 weeks, every alarm counted. "
                       f"Thresholds are set so that it comes to {budget}{_less(card, word)}.",
            why=late if record.replayed else ""),
        Kpi(key="held", label="Held-out rate", value=_rate(held), note=f"budget {budget}",
            definition="The same rate of some series at thresholds from the others, in turn: what to expect of weeks "
                       "to come. All of them are counted as false, so that the rate of false ones is lower.",
            why="" if held is not None else "It takes four series."),
        Kpi(key="said", label="Something happened", value=formats.count(record.said.get("real", 0)),
            note=f"of {record.n_said} judged", rows=_n(record.n_said, "judged alarm"),
            definition="Alarms of the last 52 weeks of which people said that something had happened. The others were "
                       "leave, somebody who had left, or nothing.", why=_others(record.said)),
    ]  # fmt: skip


def _n(n: int, what: str = "alarm") -> str | None:
    return formats.plural(n, what) if n else None


def _less(card: Mapping[str, Any], word: str) -> str:
    """Of few series: that thresholds are set for less, so that weeks to come keep the budget."""
    aimed = card.get("aimed_at")
    return f", and for few {word}s to {_rate(aimed)}" if aimed is not None and aimed < card["budget"] else ""


def _others(said: Any) -> str:
    parts = [f"{VERDICTS[key].lower()} {formats.count(said[key])}"
             for key in ("leave", "left", "false") if said.get(key)]  # fmt: skip
    return ", ".join(parts).capitalize()


def _rate(value: object) -> str:
    return formats.MISSING if formats.is_missing(value) else f"{float(cast('float', value)):.2f}"


# --- the list --------------------------------------------------------------------------------------------------------


def alarm_list(loaded: Anomalies) -> None:
    view, listed = loaded.view, loaded.listed
    note = f"{LISTED[loaded.choice.shown]} An alarm says that a week was unlikely, not why."
    with cards.titled("Which weeks were out of the ordinary?", note):
        if loaded.choice.shown:
            st.button("Alarms of these days", type="tertiary", icon=":material/close:", key="anomaly_these_days",
                      on_click=show, args=("alarms",))  # fmt: skip
        export.menu(lambda: listed, ALARM_COLUMNS, name=f"anomalies-{view.as_of.isoformat()}", key="anomalies")
    if listed.empty:
        _no_alarm(loaded)
        return
    palette = tokens.palette()
    shown = grid.rows_for(listed, ALARM_COLUMNS)
    shown["alarm_id"] = listed["alarm_id"].tolist()
    drops = (listed["direction"] == "drop").tolist()
    shown["what__mark"] = ["▼" if drop else "▲" for drop in drops]
    shown["what__color"] = [palette.lost if drop else palette.risk for drop in drops]
    epoch = st.session_state.get(EPOCH, 0)
    answer = grid.draw(shown, _definitions(shown), key=f"anomalies_{epoch}", opens=True, max_height=380)
    if answer.selected is not None:
        st.session_state[EPOCH] = epoch + 1
        pick(int(answer.selected["alarm_id"]))
        st.rerun()


def _no_alarm(loaded: Anomalies) -> None:
    if loaded.choice.shown == "said":
        st.markdown(":gray[Nobody said of an alarm of the last 52 weeks what it was.]")
        return
    when = "in the last 52 weeks" if loaded.choice.shown else f"in {plain(loaded.view.days)}"
    why = f"No {SERIES_WORD[loaded.choice.measure]}’s weeks were so far from what was to be expected."
    st.markdown(f":gray[No alarm {when}. {why}]")


def _definitions(shown: pd.DataFrame) -> list[dict[str, Any]]:
    made = []
    for column in ALARM_COLUMNS:
        definition = grid.column_definition(column, **grid.room_for(shown, column))
        if column.field == "name":
            definition |= {"pinned": "left", "flex": None, "width": 190, "minWidth": 120}
        elif column.field == "what":
            definition |= {"cellRenderer": grid.mark_renderer(tokens.palette()), "minWidth": 150}
        elif column.field == "why":
            definition |= {"minWidth": 420}
        made.append(definition)
    return made


def pick(alarm_id: int) -> None:
    anomaly_choice.change(alarm=alarm_id, series=None)


# --- one series ------------------------------------------------------------------------------------------------------


def series_card(loaded: Anomalies) -> None:
    """The weeks of one series beside what was to be expected."""
    word = SERIES_WORD[loaded.choice.measure]
    note = f"Band: four ordinary weeks of five. Dashed: expected, by {_EXPECTED_BY[loaded.choice.measure]}"
    with cards.titled("Week by week", note):
        _pick_series(loaded, word)
        as_table = st.toggle("Table", key="anomaly_table")
        export.menu(lambda: loaded.weeks, WEEK_COLUMNS, name=f"weeks-{loaded.names.get(loaded.series or '', '')}",
                    key="anomaly_weeks")  # fmt: skip
    if loaded.weeks.empty:
        st.markdown(f":gray[There is no {word} with counted weeks here.]")
    elif as_table:
        with st.container(height=278, border=False):
            tables.plain(loaded.weeks.iloc[::-1], WEEK_COLUMNS, caption="Weeks")
    else:
        _chart(loaded)


def _pick_series(loaded: Anomalies, word: str) -> None:
    if not loaded.names:
        return
    st.session_state["anomaly_series"] = loaded.series
    st.selectbox(word.capitalize(), list(loaded.names), format_func=loaded.names.__getitem__, key="anomaly_series",
                 width=220, label_visibility="collapsed", on_change=_on_series)  # fmt: skip


def _on_series() -> None:
    anomaly_choice.change(series=st.session_state["anomaly_series"], alarm=None)


def _chart(loaded: Anomalies) -> None:
    found = loaded.of_series
    picked = loaded.picked
    is_here = picked is not None and picked["subject_key"] == loaded.series
    day = pd.Timestamp(picked["day"]) if picked is not None and is_here else None
    name = loaded.names.get(loaded.series or "", "")
    known = loaded.weeks["value"].dropna()
    said = f"{name}: {len(known)} weeks, {formats.plural(len(found), 'alarm')}. The table view lists all weeks."
    st.altair_chart(
        chart.series(loaded.weeks, found[["day", "value", "direction", "what"]], tokens.palette(),
                     measure=figures.measure(COUNTED[loaded.choice.measure], None), picked=day),
        key="anomaly_chart", theme=None, alt=said,
    )  # fmt: skip


# --- one alarm -------------------------------------------------------------------------------------------------------


def alarm_card(loaded: Anomalies) -> None:
    alarm = loaded.picked
    if alarm is None:
        return
    first, last = alarm["since"], alarm["day"] + pd.Timedelta(days=6)
    when = formats.day_range(first.date(), last.date())
    with cards.titled(f"{alarm['name']}: {alarm['what'].lower()}", when):
        if loaded.choice.measure == "activities":
            st.page_link(places.SALESPERSON, label="Open", icon=":material/person:",
                         query_params=places.link(loaded.view.filters, person=str(alarm["owner_id"])))  # fmt: skip
    st.markdown(plain(alarm["why"]))
    _raised(alarm)
    _verdict(loaded, alarm)
    _rows(loaded)


def _raised(alarm: pd.Series) -> None:
    how = (
        "Found afterwards, as the history was gone through for the first time: nobody was told at the time."
        if alarm["is_replayed"]
        else f"Raised on {formats.day(alarm['made_on'])}."
    )
    st.markdown(f":gray[:small[{plain(how)}]]")


def _verdict(loaded: Anomalies, alarm: pd.Series) -> None:
    """What it was, by whoever knows."""
    held = None if formats.is_missing(alarm["verdict"]) else str(alarm["verdict"])
    is_person = loaded.choice.measure == "activities"
    told = [one for one in VERDICTS if is_person or one not in anomaly_data.OF_PEOPLE]
    with st.container(gap="xsmall", key="anomaly_verdict"):
        key = f"anomaly_said_{alarm['alarm_id']}"
        st.session_state[key] = held
        # Pills, for they stand in several lines where it is narrow.
        st.pills("What was it?", told, format_func=VERDICTS.__getitem__, key=key, on_change=_on_verdict,
                 args=(loaded.view, int(alarm["alarm_id"]), key))  # fmt: skip
        if held:
            st.markdown(f":gray[:small[{plain(str(alarm['said_by']))}, {formats.clock(_local(loaded, alarm))}]]")
        if held == "leave" and loaded.view.may_change:
            _leave(loaded.view, alarm)


def _leave(view: View, alarm: pd.Series) -> None:
    """What was only said of the alarm is entered with a click: the weeks are then judged by the days worked."""
    owner_id = int(alarm["owner_id"])
    first, last = alarm["since"].date(), (alarm["day"] + pd.Timedelta(days=6)).date()
    if leave_data.is_away(view, owner_id, first, last):
        return
    wanted = NewAbsence(owner_id=owner_id, first_day=first, last_day=last, reason="Said of an alarm")
    st.button(
        f"Enter leave, {formats.day_range(first, last)}", icon=":material/event_busy:", key="anomaly_leave",
        on_click=_enter, args=(view, wanted),
        help="The alarm alone changes nothing of what is expected of these weeks; leave does. Other days can be "
        "entered below.",
    )  # fmt: skip


def _enter(view: View, wanted: NewAbsence) -> None:
    leave_data.add(view, [wanted])


def _local(loaded: Anomalies, alarm: pd.Series) -> Any:
    return pd.Timestamp(alarm["said_at"]).tz_convert(loaded.view.zone)


def _on_verdict(view: View, alarm_id: int, key: str) -> None:
    anomaly_data.say(view, alarm_id, st.session_state[key])


def _rows(loaded: Anomalies) -> None:
    with states.guarded("The rows could not be read", key="anomaly_rows"):
        assert loaded.picked is not None
        pager = rows.Pager((loaded.view.filters, loaded.choice), f"anomaly_{loaded.picked['alarm_id']}")
        page = anomaly_data.rows_behind(loaded, after=pager.after)
        if page is None:
            st.page_link(places.LEAD_ANALYTICS, label="Visits and what came of them", icon=":material/query_stats:",
                         query_params=_of_form(loaded, loaded.picked))  # fmt: skip
            return
        if page.frame.empty:
            st.markdown(":gray[There are no rows in these days.]")
            return
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":gray[:small[{plain(page.note)}, the newest first.]]", width="stretch")
            export.menu(lambda: anomaly_data.all_rows(loaded), page.columns, key="anomaly_rows",
                        name=f"alarm-{loaded.picked['alarm_id']}-rows",
                        note=f"All rows of these weeks, up to {formats.count(rows.EXPORT_LIMIT)}.")  # fmt: skip
        rows.draw_grid(page, key=f"anomaly_rows_{loaded.picked['alarm_id']}_{pager.number}", max_height=300)
        pager.draw(page, key="anomaly_rows")


def _of_form(loaded: Anomalies, alarm: pd.Series) -> dict[str, list[str]]:
    """The form in the alarm's weeks, whoever has its leads."""
    last = alarm["day"] + pd.Timedelta(days=6)
    weeks = {"range": "custom", "from": f"{alarm['since']:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"}
    plain_filters = replace(loaded.view.filters, team_ids=(), owner_ids=(), sources=())
    return places.link(plain_filters, form=str(alarm["subject_key"]), **weeks)


# --- nothing ---------------------------------------------------------------------------------------------------------


def nothing_yet(loaded: Anomalies) -> None:
    view = loaded.view
    if view.looks_back:
        states.empty("No week had been looked at by then", "Alarms are kept from the first look on.", key="anomalies",
                     icon="history")  # fmt: skip
        return
    is_asked = anomaly_data.is_asked(view)
    reason = (
        "The worker looks at the weeks now; this takes some seconds. It runs where `make run` or `slms worker` does."
        if is_asked
        else "Weeks are looked at once a week, after the first sync of the week."
    )

    def act() -> None:
        if is_asked:
            st.button("Look again", icon=":material/refresh:", key="anomalies_again")
        elif view.may_change:
            st.button("Look now", type="primary", icon=":material/search:", key="anomalies_now",
                      on_click=anomaly_data.look_now, args=(view,))  # fmt: skip

    states.empty("No week was looked at yet", reason, key="anomalies", icon="troubleshoot", actions=act)


def why_nothing(loaded: Anomalies) -> bool:
    """Says why the newest look had nothing to say."""
    why = loaded.run.card.get("why") if loaded.run is not None else None
    if why:
        said = f"{NO_COUNTS[loaded.choice.measure]} {why}"
        states.empty("Nothing can be said yet", said, key="anomalies_why", icon="hourglass_empty")
    return bool(why)


def page() -> None:
    chosen: list[anomaly_choice.AnomalyChoice] = []
    view = shell.begin(
        "Anomalies",
        about=lambda view: f"Whole weeks, {view.days}",
        chips=lambda view: chosen.append(measures(view)),
        past=PAST,
        untouched=lambda view: untouched(view, chosen[0].measure),
    )
    with states.guarded("The weeks could not be read", key="anomalies"):
        with states.loading(90, 420, 320):
            loaded = anomaly_data.load(view, chosen[0])
        if loaded.run is None:
            nothing_yet(loaded)
        elif not why_nothing(loaded):
            cards.kpi_band(kpis(loaded), open_rows=show)
            with st.container(border=True, key="anomaly_list"):
                alarm_list(loaded)
            with st.container(border=True, key="anomaly_series_card"):
                series_card(loaded)
            if loaded.picked is not None:
                with st.container(border=True, key="anomaly_alarm"):
                    alarm_card(loaded)
    if view.choices.owners and chosen[0].measure == "activities":
        with states.guarded("Leave could not be read", key="leave"), st.container(border=True, key="leave_card"):
            leave_sheet.draw(view)
    if view.may_change:
        with states.guarded("The budget could not be read", key="budget"), st.container(border=True, key="budget_card"):
            alarm_budget.draw(view)


page()
