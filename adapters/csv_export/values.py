"""What stands in a cell beside amounts and moments: yes and no, how long, addresses.

Parsers are strict: a cell that does not fit raises `BadValue` with what was expected, so that nothing is read wrongly
in silence.
"""

from __future__ import annotations

import re
from decimal import Decimal

from adapters.csv_export.amounts import DecimalMark, parse_number
from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.cell_words import FALSE_WORDS, TRUE_WORDS
from adapters.csv_export.spelling import plain


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


_EMAIL = re.compile(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]{2,}$")
_PHONE = re.compile(r"^\+?[\d\s()./\-]{6,22}$")


def is_email(text: str) -> bool:
    return bool(_EMAIL.match(text))


def is_phone(text: str) -> bool:
    return bool(_PHONE.match(text)) and sum(map(str.isdigit, text)) >= 6
