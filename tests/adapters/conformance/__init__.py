"""What every adapter must do, as tests to inherit.

An adapter's test says how its CRM is made and states its differences as class attributes (see `rules.Rules`); what the
adapter cannot do is read from its capabilities and must then be refused, not faked. Everything else is inherited:

    class TestPipedrive(AdapterConformance):
        stages_tell_status = False              # with the vendor's page beside it

        def make(self, page_size: int = 60) -> CrmAdapter:
            return Pipedrive(http=FakePipedrive(WORLD, page_size=page_size).http(), token=TOKEN)

        def secrets(self) -> tuple[str, ...]:
            return (TOKEN,)

    class TestPipedriveOverTime(ConformanceOverTime):
        def make_moments(self) -> list[CrmAdapter]:
            return [Pipedrive(http=FakePipedrive(world, page_size=20).http()) for world in WORLDS]

The fake behind `make` is stateful: it pages, keeps what is written to it, and every call of `make` opens the same CRM
anew. It should hold at least one record of each declared kind, two records of one instant, and, where the adapter
declares them, deletions and merges; the rules fail where these are missing, so that none passes for want of data.
"""

from __future__ import annotations

from conformance.over_time import ConformanceOverTime
from conformance.passes import PassRules
from conformance.records import RecordRules
from conformance.verbs import VerbRules


class AdapterConformance(PassRules, RecordRules, VerbRules):
    """All rules for a CRM as it stands."""


__all__ = ["AdapterConformance", "ConformanceOverTime"]
