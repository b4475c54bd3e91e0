"""Tokens of CRMs are shared, sealed and apart; a lock has one holder among all processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from adapters.errors import RetriableError
from snapshots import token_cache
from snapshots.database import Database
from snapshots.token_cache import DatabaseLock, DatabaseTokenCache

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEY = "a secret key of at least thirty-two characters"


def cache(
    database: Database, organization: int, key: str = KEY, now: Callable[[], datetime] = lambda: NOW
) -> DatabaseTokenCache:
    return DatabaseTokenCache(database=database, organization_id=organization, secret_key=key, now=now)


def test_a_token_is_kept_for_other_processes_until_it_expires(database: Database, organization: int) -> None:
    cache(database, organization).put("crm", "token 1", expires_at=NOW + timedelta(minutes=1))
    cache(database, organization).put("crm", "token 2", expires_at=NOW + timedelta(minutes=2))
    assert cache(database, organization).get("crm") == "token 2"
    assert cache(database, organization).get("another") is None
    assert cache(database, organization, now=lambda: NOW + timedelta(minutes=2)).get("crm") is None


def test_the_database_holds_no_token_that_can_be_read(database: Database, organization: int) -> None:
    cache(database, organization).put("crm", "token-in-clear", expires_at=NOW + timedelta(days=1))
    with database.as_owner() as connection:
        connection.execute(text("SET LOCAL ROLE slms_worker"))
        held = bytes(connection.execute(text("SELECT token FROM crm_tokens")).scalar_one())
    assert b"token-in-clear" not in held
    assert KEY not in repr(cache(database, organization))


def test_after_a_change_of_the_secret_key_there_is_no_token(database: Database, organization: int) -> None:
    cache(database, organization).put("crm", "token", expires_at=NOW + timedelta(days=1))
    assert cache(database, organization, key="another secret key of thirty-two letters").get("crm") is None


def test_an_outsider_has_none_of_it(database: Database, organization: int, other_organization: int) -> None:
    cache(database, organization).put("crm", "token", expires_at=NOW + timedelta(days=1))
    assert cache(database, other_organization).get("crm") is None


def test_a_lock_has_one_holder_among_all_processes(database: Database, organization: int) -> None:
    inside, most, start = [0], [0], Barrier(8)

    def work(_: int) -> None:
        start.wait()
        with DatabaseLock(database, organization).hold("log-in"):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            with database.as_app(organization) as connection:  # the pool is free meanwhile
                connection.execute(text("SELECT pg_sleep(0.01)"))
            inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == [1]


def test_other_names_and_other_organizations_do_not_wait(
    database: Database, organization: int, other_organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "LONGEST_WAIT_S", 0.05)
    with DatabaseLock(database, organization).hold("one"):
        with DatabaseLock(database, organization).hold("other"), DatabaseLock(database, other_organization).hold("one"):
            pass
        with pytest.raises(RetriableError), DatabaseLock(database, organization).hold("one"):
            pass
