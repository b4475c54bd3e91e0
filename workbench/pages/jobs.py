"""Jobs: what runs by itself, when, what became of it; running it now, and doing a failed or missed slot again."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal

import pandas as pd
import streamlit as st

from ops.job_list import Job, Standing, State
from snapshots.job_runs import JobRun
from workbench import (
    cards,
    data,
    export,
    formats,
    job_choice,
    job_dialogs,
    jobs_data,
    lead_dialogs,
    places,
    shell,
    states,
    syncs,
    tables,
)
from workbench.cards import Kpi
from workbench.jobs_data import History, history_columns
from workbench.lead_words import plain
from workbench.view import View

BADGES: Final[dict[State, tuple[str, Literal["green", "blue", "orange", "red", "gray"], str]]] = {
    State.FINE: ("check_circle", "gray", "Fine"),
    State.RUNNING: ("progress_activity", "blue", "Running"),
    State.WAITING: ("hourglass_top", "blue", "Waiting for a worker"),
    State.LATE: ("schedule", "orange", "Late"),
    State.FAILED: ("error", "red", "Failed"),
    State.NEVER: ("radio_button_unchecked", "gray", "Never ran"),
    State.OFF: ("toggle_off", "gray", "Off"),
}
WORST_FIRST: Final = (
    State.FAILED, State.LATE, State.RUNNING, State.WAITING, State.NEVER, State.OFF, State.FINE
)  # fmt: skip
TONES: Final = {"failed": "bad", "interrupted": "risk", "missed": "risk"}
SLOTS_DONE: Final = (
    "Slots of the last 90 days, from the first run on, that were done, of all that began. A slot is the day that a job "
    "is done for, in the organization’s time zone; one that was made up for by a later one counts as not done."
)
FAILED: Final = "Attempts of the last 90 days that ended with an error; a slot may have several."
USUAL: Final = "Median duration of the runs of the last 90 days that were done."


# --- top --------------------------------------------------------------------------------------------------------------


def outage() -> None:
    """Says so where nothing can begin, and what to do."""
    found = jobs_data.worker()
    if not found.is_alive:
        st.error(
            f"**{jobs_data.silence(found)}. Until one runs, nothing here begins, and no lead or report is delivered.** "
            "Start it with `make run`, or with `.venv/bin/slms worker` where not everything runs together; what was "
            "missed is made up for.", icon=":material/cloud_off:",
        )  # fmt: skip


def summary(found: list[Standing]) -> str:
    """How many jobs stand how, what needs an eye first."""
    n = Counter(one.state for one in found)
    told = [f"{n[state]} {BADGES[state][2].lower()}" for state in WORST_FIRST if n[state]]
    return f"{formats.plural(len(found), 'job')}: {', '.join(told)}"


def undelivered(view: View) -> None:
    if n := jobs_data.n_parked_messages(view):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":orange[:material/warning:] {formats.plural(n, 'message')} with reports could not be "
                        "delivered.", width="content")  # fmt: skip
            st.page_link(places.REPORTS, label="Open the archive on Reports", icon=":material/summarize:",
                         query_params=places.link(view.filters))  # fmt: skip


# --- a job ------------------------------------------------------------------------------------------------------------


def row(view: View, one: Standing, *, is_alone: bool = False) -> None:
    """What a job does, how it stands, its last and next run, and its buttons."""
    key = f"job_{one.job.key}"
    with st.container(key=f"{'jobalone' if is_alone else 'jobrow'}_{one.job.key}", gap="xsmall"):
        what, when, buttons = st.columns([2.1, 2.1, 1.3], gap="small", vertical_alignment="center")
        with what, st.container(gap=None):
            icon, color, word = BADGES[one.state]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(one.job.title)}**", width="content")
                st.badge(word, icon=f":material/{icon}:", color=color)
            st.markdown(f":gray[:small[{plain(one.job.does)}]]")
        with when, st.container(gap=None):
            st.markdown(last_words(view, one))
            st.markdown(f":gray[:small[{plain(next_words(view, one.job))}]]")
            if one.why and one.state not in {State.LATE, State.FAILED}:
                st.markdown(f":gray[:small[:material/info: {plain(one.why)}]]")
        with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            run_button(one, key)
            if not is_alone:
                st.button("History", key=f"{key}_history", icon=":material/history:", type="tertiary",
                          help=plain(f"The runs of {one.job.title}"), on_click=job_choice.change,
                          kwargs={"job": one.job.key, "outcomes": ()})  # fmt: skip
        trouble(one)
        if one.state is State.RUNNING:
            progress(view, one)


def run_button(one: Standing, key: str) -> None:
    why = "It runs or waits already" if one.is_busy else "It is switched on on the page Reports"
    is_closed = one.is_busy or one.job.slot is None
    st.button("Run now", key=f"{key}_run", icon=":material/play_arrow:", disabled=is_closed,
              help=plain(why if is_closed else f"Run {one.job.title} now"), on_click=lead_dialogs.ask,
              args=(job_dialogs.RUN, (one.job.key, one.job.slot)))  # fmt: skip


def last_words(view: View, one: Standing) -> str:
    """When it ran last, how long, and what came of it, in Markdown."""
    run = one.last
    if run is None:
        return ":gray[Has not run yet]"
    told = [formats.clock(run.started_at.astimezone(view.zone))]
    if run.ended_at is not None:
        told.append(formats.duration((run.ended_at - run.started_at).total_seconds()))
    if run.n_rows is not None:
        told.append(formats.plural(run.n_rows, *one.job.counts))
    said = run.said if run.outcome == "done" and run.said else ""
    return f"{plain(' · '.join(told))}" + (f"  \n:small[{plain(said)}]" if said else "")


def next_words(view: View, job: Job) -> str:
    following = f" · next {formats.clock(job.next_at.astimezone(view.zone))}" if job.next_at is not None else ""
    return f"{job.schedule}{following}"


def trouble(one: Standing) -> None:
    """What went wrong last, and what to do about it. The words of others are text."""
    run: JobRun | None = one.last
    if one.state is State.FAILED and run is not None:
        identifier = f" `{run.error_id}`" if run.error_id else ""
        st.markdown(f":red[:material/error: {plain(run.error or 'It failed.')}]{identifier}  \n"
                    f":gray[:small[{plain(jobs_data.remedy(one))}]]")  # fmt: skip
    elif one.state is State.LATE and one.why:
        st.markdown(f":small[:orange[:material/schedule:] :gray[{plain(one.why)}]]")


def progress(view: View, one: Standing) -> None:
    """How far a run is: of a sync by its kinds of objects, else by what it usually takes."""
    if one.job.connection_id is not None:
        connection = next(
            c.connection for c in syncs.sources(view) if c.connection.connection_id == one.job.connection_id
        )
        st.progress(syncs.share(connection), text=plain(syncs.words(connection)))
        return
    assert one.last is not None
    elapsed = (view.now - one.last.started_at).total_seconds()
    usual = jobs_data.history(view, one.job).usual_s
    words = f"Running for {formats.duration(elapsed)}" + (f", usually {formats.duration(usual)}" if usual else "")
    st.progress(min(0.95, elapsed / usual) if usual else 0.05, text=words)


def jobs_card(view: View, found: list[Standing]) -> None:
    with st.container(border=True):
        cards.title("What runs by itself", f"Times are of {view.time_zone}")
        for one in found:
            row(view, one)


@st.fragment(run_every="2s")
def live(view: View, chosen: str | None) -> None:
    """Looks again while something runs; when it is over, the whole page follows."""
    with states.guarded("The jobs could not be read", key="jobs_live"):
        now = data.at_now(view)
        found = jobs_data.standings(now)
        shown = [one for one in found if chosen is None or one.job.key == chosen]
        draw(now, shown, is_alone=chosen is not None)
        if not any(one.is_busy for one in shown):
            st.rerun()


def draw(view: View, shown: list[Standing], *, is_alone: bool) -> None:
    if is_alone:
        with st.container(border=True):
            row(view, shown[0], is_alone=True)
    else:
        jobs_card(view, shown)


# --- its history ------------------------------------------------------------------------------------------------------


def back() -> None:
    st.button("All jobs", icon=":material/arrow_back:", type="tertiary", key="jobs_back", on_click=job_choice.change,
              kwargs={"job": None, "outcomes": ()})  # fmt: skip


def history_card(view: View, job: Job, chosen: tuple[str, ...]) -> None:
    found = jobs_data.history(view, job)
    cards.kpi_band(kpis(found), open_rows=lambda _: None)
    with st.container(border=True):
        shown = found.rows[found.rows["key"].isin(chosen)] if chosen else found.rows
        with cards.titled("Runs", "The last 90 days, the newest slot first"):
            if len(shown):
                export.menu(lambda: shown, history_columns(job), name=f"runs-{job.key}", key="job_runs")
        st.pills("Outcome", list(job_choice.OUTCOMES), format_func=job_choice.OUTCOMES.__getitem__,
                 selection_mode="multi", default=list(chosen), key=f"job_outcome_{job.key}",
                 label_visibility="collapsed", on_change=_on_outcomes, args=(f"job_outcome_{job.key}",))  # fmt: skip
        if not len(shown):
            reason = "None of its runs came to this." if len(found.rows) else "It has not run in the last 90 days."
            states.empty("No run here", reason, key="job_runs", icon="history")
            return
        open_slots(found, job)
        shown = shown.reset_index(drop=True)
        tones = pd.DataFrame({"outcome": [TONES.get(key, "") for key in shown["key"]]})
        tables.plain(shown, history_columns(job), caption=f"Runs of {job.title}", tones=tones)


def _on_outcomes(key: str) -> None:
    job_choice.change(outcomes=tuple(st.session_state[key] or ()))


def kpis(found: History) -> list[Kpi]:
    done = f"{found.n_done} of {found.n_slots}" if found.n_slots else formats.MISSING
    failed = formats.count(found.n_failed) if found.n_slots else formats.MISSING
    usual = formats.duration(found.usual_s) if found.usual_s is not None else formats.MISSING
    return [
        Kpi(key="job_done", label="Slots done", value=done, definition=SLOTS_DONE, note="90 days"),
        Kpi(key="job_failed", label="Failed attempts", value=failed, definition=FAILED, note="90 days"),
        Kpi(key="job_usual", label="Usual duration", value=usual, definition=USUAL, note="median"),
    ]


def open_slots(found: History, job: Job) -> None:
    """Slots that failed or were missed and that nothing made up for, each to be done now."""
    if not found.open_slots:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        slot = st.selectbox("Still to be done", list(found.open_slots), format_func=formats.day, key="job_open_slot",
                            width=220)  # fmt: skip
        st.button("Replay", icon=":material/replay:", key="job_replay", on_click=lead_dialogs.ask,
                  args=(job_dialogs.RUN, (job.key, slot)))  # fmt: skip


# --- page -------------------------------------------------------------------------------------------------------------


def page() -> None:
    view = shell.begin("Jobs", is_analysis=False, about=lambda _: "What runs by itself, when, and what became of it")
    if not view.may_change:
        states.empty("Jobs are for administrators and sales ops",
                     "They start jobs and see what went wrong. How old the data are, each page says by itself.",
                     key="jobs_closed", icon="lock")  # fmt: skip
        return
    lead_dialogs.told()
    with states.guarded("The jobs could not be read", key="jobs"):
        outage()
        found = jobs_data.standings(view)
        choice = job_choice.adopt({one.job.key for one in found})
        shown = [one for one in found if choice.job is None or one.job.key == choice.job]
        if choice.job is None:
            st.markdown(f":gray[{plain(summary(found))}]")
            undelivered(view)
        else:
            back()
        if any(one.is_busy for one in shown):
            live(view, choice.job)
        else:
            draw(view, shown, is_alone=choice.job is not None)
        if choice.job is not None:
            history_card(view, shown[0].job, choice.outcomes)
        job_dialogs.draw(view, found)


page()
