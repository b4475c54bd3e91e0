"""The demo CRM: a seeded seller's world that is a function of seed and day, behind the protocol. See `docs/demo.md`."""

from adapters.demo.crm import DemoCrm
from adapters.demo.facts import Facts, planted_facts
from adapters.demo.store import DemoStore, MemoryDemoStore
from adapters.demo.world import DemoSettings, DemoWorld

__all__ = ["DemoCrm", "DemoSettings", "DemoStore", "DemoWorld", "Facts", "MemoryDemoStore", "planted_facts"]
