"""Dates and times in cells, as people and programs write them, and in which order a column writes day and month.

Parsers are strict: a cell that does not fit raises `BadValue`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Literal

from adapters.csv_export.bad_value import BadValue, fits
from adapters.csv_export.cell_words import MONTHS
from adapters.csv_export.spelling import plain

DateOrder = Literal["dmy", "mdy", "ymd"]

_TIME = (
    r"(?:[T ,]\s*(?P<h>\d{1,2})(?::|\.|h)(?P<i>\d{2})(?:[:.](?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<ap>[AaPp]\.?[Mm]\.?)?\s*(?:(?P<z>Z|UTC|GMT)|(?:UTC|GMT)?\s*(?P<o>[+\-]\d{2}:?\d{2}|[+\-]\d{2}))?)?$"
)
_ISO = re.compile(r"^(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})" + _TIME)
_NUMERIC = re.compile(r"^(?P<a>\d{1,2})([-/.])\s?(?P<b>\d{1,2})\2\s?(?P<y>\d{4}|\d{2})" + _TIME)
_DAY_FIRST = re.compile(
    r"^(?:[^\W\d]+[.,]*\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|\.)?(?:\s+de|\s+of)?[\s\-/.]*(?P<n>[^\W\d_]{3,12})\.?,?"
    r"(?:\s+de)?[\s\-/]*(?P<y>\d{4}|\d{2})" + _TIME
)
_MONTH_FIRST = re.compile(
    r"^(?:[^\W\d]+[.,]*\s+)?(?P<n>[^\W\d_]{3,12})\.?[\s\-]+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[\s\-]+(?P<y>\d{4})" + _TIME
)
_COMPACT = re.compile(r"^(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?:T(?P<h>\d{2})(?P<i>\d{2})(?P<s>\d{2})(?P<z>Z)?)?$")  # noqa: E501  # fmt: skip
_SERIAL = re.compile(r"^\d{5}(?:[.,]\d+)?$")
_EPOCH = re.compile(r"^1\d{9}(?:\d{3})?$")
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001  serials count days of the file's own calendar
_EXPECTED = {"dmy": "a date such as 31/12/2024 or 2024-12-31", "mdy": "a date such as 12/31/2024 or 2024-12-31", "ymd": "a date such as 2024-12-31"}  # noqa: E501  # fmt: skip


def parse_moment(text: str, order: DateOrder = "ymd") -> datetime:
    """A date or a time; aware only where the cell names its offset. A plain date is its midnight.

    ISO and named months are read whatever the order; 03/04/2024 is read by it. Excel's day numbers and Unix seconds
    or milliseconds are read too. Raises BadValue.
    """
    text = text.strip()
    try:
        found = _iso(text) or _written(text, order) or _counted(text)
    except (ValueError, OverflowError) as error:
        raise BadValue(_EXPECTED[order]) from error
    if found is None:
        raise BadValue(_EXPECTED[order])
    return found


def _iso(text: str) -> datetime | None:
    """The usual case, without a pattern; None where the patterns must judge."""
    if text[4:5] != "-" or text[7:8] != "-" or not text[5:7].isdigit() or len(text) not in {10, 19, 20, 25}:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written(text: str, order: DateOrder) -> datetime | None:
    if match := _ISO.match(text) or _COMPACT.match(text):
        return _at(match, int(match["y"]), int(match["m"]), int(match["d"]))
    if match := _NUMERIC.match(text):
        first, second, year = int(match["a"]), int(match["b"]), _year(match["y"])
        if order == "ymd" and len(match["y"]) == 2:
            return _at(match, _year(match["a"]), second, int(match["y"]))
        day, month = (second, first) if order == "mdy" else (first, second)
        return _at(match, year, month, day)
    match = _DAY_FIRST.match(text) or _MONTH_FIRST.match(text)
    month_named = MONTHS.get(plain(match["n"])) if match else None
    return _at(match, _year(match["y"]), month_named, int(match["d"])) if match and month_named else None


def _year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (2000 if int(digits) < 70 else 1900)  # POSIX: 69 to 99 are the 1900s


def _at(match: re.Match[str], year: int, month: int, day: int) -> datetime:
    part = match.groupdict()
    if not part["h"]:
        return datetime(year, month, day)  # noqa: DTZ001  the caller knows the zone
    hour = int(part["h"])
    if half := part.get("ap"):
        if not 1 <= hour <= 12:
            raise ValueError("hour")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = int(((part.get("f") or "") + "000000")[:6])
    zone: tzinfo | None = UTC if part["z"] else _offset(part.get("o"))
    return datetime(year, month, day, hour, int(part["i"]), int(part["s"] or 0), fraction, tzinfo=zone)


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _counted(text: str) -> datetime | None:
    if _EPOCH.match(text):
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
    if _SERIAL.match(text):
        days = float(text.replace(",", "."))
        return _EXCEL_DAY_0 + timedelta(seconds=round(days * 86400)) if 18_000 <= days < 80_000 else None
    return None


def moment_parser(order: DateOrder, zone: tzinfo) -> Callable[[str], datetime]:
    """Moments as aware UTC; what has no offset of its own is local time in `zone`."""

    def parse(text: str) -> datetime:
        moment = parse_moment(text, order)
        try:
            aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
            return aware if aware.tzinfo is UTC else aware.astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise BadValue(_EXPECTED[order]) from error

    return parse


def day_parser(order: DateOrder) -> Callable[[str], date]:
    """Days as written, whatever the time beside them."""
    return lambda text: parse_moment(text, order).date()


def is_moment(text: str) -> bool:
    """Whether it is written as a date in any order; bare numbers are not."""
    return not text.isdigit() and any(fits(_written_or_bad, text, order) for order in ("dmy", "mdy", "ymd"))


def _written_or_bad(text: str, order: DateOrder) -> None:
    try:
        if _written(text.strip(), order):
            return
    except (ValueError, OverflowError):
        pass
    raise BadValue(_EXPECTED[order])


def order_votes(values: Iterable[str]) -> Counter[str]:
    """Votes for "dmy" and "mdy" among numeric dates; "?" counts those that fit both, "dmy?" those with dots."""
    votes: Counter[str] = Counter()
    for value in values:
        if not (match := _NUMERIC.match(value.strip())):
            continue
        first, second = int(match["a"]), int(match["b"])
        if first > 12 or second > 12:
            votes["dmy" if second <= 12 else "mdy"] += 1
        else:
            votes["dmy?" if match[2] == "." else "?"] += 1
    return votes
