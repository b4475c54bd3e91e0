"""Days and times in words: finds every mention in a text, and says whether another text's mentions support it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                 "november", "december")  # fmt: skip
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS: Final = {
    word: number
    for number, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
        "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
        "eighteenth", "nineteenth", "twentieth"], start=1)
} | {"thirtieth": 30, "thirty-first": 31, "thirty first": 31} | {
    f"twenty{mark}{word}": 20 + number
    for number, word in enumerate(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth"], start=1)
    for mark in "- "
}  # fmt: skip
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_ORDINAL})"
_YEAR = r"(?:19|20)\d{2}"
_UNIT = r"(?:day|week|weekend|fortnight|month|quarter|half|year|sprint|season|cycle|period)s?"
_WHICH = {
    "last": "last", "past": "last", "previous": "last", "prior": "last", "preceding": "last", "recent": "last",
    "next": "next", "coming": "next", "following": "next", "upcoming": "next",
    "this": "this", "current": "this", "these": "this", "present": "this", "same": "this", "early": "this",
    "earlier": "this", "late": "this", "later": "this",
}  # fmt: skip
_WORDS = (
    "today|tonight|tomorrow|yesterday|nowadays|currently|recently|lately|soon|shortly|immediately|overnight|asap|eod|eow|"
    "eom|eoq|eoy|ytd|mtd|qtd|wtd|midweek|midday|midnight|noon|morning|mornings|afternoon|afternoons|evening|evenings|"
    "weekend|weekends|fortnight|christmas|easter|summer|autumn|winter|springtime|yearly|quarterly|monthly|weekly|daily|"
    "hourly|biweekly|annual|annually|ago|earlier|later|previously|formerly|lunchtime|bedtime"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """key: what is meant (`day` year month day, `month`, `weekday`, `which` unit, …); start and end: where."""

    key: tuple[str | int | None, ...]
    start: int
    end: int


def find(text: str) -> list[Mention]:
    """All mentions of days and times, the longest first taken; they do not overlap."""
    found: list[Mention] = []
    taken: list[tuple[int, int]] = []
    for pattern, key in _PATTERNS:
        for hit in pattern.finditer(text):
            named = key(hit)
            if named is not None and not any(hit.start() < end and start < hit.end() for start, end in taken):
                taken.append((hit.start(), hit.end()))
                found.append(Mention(named, hit.start(), hit.end()))
    return sorted(found, key=lambda one: one.start)


def blanked(text: str, mentions: Iterable[Mention]) -> str:
    """The text with spaces where days and times stood; places stay. Of "last 90 days" only "last" goes."""
    letters = list(text)
    for one in mentions:
        letters[one.start : one.end] = " " * (one.end - one.start)
    return "".join(letters)


def supported(mention: Mention, known: Iterable[Mention]) -> bool:
    """Whether one of the known mentions says the same day or time, or a nearer one."""
    return any(_says(one.key, mention.key) for one in known)


def _says(known: tuple[str | int | None, ...], told: tuple[str | int | None, ...]) -> bool:
    if known == told:
        return True
    if known[0] == "day" and told[0] == "day":
        return known[2:] == told[2:] and told[1] is None  # a year that no fact names is not given
    if known[0] == "day" and told[0] == "month":
        return known[2] == told[2] and (told[1] is None or told[1] == known[1])
    if known[0] == "day" and told[0] == "weekday" and isinstance(known[1], int):
        return _weekday(known) == told[1]
    return known[0] == told[0] == "month" and known[2] == told[2] and told[1] is None


def _weekday(key: tuple[str | int | None, ...]) -> int | None:
    try:
        return date(int(key[1] or 0), int(key[2] or 0), int(key[3] or 0)).weekday()
    except ValueError:
        return None


# --- patterns, the longest first -------------------------------------------------------------------------------------

Key = Callable[[re.Match[str]], tuple[str | int | None, ...] | None]


def _month(word: str) -> int:
    return next(number for number, name in enumerate(MONTHS, start=1) if name.startswith(word.lower().rstrip(".")[:3]))


def _number(word: str) -> int:
    digits = re.match(r"\d+", word)
    return int(digits[0]) if digits else ORDINALS[word.lower()]


def _spelled(hit: re.Match[str]) -> tuple[str | int | None, ...] | None:
    year = hit["year"]
    return ("day", int(year) if year else None, _month(hit["month"]), _number(hit["day"]))


def _iso(hit: re.Match[str]) -> tuple[str | int | None, ...]:
    return ("day", int(hit[1]), int(hit[2]), int(hit[3]))


def _slashed(hit: re.Match[str]) -> tuple[str | int | None, ...] | None:
    first, second = int(hit[1]), int(hit[3])
    year = int(hit[4]) if hit[4] and len(hit[4]) == 4 else None
    if (hit[4] is None and hit[2] != "/") or max(first, second) > 31 or min(first, second) > 12:
        return None  # a decimal, a range, a share
    if first > 12:
        return ("day", year, second, first)
    if second > 12 or first == second:
        return ("day", year, first, second)
    return ("unclear", first, second, year)  # nobody can say which of the two is the month


def _month_alone(hit: re.Match[str]) -> tuple[str | int | None, ...] | None:
    word = hit["month"]
    if not word[0].isupper() or (word.lower() in {"may",
    "march"} and not re.search(r"\b(?:in|of|by|until|since|for|late|early|mid|from|to|during|next|last|this)[\s-]$",
    hit.string[: hit.start("month")], re.IGNORECASE)):  # fmt: skip
        return None
    return ("month", int(hit["year"]) if hit["year"] else None, _month(word))


def _relative(hit: re.Match[str]) -> tuple[str | int | None, ...]:
    return ("which", _WHICH[hit["which"].lower()], hit["unit"].lower().rstrip("s"))


def _weekday_key(hit: re.Match[str]) -> tuple[str | int | None, ...] | None:
    word = hit[1].lower()
    if len(word) <= 5 and not hit[1][0].isupper():
        return None
    return ("weekday", next(number for number, name in enumerate(DAYS) if name.startswith(word.rstrip("s.")[:3])))


def _edge(hit: re.Match[str]) -> tuple[str | int | None, ...]:
    return ("edge", hit[1].lower(), hit[2].lower())


def _rated(hit: re.Match[str]) -> tuple[str | int | None, ...]:
    return ("each", hit["unit"].lower())


def _patterns() -> Iterator[tuple[re.Pattern[str], Key]]:
    def of(pattern: str, key: Key) -> tuple[re.Pattern[str], Key]:
        return re.compile(pattern, re.IGNORECASE), key

    yield of(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", _iso)
    yield of(r"(?<![\d,.])(\d{1,2})([/.-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d,%]|\.\d)", _slashed)
    yield of(rf"\b(?P<day>{_DAY})(?:\s+(?:day\s+)?of)?[\s-]+(?P<month>{_MONTH})(?:,?\s+(?P<year>{_YEAR}))?", _spelled)
    yield of(rf"\b(?P<month>{_MONTH})\s+(?:the\s+)?(?P<day>{_DAY})\b(?:,?\s+(?P<year>{_YEAR})\b)?", _spelled)
    yield of(r"\b(start|beginning|end|middle|close|half|turn|rest)\s+of\s+(?:the\s+)?(\w+)", _edge_of_time)
    yield of(r"\b(?P<each>a|an|per|each|every)\s+(?P<unit>hour|day|week|month|quarter|year)\b(?!s)", _rated)
    yield of(rf"\b(?P<which>{'|'.join(_WHICH)})\s+(?P<unit>{_UNIT})\b", _relative)
    yield of(
        rf"\b(?P<which>last|past|previous|prior|next|coming|following|"
        rf"upcoming)\b(?=\s+(?:[\w-]+\s+){{1,2}}(?P<unit>{_UNIT})\b)",
             _relative)  # fmt: skip
    yield of(
        r"\b(?:last|past|next|this|coming|on)?\s?\b(monday|tuesday|wednesday|thursday|friday|saturday|"
        r"sunday|mon|tues?|wed|thurs?|fri|sat|sun)s?\b",
        _weekday_key,
    )
    yield of(rf"\b(?P<month>{_MONTH})(?:\s+(?P<year>{_YEAR})\b)?", _month_alone)
    yield of(r"\bQ([1-4])\b(?:\s+(?:of\s+)?(\d{4}))?", lambda hit: ("quarter", int(hit[1])))
    yield of(r"\b(first|second|third|fourth)\s+(quarter|half)\b", lambda hit: ("quarter", ORDINALS[hit[1].lower()]))
    yield of(r"\b(\d{1,2}):(\d{2})\b", lambda hit: ("time", int(hit[1]), int(hit[2])))
    yield of(r"\b(\d{1,2})\s?(?:a\.?m\.?|p\.?m\.?)\b|\bo['’]clock\b", lambda hit: ("time", hit[1]))
    yield of(r"\b(\d{1,2})(st|nd|rd|th)\b", lambda hit: ("ordinal", int(hit[1])))
    yield of(rf"\b({_WORDS})\b", lambda hit: ("word", hit[1].lower()))
    yield of(r"\b(?:in|during|since|by|of|until|for|year)\s+((?:19|20)\d{2})\b(?!\s*(?:[A-Z]{3}\b|%|[a-z]))",
             lambda hit: ("year", int(hit[1])))  # fmt: skip


def _edge_of_time(hit: re.Match[str]) -> tuple[str | int | None, ...] | None:
    times = {
        "day",
        "week",
        "month",
        "quarter",
        "year",
        *MONTHS,
        *(name[:3] for name in MONTHS),
        "q1",
        "q2",
        "q3",
        "q4",
        "this",
        "next",
        "last",
        "business",
    }
    return _edge(hit) if hit[2].lower() in times else None


_PATTERNS: Final = tuple(_patterns())
