"""HubSpot's limits: two rates and a daily quota, of which a part is kept for the delivery of leads.

Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines. Searches have a limit of their
own; all else shares one per private app, which depends on the plan and is told in the headers of each answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from adapters.base import Budget
from adapters.errors import ThrottledError
from adapters.http import Refusal

GENERAL_RATE, GENERAL_BURST = 18.6, 4.0
"""What a budget for all but searches is made with: 190 in ten seconds, of which 98 % are used."""
SEARCH_RATE, SEARCH_BURST = 4.9, 1.0
"""Five searches in a second, evenly spaced."""
LEAST_PER_S = 10.0
"""The smallest plan's rate, kept to until the first answer tells the account's."""
TOLD_RATE_OF_BUDGET = 19.0
"""The rate that HubSpot tells for the plan which a budget of GENERAL_RATE is made for."""
RESERVE = 0.05
"""Share of the daily quota that only lead delivery may use."""
KNOWN_FOR = timedelta(minutes=10)
"""What was told of the daily quota is believed for so long."""
LOOK_AGAIN_S = 900.0
"""After the daily quota is used up. It ends at midnight in a time zone that the refusal does not tell."""
WAITS_S = {"DAILY": LOOK_AGAIN_S, "SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
LOCKED, MIGRATING, BAD_TOKEN_AT_EDGE = 423, 477, 530


@dataclass(slots=True)
class Allowance:
    """What the account may do, as the latest answer told."""

    now: Callable[[], datetime]
    per_s: float = LEAST_PER_S
    _daily: tuple[int, int, datetime] | None = field(default=None)

    def see(self, headers: Mapping[str, str]) -> None:
        most, interval_ms = (_number(headers, name) for name in ("max", "interval-milliseconds"))
        if most and interval_ms:
            self.per_s = most * 1000 / interval_ms
        daily, left = (_number(headers, name) for name in ("daily", "daily-remaining"))
        if daily is not None and left is not None:
            self._daily = (daily, left, self.now())

    def is_down_to_reserve(self) -> bool:
        if self._daily is None or self.now() - self._daily[2] > KNOWN_FOR:
            return False
        daily, left, _ = self._daily
        return left <= daily * RESERVE


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-hubspot-ratelimit-{name}", "")
    return int(text) if text.isdigit() else None


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """A `Budget` that spends more of `budget` per request the less the account's plan allows. has_plan_rate: False for
    searches, whose rate is the same for all. may_use_reserve: True for the delivery of leads."""

    budget: Budget
    allowance: Allowance
    has_plan_rate: bool = True
    may_use_reserve: bool = False

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        if not self.may_use_reserve and self.allowance.is_down_to_reserve():
            raise ThrottledError(
                "HubSpot: what is left of the daily quota is kept for leads. It is read on after midnight.",
                wait_s=LOOK_AGAIN_S,
            )
        share = TOLD_RATE_OF_BUDGET / self.allowance.per_s if self.has_plan_rate else 1.0
        return self.budget.acquire(account, cost=cost * share, at_most_s=at_most_s)

    def penalize(self, account: str, wait_s: float) -> None:
        self.budget.penalize(account, wait_s)


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """HubSpot's own ways to refuse."""
    if status == 429:
        return Refusal(429, WAITS_S.get(str(_body(body).get("policyName", "")).upper()))
    if status == LOCKED:  # "wait at least two seconds"
        return Refusal(503, 2.0)
    if status == MIGRATING:  # the account moves between data centres; Retry-After says how long
        return Refusal(503)
    return Refusal(401) if status == BAD_TOKEN_AT_EDGE else None


def _body(body: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
