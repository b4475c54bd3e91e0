"""The next eight weeks of bookings: what open deals say, and what past weeks say, whichever erred less at past origins.

Decided per level (total, teams, owners …), for one owner's few origins are mostly chance. With fewer than three origins
at which both can be compared, open deals count: they are corrected by their own record, which begins earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from insights.forecasting.deal_facts import DealFacts
from insights.forecasting.intervals import moved_low
from insights.forecasting.members import CannotForecast, Floats
from insights.forecasting.nodes import NOBODY, Grid, node
from insights.forecasting.panel import Forecast, Tried
from insights.forecasting.pipeline import NEAR_WEEKS, Bookings, Replay, replays

PAST: Final = "past weeks"
DEALS: Final = "open deals and past weeks"
BOTH: Final = "mean of both"
SHARE: Final[Mapping[str, float]] = {PAST: 0.0, DEALS: 1.0, BOTH: 0.5}
"""How much of the forecast with open deals is taken."""
LEAST_ORIGINS: Final = 3
LEAST_WON: Final = 50
"""Won deals on record before chances of open ones are learnt from them."""
MOST_WEEKS: Final = 78
"""Weeks of closings that the chances of open deals are learnt from."""
LEVELS: Final = ("team", "owner", "product", "source")


@dataclass(frozen=True, slots=True)
class Verdict:
    """used: one of SHARE. errors: sums of absolute errors over the near weeks, by SHARE; empty: too few origins."""

    used: str
    why: str
    errors: Mapping[str, float]

    @property
    def is_unseen(self) -> bool:
        """Whether open deals count without a record of how they did."""
        return self.used != PAST and not self.errors


def replays_of(facts: DealFacts, grid: Grid, currency: str) -> list[Replay]:
    """Every week's. Raises CannotForecast where the record is too short for any, or too few deals were won."""
    since = max(pd.Timestamp(grid.past[0]), grid.now - pd.Timedelta(weeks=MOST_WEEKS))
    deals = facts.deals
    known = deals[deals["opened_on"].notna() & ~(deals["closed_on"].isna() & (deals["status"] != "open"))]
    known = known[known["closed_on"].isna() | (known["closed_on"] >= since)]
    known = known[(known["currency"] == currency) | ((known["currency"] == "") & (known["status"] == "open"))]
    n_won = int((known["status"] == "won").sum())
    if n_won < LEAST_WON:
        raise CannotForecast(f"{n_won} deals were won on record; open deals are looked at from {LEAST_WON} on.")
    has_products = bool((known["product"] != NOBODY).mean() > 0.5)
    table = pd.DataFrame(
        {
            "opened_on": known["opened_on"].where(~(known["opened_on"] > known["closed_on"]), known["closed_on"]),
            "closed_on": known["closed_on"],
            "is_won": known["status"] == "won",
            "value": known["amount"].where(known["status"] == "won"),
            "owner": known["owner"],
            "team": known["owner"].map(facts.teams).fillna(NOBODY),
            "product": known["product"],
            "source": known["source"],
            "kind": known["product"] if has_products else "all",
        }
    ).reset_index(drop=True)
    return replays(Bookings(deals=table, since=since, value_by="kind", levels=LEVELS), grid.now)


def of_replay(one: Replay, name: str) -> Floats:
    """What it says of a node's near weeks; nothing where it knows no deal of it."""
    kind, key = node(name)
    table = one.blend[kind]
    place = "total" if kind == "total" else key
    if place not in table.index:
        return np.zeros(NEAR_WEEKS)
    return table.loc[place].to_numpy(np.float64)[:NEAR_WEEKS]


def judged(all_tried: Sequence[Tried], said: Sequence[Replay]) -> dict[str, Verdict]:
    """By kind of node, from the origins of the trials at which there is a replay."""
    by_day = {one.day: one for one in said}
    errors: dict[str, dict[str, float]] = {}
    origins: dict[str, int] = {}
    for one in all_tried:
        kind, _ = node(one.series)
        sums = errors.setdefault(kind, dict.fromkeys(SHARE, 0.0))
        n = 0
        for place, cutoff in enumerate(one.trial.cutoffs):
            then = by_day.get(pd.Timestamp(one.past.days[cutoff - 1]) + pd.Timedelta(days=7))
            if then is None:
                continue
            n += 1
            mean = one.trial.tracks[one.choice.name].mean[place]
            for name, share in SHARE.items():
                mixed = mixed_in(mean, of_replay(then, one.series), share)
                sums[name] += float(np.abs(mixed - one.trial.actual[place])[:NEAR_WEEKS].sum())
        origins[kind] = max(origins.get(kind, 0), n)
    return {kind: _verdict(sums, origins[kind]) for kind, sums in errors.items()}


def _verdict(sums: Mapping[str, float], n: int) -> Verdict:
    if n < LEAST_ORIGINS:
        return Verdict(
            DEALS, f"Open deals can be looked back on at {n} origins; until there are {LEAST_ORIGINS}, they count.", {}
        )
    best = min(SHARE, key=lambda name: sums[name])
    return Verdict(best, f"At {n} past origins the next {NEAR_WEEKS} weeks were closest by {best}.", dict(sums))


def mixed_in(mean: Floats, near: Floats, share: float) -> Floats:
    """The first weeks with that share of what open deals say."""
    found = mean.copy()
    n = min(len(found), len(near))
    found[:n] = (1 - share) * found[:n] + share * near[:n]
    return found


def with_open_deals(found: Forecast, said: Sequence[Replay], verdicts: Mapping[str, Verdict]) -> Forecast:
    """The forecast with its near weeks as the verdicts, by series, say; intervals move along, and nothing is below
    zero."""
    rows = found.rows.copy()
    for name, places in rows.groupby("series").groups.items():
        verdict = verdicts[str(name)]
        if verdict.used == PAST:
            continue
        ordered = rows.loc[places].sort_values("step")
        value = ordered["value"].to_numpy(np.float64)
        moved = mixed_in(value, of_replay(said[-1], str(name)), SHARE[verdict.used])
        low = np.clip(moved_low(ordered["low"].to_numpy(np.float64), moved - value), 0.0, moved)
        high = np.maximum(ordered["high"].to_numpy(np.float64) + moved - value, moved)
        rows.loc[ordered.index, ["value", "low", "high"]] = np.column_stack([moved, low, high])
        near = ordered.index[ordered["step"] <= NEAR_WEEKS]
        rows.loc[near, "method"] = (
            verdict.used if verdict.used == DEALS else f"mean of {DEALS}, and {ordered['method'].iloc[0]}"
        )
    return replace(found, rows=rows)


def mean_at_origins(one: Tried, said: Sequence[Replay], verdict: Verdict | None) -> Floats:
    """What would have been said at each past origin by what is used now; origins by steps."""
    track = one.trial.tracks[one.choice.name].mean
    if verdict is None or verdict.used == PAST:
        return track
    by_day = {each.day: each for each in said}
    found = track.copy()
    for place, cutoff in enumerate(one.trial.cutoffs):
        then = by_day.get(pd.Timestamp(one.past.days[cutoff - 1]) + pd.Timedelta(days=7))
        if then is not None:
            found[place] = mixed_in(track[place], of_replay(then, one.series), SHARE[verdict.used])
    return found
