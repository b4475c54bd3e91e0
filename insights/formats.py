"""How numbers, money, dates and ages are written, on pages and in reports. Pure text; nothing rounds what is stored.

Money comes as integer minor units plus an ISO 4217 code, missing values as None (NaN and NaT count as missing) and
are written "–", never 0. Printed minus signs are U+2212.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

import pandas as pd

from snapshots.tables import decimals

MISSING: Final = "–"
MINUS: Final = "\u2212"
NARROW_SPACE: Final = "\u202f"
SPACE: Final = "\u00a0"

_SYMBOLS: Final = {
    "EUR": "€",
    "USD": "$",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
    "KRW": "₩",
    "PLN": "zł",
    "CZK": "Kč",
    "ILS": "₪",
    "TRY": "₺",
    "UAH": "₴",
    "VND": "₫",
    "BRL": "R$",
    "CAD": "CA$",
    "AUD": "A$",
    "NZD": "NZ$",
    "SGD": "S$",
    "HKD": "HK$",
    "MXN": "MX$",
}
_CODES: Final = """EUR USD GBP CHF SEK NOK DKK PLN CZK HUF RON TRY UAH ILS AED SAR KWD BHD ZAR NGN INR JPY KRW CNY HKD
SGD AUD NZD CAD MXN BRL CLP COP VND IDR THB PHP"""
CURRENCIES: Final = tuple(_CODES.split())
"""What people are offered where they choose a currency."""
_STEPS: Final = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def is_missing(value: object) -> bool:
    """None, NaN and NaT are "not known"; zero and an empty text are not."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, float) and math.isnan(value)


def major(amount_minor: float, currency: str | None) -> float:
    """The amount in the currency's main unit."""
    return float(amount_minor / 10 ** decimals(currency))


def symbol(currency: str | None) -> str:
    """What stands before an amount: "€", or the code and a narrow space; nothing where no currency is known."""
    if not currency:
        return ""
    return _SYMBOLS.get(currency) or f"{currency}{NARROW_SPACE}"


def _three_digits(size: float) -> str:
    """`size`, below 1000 but for the largest step, with three significant digits, without trailing zeros."""
    decimals = 2 if size < 10 else 1 if size < 100 else 0
    text = f"{size:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: float | None) -> str:
    """1240000 -> "1.24M", 412300 -> "412k", 940 -> "940"; three significant digits above a thousand."""
    if value is None or is_missing(value):
        return MISSING
    sign, size = (MINUS if value < 0 else ""), abs(float(value))
    for step, letter in _STEPS:
        # 999.6k would print as "1000k": what rounds up to the next step belongs to it.
        if size >= step * 0.9995:
            return f"{sign}{_three_digits(size / step)}{letter}"
    return f"{sign}{_three_digits(size)}"


def count(value: float | None) -> str:
    """A whole number with thousands separators: 12,431."""
    if value is None or is_missing(value):
        return MISSING
    return f"{int(value):,}".replace("-", MINUS)


def number(value: float | None) -> str:
    """Whole numbers with separators, others with one decimal below a hundred."""
    if value is None or is_missing(value):
        return MISSING
    digits = 0 if value == int(value) or abs(value) >= 100 else 1
    return f"{value:,.{digits}f}".replace("-", MINUS)


def rate(value: float | None) -> str:
    """A share in [0, 1] as "29.4 %"."""
    if value is None or is_missing(value):
        return MISSING
    return f"{value * 100:,.1f}{SPACE}%".replace("-", MINUS)


def share(value: float) -> str:
    """A share in [0, 1] in whole percent, as sentences have it: "32 %"."""
    return f"{value * 100:,.0f}{SPACE}%".replace("-", MINUS)


def days(value: float | None) -> str:
    """A duration in days: "41 d", "3.5 d" below ten."""
    if value is None or is_missing(value):
        return MISSING
    text = f"{value:.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"
    return f"{text}{SPACE}d".replace("-", MINUS)


def money_short(amount_minor: float | None, currency: str | None) -> str:
    """ "€1.24M": for cards and axes."""
    if amount_minor is None or is_missing(amount_minor):
        return MISSING
    text = short(major(amount_minor, currency))
    sign = MINUS if text.startswith(MINUS) else ""
    return f"{sign}{symbol(currency)}{text.removeprefix(MINUS)}"


def money_full(amount_minor: float | None, currency: str | None) -> str:
    """ "€1,240,500.00" with the currency's own number of decimals; decimals that are all zero are left out."""
    if amount_minor is None or is_missing(amount_minor):
        return MISSING
    value = major(amount_minor, currency)
    digits = 0 if value == int(value) else decimals(currency)
    sign = MINUS if value < 0 else ""
    return f"{sign}{symbol(currency)}{abs(value):,.{digits}f}"


def money_parts(amounts: Iterable[tuple[str | None, float | None]]) -> list[str]:
    """One text per currency, largest face value first; currencies are never added up."""
    known = [(currency, amount) for currency, amount in amounts if amount is not None and not is_missing(amount)]
    ordered = sorted(known, key=lambda pair: -abs(major(pair[1], pair[0])))
    return [money_short(amount, currency) for currency, amount in ordered]


def money_line(amounts: Iterable[tuple[str | None, float | None]]) -> str:
    """ "€1.24M + $310k"; "–" where nothing is known."""
    return " + ".join(money_parts(amounts)) or MISSING


def day(value: date | None) -> str:
    """ "23 Nov 2026"."""
    if value is None or is_missing(value):
        return MISSING
    return f"{value.day} {value:%b %Y}"


def day_range(first: date, last: date) -> str:
    """ "1 Oct – 23 Nov 2026", with the year once where both share it."""
    if first == last:
        return day(first)
    start = f"{first.day} {first:%b}" if first.year == last.year else day(first)
    return f"{start} – {day(last)}"


def clock(value: datetime | None) -> str:
    """ "23 Nov 2026, 14:02" in the zone that `value` carries."""
    if value is None or is_missing(value):
        return MISSING
    return f"{day(value)}, {value:%H:%M}"


def duration(seconds: float | None) -> str:
    """ "3 min 10 s"."""
    if seconds is None or is_missing(seconds):
        return MISSING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def age(since: datetime | None, *, now: datetime) -> str:
    """ "just now", "12 min ago", "5 h ago", then "9 days old"."""
    if since is None or is_missing(since):
        return "never"
    seconds = (now - since).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h ago"
    return f"{int(seconds // 86400)} days old"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """ "1 deal", "2 deals"."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"
