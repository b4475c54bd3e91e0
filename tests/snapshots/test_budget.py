"""A rate limit that all processes share: never more than the burst and the rate, and a penalty holds for everybody."""

from __future__ import annotations

import pytest

from adapters.errors import ThrottledError
from snapshots.budget import DatabaseBudget
from snapshots.database import Database


def _budget(database: Database, organization_id: int, *, rate: float, burst: float) -> DatabaseBudget:
    return DatabaseBudget(
        database=database, organization_id=organization_id, rate=rate, burst=burst, sleep=lambda _: None
    )


def test_a_burst_is_free_and_what_follows_waits(database: Database, organization: int) -> None:
    budget = _budget(database, organization, rate=0.01, burst=3)
    waits = [budget.acquire("account") for _ in range(5)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:] == [pytest.approx(100, abs=5), pytest.approx(200, abs=5)]


def test_who_cannot_wait_so_long_is_told_and_spends_nothing(database: Database, organization: int) -> None:
    budget = _budget(database, organization, rate=0.01, burst=1)
    budget.acquire("account")
    for _ in range(2):
        with pytest.raises(ThrottledError) as caught:
            budget.acquire("account", at_most_s=30)
        assert caught.value.wait_s == pytest.approx(100, abs=5)


def test_two_processes_share_it(database: Database, organization: int) -> None:
    one, other = (_budget(database, organization, rate=0.01, burst=1) for _ in range(2))
    assert one.acquire("account") == 0.0
    assert other.acquire("account") == pytest.approx(100, abs=5)


def test_accounts_and_organizations_are_apart(database: Database, organization: int, other_organization: int) -> None:
    _budget(database, organization, rate=0.01, burst=1).acquire("account")
    assert _budget(database, organization, rate=0.01, burst=1).acquire("another") == 0.0
    assert _budget(database, other_organization, rate=0.01, burst=1).acquire("account") == 0.0


def test_a_penalty_holds_for_all_and_is_not_shortened_by_a_lighter_one(database: Database, organization: int) -> None:
    one, other = (_budget(database, organization, rate=10, burst=5) for _ in range(2))
    one.penalize("account", 500)
    other.penalize("account", 20)
    assert other.acquire("account") == pytest.approx(500, abs=5)
