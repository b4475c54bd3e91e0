"""Forecasts for tests of pages: the sample organization's own past, carried on by its mean, kept as they are issued."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from made_installation import TODAY, House

from insights.forecasting.hierarchy import shared_out
from snapshots import forecasts
from snapshots.forecasts import Card, NewRun
from snapshots.node_events import node_events
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

N_STEPS: Final = {"week": 13, "month": 6}
N_PAST: Final = 30
NAIVE: Final = {"wape": 0.17, "mase": 1.1, "bias": 0.01, "coverage80": 0.9}
CARD: Final[Mapping[str, Any]] = {
    "chosen": "history mean", "why": "At 6 past origins its error was 12% lower than the usual method's.",
    "origins": ["2024-01-01"] * 6, "n_origins": 6, "why_few_origins": None, "correlation": 0.2, "methods": {},
    "wape": 0.12, "mase": 0.8, "bias": 0.02, "coverage80": 0.8,
    "baselines": {"naive": NAIVE, "seasonal naive": NAIVE | {"wape": 0.21, "period": 13}},
    "near": {"used": "open deals and past weeks", "why": "At 6 past origins open deals were closer.",
             "errors": {"open deals and past weeks": 8e5, "past weeks": 9e5}},
    "moved": 0.004,
    "at_origins": [
        {"first_day": "2023-10-02", "last_day": "2023-12-31", "said": 9e6, "came": 1e7, "naive": 8e6,
         "seasonal_naive": 1.3e7},
        {"first_day": "2024-01-01", "last_day": "2024-03-31", "said": 1.1e7, "came": 1e7, "naive": 7e6,
         "seasonal_naive": 1e7},
    ],
    "sums": {"weeks": 4, "methods": {"weighted pipeline, for reference": {"n": 24, "wape": 2.06, "mase": 9.1}}},
}  # fmt: skip
"""As `insights.forecasting.organization` writes it."""


def issue(
    house: House, *, measure: str = "bookings", step: str = "week", made_on: date = TODAY, factor: float = 1.0,
    card: Mapping[str, Any] = CARD, version: str = "1",
) -> int:  # fmt: skip
    """Every node's past as it was on that day; each coming step its mean times `factor`, the parts adding up. version:
    of the methods that it is said to be made by. Returns the run's id."""
    nodes = _nodes(house, measure, made_on)
    first = _first(made_on, step)
    freq = "7D" if step == "week" else "MS"
    coming = pd.date_range(first, periods=N_STEPS[step], freq=freq)
    ends = pd.date_range(first, periods=N_STEPS[step] + 1, freq=freq)[1:] - pd.Timedelta(days=1)
    past = pd.date_range(end=first, periods=N_PAST + 1, freq=freq)[:-1]
    rows, cards = [], []
    teams, names = _teams(house), _names(house)
    values = _values(nodes, teams, past[0], first, factor)
    for (kind, key), events in nodes.items():
        won = float(events.loc[(events["day"] >= first) & (events["day"] <= pd.Timestamp(made_on)), "value"].sum())
        value = values[kind, key]
        for n, (day, end) in enumerate(zip(coming, ends, strict=True), start=1):
            certain = won if n == 1 else 0.0
            rows.append({
                "node_kind": kind, "node_key": key, "node_name": names.get((kind, key)),
                "parent_key": teams.get(key) if kind == "owner" else None, "currency": _currency(measure),
                "step_no": n, "first_day": day, "last_day": end, "value": certain + value,
                "low": certain + round(value * 0.6), "high": certain + round(value * 1.5), "won": certain,
                "method": "open deals and history",
            })  # fmt: skip
        place = past.searchsorted(pd.DatetimeIndex(events["day"]), side="right") - 1
        sums = np.bincount(place[(place >= 0) & (events["day"] < first)], minlength=len(past),
                           weights=events["value"].to_numpy(float)[(place >= 0) & (events["day"] < first)])  # fmt: skip
        told = {"first_day": past[0].date().isoformat(), "values": sums.tolist()}
        one = Card(node_kind=kind, node_key=key, currency=_currency(measure), card=card, past=told)  # type: ignore[arg-type]
        cards.append((one, teams.get(key) if kind == "owner" else None))
    at = datetime.combine(made_on, time(8), UTC)
    run = NewRun(
        made_on=made_on, step=step, measure=measure, method_version=version, data_hash=f"{measure}{step}{made_on}",  # type: ignore[arg-type]
        packed=b"", known_at=at, inputs={}, seconds=1.0, rows=pd.DataFrame(rows), cards=cards,
    )  # fmt: skip
    return forecasts.keep(house.database, house.organization_id, run, by="schedule", now=at)


