"""Pipedrive keeps the rules of all adapters: whole, with rights missing, and while it changes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

import pytest
import stamina
from conformance import AdapterConformance, ConformanceOverTime
from made_pipedrive import FREE, TOKEN, made_adapter, made_server, made_world

from adapters.base import CrmAdapter
from adapters.records import Kind
from adapters.sandbox import live_on
from adapters.sandbox.pipedrive import ALL_RIGHTS


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


class PipedriveRules(AdapterConformance):
    stages_tell_status = False
    """A won or lost deal stays in its stage: https://developers.pipedrive.com/docs/api/v1/Deals."""
    rights = ALL_RIGHTS

    def make(self, page_size: int = 60) -> CrmAdapter:
        self.server = getattr(self, "server", None) or made_server(made_world(), plan=FREE, rights=self.rights)
        return made_adapter(self.server, page_size=page_size)

    def now(self) -> datetime:
        return self.server.world.clock.now()

    def gone(self) -> set[tuple[Kind, str]]:
        kinds = {"contact": Kind.CONTACT, "company": Kind.COMPANY, "deal": Kind.DEAL}
        rows = ((kind, row) for name, kind in kinds.items() for row in self.server.world.all(name))
        return {(kind, str(row.row_id)) for kind, row in rows if not row.is_live}

    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)


class TestPipedrive(PipedriveRules):
    pass


class TestPipedriveWithRightsMissing(PipedriveRules):
    """The checks of a user without rights fail, as they should; see test_pipedrive_access."""

    rights = ALL_RIGHTS - {"activities:read", "leads:read"}

    def test_its_checks_pass_and_failing_ones_would_name_a_remedy(self, adapter: CrmAdapter) -> None:
        failed = [check for check in adapter.check() if not check.ok]
        assert [check.name for check in failed] == ["right activities:read"]
        assert all(check.remedy for check in failed)


class TestPipedriveOverTime(ConformanceOverTime):
    lists_what_is_gone = False
    """Only deals have a list of deleted ones, of thirty days."""
    repeats_history = False
    """A changelog costs twenty tokens, so it is read when a deal has moved."""

    def make_moments(self) -> list[CrmAdapter]:
        world, moments = made_world(), list[CrmAdapter]()
        for number in range(4):
            moments.append(made_adapter(made_server(deepcopy(world), plan=FREE), page_size=9))
            live_on(world, seed=number, deeds=60)
        return [*moments, made_adapter(made_server(world, plan=FREE), page_size=9)]
