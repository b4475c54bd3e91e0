"""Nutshell's times: its description says text, its answers are numbers and objects, so all three are read."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(value: object) -> datetime | None:
    """Seconds since 1970, ISO 8601, or an object with `timestamp`; None where it is none of them."""
    if isinstance(value, dict):
        value = value.get("timestamp")
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        if text.lstrip("-").replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
