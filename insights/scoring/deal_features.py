"""What a score may know of a deal at an instant: its state then, how it came there, how it was worked.

States are those that were true in the CRM by then; what a deal became later is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.scoring.known import (
    DAY,
    NEVER,
    Companies,
    Floats,
    Ints,
    days_between,
    instants,
    load_at,
    met_before,
)

PULL: Final = 20.0
"""Imaginary deals at everybody's rate that each owner's record starts with."""
LATELY: Final = 14 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class DealFacts:
    """The frames of `snapshots.score_facts`, of these deals: deals, states, touches; and of all: spans (who had,
    won and lost which when), companies. decimals: of each currency's minor unit."""

    deals: pd.DataFrame
    states: pd.DataFrame
    touches: pd.DataFrame
    spans: pd.DataFrame
    companies: Companies
    zone: ZoneInfo
    decimals: dict[str, int]


def deal_features(facts: DealFacts, asked: pd.DataFrame) -> pd.DataFrame:
    """One row per row of asked, in its order. asked: deal_id, at (instants). All missing where the deal was not
    there yet."""
    asked = asked.reset_index(drop=True)
    at: Ints = asked["at"].to_numpy(dtype=np.int64)
    lived = met_before(asked, _dated(facts), key="deal_id", time="valid_from").sort_values(["place", "when"])
    now = lived.drop_duplicates("place", keep="last").set_index("place").reindex(range(len(asked)))
    first = lived.drop_duplicates("place", keep="first").set_index("place").reindex(range(len(asked)))
    created = _created(facts, asked)
    entered = instants(now["stage_entered_at"])
    amount, amount_first = _major(now, facts.decimals), _major(first, facts.decimals)
    made: dict[str, Any] = {
        name: now[name].astype(object) for name in ("pipeline", "stage", "product", "source", "campaign", "currency")
    }
    made["stage position"] = now["position"].astype(float).to_numpy()
    made["age in days"] = days_between(created, at)
    made["days in stage"] = days_between(entered, at)
    made["amount"] = amount
    made["amount against the first"] = np.divide(
        amount, amount_first, out=np.full(len(asked), np.nan), where=np.nan_to_num(amount_first) > 0
    )
    made |= _close_date(now, lived, at, len(asked)) | _moves(lived, len(asked)) | _worked(facts, asked, at)
    firms = facts.companies.of_ids(now["company_id"], at)
    made |= {f"company: {name}": firms[name] for name in firms.columns}
    made["owner: deals of a week"], made["owner: open deals"] = load_at(
        now["owner_id"], at, facts.spans[facts.spans["status"] == "open"]
    )
    made["owner: share won before"] = _record(now["owner_id"], at, facts.spans)
    return pd.DataFrame(made)


