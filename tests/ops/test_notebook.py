"""A notebook finds the installation's database, and a seeded demo where there is nothing yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from ops.notebook import SMALL_DEMO_NOW, open_analyst, open_demo_if_empty
from snapshots.analyst import NothingToReadError
from snapshots.database import Database, migrate
from snapshots.organizations import list_organizations


@pytest.fixture
def address(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    url = new_database()
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("CRM_PROVIDER", raising=False)
    return url


def test_a_shared_database_is_not_migrated_by_a_notebook(address: str) -> None:
    with pytest.raises(NothingToReadError, match="slms migrate"):
        open_demo_if_empty()
    database = Database(address)
    with database.as_owner() as connection:
        assert connection.execute(text("SELECT to_regclass('organizations')")).scalar_one() is None
    database.close()


def test_an_empty_database_gets_the_small_demo_once_and_a_filled_one_none(address: str) -> None:
    migrate(address)
    with pytest.raises(NothingToReadError, match="no organization yet"):
        open_analyst()
    first = open_demo_if_empty()
    assert first.organization.is_sample
    assert first.as_of == SMALL_DEMO_NOW.date()  # as it was planned, not as of the day of this test
    n_deals, version = len(first.deals()), first.organization.data_version
    first.close()
    again = open_demo_if_empty()
    assert (len(again.deals()), again.organization.data_version) == (n_deals, version)
    again.close()
    database = Database(address)
    assert [one.name for one in list_organizations(database)] == ["Sample data"]
    database.close()
