"""Reads from a real account, for those who have one: `pytest -m live --vendor=hubspot`, with the settings of `.env`.

Nothing is written there. What is read is held against the rules that the sandbox was built by.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from adapters.base import CrmAdapter
from adapters.records import KIND_OF, ActivityKind, Deletion, Kind, Merge
from ops.services import Services
from ops.settings import load
from snapshots.database import Database
from snapshots.organizations import connect_crm

pytestmark = pytest.mark.live
PAGES, DEALS, WEEK = 3, 20, timedelta(days=7)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vendor" in metafunc.fixturenames:
        metafunc.parametrize("vendor", metafunc.config.getoption("--vendor"))


@pytest.fixture
def adapter(vendor: str, database: Database, organization: int) -> Iterator[CrmAdapter]:
    services = Services(settings=load(), database_url=database.url, database=database)
    connection = connect_crm(database, organization, provider=vendor, name=vendor, settings={})
    found = services.adapter(connection)
    yield found
    found.close()


def test_the_access_works_and_every_missing_right_has_a_remedy(adapter: CrmAdapter) -> None:
    checks = adapter.check()
    for check in checks:
        print("ok  " if check.ok else "MISS", check.name, check.detail, check.remedy or "")
    assert any(check.ok for check in checks)
    assert all(check.remedy for check in checks if not check.ok)


def test_everybody_has_an_id_and_a_name_or_an_address(adapter: CrmAdapter) -> None:
    owners = adapter.list_owners()
    assert owners
    assert len({owner.external_id for owner in owners}) == len(owners)
    assert all(owner.name or owner.email for owner in owners)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_first_pages_of_each_kind_are_understood(adapter: CrmAdapter, kind: Kind) -> None:
    declared = {one.kind: one.reason for one in adapter.capabilities.missing}
    if kind not in adapter.capabilities.kinds:
        assert declared.get(kind.value), f"{kind} is neither read nor said to be missing"
        return
    pages = list(islice(adapter.changes(kind, None), PAGES))
    records = [one for page in pages for one in page.changes if not isinstance(one, Deletion | Merge)]
    print(f"{kind}: {len(records)} records on {len(pages)} pages, {adapter.expected_count(kind)} in all")
    assert pages
    assert {KIND_OF[type(one)] for one in records} <= {kind}
    assert not [one for page in pages for one in page.rejections]


def test_the_latest_deals_are_found(adapter: CrmAdapter) -> None:
    since = datetime.now(UTC) - 12 * WEEK
    deals = list(islice(adapter.search_deals(created_since=since), DEALS))
    print(f"{len(deals)} deals")
    assert all(deal.created_at is not None and deal.created_at >= since for deal in deals)


@pytest.mark.parametrize("kind", list(ActivityKind))
def test_activities_of_a_week_are_counted_or_said_to_be_missing(adapter: CrmAdapter, kind: ActivityKind) -> None:
    found = adapter.count_activity(kind=kind, since=datetime.now(UTC) - WEEK)
    print(f"{kind}: {found.count} {found.unavailable or ''}")
    assert (found.count is None) == bool(found.unavailable)
