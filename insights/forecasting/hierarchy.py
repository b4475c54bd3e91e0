"""Totals and parts that agree: forecasts of every level, adjusted as little as their past errors warrant, to the cent.

The levels form a tree in which a node may be divided several ways (a total into teams and into products; a team into
owners). Each node comes with its own best forecast; weights are the covariance of past errors, shrunk to its diagonal
(MinT-shrink, Wickramasuriya et al. 2019, in its constrained form). Then what is won already is taken as certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insights.forecasting.intervals import moved_low

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Division:
    """A node and one way of dividing it without rest; positions in the order of nodes."""

    whole: int
    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """nodes: their names. divisions: wholes before their parts; every node but the first is part of exactly one."""

    nodes: Sequence[str]
    divisions: Sequence[Division]

    @staticmethod
    def of(divided: Sequence[tuple[str, Sequence[str]]]) -> Hierarchy:
        """divided: (whole, parts), the total first, wholes before their parts. Raises ValueError where that is not
        so."""
        nodes = [divided[0][0]] if divided else []
        for whole, parts in divided:
            if whole not in nodes:
                raise ValueError(f"{whole} is divided before it is a part of anything.")
            if not parts or len({*nodes, *parts}) != len(nodes) + len(parts):
                raise ValueError(f"The parts of {whole} are none, or are parts of something else already.")
            nodes += parts
        place = {name: i for i, name in enumerate(nodes)}
        return Hierarchy(nodes, [Division(place[whole], [place[one] for one in parts]) for whole, parts in divided])

    @property
    def constraints(self) -> Floats:
        """A row per division: the whole minus its parts."""
        rows = np.zeros((len(self.divisions), len(self.nodes)))
        for row, one in zip(rows, self.divisions, strict=True):
            row[one.whole] = 1.0
            row[list(one.parts)] = -1.0
        return rows


def reconciled(hierarchy: Hierarchy, base: Floats, errors: Floats, floors: Whole) -> Whole:
    """Whole amounts in minor units that add up exactly at every division, none below its floor.

    base: nodes by steps, each node's own forecast. errors: past errors, samples by nodes (few or none: each node counts
    by its size). floors: nodes by steps, adding up themselves: what is certain. Raises ValueError where they do not.
    """
    constraints = hierarchy.constraints
    if (constraints @ floors != 0).any():
        raise ValueError("What is certain of the parts does not add up to what is certain of the whole.")
    weights = covariance(errors, base)
    gain = weights @ constraints.T @ np.linalg.pinv(constraints @ weights @ constraints.T)
    above = np.maximum(base - gain @ (constraints @ base) - floors, 0.0)
    found = np.zeros(base.shape, dtype=np.int64)
    found[0] = np.round(above[0])
    for one in hierarchy.divisions:
        parts = list(one.parts)
        for step in range(base.shape[1]):
            found[parts, step] = shared_out(int(found[one.whole, step]), above[parts, step])
    return found + floors


def covariance(errors: Floats, base: Floats) -> Floats:
    """Of past errors, its correlations shrunk by how uncertain they are (Schäfer and Strimmer 2005); where there are
    fewer than three samples, the squared size of each node's forecast."""
    n = len(errors)
    if n < 3 or not np.isfinite(errors).all():
        size = np.abs(base).mean(axis=1)
        return np.diag(np.maximum(size, max(float(size.max(initial=0.0)), 1.0) * 1e-6))
    spread = np.sqrt((errors**2).mean(axis=0))
    spread = np.maximum(spread, max(float(spread.max()), 1.0) * 1e-6)
    unit = errors / spread
    correlation = unit.T @ unit / n
    doubt = ((unit**2).T @ (unit**2) / n - correlation**2) / (n - 1)
    off = ~np.eye(len(spread), dtype=bool)
    total = float((correlation[off] ** 2).sum())
    shrink = float(np.clip(doubt[off].sum() / total, 0.0, 1.0)) if total > 0 else 1.0
    return np.asarray((shrink * np.eye(len(spread)) + (1 - shrink) * correlation) * np.outer(spread, spread))


def shared_out(total: int, weights: Floats) -> Whole:
    """A whole amount >= 0 divided in proportion, without rest: the largest remainders are rounded up, the first at
    ties. Where all weights are 0, evenly."""
    sum_ = float(weights.sum())
    exact = total * (weights / sum_ if sum_ > 0 else np.full(len(weights), 1 / len(weights)))
    found = np.floor(exact).astype(np.int64)
    short = total - int(found.sum())
    found[np.argsort(found - exact, kind="stable")[:short]] += 1
    return found


def moved_bands(before: Floats, low: Floats, high: Floats, after: Whole, floors: Whole) -> tuple[Floats, Floats]:
    """Ends of the intervals moved with their forecast; never below what is certain, never excluding the forecast."""
    shift = after - before
    return np.clip(moved_low(low, shift), floors, after), np.maximum(high + shift, after)


def errors_of(origins: Mapping[str, Floats], hierarchy: Hierarchy) -> Floats:
    """Samples by nodes. origins: forecast minus what came, origins by steps, per node; the newest origins that all
    have."""
    n = min((len(one) for one in origins.values()), default=0)
    if n == 0 or any(name not in origins for name in hierarchy.nodes):
        return np.empty((0, len(hierarchy.nodes)))
    return np.column_stack([origins[name][len(origins[name]) - n :].ravel() for name in hierarchy.nodes])
