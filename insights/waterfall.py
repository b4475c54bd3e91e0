"""How the open pipeline came from one evening to another, cause by cause, to the cent. Pure: frames in and out.

What a deal is worth in the pipeline is its amount while it is open, in the slice, and (where one is asked for) due in
the window of close dates; else nothing. Each part is a difference of that worth, so that start + parts = end holds for
each deal, in every currency, in every slice, and added up over slices that share nothing.

**How a deal with several causes is split:** its changes count one after the other, as they happened. Where one change
alters several things at once, they count in this order: the rate of the day, reopening, owner (or the owner's team),
source, pipeline, close date, currency, amount, closing. So everything counts while the deal is open: a deal that is won
for more than it stood at was raised, then won at that amount. Where it has no amount on one side of its closing or
reopening, it leaves or comes back with the one it has while it is open. What changes between closing and reopening
counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
import pandas as pd

from insights.money import Money, converted, totals
from snapshots import tables


class Cause(StrEnum):
    """In the order in which they are shown."""

    CORRECTED = "corrected"
    CREATED = "created"
    REOPENED = "reopened"
    PULLED_IN = "pulled_in"
    RAISED = "raised"
    CUT = "cut"
    PUSHED_OUT = "pushed_out"
    LOST = "lost"
    WON = "won"
    OWNER = "owner"
    SOURCE = "source"
    PIPELINE = "pipeline"
    CURRENCY = "currency"
    RATE = "rate"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a part of the change is called and what it means; the documentation says the same, word for word."""

    label: str
    meaning: str


START: Final = Definition("Start", "Sum of the amounts of the deals open in the slice at the end of the first day.")
END: Final = Definition("End", "The same at the end of the last day.")
DEFINITIONS: Final = {
    Cause.CORRECTED: Definition(
        "Corrected", "Learnt between the two days about the first of them or before. Only as known then."
    ),
    Cause.CREATED: Definition("Created", "Deals that are new, with their first amount."),
    Cause.REOPENED: Definition("Reopened", "Deals that are open again after they were won, lost or gone."),
    Cause.PULLED_IN: Definition("Pulled in", "The close date moved into the window that was chosen, or was given."),
    Cause.RAISED: Definition("Raised", "The amount grew, or was given to a deal that had none."),
    Cause.CUT: Definition("Cut", "The amount shrank, or was taken away."),
    Cause.PUSHED_OUT: Definition("Pushed out", "The close date moved out of the window, or was taken away."),
    Cause.LOST: Definition("Lost", "Deals that were lost, at the amount they had then."),
    Cause.WON: Definition("Won", "Deals that were won, at the amount they had then."),
    Cause.OWNER: Definition(
        "Owner moves", "Deals that came to the owners of the slice or left them, or whose owner did."
    ),
    Cause.SOURCE: Definition("Source moves", "Deals whose source was changed to one of the slice, or away from it."),
    Cause.PIPELINE: Definition("Pipeline moves", "Deals that came from another pipeline, or went to one."),
    Cause.CURRENCY: Definition(
        "Currency moves", "The deal’s currency was changed; all that this did to its amount counts here."
    ),
    Cause.RATE: Definition("Exchange rates", "What newly entered rates changed in the worth of amounts that stayed."),
    Cause.DELETED: Definition("Deleted", "Deals deleted, archived, merged or left behind at a change of CRM."),
}

