"""Numbers in words and figures: value, unit, and the part each plays ("7", "from 7", "by 7", "7 of 51")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from insights.coaching.number_words import (
    APPROXIMATE,
    BASE_WORDS,
    BY,
    CHANGED,
    CHANGES,
    CODES,
    FRACTIONS,
    MONEY_WORDS,
    MULTIPLES,
    ONES,
    ORDINAL_WORDS,
    SCALES,
    SYMBOLS,
    TENS,
    TIME_UNITS,
    VAGUE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


Role = Literal["head", "base", "delta", "part", "whole", "range", "compared", "signed"]
TOKEN: Final = re.compile(
    r"⟦(?P<slot>[FD]:[^⟧]*)⟧|(?P<number>\d{1,3}(?:[,'’\u00a0\u202f\u2009 ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|"
    r"(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)|(?P<mark>\S)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, slot or mark. norm: lower case, straight apostrophes, no possessive."""

    kind: Literal["slot", "number", "word", "mark"]
    text: str
    norm: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit and part.

    first and last: its tokens. nouns: the words that follow. value: None where vague ("several").
    """

    value: Decimal | None
    unit: str
    role: Role
    nouns: frozenset[str]
    first: int
    last: int
    words: str
    is_approximate: bool = False


def tokens(text: str) -> list[Token]:
    """Tokens of a text; a hyphen inside a word joins two words, and is no token."""
    found = [_token(hit) for hit in TOKEN.finditer(text)]
    return [
        one for place, one in enumerate(found)
        if not (one.text in "-‐‑" and 0 < place < len(found) - 1 and found[place - 1].end == one.start
                and found[place + 1].start == one.end and "word" in {found[place - 1].kind, found[place + 1].kind})
    ]  # fmt: skip


def _token(hit: re.Match[str]) -> Token:
    kind = hit.lastgroup or "mark"
    text = hit[kind]
    norm = text.lower().replace("’", "'")
    if kind == "word":
        norm = re.sub(r"'s$|s'$", lambda end: "s" if end[0] == "s'" else "", norm) if norm not in IS_SHORT else norm
    return Token(kind, text, norm, hit.start(), hit.end())  # type: ignore[arg-type]


IS_SHORT: Final = frozenset({"it's", "that's", "there's", "here's", "what's", "let's", "he's", "she's", "who's"})


def find(row: Sequence[Token], function_words: frozenset[str]) -> list[Quantity]:
    """All quantities of a row of tokens, left to right. function_words: words that are never what is counted."""
    found: list[Quantity] = []
    at = 0
    while at < len(row):
        read = _read(row, at)
        if read is None:
            at += 1
            continue
        value, unit, first, last = read
        found.append(_placed(row, value, unit, first, last, function_words))
        at = last + 1
    return found


def _read(row: Sequence[Token], at: int) -> tuple[Decimal | None, str, int, int] | None:
    here = row[at]
    if here.kind == "number":
        return _figures(row, at)
    unit = _unit_without_value(row, at)
    if unit is not None:
        return None, unit, at, at
    is_spelled = here.norm in ONES or here.norm in TENS or here.norm in {"hundred", "thousand", "million", "billion"}
    return _spelled(row, at) if here.kind == "word" and is_spelled else None


def _unit_without_value(row: Sequence[Token], at: int) -> str | None:
    here = row[at]
    if (here.kind == "mark" and unicodedata.category(here.text) in {"No", "Nl"}) or _is_fraction(row, at):
        return "fraction"
    if here.norm in MULTIPLES:
        return "multiple"
    if here.norm in VAGUE:
        return "vague"
    return "ordinal" if here.norm in ORDINAL_WORDS else None


def _is_fraction(row: Sequence[Token], at: int) -> bool:
    word = row[at].norm
    if word not in FRACTIONS:
        return False
    before, after = _norm(row, at - 1), _norm(row, at + 1)
    if word in {"half", "halves"}:
        return True
    if word in {"quarter", "quarters"}:
        return after == "of" or before in {"three", "one"}
    return before in {"a", "one", "two", "three", "four", "five"} or word.endswith("s")


def _norm(row: Sequence[Token], at: int) -> str:
    return row[at].norm if 0 <= at < len(row) else ""


def _spelled(row: Sequence[Token], at: int) -> tuple[Decimal, str, int, int]:
    total, current, last = 0, 0, at
    place = at
    while place < len(row):
        word = row[place].norm
        if word in TENS:
            current += TENS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in {"thousand", "million", "billion", "grand"}:
            total, current = total + max(current, 1) * SCALES[word], 0
        elif word in {"dozen", "score"}:
            current = max(current, 1) * ONES[word]
        elif word in ONES and (current % 10 == 0 or place == at) and (current == 0 or current >= 20):
            current += ONES[word]
        elif not (word == "and" and current and current % 100 == 0 and _goes_on(row, place + 1)):
            break
        last = place
        place += 1
    unit, end = _unit(row, last)
    return Decimal(total + current), unit or _unit_before(row, at) or "count", at, end


def _goes_on(row: Sequence[Token], at: int) -> bool:
    return _norm(row, at) in ONES or _norm(row, at) in TENS


def _figures(row: Sequence[Token], at: int) -> tuple[Decimal | None, str, int, int]:
    here = row[at]
    value, last = _decimal(here.text), at
    following = row[at + 1] if at + 1 < len(row) else None
    touches = following is not None and following.start == here.end
    if following is not None and following.norm in SCALES and (touches or len(following.norm) > 2):
        value, last = value * SCALES[following.norm], at + 1
    elif following is not None and following.norm in {"x", "×"} and (touches or following.norm == "×"):
        return None, "multiple", at, at + 1
    elif following is not None and following.norm == "/" and at + 2 < len(row) and row[at + 2].kind == "number":
        return None, "fraction", at, at + 2
    unit, last = _unit(row, last)
    signed = _sign(row, at)
    return value * signed if signed else value, unit or _unit_before(row, at) or "count", at, last


def _decimal(figures: str) -> Decimal:
    plain = re.sub(r"[,'’\s]", "", figures)
    return Decimal("".join(str(unicodedata.decimal(one)) if one.isdigit() else one for one in plain))


def _sign(row: Sequence[Token], at: int) -> int:
    """-1 or 1 where a sign stands at the figures, else 0."""
    place = at - 1
    if place >= 0 and row[place].text in SYMBOLS:
        place -= 1
    if place < 0 or row[place].text not in {"-", "−", "+", "–"} or row[place].end != row[place + 1].start:
        return 0
    if place and row[place - 1].end == row[place].start and row[place - 1].kind == "number":
        return 0
    return 1 if row[place].text == "+" else -1


def _unit(row: Sequence[Token], at: int) -> tuple[str | None, int]:
    """The unit after the token, and the last token of it. A loose hyphen is skipped: "6- day"."""
    if at + 1 < len(row) and row[at + 1].text in "-‐‑" and _norm(row, at + 2) in TIME_UNITS:
        at += 1
    one, two = _norm(row, at + 1), _norm(row, at + 2)
    if one in {"percentage", "percent", "pct", "per", "%"} and two in {"points", "point", "pts", "pt", "pp"}:
        return "pp", at + 2
    if one == "per" and two == "cent":
        return "pct", at + 2
    if one in {"%", "percent", "pct"}:
        return "pct", at + 1
    if one in {"pp", "pps", "ppt", "ppts", "points", "point", "pts", "bps"}:
        return "pp" if one != "bps" else "bps", at + 1
    if one == "percentage":
        return "pct", at + 1
    return _money_or_time(row, at, one)


def _money_or_time(row: Sequence[Token], at: int, one: str) -> tuple[str | None, int]:
    unit, end = _money(row, at, one)
    return (unit, end) if unit else _time(row, at, one)


def _money(row: Sequence[Token], at: int, one: str) -> tuple[str | None, int]:
    text = row[at + 1].text if at + 1 < len(row) else ""
    if text in SYMBOLS:
        return SYMBOLS[text], at + 1
    if text.upper() in CODES and (text.isupper() or text.lower() not in {"all", "try"}):
        return text.upper(), at + 1
    if (
        one in {"us", "u.s", "american", "canadian", "australian", "hong", "swiss", "british"}
        and _norm(row, at + 2) in MONEY_WORDS
    ):
        return {"canadian": "CAD", "australian": "AUD", "hong": "HKD"}.get(one, MONEY_WORDS[_norm(row, at + 2)]), at + 2
    return MONEY_WORDS.get(one), at + 1


def _time(row: Sequence[Token], at: int, one: str) -> tuple[str | None, int]:
    extra = 1 if one in {"working", "business", "calendar", "full", "whole"} and _norm(row, at + 2) in TIME_UNITS else 0
    if extra and one in {"working", "business"}:
        return f"{one} {TIME_UNITS[_norm(row, at + 2)]}", at + 2
    if _norm(row, at + 1 + extra) in TIME_UNITS and len(_norm(row, at + 1 + extra)) > 1:
        return TIME_UNITS[_norm(row, at + 1 + extra)], at + 1 + extra
    if one in TIME_UNITS and row[at + 1].start == row[at].end:
        return TIME_UNITS[one], at + 1
    return None, at


def _unit_before(row: Sequence[Token], at: int) -> str | None:
    if at == 0:
        return None
    before = row[at - 1]
    if before.text in SYMBOLS:
        country = row[at - 2].text.upper() if at > 1 and row[at - 2].end == before.start else ""
        return {"C": "CAD", "CA": "CAD", "A": "AUD", "AU": "AUD", "HK": "HKD", "NZ": "NZD"}.get(
            country, SYMBOLS[before.text]
        )
    return before.text.upper() if before.text.isupper() and before.text in CODES else None


# --- the part a number plays -----------------------------------------------------------------------------------------


def _placed(
    row: Sequence[Token], value: Decimal | None, unit: str, first: int, last: int, function_words: frozenset[str]
) -> Quantity:
    start = first
    while start and (
        row[start - 1].text in SYMBOLS
        or row[start - 1].text in CODES
        or (row[start - 1].text in "+-−" and _sign(row, first))
    ):
        start -= 1
    return Quantity(
        value=value,
        unit=unit,
        role=_role(row, start, last, signed=_sign(row, first) != 0),
        nouns=frozenset(_nouns(row, last, function_words)),
        first=first,
        last=last,
        words=" ".join(one.text for one in row[first : last + 1]),
        is_approximate=_is_approximate(row, start, last),
    )


def _nouns(row: Sequence[Token], last: int, function_words: frozenset[str]) -> Iterator[str]:
    for one in row[last + 1 : last + 5]:
        if one.kind != "word" or one.norm in {"and", "but", "or", "while", "of", "to", "from", "with"}:
            return
        if one.norm not in function_words:
            yield singular(one.norm)


def _is_approximate(row: Sequence[Token], first: int, last: int) -> bool:
    before, after = _norm(row, first - 1), _norm(row, last + 1)
    odd = before in APPROXIMATE or (
        before == "than" and _norm(row, first - 2) in {"more", "less", "fewer", "greater", "better"}
    )
    if before == "to" and _norm(row, first - 2) in {"up", "close", "closer"}:
        odd = odd or _norm(row, first - 2) != "up" or _norm(row, first - 3) not in {"went", "is", "are"}
    if before == "of" and _norm(row, first - 2) in {"short", "shy", "excess"}:
        odd = True
    return odd or before in {"≈", "~", ">", "<", "≤", "≥", "±"} or after in {"+", "ish", "odd"} or (
        after == "or" and _norm(row, last + 2) in {"so", "more", "less", "fewer"}
    )  # fmt: skip


def _role(row: Sequence[Token], first: int, last: int, *, signed: bool) -> Role:
    before, after = _norm(row, first - 1), _norm(row, last + 1)
    if signed:
        return "signed"
    if (after in {"-", "–"} and _is_number(row, last + 2)) or (before in {"-", "–"} and _is_number(row, first - 2)):
        return "range"
    touches = last + 1 < len(row) and row[last + 1].start - row[last].end <= 1  # a day may have stood between
    if after == "to" and touches and _is_number(row, last + 2) and before not in {"from", "by"}:
        return "range"
    if after in {"of", "out"} and _reaches_number(row, last + 1):
        return "part"
    if before == "of" and _follows_number(row, first - 1):
        return "whole"
    return _cued(row, first, last, before, after)


def _cued(row: Sequence[Token], first: int, last: int, before: str, after: str) -> Role:
    if before in BY or after in CHANGED or (before == "of" and _norm(row, first - 2) in CHANGES):
        return "delta"
    if before in {"among", "across"}:
        return "whole"
    return "base" if _is_base(row, first, last, after) else "head"


def _is_base(row: Sequence[Token], first: int, last: int, after: str) -> bool:
    """Whether it is what something is held against: "from 7", "your median of 7", "7 is your median"."""
    for one in reversed(row[max(0, first - 5) : first]):
        if one.kind == "number" or one.text in ",;()" or one.norm == "to" or one.norm in {"and", "but", "while"}:
            break
        if one.norm in BASE_WORDS:
            return True
    if after in {"is", "was", "as", "being"}:
        for one in row[last + 2 : last + 7]:
            if one.kind == "mark" and one.text in ",;":
                break
            if one.norm in {"median", "baseline", "usual", "norm", "average"}:
                return True
    return after in {"before", "previously", "usually", "normally", "typically"}


def _is_number(row: Sequence[Token], at: int) -> bool:
    return 0 <= at < len(row) and (
        row[at].kind == "number" or row[at].norm in ONES or row[at].norm in TENS or row[at].text in SYMBOLS
    )


def _reaches_number(row: Sequence[Token], at: int) -> bool:
    skipped = {"of", "out", "the", "your", "those", "these", "all", "in"}
    while at < len(row) and row[at].norm in skipped:
        at += 1
    return _is_number(row, at)


def _follows_number(row: Sequence[Token], at: int) -> bool:
    place = at - 1
    while place >= 0 and (row[place].norm in {"out", "in"} or row[place].norm in {"%", "percent"}):
        place -= 1
    return _is_number(row, place) and row[place].norm not in {"%"}


@lru_cache(maxsize=8192)
def singular(word: str) -> str:
    """The word without a plural ending."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
