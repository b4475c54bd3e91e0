"""Pipedrive's limits: requests in two seconds per token, searches apart, and a daily budget in which each call has its
price, of which a part is kept for the delivery of leads.

Source: https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting. The plan's rate is told in the headers of each
answer, and in practice what is left of the day too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.base import Budget
from adapters.errors import ThrottledError
from adapters.http import Refusal

GENERAL_RATE, GENERAL_BURST = 9.6, 0.8
"""What a budget is made with: 20 in two seconds, the smallest plan's, of which 96 % are used. In any two seconds no
more than burst + 2 x rate begin."""
SEARCH_RATE, SEARCH_BURST = 4.8, 0.4
"""Ten searches in two seconds, on every plan."""
TOLD_BY_SMALLEST_PLAN, WINDOW_S = 20, 2.0
RESERVE = 0.1
"""Share of the day's tokens that only lead delivery may use: on the smallest plan those of a hundred leads."""
KNOWN_FOR = timedelta(minutes=10)
"""What was told of the day's tokens is believed for so long."""
LOOK_AGAIN_S = 900.0
"""After the day's tokens are used up. They come back at midnight in a zone that no answer tells."""
SHUT_OUT_S = 300.0
"""After the network before Pipedrive has answered with a web page, because refusals were not heeded."""
LONGEST_BURST_S = 60.0
DAILY_LEFT, DAILY_MOST = "x-daily-ratelimit-token-remaining", "x-daily-ratelimit-token-limit"


@dataclass(slots=True)
class Allowance:
    """What the account may do, as the latest answer told."""

    now: Callable[[], datetime]
    most: int = TOLD_BY_SMALLEST_PLAN
    _daily: tuple[int, int, datetime] | None = field(default=None)

    def see(self, headers: Mapping[str, str]) -> None:
        most, daily, left = (_number(headers, name) for name in ("x-ratelimit-limit", DAILY_MOST, DAILY_LEFT))
        # A search tells the limit of searches, which is smaller than any plan's.
        if most is not None and most >= TOLD_BY_SMALLEST_PLAN:
            self.most = most
        if daily and left is not None:
            self._daily = (daily, left, self.now())

    @property
    def daily(self) -> tuple[int, int] | None:
        """Tokens of the day and how many are left; None where no answer told lately."""
        if self._daily is None or self.now() - self._daily[2] > KNOWN_FOR:
            return None
        return self._daily[0], self._daily[1]

    def is_down_to_reserve(self) -> bool:
        daily = self.daily
        return daily is not None and daily[1] <= daily[0] * RESERVE


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """A `Budget` that spends less of `budget` per request the more the account's plan allows. searches: the budget of
    searches, which are spent from both. may_use_reserve: True for the delivery of leads."""

    budget: Budget
    allowance: Allowance
    searches: Budget | None = None
    may_use_reserve: bool = False

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        if not self.may_use_reserve and self.allowance.is_down_to_reserve():
            raise ThrottledError(
                "Pipedrive: what is left of the day's tokens is kept for leads. It is read on after midnight.",
                wait_s=LOOK_AGAIN_S,
            )
        waited_s = 0.0
        if self.searches is not None:
            waited_s = self.searches.acquire(f"{account} search", cost=cost, at_most_s=at_most_s)
        share = TOLD_BY_SMALLEST_PLAN / self.allowance.most
        return waited_s + self.budget.acquire(account, cost=cost * share, at_most_s=at_most_s)

    def penalize(self, account: str, wait_s: float) -> None:
        self.budget.penalize(account, wait_s)


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Pipedrive's own ways to refuse: one status for both limits, and a web page of its network for those who go on."""
    if status == 403 and body.lstrip().startswith(b"<"):
        return Refusal(429, SHUT_OUT_S)
    if status != 429:
        return None
    reset_s = _number(headers, "x-ratelimit-reset")
    if _number(headers, DAILY_LEFT) == 0 or (reset_s is not None and reset_s > LONGEST_BURST_S):
        return Refusal(429, LOOK_AGAIN_S)
    return Refusal(429, float(reset_s) if reset_s else WINDOW_S)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    try:
        return max(0, int(float(text)))
    except (ValueError, OverflowError):
        return None
