"""What of a CRM's values can be kept. Anything is put into fields, and one odd record must not end a sync.

- Text: PostgreSQL knows no NUL and no half characters. The one is dropped, the other becomes U+FFFD.
- Dates that stand for none (0001-01-01, 9999-12-31, …) are not given: nothing is sold in those years, no frame holds
  them. A past value without a date is not known.
- Numbers that no deal and no call can have are not given.
- Texts that stand in an index (ids, sources, e-mail addresses) are cut where it would refuse them; a cut id ends with
  a fingerprint of the whole, so that it stays one of its own.

The raw record keeps what was received, but for what no text of PostgreSQL can hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import Enum
from functools import cache
from hashlib import blake2b
from typing import Any, Final, TypeVar

import orjson

from adapters.records import Activity, Deal, DealChange

T = TypeVar("T")

FIRST_YEAR, LAST_YEAR = 1700, 2199
LARGEST_AMOUNT_MINOR: Final = 10**16
"""The sum of hundreds of such amounts still fits into 64 bits."""
LARGEST_DURATION_S: Final = 2**31 - 1
LONGEST_KEY: Final = 600
"""Characters of a text that stands in an index, each of which may take four of the 2,704 bytes that an entry has."""
AS_JSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS

_NUL = b"\\u0000"
_odd_year = re.compile(rb'"(?:[03-9]\d|1[0-6]|2[2-9])\d\d-').search
_long_number = re.compile(rb":-?\d{17}").search
_JSON = frozenset({"raw", "fields", "row"})
_LARGEST = {"duration_s": LARGEST_DURATION_S}


def storable(value: T) -> T:
    """The same (a record, a deletion, a text, …) without what cannot be kept."""
    try:
        content = orjson.dumps(value, default=str, option=AS_JSON)
        if is_storable(value, content):
            return value
    except TypeError:
        pass  # half a character, or a number of more than 64 bits
    return mended(value)


def is_storable(value: object, content: bytes, raw: bytes = b"") -> bool:
    """content, raw: the value as JSON; looking through that is cheaper than through its fields."""
    return not (
        _NUL in content
        or _NUL in raw
        or _odd_year(content)
        or _long_number(content)
        or (isinstance(value, Deal) and _is_too_large(value.amount_minor, LARGEST_AMOUNT_MINOR))
        or (isinstance(value, Activity) and _is_too_large(value.duration_s, LARGEST_DURATION_S))
        or (len(content) > LONGEST_KEY and _has_long_key(value))
    )


def mended(value: T) -> T:
    """`storable` without a look whether that is needed."""
    found: Any = _record(value) if is_dataclass(value) and not isinstance(value, type) else _json(value)
    kept: T = found
    return kept


def json_of(value: object) -> bytes:
    """As JSON that PostgreSQL takes."""
    return orjson.dumps(_json(value), default=str, option=AS_JSON)


def _is_too_large(number: int | None, largest: int) -> bool:
    return number is not None and abs(number) > largest


def _has_long_key(value: Any) -> bool:
    kind: type = type(value)
    return any(len(text) > LONGEST_KEY for name in _keys(kind) for text in _texts_in(getattr(value, name)))


@cache
def _keys(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind) if _is_key(item.name)) if is_dataclass(kind) else ()


def _is_key(name: str) -> bool:
    return name.endswith(("_id", "_ids")) or name in ("source", "email", "history")


def _texts_in(value: object) -> list[str]:
    if isinstance(value, tuple):
        return [text for part in value for text in _texts_in(part.value if isinstance(part, DealChange) else part)]
    return [value] if isinstance(value, str) else []


def _cut(name: str, text: str) -> str:
    if len(text) <= LONGEST_KEY:
        return text
    end = "…" if name in ("source", "email") else f"…{blake2b(text.encode(), digest_size=8).hexdigest()}"
    return text[: LONGEST_KEY - len(end)] + end


def _record(record: Any) -> Any:
    return replace(record, **{item.name: _field(item.name, getattr(record, item.name)) for item in fields(record)})


def _field(name: str, value: Any) -> Any:
    if name in _JSON:
        return _json(value)
    if isinstance(value, date):
        return value if FIRST_YEAR <= value.year <= LAST_YEAR else None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST.get(name, LARGEST_AMOUNT_MINOR) else None
    if isinstance(value, tuple):
        return tuple(_field(name, part) for part in value if not _is_undated(part))
    if isinstance(value, DealChange):
        return replace(value, value=_field("value", value.value))
    text = _json(value)
    return _cut(name, text) if isinstance(text, str) and (_is_key(name) or name == "value") else text


def _is_undated(part: object) -> bool:
    return isinstance(part, DealChange) and not FIRST_YEAR <= part.at.year <= LAST_YEAR


def _json(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_json(key): _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value
