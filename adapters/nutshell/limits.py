"""Nutshell documents no limit and tells none in its headers, so we keep to one of our own, shared by all processes."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.http import Refusal

ALLOWED_PER_MINUTE = 120
"""What we hold to be harmless."""
RATE, BURST = 1.91, 4.0
"""What a budget is made with: a few at once, so that a lead does not wait for what is asked beside it; then evenly, and
a little below, for requests do not arrive as evenly."""
UNSAID_WAIT_S = 10.0


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Whatever limit we met does not say how long it lasts."""
    return Refusal(429, UNSAID_WAIT_S) if status == 429 and "retry-after" not in headers else None
