"""The demo CRM keeps the rules of all adapters, whole and with objects missing on purpose."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from conformance import AdapterConformance, ConformanceOverTime

from adapters.base import CrmAdapter
from adapters.demo import DemoCrm, DemoSettings, MemoryDemoStore
from adapters.records import ActivityKind, Kind

TINY = DemoSettings(seed=4, owners=8, deals=40, activities=160, years=0.4, born=date(2025, 9, 15))
SMALL = DemoSettings(seed=4, owners=9, deals=110, activities=500, years=0.9, born=date(2025, 3, 5))
NOW = datetime(2026, 2, 11, 13, 5, 7, 250_000, tzinfo=UTC)


class TestDemoCrm(AdapterConformance):
    def make(self, page_size: int = 60) -> CrmAdapter:
        self.store = getattr(self, "store", None) or MemoryDemoStore()
        return DemoCrm(TINY, now=self.now, store=self.store, page_size=page_size)

    def now(self) -> datetime:
        return NOW


class TestDemoCrmWithMissingObjects(AdapterConformance):
    def make(self, page_size: int = 100) -> CrmAdapter:
        missing = {Kind.COMPANY: "no right to read companies", ActivityKind.CALL: "calls are kept elsewhere"}
        return DemoCrm(TINY, now=self.now, store=MemoryDemoStore(), missing=missing, page_size=page_size)

    def now(self) -> datetime:
        return NOW


class TestDemoCrmWithoutActivities(AdapterConformance):
    def make(self, page_size: int = 100) -> CrmAdapter:
        missing = {Kind.ACTIVITY: "not exposed", Kind.DEAL: "no right to read deals", Kind.OWNER: "not exposed"}
        return DemoCrm(TINY, now=self.now, store=MemoryDemoStore(), missing=missing, page_size=page_size)

    def now(self) -> datetime:
        return NOW


class TestDemoCrmOverTime(ConformanceOverTime):
    def make_moments(self) -> list[CrmAdapter]:
        moments = [NOW + timedelta(days=days, hours=days * 5) for days in (-200, -30, -29, -3, 0, 1, 40)]
        return [DemoCrm(SMALL, now=lambda at=at: at, store=MemoryDemoStore(), page_size=60) for at in moments]  # type: ignore[misc]