def grade(house: House, run_id: int, *, factor: float = 1.1) -> None:
    """The first three steps are over: what came is what was said times `factor`."""
    rows = forecasts.rows(house.database, Viewer(house.organization_id, Role.ADMIN), run_id)
    over = rows[rows["step_no"] <= 3].assign(run_id=run_id)
    forecasts.fill_in(house.database, house.organization_id, over.assign(actual=over["value"] * factor),
                      now=datetime.combine(TODAY, time(9), UTC))  # fmt: skip


def _currency(measure: str) -> str:
    return "EUR" if measure == "bookings" else ""


def _first(made_on: date, step: str) -> pd.Timestamp:
    return pd.Timestamp(made_on - timedelta(days=made_on.weekday()) if step == "week" else made_on.replace(day=1))


def _reader(house: House) -> Reader:
    return Reader(house.database, Viewer(house.organization_id, Role.ADMIN))


def _teams(house: House) -> dict[str, str]:
    owners = _reader(house).owners(TODAY).dropna(subset=["team_id"])
    return {str(one): str(int(team)) for one, team in zip(owners["owner_id"], owners["team_id"], strict=True)}


def _names(house: House) -> dict[tuple[str, str], str]:
    owners = _reader(house).owners(TODAY)
    found = {("owner", str(one)): str(name) for one, name in zip(owners["owner_id"], owners["name"], strict=True)}
    options = _reader(house).filter_options(TODAY)
    return found | {("team", str(key)): name for key, name in options.teams.items()}


def _nodes(house: House, measure: str, made_on: date) -> dict[tuple[str, str], pd.DataFrame]:
    """`day`, `value` by node."""
    slice_ = Slice(first_day=date(2023, 1, 1), last_day=made_on, as_of=made_on)
    frames = {}
    for kind in ("owner", "product", "source"):
        found = node_events(_reader(house), slice_, kind, "won" if measure == "bookings" else "created")  # type: ignore[arg-type]
        if measure == "bookings":
            found = found[found["currency"] == "EUR"].assign(value=lambda one: one["amount_minor"])
        else:
            found = found.assign(value=found["n"])
        frames[kind] = found.assign(key=found["part_key"].where(found["part_key"] != "0", ""))
    everything = frames["owner"]
    team = everything["key"].map(_teams(house)).fillna("")
    nodes = {("total", ""): everything}
    nodes |= {("team", str(key)): one for key, one in everything.groupby(team)}
    for kind, frame in frames.items():
        nodes |= {(kind, str(key)): one for key, one in frame.groupby("key")}
    return {node: one[["day", "value"]] for node, one in nodes.items()}


def _values(
    nodes: Mapping[tuple[str, str], pd.DataFrame], teams: Mapping[str, str], begin: pd.Timestamp, first: pd.Timestamp,
    factor: float,
) -> dict[tuple[str, str], float]:  # fmt: skip
    """The mean of a step, in whole units; salespeople add up to their teams, all else to the total."""

    def sum_of(one: pd.DataFrame) -> float:
        return float(one.loc[(one["day"] >= begin) & (one["day"] < first), "value"].sum())

    total = round(sum_of(nodes["total", ""]) / N_PAST * factor)
    found: dict[tuple[str, str], float] = {("total", ""): float(total)}
    for kind in ("owner", "product", "source"):
        own = [node for node in nodes if node[0] == kind]
        shares = shared_out(total, np.array([sum_of(nodes[node]) for node in own]))
        found |= {node: float(share) for node, share in zip(own, shares, strict=True)}
    for node in nodes:
        if node[0] == "team":
            found[node] = sum(found[one] for one in nodes if one[0] == "owner" and teams.get(one[1], "") == node[1])
    return found
