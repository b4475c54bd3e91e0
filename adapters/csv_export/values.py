"""What stands in a cell: numbers, money, moments, yes and no, as people and programs write them.

Parsers are strict: a cell that does not fit raises `BadValue` with what was expected, so that nothing is read wrongly
in silence. How a column writes its numbers and dates is found by the vote functions at the end, from its values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Literal

from adapters.csv_export.words import FALSE_WORDS, MONTHS, TRUE_WORDS, as_words, plain
from adapters.currencies import to_minor

DateOrder = Literal["dmy", "mdy", "ymd"]
DecimalMark = Literal[".", ","]


class BadValue(ValueError):
    """A cell that is not what its column should hold. The text says what was expected."""


# --- numbers and money ---------------------------------------------------------------------------------------------

SYMBOLS = {
    "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS",
    "zł": "PLN", "R$": "BRL", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "MX$": "MXN", "HK$": "HKD", "S$": "SGD", "Fr.": "CHF", "Kč": "CZK", "Ft": "HUF", "₫": "VND", "฿": "THB", "₴": "UAH",
}  # fmt: skip
CODES = as_words(
    "AED, ARS, AUD, BGN, BHD, BRL, CAD, CHF, CLP, CNY, COP, CZK, DKK, EGP, EUR, GBP, HKD, HUF, IDR, ILS, INR, ISK, JOD, "
    "JPY, KES, KRW, KWD, MAD, MXN, MYR, NGN, NOK, NZD, OMR, PEN, PHP, PKR, PLN, QAR, RON, RUB, SAR, SEK, SGD, THB, TND, "
    "TRY, TWD, UAH, USD, UYU, VND, ZAR"
)
_TOO_LARGE = Decimal(10) ** 15  # so that minor units fit into 64 bits
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "MXN", "HKD", "SGD", "ARS", "CLP", "COP", "TWD"})
_MONEY = re.compile(
    r"^(?P<before>(?:[^\d(.,+\-]|(?<=[A-Za-z])\.)*)\s*(?P<number>[(+\-]?.*?[\d.)])\s*(?P<after>[^\d().,]*)$", re.DOTALL
)
_GAPS = re.compile("[ \u00a0\u2009\u202f'\u2019_]")
_SHAPES: dict[str, re.Pattern[str]] = {
    mark: re.compile(
        rf"^(?:(?:\d{{1,3}}(?:{sep}\d{{2,3}})*{sep}\d{{3}}|\d{{1,3}}(?:_\d{{3}})+|\d+)(?:{dot}\d*)?|{dot}\d+)"
        r"(?:[eE][+\-]?\d{1,2})?$",
        re.ASCII,
    )
    for mark, sep, dot in ((".", ",", r"\."), (",", r"\.", ","))
}


def parse_number(text: str, decimal: DecimalMark = ".") -> Decimal:
    """A number with this decimal mark; thousands may be grouped by the other mark, by spaces or apostrophes."""
    if text.isascii() and text.isdigit():
        return Decimal(text)
    digits, negative = _unsigned(text.strip())
    digits = _GAPS.sub("_", digits)
    if not _SHAPES[decimal].match(digits):
        raise BadValue(_expected_number(decimal))
    try:
        number = Decimal(digits.replace("_", "").replace("," if decimal == "." else ".", "").replace(",", "."))
    except InvalidOperation as error:
        raise BadValue(_expected_number(decimal)) from error
    return -number if negative else number


def _unsigned(text: str) -> tuple[str, bool]:
    text = text.replace("−", "-")
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text.endswith("-"):
        return text[:-1], True
    return (text[1:], True) if text.startswith("-") else (text.removeprefix("+"), False)


def _expected_number(decimal: str) -> str:
    return "a number such as 1234.56" if decimal == "." else "a number such as 1234,56"


_PLAIN = {".": re.compile(r"\d+(?:\.\d*)?", re.ASCII).fullmatch, ",": re.compile(r"\d+(?:,\d*)?", re.ASCII).fullmatch}


def parse_money(text: str, decimal: DecimalMark = ".") -> tuple[Decimal, str | None]:
    """An amount and the currency that stands beside it, if any. `$` means whichever dollar the column is in."""
    if _PLAIN[decimal](text):
        return Decimal(text.replace(",", ".")), None
    stripped = text.strip().replace("−", "-")
    sign = -1 if stripped.startswith("-") or stripped.endswith("-") else 1
    stripped = (stripped.removeprefix("-") if stripped.startswith("-") else stripped.removesuffix("-")).strip()
    match = _MONEY.match(stripped)
    if match is None or (sign < 0 and stripped.startswith("-")):
        raise BadValue(f"an amount, {_expected_number(decimal)}")
    marks = [mark for mark in (match["before"].strip(), match["after"].strip()) if mark]
    currencies = {_currency_of(mark, decimal) for mark in marks}
    if len(currencies) > 1 and currencies != {"$", "USD"}:
        raise BadValue("an amount in one currency")
    return sign * parse_number(match["number"], decimal), (max(currencies) if currencies else None)


def _currency_of(mark: str, decimal: str) -> str:
    if mark == "$":
        return mark
    code = SYMBOLS.get(mark) or mark.upper()
    if code not in CODES:
        raise BadValue(f"an amount, {_expected_number(decimal)}")
    return code


def currency_code(text: str) -> str | None:
    """The ISO code that a currency column's cell means ("EUR", "€", "USD - U.S. Dollar"), or None."""
    text = text.strip()
    first = re.split(r"[\s\-(]", text, maxsplit=1)[0].upper()
    return SYMBOLS.get(text) or (first if first in CODES else None)


