"""What the endpoint counts, for Prometheus. Labels are from short lists, never from what was sent."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REASONS = frozenset({"rate", "form", "email", "phone", "body", "Idempotency-Key", "unavailable"})
STATES = frozenset({"pending", "organization", "spam", "rate", "paused"})
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Meter:
    """One per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        accepted = Counter(
            "slms_leads_accepted", "Leads on disk, by what they wait for.", ["state"], registry=self.registry
        )
        refused = Counter(
            "slms_submissions_refused", "Submissions not accepted, by reason.", ["reason"], registry=self.registry
        )
        self._accepted = {state: accepted.labels(state) for state in sorted(STATES)}
        self._refused = {reason: refused.labels(reason) for reason in sorted(REASONS)}
        self._took = Histogram(
            "slms_lead_seconds", "From the whole body to the answer.", registry=self.registry, buckets=BUCKETS
        )
        self.outbox = Gauge("slms_leads", "Leads by state of delivery.", ["state"], registry=self.registry)
        self.oldest = Gauge(
            "slms_oldest_pending_seconds", "Age of the oldest lead that is not delivered.", registry=self.registry
        )

    def accepted(self, state: str) -> None:
        self._accepted[state].inc()

    def refused(self, reason: str) -> None:
        self._refused[reason].inc()

    def took(self, seconds: float) -> None:
        self._took.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
