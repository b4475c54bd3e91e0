"""Deals and what happened on them, as sorted columns, and what was known of the open ones at the end of a day.

Instants are seconds since 1970 in UTC, days are the organization's, counted from 1970-01-01. NaN: not known; −inf:
since before the data begin; inf: until further notice. Nothing here looks past the evening that it is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_S: Final = 86_400.0
NONE: Final = -1
"""Stands for no pipeline, stage, product or contact."""
FACTS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "pipeline_id": "int64",
    "stage_id": "int64",
    "product_id": "int64",
    "amount_minor": "float64",
    "currency": "object",
    "first_minor": "float64",  # the first amount that was told, in the currency of now; NaN where that was another one
    "close_day": "float64",
    "stage_days": "float64",  # in the stage
    "quiet_days": "float64",  # since the last activity, or the last change of stage
    "n_touches": "int64",
    "n_answers": "int64",  # what came in from the customer
    "n_pushes": "int64",  # how often the close date was put off
    "pushed_days": "float64",  # by how much altogether
    "n_contacts": "int64",  # of the deal, or of its activities
    "has_plan": "bool",  # something is to happen later; False where that was not asked for
    "n_stages": "int64",  # that it has been in
    "first_id": "int64",  # the deal that it may be a second record of
}


@dataclass(frozen=True, slots=True)
class Evening:
    """The end of a day. end_s: the first instant after it."""

    day: int
    end_s: float

    @classmethod
    def of(cls, day: date, end: datetime) -> Evening:
        """end: aware; the first instant after the day, or an earlier one of it, if the day is not over yet."""
        return cls((day - date(1970, 1, 1)).days, end.timestamp())


class History:
    """spans: `tables.HEALTH_SPANS`, touches: `tables.HEALTH_TOUCHES`, contacts: `tables.HEALTH_CONTACTS`, firsts:
    `tables.HEALTH_FIRSTS` of the same deals, in any order; none of them is modified."""

    def __init__(
        self, spans: pd.DataFrame, touches: pd.DataFrame, contacts: pd.DataFrame | None = None,
        firsts: pd.DataFrame | None = None,
    ) -> None:  # fmt: skip
        self.spans = spans.sort_values(["deal_id", "from_s"], kind="stable", ignore_index=True)
        self.deals: Ints = np.unique(self.spans["deal_id"].to_numpy(dtype=np.int64))
        self.code = self._codes(self.spans)
        self.from_s, self.to_s = _floats(self.spans, "from_s"), _floats(self.spans, "to_s")
        self.is_open: Bools = (self.spans["status"] == "open").to_numpy(dtype=np.bool_)
        ours = touches[np.isin(touches["deal_id"].to_numpy(), self.deals)]
        self.touches = ours.sort_values(["deal_id", "at_s"], kind="stable", ignore_index=True)
        self.touch_code, self.touch_s = self._codes(self.touches), _floats(self.touches, "at_s")
        self.is_answer: Bools = self.touches["is_answer"].to_numpy(dtype=np.bool_)
        self.touch_start: Ints = np.searchsorted(self.touch_code, np.arange(len(self.deals)))
        self.push_code, self.push_s, self.push_days = self._pushes()
        self.contact_code, self.contact_s = self._contacts(contacts)
        self.first_code, self.first_at = self._first_amounts()
        self.stage_code, self.stage_s = self._stages()
        self.first_id: Ints = self._first_records(firsts)

    @property
    def n(self) -> int:
        return len(self.deals)

    def _codes(self, frame: pd.DataFrame) -> Ints:
        return np.searchsorted(self.deals, frame["deal_id"].to_numpy(dtype=np.int64))

    def _pushes(self) -> tuple[Ints, Floats, Floats]:
        """When close dates were put off, and by how many days."""
        told = np.flatnonzero(self.is_open & ~np.isnan(_floats(self.spans, "close_day")))
        close, code = _floats(self.spans, "close_day")[told], self.code[told]
        by = np.diff(close, prepend=np.nan)
        is_push = (by > 0) & (np.diff(code, prepend=-1) == 0)
        return code[is_push], self.from_s[told][is_push], by[is_push]

    def _contacts(self, contacts: pd.DataFrame | None) -> tuple[Ints, Floats]:
        """Since when each contact is known to be part of a deal; those that the CRM lists now without a date always."""
        named = self.touches[self.touches["contact_id"] != NONE]
        pairs = [named[["deal_id", "contact_id", "at_s"]]]
        if contacts is not None:
            own = contacts[np.isin(contacts["deal_id"].to_numpy(), self.deals)]
            pairs.append(own[["deal_id", "contact_id"]].assign(at_s=-np.inf))
        first = pd.concat(pairs).groupby(["deal_id", "contact_id"], as_index=False).agg(at_s=("at_s", "min"))
        return self._codes(first), _floats(first, "at_s")

    def _first_amounts(self) -> tuple[Ints, Ints]:
        """Of each deal with an amount, the span that told it first."""
        told = np.flatnonzero(self.is_open & ~np.isnan(_floats(self.spans, "amount_minor")))
        code, place = np.unique(self.code[told], return_index=True)
        return code, told[place]

    def _stages(self) -> tuple[Ints, Floats]:
        """When each deal came into each of its stages for the first time."""
        staged = self.spans[self.is_open & (self.spans["stage_id"] != NONE).to_numpy()]
        first = staged.groupby(["deal_id", "stage_id"], as_index=False).agg(from_s=("from_s", "min"))
        return self._codes(first), _floats(first, "from_s")

    def _first_records(self, firsts: pd.DataFrame | None) -> Ints:
        """Of each deal the one that it may repeat, NONE where there is none."""
        if firsts is None:
            return np.full(self.n, NONE, dtype=np.int64)
        known = firsts.groupby("deal_id")["first_id"].min()
        return known.reindex(self.deals).fillna(NONE).to_numpy(dtype=np.int64)

    def counted(self, code: Ints, which: Bools) -> Ints:
        """How many of each deal."""
        return np.bincount(code[which], minlength=self.n)


def facts_on(history: History, evening: Evening, *, knows_plans: bool) -> pd.DataFrame:
    """FACTS of the deals that were open at that evening, by id.

    knows_plans: what lies ahead counts as planned. Only true of the present: of a past evening it is not known which
    later activities were planned by then.
    """
    end = evening.end_s
    rows = np.flatnonzero(history.is_open & (history.from_s < end) & (history.to_s >= end))
    code, own = history.code[rows], history.spans.iloc[rows]
    before = history.touch_s < end
    n_touches = history.counted(history.touch_code, before)[code]
    pushed = history.push_s < end
    stage_s = _floats(own, "entered_s")
    return pd.DataFrame(
        {
            "deal_id": history.deals[code],
            "pipeline_id": own["pipeline_id"].to_numpy(),
            "stage_id": own["stage_id"].to_numpy(),
            "product_id": own["product_id"].to_numpy(),
            "amount_minor": own["amount_minor"].to_numpy(),
            "currency": own["currency"].to_numpy(),
            "first_minor": _first_of(history, rows, end),
            "close_day": own["close_day"].to_numpy(),
            "stage_days": _days(end - stage_s),
            "quiet_days": _days(end - _last_sign(history, code, n_touches, own, stage_s)),
            "n_touches": n_touches,
            "n_answers": history.counted(history.touch_code, before & history.is_answer)[code],
            "n_pushes": history.counted(history.push_code, pushed)[code],
            "pushed_days": np.bincount(
                history.push_code[pushed], weights=history.push_days[pushed], minlength=history.n
            )[code],
            "n_contacts": history.counted(history.contact_code, history.contact_s < end)[code],
            "has_plan": (history.counted(history.touch_code, ~before)[code] > 0) & knows_plans,
            "n_stages": history.counted(history.stage_code, history.stage_s < end)[code],
            "first_id": history.first_id[code],
        }
    ).astype(FACTS)


def _first_of(history: History, rows: Ints, end: float) -> Floats:
    """The first amount that was told by then, where it was in the currency of now."""
    first = np.full(history.n, -1)
    first[history.first_code] = history.first_at
    place = first[history.code[rows]]
    known = (place >= 0) & (history.from_s[place] < end)
    currency = history.spans["currency"].to_numpy()
    same = currency[place] == currency[rows]
    return np.where(known & same, _floats(history.spans, "amount_minor")[place], np.nan)


def _last_sign(history: History, code: Ints, n_touches: Ints, own: pd.DataFrame, stage_s: Floats) -> Floats:
    """The last activity, entry into a stage or the deal's creation; NaN where none is known."""
    last = np.full(len(code), np.nan)
    touched = n_touches > 0
    last[touched] = history.touch_s[history.touch_start[code[touched]] + n_touches[touched] - 1]
    sign: Floats = np.fmax(np.fmax(last, stage_s), _floats(own, "created_s"))
    return sign


def _days(seconds: Floats) -> Floats:
    """Whole days; NaN where the instant is not known, or before the data begin."""
    return np.floor(np.where(np.isfinite(seconds), np.maximum(seconds, 0.0), np.nan) / DAY_S)


def _floats(frame: pd.DataFrame, column: str) -> Floats:
    return frame[column].to_numpy(dtype=np.float64)
