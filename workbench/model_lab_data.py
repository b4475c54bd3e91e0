"""What the page Model lab loads and does: versions with their report cards, the record of issued scores, drift, runs;
training and the choice of the version that is used, in the name of who asks.

Versions and runs are read anew each time, for they come and go while one looks; the record is kept until the next
scores are issued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from insights.scoring import record
from insights.scoring.record import Alarm
from ops import score_jobs
from snapshots import model_versions, scores, scoring_runs
from snapshots.model_versions import ModelVersion
from snapshots.scoring_runs import ScoringRun
from snapshots.slices import Viewer
from workbench import access, formats, installation, rights, score_words
from workbench.columns import Column, ColumnKind
from workbench.data import cached
from workbench.view import View

Subject = Literal["lead", "deal"]
LATELY: Final = timedelta(days=90)
"""As the drift of scores is looked at where they are made."""
RECORD: Final = timedelta(days=400)
_REFUSAL: Final = "Only administrators and sales ops train models and choose which one is used."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """used: the version that is in use. shown: the one whose report card is looked at. run: of a training or scoring,
    the newest that is under way or was the last. alarm: of the scores of the version in use that were graded lately;
    None: too few. track: TRACK_RECORD of the version that is shown."""

    subject: Subject
    versions: Sequence[ModelVersion]
    used: ModelVersion | None
    shown: ModelVersion | None
    run: ScoringRun | None
    is_running: bool
    alarm: Alarm | None
    n_graded: int
    track: pd.DataFrame

    @property
    def gate_is_open(self) -> bool:
        return self.used is not None and bool(self.used.card["gate"]["open"])


def load(view: View, subject: Subject, version: int | None = None) -> Lab:
    """version: whose report card is wanted; without it, or where there is no such one, that of the one in use, else of
    the newest."""
    database, organization_id = installation.database(), view.organization_id
    found = model_versions.list_versions(database, organization_id, subject)
    used = next((one for one in found if one.is_active), None)
    shown = next((one for one in found if one.version == version), used or (found[0] if found else None))
    last = scoring_runs.latest(database, organization_id, subject, "score")
    run_of = (0, "") if last is None else (last.run_id, last.state)  # one that runs may still be grading
    asked = (view.viewer, view.data_version, subject, run_of, view.now.date())
    alarm, n_graded = _alarm(*asked, used.version if used is not None else 0)
    track = _track(*asked)
    run = newest_run(view, subject)
    return Lab(
        subject=subject, versions=found, used=used, shown=shown, run=run, is_running=is_running(run, view.now),
        alarm=alarm, n_graded=n_graded,
        track=track[track["model_version"] == (shown.version if shown is not None else -1)].reset_index(drop=True),
    )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@cached
def _alarm(  # all of them are the cache's key
    viewer: Viewer, data_version: int, subject: str, run: tuple[int, str], today: date, version: int
) -> tuple[Alarm | None, int]:
    """Of scores of this version: the alarm, and how many fell due lately."""
    since = _midnight(today) - LATELY
    found = scores.graded(installation.database(), viewer.organization_id, subject, since=since, now=_midnight(today))
    own = found[found["model_version"] == version]
    return record.drift_alarm(own), len(own)


@cached
def _track(viewer: Viewer, data_version: int, subject: str, run: tuple[int, str], today: date) -> pd.DataFrame:
    database, now = installation.database(), _midnight(today)
    return scores.track_record(database, viewer.organization_id, subject, since=now - RECORD, now=now)


def newest_run(view: View, subject: Subject) -> ScoringRun | None:
    """Of training and scoring: the one that runs, else the last training, else the last scoring."""
    found = [
        scoring_runs.latest(installation.database(), view.organization_id, subject, "train"),
        scoring_runs.latest(installation.database(), view.organization_id, subject, "score"),
    ]
    known = [one for one in found if one is not None]
    return next((one for one in known if is_running(one, view.now)), known[0] if known else None)


def is_running(run: ScoringRun | None, now: datetime) -> bool:
    return run is not None and run.state == "running" and not run.was_killed(now)


# --- what people do --------------------------------------------------------------------------------------------------

_ASKED: Final = "model_training_asked"


def train(view: View, subject: Subject, drop: Sequence[str] | None = None) -> None:
    """Queues a training for the worker. drop: columns that it must not see; None: those of the training before. Raises
    PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    run = newest_run(view, subject)
    with installation.database().as_app(view.organization_id) as transaction:
        score_jobs.defer_training(transaction, view.organization_id, subject, access.who(), drop=drop)
    st.session_state[f"{_ASKED}_{subject}"] = run.run_id if run is not None else 0


