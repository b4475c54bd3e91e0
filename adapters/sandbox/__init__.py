"""The sandbox: one made-up sales world that answers in the dialects of real CRMs.

Tests drive the adapters against it, and `slms fake-crm` serves it to whoever wants to try things without an account.
Answers are written from the vendors' documents; what these do not say stands in `ASSUMPTIONS.md`.
"""

from adapters.sandbox.faults import Fault, Faults, Mishap
from adapters.sandbox.seeding import Size, live_on, seeded
from adapters.sandbox.server import DialectServer, Reply, Request
from adapters.sandbox.transport import SandboxTransport
from adapters.sandbox.world import Clock, Row, World

__all__ = [
    "Clock", "DialectServer", "Fault", "Faults", "Mishap", "Reply", "Request", "Row", "SandboxTransport", "Size",
    "World", "live_on", "seeded",
]  # fmt: skip
