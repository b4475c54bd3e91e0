"""What is usual: how deals went that the organization won, and the limits that follow from them for each rule.

A limit comes from the deals won in the two years before a day, at most the newest 2,000 of them: of the same stage,
product or pipeline where at least 30 were won there, else of all pipelines, else there is a stated fallback, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd

from insights.health.history import DAY_S, NONE, Bools, Evening, Floats, History, Ints
from insights.money import converted

LEAST: Final = 30
"""Won deals that a limit must rest on."""
LEAST_OF_PRODUCT: Final = 12
"""The same where the limit is the lowest third, which fewer tell as well as thirty tell the last tenth."""
WINDOW_DAYS: Final = 730
NEWEST: Final = 2_000
FENCE: Final = 1.5
"""Tukey's: so many quartile distances beyond a quartile lies what is no ordinary spread any more."""
STUCK_ROW: Final = 10
STUCK_FACTOR: Final = 1.3
"""So many won deals that entered a stage one after the other, whose median stay was so much longer than usual, set no
standard for it: the stage itself was stuck then."""

WON: Final[dict[str, str]] = {
    "deal_id": "int64",
    "won_s": "float64",
    "undone_s": "float64",  # when it was not won any more; inf: it still is
    "pipeline_id": "int64",
    "product_id": "int64",
    "amount_minor": "float64",  # what it was won with
    "currency": "object",
    "change": "float64",  # that over the first amount, minus 1; NaN: not known
    "quiet_days": "float64",  # the longest time without a sign of life, from creation to winning
    "pause_days": "float64",  # the usual (nine in ten are shorter) time between two activities
    "n_touches": "int64",
    "n_pushes": "int64",
    "n_contacts": "int64",
}
STAYS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "won_s": "float64",
    "undone_s": "float64",
    "stage_id": "int64",
    "pipeline_id": "int64",
    "entered_s": "float64",
    "stay_days": "float64",
    "ahead_days": "float64",  # how far off the close date was when the stage was entered; NaN: not given
    "is_answered": "bool",  # something had come in from the customer before the stage was left
}
Group = Literal["stage", "product", "pipeline", "all", "none"]


@dataclass(frozen=True, slots=True)
class Norm:
    """value: the limit, NaN where there is none. n: won deals it rests on; group: which ones, "none": a fallback."""

    value: float
    n: int
    group: Group

    @property
    def is_known(self) -> bool:
        return not np.isnan(self.value)


UNKNOWN: Final = Norm(float("nan"), 0, "none")


def won_deals(history: History) -> pd.DataFrame:
    """WON: the deals of the history that were ever won, each with how it went up to then."""
    spans = history.spans
    is_won = (spans["status"] == "won").to_numpy(dtype=np.bool_) & np.isfinite(history.from_s)
    places = np.flatnonzero(is_won)
    if not len(places):
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in WON.items()})
    code, first = np.unique(history.code[places], return_index=True)
    last = len(places) - 1 - np.unique(history.code[places][::-1], return_index=True)[1]
    won_s, undone_s = history.from_s[places[first]], history.to_s[places[last]]
    until = np.full(history.n, -np.inf)
    until[code] = won_s
    own = spans.iloc[places[last]]
    before = history.touch_s < until[history.touch_code]
    longest, usual = _pauses(history, until, before)
    pushed = history.push_s < until[history.push_code]
    return pd.DataFrame(
        {
            "deal_id": history.deals[code],
            "won_s": won_s,
            "undone_s": undone_s,
            "pipeline_id": own["pipeline_id"].to_numpy(),
            "product_id": own["product_id"].to_numpy(),
            "amount_minor": own["amount_minor"].to_numpy(),
            "currency": own["currency"].to_numpy(),
            "change": _change(history, code, own),
            "quiet_days": longest[code],
            "pause_days": usual[code],
            "n_touches": history.counted(history.touch_code, before)[code],
            "n_pushes": history.counted(history.push_code, pushed)[code],
            "n_contacts": history.counted(history.contact_code, history.contact_s < until[history.contact_code])[code],
        }
    ).astype(WON)


def _change(history: History, code: Ints, own: pd.DataFrame) -> Floats:
    first = np.full(history.n, -1)
    first[history.first_code] = history.first_at
    place = first[code]
    amounts, currency = history.spans["amount_minor"].to_numpy(), history.spans["currency"].to_numpy()
    begun, ended = amounts[place], own["amount_minor"].to_numpy(dtype=np.float64)
    is_known = (place >= 0) & (currency[place] == own["currency"].to_numpy()) & (begun > 0)
    return np.where(is_known, ended / np.where(is_known, begun, 1.0) - 1.0, np.nan)