def is_asked(subject: Subject, run: ScoringRun | None) -> bool:
    """Whether a training was asked for in this session that no worker has begun yet."""
    before = st.session_state.get(f"{_ASKED}_{subject}")
    if before is None:
        return False
    if run is not None and run.run_id > before:
        st.session_state.pop(f"{_ASKED}_{subject}")
        return False
    return True


def stop(view: View, run: ScoringRun) -> None:
    """Asks a run to stop. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    scoring_runs.ask_to_stop(installation.database(), view.organization_id, run.run_id)


def use(view: View, subject: Subject, version: int) -> None:
    """This version from now on; the worker scores by it at once. Raises PermissionError for who may not change
    settings, model_versions.NoSuchVersion, model_versions.HasNoModel."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    database, by = installation.database(), access.who()
    model_versions.promote(database, view.organization_id, subject, version, by=by, now=view.now)
    with database.as_app(view.organization_id) as transaction:
        score_jobs.defer_scoring(transaction, view.organization_id, subject, by)


# --- tables ----------------------------------------------------------------------------------------------------------

VERSION_COLUMNS: Final = (
    Column(field="version", title="Version", kind=ColumnKind.COUNT, width=0.6),
    Column(field="state", title="State", width=1.0),
    Column(field="trained_at", title="Trained", kind=ColumnKind.TIME),
    Column(field="trained_by", title="By", width=1.0),
    Column(field="cut_off", title="Knows until", kind=ColumnKind.TIME),
    Column(field="n", title="n", kind=ColumnKind.COUNT, width=0.6),
    Column(field="log_loss", title="Log loss", text_field="log_loss_text", is_right=True),
    Column(field="base_loss", title="Base rate’s", text_field="base_loss_text", is_right=True),
    Column(field="why", title="What was found", width=1.6),
)


def versions_table(lab: Lab, view: View) -> pd.DataFrame:
    """The columns of VERSION_COLUMNS, the newest version first; log loss cross-validated."""
    rows = [_version(one, view) for one in lab.versions]
    names = [column.field for column in VERSION_COLUMNS] + ["log_loss_text", "base_loss_text"]
    return pd.DataFrame(rows, columns=names)


def _version(one: ModelVersion, view: View) -> dict[str, Any]:
    graded = one.card.get("cv") or {}
    losses = [(graded.get(name) or {}).get("log_loss") for name in (one.card.get("chosen"), "base rate")]
    promotion = one.card.get("promotion") or {}
    why = promotion.get("why") if one.card["gate"]["open"] else one.card["gate"]["why"]
    return {
        "version": one.version, "state": score_words.STATES[one.state], "trained_by": one.trained_by,
        "trained_at": one.trained_at.astimezone(view.zone), "cut_off": one.cut_off.astimezone(view.zone), "n": one.n,
        "log_loss": losses[0], "base_loss": losses[1], "log_loss_text": decimals(losses[0], 4),
        "base_loss_text": decimals(losses[1], 4), "why": why or "",
    }  # fmt: skip


def decimals(value: object, digits: int = 3) -> str:
    """A measure with so many decimals; "–" where it is not defined."""
    return formats.MISSING if formats.is_missing(value) else f"{float(value):.{digits}f}"  # type: ignore[arg-type]
