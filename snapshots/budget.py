"""A CRM account's rate limit, shared by all processes and machines that use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

from adapters.errors import ThrottledError
from snapshots.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseBudget:
    """`adapters.base.Budget` in the database: `rate` per second, bursts up to `burst`. sleep: replaced by tests.

    An account is kept as the time at which its bucket would be full again (generic cell rate algorithm), by the
    database's clock.
    """

    database: Database
    organization_id: int
    rate: float
    burst: float
    sleep: Callable[[float], None] = time.sleep

    def acquire(self, account: str, *, cost: float = 1.0, at_most_s: float | None = None) -> float:
        """Wait until `cost` may be spent; returns the seconds waited. Raises ThrottledError at once, and spends
        nothing, where that would take longer than `at_most_s`."""
        with self.database.as_app(self.organization_id) as connection:
            ahead_s = self._move(connection, account, "greatest(b.free_at, clock_timestamp())", cost / self.rate)
            wait_s = max(0.0, ahead_s - self.burst / self.rate)
            if at_most_s is not None and wait_s > at_most_s:  # which takes back what was spent
                raise ThrottledError(f"The account must wait for {wait_s:.0f} s more.", wait_s=wait_s)
        if wait_s > 0:
            self.sleep(wait_s)
        return wait_s

    def penalize(self, account: str, wait_s: float) -> None:
        """The CRM said to wait: nobody may spend on this account before `wait_s` seconds have passed."""
        with self.database.as_app(self.organization_id) as connection:
            ahead_s = wait_s + self.burst / self.rate
            self._move(connection, account, "greatest(b.free_at - :ahead, clock_timestamp())", ahead_s)

    def _move(self, connection: Connection, account: str, start: str, ahead_s: float) -> float:
        """Set the account to `ahead_s` after `start`; returns how far ahead of now that is."""
        connection.execute(text("SET LOCAL synchronous_commit = off"))  # a limit is not worth a wait for the disk
        return float(
            connection.execute(
                text(
                    "INSERT INTO rate_budgets AS b (organization_id, account, free_at) "
                    "VALUES (:organization, :account, clock_timestamp() + :ahead) "
                    f"ON CONFLICT (organization_id, account) DO UPDATE SET free_at = {start} + :ahead "
                    "RETURNING extract(epoch FROM free_at - clock_timestamp())"
                ),
                {"organization": self.organization_id, "account": account, "ahead": timedelta(seconds=ahead_s)},
            ).scalar_one()
        )
