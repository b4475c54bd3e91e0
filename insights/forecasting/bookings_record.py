"""The report card of bookings from open deals: what was said every week of the sum of the coming weeks, and what
came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.forecasting.backtest import ORIGINS
from insights.forecasting.grading import grade, naive_scale
from insights.forecasting.members import Floats
from insights.forecasting.pipeline import FIRST_WEEKS, QUARTER, Replay, until_bands

SHOWN: Final = "shown"
PARTS: Final[Mapping[str, str]] = {SHOWN: "blend", "open deals": "pipeline", "history": "series"}
Card = dict[str, Any]


def bookings_cards(said: Sequence[Replay], level: str, came: pd.DataFrame, weeks: int) -> dict[str, Card]:
    """A card per name of the level, JSON. said: all replays; came: what was won, names by weeks up to the last of them;
    weeks: over how many the sums go.

    `methods`: what is shown, its parts, the last week carried on (naive), the same weeks of the quarter before
    (seasonal naive), and the weighted pipeline, which is no forecast. Each has its `n`, for a quarter must be over
    before the one before can be repeated; 0: no origin. Origins overlap: `origins_apart` says how many do not. Only
    what is shown has an interval. MASE is relative to the change between such sums.
    """
    at = range(FIRST_WEEKS, came.shape[1] - weeks + 1)
    bands = [until_bands(said[: week - FIRST_WEEKS + 1], level, came.iloc[:, :week]) for week in at]
    cards: dict[str, Card] = {}
    for name in came.index:
        low, high = (np.array([one[end].loc[name].iloc[weeks - 1] for one in bands], dtype=float) for end in (0, 1))
        cards[str(name)] = _card(said, level, came.loc[name].to_numpy(np.float64), str(name), weeks, at, low, high)
    return cards


def _card(
    said: Sequence[Replay], level: str, came: Floats, name: str, weeks: int, at: range, low: Floats, high: Floats
) -> Card:
    def of_part(part: str) -> Callable[[int], float]:
        return lambda week: float(getattr(said[week - FIRST_WEEKS], part)[level].loc[name].iloc[:weeks].sum())

    telling = {words: of_part(part) for words, part in PARTS.items()} | {
        "naive": lambda week: float(came[week - 1] * weeks),
        "seasonal naive": lambda week: float(came[week - QUARTER + np.arange(weeks) % QUARTER].sum()),
        "weighted pipeline, for reference": lambda week: float(said[week - FIRST_WEEKS].weighted[level].loc[name]),
    }
    return {
        "weeks": weeks,
        "origins": [said[week - FIRST_WEEKS].day.date().isoformat() for week in at],
        "origins_apart": (len(at) - 1) // weeks + 1 if at else 0,
        "why_few_origins": None
        if len(at) >= ORIGINS
        else f"{len(came)} weeks on record leave {len(at)} of {ORIGINS} origins.",
        "methods": {
            words: _graded(came, weeks, [week for week in at if words != "seasonal naive" or week >= QUARTER], tell)
            | (_coverage(came, weeks, at, low, high) if words == SHOWN else {})
            for words, tell in telling.items()
        },
    }


def _sums(came: Floats, weeks: int, at: Sequence[int]) -> Floats:
    return np.array([came[week : week + weeks].sum() for week in at])


def _graded(came: Floats, weeks: int, at: Sequence[int], tell: Callable[[int], float]) -> dict[str, Any]:
    """Of the point forecast; n 0 and nothing else where there is no origin."""
    if not at:
        return {"n": 0}
    told = np.array([tell(week) for week in at])
    scale = naive_scale(np.convolve(came, np.ones(weeks), "valid"), weeks)
    made = grade(_sums(came, weeks, at), told, told, told, scale=scale).rounded()
    return {key: made[key] for key in ("n", "wape", "bias", "mase")}


def _coverage(came: Floats, weeks: int, at: Sequence[int], low: Floats, high: Floats) -> dict[str, Any]:
    actual = _sums(came, weeks, at)
    return {"coverage80": round(float(np.mean((low <= actual) & (actual <= high))), 4)} if len(at) else {}
