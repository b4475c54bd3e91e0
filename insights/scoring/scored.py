"""Scores of many leads or deals at one instant: a pure function of a packed model and facts, for any process to run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.scoring.deal_features import DealFacts, deal_features
from insights.scoring.known import NEVER, Ints, instants
from insights.scoring.lead_features import LeadFacts, lead_features
from insights.scoring.models import probability
from insights.scoring.packing import unpack
from insights.scoring.reasons import explain
from insights.scoring.score_model import ScoreModel, bands_of, points_of
from insights.scoring.what_if import next_action, what_if

SCORED: Final[dict[str, str]] = {
    "key": "int64",  # the lead's or deal's id
    "log_odds": "float64",
    "score": "float64",  # points, unclipped
    "probability": "float64",  # NaN: points by rule
    "band": "object",
    "reasons": "object",  # list of mappings; empty where they were not asked for
    "action": "object",  # what would add most to the score: mapping or None
    "close_early": "float64",  # days from now, of deals; NaN: not known
    "close_likely": "float64",
    "close_late": "float64",
    "decides": "float64",  # of deals of that age, the share that is decided at all; 1 for leads
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """model: packed. at: the instant of the scores. drift: log-odds that lately have to be added. with_reasons: they
    cost several times the score itself."""

    model: bytes
    at: int
    drift: float = 0.0
    with_reasons: bool = True


def score_leads(task: Task, facts: LeadFacts) -> pd.DataFrame:
    """SCORED, a row per lead of `facts.leads`, in their order."""
    model = _model(task.model)
    created = instants(facts.leads["created_at"])
    asked = pd.DataFrame(
        {"lead_id": facts.leads["lead_id"].to_numpy(), "at": np.where(created == NEVER, NEVER, task.at)}
    )
    return _scored(model, task, lead_features(facts, asked), asked["lead_id"].to_numpy(), "lead")


def score_deals(task: Task, facts: DealFacts) -> pd.DataFrame:
    """SCORED, a row per deal of `facts.deals`, in their order."""
    asked = pd.DataFrame({"deal_id": facts.deals["deal_id"].to_numpy(), "at": np.full(len(facts.deals), task.at)})
    rows, model = deal_features(facts, asked), _model(task.model)
    found = _scored(model, task, rows, asked["deal_id"].to_numpy(), "deal")
    if model.close_dates is None:
        return found
    days = model.close_dates.predict(rows)
    return found.assign(
        close_early=days[:, 0], close_likely=days[:, 1], close_late=days[:, 2],
        decides=model.close_dates.share_decided(rows),
    )  # fmt: skip


def score_rows(model: ScoreModel, rows: pd.DataFrame, *, drift: float = 0.0, subject: str = "lead") -> pd.DataFrame:
    """SCORED of rows of features; keys count from 0."""
    task = Task(model=b"", at=0, drift=drift)
    return _scored(model, task, rows, np.arange(len(rows), dtype=np.int64), subject)


@lru_cache(maxsize=4)
def _model(packed: bytes) -> ScoreModel:
    return unpack(packed)


def _scored(model: ScoreModel, task: Task, rows: pd.DataFrame, keys: Ints, subject: str) -> pd.DataFrame:
    log_odds = model.log_odds(rows) + task.drift
    chances = probability(log_odds)
    blank = np.full(len(rows), np.nan)
    made = pd.DataFrame({
        "key": keys, "log_odds": log_odds, "score": points_of(log_odds, model.base_log_odds),
        "probability": chances if model.has_probability else blank, "band": bands_of(chances, model.base_rate),
        "close_early": blank, "close_likely": blank, "close_late": blank, "decides": 1.0,
    })  # fmt: skip
    reasons: list[Any] = [[] for _ in range(len(rows))]
    actions: list[Any] = [None] * len(rows)
    if task.with_reasons and len(rows):
        reasons = explain(model, rows, drift=task.drift)
        actions = [next_action(one) for one in what_if(model, rows, subject=subject)]
    made["reasons"], made["action"] = pd.Series(reasons, dtype=object), pd.Series(actions, dtype=object)
    return made[list(SCORED)]
