"""Nutshell keeps the rules of all adapters: whole, with rights missing, and while it changes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

import pytest
import stamina
from conformance import AdapterConformance, ConformanceOverTime
from made_nutshell import API_KEY, FREE, NOW, made_adapter, made_server, made_world

from adapters.base import CrmAdapter, MemoryBudget
from adapters.sandbox import live_on

PLENTY = MemoryBudget(10**9, 10**9)


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


class NutshellRules(AdapterConformance):
    stages_tell_status = False  # a lead that was won or lost stays in its stage: reference/get_leads, `status`
    hidden: frozenset[str] = frozenset()

    def make(self, page_size: int = 60) -> CrmAdapter:
        self.server = getattr(self, "server", None) or made_server(made_world(), plan=FREE, hidden=self.hidden)
        return made_adapter(self.server, page_size=page_size, budget=PLENTY)

    def now(self) -> datetime:
        return self.server.world.clock.now()

    def secrets(self) -> tuple[str, ...]:
        return (API_KEY,)


class TestNutshell(NutshellRules):
    pass


class TestNutshellWithRightsMissing(NutshellRules):
    """The checks of a user without rights fail, as they should; see test_nutshell_access."""

    hidden = frozenset({"accounts"})

    def test_its_checks_pass_and_failing_ones_would_name_a_remedy(self, adapter: CrmAdapter) -> None:
        failed = [check for check in adapter.check() if not check.ok]
        assert [check.name for check in failed] == ["right to see companies"]
        assert all(check.remedy for check in failed)


class TestNutshellOverTime(ConformanceOverTime):
    def make_moments(self) -> list[CrmAdapter]:
        world, moments = made_world(), list[CrmAdapter]()
        for number in range(4):
            moments.append(made_adapter(made_server(deepcopy(world), plan=FREE), page_size=9, budget=PLENTY))
            live_on(world, seed=number, deeds=60)
        return [*moments, made_adapter(made_server(world, plan=FREE), page_size=9, budget=PLENTY)]


def test_the_sandbox_begins_at_the_moment_that_the_tests_name() -> None:
    assert made_world().clock.now() == NOW
