"""Salesforce's ids, times and refusals over the neutral world."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adapters.sandbox.server import Reply

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def id_of(prefix: str, number: int) -> str:
    """18 characters: the object's prefix, the number, and three that tell capital letters of the first 15."""
    return f"{prefix}{number:012d}{_capitals_in(f'{prefix}{0:012d}')}"


def full_id(short: str) -> str:
    """The id of 18 characters for one of 15; both name the same."""
    return short + _capitals_in(short) if len(short) == 15 else short


@lru_cache
def _capitals_in(short: str) -> str:
    fives = [short[start : start + 5] for start in (0, 5, 10)]
    places = (sum(1 << place for place, one in enumerate(five) if one.isupper()) for five in fives)
    return "".join(_ALPHABET[place] for place in places)


def number_of(text: str) -> int | None:
    """The number in an id; None for anything else."""
    return int(text[3:15]) if len(text) in {15, 18} and text[3:15].isdigit() else None


def second(at: datetime) -> datetime:
    """Salesforce keeps whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0)


def shown(value: object) -> Any:
    """As JSON."""
    match value:
        case datetime():
            return second(value).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
    return value


def cell(value: object) -> str:
    """As a table of a bulk query has it: empty where there is nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return second(value).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        case date():
            return value.isoformat()
        case Decimal():
            return str(float(value))
    return str(value)


def error(status: int, code: str, message: str, fields: list[str] | None = None, **more: Any) -> Reply:
    body: dict[str, Any] = {"message": message, "errorCode": code}
    if fields is not None:
        body["fields"] = fields
    return Reply(status, [body | more])


class Refused(Exception):
    """Answered instead of what was asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def refuse(status: int, code: str, message: str, fields: list[str] | None = None, **more: Any) -> Refused:
    return Refused(error(status, code, message, fields, **more))
