"""Where naive wins, naive is shown: a node whose forecast, open deals included, erred at past origins no less than the
last value carried on, or that of a season ago, is given the naive one, as its report card grades both.

Open deals are decided on per level, for one owner's few origins are mostly chance; whether that is better than naive is
asked of every node by itself, for this is what its card says. While open deals count without a record at those origins,
it cannot be asked. Making parts and total agree comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from insights.forecasting.choice import Choice, is_naive, times
from insights.forecasting.members import Floats
from insights.forecasting.near_weeks import DEALS, PAST, Verdict, mean_at_origins
from insights.forecasting.nodes import node
from insights.forecasting.panel import Tried
from insights.forecasting.pipeline import Replay
from insights.forecasting.sparse import is_sparse

_AS_GOOD: Final = 1e-9
"""Of an error: a blend of two that say the same is off by the same, but for the last bits."""


def where_naive_wins(
    all_tried: Sequence[Tried], said: Sequence[Replay], by_kind: Mapping[str, Verdict]
) -> tuple[list[Tried], dict[str, Verdict]]:
    """Every node with the naive forecast as its choice where nothing else would be better, and by series what is done
    with its open deals: nothing there, else the verdict on its kind. by_kind: empty where they are not looked at."""
    given, verdicts = [], {}
    for one in all_tried:
        verdict = by_kind.get(node(one.series)[0])
        made, kept = _given(one, said, verdict)
        given.append(made)
        if kept is not None:
            verdicts[one.series] = kept
    return given, verdicts


def error_at_origins(one: Tried, mean: Floats) -> float:
    """Mean absolute error as the report card grades it: of steps or, of a sparse series, of the horizon's sums. mean:
    origins by steps; below zero it would be shown as zero."""
    off = np.maximum(mean, 0.0) - one.trial.actual
    return float(np.abs(off.sum(axis=1) if is_sparse(one.trial) else off).mean())


def _given(one: Tried, said: Sequence[Replay], verdict: Verdict | None) -> tuple[Tried, Verdict | None]:
    if not one.trial.tracks or (verdict is not None and verdict.is_unseen):
        return one, verdict
    errors = {name: error_at_origins(one, track.mean) for name, track in one.trial.tracks.items() if is_naive(name)}
    best = min(errors, key=lambda name: errors[name])
    has_deals = verdict is not None and verdict.used != PAST
    if best == one.choice.name and not has_deals:
        return one, verdict
    if errors[best] > error_at_origins(one, mean_at_origins(one, said, verdict)) * (1 + _AS_GOOD):
        return one, verdict
    other = one.choice.name if verdict is None or not has_deals else _with_deals(verdict, one.choice.name)
    why = f"At {times(one.trial)} its error was no larger than that of {other}."
    made = replace(one, choice=Choice(best, why, one.choice.errors))
    return made, replace(verdict, used=PAST, why="") if verdict is not None and has_deals else verdict


def _with_deals(verdict: Verdict, name: str) -> str:
    return DEALS if verdict.used == DEALS else f"{name} with open deals"