def settle_dollar(currency: str | None, default: str | None) -> str | None:
    """`$` as the default currency where that is a dollar or peso, else as US dollar."""
    if currency != "$":
        return currency
    return default if default in _DOLLARS else "USD"


def minor_units(amount: Decimal, currency: str | None) -> int:
    """The amount in the currency's smallest unit. Raises BadValue where it is too large to be one."""
    if abs(amount) >= _TOO_LARGE:
        raise BadValue("an amount below a million billion")
    return to_minor(amount, currency)


# --- moments -------------------------------------------------------------------------------------------------------

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


# --- yes, no, how long ---------------------------------------------------------------------------------------------


def parse_boolean(text: str) -> bool:
    word = plain(text)
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise BadValue("yes or no (1 or 0, true or false)")


_CLOCK = re.compile(r"^(?:(\d+):)?(\d{1,3}):(\d{2})$")
_UNITS = re.compile(r"^(?:(\d+)\s*h\w*)?\s*(?:(\d+)\s*m\w*)?\s*(?:(\d+)\s*s\w*)?$")


def parse_duration_s(text: str, unit_s: float, decimal: DecimalMark = ".") -> int:
    """Seconds of "00:12:30", "12 min", or of a bare number counted in units of `unit_s`."""
    text = text.strip().lower()
    if match := _CLOCK.match(text) or (_UNITS.match(text) if not text.isdigit() else None):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    return round(parse_number(text, decimal) * Decimal(str(unit_s)))


# --- how a column writes -------------------------------------------------------------------------------------------

_EMAIL = re.compile(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]{2,}$")
_PHONE = re.compile(r"^\+?[\d\s()./\-]{6,22}$")


def is_email(text: str) -> bool:
    return bool(_EMAIL.match(text))


def is_phone(text: str) -> bool:
    return bool(_PHONE.match(text)) and sum(map(str.isdigit, text)) >= 6


def is_moment(text: str) -> bool:
    """Whether it is written as a date in any order; bare numbers are not."""
    return not text.isdigit() and any(_fits(_written_or_bad, text, order) for order in ("dmy", "mdy", "ymd"))


def _written_or_bad(text: str, order: DateOrder) -> None:
    try:
        if _written(text.strip(), order):
            return
    except (ValueError, OverflowError):
        pass
    raise BadValue(_EXPECTED[order])


def is_number(text: str) -> bool:
    return any(_fits(parse_money, text, mark) for mark in (".", ","))


def has_currency(text: str) -> bool:
    return any(_fits(parse_money, text, mark) and parse_money(text, mark)[1] for mark in (".", ","))


def _fits(parse: Callable[..., object], text: str, style: str) -> bool:
    try:
        parse(text, style)
    except BadValue:
        return False
    return True


def decimal_votes(values: Iterable[str]) -> Counter[str]:
    """Votes for "." and "," as decimal mark; ".?" and ",?" count marks that may as well group thousands."""
    votes: Counter[str] = Counter()
    for value in values:
        body = re.sub(r"[^\d.,]", "", value).strip(".,")
        marks = [char for char in body if char in ".,"]
        if not marks:
            continue
        last, tail = marks[-1], len(body) - 1 - max(body.rfind("."), body.rfind(","))
        if len(set(marks)) == 2:
            votes[last] += 1
        elif len(marks) > 1:
            votes["," if last == "." else "."] += 1
        else:
            certain = tail != 3 or body.startswith("0") or body.index(last) > 3
            votes[last if certain else last + "?"] += 1
    return votes


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
