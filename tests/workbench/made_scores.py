"""Models and scores for tests of pages: a small model that is really fitted, a report card as training writes it,
scores as they are issued. The organization is the sample one, whose leads and deals are known."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from made_installation import NOW, House
from sqlalchemy import text

from insights.scoring.packing import pack
from insights.scoring.score_model import ScoreModel
from insights.scoring.training import Table, Trained, train
from snapshots import model_versions, scores
from snapshots.model_versions import ModelVersion
from snapshots.scores import Issued

BASE_RATE = 0.2


@cache
def fitted(subject: str) -> Trained:
    """Of 900 made-up rows: "Referral" converts (is won) more often, and so does who was contacted soon."""
    rng, n = np.random.default_rng(3), 900
    words = rng.choice(["Referral", "Website", "Event"], n)
    soon = rng.uniform(0, 72, n)
    odds = -2.0 + 1.6 * (words == "Referral") - 0.03 * (soon - 36)
    outcomes = (rng.uniform(size=n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    column = "source" if subject == "lead" else "stage"
    features = pd.DataFrame(
        {column: words.astype(object), "hours until contact": soon, "age in days": rng.uniform(0, 9, n)}
    )
    day = 86_400_000_000_000
    created = np.arange(n, dtype=np.int64) * day // 4 + 19_000 * day
    return train(
        Table(
            subject=subject, features=features, outcomes=outcomes, entities=np.arange(n), created=created,  # type: ignore[arg-type]
            horizon_days=30, cut_off=int(created[-1]) + 40 * day,
        ),
        clock=lambda: 0.0,
    )  # fmt: skip


def card(subject: str, **changes: Any) -> dict[str, Any]:
    made = dict(fitted(subject).card)
    if subject == "deal":
        made["close_dates"] = {"n": 210, "median_error_days": 8.6, "crm_error_days": 15.5, "coverage80": 0.82}
    return made | changes


def gated(subject: str) -> dict[str, Any]:
    """Of too few outcomes."""
    full = card(subject)
    kept = {name: full[name] for name in ("subject", "horizon_days", "cut_off", "first_day", "data_hash")}
    return kept | {
        "n": 400, "n_entities": 120, "n_positive": 31, "base_rate": 0.26, "least_conversions": 60,
        "gate": {"open": False, "why": "31 of 60 conversions so far.", "gain": 0.0, "error": 0.0},
    }  # fmt: skip


def put_version(
    house: House, subject: str, *, state: str = "active", with_model: bool = True, now: datetime = NOW,
    report: dict[str, Any] | None = None,
) -> ModelVersion:  # fmt: skip
    report = card(subject) if report is None else report
    model = fitted(subject).model
    assert isinstance(model, ScoreModel)
    return model_versions.add(
        house.database, house.organization_id, subject, card=report, model=pack(model) if with_model else None,
        cut_off=now, n=int(report["n"]), n_positive=int(report["n_positive"]), data_hash=str(report["data_hash"]),
        by="Ada", now=now, state=state,
    )  # fmt: skip


def one(key: int | str, probability: float | None, **changes: Any) -> Issued:
    """Reasons that add up to the score, and a next action."""
    chance = BASE_RATE if probability is None else probability
    log_odds = float(np.log(chance / (1 - chance)))
    score = 50 + 10 * float(np.log2(chance / (1 - chance) / (BASE_RATE / (1 - BASE_RATE))))
    reasons = [
        {"group": "base", "words": "the average", "points": 50.0},
        {"group": "source", "words": "came by Referral", "points": score - 50 + 4.0},
        {"group": "others", "words": "everything else", "points": -4.0},
        {"group": "next", "action": "Contact the lead now", "points": 6.0},
    ]
    band = "hot" if chance >= 0.4 else "warm" if chance >= 0.2 else "cool" if chance >= 0.1 else "cold"
    made: dict[str, Any] = {
        "entity_key": str(key), "score": score, "log_odds": log_odds, "probability": probability,
        "base_rate": BASE_RATE, "band": band, "reasons": reasons, "due_on": (NOW + timedelta(days=20)).date(),
    }  # fmt: skip
    return Issued(**made | changes)


def issue(house: House, subject: str, issued: list[Issued], *, version: int | None = 1, now: datetime = NOW) -> None:
    scores.issue(house.database, house.organization_id, subject, issued, model_version=version, now=now)


def ids(house: House, subject: str, n: int) -> list[int]:
    """Of the newest open leads, or open deals."""
    what = (
        "SELECT lead_id FROM leads WHERE organization_id = :o AND gone_at IS NULL AND converted IS NOT TRUE "
        "ORDER BY created_at DESC NULLS LAST, lead_id LIMIT :n"
        if subject == "lead"
        else "SELECT deal_id FROM deal_versions WHERE organization_id = :o AND valid_to = 'infinity' "
        "AND status = 'open' ORDER BY deal_id LIMIT :n"
    )
    with house.database.as_app(house.organization_id) as link:
        return list(link.execute(text(what), {"o": house.organization_id, "n": n}).scalars())
