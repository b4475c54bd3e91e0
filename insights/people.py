"""Who does what: one row per owner, from rollups. Owners without any row stand with zeros, what nobody owns stands
apart."""

from __future__ import annotations

from typing import Final

import pandas as pd

from insights.metrics import TOO_FEW, win_rate
from insights.money import converted, totals

NOBODY: Final = 0
KINDS: Final = ("email", "call", "meeting")


def roll_up(
    owners: pd.DataFrame,
    *,
    events: pd.DataFrame,
    activities: pd.DataFrame,
    stages: pd.DataFrame,
    rates: pd.DataFrame,
    rate_day: pd.Timestamp,
    reporting_currency: str | None,
) -> pd.DataFrame:
    """One row per owner, and one for nobody where something has no owner; not sorted.

    owners: OWNERS. events: DEAL_EVENTS by owner. activities: ACTIVITY_COUNTS by owner. stages: STAGES by owner.
    rate_day: the day whose currency rates count. Returns owner_id, name (None for nobody), team, is_active, emails,
    calls, meetings, new_deals, won, won_money and pipeline_money (tuples of Money, one per currency), win_rate (None
    where nothing closed), n_closed, few (a rate of fewer than `TOO_FEW` closed deals).
    """
    known = pd.concat([events["owner_id"], activities["owner_id"], stages["owner_id"]]).dropna()
    people = owners[["owner_id", "name", "team", "is_active"]].astype({"owner_id": "int64"})
    if (known == NOBODY).any():
        nobody = pd.DataFrame([{"owner_id": NOBODY, "name": None, "team": None, "is_active": True}])
        people = pd.concat([people, nobody], ignore_index=True)
    day = rate_day.date()
    money = converted(events, rates, reporting_currency, days=day)
    pipeline = converted(stages, rates, reporting_currency, days=day)
    rows = [_row(int(owner_id), money, activities, pipeline) for owner_id in people["owner_id"]]
    figures = pd.DataFrame(rows, columns=_FIGURES, index=people.index)
    return pd.concat([people, figures], axis=1)


_FIGURES: Final = [
    "emails", "calls", "meetings", "new_deals", "won", "won_money", "pipeline_money", "n_open", "win_rate", "n_closed",
    "few",
]  # fmt: skip


def _row(owner_id: int, events: pd.DataFrame, activities: pd.DataFrame, stages: pd.DataFrame) -> dict[str, object]:
    mine, did, has = (frame[frame["owner_id"] == owner_id] for frame in (events, activities, stages))
    rate, n_closed = win_rate(mine)
    won = mine[mine["event"] == "won"]
    counted = {kind: int(did.loc[did["kind"] == kind, "n"].sum()) for kind in KINDS}
    return {
        "emails": counted["email"],
        "calls": counted["call"],
        "meetings": counted["meeting"] + int(did.loc[did["kind"] == "appointment", "n"].sum()),
        "new_deals": int(mine.loc[mine["event"] == "created", "n"].sum()),
        "won": int(won["n"].sum()),
        "won_money": totals(won),
        "pipeline_money": totals(has[has["n_valued"] > 0]),
        "n_open": int(has["n"].sum()),
        "win_rate": rate,
        "n_closed": n_closed,
        "few": 0 < n_closed < TOO_FEW,
    }
