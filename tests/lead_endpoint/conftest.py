"""A world for tests of the endpoint and of deliveries; assertions of what they share show their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from snapshots.database import Database

if TYPE_CHECKING:
    from world import World

pytest.register_assert_rewrite("ledger", "world", "scenarios", "processes")


@pytest.fixture
def world(database: Database, organization: int) -> Iterator[World]:
    """A CRM that is looked up before a create, in a search without a lag."""
    from world import world_of

    with world_of(database, organization) as made:
        yield made
