"""What a page says of each object, once: the last word, a fingerprint of it, and the raw record as JSON.

Here alone is also decided what of a CRM's text the database can hold: PostgreSQL knows neither NUL nor halves of
surrogate pairs, and people paste anything into a CRM. A NUL is dropped, half a character becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson

from adapters.records import KIND_OF, Record

T = TypeVar("T")
R = TypeVar("R", bound=Record)

GONE = 1
"""Fingerprint of an object that is gone: whatever comes back differs from it."""
_SORTED = orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS
_NUL = b"\\u0000"
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Said(Generic[R]):
    """What a page says. n: how many records there were, repeated ones included; the rest by external id."""

    n: int
    latest: Mapping[str, R]
    hashes: Mapping[str, int]
    raws: Mapping[str, bytes]
    """JSON of the records as received, where the adapter hands them over."""


def said(records: Sequence[R]) -> Said[R]:
    """A page that repeats an id means its last word."""
    latest: dict[str, R] = {}
    hashes: dict[str, int] = {}
    raws: dict[str, bytes] = {}
    for record in {record.external_id: record for record in records}.values():
        kept, content, raw = _contents(record)
        key = kept.external_id
        latest[key], hashes[key] = kept, _fingerprint(content + raw)
        if raw:
            raws[key] = raw
    return Said(len(records), latest, hashes, raws)


def storable(value: T) -> T:
    """The same (a record, a deletion, a dict, a text, …) without what the database cannot hold."""
    try:
        if _NUL not in orjson.dumps(value, default=str, option=_SORTED):
            return value
    except TypeError:
        pass  # half a character, or a number of more than 64 bits
    mended: T = _mended(value)
    return mended


def json_of(value: object) -> bytes:
    """As JSON that PostgreSQL takes."""
    return orjson.dumps(storable(value), default=str, option=_SORTED)


def _contents(record: R) -> tuple[R, bytes, bytes]:
    """The record as it can be kept, everything that it says, and its raw form, both as JSON."""
    values = _VALUES[type(record)]
    try:
        content, raw = orjson.dumps(values(record), default=str, option=_SORTED), _raw(record)
        if _NUL not in content and _NUL not in raw:
            return record, content, raw
    except TypeError:
        pass
    record = _mended(record)
    return record, orjson.dumps(values(record), default=str, option=_SORTED), _raw(record)


def _raw(record: Record) -> bytes:
    return b"" if record.raw is None else orjson.dumps(record.raw, default=str, option=_SORTED)


def _fingerprint(content: bytes) -> int:
    """A signed 64-bit fingerprint; never 0 (nothing known) or 1 (gone)."""
    value = int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)
    return value if value not in (0, GONE) else 2


def _values_of(kind: type) -> Callable[[Any], tuple[object, ...]]:
    return attrgetter(*(item.name for item in fields(kind) if item.name != "raw"))


_VALUES: Mapping[type, Callable[[Any], tuple[object, ...]]] = {kind: _values_of(kind) for kind in KIND_OF}


def _mended(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_mended(key): _mended(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mended(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _mended(getattr(value, item.name)) for item in fields(value)})
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    return value
