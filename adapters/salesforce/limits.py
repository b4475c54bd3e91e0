"""Salesforce's limits: calls within 24 rolling hours, shared by all who use the org, of which a part is kept for leads.

Source: https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta (API request limits).
There is no rate per second. Over the quota Salesforce answers 403, not 429, and says nothing of when to come again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from adapters.base import Budget
from adapters.errors import ThrottledError
from adapters.http import Refusal

RATE, BURST = 20.0, 10.0
"""Calls per second, which no document limits; so that a first load does not crowd out the people who work there."""
RESERVE = 0.05
"""Share of the calls of 24 hours that only lead delivery may use."""
KNOWN_FOR = timedelta(minutes=10)
"""What was told of the quota is believed for so long."""
LOOK_AGAIN_S, CROWDED_S = 900.0, 5.0
USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
LOCKED, TIMED_OUT = frozenset({"UNABLE_TO_LOCK_ROW"}), frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE"})
NO_SUCH = frozenset({"INVALID_FIELD", "INVALID_TYPE"})
NO_API = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"})


@dataclass(slots=True)
class Allowance:
    """What the org has used, as the latest answer told."""

    now: Callable[[], datetime]
    _told: tuple[int, int, datetime] | None = field(default=None)

    def see(self, headers: Mapping[str, str]) -> None:
        found = USAGE.search(headers.get("sforce-limit-info", ""))
        if found:
            self._told = (int(found[1]), int(found[2]), self.now())

    @property
    def told(self) -> tuple[int, int] | None:
        """Calls used, and allowed."""
        return self._told[:2] if self._told is not None else None

    def is_down_to_reserve(self) -> bool:
        if self._told is None or self.now() - self._told[2] > KNOWN_FOR:
            return False
        used, most, _ = self._told
        return used >= most * (1 - RESERVE)


@dataclass(frozen=True, slots=True)
class ReservingBudget:
    """A `Budget` that keeps the reserve. may_use_reserve: True for the delivery of leads."""

    budget: Budget
    allowance: Allowance
    may_use_reserve: bool = False

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        if not self.may_use_reserve and self.allowance.is_down_to_reserve():
            raise ThrottledError(
                "Salesforce: what is left of the org's calls within 24 hours is kept for leads. It is read on as calls "
                "become free again.", wait_s=LOOK_AGAIN_S,
            )  # fmt: skip
        return self.budget.acquire(account, cost=cost, at_most_s=at_most_s)

    def penalize(self, account: str, wait_s: float) -> None:
        self.budget.penalize(account, wait_s)


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Salesforce's own ways to refuse."""
    codes = {code for code, _ in errors_in(body)}
    if status == 403 and "REQUEST_LIMIT_EXCEEDED" in codes:
        is_crowded = any("concurrent" in message.lower() for _, message in errors_in(body))
        return Refusal(429, CROWDED_S if is_crowded else LOOK_AGAIN_S)
    if codes & LOCKED:
        return Refusal(425, 1.0)  # nothing was done
    if codes & TIMED_OUT or status in {406, 420}:
        return Refusal(503)
    if codes & NO_API:
        return Refusal(402)
    # A field or object that the user may not see is told like one that does not exist.
    return Refusal(403) if status == 400 and codes & NO_SUCH else None


def errors_in(body: bytes | object) -> list[tuple[str, str]]:
    """(code, message) of a refusal's errors; none where the body is no list of them."""
    try:
        found = orjson.loads(body) if isinstance(body, bytes) else body
    except orjson.JSONDecodeError:
        return []
    rows = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [(str(one.get("errorCode") or one.get("statusCode") or ""), str(one.get("message") or "")) for one in rows]
