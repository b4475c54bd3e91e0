"""HubSpot keeps the rules of all adapters: whole, under its dated paths, with rights missing, and while it changes."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime

from conformance import AdapterConformance, ConformanceOverTime
from made_hubspot import FREE, NOW, TOKEN, made_adapter, made_server, made_world

from adapters.base import CrmAdapter
from adapters.sandbox import live_on
from adapters.sandbox.hubspot import ALL_SCOPES


class HubSpotRules(AdapterConformance):
    version = "v3"
    scopes = ALL_SCOPES

    def make(self, page_size: int = 60) -> CrmAdapter:
        self.server = getattr(self, "server", None) or made_server(made_world(), scopes=self.scopes, plan=FREE)
        return made_adapter(self.server, page_size=page_size, version=self.version)

    def now(self) -> datetime:
        return self.server.world.clock.now()

    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)


class TestHubSpot(HubSpotRules):
    pass


class TestHubSpotUnderItsDatedPaths(HubSpotRules):
    version = "2026-03"


class TestHubSpotWithRightsMissing(HubSpotRules):
    """The checks of a token without rights fail, as they should; see test_hubspot_access."""

    scopes = ALL_SCOPES - {"crm.objects.companies.read", "crm.objects.appointments.read"}

    def test_its_checks_pass_and_failing_ones_would_name_a_remedy(self, adapter: CrmAdapter) -> None:
        failed = [check for check in adapter.check() if not check.ok]
        assert [check.name for check in failed] == ["scope crm.objects.companies.read"]
        assert all(check.remedy for check in failed)


class TestHubSpotOverTime(ConformanceOverTime):
    def make_moments(self) -> list[CrmAdapter]:
        world, moments = made_world(), list[CrmAdapter]()
        for number in range(4):
            moments.append(made_adapter(made_server(deepcopy(world), plan=FREE), page_size=9))
            live_on(world, seed=number, deeds=60)
        return [*moments, made_adapter(made_server(world, plan=FREE), page_size=9)]


def test_the_sandbox_begins_at_the_moment_that_the_tests_name() -> None:
    assert made_world().clock.now() == NOW
