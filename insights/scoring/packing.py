"""Models as bytes and back: numbers, words and arrays in the format of skops, so that reading one runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from insights.scoring.calibration import Calibration
from insights.scoring.close_dates import CloseDates
from insights.scoring.encoding import Choices, Indicators, TreeCodes
from insights.scoring.models import Blend, Linear, ShallowTrees
from insights.scoring.score_model import ScoreModel
from insights.scoring.scorecard import Scorecard
from insights.scoring.shape import Shape

LAYOUT = 2
"""Grows when older bytes cannot be read any more."""


class NotAModel(ValueError):
    """These bytes hold no model of this layout; it must be trained again."""


def pack(model: ScoreModel) -> bytes:
    """What `unpack` makes the same model of; other bytes each time."""
    from skops.io import dumps

    state = {
        "layout": LAYOUT, "kind": model.kind, "model": _STATES[type(model.model)](model.model),
        "calibration": _calibration_state(model.calibration), "shape": model.shape.state(),
        "base_log_odds": model.base_log_odds,
        "close_dates": None if model.close_dates is None else model.close_dates.state(),
    }  # fmt: skip
    return bytes(dumps(state))


def unpack(content: bytes) -> ScoreModel:
    """Raises NotAModel."""
    from skops.io import loads

    try:
        state = loads(content)
    except Exception as why:  # whatever the library finds wrong with them
        raise NotAModel("These bytes cannot be read as a model.") from why
    if not isinstance(state, dict) or state.get("layout") != LAYOUT:
        raise NotAModel("The model was stored by another version of this program. Train it again.")
    return ScoreModel(
        kind=str(state["kind"]), model=_READERS[str(state["kind"])](state["model"]),
        calibration=_calibration(state["calibration"]), shape=Shape.from_state(state["shape"]),
        base_log_odds=float(state["base_log_odds"]),
        close_dates=None if state["close_dates"] is None else CloseDates.from_state(state["close_dates"]),
    )  # fmt: skip


def _trees_state(model: ShallowTrees) -> dict[str, Any]:
    return {
        "booster": model.booster_.model_to_string(), "columns": list(model.codes_.columns_),
        "choices": _choices_state(model.codes_.choices),
    }  # fmt: skip


def _trees(state: Mapping[str, Any]) -> ShallowTrees:
    import lightgbm

    codes = TreeCodes(choices=_choices(state["choices"]), columns_=list(state["columns"]))
    return ShallowTrees(codes_=codes, booster_=lightgbm.Booster(model_str=state["booster"]))


def _linear_state(model: Linear) -> dict[str, Any]:
    made = model.indicators_
    return {
        "weights": model.weights_, "means": model.means_, "intercept": model.intercept_, "strength": model.strength,
        "choices": _choices_state(made.choices), "origins": [list(pair) for pair in made.origins_],
        "numbers": {name: list(one) for name, one in made.numbers_.items()},
    }  # fmt: skip


def _linear(state: Mapping[str, Any]) -> Linear:
    made = Indicators(
        choices=_choices(state["choices"]),
        numbers_={name: (bool(a), float(b), float(c), bool(d)) for name, (a, b, c, d) in state["numbers"].items()},
        origins_=[(str(name), str(level)) for name, level in state["origins"]],
    )
    return Linear(
        strength=float(state["strength"]), indicators_=made, weights_=np.asarray(state["weights"]),
        means_=np.asarray(state["means"]), intercept_=float(state["intercept"]),
    )  # fmt: skip


def _blend_state(model: Blend) -> dict[str, Any]:
    return {"trees": _trees_state(model.trees_), "linear": _linear_state(model.linear_)}


def _blend(state: Mapping[str, Any]) -> Blend:
    return Blend(trees_=_trees(state["trees"]), linear_=_linear(state["linear"]))


def _points_state(model: Scorecard) -> dict[str, Any]:
    return {
        "base": model.base_, "shrink": model.shrink_,
        "points": {name: [list(pair) for pair in points.items()] for name, points in model.points_.items()},
        "cuts": {name: np.asarray(cuts, dtype=float) for name, cuts in model.cuts_.items()},
    }  # fmt: skip


def _points(state: Mapping[str, Any]) -> Scorecard:
    points = {name: {part: int(worth) for part, worth in pairs} for name, pairs in state["points"].items()}
    cuts = {name: np.asarray(one) for name, one in state["cuts"].items()}
    return Scorecard(base_=float(state["base"]), shrink_=float(state["shrink"]), points_=points, cuts_=cuts)


def _choices_state(choices: Choices) -> dict[str, Any]:
    return {"least_rows": choices.least_rows, "levels": {name: list(one) for name, one in choices.levels_.items()}}


def _choices(state: Mapping[str, Any]) -> Choices:
    return Choices(int(state["least_rows"]), {name: list(one) for name, one in state["levels"].items()})


def _calibration_state(one: Calibration) -> dict[str, Any]:
    return {"kind": one.kind, "slope": one.slope_, "shift": one.shift_, "from": one.from_, "to": one.to_}


def _calibration(state: Mapping[str, Any]) -> Calibration:
    return Calibration(
        kind=state["kind"], slope_=float(state["slope"]), shift_=float(state["shift"]),
        from_=np.asarray(state["from"]), to_=np.asarray(state["to"]),
    )  # fmt: skip


_STATES: Mapping[type, Any] = {
    ShallowTrees: _trees_state,
    Linear: _linear_state,
    Blend: _blend_state,
    Scorecard: _points_state,
}
_READERS: Mapping[str, Any] = {"trees": _trees, "linear": _linear, "blend": _blend, "points": _points}