PARTS: Final[dict[str, str]] = {
    "deal_id": "Int64",  # <NA>: deals that changed in nothing but the rate
    "cause": "object",
    "day": "datetime64[ns]",
    "owner_id": "Int64",  # whose deal it was, as far as the viewer may know
    "currency": "object",
    "amount_minor": "int64",  # with its sign
    "n": "int64",  # deals
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFrames:
    """Two evenings and what is known of the deals between: as `snapshots.pipeline_moves.PipelineMoves`; and RATES."""

    start: date
    end: date
    spans: pd.DataFrame
    steady: pd.DataFrame
    then: pd.DataFrame
    learnt: frozenset[int]
    rates: pd.DataFrame

    def without_swings(self) -> MoveFrames:
        """Only the two evenings are compared: what a deal did between and took back is left out, and so is a deal that
        was open only between."""
        ends = ~self.spans.duplicated("deal_id", keep="last")
        return replace(self, spans=self.spans[self.spans["is_start"] | ends])


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """start, end: worth of the open deals per currency; n_start, n_end: how many they are, with and without an amount.

    parts: PARTS, one row per deal, change, cause and currency.
    """

    start: tuple[Money, ...]
    end: tuple[Money, ...]
    n_start: int
    n_end: int
    parts: pd.DataFrame

    def backwards(self) -> Waterfall:
        """From the end to the start: the negative of every part."""
        parts = self.parts.assign(amount_minor=-self.parts["amount_minor"])
        return Waterfall(start=self.end, end=self.start, n_start=self.n_end, n_end=self.n_start, parts=parts)

    def sums(self, currency: str | None) -> dict[Cause, int]:
        """What each cause comes to in a currency; causes that did nothing are left out."""
        own = self.parts[_is_currency(self.parts, currency)]
        found = own.groupby("cause")["amount_minor"].sum()
        return {cause: int(found[cause]) for cause in Cause if cause in found.index}

    def deals(self, currency: str | None) -> dict[Cause, int]:
        """How many deals each cause concerns."""
        own = self.parts[_is_currency(self.parts, currency)]
        each = own.dropna(subset=["deal_id"]).groupby("cause")["deal_id"].nunique()
        others = own[own["deal_id"].isna()].groupby("cause")["n"].sum()
        found = each.add(others, fill_value=0)
        return {cause: int(found[cause]) for cause in Cause if cause in found.index}

    @property
    def currencies(self) -> list[str | None]:
        """All there are, the largest stock first."""
        named = [one.currency for one in sorted((*self.start, *self.end), key=lambda one: -abs(one.major))]
        return list(dict.fromkeys([*named, *_codes(self.parts["currency"])]))


def waterfall(frames: MoveFrames, *, reporting_currency: str | None) -> Waterfall:
    """The pipeline between the two evenings of `frames`, which are not modified.

    Amounts are converted to `reporting_currency`, deal by deal, by the rate of the day on which they count; where none
    was entered they stand apart in their own.
    """
    worth = _Worth(frames.rates, reporting_currency)
    start, end = _stock(frames, worth)
    parts = [_corrections(frames, worth), _moves(frames, worth), _steady_rates(frames, worth)]
    return Waterfall(
        start=totals(start), end=totals(end), n_start=int(start["n"].sum()), n_end=int(end["n"].sum()),
        parts=pd.concat([one[list(PARTS)].astype(PARTS) for one in parts], ignore_index=True),
    )  # fmt: skip


_FLAGS: Final = ["is_owners", "is_sources", "is_pipelines", "is_window"]


def _is_currency(frame: pd.DataFrame, currency: str | None) -> pd.Series:
    return frame["currency"].isna() if currency is None else frame["currency"] == currency


def _codes(values: Iterable[object]) -> list[str | None]:
    return [one if isinstance(one, str) else None for one in dict.fromkeys(values)]


@dataclass(frozen=True, slots=True)
class _Worth:
    """Amounts by the rates of their days."""

    rates: pd.DataFrame
    currency: str | None

    def of(self, spans: pd.DataFrame, days: pd.Series | date) -> pd.DataFrame:
        """Currency and amount of each row, none where it has none, as if all were in the pipeline; index from 0."""
        plain = pd.DataFrame(
            {
                "currency": spans["currency"].to_numpy(dtype=object),
                "amount_minor": spans["amount_minor"].fillna(0).to_numpy(dtype="int64"),
            }
        )
        when = days if isinstance(days, date) else pd.Series(days.to_numpy())
        return converted(plain, self.rates, self.currency, days=when)


def _counts(spans: pd.DataFrame) -> np.ndarray:
    return np.asarray(spans[_FLAGS].all(axis=1) & (spans["status"] == "open"), dtype=bool)


# --- the two evenings -------------------------------------------------------------------------------------------------


def _stock(frames: MoveFrames, worth: _Worth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Currency, amount_minor and n at both evenings."""
    spans = frames.spans
    unlearnt = spans["is_start"] & ~spans["deal_id"].isin(frames.learnt)
    before = pd.concat([spans[unlearnt], frames.then]) if len(frames.then) else spans[unlearnt]
    after = spans[~spans.duplicated("deal_id", keep="last")]
    return (
        pd.concat([_valued(before, worth, frames.start), _steady(frames.steady, worth, frames.start)]),
        pd.concat([_valued(after, worth, frames.end), _steady(frames.steady, worth, frames.end)]),
    )


def _valued(spans: pd.DataFrame, worth: _Worth, day: date) -> pd.DataFrame:
    inside = spans[_counts(spans)]
    return worth.of(inside, day).assign(n=1)


def _steady(steady: pd.DataFrame, worth: _Worth, day: date) -> pd.DataFrame:
    """Sums of deals that stayed as they were; those that a rate concerns come by what each is worth."""
    one = worth.of(steady.assign(amount_minor=steady["each_minor"]), day)
    is_told_apart = steady["each_minor"].notna().to_numpy()
    n_valued = steady["n_valued"].to_numpy()
    amounts = np.where(is_told_apart, one["amount_minor"] * n_valued, steady["amount_minor"])
    return one.assign(amount_minor=amounts.astype("int64"), n=steady["n"].to_numpy())


def _steady_rates(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    before = _steady(frames.steady, worth, frames.start)
    after = _steady(frames.steady, worth, frames.end)
    facts = pd.DataFrame(
        {"deal_id": pd.array([pd.NA] * len(before), dtype="Int64"), "owner_id": pd.NA, "n": before["n"]}
    ).assign(day=pd.Timestamp(frames.end))
    whole = np.ones(len(before), dtype=bool)
    return _difference(facts, Cause.RATE.value, (before, whole), (after, whole))


def _corrections(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    """What the start turned out to be, less what it was taken for."""
    spans = frames.spans
    known = spans[spans["is_start"] & spans["deal_id"].isin(frames.learnt)]
    parts = [
        worth.of(one, frames.start).assign(
            deal_id=one["deal_id"].to_numpy(), owner_id=one["owner_id"].array, sign=sign, counts=_counts(one)
        )
        for one, sign in ((frames.then, -1), (known, 1))
    ]
    both = pd.concat(parts, ignore_index=True)
    both = both[both["counts"]].assign(amount_minor=lambda one: one["amount_minor"] * one["sign"])
    if both.empty:
        return tables.empty(PARTS)
    sums = both.groupby(["deal_id", "currency"], dropna=False, as_index=False, sort=False).agg(
        amount_minor=("amount_minor", "sum"), owner_id=("owner_id", "last")
    )
    return sums[sums["amount_minor"] != 0].assign(day=pd.Timestamp(frames.start), cause=Cause.CORRECTED.value, n=1)


# --- what happened between --------------------------------------------------------------------------------------------


def _moves(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    before, after, facts = _changes(frames)
    if before.empty:
        return tables.empty(PARTS)
    was_open = np.asarray(before["status"] == "open") & ~facts["was_absent"].to_numpy()
    is_open = np.asarray(after["status"] == "open")
    closes, opens = was_open & ~is_open, is_open & ~was_open
    valued = np.asarray(before["amount_minor"].notna() & after["amount_minor"].notna())
    old, new = worth.of(before, facts["day"]), worth.of(after, facts["day"])
    # Of a deal without an amount on one side of its closing or reopening, the amount of the open side is all there was.
    old, new = _rows_of(opens & ~valued, new, old), _rows_of(closes & ~valued, old, new)
    inside = after["is_window"].to_numpy()
    is_other = valued & np.asarray(before["currency"].fillna("") != after["currency"].fillna(""))
    exchanged = _rows_of(is_other, new, old)
    grew = np.where(valued, new["amount_minor"] > old["amount_minor"], after["amount_minor"].notna())
    left = after["status"].map({"won": Cause.WON.value, "lost": Cause.LOST.value}).fillna(Cause.DELETED.value)

    path = _Path(facts, worth.of(before, facts["before_day"]), before, was_open)
    path.step(Cause.RATE.value, old)
    path.step(np.where(facts["was_absent"], Cause.CREATED.value, Cause.REOPENED.value), is_open=was_open | is_open)
    path.step(Cause.OWNER.value, is_owners=after["is_owners"].to_numpy())
    path.step(Cause.SOURCE.value, is_sources=after["is_sources"].to_numpy())
    path.step(Cause.PIPELINE.value, is_pipelines=after["is_pipelines"].to_numpy())
    path.step(np.where(inside, Cause.PULLED_IN.value, Cause.PUSHED_OUT.value), is_window=inside)
    path.step(Cause.CURRENCY.value, exchanged)
    path.step(np.where(grew, Cause.RAISED.value, Cause.CUT.value), new)
    path.step(left.to_numpy(), is_open=is_open)
    return pd.concat(path.parts, ignore_index=True) if path.parts else tables.empty(PARTS)


def _changes(frames: MoveFrames) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Each change of each deal: what was, what is then, and when; last of each deal the way to the second evening.

    A deal that was not there before its first span has that span on both sides, `was_absent`.
    """
    spans = frames.spans.reset_index(drop=True)
    is_first = ~spans.duplicated("deal_id")
    is_last = ~spans.duplicated("deal_id", keep="last")
    place = np.arange(len(spans))
    before = np.where(is_first, place, place - 1)
    changed = place[~spans["is_start"].to_numpy()]
    ends = place[is_last.to_numpy()]
    left, right = np.concatenate([before[changed], ends]), np.concatenate([changed, ends])
    was, now = spans.iloc[left].reset_index(drop=True), spans.iloc[right].reset_index(drop=True)
    n_changed = len(changed)
    day = now["day"].where(np.arange(len(now)) < n_changed, pd.Timestamp(frames.end))
    was_absent = np.concatenate([is_first.to_numpy()[changed], np.zeros(len(ends), dtype=bool)])
    facts = pd.DataFrame(
        {
            "deal_id": now["deal_id"],
            "owner_id": now["owner_id"].where(now["is_owners"], was["owner_id"]),
            "day": day,
            "before_day": was["day"],
            "was_absent": was_absent,
            "n": 1,
        }
    )
    return was, now, facts


class _Path:
    """From what was to what is, one thing after the other; each step is a part of its cause."""

    def __init__(self, facts: pd.DataFrame, amounts: pd.DataFrame, spans: pd.DataFrame, is_open: np.ndarray) -> None:
        self.parts: list[pd.DataFrame] = []
        self._facts, self._amounts = facts, amounts
        self._flags = {name: spans[name].to_numpy() for name in _FLAGS} | {"is_open": is_open}

    def step(self, cause: str | np.ndarray, amounts: pd.DataFrame | None = None, **flags: np.ndarray) -> None:
        """amounts, flags: what is otherwise from now on."""
        before = (self._amounts, self._counts())
        self._flags |= flags
        self._amounts = self._amounts if amounts is None else amounts
        made = _difference(self._facts, cause, before, (self._amounts, self._counts()))
        if len(made):
            self.parts.append(made)

    def _counts(self) -> np.ndarray:
        return np.logical_and.reduce(list(self._flags.values()), dtype=bool)  # type: ignore[no-any-return]


def _rows_of(which: np.ndarray, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The first where `which`, else the second."""
    return pd.DataFrame({name: np.where(which, first[name], second[name]) for name in ("currency", "amount_minor")})


def _difference(
    facts: pd.DataFrame,
    cause: str | np.ndarray,
    before: tuple[pd.DataFrame, np.ndarray],
    after: tuple[pd.DataFrame, np.ndarray],
) -> pd.DataFrame:
    """Rows of PARTS for what two worths differ by: one in a currency that both have, else one in each.

    before, after: currency and amount_minor, and whether they count. facts: what the rows say beside, in this order.
    """
    (old, had), (new, has) = before, after
    was = np.where(had, old["amount_minor"].to_numpy(), 0)
    now = np.where(has, new["amount_minor"].to_numpy(), 0)
    # Most rows have nothing that this step changes; looking at their currencies is what would take long.
    is_same_frame = old is new
    place = np.flatnonzero((was != now) if is_same_frame else ((was != 0) | (now != 0)))
    if not len(place):
        return tables.empty(PARTS)
    was, now = was[place], now[place]
    currencies = [one["currency"].to_numpy(dtype=object)[place] for one in (old, new)]
    known = [np.where(pd.isna(one), "", one) for one in currencies]
    is_same = known[0] == known[1]
    rows = facts.iloc[place].assign(cause=cause if isinstance(cause, str) else np.asarray(cause)[place])
    parts = [
        rows.assign(amount_minor=amounts, currency=one)[amounts != 0]
        for amounts, one in ((np.where(is_same, now - was, -was), currencies[0]),
                             (np.where(is_same, 0, now), currencies[1]))
    ]  # fmt: skip
    return pd.concat([one[list(PARTS)] for one in parts if len(one)] or [tables.empty(PARTS)], ignore_index=True)