def open_at(facts: DealFacts, asked: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each asked deal was open at its instant."""
    asked = asked.reset_index(drop=True)
    lived = met_before(asked, _dated(facts), key="deal_id", time="valid_from").sort_values(["place", "when"])
    now = lived.drop_duplicates("place", keep="last").set_index("place").reindex(range(len(asked)))
    return np.asarray(now["status"] == "open", dtype=np.bool_)


def _dated(facts: DealFacts) -> pd.DataFrame:
    """States; one without a beginning was there before the data begin."""
    return facts.states.assign(valid_from=facts.states["valid_from"].fillna(pd.Timestamp(0, tz="UTC")))


def _created(facts: DealFacts, asked: pd.DataFrame) -> Ints:
    known = facts.deals.set_index("deal_id")["created_at"].reindex(asked["deal_id"])
    return instants(known.reset_index(drop=True))


def _major(states: pd.DataFrame, decimals: dict[str, int]) -> Floats:
    units = states["currency"].map(lambda one: 10.0 ** decimals.get(one, 2) if isinstance(one, str) else np.nan)
    return states["amount_minor"].astype(float).to_numpy() / units.astype(float).to_numpy()


def _close_date(now: pd.DataFrame, lived: pd.DataFrame, at: Ints, n: int) -> dict[str, Any]:
    """Days until the close date that stands there, and how often it was put off."""
    expected = instants(now["close_on"])
    days = np.where(expected == NEVER, np.nan, (np.where(expected == NEVER, at, expected) - at) / DAY)
    before = lived.groupby("place")["close_on"].shift()
    is_later = (lived["close_on"] > before).fillna(False).to_numpy(dtype=bool)
    pushes = np.bincount(lived["place"].to_numpy(dtype=np.int64)[is_later], minlength=n)
    return {"days until close date": days, "times put off": pushes.astype(float)}


def _moves(lived: pd.DataFrame, n: int) -> dict[str, Any]:
    step = lived.groupby("place")["position"].diff().fillna(0).to_numpy(dtype=float)
    places = lived["place"].to_numpy(dtype=np.int64)
    changed = lived.groupby("place")["owner_id"].shift()
    is_new = (changed.notna() & (lived["owner_id"] != changed)).fillna(False).to_numpy(dtype=bool)
    return {
        "steps forward": np.bincount(places[step > 0], minlength=n).astype(float),
        "steps back": np.bincount(places[step < 0], minlength=n).astype(float),
        "owners before": np.bincount(places[is_new], minlength=n).astype(float),
    }


def _worked(facts: DealFacts, asked: pd.DataFrame, at: Ints) -> dict[str, Any]:
    n = len(asked)
    met = met_before(asked, facts.touches, key="deal_id", time="occurred_at")
    when, places = met["when"].to_numpy(dtype=np.int64), met["place"].to_numpy(dtype=np.int64)
    lately = met["at"].to_numpy(dtype=np.int64) - when <= LATELY
    is_talk = met["kind"].isin(["call", "meeting", "appointment"]).to_numpy()
    is_answer = (met["direction"] == "in").to_numpy()
    first, last = (np.full(n, NEVER, dtype=np.int64) for _ in range(2))
    by_place = met.groupby("place")["when"]
    first[by_place.min().index.to_numpy(dtype=np.int64)] = by_place.min().to_numpy()
    last[by_place.max().index.to_numpy(dtype=np.int64)] = by_place.max().to_numpy()

    def counted(chosen: Any) -> Floats:
        return np.bincount(places[chosen], minlength=n).astype(float)

    return {
        "days until first activity": days_between(_created(facts, asked), np.where(first == NEVER, at, first)),
        "days since activity": days_between(last, at),
        "activities": counted(slice(None)), "activities of two weeks": counted(lately),
        "calls and meetings": counted(is_talk), "answers": counted(is_answer),
    }  # fmt: skip


def _record(owners: pd.Series, at: Ints, spans: pd.DataFrame) -> Floats:
    """The share that the owner had won of the deals that he had closed by then, pulled toward everybody's share."""
    decided = spans[spans["is_entered"] & spans["status"].isin(["won", "lost"])]
    closed, won = instants(decided["began_at"]), (decided["status"] == "won").to_numpy()
    ids, asked = decided["owner_id"].fillna(-1).to_numpy(dtype=np.int64), owners.fillna(-1).to_numpy(dtype=np.int64)
    everybody = _share(closed, won, at)[0]
    found = np.where(asked >= 0, everybody, np.nan)
    for owner in np.unique(asked[asked >= 0]):
        mine, who = ids == owner, np.flatnonzero(asked == owner)
        share, n = _share(closed[mine], won[mine], at[who])
        found[who] = (share * n + PULL * everybody[who]) / (n + PULL)
    return found


def _share(closed: Ints, won: Any, at: Ints) -> tuple[Floats, Floats]:
    """Share won of those closed by then, and how many these are; a half where there are none."""
    order = np.argsort(closed, kind="stable")
    sums = np.concatenate([[0], np.cumsum(won[order])])
    n = np.searchsorted(closed[order], at, side="right")
    return np.where(n > 0, sums[n] / np.maximum(n, 1), 0.5), n.astype(float)
