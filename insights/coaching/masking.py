"""Masks in a text what our own code put there: phrases of facts become `⟦F:F1⟧`, names of deals and accounts `⟦D:D1⟧`.

What stays is what somebody else wrote, and is judged word by word.
"""

from __future__ import annotations

import re
from typing import Final

from insights.coaching import lexicon
from insights.coaching.facts import Entity, Pack

OPEN, SHUT = "⟦", "⟧"
SLOT: Final = re.compile(r"⟦([FD]):([^⟧]*)⟧")
ORDINARY: Final = (
    lexicon.FUNCTION | lexicon.PLAIN | lexicon.PARAPHRASE | lexicon.PRAISE | lexicon.LACK | lexicon.QUIET | lexicon.UP
    | lexicon.DOWN | lexicon.FLAT | lexicon.NEGATIONS | lexicon.ACTIONS | lexicon.DOMAIN | lexicon.BASELINE
    | lexicon.HEDGES
)  # fmt: skip


def from_slots(text: str) -> str:
    """`{F1}` as `⟦F:F1⟧`. Marks of ours that somebody else wrote are spoilt first."""
    plain = text.replace(OPEN, "[").replace(SHUT, "]")
    return _without_possessive(re.sub(r"\{([FD])([A-Za-z0-9_-]{0,20})\}", rf"{OPEN}\1:\1\2{SHUT}", plain))


def from_prose(text: str, pack: Pack) -> str:
    """Prose with phrases and names masked, the longest first."""
    plain = text.replace(OPEN, "[").replace(SHUT, "]")
    for fact in sorted(pack.facts, key=lambda one: -len(one.phrase)):
        plain = _outside(plain, _of_phrase(fact.phrase), f"{OPEN}F:{fact.id}{SHUT}")
    return names(plain, pack)


def names(text: str, pack: Pack) -> str:
    """The text with names masked: whole ones, then beginnings that only one name has."""
    for entity in sorted(pack.entities, key=lambda one: -len(one.name)):
        if entity.name:
            text = _outside(text, _of_name(entity.name), f"{OPEN}D:{entity.id}{SHUT}")
    for beginning, entity in _beginnings(pack):
        text = _outside(text, re.compile(rf"(?<!\w){re.escape(beginning)}(?!\w)"), f"{OPEN}D:{entity.id}{SHUT}")
    return _without_possessive(text)


def _of_phrase(phrase: str) -> re.Pattern[str]:
    first = phrase[0]
    opening = (
        f"[{re.escape(first.lower())}{re.escape(first.upper())}]"
        if first.isascii() and first.isalpha()
        else re.escape(first)
    )
    return re.compile(rf"(?<![\w$€£¥])(?<!\d[,.]){opening}{re.escape(phrase[1:])}(?!\w)(?![,.]\d)")


def _of_name(name: str) -> re.Pattern[str]:
    ordinary = " " not in name and name.lower() in ORDINARY
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", 0 if ordinary else re.IGNORECASE)


def _outside(text: str, pattern: re.Pattern[str], mask: str) -> str:
    """Replaces where nothing is masked yet."""
    parts = re.split(r"(⟦[^⟧]*⟧)", text)
    return "".join(part if part.startswith(OPEN) else pattern.sub(lambda _: mask, part) for part in parts)


def _beginnings(pack: Pack) -> list[tuple[str, Entity]]:
    """First words of names, the longest first, of which each belongs to one entity and is no ordinary word."""
    owners: dict[str, set[str]] = {}
    of: dict[str, Entity] = {}
    for entity in pack.entities:
        words = entity.name.split()
        for count in range(1, len(words)):
            start = " ".join(words[:count])
            owners.setdefault(start, set()).add(entity.id)
            of[start] = entity
    people = {word for name in pack.other_names for word in name.split()}
    usable = [
        (start, of[start]) for start, ids in owners.items()
        if len(ids) == 1 and start.split()[0].lower() not in ORDINARY and start not in people and len(start) > 2
        and start[:1].isupper() and start[-1].isalnum()
    ]  # fmt: skip
    return sorted(usable, key=lambda one: -len(one[0]))


def _without_possessive(text: str) -> str:
    return re.sub(r"(⟦D:[^⟧]*⟧)['’]s\b", r"\1", text)


def unmasked(text: str) -> str:
    """What stays when masks are taken out: what somebody else wrote. A letter keeps each one's place."""
    return SLOT.sub(" x ", text)


def says_name(text: str, name: str) -> bool:
    """Whether a person's name stands in the text, whole or any of its words; "mark" is no Mark."""
    words = [name, *(word for word in name.split() if len(word) > 2)]
    return any(_of_name(word).search(text) for word in words)
