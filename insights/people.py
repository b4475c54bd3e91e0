"""Who does what: one row per owner, from rollups. Owners without any row stand with zeros, what nobody owns stands
apart."""

from __future__ import annotations

from collections.abc import Callable
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
    day: pd.Timestamp,
    reporting_currency: str | None,
) -> pd.DataFrame:
    """One row per owner, and one for nobody where something has no owner; not sorted.

    owners: OWNERS. events: DEAL_EVENTS by owner. activities: ACTIVITY_COUNTS by owner. stages: STAGES by owner.
    An event is converted by the rate of its own day, the open pipeline by that of `day`.

    Returns owner_id, name (None for nobody), team, is_active, emails, calls, meetings, new_deals, won, won_money and
    pipeline_money (tuples of Money, one per currency), win_rate (None where nothing closed), n_closed, few (a rate of
    fewer than `TOO_FEW` closed deals).
    """
    known = pd.concat([events["owner_id"], activities["owner_id"], stages["owner_id"]]).dropna()
    people = owners[["owner_id", "name", "team", "is_active"]].astype({"owner_id": "int64"})
    if (known == NOBODY).any():
        nobody = pd.DataFrame([{"owner_id": NOBODY, "name": None, "team": None, "is_active": True}])
        people = pd.concat([people, nobody], ignore_index=True)
    money = _of_each(converted(events, rates, reporting_currency, days=events["day"]))
    pipeline = _of_each(converted(stages, rates, reporting_currency, days=day.date()))
    did = _of_each(activities)
    rows = [_row(money(owner_id), did(owner_id), pipeline(owner_id)) for owner_id in people["owner_id"]]
    figures = pd.DataFrame(rows, columns=_FIGURES, index=people.index)
    return pd.concat([people, figures], axis=1)


_FIGURES: Final = [
    "emails", "calls", "meetings", "new_deals", "won", "won_money", "pipeline_money", "n_open", "win_rate", "n_closed",
    "few",
]  # fmt: skip


def _of_each(frame: pd.DataFrame) -> Callable[[int], pd.DataFrame]:
    """Gives an owner's rows; none where there are none."""
    parts = dict(iter(frame.groupby("owner_id")))
    nothing = frame.iloc[:0]
    return lambda owner_id: parts.get(owner_id, nothing)


def _row(mine: pd.DataFrame, did: pd.DataFrame, has: pd.DataFrame) -> dict[str, object]:
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
