"""Whether flags came true: what became of the deals that were flagged, beside those that were not.

Judged are the flags that were first raised in the 90 days which ended 90 days before the evening, so that each had as
long to come true. Deals whose end says nothing (deleted, archived, merged, not moved) are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from insights.funnel import wilson
from insights.health.history import DAY_S, Bools, Evening, Floats, History, Ints
from insights.health.rules import RULES, Outcome

FOLLOWED_DAYS: Final = 90
"""So long a flag has to come true, and of so many days flags are judged together."""
EARLY_DAYS: Final = 14
MORE: Final = 1.1
"""What counts as won early, or for more, of a deal that looked held back."""
_ENDED_OTHERWISE: Final = frozenset({"deleted", "archived", "merged", "not moved", "earlier"})


@dataclass(frozen=True, slots=True)
class Share:
    """n_true of n. None of n 0 is no share."""

    n_true: int
    n: int

    @property
    def rate(self) -> float | None:
        return self.n_true / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval."""
        return wilson(self.n_true, self.n) if self.n else None


@dataclass(frozen=True, slots=True)
class HitRate:
    """flagged: how many of a rule's flags came true; others: the same of deals that were open then without one."""

    flagged: Share
    others: Share


def window(evening: Evening) -> tuple[int, int]:
    """First and last day on which a flag was raised that can be judged at that evening."""
    return evening.day - 2 * FOLLOWED_DAYS + 1, evening.day - FOLLOWED_DAYS


def hit_rates(history: History, flagged: pd.DataFrame, others: pd.DataFrame) -> dict[str, HitRate]:
    """By rule. flagged, others: `rule`, `deal_id`, `day`, `end_s` (of that day's evening): since when each is followed,
    once per rule and deal. Deals that the history does not hold are left out."""
    return {
        key: HitRate(
            _share(history, flagged[flagged["rule"] == key], rule.outcome),
            _share(history, others[others["rule"] == key], rule.outcome),
        )
        for key, rule in RULES.items()
    }


def unflagged(
    history: History, stood: pd.DataFrame, evenings: Sequence[Evening], silent: Sequence[Collection[str]]
) -> pd.DataFrame:
    """`rule`, `deal_id`, `day`, `end_s` of each rule's deals that were open without its flag on a judged evening, from
    the first such evening on.

    stood: `rule`, `deal_id` and, as days since 1970, `first_day` and `last_day` of the flags. evenings: the judged
    ones, the oldest first. silent: by evening, the rules that were not applied.
    """
    day, end_s = np.array([one.day for one in evenings]), np.array([one.end_s for one in evenings])
    held = history.is_open
    was_open = _evenings_of(
        history.code[held], np.searchsorted(end_s, history.from_s[held], side="right"),
        np.searchsorted(end_s, history.to_s[held], side="right"), (history.n, len(evenings)),
    )  # fmt: skip
    known = stood[stood["deal_id"].isin(history.deals)]
    code = np.searchsorted(history.deals, known["deal_id"].to_numpy(dtype=np.int64))
    first, last = (known[name].to_numpy(dtype=np.int64) for name in ("first_day", "last_day"))
    begin, until = np.searchsorted(day, first, side="left"), np.searchsorted(day, last, side="right")
    parts = []
    for key in RULES:
        own = (known["rule"] == key).to_numpy(dtype=np.bool_)
        flagged = _evenings_of(code[own], begin[own], until[own], was_open.shape)
        without = was_open & ~flagged & np.array([key not in one for one in silent], dtype=np.bool_)
        deals = np.flatnonzero(without.any(axis=1))
        place = without[deals].argmax(axis=1)
        parts.append(
            pd.DataFrame({"rule": key, "deal_id": history.deals[deals], "day": day[place], "end_s": end_s[place]})
        )
    return pd.concat(parts, ignore_index=True)


def _evenings_of(code: Ints, begin: Ints, until: Ints, shape: tuple[int, int]) -> Bools:
    """By deal and evening, whether one of the intervals of evenings (`until` excluded) holds it."""
    n = np.maximum(until - begin, 0)
    found = np.zeros(shape, dtype=np.bool_)
    within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    found[np.repeat(code, n), np.repeat(begin, n) + within] = True
    return found


