"""How Pipedrive writes and reads times and numbers: v2 with a `Z`, v1 without, both UTC, in whole seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

WHOLE_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$")


class BadRequestError(Exception):
    """What Pipedrive answers with 400."""


def second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def stamp(at: datetime | None) -> str | None:
    return second(at).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def v1_stamp(at: datetime) -> str:
    return second(at).strftime("%Y-%m-%d %H:%M:%S")


def filtered_by(text: str) -> datetime:
    """The time of a filter. Raises BadRequestError for fractions of a second."""
    if not WHOLE_SECOND.match(text):
        raise BadRequestError(f"updated_since: {text} is not a valid RFC3339 time")
    return datetime.fromisoformat(text).astimezone(UTC)


def number(value: object) -> int | float | None:
    if not isinstance(value, Decimal):
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def duration(seconds: object) -> str | None:
    return str(timedelta(seconds=seconds)).rjust(8, "0") if isinstance(seconds, int) else None
