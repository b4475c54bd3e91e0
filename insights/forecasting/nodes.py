"""The nodes of an organization's forecast and what each brought: total, teams and their owners, products, sources.

A node is written `kind:key`. Owners who are gone and brought nothing for half a year are no nodes: nothing is expected
of them. A history reaches as far as deals were recorded, in whole weeks (Monday to Sunday) or calendar months.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.forecasting.deal_facts import DealFacts
from insights.forecasting.hierarchy import Hierarchy
from insights.forecasting.members import CannotForecast

Step = Literal["week", "month"]
Measure = Literal["bookings", "new_deals"]
Whole = npt.NDArray[np.int64]

TOTAL: Final = "total:"
NOBODY: Final = ""
"""The key of what has no team, owner, product or source."""
MOST_STEPS: Final[Mapping[Step, int]] = {"week": 156, "month": 72}
LEAST_STEPS: Final[Mapping[Step, int]] = {"week": 8, "month": 4}
HORIZON: Final[Mapping[Step, int]] = {"week": 13, "month": 6}
LATELY: Final[Mapping[Step, int]] = {"week": 26, "month": 6}
"""Who brought something in so many steps, or is active, is a node."""
BEGINNING: Final = 0.01
"""Share of all events that may lie before the history begins: a few deals are dated long ago by mistake."""


class TooLittlePast(CannotForecast):
    """How many whole steps there are, and how many are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """steps: first days of past steps, then of the coming ones, from number `n_past` on."""

    step: Step
    days: pd.DatetimeIndex
    n_past: int

    @property
    def past(self) -> pd.DatetimeIndex:
        return self.days[: self.n_past]

    @property
    def coming(self) -> pd.DatetimeIndex:
        return self.days[self.n_past :]

    @property
    def now(self) -> pd.Timestamp:
        """First day of the step that holds the day of the forecast."""
        return pd.Timestamp(self.days[self.n_past])

    def last_days(self) -> pd.DatetimeIndex:
        """Of the coming steps."""
        ends = self.days[self.n_past + 1 :]
        after = step_after(self.days[-1], self.step)
        return pd.DatetimeIndex([*ends, after]) - pd.Timedelta(days=1)

    def places(self, days: pd.Series) -> Whole:
        """Number of the step that holds each day; -1: before the first, or not known; beyond the last: the length."""
        found = np.searchsorted(self.days.to_numpy(), days.to_numpy("datetime64[ns]"), side="right") - 1
        end = step_after(self.days[-1], self.step)
        return np.where(days.isna(), -1, np.where(days >= end, len(self.days), found)).astype(np.int64)


def step_start(day: pd.Timestamp, step: Step) -> pd.Timestamp:
    """First day of the week or month that holds the day."""
    return day - pd.Timedelta(days=day.weekday()) if step == "week" else day.replace(day=1)


def step_after(first: pd.Timestamp, step: Step) -> pd.Timestamp:
    return first + (pd.Timedelta(days=7) if step == "week" else pd.DateOffset(months=1))


def grid_of(events: pd.Series, made_on: date, step: Step) -> Grid:
    """events: days of what is counted; NaT left out. Raises TooLittlePast."""
    now = step_start(pd.Timestamp(made_on), step)
    known = events.dropna()
    known = known[known < now]
    first = known.quantile(BEGINNING, interpolation="lower") if len(known) else now
    start = step_start(pd.Timestamp(first), step)
    whole = start if start == first else step_after(start, step)
    freq = "7D" if step == "week" else "MS"
    past = pd.date_range(whole, now, freq=freq, inclusive="left")[-MOST_STEPS[step] :]
    if len(past) < LEAST_STEPS[step]:
        raise TooLittlePast(
            f"There are {len(past)} whole {step}s with deals before {now.date()}; {LEAST_STEPS[step]} are needed."
        )
    coming = pd.date_range(now, periods=HORIZON[step], freq=freq)
    return Grid(step=step, days=pd.DatetimeIndex(past.append(coming)), n_past=len(past))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """nodes by steps: `past` what came, `won` what is certain of the coming ones. parents: the team of each owner
    node, "" where in none."""

    hierarchy: Hierarchy
    past: pd.DataFrame
    won: pd.DataFrame
    parents: Mapping[str, str]


