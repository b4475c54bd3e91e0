"""How the open pipeline came from one evening to another, cause by cause, to the cent. Pure: frames in and out.

What a deal is worth in the pipeline is its amount while it is open, in the slice, and (where one is asked for) due in
the window of close dates; else nothing. Each part is a difference of that worth, so that start + parts = end holds for
each deal, in every currency, in every slice, and added up over slices that share nothing.

**How a deal with several causes is split:** its changes count one after the other, as they happened. Where one change
alters several things at once, they count in this order: the rate of the day, reopening, owner (or the owner's team),
source, pipeline, product, close date, currency, amount, closing. So everything counts while the deal is open: a deal
that is won for more than it stood at was raised, then won at that amount. Where it has no amount on one side of its
closing or reopening, it leaves or comes back with the one it has while it is open. What changes between closing and
reopening counts for nothing.
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
    PRODUCT = "product"
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
    Cause.PRODUCT: Definition("Product moves", "Deals whose product was changed to one of the slice, or away from it."),
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
    worth = _Worth(frames.rates, reporting_currency, (frames.spans, frames.steady, frames.then))
    start, end = _stock(frames, worth)
    parts = (_corrections(frames, worth), _moves(frames, worth), _steady_rates(frames, worth))
    told = [one for one in parts if len(one)]
    return Waterfall(
        start=totals(start), end=totals(end), n_start=int(start["n"].sum()), n_end=int(end["n"].sum()),
        parts=pd.concat(told, ignore_index=True) if told else tables.empty(PARTS),
    )  # fmt: skip


_FLAGS: Final = ["is_owners", "is_sources", "is_pipelines", "is_products", "is_window"]


def _is_currency(frame: pd.DataFrame, currency: str | None) -> pd.Series:
    return frame["currency"].isna() if currency is None else frame["currency"] == currency


def _codes(values: Iterable[object]) -> list[str | None]:
    return [one if isinstance(one, str) else None for one in dict.fromkeys(values)]


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Of each row the place of its currency among those of a `_Worth` (-1: none), and the amount."""

    currency: np.ndarray
    minor: np.ndarray

    def where(self, which: np.ndarray, other: _Amounts) -> _Amounts:
        """These where `which`, else the others."""
        return _Amounts(np.where(which, self.currency, other.currency), np.where(which, self.minor, other.minor))


class _Worth:
    """Amounts by the rates of their days."""

    def __init__(self, rates: pd.DataFrame, currency: str | None, frames: Iterable[pd.DataFrame]) -> None:
        self.rates, self.currency = rates, currency
        told = pd.unique(np.concatenate([frame["currency"].to_numpy(dtype=object) for frame in frames]))
        names = [*(one for one in told if isinstance(one, str)), *([currency] if currency is not None else [])]
        self.currencies = pd.Index(list(dict.fromkeys(names)), dtype="object")

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """The places of the rows' currencies."""
        return np.asarray(pd.Categorical(frame["currency"], categories=self.currencies).codes)

    def of(self, currency: np.ndarray, minor: np.ndarray, days: np.ndarray | date) -> _Amounts:
        """As if all were in the pipeline. currency: places. minor: 0 where there is no amount."""
        plain = pd.DataFrame({"currency": self._categorical(currency), "amount_minor": minor})
        found = converted(plain, self.rates, self.currency, days=days if isinstance(days, date) else pd.Series(days))
        return _Amounts(np.asarray(found["currency"].cat.codes), found["amount_minor"].to_numpy(dtype="int64"))

    def frame(self, rows: pd.DataFrame, days: date) -> pd.DataFrame:
        """Currency and amount_minor of each row, index from 0."""
        minor = rows["amount_minor"].fillna(0).to_numpy(dtype="int64")
        found = self.of(self.codes(rows), minor, days)
        return pd.DataFrame({"currency": self.names(found.currency), "amount_minor": found.minor})

    def names(self, currency: np.ndarray) -> np.ndarray:
        return np.asarray(np.array([*self.currencies, None], dtype=object)[currency])

    def _categorical(self, currency: np.ndarray) -> pd.Categorical:
        return pd.Categorical.from_codes(currency, categories=self.currencies)  # type: ignore[arg-type]


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
    return worth.frame(inside, day).assign(n=1)


