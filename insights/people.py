"""Who does what: one row per owner, from rollups. Owners without any row stand with zeros, what nobody owns stands
apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from insights.metrics import TOO_FEW
from insights.money import Money, converted

NOBODY: Final = 0
EVENTS: Final = {"new_deals": ("created",), "won": ("won",), "n_closed": ("won", "lost")}
KINDS: Final = {"emails": ("email",), "calls": ("call",), "meetings": ("meeting", "appointment")}
TOTALS: Final = {**KINDS, "new_deals": EVENTS["new_deals"]}
"""The parts that each count of a person's work adds up."""


def roll_up(
    owners: pd.DataFrame,
    *,
    events: pd.DataFrame,
    activities: pd.DataFrame,
    stages: pd.DataFrame,
    rates: pd.DataFrame,
    day: pd.Timestamp,
    reporting_currency: str | None,
) -> pd.DataFrame:
    """One row per owner, and one for nobody where something has no owner; not sorted.

    owners: OWNERS. events: DEAL_EVENTS by owner. activities: ACTIVITY_COUNTS by owner. stages: STAGES by owner.
    An event is converted by the rate of its own day, so that the sums over owners are those of the Overview; the open
    pipeline by that of `day`.

    Returns owner_id, name (None for nobody), team, is_active, emails, calls, meetings, new_deals, won, n_closed,
    n_open, won_money and pipeline_money (tuples of Money, one per currency, the largest first; empty where no deal has
    an amount), win_rate (NaN where nothing closed), few (a rate of fewer than `TOO_FEW` closed deals).
    """
    people = _people(owners, pd.concat([events["owner_id"], activities["owner_id"], stages["owner_id"]]))
    ids = people["owner_id"]
    money = converted(events, rates, reporting_currency, days=events["day"])
    held = converted(stages, rates, reporting_currency, days=day.date())
    counts = {**_counted(activities, "kind", KINDS, ids), **_counted(events, "event", EVENTS, ids)}
    n_closed = counts["n_closed"]
    # Nothing closed: 0 / 0 is not a number, which is what a rate of nothing is.
    rate = pd.Series(counts["won"], dtype="float64") / pd.Series(n_closed).replace(0, np.nan)
    return people.assign(
        **counts,
        n_open=_sums(stages, ids),
        won_money=_money(money[(money["event"] == "won") & (money["n_valued"] > 0)], ids),
        pipeline_money=_money(held[held["n_valued"] > 0], ids),
        win_rate=rate.to_numpy(),
        few=(n_closed > 0) & (n_closed < TOO_FEW),
    )


def totals(parts: Mapping[str, int | None]) -> dict[str, int | None]:
    """The counts of `TOTALS`, from their parts; None where none of a count's parts is told."""
    told = {name: [parts[part] for part in members] for name, members in TOTALS.items()}
    return {
        name: None if all(count is None for count in counts) else sum(count or 0 for count in counts)
        for name, counts in told.items()
    }


def _people(owners: pd.DataFrame, seen: pd.Series) -> pd.DataFrame:
    people = owners[["owner_id", "name", "team", "is_active"]].astype({"owner_id": "int64"})
    if (seen == NOBODY).any():
        nobody = pd.DataFrame([{"owner_id": NOBODY, "name": None, "team": None, "is_active": True}])
        people = pd.concat([people, nobody], ignore_index=True)
    return people.reset_index(drop=True)


def _sums(frame: pd.DataFrame, ids: pd.Series) -> np.ndarray:
    """Sums of `n` per owner, in the order of `ids`; 0 where there is no row."""
    return frame.groupby("owner_id")["n"].sum().reindex(ids, fill_value=0).to_numpy(dtype="int64")


def _counted(
    frame: pd.DataFrame, field: str, wanted: dict[str, tuple[str, ...]], ids: pd.Series
) -> dict[str, np.ndarray]:
    return {name: _sums(frame[frame[field].isin(values)], ids) for name, values in wanted.items()}


def _money(frame: pd.DataFrame, ids: pd.Series) -> pd.Series:
    """Per owner what `money.totals` gives, in one grouping instead of one per owner."""
    sums = frame.groupby(["owner_id", "currency"], dropna=False)["amount_minor"].sum()
    found: dict[int, list[Money]] = defaultdict(list)
    owner_ids, currencies = (sums.index.get_level_values(level) for level in (0, 1))
    for owner_id, currency, minor in zip(owner_ids, currencies, sums, strict=True):
        one = Money(currency if isinstance(currency, str) else None, int(minor))
        if one.currency or one.minor:
            found[int(owner_id)].append(one)
    ordered = [tuple(sorted(found.get(int(one), ()), key=_largest_first)) for one in ids]
    return pd.Series(ordered, index=ids.index, dtype="object")


def _largest_first(one: Money) -> tuple[int, str]:
    return -one.minor, one.currency or ""
