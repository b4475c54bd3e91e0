"""Which of the models is used: the one that predicted best what it had not seen.

Where time is known, that is what came next: over the newest half, block by block, each model learns from all that came
before. What worked in shuffled folds need not work on tomorrow's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.grading import losses
from insights.scoring.models import CANDIDATES, Model, probability

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]
Known = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]

BLOCKS: Final = 4
NEWEST: Final = 0.5
BLEND: Final = "blend"


def single_models() -> dict[str, Callable[[], Model]]:
    """Those that are fitted; the blend is the mean of the others in log-odds."""
    return {name: make for name, make in CANDIDATES.items() if name != BLEND}


def with_blend(found: Mapping[str, Floats]) -> dict[str, Floats]:
    """found: log-odds by single model."""
    return {**found, BLEND: np.mean([found[name] for name in single_models()], axis=0)}


def choose(outcomes: Outcomes, predicted: Mapping[str, Floats]) -> str:
    """The least log loss. predicted: log-odds by model, out of fold."""
    return min(predicted, key=lambda name: float(losses(outcomes, probability(predicted[name])).mean()))


def choose_by_time(
    frame: pd.DataFrame, outcomes: Outcomes, order: npt.NDArray[np.int64], *, known: Known = lambda before: before
) -> str | None:
    """The least log loss over the newest half, each block predicted from what was known before it. order: the rows from
    the oldest to the newest. known: of the rows before a block, those whose outcome was known at its beginning. None
    where the oldest half has one outcome alone."""
    edges = np.linspace((1 - NEWEST) * len(order), len(order), BLOCKS + 1).round().astype(int)
    if len(np.unique(outcomes[known(order[: edges[0]])])) < 2:
        return None
    parts = [
        with_blend({name: _next(make, frame, outcomes, known(order[:begin]), order[begin:end])
                    for name, make in single_models().items()})
        for begin, end in pairwise(edges)
    ]  # fmt: skip
    newest = outcomes[order[edges[0] :]]
    return choose(newest, {name: np.concatenate([one[name] for one in parts]) for name in parts[0]})


def _next(
    make: Callable[[], Model], frame: pd.DataFrame, outcomes: Outcomes, known: npt.NDArray[np.int64],
    coming: npt.NDArray[np.int64],
) -> Floats:  # fmt: skip
    return make().fit(frame.iloc[known], outcomes[known]).log_odds(frame.iloc[coming])
