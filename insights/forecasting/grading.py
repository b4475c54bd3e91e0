"""How good forecasts were: errors relative to what came and to naive ones, bias, and how often the interval held."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grades:
    """n: forecast steps. wape: sum of absolute errors over the sum of what came; bias: sum of errors over it (positive:
    too high); both None where nothing came. mase: mean absolute error over that of the naive method inside the past;
    None where the past never changed. smape in percent, 0 to 200. coverage80: share inside the interval. winkler80: its
    width plus ten times what fell outside, over the same scale as mase."""

    n: int
    wape: float | None
    bias: float | None
    mase: float | None
    smape: float
    coverage80: float
    winkler80: float | None

    def rounded(self, digits: int = 4) -> dict[str, float | int | None]:
        return {
            name: round(value, digits) if isinstance(value, float) else value for name, value in asdict(self).items()
        }


def grade(actual: Floats, mean: Floats, low: Floats, high: Floats, *, scale: float) -> Grades:
    """All of one shape, any. scale: mean absolute change from step to step of the past (`naive_scale`)."""
    total = float(np.abs(actual).sum())
    error = mean - actual
    return Grades(
        n=int(actual.size),
        wape=float(np.abs(error).sum()) / total if total else None,
        bias=float(error.sum()) / total if total else None,
        mase=float(np.abs(error).mean()) / scale if scale else None,
        smape=smape(actual, mean),
        coverage80=float(np.mean((low <= actual) & (actual <= high))),
        winkler80=float(winkler(actual, low, high).mean()) / scale if scale else None,
    )


def naive_scale(past: Floats, period: int = 1) -> float:
    """Mean absolute change over `period` steps; 0 where there is none. Source: Hyndman and Koehler 2006."""
    return float(np.abs(past[period:] - past[:-period]).mean()) if len(past) > period else 0.0


def smape(actual: Floats, mean: Floats) -> float:
    """Symmetric mean absolute percentage error as in the M4 competition; both zero counts as no error."""
    size = np.abs(actual) + np.abs(mean)
    return float(np.mean(np.divide(200 * np.abs(mean - actual), size, out=np.zeros_like(size), where=size > 0)))


def winkler(actual: Floats, low: Floats, high: Floats, *, outside: float = 0.2) -> Floats:
    """Width plus 2 / outside times the distance of what fell outside. Source: Winkler 1972."""
    below, above = np.maximum(low - actual, 0), np.maximum(actual - high, 0)
    return np.asarray((high - low) + 2 / outside * (below + above))


def owa(smape_: float, mase: float, *, naive_smape: float, naive_mase: float) -> float:
    """Mean of both errors relative to a naive method's, as in the M4 competition."""
    return (smape_ / naive_smape + mase / naive_mase) / 2