def _steady(steady: pd.DataFrame, worth: _Worth, day: date) -> pd.DataFrame:
    """Sums of deals that stayed as they were; those that a rate concerns come by what each is worth."""
    one = worth.frame(steady.assign(amount_minor=steady["each_minor"]), day)
    is_told_apart = steady["each_minor"].notna().to_numpy()
    n_valued = steady["n_valued"].to_numpy()
    amounts = np.where(is_told_apart, one["amount_minor"] * n_valued, steady["amount_minor"])
    return one.assign(amount_minor=amounts.astype("int64"), n=steady["n"].to_numpy())


def _steady_rates(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    stock = [_steady(frames.steady, worth, day) for day in (frames.start, frames.end)]
    before, after = (_Amounts(worth.codes(one), one["amount_minor"].to_numpy(dtype="int64")) for one in stock)
    facts = _Facts(
        deal_id=np.zeros(len(stock[0]), dtype=np.int64), owner_id=np.zeros(len(stock[0]), dtype=np.int64),
        day=np.full(len(stock[0]), np.datetime64(frames.end, "ns")), n=stock[0]["n"].to_numpy(dtype="int64"),
    )  # fmt: skip
    whole = np.ones(len(stock[0]), dtype=bool)
    path = _Path(facts, worth, before, {"is_there": whole})
    path.step(Cause.RATE.value, after)
    return path.parts()


def _corrections(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    """What the start turned out to be, less what it was taken for."""
    spans = frames.spans
    if not frames.learnt:
        return tables.empty(PARTS)
    known = spans[spans["is_start"] & spans["deal_id"].isin(frames.learnt)]
    parts = [
        worth.frame(one, frames.start).assign(
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
    found = sums[sums["amount_minor"] != 0].assign(day=pd.Timestamp(frames.start), cause=Cause.CORRECTED.value, n=1)
    return found[list(PARTS)].astype(PARTS)


# --- what happened between --------------------------------------------------------------------------------------------

NOBODY: Final = 0
"""In arrays: no owner, and no single deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a part says beside its cause and amount; NOBODY where it is of no single deal or has no owner."""

    deal_id: np.ndarray
    owner_id: np.ndarray
    day: np.ndarray
    n: np.ndarray


def _moves(frames: MoveFrames, worth: _Worth) -> pd.DataFrame:
    """Each change of each deal, and last of each deal the way to the second evening.

    A deal that was not there before its first span was absent: that span stands on both sides.
    """
    spans = frames.spans
    if spans.empty:
        return tables.empty(PARTS)
    was, now, was_absent, n_changed = _changes(spans)
    column = {name: spans[name].to_numpy() for name in ("day", *_FLAGS)}
    is_told = spans["amount_minor"].notna().to_numpy()
    minor = spans["amount_minor"].fillna(0).to_numpy(dtype="int64")
    currency, opened = worth.codes(spans), (spans["status"] == "open").to_numpy()
    day = column["day"][now].copy()
    day[n_changed:] = np.datetime64(frames.end, "ns")
    was_open, is_open = opened[was] & ~was_absent, opened[now]
    closes, opens = was_open & ~is_open, is_open & ~was_open
    valued = is_told[was] & is_told[now]
    told_old, told_new = (worth.of(currency[side], minor[side], day) for side in (was, now))
    # Of a deal without an amount on one side of its closing or reopening, the amount of the open side is all there was.
    old, new = told_new.where(opens & ~valued, told_old), told_old.where(closes & ~valued, told_new)
    inside = column["is_window"][now]
    exchanged = new.where(valued & (currency[was] != currency[now]), old)
    grew = np.where(valued, new.minor > old.minor, is_told[now])
    left = spans["status"].map({"won": Cause.WON.value, "lost": Cause.LOST.value}).fillna(Cause.DELETED.value)

    facts = _Facts(
        deal_id=spans["deal_id"].to_numpy()[now], owner_id=_owners(spans, was, now), day=day,
        n=np.ones(len(now), dtype=np.int64),
    )  # fmt: skip
    before = worth.of(currency[was], minor[was], column["day"][was])
    path = _Path(facts, worth, before, {name: column[name][was] for name in _FLAGS} | {"is_open": was_open})
    path.step(Cause.RATE.value, old)
    path.step(np.where(was_absent, Cause.CREATED.value, Cause.REOPENED.value), is_open=was_open | is_open)
    path.step(Cause.OWNER.value, is_owners=column["is_owners"][now])
    path.step(Cause.SOURCE.value, is_sources=column["is_sources"][now])
    path.step(Cause.PIPELINE.value, is_pipelines=column["is_pipelines"][now])
    path.step(Cause.PRODUCT.value, is_products=column["is_products"][now])
    path.step(np.where(inside, Cause.PULLED_IN.value, Cause.PUSHED_OUT.value), is_window=inside)
    path.step(Cause.CURRENCY.value, exchanged)
    path.step(np.where(grew, Cause.RAISED.value, Cause.CUT.value), new)
    path.step(left.to_numpy(dtype=object)[now], is_open=is_open)
    return path.parts()


def _changes(spans: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Of each change the places of what was and what is then, and whether the deal was absent before; how many of these
    are changes: the others are the ways to the second evening."""
    deal_id = spans["deal_id"].to_numpy()
    is_first = np.append(True, deal_id[1:] != deal_id[:-1])
    ends = np.flatnonzero(np.append(is_first[1:], True))
    changed = np.flatnonzero(~spans["is_start"].to_numpy())
    was = np.where(is_first[changed], changed, changed - 1)
    was_absent = np.concatenate([is_first[changed], np.zeros(len(ends), dtype=bool)])
    return np.concatenate([was, ends]), np.concatenate([changed, ends]), was_absent, len(changed)


def _owners(spans: pd.DataFrame, was: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Whose deal it is, or was where it goes to somebody else's."""
    owner_id = spans["owner_id"].fillna(NOBODY).to_numpy(dtype="int64")
    return np.asarray(np.where(spans["is_owners"].to_numpy()[now], owner_id[now], owner_id[was]))


class _Path:
    """From what was to what is, one thing after the other; each step is a part of its cause."""

    def __init__(self, facts: _Facts, worth: _Worth, amounts: _Amounts, flags: dict[str, np.ndarray]) -> None:
        self._facts, self._worth, self._amounts, self._flags = facts, worth, amounts, flags
        self._made: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

    def step(self, cause: str | np.ndarray, amounts: _Amounts | None = None, **flags: np.ndarray) -> None:
        """amounts, flags: what is otherwise from now on."""
        had, old = self._counts(), self._amounts
        self._flags |= flags
        new = self._amounts = old if amounts is None else amounts
        was, now = np.where(had, old.minor, 0), np.where(self._counts(), new.minor, 0)
        is_same = old.currency == new.currency
        # What two worths differ by: one part in a currency that both have, else one in each.
        for minor, currency in ((np.where(is_same, now - was, -was), old.currency),
                                (np.where(is_same, 0, now), new.currency)):  # fmt: skip
            place = np.flatnonzero(minor)
            causes = np.full(len(place), cause, dtype=object) if isinstance(cause, str) else cause[place]
            self._made.append((place, causes.astype(object), currency[place], minor[place]))

    def parts(self) -> pd.DataFrame:
        """PARTS, in the order of the steps."""
        place, cause, currency, minor = (np.concatenate(one) for one in zip(*self._made, strict=True))
        facts = self._facts
        return pd.DataFrame(
            {
                "deal_id": _nullable(facts.deal_id[place]), "cause": cause, "day": facts.day[place],
                "owner_id": _nullable(facts.owner_id[place]), "currency": self._worth.names(currency),
                "amount_minor": minor, "n": facts.n[place],
            }
        )  # fmt: skip

    def _counts(self) -> np.ndarray:
        return np.logical_and.reduce(list(self._flags.values()), dtype=bool)  # type: ignore[no-any-return]


def _nullable(ids: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(ids, ids == NOBODY)