def events_of(facts: DealFacts, measure: Measure, currency: str) -> pd.DataFrame:
    """`day`, `amount`, `owner`, `team`, `product`, `source` of what is forecast. currency "": counts of new deals."""
    deals = facts.deals
    if measure == "new_deals":
        found = deals.assign(day=deals["opened_on"], amount=1.0)
    else:
        won = deals[(deals["status"] == "won") & (deals["currency"] == currency) & deals["amount"].notna()]
        found = won.assign(day=won["closed_on"])
    found = found.dropna(subset=["day"])
    return found.assign(team=found["owner"].map(facts.teams).fillna(NOBODY))[
        ["day", "amount", "owner", "team", "product", "source"]
    ]


def history_of(facts: DealFacts, events: pd.DataFrame, grid: Grid) -> History:
    """What every node brought by step. Raises CannotForecast where there is nothing."""
    placed = events.assign(place=grid.places(events["day"]))
    placed = placed[(placed["place"] >= 0) & (placed["place"] < len(grid.days))]
    lately = placed[placed["place"] >= grid.n_past - LATELY[grid.step]]
    if lately.empty:
        raise CannotForecast(f"Nothing happened in the last {LATELY[grid.step]} {grid.step}s.")
    owners = sorted({*lately["owner"], *(facts.active & set(placed["owner"]))})
    teams = {owner: facts.teams.get(owner, NOBODY) for owner in owners}
    nodes = {
        "team": sorted(set(teams.values())),
        "owner": owners,
        **{kind: _told(lately[kind]) for kind in ("product", "source")},
    }
    parts = [_by_step(placed, None, [TOTAL], grid)]
    parts += [_by_step(placed, kind, keys, grid) for kind, keys in nodes.items()]
    whole = pd.concat(parts)
    return History(
        hierarchy=_hierarchy(nodes, teams),
        past=whole.iloc[:, : grid.n_past],
        won=_adding_up(whole.iloc[:, grid.n_past :], nodes, teams),
        parents={f"owner:{owner}": team for owner, team in teams.items()},
    )


def _told(keys: pd.Series) -> list[str]:
    """None where the CRM tells none: such a division would say nothing."""
    found = sorted(set(keys))
    return [] if found == [NOBODY] else found


def _by_step(placed: pd.DataFrame, kind: str | None, keys: Sequence[str], grid: Grid) -> pd.DataFrame:
    names = [TOTAL] if kind is None else [f"{kind}:{key}" for key in keys]
    label = pd.Series(TOTAL, index=placed.index) if kind is None else f"{kind}:" + placed[kind]
    sums = placed.groupby([label, placed["place"]])["amount"].sum().unstack(fill_value=0)
    return sums.reindex(index=names, columns=range(len(grid.days)), fill_value=0.0).astype(float)


def _hierarchy(nodes: Mapping[str, Sequence[str]], teams: Mapping[str, str]) -> Hierarchy:
    divided: list[tuple[str, Sequence[str]]] = [(TOTAL, [f"team:{key}" for key in nodes["team"]])]
    divided += [
        (f"team:{team}", [f"owner:{owner}" for owner in nodes["owner"] if teams[owner] == team])
        for team in nodes["team"]
    ]
    divided += [(TOTAL, [f"{kind}:{key}" for key in nodes[kind]]) for kind in ("product", "source") if nodes[kind]]
    return Hierarchy.of(divided)


def _adding_up(won: pd.DataFrame, nodes: Mapping[str, Sequence[str]], teams: Mapping[str, str]) -> pd.DataFrame:
    """What is certain happened lately, so that whoever brought it is a node, and sums agree by themselves."""
    found = won.copy()
    for team in nodes["team"]:
        parts = [f"owner:{owner}" for owner in nodes["owner"] if teams[owner] == team]
        found.loc[f"team:{team}"] = found.loc[parts].sum()
    return found


def node(name: str) -> tuple[Any, str]:
    """Kind and key."""
    kind, _, key = name.partition(":")
    return kind, key
