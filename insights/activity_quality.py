"""The quality of a salesperson's activity: five shares, each against the organization's, and what would change them.

The formula is public, and stands on the page: each share is drawn toward the organization's by PRIOR imaginary cases at
its rate, so that little seen means little said; its index is that share by the organization's, 100 where both are the
same; the quality is the plain mean of the indices that are known. It says how somebody works beside what is usual here,
not how good he is: no rank is made of it, and none of fewer than LEAST cases.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import pandas as pd

PRIOR: Final = 20.0
LEAST: Final = 10
"""A share of fewer cases is not taken into the quality."""
LEAST_COMPONENTS: Final = 3
"""With fewer known there is no quality."""
Z80: Final = 1.2816
WINDOW_WEEKS: Final = 13
"""Each value looks back so many whole weeks."""


@dataclass(frozen=True, slots=True)
class Component:
    """part, whole: columns of ACTIVITY_WEEKS. is_stock: only the last week of a window counts, for the others count the
    same deals once more. one: what one more case is, in words."""

    key: str
    label: str
    definition: str
    part: str
    whole: str
    is_stock: bool
    one: str


COMPONENTS: Final = (
    Component("recency", "Recency", "How fresh the last activity with each open deal is: 1 today, half after 14 days, "
              "a quarter after 28, 0 with none; mean over the deals open at the end of the last week.",
              "recency", "n_open", True, "a contact with a deal that rests"),
    Component("coverage", "Coverage", "Share of the deals open at the end of the last week that had an e-mail, call, "
              "meeting or appointment in the 30 days before.",
              "n_covered", "n_open", True, "a contact with an open deal that had none for 30 days"),
    Component("replies", "Replies", "Share of the e-mails sent to a contact or about a deal that were answered within "
              "seven days.", "n_answered", "n_sent", False, "an answer more"),
    Component("held", "Meetings held", "Share of the meetings and appointments with a known outcome that were held, "
              "not cancelled or missed.", "n_held", "n_planned", False, "a meeting held instead of missed"),
    Component("moved", "Deals moved", "Share of the deals worked on in a week that went to a later stage in it or were "
              "won; mean over the weeks.", "n_moved", "n_worked", False, "a deal moved on in a week"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One component of somebody. part of n cases; own: their share, None of nothing. usual: the organization's. index,
    low, high: with its 80 % interval, None where it is not taken in. one_more: by how many points of the quality one
    more case would raise it."""

    component: Component
    part: float
    n: int
    own: float | None
    usual: float | None
    index: float | None
    low: float | None
    high: float | None
    one_more: float | None

    @property
    def missing(self) -> int:
        """How many more cases would make the share the organization's; 0 where it is as high."""
        if self.usual is None or self.own is None:
            return 0
        return max(0, round(self.usual * self.n - self.part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """index, low, high: with its 80 % interval; None where too little is known. shares: one per component."""

    index: float | None
    low: float | None
    high: float | None
    shares: Sequence[Share]

    @property
    def lever(self) -> Share | None:
        """What most would change: the component in which most is missing to what is usual, in points."""
        known = [one for one in self.shares if one.one_more is not None and one.missing]
        return max(known, key=lambda one: (one.one_more or 0.0) * one.missing, default=None)


def quality(own: pd.DataFrame, usual: pd.DataFrame) -> Quality:
    """own, usual: ACTIVITY_WEEKS of one owner and of the organization, of the same window; not modified."""
    last = usual["week"].max()
    return _of_sums(_sums(own, last), _sums(usual, last))


def _of_sums(own: Mapping[str, tuple[float, int]], usual: Mapping[str, tuple[float, int]]) -> Quality:
    raw = [_share(one, own[one.key], usual[one.key]) for one in COMPONENTS]
    known = [share for share, _ in raw if share.index is not None]
    n = len(known)
    shares = [_with_lever(share, n) for share, _ in raw]
    if n < LEAST_COMPONENTS:
        return Quality(index=None, low=None, high=None, shares=shares)
    index = sum(share.index or 0.0 for share in known) / n
    error = sqrt(sum(variance for share, variance in raw if share.index is not None)) / n
    return Quality(index=index, low=max(index - Z80 * error, 0.0), high=index + Z80 * error, shares=shares)


def by_owner(weeks: pd.DataFrame, usual: pd.DataFrame) -> dict[int, Quality]:
    """The same of every owner in `weeks`."""
    last, of_all = usual["week"].max(), _sums(usual, usual["week"].max())
    names = list(dict.fromkeys(name for one in COMPONENTS for name in (one.part, one.whole)))
    flows = weeks.groupby("owner_id")[names].sum()
    stocks = weeks[weeks["week"] == last].groupby("owner_id")[names].sum().reindex(flows.index, fill_value=0)
    of_flow, of_stock = flows.to_dict("records"), stocks.to_dict("records")
    return {
        int(owner): _of_sums(_pairs(flow, stock), of_all)
        for owner, flow, stock in zip(flows.index.tolist(), of_flow, of_stock, strict=True)
    }


def _pairs(flow: Mapping[Hashable, float], stock: Mapping[Hashable, float]) -> dict[str, tuple[float, int]]:
    return {
        one.key: (float(sums[one.part]), int(sums[one.whole]))
        for one in COMPONENTS
        for sums in ((stock if one.is_stock else flow),)
    }


def trend(own: pd.DataFrame, usual: pd.DataFrame, *, n_weeks: int = WINDOW_WEEKS) -> pd.DataFrame:
    """`day` (Monday of the window's last week), `value`, `low`, `high` of the last `n_weeks` windows; NaN: not known.
    Each looks back over the WINDOW_WEEKS weeks that end with it, so that neighbours share most of what they are of."""
    weeks = sorted(usual["week"].unique())[-n_weeks:]
    rows: list[tuple[object, ...]] = []
    for week in weeks:
        first = week - pd.Timedelta(weeks=WINDOW_WEEKS - 1)
        own_, usual_ = (frame[frame["week"].between(first, week)] for frame in (own, usual))
        found = quality(own_, usual_)
        rows.append((week, found.index, found.low, found.high))
    return pd.DataFrame(rows, columns=["day", "value", "low", "high"]).astype(
        {"value": "float64", "low": "float64", "high": "float64"}
    )


def _sums(weeks: pd.DataFrame, last_week: pd.Timestamp) -> Mapping[str, tuple[float, int]]:
    last = weeks[weeks["week"] == last_week]
    return {
        one.key: (float(frame[one.part].sum()), int(frame[one.whole].sum()))
        for one in COMPONENTS
        for frame in ((last if one.is_stock else weeks),)
    }


def _share(component: Component, own: tuple[float, int], usual: tuple[float, int]) -> tuple[Share, float]:
    """And the variance of its index."""
    (part, n), (part_of_all, n_of_all) = own, usual
    rate = part / n if n else None
    typical = part_of_all / n_of_all if n_of_all else None
    known = Share(component=component, part=part, n=n, own=rate, usual=typical, index=None, low=None, high=None,
                  one_more=None)  # fmt: skip
    if not typical or n < LEAST:
        return known, 0.0
    drawn = (part + PRIOR * typical) / (n + PRIOR)
    variance = drawn * (1.0 - drawn) / (n + PRIOR) / typical**2 * 100.0**2
    index = 100.0 * drawn / typical
    half = Z80 * sqrt(variance)
    told = Share(component=component, part=part, n=n, own=rate, usual=typical, index=index, low=max(index - half, 0.0),
                 high=index + half, one_more=None)  # fmt: skip
    return told, variance


def _with_lever(share: Share, n_known: int) -> Share:
    if share.index is None or share.usual is None or not n_known or (share.own or 0.0) >= 1.0:
        return share
    points = 100.0 / share.usual / (share.n + PRIOR) / n_known
    return Share(component=share.component, part=share.part, n=share.n, own=share.own, usual=share.usual,
                 index=share.index, low=share.low, high=share.high, one_more=points)  # fmt: skip
