"""Whether flags came true: what became of the deals that were flagged, beside those that were not.

Judged are the flags that were first raised in the 90 days which ended 90 days before the evening, so that each had as
long to come true. Deals whose end says nothing (deleted, archived, merged, not moved) are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from insights.funnel import wilson
from insights.health.history import DAY_S, Bools, Evening, Floats, History, Ints
from insights.health.rules import RULES, Outcome

FOLLOWED_DAYS: Final = 90
"""So long a flag has to come true, and of so many days flags are judged together."""
EARLY_DAYS: Final = 14
MORE: Final = 1.1
"""What counts as won early, or for more, of a deal that looked held back."""
FATES: Final[dict[str, str]] = {
    "deal_id": "int64",
    "day": "datetime64[ns]",  # on which it was flagged first
    "is_true": "bool",
    "fate": "object",  # one of Fate
    "fate_day": "datetime64[ns]",
}
_ENDED_OTHERWISE: Final = frozenset({"deleted", "archived", "merged", "not moved", "earlier"})


class Fate(StrEnum):
    """What became of a flagged deal by the end of the days in which it was followed."""

    WON = "won"
    WON_EARLY = "won_early"
    WON_FOR_MORE = "won_for_more"
    WON_LATE = "won_late"  # after the close date that it had
    LOST = "lost"
    SLIPPED = "slipped"  # its close date came, and it is neither won nor lost
    OPEN = "open"


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
    found = _Followed.of(history, since)
    return found.came_true(outcome), found.counts


def fates(history: History, since: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """FATES of the rows of `since` (see `hit_rates`) that count in a rate, in their order. Deals that the history does
    not hold are left out."""
    found = _Followed.of(history, since[since["deal_id"].isin(history.deals)])
    fate, fate_day = found.fate(outcome)
    rows = pd.DataFrame({
        "deal_id": history.deals[found.code], "day": _days(found.day), "is_true": found.came_true(outcome),
        "fate": fate, "fate_day": _days(fate_day),
    })  # fmt: skip
    return rows[found.counts].reset_index(drop=True).astype(FATES)


def _days(since_1970: Floats) -> pd.Series:
    return pd.Timestamp(0) + pd.to_timedelta(pd.Series(since_1970), unit="D")


@dataclass(frozen=True, slots=True)
class _Followed:
    """Deals from an evening on, for FOLLOWED_DAYS. then, later: the spans that held at both ends; won: the one in which
    each was won first between them. −1: none."""

    history: History
    code: Ints
    day: Floats
    start_s: Floats
    then: Ints
    later: Ints
    won: Ints

    @classmethod
    def of(cls, history: History, since: pd.DataFrame) -> _Followed:
        code = np.searchsorted(history.deals, since["deal_id"].to_numpy(dtype=np.int64))
        start_s = since["end_s"].to_numpy(dtype=np.float64)
        last_s = start_s + FOLLOWED_DAYS * DAY_S
        return cls(
            history, code, since["day"].to_numpy(dtype=np.float64), start_s, _span_at(history, code, start_s),
            _span_at(history, code, last_s), _won_between(history, code, start_s, last_s),
        )  # fmt: skip

    @property
    def counts(self) -> Bools:
        was_open = (self.then >= 0) & (self._of("status", self.then) == "open")
        return np.asarray(
            was_open & (self.later >= 0) & ~np.isin(self._of("status", self.later), list(_ENDED_OTHERWISE))
        )

    def came_true(self, outcome: Outcome) -> Bools:
        if outcome is Outcome.NOT_WON:
            return ~self._is_won
        if outcome is Outcome.HELD_BACK:
            return self._is_early | self._is_more
        return np.asarray(self._is_lost | np.where(self._has_date, self._is_past_date, ~self._is_won))

    def fate(self, outcome: Outcome) -> tuple[npt.NDArray[np.object_], Floats]:
        """What became of each, and on which day since 1970; of one that is still open, the last day it was followed."""
        won, lost = (Fate.WON, self._floats("from_day", self.won)), (Fate.LOST, self._lost_day)
        cases = {
            Outcome.NOT_WON: [(self._is_won, *won), (self._is_lost, *lost)],
            Outcome.HELD_BACK: [
                (self._is_early, Fate.WON_EARLY, won[1]), (self._is_more, Fate.WON_FOR_MORE, won[1]),
                (self._is_won, *won), (self._is_lost, *lost),
            ],
            Outcome.SLIPPED: [
                (self._is_lost, *lost), (self._is_past_date & self._is_won, Fate.WON_LATE, won[1]),
                (self._is_past_date, Fate.SLIPPED, self._close_day), (self._is_won, *won),
            ],
        }[outcome]  # fmt: skip
        whether = [one for one, _, _ in cases]
        named = [np.full(len(self.code), one.value, dtype=object) for _, one, _ in cases]
        fate = np.select(whether, named, np.full(len(self.code), Fate.OPEN.value, dtype=object))
        return fate, np.select(whether, [one for _, _, one in cases], self.day + FOLLOWED_DAYS)

    @property
    def _is_won(self) -> Bools:
        return self.won >= 0

    @property
    def _is_lost(self) -> Bools:
        return np.asarray((self.later >= 0) & (self._of("status", self.later) == "lost"))

    @property
    def _lost_day(self) -> Floats:
        """On which it got the status that it had in the end."""
        status = self.history.spans["status"].to_numpy()
        is_new = np.ones(len(status), dtype=np.bool_)
        is_new[1:] = (status[1:] != status[:-1]) | (self.history.code[1:] != self.history.code[:-1])
        begin = np.maximum.accumulate(np.where(is_new, np.arange(len(status)), 0))
        return self._floats("from_day", begin[self.later] if len(begin) else self.later)

    @property
    def _close_day(self) -> Floats:
        """As it was expected when it was flagged."""
        return self._floats("close_day", self.then)

    @property
    def _has_date(self) -> Bools:
        """A close date that was still to come."""
        return np.asarray(self._close_day > self.day)

    @property
    def _days_to_win(self) -> Floats:
        return np.where(self._is_won, (self._floats("from_s", self.won) - self.start_s) / DAY_S, np.inf)

    @property
    def _is_past_date(self) -> Bools:
        """The close date came, and it had not been won by then."""
        ahead = self._close_day - self.day
        return np.asarray((ahead > 0) & (ahead <= FOLLOWED_DAYS) & ~(self._days_to_win <= ahead))

    @property
    def _is_early(self) -> Bools:
        return np.asarray(self._is_won & (self._close_day - self.day - self._days_to_win >= EARLY_DAYS))

    @property
    def _is_more(self) -> Bools:
        is_same = self._of("currency", self.won) == self._of("currency", self.then)
        first, last = self._floats("amount_minor", self.then), self._floats("amount_minor", self.won)
        return np.asarray(self._is_won & is_same & (last >= MORE * first))

    def _of(self, column: str, spans: Ints) -> npt.NDArray[np.object_]:
        return self.history.spans[column].to_numpy(dtype=object)[spans]

    def _floats(self, column: str, spans: Ints) -> Floats:
        return self.history.spans[column].to_numpy(dtype=np.float64)[spans]


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


def _won_between(history: History, code: Ints, start_s: Floats, last_s: Floats) -> Ints:
    """The first span in which each deal was won from an instant on and before another; −1: none."""
    won = np.flatnonzero((history.spans["status"] == "won").to_numpy(dtype=np.bool_))
    won_code, won_s = history.code[won], history.from_s[won]
    found = np.full(len(code), -1, dtype=np.int64)
    for place, (one, start, last) in enumerate(zip(code.tolist(), start_s.tolist(), last_s.tolist(), strict=True)):
        first, end = np.searchsorted(won_code, one), np.searchsorted(won_code, one, side="right")
        here = first + np.searchsorted(won_s[first:end], start)
        if here < end and won_s[here] < last:
            found[place] = won[here]
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
