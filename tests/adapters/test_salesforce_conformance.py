"""Salesforce keeps the rules of all adapters: with one currency, rights missing, by bulk queries, over time."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any, ClassVar

import pytest
import stamina
from conformance import AdapterConformance, ConformanceOverTime
from made_salesforce import NOW, SECRET, made_adapter, made_server, made_world

from adapters.base import CrmAdapter
from adapters.sandbox import World, live_on


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


class SalesforceRules(AdapterConformance):
    org: ClassVar[dict[str, Any]] = {}
    bulk_from = 100_000

    def make(self, page_size: int = 60) -> CrmAdapter:
        self.server = getattr(self, "server", None) or made_server(made_world(), **self.org)
        return made_adapter(self.server, page_size=page_size, bulk_from=self.bulk_from)

    def now(self) -> datetime:
        return self.server.world.clock.now()

    def secrets(self) -> tuple[str, ...]:
        return (SECRET, *self.server.tokens)


class TestSalesforce(SalesforceRules):
    pass


class TestSalesforceWithOneCurrencyAndNoRecordTypes(SalesforceRules):
    """Such an org does not say which currency: https://help.salesforce.com/s/articleView?id=sf.admin_currency.htm"""

    names_currencies = False
    org: ClassVar[dict[str, Any]] = {"is_multi_currency": False, "has_record_types": False}


class TestSalesforceByBulkQueries(SalesforceRules):
    bulk_from = 0


class TestSalesforceWithRightsMissing(SalesforceRules):
    """The checks of a user without rights fail, as they should; see test_salesforce_access."""

    org: ClassVar[dict[str, Any]] = {
        "hidden": frozenset({"Account", "ServiceAppointment", "OpportunityHistory", "Task.TaskSubtype", "Lead"})
    }

    def test_its_checks_pass_and_failing_ones_would_name_a_remedy(self, adapter: CrmAdapter) -> None:
        failed = [check for check in adapter.check() if not check.ok]
        assert {check.name for check in failed} == {
            "right Read on Account", "field Task.TaskSubtype", "right Read on OpportunityHistory",
        }  # fmt: skip
        assert all(check.remedy for check in failed)


class TestSalesforceOverTime(ConformanceOverTime):
    def make_moments(self) -> list[CrmAdapter]:
        world, moments = made_world(), list[CrmAdapter]()
        for number in range(4):
            moments.append(_at(deepcopy(world)))
            live_on(world, seed=number, deeds=60)
        return [*moments, _at(world)]


def _at(world: World) -> CrmAdapter:
    return made_adapter(made_server(world), page_size=9)


def test_the_sandbox_begins_at_the_moment_that_the_tests_name() -> None:
    assert made_world().clock.now() == NOW
