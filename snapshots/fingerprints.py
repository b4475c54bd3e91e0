"""What a page says of each object, once: its last word, as it can be kept, a fingerprint of it, and the raw record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson

from adapters.records import KIND_OF, Record
from snapshots.storable import AS_JSON, is_storable, mended

R = TypeVar("R", bound=Record)

GONE = 1
"""Fingerprint of an object that is gone: whatever comes back differs from it."""


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


def _contents(record: R) -> tuple[R, bytes, bytes]:
    """The record as it can be kept, everything that it says, and its raw form, both as JSON."""
    try:
        content, raw = _as_json(record)
        if is_storable(record, content, raw):
            return record, content, raw
    except TypeError:
        pass  # half a character, or a number of more than 64 bits
    record = mended(record)
    return record, *_as_json(record)


def _as_json(record: Record) -> tuple[bytes, bytes]:
    raw = b"" if record.raw is None else orjson.dumps(record.raw, default=str, option=AS_JSON)
    return orjson.dumps(_VALUES[type(record)](record), default=str, option=AS_JSON), raw


def _fingerprint(content: bytes) -> int:
    """A signed 64-bit fingerprint; never 0 (nothing known) or 1 (gone)."""
    value = int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)
    return value if value not in (0, GONE) else 2


def _values_of(kind: type) -> Callable[[Any], tuple[object, ...]]:
    return attrgetter(*(item.name for item in fields(kind) if item.name != "raw"))


_VALUES: Mapping[type, Callable[[Any], tuple[object, ...]]] = {kind: _values_of(kind) for kind in KIND_OF}
