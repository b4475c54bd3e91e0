"""Single values of Pipedrive's JSON: times of both versions, days, amounts, numbers. What cannot be read is None."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from adapters.currencies import told_minor

Raw = dict[str, Any]
NOON = time(12, tzinfo=UTC)


def said(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    text = str(value).strip() if value is not None and not isinstance(value, dict | list) else ""
    return text or None


def instant(value: object) -> datetime | None:
    """v2 says `2026-03-02T08:00:00Z`, v1 `2026-03-02 08:00:00`, which is UTC too."""
    try:
        found = datetime.fromisoformat(str(value).strip()) if value is not None else None
    except (ValueError, OverflowError):
        return None
    if found is None:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def day(value: object) -> date | None:
    found = instant(value)
    return found.date() if found is not None else None


def seconds_of(value: object) -> int | None:
    """Of a duration such as `01:30` or `01:30:00`."""
    parts = str(value or "").strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = (int(part) for part in [*parts, "0"][:3])
    return hours * 3600 + minutes * 60 + seconds


def minor(amount: Decimal | None, currency: str | None) -> int | None:
    """Pipedrive tells each amount's currency: one without is none."""
    return told_minor(amount, currency) if currency is not None else None


def happened_at(raw: Raw) -> datetime | None:
    """When a done activity took place: when it was due, unless it was ticked off earlier. One without a time of day
    took place when it was ticked off, if on that day, else at noon UTC, which is the same day nearly everywhere."""
    done_at, due_on = instant(raw.get("marked_as_done_time")), day(raw.get("due_date"))
    if due_on is None:
        return done_at or instant(raw.get("add_time"))
    since_midnight = seconds_of(raw.get("due_time"))
    if since_midnight is not None:
        due_at = datetime.combine(due_on, time(tzinfo=UTC)) + timedelta(seconds=since_midnight)
    elif done_at is not None and done_at.date() == due_on:
        due_at = done_at
    else:
        due_at = datetime.combine(due_on, NOON)
    return min(due_at, done_at) if done_at is not None else due_at
