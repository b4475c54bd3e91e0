"""What the endpoint counts, for Prometheus. Labels are from short lists, never from what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from snapshots.backlog import Backlog

REASONS = frozenset({"rate", "form", "email", "phone", "body", "Idempotency-Key", "unavailable", "field"})
STATES = frozenset({"pending", "organization", "spam", "rate", "paused", "origin", "token", "quick", "proof"})
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
        self._leads = Gauge("slms_leads", "Leads by state of delivery.", ["state"], registry=self.registry)
        self._oldest = Gauge(
            "slms_oldest_pending_seconds", "Age of the oldest lead that waits; 0: none waits.", registry=self.registry
        )

    def accepted(self, state: str) -> None:
        self._accepted[state].inc()

    def refused(self, reason: str) -> None:
        """reason: the field that is wrong, where it is one; fields of forms are counted as one."""
        self._refused[reason if reason in REASONS else "field"].inc()

    def took(self, seconds: float) -> None:
        self._took.observe(seconds)

    def scraped(self, backlog: Backlog) -> tuple[bytes, str]:
        """Everything in Prometheus' text format, and its media type. backlog: read for this scrape."""
        for state, n in backlog.leads.items():
            self._leads.labels(state).set(n)
        self._oldest.set(backlog.oldest_pending_s or 0.0)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
