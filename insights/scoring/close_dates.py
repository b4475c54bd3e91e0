"""When a deal that is won will be won: how long deals of that stage and age took from there on.

Learnt from landmarks of deals whose outcome is known, so nothing is censored: of deals in the same stage and of about
the same age, the days until they were won. Where a stage has too few, its pipeline speaks, then all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LEAST: Final = 30
"""Won landmarks that a group needs."""
AGES: Final = (7.0, 21.0, 45.0, 90.0)
"""Where ages in the stage are parted, in days."""
SHARES: Final = (0.1, 0.5, 0.9)


@dataclass(slots=True)
class CloseDates:
    """days_: early, likely and late days from now, by pipeline, stage and age, and by ever fewer of them. decided_: of
    deals that were open at an age in days, the share that was decided, by age."""

    days_: dict[tuple[str, ...], tuple[float, float, float]] = field(default_factory=dict)
    decided_: list[tuple[float, float]] = field(default_factory=list)

    def fit(self, rows: pd.DataFrame, days: Floats) -> CloseDates:
        """rows: features of landmarks of won deals; days: from the landmark to the day of winning."""
        for keys in _keys(rows):
            for key, places in pd.Series(range(len(keys))).groupby(pd.Series(keys)):
                if len(places) >= LEAST:
                    early, likely, late = np.quantile(days[places.to_numpy()], SHARES)
                    self.days_[tuple(key)] = (float(early), float(likely), float(late))
        return self

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Early, likely and late days from now per row; NaN where too few deals were ever won."""
        found = np.full((len(rows), 3), np.nan)
        for keys in reversed(_keys(rows)):
            known = [self.days_.get(key) for key in keys]
            has = [place for place, one in enumerate(known) if one is not None]
            if has:
                found[has] = [known[place] for place in has]
        return found

    def share_decided(self, rows: pd.DataFrame) -> Floats:
        """The share of deals of that age that were decided at all, won or lost; 1 where nothing is known of it."""
        if not self.decided_:
            return np.ones(len(rows))
        ages, shares = (np.array(one) for one in zip(*self.decided_, strict=True))
        places = np.searchsorted(ages, rows["age in days"].fillna(0).to_numpy(dtype=float), side="right") - 1
        return np.asarray(shares[np.clip(places, 0, len(ages) - 1)], dtype=float)

    def state(self) -> dict[str, Any]:
        return {
            "days": [[list(key), list(days)] for key, days in sorted(self.days_.items())],
            "decided": [list(pair) for pair in self.decided_],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CloseDates:
        days = {tuple(key): (float(a), float(b), float(c)) for key, (a, b, c) in state["days"]}
        return cls(days, [(float(age), float(share)) for age, share in state["decided"]])


def _keys(rows: pd.DataFrame) -> list[list[tuple[str, ...]]]:
    """Of each row its groups, the narrowest first."""
    pipeline = rows["pipeline"].astype(object).astype(str).tolist()
    stage = rows["stage"].astype(object).astype(str).tolist()
    ages = np.searchsorted(AGES, rows["days in stage"].fillna(0).to_numpy(dtype=float))
    return [
        [(one, other, f"age {age}") for one, other, age in zip(pipeline, stage, ages, strict=True)],
        list(zip(pipeline, stage, strict=True)),
        [(one,) for one in pipeline],
        [()] * len(rows),
    ]


def on_trial(rows: pd.DataFrame, days: Floats, created: npt.NDArray[np.int64]) -> Mapping[str, Any] | None:
    """How far off the likely day was for the newest fifth, learnt from the rest; beside it the CRM's own close date.

    Errors in days (medians); coverage80: share between the early and the late day. None with too few won deals."""
    if len(days) < 5 * LEAST:
        return None
    order = np.argsort(created, kind="stable")
    border = round(0.8 * len(order))
    first, last = order[:border], order[border:]
    model = CloseDates().fit(rows.iloc[first].reset_index(drop=True), days[first])
    newest = rows.iloc[last].reset_index(drop=True)
    said, happened = model.predict(newest), days[last]
    theirs = newest["days until close date"].to_numpy(dtype=float)
    has_both = ~np.isnan(theirs) & ~np.isnan(said[:, 1])
    return {
        "n": int(has_both.sum()),
        "median_error_days": _median(np.abs(said[:, 1] - happened)[has_both]),
        "crm_error_days": _median(np.abs(theirs - happened)[has_both]),
        "coverage80": float(((said[:, 0] <= happened) & (happened <= said[:, 2])).mean()),
    }


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None
