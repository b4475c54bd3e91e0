"""Model lab: which model scores leads and deals, how it was proven, what it looks at, and whether it keeps its word."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from snapshots.model_versions import ModelVersion
from snapshots.scoring_runs import ScoringRun
from workbench import (
    cards,
    data,
    formats,
    lead_dialogs,
    lead_words,
    model_cards,
    model_lab_data,
    model_trial,
    score_words,
    shell,
    states,
)
from workbench.model_lab_data import Lab, Subject
from workbench.url_choice import an_id
from workbench.view import View

STATE_ICONS: dict[str, tuple[str, Literal["green", "orange", "gray"]]] = {
    "active": ("check_circle", "green"), "candidate": ("pending", "orange"), "retired": ("history", "gray"),
    "refused": ("block", "gray"),
}  # fmt: skip


# --- top -------------------------------------------------------------------------------------------------------------


def subject_of() -> Subject:
    """Leads or deals; in the URL as `subject=deal`."""
    if "lab_subject" not in st.session_state:
        st.session_state["lab_subject"] = "deal" if st.query_params.get("subject") == "deal" else "lead"
    st.segmented_control("Of", list(score_words.SUBJECTS), format_func=score_words.SUBJECTS.__getitem__, required=True,
                         label_visibility="collapsed", key="lab_subject", on_change=_on_subject)  # fmt: skip
    return "deal" if st.session_state["lab_subject"] == "deal" else "lead"


def _on_subject() -> None:
    st.query_params["subject"] = st.session_state["lab_subject"] or "lead"
    st.query_params.pop("version", None)


def asked_version() -> int | None:
    return an_id(st.query_params.get("version", ""))


def head() -> tuple[Subject, DeltaGenerator]:
    """The title, and beside it the choice of the subject and the place for what can be done."""
    with st.container(key="lab_head", horizontal=True, vertical_alignment="center", gap="small"):
        cards.page_title("Model lab", "Which score is shown, and what proves it")
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            return subject_of(), st.container(horizontal=True, width="content", gap="xsmall")


def buttons(view: View, lab: Lab) -> None:
    if not view.may_change:
        return
    is_busy = lab.is_running or model_lab_data.is_asked(lab.subject, lab.run)
    st.button("Train now", icon=":material/model_training:", key="lab_train", disabled=is_busy,
              type="secondary" if lab.used else "primary", on_click=model_lab_data.train, args=(view, lab.subject),
              help="Learns from everything that is known now, in the worker. It is used at once where it is better on "
              "the newest records than the one in use.")  # fmt: skip


def badges(lab: Lab, version: ModelVersion, view: View) -> None:
    icon, color = STATE_ICONS[version.state]
    card, noun = version.card, lab.subject
    trained = formats.day(version.trained_at.astimezone(view.zone))
    told = [f"Trained {trained} by {lead_words.plain(version.trained_by)}",
            f"{formats.plural(int(card['n']), 'look')} at {formats.plural(int(card['n_entities']), noun)}",
            f"{formats.count(int(card['n_positive']))} {score_words.CONVERTED[noun]}"]  # fmt: skip
    if card.get("base_rate") is not None:
        told.append(f"base rate {formats.rate(card['base_rate'])}")
    told.append(f"horizon {formats.plural(int(card['horizon_days']), 'day')}")
    with st.container(key="lab_badges", horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(f"Version {version.version} · {score_words.STATES[version.state].lower()}",
                 icon=f":material/{icon}:", color=color)  # fmt: skip
        st.markdown(f":gray[:small[{' · '.join(told)} · {model_cards.period(version, view)}]]", width="stretch")
        model_cards.definitions()


def versions_choice(lab: Lab, version: ModelVersion, view: View) -> None:
    """Whose report card is looked at, and the button that uses it."""
    if len(lab.versions) > 1:
        names = {
            one.version: f"Version {one.version} · {score_words.STATES[one.state].lower()}" for one in lab.versions
        }
        st.session_state["lab_version"] = version.version
        st.selectbox("Version", list(names), format_func=names.__getitem__, key="lab_version", width=230,
                     label_visibility="collapsed", on_change=_on_version)  # fmt: skip
    if view.may_change and not version.is_active and version.has_model:
        st.button("Use this version", icon=":material/published_with_changes:", key="lab_use",
                  on_click=lead_dialogs.ask, args=("use_model", version.version))  # fmt: skip


def _on_version() -> None:
    st.query_params["version"] = str(st.session_state["lab_version"])


# --- runs ------------------------------------------------------------------------------------------------------------


@st.fragment(run_every="2s")
def live(view: View, lab: Lab) -> None:
    """A training or scoring under way; when it is over, the whole page follows."""
    with states.guarded("The run could not be read", key="lab_run"):
        now = data.at_now(view)
        run = model_lab_data.newest_run(now, lab.subject)
        if model_lab_data.is_running(run, now.now):
            assert run is not None
            _progress(now, lab, run)
        elif model_lab_data.is_asked(lab.subject, run):
            st.progress(0.0, text="Waiting for the worker to begin. It is started by `make run`.")
        else:
            st.rerun()


def _progress(view: View, lab: Lab, run: ScoringRun) -> None:
    what = "Training" if run.kind == "train" else "Scoring"
    elapsed = (view.now - run.started_at).total_seconds()
    usual = lab.versions[0].card.get("seconds") if lab.versions and run.kind == "train" else None
    about = f" · the last one took {formats.duration(usual)}" if usual else ""
    said = lead_words.plain(run.message or "Starting")
    share = min(0.95, elapsed / (float(usual) * 1.5 + 10)) if usual else 0.02
    st.progress(share, text=f"{what}: {said} · {formats.duration(elapsed)}{about}")
    if view.may_change:
        st.button("Stopping …" if run.stop_asked else "Stop", type="tertiary", icon=":material/stop_circle:",
                  key=f"lab_stop_{run.run_id}", disabled=run.stop_asked, on_click=model_lab_data.stop,
                  args=(view, run))  # fmt: skip


def last_run(view: View, lab: Lab) -> None:
    """How the last one ended, where it did not end well."""
    run = lab.run
    if run is None or run.state == "done":
        return
    words = {"failed": "failed", "stopped": "was stopped", "running": "was killed"}[run.state]
    icon, color = ("error", "red") if run.state != "stopped" else ("pause_circle", "orange")
    what = "training" if run.kind == "train" else "scoring"
    when = formats.age(run.finished_at or run.heartbeat_at, now=view.now)
    said = f" {lead_words.plain(run.message)}" if run.message else ""
    st.markdown(f":{color}[:material/{icon}:] The last {what} {words}, {when}.{said} :gray[What was there before stays "
                "in use.]")  # fmt: skip


# --- what is shown ---------------------------------------------------------------------------------------------------


def untrained(view: View, lab: Lab) -> None:
    nouns = score_words.SUBJECTS[lab.subject].lower()
    then = "Train now, or wait for the night: models are trained after the day’s syncs."
    states.empty(f"No model of {nouns} yet", then if view.may_change else
                 "Models are trained every night, after the day’s syncs.", key="lab", icon="science")  # fmt: skip


def gate(lab: Lab, version: ModelVersion) -> None:
    """Whether a score is shown, and why or why not, in plain words."""
    is_open = bool(version.card["gate"]["open"])
    nouns = score_words.SUBJECTS[lab.subject].lower()
    why = str(version.card["gate"]["why"]) if is_open else score_words.why_gated(version.card, lab.subject)
    why = lead_words.plain(why)
    with st.container(border=True, key="lab_gate", gap="xsmall"):
        if is_open and version.is_active:
            st.markdown(f":green[:material/lock_open:] **Scores of {nouns} are shown.** {why}")
        elif is_open:
            st.markdown(f":material/lock_open: **It may be used.** {why}")
        else:
            rule = version.is_active and version.has_model
            then = " Until then points by rule are shown, without a percentage." if rule else ""
            st.markdown(f":orange[:material/lock:] **No chances of {nouns} are shown.** {why}{then} "
                        ":gray[It is looked at again every week.]")  # fmt: skip


def body(view: View, lab: Lab, version: ModelVersion) -> None:
    """Everything about one version; of one that could not be tried the reason alone."""
    if not version.card.get("cv"):
        return
    part = model_cards.part_of(version)
    left, right = st.container(key="split_curves").columns(2, gap="small")
    with left.container(border=True, height="stretch", key="lab_reliability_card"):
        model_cards.reliability(version, part)
    with right.container(border=True, height="stretch", key="lab_tenths_card"):
        model_cards.tenths(version, part)
    model_cards.models(version, part, view)
    left, right = st.container(key="split_columns").columns(2, gap="small")
    with left.container(border=True, height="stretch", key="lab_importance_card"):
        model_cards.importance(version)
    with right.container(border=True, height="stretch", key="lab_probe_card"):
        model_cards.probe(lab, version, view)
    record(lab, version)


def record(lab: Lab, version: ModelVersion) -> None:
    left, right = st.container(key="split_record").columns(2, gap="small")
    with left.container(border=True, height="stretch", key="lab_track_card"):
        model_cards.track(lab, version)
    with right.container(border=True, height="stretch", key="lab_drift_card"):
        model_cards.drift(lab, version)
        if lab.subject == "deal":
            st.space("small")
            model_cards.close_dates(version)


def use_dialog(view: View, lab: Lab) -> None:
    asked = lead_dialogs.asked("use_model")
    wanted = next((one for one in lab.versions if one.version == asked), None)
    if wanted is not None and view.may_change:
        st.dialog("Use this version?", on_dismiss=lead_dialogs.close)(_use)(view, lab, wanted)


def _use(view: View, lab: Lab, wanted: ModelVersion) -> None:
    with states.guarded("The version could not be used", key="use_model", still_works="The other one stays in use."):
        noun, is_open = lab.subject, bool(wanted.card["gate"]["open"])
        instead = f" Version {lab.used.version} is kept, and can be used again." if lab.used else ""
        st.markdown(f"Open {noun}s are scored by version {wanted.version} from now on.{instead} Scores that were "
                    "issued stay as they are, and are graded by what happens.")  # fmt: skip
        if not is_open:
            why = lead_words.plain(score_words.why_gated(wanted.card, noun))
            st.warning(f"It did not prove itself: {why} No chances would be shown.", icon=":material/warning:")
        with st.container(horizontal=True, gap="small"):
            is_confirmed = st.button("Use it", type="primary", key="use_model_yes")
            if st.button("Cancel", key="use_model_no") or is_confirmed:
                if is_confirmed:
                    _done(view, lab, wanted)
                lead_dialogs.close()
                st.rerun()  # of the whole page: a dialog runs by itself


def _done(view: View, lab: Lab, wanted: ModelVersion) -> None:
    model_lab_data.use(view, lab.subject, wanted.version)
    lead_dialogs.say(f"Version {wanted.version} is in use; the worker scores by it.")
    st.query_params.pop("version", None)


def page() -> None:
    view = shell.begin(None, is_analysis=False)
    subject, place = head()
    with states.guarded("The models could not be read", key="model_lab"):
        lead_dialogs.told()
        with states.loading(40, 300, 240):
            lab = model_lab_data.load(view, subject, asked_version())
        version = lab.shown
        with place:
            if version is not None:
                versions_choice(lab, version, view)
            buttons(view, lab)
        if lab.is_running or model_lab_data.is_asked(subject, lab.run):
            live(view, lab)
        else:
            last_run(view, lab)
        if version is None:
            untrained(view, lab)
            return
        badges(lab, version, view)
        gate(lab, version)
        if not version.card["gate"]["open"]:
            model_cards.segments(version, view)
        body(view, lab, version)
        if lab.used is not None and lab.gate_is_open:
            with st.container(border=True, key="lab_trial_card"):
                model_trial.draw(view, lab)
        model_cards.versions_table(lab, view)
        use_dialog(view, lab)


page()
