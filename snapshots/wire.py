"""Values and rows as PostgreSQL's binary COPY takes them: half the work of text, on both sides.

A field is its length and its bytes; a row is the number of its fields and these. Instants are microseconds and days are
days since 2000; both ends of time have values of their own.
Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime

START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

FOREVER, BEGINNING = 2**63 - 1, -(2**63)
"""infinity and -infinity as instants."""
NO_DAY = -(2**31)
"""-infinity as a day."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_JSONB_VERSION = b"\x01"


def packer(layout: str) -> Callable[..., bytes]:
    """Packs the start of a row: the number of its fields, then of each its length and value, as `struct` names them.

    It raises struct.error where a number is too large for its field.
    """
    return struct.Struct(layout).pack


_int8, _int4, _length = packer(">iq"), packer(">ii"), packer(">i")


def micros(at: datetime) -> int:
    """An instant as the database counts it; the year 1 stands for the beginning of time."""
    if at.year == 1:
        return BEGINNING
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def days(day: date | None) -> int:
    """A day as the database counts it; None stands for no day at all."""
    return NO_DAY if day is None or day.year == 1 else day.toordinal() - _EPOCH_DAY


def instant(at: datetime | None) -> bytes:
    return NULL if at is None else _int8(8, micros(at))


def day(on: date | None) -> bytes:
    return NULL if on is None else _int4(4, on.toordinal() - _EPOCH_DAY)


def bigint(value: int | None) -> bytes:
    return NULL if value is None else _int8(8, value)


def text(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def jsonb(value: bytes | None) -> bytes:
    return NULL if value is None else _length(len(value) + 1) + _JSONB_VERSION + value


class Bigints(dict[int | None, bytes]):
    """Fields of whole numbers, remembered: ids come again and again."""

    def __missing__(self, value: int | None) -> bytes:
        self[value] = field = bigint(value)
        return field


class Texts(dict[str | None, bytes]):
    """Fields of texts, remembered."""

    def __missing__(self, value: str | None) -> bytes:
        self[value] = field = text(value)
        return field
