"""Every node of a hierarchy forecast by its own best method, then made to add up, then not below what is won
already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from insights.forecasting.hierarchy import Hierarchy, Whole, errors_of, moved_bands, reconciled
from insights.forecasting.members import CannotForecast, Floats
from insights.forecasting.panel import Forecast

COLUMNS = ("series", "day", "step", "base", "value", "low", "high", "method")


def coherent(found: Forecast, hierarchy: Hierarchy, *, won: Mapping[str, Whole] | None = None) -> pd.DataFrame:
    """found: a forecast whose series are the hierarchy's nodes, in minor units. won: by node, what is certain of each
    coming step, adding up itself; nodes that are not named have nothing.

    Returns `series`, `day`, `step`, `base` (the node's own forecast), `value` (whole minor units that add up exactly at
    every division), `low`, `high`, `method`, in the order of nodes. Raises CannotForecast where a node is missing.
    """
    by_node = {str(name): rows.sort_values("step") for name, rows in found.rows.groupby("series")}
    missing = [name for name in hierarchy.nodes if name not in by_node]
    if missing:
        raise CannotForecast(f"There is no forecast of {', '.join(missing)}.")
    base, low, high = (_stacked(by_node, hierarchy, name) for name in ("value", "low", "high"))
    nothing = np.zeros(base.shape[1], dtype=np.int64)
    floors = np.array([(won or {}).get(name, nothing) for name in hierarchy.nodes], dtype=np.int64)
    value = reconciled(hierarchy, base, errors_of(_errors(found), hierarchy), floors)
    below, above = moved_bands(base, low, high, value, floors)
    parts = [by_node[name].assign(base=base[i], value=value[i], low=below[i], high=above[i])
             for i, name in enumerate(hierarchy.nodes)]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _stacked(by_node: Mapping[str, pd.DataFrame], hierarchy: Hierarchy, column: str) -> Floats:
    return np.array([by_node[name][column].to_numpy(np.float64) for name in hierarchy.nodes])


def _errors(found: Forecast) -> dict[str, Floats]:
    """Errors at past origins of the method that each series was given."""
    return {
        one.series: one.trial.tracks[one.choice.name].mean - one.trial.actual for one in found.tried if one.trial.tracks
    }