def _share(history: History, since: pd.DataFrame, outcome: Outcome) -> Share:
    known = since[since["deal_id"].isin(history.deals)]
    came, counts = came_true(history, known, outcome)
    return Share(int((came & counts).sum()), int(counts.sum()))


def came_true(history: History, since: pd.DataFrame, outcome: Outcome) -> tuple[Bools, Bools]:
    """Whether it did, and whether that can be said at all, of each row of `since` (see `hit_rates`)."""
    code = np.searchsorted(history.deals, since["deal_id"].to_numpy(dtype=np.int64))
    start_s = since["end_s"].to_numpy(dtype=np.float64)
    day = since["day"].to_numpy(dtype=np.float64)
    last_s = start_s + FOLLOWED_DAYS * DAY_S
    then, later = _span_at(history, code, start_s), _span_at(history, code, last_s)
    status = history.spans["status"].to_numpy()
    was_open = (then >= 0) & (status[then] == "open")
    counts = was_open & (later >= 0) & ~np.isin(status[later], list(_ENDED_OTHERWISE))
    won_s = _won_after(history, code, start_s)
    won = won_s < last_s
    if outcome is Outcome.NOT_WON:
        return ~won, counts
    close = history.spans["close_day"].to_numpy(dtype=np.float64)[then]
    days_to_win = (won_s - start_s) / DAY_S
    if outcome is Outcome.HELD_BACK:
        return _held_back(history, then, code, won_s, won & (close - day - days_to_win >= EARLY_DAYS), won), counts
    lost = (later >= 0) & (status[later] == "lost")
    ahead = close - day
    is_due = (ahead > 0) & (ahead <= FOLLOWED_DAYS)
    has_none = np.isnan(ahead) | (ahead <= 0)
    slipped = np.where(has_none, ~won, is_due & ~(days_to_win <= ahead))
    return lost | slipped, counts


def _held_back(history: History, then: Ints, code: Ints, won_s: Floats, early: Bools, won: Bools) -> Bools:
    amount, currency = history.spans["amount_minor"].to_numpy(dtype=np.float64), history.spans["currency"].to_numpy()
    end = _span_at(history, code, np.where(np.isfinite(won_s), np.nextafter(won_s, np.inf), -np.inf))
    more = won & (end >= 0) & (currency[end] == currency[then]) & (amount[end] >= MORE * amount[then])
    found: Bools = early | more
    return found


def _span_at(history: History, code: Ints, end_s: Floats) -> Ints:
    """The span that held just before an instant, of each deal; −1: none."""
    found = np.full(len(code), -1, dtype=np.int64)
    starts = np.searchsorted(history.code, np.arange(history.n))
    ends = np.searchsorted(history.code, np.arange(history.n), side="right")
    for place, (one, instant) in enumerate(zip(code.tolist(), end_s.tolist(), strict=True)):
        here = starts[one] + np.searchsorted(history.from_s[starts[one] : ends[one]], instant) - 1
        if here >= starts[one] and history.to_s[here] >= instant:
            found[place] = here
    return found


def _won_after(history: History, code: Ints, start_s: Floats) -> Floats:
    """When each deal was won for the first time after an instant; inf: never."""
    is_won = (history.spans["status"] == "won").to_numpy(dtype=np.bool_)
    won_code, won_s = history.code[is_won], history.from_s[is_won]
    found = np.full(len(code), np.inf)
    for place, (one, instant) in enumerate(zip(code.tolist(), start_s.tolist(), strict=True)):
        own = won_s[np.searchsorted(won_code, one) : np.searchsorted(won_code, one, side="right")]
        later = own[own >= instant]
        if len(later):
            found[place] = later[0]
    return found


def as_json(rates: Mapping[str, HitRate]) -> dict[str, dict[str, int]]:
    """To be kept; `from_json` reads it again."""
    return {
        key: {
            "n": one.flagged.n, "n_true": one.flagged.n_true, "others": one.others.n, "others_true": one.others.n_true,
        }
        for key, one in rates.items()
    }  # fmt: skip


def from_json(kept: Mapping[str, Mapping[str, int]]) -> dict[str, HitRate]:
    """What `as_json` made, without rules that there are no more."""
    return {
        key: HitRate(Share(one["n_true"], one["n"]), Share(one["others_true"], one["others"]))
        for key, one in kept.items()
        if key in RULES
    }
