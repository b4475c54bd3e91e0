"""Numbers and money in cells, as people and programs write them, and how a column writes its decimals.

Parsers are strict: a cell that does not fit raises `BadValue`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal

from adapters.csv_export.bad_value import BadValue, fits
from adapters.currencies import CODES, to_minor

DecimalMark = Literal[".", ","]

SYMBOLS = {
    "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS",
    "zł": "PLN", "R$": "BRL", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "MX$": "MXN", "HK$": "HKD", "S$": "SGD", "Fr.": "CHF", "Kč": "CZK", "Ft": "HUF", "₫": "VND", "฿": "THB", "₴": "UAH",
}  # fmt: skip
_WRITTEN_SMALL = frozenset({"EUR", "USD", "GBP", "CHF", "PLN", "SEK", "NOK", "DKK", "CZK", "BRL"})
_SHARED_MARKS = frozenset({"$"})  # of several currencies; which one is meant is settled by the column
_TOO_LARGE = Decimal(10) ** 15  # so that minor units fit into 64 bits
_CROWNS = frozenset({"SEK", "NOK", "DKK", "ISK"})
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


_NO_CENTS = re.compile(r"[.,]\s?[-–—]{1,2}$")  # 1'000.- and 250,-- are whole amounts
_PLAIN = {".": re.compile(r"\d+(?:\.\d*)?", re.ASCII).fullmatch, ",": re.compile(r"\d+(?:,\d*)?", re.ASCII).fullmatch}


def parse_money(text: str, decimal: DecimalMark = ".") -> tuple[Decimal, str | None]:
    """An amount and the currency that stands beside it, if any. `$` means whichever dollar the column is in."""
    if _PLAIN[decimal](text):
        return Decimal(text.replace(",", ".")), None
    stripped = _NO_CENTS.sub("", text.strip().replace("−", "-"))
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
    if mark in _SHARED_MARKS:
        return mark
    if mark.rstrip(".").casefold() == "kr":
        return "kr"
    code = SYMBOLS.get(mark) or mark.upper()
    # "top 10" and "all 5" are no amounts of Tonga and Albania.
    if code not in CODES or not (mark.isupper() or mark in SYMBOLS or code in _WRITTEN_SMALL):
        raise BadValue(f"an amount, {_expected_number(decimal)}")
    return code


def currency_code(text: str) -> str | None:
    """The ISO code that a currency column's cell means ("EUR", "€", "USD - U.S. Dollar"), or None."""
    text = text.strip()
    first = re.split(r"[\s\-(]", text, maxsplit=1)[0].upper()
    return SYMBOLS.get(text) or (first if first in CODES else None)


def settle_dollar(currency: str | None, default: str | None) -> str | None:
    """`$` as the default currency where that is a dollar or peso, else as US dollar; `kr` likewise, else Swedish."""
    if currency == "kr":
        return default if default in _CROWNS else "SEK"
    if currency != "$":
        return currency
    return default if default in _DOLLARS else "USD"


def minor_units(amount: Decimal, currency: str | None) -> int:
    """The amount in the currency's smallest unit. Raises BadValue where it is too large to be one."""
    if abs(amount) >= _TOO_LARGE:
        raise BadValue("an amount below a million billion")
    return to_minor(amount, currency)


def is_number(text: str) -> bool:
    return any(fits(parse_money, text, mark) for mark in (".", ","))


def has_currency(text: str) -> bool:
    return any(fits(parse_money, text, mark) and parse_money(text, mark)[1] for mark in (".", ","))


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
