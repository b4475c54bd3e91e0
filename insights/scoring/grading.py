"""How good predictions were: ranking, sharpness and calibration, each with its n."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]
BINS: Final = 10
_LEAST: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Grades:
    """auc: chance that a converted one stands above another (ties half); None with one outcome only. auc_low, auc_high:
    its 95 % interval, by groups where rows come in some. log_loss in nats; brier: mean squared error; ece: mean
    distance of ten bins of equal size from their rate. lift10, lift20: rate in the best tenth and fifth over the base
    rate, None where nothing converted."""

    n: int
    base_rate: float
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    log_loss: float
    brier: float
    ece: float
    lift10: float | None
    lift20: float | None

    def rounded(self, digits: int = 6) -> dict[str, float | int | None]:
        return {
            name: round(value, digits) if isinstance(value, float) else value for name, value in asdict(self).items()
        }


def grade(outcomes: Outcomes, probabilities: Floats, *, groups: npt.NDArray[np.int64] | None = None) -> Grades:
    """outcomes: 0 or 1, at least one row; probabilities: in [0, 1], as many. groups: rows of one say little more than
    one row, so intervals go by how many there are."""
    area, numbers = auc(outcomes, probabilities), np.arange(len(outcomes)) if groups is None else groups
    n_no, n_yes = (len(np.unique(numbers[outcomes == one])) for one in (0, 1))
    spread = None if area is None else _auc_error(area, n_yes, n_no)
    return Grades(
        n=len(outcomes),
        base_rate=float(outcomes.mean()),
        auc=area,
        auc_low=None if area is None or spread is None else max(area - 1.96 * spread, 0.0),
        auc_high=None if area is None or spread is None else min(area + 1.96 * spread, 1.0),
        log_loss=float(losses(outcomes, probabilities).mean()),
        brier=float(((outcomes - probabilities) ** 2).mean()),
        ece=calibration_error(outcomes, probabilities),
        lift10=lift(outcomes, probabilities, 0.1),
        lift20=lift(outcomes, probabilities, 0.2),
    )


def auc(outcomes: Outcomes, scores: Floats) -> float | None:
    """Area under the ROC curve; None where all outcomes are the same."""
    n_yes = int(outcomes.sum())
    n_no = len(outcomes) - n_yes
    if not n_yes or not n_no:
        return None
    ranks = rankdata(scores)
    return float((ranks[outcomes == 1].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def _auc_error(area: float, n_yes: int, n_no: int) -> float:
    """Standard error. Source: Hanley and McNeil 1982."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n_yes - 1) * (q1 - area**2) + (n_no - 1) * (q2 - area**2)
    return sqrt(max(spread, 0.0) / (n_yes * n_no))


def losses(outcomes: Outcomes, probabilities: Floats) -> Floats:
    """Log loss of each row, in nats."""
    kept = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return -np.where(outcomes == 1, np.log(kept), np.log1p(-kept))


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar prediction: their number, mean prediction, and share that converted."""

    n: int
    predicted: float
    happened: float


def reliability(outcomes: Outcomes, probabilities: Floats, bins: int = BINS) -> list[Bin]:
    """Bins of about equal size in the order of the prediction; equal predictions are in one bin."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    places = np.searchsorted(edges, probabilities, side="left")
    parts = [places == place for place in np.unique(places)]
    return [Bin(int(part.sum()), float(probabilities[part].mean()), float(outcomes[part].mean())) for part in parts]


def calibration_error(outcomes: Outcomes, probabilities: Floats, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of the bins from their rate, weighted by size."""
    found = reliability(outcomes, probabilities, bins)
    return sum(one.n * abs(one.predicted - one.happened) for one in found) / len(outcomes)


def lift(outcomes: Outcomes, scores: Floats, share: float) -> float | None:
    """Rate among the best `share` of rows over the base rate; ties at the border count by their mean."""
    base = float(outcomes.mean())
    if not base:
        return None
    n_best = max(round(share * len(outcomes)), 1)
    border = np.partition(scores, len(scores) - n_best)[len(scores) - n_best]
    above, at = scores > border, scores == border
    from_border = (n_best - int(above.sum())) * float(outcomes[at].mean())
    return (float(outcomes[above].sum()) + from_border) / n_best / base
