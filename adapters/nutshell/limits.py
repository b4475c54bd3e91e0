"""Nutshell documents no limit and tells none in its headers, so we keep to one of our own, shared by all processes."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.http import Refusal

ALLOWED_PER_S = 2.0
"""What we hold to be harmless."""
RATE, BURST = 1.91, 1.0
"""Evenly spaced, and a little below, for requests do not arrive as evenly: what a budget is made with."""
UNSAID_WAIT_S = 10.0


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Whatever limit we met does not say how long it lasts."""
    return Refusal(429, UNSAID_WAIT_S) if status == 429 and "retry-after" not in headers else None
