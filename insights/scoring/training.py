"""From a table of landmarks to a model and its report card; no model is used that has not earned it.

The card says what the model was learnt from, how it did on rows that it had not seen, against which baselines, and why
it is used or not. It is a mapping that JSON holds, for it is kept with the model for as long as there is one.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.calibration import Calibration
from insights.scoring.evaluation import FOLDS, LEAST_CONVERSIONS, CannotScore, Evaluation, Trial
from insights.scoring.grading import losses, reliability
from insights.scoring.known import DAY, NEVER
from insights.scoring.models import CANDIDATES, probability
from insights.scoring.reasons import group_of
from insights.scoring.score_model import CALIBRATION, POINTS, SHARED, ScoreModel
from insights.scoring.scorecard import Scorecard
from insights.scoring.shape import Shape

Subject = Literal["lead", "deal"]
Outcomes = npt.NDArray[np.int64]

ENTITY: Final = "(entity)"
CREATED: Final = "(created)"
"""Columns of the trial's own."""
LEAST_SEGMENT, MOST_SEGMENTS = 20, 12
LEAST_UNSEEN: Final = 200
"""Leads or deals since the model in use was trained, below which a new one is not compared with it."""
SAMPLED: Final = 4000
"""Rows by which the weight of columns is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Landmarks of one subject. features: a row each; outcomes: 0 or 1; entities: whose row it is; created: when that
    came (instants, NEVER: not known). cut_off: nothing after it was looked at (instant). ages: which of the looks at a
    record each row is; None: there was one look at each."""

    subject: Subject
    features: pd.DataFrame
    outcomes: Outcomes
    entities: npt.NDArray[np.int64]
    created: npt.NDArray[np.int64]
    horizon_days: int
    cut_off: int
    ages: npt.NDArray[np.int64] | None = None
    drop: Sequence[str] = ()

    @property
    def has_time(self) -> bool:
        return bool(len(self.created)) and bool((self.created != NEVER).mean() > 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """model: None where there is nothing to score by. is_shown: whether it may be used. card: the report card."""

    model: ScoreModel | None
    is_shown: bool
    is_better: bool
    card: Mapping[str, Any]
    data_hash: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The model in use, and its report card."""

    model: ScoreModel
    card: Mapping[str, Any]


def train(table: Table, *, previous: Previous | None = None, clock: Any = time.perf_counter) -> Trained:
    """previous: what is in use; the new one is better only if rows say so that neither had seen."""
    began = clock()
    hashed = data_hash(table)
    try:
        found = _trial(table).run()
    except CannotScore as why:
        yes = len(np.unique(table.entities[table.outcomes == 1]))
        words = f"{yes} of {LEAST_CONVERSIONS} conversions so far." if yes < LEAST_CONVERSIONS else str(why)
        card = _head(table, hashed) | {"gate": {"open": False, "why": words, "gain": 0.0, "error": 0.0}}
        return Trained(model=None, is_shown=False, is_better=False, card=card, data_hash=hashed)
    model = _fit(table, found)
    promotion = _promotion(table, found, previous)
    card = _head(table, hashed) | _graded(table, found) | {
        "importance": _importance(table, model), "promotion": promotion, "seconds": round(clock() - began, 2),
    }  # fmt: skip
    is_shown = found.gate.is_open
    return Trained(
        model=model, is_shown=is_shown, is_better=is_shown and promotion["is_better"], card=card, data_hash=hashed
    )


def data_hash(table: Table) -> str:
    """The same for the same rows in the same order; SHA-256, shortened."""
    made = hashlib.sha256()
    made.update(repr((table.subject, list(table.features.columns), table.horizon_days)).encode())
    made.update(pd.util.hash_pandas_object(table.features.astype(str), index=False).to_numpy().tobytes())
    for one in (table.outcomes, table.entities, table.created):
        made.update(np.ascontiguousarray(one).tobytes())
    return made.hexdigest()[:16]


def _trial(table: Table) -> Trial:
    created = pd.Series(np.where(table.created == NEVER, np.nan, table.created.astype(float)))
    frame = table.features.reset_index(drop=True)
    frame[ENTITY], frame[CREATED] = table.entities, created
    drop = [*(name for name in table.drop if name in frame), CREATED]
    if len(np.unique(table.entities)) < FOLDS:
        raise CannotScore(f"There are {len(np.unique(table.entities))} past records; at least {FOLDS} are needed.")
    return Trial(
        frame=frame,
        outcomes=table.outcomes,
        group=ENTITY,
        drop=drop,
        time=CREATED if table.has_time else None,
        ages=table.ages,
        gap=float(table.horizon_days * DAY),
    )


def _fit(table: Table, found: Evaluation) -> ScoreModel:
    names = [str(name) for name in table.features.columns if name not in found.left_out]
    shape = Shape().fit(table.features, only=names)
    seen = shape.apply(table.features)
    has_probability = min(found.conversions, found.n - found.conversions) > 0 and not _is_few(table)
    rate = (found.conversions + 0.5) / (found.n + 1)
    base = float(np.log(rate / (1 - rate)))
    if not has_probability:
        return ScoreModel("points", Scorecard().fit(seen, table.outcomes), Calibration(), shape, base)
    calibration = Calibration(found.calibration).fit(found.uncalibrated, table.outcomes)
    return ScoreModel(found.chosen, CANDIDATES[found.chosen]().fit(seen, table.outcomes), calibration, shape, base)


def _is_few(table: Table) -> bool:
    yes = len(np.unique(table.entities[table.outcomes == 1]))
    return min(yes, len(np.unique(table.entities)) - yes) < LEAST_CONVERSIONS


def _head(table: Table, hashed: str) -> dict[str, Any]:
    dated = table.created[table.created != NEVER]
    return {
        "subject": table.subject, "horizon_days": table.horizon_days, "n": len(table.outcomes),
        "n_entities": len(np.unique(table.entities)),
        "n_positive": len(np.unique(table.entities[table.outcomes == 1])),
        "base_rate": float(table.outcomes.mean()) if len(table.outcomes) else None,
        "cut_off": _iso(table.cut_off), "first_day": _iso(int(dated.min())) if len(dated) else None,
        "newest_day": _iso(int(dated.max())) if len(dated) else None,
        "data_hash": hashed, "least_conversions": LEAST_CONVERSIONS, "segments": segments(table),
        "drop": list(table.drop),
    }  # fmt: skip


def segments(table: Table) -> list[dict[str, Any]]:
    """What there is to say where a model has shown nothing: of each source the records, how many of them converted, and
    the share; the largest first, the small ones together."""
    if not len(table.outcomes) or "source" not in table.features:
        return []
    known = pd.DataFrame({
        "entity": table.entities, "outcome": table.outcomes,
        "segment": table.features["source"].astype(object).fillna("not known").to_numpy(),
    }).groupby("entity").agg(segment=("segment", "first"), outcome=("outcome", "max"))  # fmt: skip
    counts = known.groupby("segment").agg(n=("outcome", "size"), n_positive=("outcome", "sum"))
    counts = counts.sort_values("n", ascending=False, kind="stable")
    is_small = (counts["n"] < LEAST_SEGMENT) | (np.arange(len(counts)) >= MOST_SEGMENTS)
    rows = [(str(name), int(one.n), int(one.n_positive)) for name, one in counts[~is_small].iterrows()]
    if is_small.any():
        rows.append(("others", int(counts.loc[is_small, "n"].sum()), int(counts.loc[is_small, "n_positive"].sum())))
    return [{"segment": name, "n": n, "n_positive": yes, "rate": yes / n} for name, n, yes in rows]


def _iso(at: int) -> str:
    return pd.Timestamp(at, tz="UTC").isoformat()


def _graded(table: Table, found: Evaluation) -> dict[str, Any]:
    newest = found.newest
    bins = {"cv": [asdict(one) for one in reliability(table.outcomes, probability(found.out_of_fold))], "newest": []}
    if len(newest):
        said = probability(found.newest_log_odds)
        bins["newest"] = [asdict(one) for one in reliability(table.outcomes[newest], said)]
    own = {ENTITY, CREATED}
    return {
        "chosen": found.chosen, "calibration": found.calibration,
        "gate": {"open": found.gate.is_open, "why": found.gate.why, "gain": found.gate.gain,
                 "error": found.gate.error},
        "cv": {name: one.rounded() for name, one in found.cv.items()},
        "time_split": {name: one.rounded() for name, one in found.time_split.items()},
        "baselines": [name for name in found.cv if name not in CANDIDATES],
        "reliability": bins,
        "drift": None if found.drift is None else {
            "found": found.drift.has_drifted, "before": found.drift.before, "after": found.drift.after,
        },
        "suspects": [asdict(one) for one in found.suspects if one.column not in own],
        "left_out": {name: why for name, why in found.left_out.items() if name not in own},
        "used": list(found.used),
    }  # fmt: skip


def _importance(table: Table, model: ScoreModel) -> list[dict[str, Any]]:
    """Mean distance of each group's points from nothing, over a sample of the rows."""
    some = np.random.default_rng(0).permutation(len(table.outcomes))[:SAMPLED]
    parts = model.contributions(table.features.iloc[np.sort(some)].reset_index(drop=True))
    parts = parts.drop(columns=[SHARED, CALIBRATION])
    groups = parts.T.groupby([group_of(name) for name in parts.columns]).sum().T * POINTS
    mean = groups.abs().mean().sort_values(ascending=False, kind="stable")
    return [{"group": str(name), "points": round(float(points), 3)} for name, points in mean.items()]


def _promotion(table: Table, found: Evaluation, previous: Previous | None) -> dict[str, Any]:
    """Whether the new model is better than the one in use, by rows that neither of them had seen."""
    if previous is None or not previous.model.has_probability:
        return {"new": None, "old": None, "n": 0, "is_better": found.gate.is_open, "why": "There was no model before."}
    if not len(found.newest):
        return _by_gain(found, previous.card)
    is_unseen = table.created[found.newest] > _seen_until(previous.card)
    rows, said = found.newest[is_unseen], found.newest_log_odds[is_unseen]
    own = {"new": None, "old": None, "n": len(rows)}
    unseen = len(np.unique(table.entities[rows]))
    if unseen < LEAST_UNSEEN:
        what = f"{table.subject}s whose outcome the model in use had not seen"
        why = f"{unseen} of {LEAST_UNSEEN} {what}; with so few nothing is compared."
        return own | {"is_better": False, "why": why}
    outcomes = table.outcomes[rows]
    new = float(losses(outcomes, probability(said)).mean())
    old = float(losses(outcomes, probability(previous.model.log_odds(table.features.iloc[rows]))).mean())
    why = f"On {len(rows):,} looks that neither had seen its log loss is {new:.4f}, that of the model in use {old:.4f}."
    return own | {"new": round(new, 6), "old": round(old, 6), "is_better": new < old, "why": why}


def _by_gain(found: Evaluation, card: Mapping[str, Any]) -> dict[str, Any]:
    """Without time nothing is new for sure: then by how far each was below its own base rate, out of fold."""
    new, old = found.gate.gain, float(card["gate"]["gain"])
    why = f"Out of fold its log loss is {new:.4f} below the base rate's; that of the model in use was {old:.4f} below."
    return {"new": None, "old": None, "n": found.n, "is_better": new > old, "why": why}


def _seen_until(card: Mapping[str, Any]) -> int:
    newest = card.get("newest_day")
    return int(pd.Timestamp(newest).value) if newest is not None else NEVER