def _pauses(history: History, until: Floats, before: Bools) -> tuple[Floats, Floats]:
    """Of each deal that was won: the longest time without a sign of life, and the 90 % quantile of times between
    activities, in days; NaN where its creation is not known."""
    created = np.full(history.n, np.nan)
    created[history.code] = history.spans["created_s"].to_numpy(dtype=np.float64)
    entered = history.spans["entered_s"].to_numpy(dtype=np.float64)
    moved = history.is_open & np.isfinite(entered) & (entered < until[history.code])
    won = np.flatnonzero(np.isfinite(until) & np.isfinite(created))
    code = np.concatenate([won, won, history.touch_code[before], history.code[moved]])
    at = np.concatenate([created[won], until[won], history.touch_s[before], entered[moved]])
    is_ours = np.isin(code, won) & (at >= created[code]) & (at <= until[code])
    longest = np.full(history.n, np.nan)
    spells = _gaps(code[is_ours], at[is_ours]).groupby("code")["gap"].max()
    longest[spells.index.to_numpy(dtype=np.int64)] = spells.to_numpy()
    touched = before & np.isin(history.touch_code, won)
    usual = np.full(history.n, np.nan)
    between = _gaps(history.touch_code[touched], history.touch_s[touched])
    if len(between):
        quantiles = between.groupby("code")["gap"].quantile(0.9)
        usual[quantiles.index.to_numpy(dtype=np.int64)] = quantiles.to_numpy()
    return longest, usual


def _gaps(code: Ints, at: Floats) -> pd.DataFrame:
    """Days between neighbouring instants of the same deal."""
    order = np.lexsort((at, code))
    code, at = code[order], at[order]
    same = np.diff(code) == 0
    return pd.DataFrame({"code": code[1:][same], "gap": np.diff(at)[same] / DAY_S})


def stays(history: History, won: pd.DataFrame) -> pd.DataFrame:
    """STAYS: every stay of won deals in a stage, up to the winning. won: WON of the same history."""
    spans = history.spans
    ends = won.set_index("deal_id")
    entered = spans["entered_s"].to_numpy(dtype=np.float64)
    until = ends["won_s"].reindex(spans["deal_id"]).to_numpy(dtype=np.float64)
    told = history.is_open & (spans["stage_id"] != NONE).to_numpy() & np.isfinite(entered) & (history.from_s < until)
    own = spans[told].assign(
        left_s=np.minimum(history.to_s, until)[told],
        ahead_days=(spans["close_day"] - spans["from_day"])[told],
    )
    each = own.groupby(["deal_id", "stage_id", "entered_s"], as_index=False).agg(
        left_s=("left_s", "max"), ahead_days=("ahead_days", "first"), pipeline_id=("pipeline_id", "last")
    )
    answer = np.full(history.n, np.inf)
    np.minimum.at(answer, history.touch_code[history.is_answer], history.touch_s[history.is_answer])
    code = np.searchsorted(history.deals, each["deal_id"].to_numpy())
    return pd.DataFrame(
        {
            "deal_id": each["deal_id"],
            "won_s": ends["won_s"].reindex(each["deal_id"]).to_numpy(),
            "undone_s": ends["undone_s"].reindex(each["deal_id"]).to_numpy(),
            "stage_id": each["stage_id"],
            "pipeline_id": each["pipeline_id"],
            "entered_s": each["entered_s"],
            "stay_days": np.floor((each["left_s"] - each["entered_s"]) / DAY_S),
            "ahead_days": each["ahead_days"],
            "is_answered": answer[code] < each["left_s"].to_numpy(),
        }
    ).astype(STAYS)


