"""How scores did that were issued: what happened beside what was said, and whether the rate has moved away."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.models import probability

LEAST: Final = 200
"""Graded scores below which nothing is said."""
BEYOND_NOISE: Final = 3.0
"""Standard errors by which what happened must be off."""
WORTH_IT: Final = 0.15
"""Log-odds below which a correction changes nothing that anybody sees."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """said: by the model, without what it was corrected by; happened: both rates. shift: log-odds from the one to the
    other. is_raised: beyond noise."""

    n: int
    said: float
    happened: float
    shift: float
    is_raised: bool


def drift_alarm(graded: pd.DataFrame) -> Alarm | None:
    """graded: entity_key, probability, outcome and drift of scores of one model that were graded lately; those of one
    lead or deal share its outcome, so that noise goes by these. What they had been corrected by already is taken out: a
    correction is of what the model says, not of itself. None: too few."""
    known = graded.dropna(subset=["probability", "outcome"])
    if len(known) < LEAST:
        return None
    issued, happened = known["probability"].to_numpy(dtype=float), known["outcome"].to_numpy(dtype=float)
    said = probability(_log_odds(issued) - known["drift"].to_numpy(dtype=float))
    spreads = np.bincount(pd.factorize(known["entity_key"])[0], weights=np.sqrt(said * (1 - said)))
    error = sqrt(float((spreads**2).sum())) / len(said)
    distance = float(happened.mean() - said.mean())
    shift = _shift(said, float(np.clip(happened.mean(), 0.5 / len(said), 1 - 0.5 / len(said))))
    is_raised = abs(distance) > BEYOND_NOISE * error and abs(shift) >= WORTH_IT
    return Alarm(len(known), float(said.mean()), float(happened.mean()), shift, is_raised)


def _log_odds(chances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    kept = np.clip(chances, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(kept / (1 - kept)), dtype=float)


def _shift(said: npt.NDArray[np.float64], rate: float) -> float:
    """Added to all log-odds it makes their mean probability `rate`."""
    log_odds = _log_odds(said)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        is_low = float(probability(log_odds + middle).mean()) < rate
        low, high = (middle, high) if is_low else (low, middle)
    return (low + high) / 2
