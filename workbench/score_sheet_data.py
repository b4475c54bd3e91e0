"""What is known of one score: as it was issued, what it was before and what came of it, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pandas as pd

from insights.scoring.score_model import shown
from insights.scoring.scored import score_rows
from insights.scoring.training import Subject
from insights.scoring.what_if import what_if
from ops import score_trial
from snapshots import model_versions, scored_rows, scores
from snapshots.journeys import ReceivedLead
from snapshots.model_versions import ModelVersion
from snapshots.scores import CurrentScore
from snapshots.slices import Viewer
from workbench import formats, installation, model_trial_data, rights, score_words
from workbench.columns import Column, ColumnKind
from workbench.data import cached
from workbench.view import View

MOST_HISTORY: Final = 20
HISTORY_COLUMNS: Final = (
    Column(field="scored_at", title="Issued", kind=ColumnKind.TIME),
    Column(field="score", title="Score", kind=ColumnKind.COUNT, width=0.6),
    Column(field="band", title="Band", width=0.7),
    Column(field="chance", title="Chance", is_right=True, width=0.7),
    Column(field="version", title="Version", kind=ColumnKind.COUNT, missing="by rule", width=0.6),
    Column(field="outcome", title="What happened", missing="not known yet"),
)
_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "lead": ("did not convert in time", "converted"),
    "deal": ("not won in time", "won"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """current: the score that holds."""

    subject: str
    current: CurrentScore
    history: Sequence[CurrentScore]

    @property
    def is_of_arrival(self) -> bool:
        """Of a lead from a website, which is scored when it comes in."""
        return self.subject == "lead" and not self.current.entity_key.isdecimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """What the model says when it is asked now. reasons: of the score as it would be now. options: what somebody can
    do, each `action` and `points`, the best first; empty where that is not known."""

    reasons: Sequence[Mapping[str, Any]]
    options: Sequence[Mapping[str, Any]]


def sheet(view: View, subject: str, key: str) -> Sheet | None:
    """None where there is no score that holds, or the viewer may not see it."""
    database, viewer = installation.database(), rights.viewer(view)
    current = scores.current_of(database, viewer, subject, [key]).get(key)
    if current is None:
        return None
    history = scores.history(database, viewer, subject, key)[:MOST_HISTORY]
    return Sheet(subject=subject, current=current, history=history)


def further(view: View, found: Sheet) -> Further:
    """Asks the version that issued the score; takes a second the first time."""
    current, subject = found.current, cast("Subject", found.subject)
    if current.entity_key.isdecimal() and current.model_version is not None:
        key = int(current.entity_key)
        reasons, options = _live(rights.viewer(view), view.data_version, subject, key, current.model_version)
        if reasons:
            return Further(reasons=reasons, options=options)
    action = score_words.next_action(current.reasons) if current.is_current else None
    return Further(reasons=[], options=[] if action is None else [{"action": action[0], "points": action[1]}])


@cached
def _live(
    viewer: Viewer, data_version: int, subject: Subject, entity_id: int, version: int
) -> tuple[list[Any], list[Any]]:
    """Reasons and options by what is known now."""
    model = model_trial_data.model_of(viewer.organization_id, subject, version)
    rows = score_trial.features_now(installation.services(), viewer.organization_id, subject, [entity_id])
    if model is None or rows.empty:
        return [], []
    found = score_rows(model, rows.reset_index(drop=True), subject=subject).iloc[0]
    return list(found["reasons"]), what_if(model, rows.reset_index(drop=True), subject=subject)[0]


def history_table(sheet: Sheet, view: View) -> pd.DataFrame:
    """The columns of HISTORY_COLUMNS, the newest first."""
    outcomes = _OUTCOMES[sheet.subject]
    rows = [
        {
            "scored_at": one.scored_at.astimezone(view.zone), "score": shown(one.score),
            "band": score_words.BANDS[one.band], "chance": score_words.chance(one.probability),
            "version": one.model_version, "outcome": None if one.outcome is None else outcomes[one.outcome],
        }
        for one in sheet.history
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[column.field for column in HISTORY_COLUMNS])


def of_received(view: View, lead: ReceivedLead) -> Sheet | None:
    """Of a lead from a website: its own score, else that of the newest lead in the CRM with its e-mail address."""
    own = sheet(view, "lead", str(lead.lead_id)) or _on_arrival(view, str(lead.lead_id))
    if own is not None or not lead.email:
        return own
    ids = scored_rows.leads_of(installation.database(), rights.viewer(view), lead.email)
    found = scores.current_of(installation.database(), rights.viewer(view), "lead", [str(one) for one in ids])
    key = next((str(one) for one in ids if str(one) in found), None)
    return None if key is None else sheet(view, "lead", key)


def _on_arrival(view: View, key: str) -> Sheet | None:
    """Of a lead from a website whose score does not hold any more: it converted, or is too old to."""
    found = scores.history(installation.database(), rights.viewer(view), "lead", key)[:MOST_HISTORY]
    if not found:
        return None
    return Sheet(subject="lead", current=found[-1], history=found)


def in_use(view: View, subject: str) -> ModelVersion | None:
    """The version in use; None: there is none."""
    return model_versions.active(installation.database(), view.organization_id, subject)


def why_none(view: View, subject: str) -> str | None:
    """Why no scores of this subject are shown at all, in a sentence; None where they are."""
    used = in_use(view, subject)
    if used is not None and (used.card["gate"]["open"] or used.has_model):
        return None
    found = model_versions.list_versions(installation.database(), view.organization_id, subject)
    nouns = score_words.SUBJECTS[subject].lower()
    if not found:
        return f"No model of {nouns} has been trained yet."
    return score_words.why_gated(found[0].card, subject)


def dates(current: CurrentScore) -> str:
    """When a deal is expected to close: "likely 12 Dec 2026 (3 Dec 2026 – 20 Jan 2027 in eight of ten cases)"."""
    if current.close_likely is None:
        return formats.MISSING
    likely = formats.day(current.close_likely)
    if current.close_early is None or current.close_late is None:
        return likely
    return f"{likely} ({formats.day_range(current.close_early, current.close_late)} in eight of ten cases)"
