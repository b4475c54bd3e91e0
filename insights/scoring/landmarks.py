"""Instants of the past at which a lead or deal was looked at, and what became of it afterwards.

A model that is to be asked about a lead of any age learns from leads of every age: each stands in the table once per
landmark, as it was then, for as long as it was undecided. All rows of one are one group, so no fold knows its end.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.known import DAY, NEVER, Ints, instants

Bools = npt.NDArray[np.bool_]

LEAD_AGES: Final = (0, 1, 3, 7, 14, 30, 60)
"""Days after creation at which leads are looked at."""
DEAL_AGES: Final = (0, 3, 7, 14, 21, 28, 42, 56, 70, 90, 120, 150, 180, 240, 300)
WITHIN: Final = 0.95
"""Share of all conversions that the horizon holds."""
LEAD_HORIZON: Final = (7, 180)
DEAL_HORIZON: Final = (14, 365)
FEW: Final = 20
"""With fewer dated conversions the horizon is the longest."""
AT_FIRST: Final = 60_000_000_000
"""A minute after creation: what came with the record itself is known then."""


def horizon_days(created: pd.Series, won: pd.Series, bounds: tuple[int, int]) -> int:
    """Days after creation within which 95 % of the conversions happened, within bounds."""
    since, until = instants(created), instants(won)
    is_known = (since != NEVER) & (until != NEVER) & (until >= since)
    if is_known.sum() < FEW:
        return bounds[1]
    days = np.quantile((until[is_known] - since[is_known]) / DAY, WITHIN)
    return int(np.clip(np.ceil(days), *bounds))


def landmarks(
    records: pd.DataFrame, *, key: str, won: str, ended: str, ages: tuple[int, ...], horizon: int, cut_off: int
) -> pd.DataFrame:
    """Records whose horizon has passed, once per age at which they were still undecided.

    records: key, created_at, `won` (when it converted; NaT: not), `ended` (when it was decided either way), `is_won`.
    Returns key, at, created (instants), outcome (1: converted within the horizon, after `at`), age (place in `ages`).
    Records without creation are looked at once, without a time; their outcome is `is_won`, as far as it is known.
    """
    since, until, closed = instants(records["created_at"]), instants(records[won]), instants(records[ended])
    is_won = records["is_won"].astype("boolean")
    has_time = since != NEVER
    parts = [_undated(records, key, is_won, ~has_time)]
    is_ripe = has_time & (np.where(has_time, since, 0) <= cut_off - horizon * DAY) & is_won.notna().to_numpy()
    # A conversion without a date is known to have come, and not when: only the first look is surely before it.
    is_vague = is_won.fillna(False).to_numpy() & (until == NEVER)
    for number, age in enumerate(age for age in ages if age < horizon):
        at = np.where(has_time, since, 0) + age * DAY + (AT_FIRST if age == 0 else 0)
        is_seen = is_ripe & (closed > at) & (~is_vague | (number == 0))
        outcome = is_vague | ((until != NEVER) & (until <= np.where(has_time, since, 0) + horizon * DAY))
        parts.append(
            pd.DataFrame({
                key: records[key].to_numpy()[is_seen], "at": at[is_seen], "created": since[is_seen],
                "outcome": outcome[is_seen].astype(np.int64),
                "age": np.full(int(is_seen.sum()), number, dtype=np.int64),
            })
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _undated(records: pd.DataFrame, key: str, is_won: pd.Series, is_undated: Bools) -> pd.DataFrame:
    kept = is_undated & is_won.notna().to_numpy()
    n = int(np.sum(kept))
    never: Ints = np.full(n, NEVER, dtype=np.int64)
    return pd.DataFrame({
        key: records[key].to_numpy()[kept], "at": never, "created": never,
        "outcome": is_won[kept].astype(np.int64).to_numpy(), "age": np.zeros(n, dtype=np.int64),
    })  # fmt: skip
