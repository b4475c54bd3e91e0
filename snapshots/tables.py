"""The frames that leave the snapshots: their columns, units and missing values. Free of SQLAlchemy and of the screen.

In all frames: days are `datetime64[ns]` without zone (the organization's days, NaT: undated), amounts are integer minor
units (`Int64`, <NA>: not given) beside their currency (None: not given), ids are ours. Names are None where the CRM
gives none; what to print then is the page's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from adapters.currencies import decimals, to_minor

__all__ = ["decimals", "empty", "shaped", "to_minor"]

DEAL_EVENTS: Final[dict[str, str]] = {
    "event": "object",  # created, won or lost
    "day": "datetime64[ns]",
    "owner_id": "Int64",  # 0: nobody
    "currency": "object",  # of won and lost
    "n": "int64",
    "n_valued": "int64",  # of these, deals with an amount
    "amount_minor": "int64",  # sum over the valued ones
}
ACTIVITY_COUNTS: Final[dict[str, str]] = {"day": "datetime64[ns]", "owner_id": "Int64", "kind": "object", "n": "int64"}
LEAD_COUNTS: Final[dict[str, str]] = {
    "day": "datetime64[ns]",
    "owner_id": "Int64",
    "source": "object",
    "n": "int64",
    "n_converted": "int64",
    "n_known": "int64",  # leads of which the CRM says whether they converted
}
CYCLES: Final[dict[str, str]] = {
    "day": "datetime64[ns]",  # on which the deal was won
    "owner_id": "Int64",
    "days": "int64",  # from the day of creation to the day of winning
    "n": "int64",
}
STAGES: Final[dict[str, str]] = {
    "pipeline_id": "Int64",
    "pipeline": "object",
    "stage_id": "Int64",
    "stage": "object",
    "position": "Int64",
    "probability": "float64",  # the CRM's own, in [0, 1]; NaN: it has none
    "owner_id": "Int64",
    "currency": "object",
    "n": "int64",
    "n_valued": "int64",
    "amount_minor": "int64",
    "n_undated": "int64",  # no creation date
    "n_without_close_date": "int64",
    "n_overdue": "int64",  # expected close date before the day shown
}
STAGE_AGES: Final[dict[str, str]] = {
    "pipeline_id": "Int64",
    "stage_id": "Int64",
    "n": "int64",  # open deals of which it is known when they entered the stage
    "p25_days": "float64",
    "median_days": "float64",
    "p75_days": "float64",
    "max_days": "float64",
}
PIPELINE_TREND: Final[dict[str, str]] = {
    "day": "datetime64[ns]",  # end of which day
    "stage_id": "Int64",
    "probability": "float64",
    "currency": "object",
    "n": "int64",
    "n_valued": "int64",
    "amount_minor": "int64",
}
OWNERS: Final[dict[str, str]] = {
    "owner_id": "int64",
    "name": "object",
    "email": "object",
    "is_active": "bool",
    "team_id": "Int64",
    "team": "object",
    "manager": "object",
    "region": "object",
}
DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "name": "object",
    "status": "object",  # open, won or lost
    "owner_id": "Int64",
    "owner": "object",
    "team": "object",
    "pipeline": "object",
    "stage": "object",
    "company": "object",
    "product": "object",
    "source": "object",
    "amount_minor": "Int64",
    "currency": "object",
    "created_day": "datetime64[ns]",
    "close_on": "datetime64[ns]",
    "closed_day": "datetime64[ns]",
    "stage_age_days": "Int64",
}
LEADS: Final[dict[str, str]] = {
    "lead_id": "int64",
    "name": "object",
    "email": "object",
    "company_name": "object",
    "owner": "object",
    "source": "object",
    "campaign": "object",
    "status": "object",
    "created_day": "datetime64[ns]",
    "converted": "boolean",
}
ACTIVITIES: Final[dict[str, str]] = {
    "activity_id": "object",  # the CRM connection and the CRM's id
    "day": "datetime64[ns]",
    "occurred_at": "datetime64[ns, UTC]",
    "kind": "object",
    "direction": "object",
    "outcome": "object",
    "owner": "object",
    "deal": "object",
    "subject": "object",
    "duration_s": "Int64",
}
DEAL_SPANS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "day": "datetime64[ns]",  # from which on it holds; the first evening for what held then
    "is_start": "bool",  # it held at the end of the first evening
    "status": "object",
    "owner_id": "Int64",
    "is_owners": "bool",  # owner, source, pipeline, product and close date are those of the slice
    "is_sources": "bool",
    "is_pipelines": "bool",
    "is_products": "bool",
    "is_window": "bool",
    "amount_minor": "Int64",
    "currency": "object",
}
STEADY_DEALS: Final[dict[str, str]] = {
    "currency": "object",
    "each_minor": "Int64",  # what each of them is worth; <NA>: not told apart, for no rate concerns them
    "n": "int64",
    "n_valued": "int64",
    "amount_minor": "int64",
}
STAGE_EVENTS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "entered_at": "datetime64[ns, UTC]",
    "day": "datetime64[ns]",  # the organization's day of it
    "stage_id": "int64",
    "stage": "object",
    "from_stage_id": "Int64",  # <NA>: the first stage, or not known
    "from_stage": "object",
    "pipeline_id": "Int64",
    "pipeline": "object",
    "owner_id": "Int64",  # who owned the deal then
    "is_observed": "bool",  # False: reconstructed from the CRM's history
}
HEALTH_SPANS: Final[dict[str, str]] = {  # instants: seconds since 1970 in UTC; days: the organization's, since then
    "deal_id": "int64",
    "from_s": "float64",  # −inf: since before the data begin
    "to_s": "float64",  # inf: until further notice
    "from_day": "float64",  # NaN: since before the data begin
    "status": "object",
    "pipeline_id": "int64",  # −1: none; so of stage, product and owner
    "stage_id": "int64",
    "entered_s": "float64",  # the stage; NaN: not known
    "owner_id": "int64",
    "product_id": "int64",
    "amount_minor": "float64",  # whole numbers; NaN: not given
    "currency": "object",
    "close_day": "float64",  # as expected then; NaN: not given
    "created_s": "float64",  # NaN: not known
}
HEALTH_TOUCHES: Final[dict[str, str]] = {
    "deal_id": "int64",
    "at_s": "float64",
    "is_answer": "bool",  # an e-mail or call that came in
    "contact_id": "int64",  # −1: none
}
HEALTH_CONTACTS: Final[dict[str, str]] = {"deal_id": "int64", "contact_id": "int64"}
HEALTH_FIRSTS: Final[dict[str, str]] = {"deal_id": "int64", "first_id": "int64"}  # a deal, and the one it may repeat
RATES: Final[dict[str, str]] = {
    "currency": "object",
    "to_currency": "object",
    "day": "datetime64[ns]",  # from which day on
    "rate": "float64",  # units of to_currency for one unit of currency
}


def shaped(rows: Sequence[Sequence[object]], columns: dict[str, str]) -> pd.DataFrame:
    """Rows, in the order of `columns`, as a frame with exactly these types."""
    frame = pd.DataFrame.from_records([tuple(row) for row in rows], columns=list(columns))
    return frame.astype(columns)


def empty(columns: dict[str, str]) -> pd.DataFrame:
    """A frame with these columns and no rows."""
    return shaped([], columns)
