"""What was won, or came in, per day and part: owner, source or product, as the metrics count it.

Owners and sources come from the rollups. Products are not in them: these deals are read themselves.
"""

from __future__ import annotations

from typing import Final, Literal

import pandas as pd

from snapshots import tables
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import NOBODY, Slice, period_filter

Part = Literal["owner", "source", "product"]
Event = Literal["won", "created"]
NODE_EVENTS: Final[dict[str, str]] = {
    "part_key": "object",  # owner or product id as text, "0": none; the source, "": unknown
    "day": "datetime64[ns]",
    "currency": "object",  # of won ones
    "n": "int64",
    "n_valued": "int64",  # of these, deals with an amount
    "amount_minor": "int64",  # sum over the valued ones
}
_IN_ROLLUPS: Final = {"owner": "d.owner_id::text", "source": "d.source"}
_DAY: Final = {"won": "v.closed_day", "created": "v.created_day"}


def node_events(reader: Reader, slice_: Slice, part: Part, event: Event) -> pd.DataFrame:
    """NODE_EVENTS of the period, as known at the end of `as_of`; what has no day is left out."""
    if part in _IN_ROLLUPS:
        return _from_rollups(reader, slice_, _IN_ROLLUPS[part], event)
    return _from_deals(reader, slice_, event)


def _from_rollups(reader: Reader, slice_: Slice, key: str, event: Event) -> pd.DataFrame:
    where = reader.where(slice_, owner="d.owner_id", day="d.day", source="d.source")
    period_filter(where, slice_, "d.day").add("d.known_day <= :as_of", as_of=slice_.as_of)
    where.add("d.event = :event", event=event).add("d.day > '-infinity'")
    found = reader.rows(
        f"SELECT {key}, d.day, nullif(d.currency, ''), sum(d.n)::bigint, sum(d.n_valued)::bigint, "
        f"sum(d.amount_minor)::bigint FROM deal_daily d WHERE {where} GROUP BY 1, 2, 3 HAVING sum(d.n) <> 0 "
        "ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(found, NODE_EVENTS)


def _from_deals(reader: Reader, slice_: Slice, event: Event) -> pd.DataFrame:
    day = _DAY[event]
    where = reader.as_of(slice_, member_on=day)
    period_filter(where, slice_, day).add(f"{day} IS NOT NULL")
    states = ("won",) if event == "won" else WAS_CREATED
    where.add("v.status = ANY(:states)", states=list(states))
    is_won = event == "won"
    currency = "v.currency" if is_won else "NULL::text"
    amount = "coalesce(sum(v.amount_minor), 0)::bigint" if is_won else "0::bigint"
    found = reader.rows(
        f"SELECT coalesce(v.product_id, {NOBODY})::text, {day}, {currency}, count(*), count(v.amount_minor), {amount} "
        f"FROM deal_versions v WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        where,
    )
    return tables.shaped(found, NODE_EVENTS)