class Usual:
    """The limits as of an evening. won: WON, stays: STAYS, of any time; what was won later is left out.

    won: amounts as they are to be compared, in one currency as far as there are rates.
    """

    def __init__(self, won: pd.DataFrame, stays: pd.DataFrame, evening: Evening) -> None:
        self._won = _lately(won, evening).nlargest(NEWEST, "won_s")
        lately = _lately(stays, evening)
        ours = lately[lately["deal_id"].isin(self._won["deal_id"])]
        self._stays = {int(str(key)): one for key, one in ours.groupby("stage_id")}
        self._kept: dict[tuple[str, object], Norm] = {}

    @property
    def n(self) -> int:
        """Won deals that there are at all."""
        return len(self._won)

    @property
    def has_activities(self) -> bool:
        return bool((self._won["n_touches"] > 0).mean() >= 0.5) if self.n else False

    def _of_pipeline(self, name: str, pipeline_id: int, column: str, limit: Callable[[pd.Series], float]) -> Norm:
        return self._norm(self._won, (name, pipeline_id), column, limit, ("pipeline_id", pipeline_id, "pipeline"))

    def _of_stage(self, name: str, stage_id: int, column: str, limit: Callable[[pd.Series], float]) -> Norm:
        key = (name, stage_id)
        if stage_id not in self._stays:
            return UNKNOWN
        if key not in self._kept:
            found = self._stays[stage_id]
            found = found[found[column].notna()]
            found = _unstuck(found) if column == "stay_days" else found
            n = int(found["deal_id"].nunique())
            self._kept[key] = Norm(limit(found[column]), n, "stage") if n >= LEAST else UNKNOWN
        return self._kept[key]

    def _norm(
        self, frame: pd.DataFrame, key: tuple[str, object], column: str, limit: Callable[[pd.Series], float],
        own: tuple[str, object, Group], *, least: int = LEAST,
    ) -> Norm:  # fmt: skip
        """Of the deals with the same value, else of all; UNKNOWN where these are too few, too."""
        if key not in self._kept:
            by, value, group = own
            found = frame.loc[frame[by] == value, column].dropna()
            if len(found) < least:
                found, group = frame[column].dropna(), "all"
            self._kept[key] = Norm(limit(found), len(found), group) if len(found) >= least else UNKNOWN
        return self._kept[key]

    def quiet(self, pipeline_id: int) -> Norm:
        """Days without a sign of life that 99 of 100 won deals never went over."""
        return self._of_pipeline("quiet", pipeline_id, "quiet_days", lambda one: float(one.quantile(0.99)))

    def pause(self, pipeline_id: int) -> Norm:
        """Days between two activities that nine of ten won deals usually kept within."""
        return self._of_pipeline("pause", pipeline_id, "pause_days", lambda one: float(one.quantile(0.9)))

    def pushes(self, pipeline_id: int) -> Norm:
        """How often the close dates of 95 of 100 won deals were put off at most."""
        return self._of_pipeline("pushes", pipeline_id, "n_pushes", lambda one: float(one.quantile(0.95)))

    def with_two_contacts(self, pipeline_id: int) -> Norm:
        """Share of won deals with two contacts or more."""
        return self._of_pipeline("contacts", pipeline_id, "n_contacts", lambda one: float((one >= 2).mean()))

    def least_change(self, pipeline_id: int) -> Norm:
        """The least change of the amount, as a share of the first one, that is still ordinary: Tukey's lower fence."""
        return self._of_pipeline("shrinks", pipeline_id, "change", lambda one: _fences(one)[0])

    def most_change(self, pipeline_id: int) -> Norm:
        """The same for growth."""
        return self._of_pipeline("grows", pipeline_id, "change", lambda one: _fences(one)[1])

    def stay(self, stage_id: int) -> Norm:
        """Days in the stage that nine of ten won deals kept within."""
        return self._of_stage("stay", stage_id, "stay_days", lambda one: float(one.quantile(0.9)))

    def ahead(self, stage_id: int) -> Norm:
        """Days to the close date, on entering the stage, beyond which no ordinary one lies: Tukey's upper fence."""
        return self._of_stage("ahead", stage_id, "ahead_days", lambda one: _fences(one)[1])

    def answered(self, stage_id: int) -> Norm:
        """Share of won deals of which something had come in from the customer before they left the stage."""
        return self._of_stage("answered", stage_id, "is_answered", lambda one: float(one.mean()))

    def small_amount(self, product_id: int, currency: object) -> Norm:
        """Below it lies the lowest third of what was won with this product, in this currency, in minor units; without
        enough of the product of all that was won in the currency."""
        same = self._won[self._won["currency"] == currency]
        return self._norm(
            same, ("amount", (product_id, currency)), "amount_minor", lambda one: float(one.quantile(1 / 3)),
            ("product_id", product_id, "product"), least=LEAST_OF_PRODUCT,
        )  # fmt: skip


def _lately(frame: pd.DataFrame, evening: Evening) -> pd.DataFrame:
    since = evening.end_s - WINDOW_DAYS * DAY_S
    return frame[(frame["won_s"] < evening.end_s) & (frame["won_s"] >= since) & (frame["undone_s"] >= evening.end_s)]


def _unstuck(stays: pd.DataFrame) -> pd.DataFrame:
    """Those of one stage without the rows of ten during which it was stuck."""
    told = stays.sort_values(["entered_s", "deal_id"], ignore_index=True)
    usual = told["stay_days"].groupby(told.index // STUCK_ROW).transform("median")
    return told[usual <= STUCK_FACTOR * told["stay_days"].median()]


def _fences(values: pd.Series) -> tuple[float, float]:
    low, high = float(values.quantile(0.25)), float(values.quantile(0.75))
    return low - FENCE * (high - low), high + FENCE * (high - low)


def compared(
    amounts: pd.DataFrame, rates: pd.DataFrame, to_currency: str | None, *, days: pd.Series | date
) -> pd.DataFrame:
    """`amount_minor` (NaN: none) and `currency` of the rows in one currency, as far as there are rates.

    amounts: the same two columns; not modified. rates: columns of `tables.RATES`. days: whose rate counts.
    """
    told = amounts[["amount_minor", "currency"]].copy()
    valued = told[told["amount_minor"].notna()].astype({"amount_minor": "int64"})
    when = days.loc[valued.index] if isinstance(days, pd.Series) else days
    found = converted(valued, rates, to_currency, days=when)
    told.loc[found.index, "currency"] = found["currency"]
    told.loc[found.index, "amount_minor"] = found["amount_minor"].astype("float64")
    return told
