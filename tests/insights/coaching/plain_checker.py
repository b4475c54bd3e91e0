"""Looks for unsupported numbers in a rendered note, in another way than the verifier: it shares no code with it.

Takes out every figure, number word and date of a sentence and asks whether the phrases and values of the facts that the
sentence cites hold it. Knows no grammar: it asks only whether the value is there at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
OTHERS = (
    "half",
    "twice",
    "double",
    "doubled",
    "triple",
    "tripled",
    "third",
    "quarter",
    "dozen",
    "hundred",
    "thousand",
    "million",
)
MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
DAYS = "monday tuesday wednesday thursday friday saturday sunday yesterday tomorrow".split()  # noqa: SIM905
WORDS = {word: value for value, word in enumerate(UNITS)} | {word: 10 * at for at, word in enumerate(TENS, start=2)}


def values(text: str) -> set[str]:
    """Figures without separators, values of number words, months, weekdays: all as text."""
    low = text.lower()
    figures = {re.sub(r"\D", "", one) for one in re.findall(r"\d(?:[\d,  ’']*\d)?", low)}
    words = re.findall(r"[a-z]+", low)
    compound = {
        str(WORDS[one] + WORDS[two]) for one, two in pairwise(words) if one in TENS and two in UNITS[1:10]
    }  # fmt: skip
    inside = {at for at in range(len(words) - 1) if words[at] in TENS and words[at + 1] in UNITS[1:10]}
    single = {
        str(WORDS[one]) for at, one in enumerate(words)
        if one in WORDS and one != "one" and at not in inside and at - 1 not in inside
    }  # fmt: skip
    named = {one for one in words if one in OTHERS or one in DAYS}
    months = {one for one in words if one in MONTHS and one != "may"}
    return {one.lstrip("0") or "0" for one in figures} | compound | single | named | months


def unsupported(
    sentences: Iterable[tuple[str, Iterable[str]]], facts: Iterable[dict[str, Any]], names: Iterable[str]
) -> set[str]:
    """Values that no cited fact has.

    sentences: text and ids of the cited facts. names: of deals, whose figures claim nothing.
    """
    by_id = {one["id"]: one for one in facts}
    found: set[str] = set()
    for text, cited in sentences:
        bare = text
        for name in sorted(names, key=len, reverse=True):
            bare = bare.replace(name, " ")
        known = set[str]().union(*(_of_fact(by_id[one]) for one in cited if one in by_id))
        found |= values(bare) - known
    return found


def _of_fact(fact: dict[str, Any]) -> set[str]:
    told = [fact["phrase"], *fact.get("dates", ()), str(fact.get("value") or "").removesuffix(".0").lstrip("-")]
    return set[str]().union(*(values(one) for one in told))
