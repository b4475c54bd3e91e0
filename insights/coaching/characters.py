"""Characters and marks that have no place in a note: hidden ones, look-alikes, mark-up, links, addresses, phones.

Works on text in which names and phrases of facts are already masked: what our own code wrote is not judged here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
_PLAIN = set("⟦⟧’‘“”–—…·\u00a0\u202f\u2009€£¥₹×½⅓⅔¼¾≈≤≥±°−")
_BLANK_LETTERS = "ㅤᅠᅟﾠ⠀឴឵"  # letters that show nothing
MARKUP: Final = re.compile(
    r"[<>`*_#\[\]{}|\\^~]|&(?:#\d+|#x[0-9a-f]+|[a-z]{2,8});|^\s*(?:[-•‣◦●▪+]|\d+[.)])\s|"
    r"\bjavascript:|\bdata:[a-z]+/|\b(?:https?|ftp|file|mailto|tel|sms)\b\s*:|\bhttps?\b|\bwww\b\.?",
    re.IGNORECASE | re.MULTILINE,
)
DOMAIN: Final = re.compile(
    r"\b[a-z0-9-]+\.(?:com|net|org|io|co|ai|app|dev|info|biz|eu|uk|de|hu|fr|es|it|nl|pl|us|ru|cn|xyz|test|example|local|"
    r"invalid|site|online|me|ly|gg)\b|\b\w+\s(?:dot|\(dot\)|\[dot\])\s\w+",
    re.IGNORECASE,
)
EMAIL: Final = re.compile(r"[\w.+-]+\s?(?:@|\(at\)|\[at\]|＠)\s?[\w-]+|@\w+|\b\w+ at \w+ dot \w+", re.IGNORECASE)
PHONE: Final = re.compile(
    r"(?<![\w,.])(?:\+|00)\s?\d[\d\s().-]{5,}\d|(?<![\w,.])\(?\d{2,4}\)?[\s.-]\d{3,4}[\s.-]\d{3,4}\b|\b\d{3}-\d{4}\b"
)
IDENTIFIER: Final = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{8,}\b|\b(?:\d[ -]?){13,19}\b")


def faults(text: str) -> Iterator[str]:
    """Codes of what is wrong with the characters of a masked text."""
    letters = set(text)
    if any(_is_hidden(one) for one in letters):
        yield "BIDI_OR_INVISIBLE"
    if any(_looks_like_another(word) for word in re.findall(r"\w+", text) if not word.isascii()):
        yield "BIDI_OR_INVISIBLE"
    if any(_is_foreign(one) for one in letters):
        yield "LANGUAGE"
    if any(_is_picture(one) for one in letters):
        yield "INJECTION_OR_MARKUP"
        yield "TONE"
    yield from _marks(text)


def _marks(text: str) -> Iterator[str]:
    if EMAIL.search(text) or PHONE.search(text) or IDENTIFIER.search(text):
        yield "PII"
    if MARKUP.search(text) or DOMAIN.search(text) or EMAIL.search(text):
        yield "INJECTION_OR_MARKUP"
    if re.search(r"[!?]{2,}|\.{4,}", text):
        yield "TONE"


def _is_hidden(one: str) -> bool:
    return (unicodedata.category(one) in _HIDDEN and one not in "\n\t") or one in _BLANK_LETTERS or _is_selector(one)


def _is_selector(one: str) -> bool:
    return "︀" <= one <= "️" or 0xE0100 <= ord(one) <= 0xE01EF or unicodedata.combining(one) > 0


def _looks_like_another(word: str) -> bool:
    """Letters of two scripts in one word, or letters and digits that stand in for plain ones."""
    scripts = {_script(one) for one in word if one.isalpha()}
    stands_in = any(ord(one) > 0x7F and one not in _PLAIN and unicodedata.normalize("NFKC", one) != one for one in word)
    digits = any(one.isdigit() and ord(one) > 0x7F for one in word)
    return len(scripts) > 1 or stands_in or digits


def _script(letter: str) -> str:
    return unicodedata.name(letter, "NONE").split()[0]


def _is_foreign(one: str) -> bool:
    return one.isalpha() and ord(one) > 0x7F


def _is_picture(one: str) -> bool:
    return one not in _PLAIN and unicodedata.category(one) in {"So", "Sk", "Sm"} and ord(one) > 0x7F
