"""The demo world's activities as frames, for loads too large for one record at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adapters.demo.activities import DIRECTIONS, FAMILIES, KINDS, OUTCOMES, Activities
from adapters.demo.draws import Ints
from adapters.demo.world import AHEAD_WEEKS, DemoWorld


def activity_frames(world: DemoWorld, *, until: int) -> Iterator[pd.DataFrame]:
    """All live activities known at an instant (UTC seconds), a frame per week drawn, in constant memory.

    Columns as in `records.Activity` (without subject and raw): text ids, as categories but for `external_id`; missing
    where there is none; times of UTC; seconds as Int64.
    """
    for week in range(world.last_week + AHEAD_WEEKS + 1):
        block = world.activities(week)
        shown = block.take((block.known <= until) & (block.deleted > until))
        if len(shown):
            yield _frame(shown, until)


def activity_ids(acts: Activities) -> list[str]:
    """External ids, one per activity."""
    families = [FAMILIES[family] for family in acts.family.tolist()]
    return [f"A{family}{number}" for family, number in zip(families, acts.number.tolist(), strict=True)]


def _frame(acts: Activities, until: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "external_id": activity_ids(acts),
            "kind": _categories(acts.kind, [kind.value for kind in KINDS]),
            "owner_id": _ids("U", acts.owner),
            "occurred_at": pd.to_datetime(acts.occurred, unit="s", utc=True),
            "direction": _named(acts.direction, DIRECTIONS),
            "outcome": _named(acts.outcome_at(until), OUTCOMES),
            "duration_s": pd.arrays.IntegerArray(acts.duration, acts.duration < 0),
            "deal_id": _ids("D", acts.deal),
            "lead_id": _ids("L", acts.lead),
            "company_id": _ids("C", np.where(acts.company < 0, -1, 2 * acts.company)),
            "contact_id": _ids("P", np.where(acts.contact < 0, -1, 2 * acts.contact)),
        }
    )


def _named(codes: Ints, names: tuple[str | None, ...]) -> pd.Categorical:
    """Codes into names; None becomes missing."""
    known = [name for name in names if name is not None]
    positions = np.array([known.index(name) if name is not None else -1 for name in names], dtype=np.int64)
    return _categories(positions[codes], known)


def _ids(letter: str, numbers: Ints) -> pd.Categorical:
    """Numbers as external ids; negative ones are missing."""
    distinct, codes = np.unique(numbers, return_inverse=True)
    gone = int((distinct < 0).sum())
    return _categories((codes - gone).astype(np.int64), [f"{letter}{number}" for number in distinct[gone:].tolist()])


def _categories(codes: Ints, names: list[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, names)  # type: ignore[arg-type]  # the stubs know neither arrays nor lists
