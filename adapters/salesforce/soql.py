"""SOQL as text: literals and conditions. Whatever comes from outside becomes a literal here.

Source: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl (quoted strings, date formats).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

ID = re.compile(r"[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def quoted(value: str) -> str:
    return "'" + "".join(_ESCAPES.get(one, one) for one in value) + "'"


def among(name: str, values: Iterable[str]) -> str:
    return f"{name} IN ({', '.join(map(quoted, values))})"


def moment(at: datetime) -> str:
    """Times stand without quotes. Salesforce keeps seconds, so what lies within one is its end for a lower bound."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(on: date) -> str:
    return on.isoformat()


def both(*conditions: str) -> str:
    """Conditions that hold together; empty ones are left out. Each is put into brackets: SOQL mixes no AND with OR."""
    return " AND ".join(f"({one})" for one in conditions if one)


def select(fields: Iterable[str], name: str, where: str = "", rest: str = "") -> str:
    parts = ("SELECT", ", ".join(fields), "FROM", name, "WHERE" if where else "", where, rest)
    return " ".join(part for part in parts if part)


def is_id(text: str | None) -> bool:
    """Salesforce refuses a query that compares an id with anything else."""
    return bool(text) and ID.match(text or "") is not None
