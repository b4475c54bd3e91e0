"""What a what-if starts from: open leads or deals that the viewer may see, as the model in use sees them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pandas as pd
import streamlit as st

from insights.scoring.packing import NotAModel, unpack
from insights.scoring.score_model import ScoreModel, shown
from insights.scoring.scored import score_rows
from insights.scoring.training import Subject
from ops import score_trial
from snapshots import model_versions, scored_rows
from snapshots.database import Database
from snapshots.model_versions import ModelVersion
from snapshots.slices import Viewer
from workbench import installation
from workbench.data import cached
from workbench.view import View

MOST: Final = 100
MOST_OPTIONS: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of one row. probability: None: points by rule."""

    score: float
    band: str
    probability: float | None
    reasons: Sequence[Mapping[str, Any]]
    action: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Known:
    """model: the one in use. rows: features of open ones, indexed by id. names: what each is called. sorts: the columns
    that the model looks at: "number", "choice", "day" or "text"."""

    subject: Subject
    model: ScoreModel
    rows: pd.DataFrame
    names: Mapping[int, str]
    sorts: Mapping[str, str]

    @property
    def base_rate(self) -> float:
        return self.model.base_rate

    def row(self, entity_id: int) -> pd.DataFrame:
        """Of one, or (0) a typical one."""
        if entity_id in self.names:
            return self.rows.loc[[entity_id]].reset_index(drop=True)
        return score_trial.typical(self.rows)

    def options(self, column: str) -> list[str]:
        """Values that open ones have."""
        return sorted({str(one) for one in self.rows[column].dropna()})[:MOST_OPTIONS]

    def step(self, column: str) -> float:
        known = self.rows[column].dropna().astype(float)
        return 1.0 if known.empty or bool((known % 1 == 0).all()) or known.abs().median() >= 10 else 0.1

    def score(self, row: pd.DataFrame) -> Answer:
        found = score_rows(self.model, row, subject=self.subject).iloc[0]
        chance = float(found["probability"]) if self.model.has_probability else None
        return Answer(float(found["score"]), str(found["band"]), chance, found["reasons"], found["action"])


def known(view: View, used: ModelVersion) -> Known | None:
    """None where the model in use cannot be read by this version of the program."""
    model = model_of(view.organization_id, used.subject, used.version)
    if model is None:
        return None
    subject = cast("Subject", used.subject)
    rows, names = _open(view.viewer, view.data_version, subject, used.version)
    return Known(subject, model, rows, names, score_trial.changeable(model))


def model_of(organization_id: int, subject: str, version: int) -> ScoreModel | None:
    """None where none could be made, or it is of another version of this program."""
    return _model(installation.database(), organization_id, subject, version)


@st.cache_resource(max_entries=8, show_spinner=False)
def _model(_database: Database, organization_id: int, subject: str, version: int) -> ScoreModel | None:
    packed = model_versions.load(_database, organization_id, subject, version)
    try:
        return None if packed is None else unpack(packed)
    except NotAModel:
        return None


@cached
def _open(viewer: Viewer, data_version: int, subject: Subject, version: int) -> tuple[pd.DataFrame, dict[int, str]]:
    services = installation.services()
    read = scored_rows.scored_leads if subject == "lead" else scored_rows.scored_deals
    page = read(services.database, viewer, limit=MOST).rows
    key = f"{subject}_id"
    names = {
        int(one[key]): f"{one['name'] or one.get('email') or 'Unnamed'} · {shown(float(one['score']))}"
        for one in page.to_dict("records")
    }
    rows = score_trial.features_now(services, viewer.organization_id, subject, list(names))
    return rows, {one: name for one, name in names.items() if one in rows.index}
