"""Judges one sentence, of a draft with slots or of prose: what it cites, and which codes it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from insights.coaching import claims, lexicon, masking, number_words, stretches
from insights.coaching.beside import between, with_slots
from insights.coaching.facts import Fact, Pack
from insights.coaching.grasp import grasps
from insights.coaching.idioms import IDIOMS
from insights.coaching.prose import align
from insights.coaching.stretches import Stretch

Level = Literal["L2", "L3"]
ASKING: Final = re.compile(
    r"(?!(?:could|would|can) (?:you|we)\b)"
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|would|will|might)\b.*\?$",
    re.IGNORECASE | re.DOTALL,
)
"""A question whether a fact is so puts it in doubt."""
MOST_WORDS: Final = 40
MOST_FREE_WORDS: Final = 25


@dataclass(frozen=True, slots=True)
class Judged:
    """cited: facts that the sentence rests on, in their order. told: those of them that it tells whole or by value."""

    codes: frozenset[str]
    cited: tuple[str, ...]
    told: frozenset[str]
    entity: str | None = None


def judge(pack: Pack, masked: str, level: Level, *, kind: str | None = None, spoken_of: str | None = None) -> Judged:
    """masked: a sentence as `masking` leaves it. kind: what its writer calls it. spoken_of: deal of the one before."""
    text, licences = _without_idioms(masked)
    known = grasps(pack)
    found = stretches.cut(text)
    codes: set[str] = set(claims.always(masking.unmasked(masked)))
    slots = tuple(name for kind_, name in masking.SLOT.findall(text) if kind_ == "F" and pack.fact(name))
    if level == "L2":
        cited, told = slots, frozenset(slots)
        codes |= with_slots(found, [one for one in known if one.fact.id in slots], known) | set(between(text))
    else:
        aligned = align(found, known, spoken_of if _goes_on(text) else None)
        cited, told = aligned.cited, aligned.told
        codes |= aligned.codes
        codes |= {"POLARITY"} if aligned.cited and not slots and ASKING.match(text.strip()) else set()
    facts = tuple(one for one in pack.facts if one.id in cited)
    codes |= set(_of_licences(licences | _worn(found, facts, level), facts))
    codes |= set(_of_kind(kind, facts)) | set(_of_form(text, masked, found))
    if not cited:
        codes.add("UNCITED_SENTENCE")
    names = [name for kind_, name in masking.SLOT.findall(text) if kind_ == "D"]
    return Judged(frozenset(codes), tuple(one.id for one in facts), told, names[-1] if names else None)


def _goes_on(text: str) -> bool:
    return re.match(r"\W*(?:it|this deal|that deal|this account|that account)\b", text, re.IGNORECASE) is not None


def _without_idioms(text: str) -> tuple[str, set[lexicon.Licence]]:
    licences: set[lexicon.Licence] = set()
    for pattern, licence in IDIOMS:
        text, times = pattern.subn(_blank, text)
        if times:
            licences.add(licence)
    return text, licences


def _blank(found: re.Match[str]) -> str:
    """As long as before, with the slots in it."""
    return re.sub(r"(⟦[^⟧]*⟧)|[^⟦]", lambda one: one[1] or " ", found[0])


# --- the whole sentence ----------------------------------------------------------------------------------------------


def _worn(found: list[Stretch], facts: tuple[Fact, ...], level: Level) -> set[lexicon.Licence]:
    """Licences that single words need. A word that every cited fact has itself needs none."""
    own = (
        {word for fact in facts for word in re.findall(r"[a-z]+", fact.phrase.lower())} if level == "L3" else set[str]()
    )
    own |= _called(found, facts) if level == "L2" else set()
    said = {one.norm for stretch in found for one in stretch.words} - own
    worn: set[lexicon.Licence] = set()
    if said & lexicon.PRAISE:
        worn.add("praise")
    if said & lexicon.LACK:
        worn.add("lack")
    if said & lexicon.QUIET:
        worn.add("quiet")
    return worn


def _called(found: list[Stretch], facts: tuple[Fact, ...]) -> set[str]:
    """Words that stand only where they name what all cited facts are about: "win" in "on your win rate"."""
    text = " ".join(one.norm for stretch in found for one in stretch.row)
    called: set[str] = set()
    for noun in {noun.lower() for fact in facts for noun in fact.nouns if " " in noun}:
        if all(noun in fact.nouns for fact in facts) and noun in text:
            text = text.replace(noun, "|")
            called |= set(noun.split())
    return called - set(text.split())


def _of_licences(licences: set[lexicon.Licence], facts: tuple[Fact, ...]) -> Iterator[str]:
    if not facts:
        return
    if "praise" in licences and not all(
        one.role == "strength" or (one.role == "context" and one.direction == "up") for one in facts
    ):
        yield "POLARITY"
        yield "DIRECTION"
    if "lack" in licences and any(one.role == "strength" for one in facts):
        yield "POLARITY"
    if "quiet" in licences and any(one.role == "strength" or one.direction == "up" for one in facts):
        yield "DIRECTION"
    if "flat" in licences and any(one.direction != "flat" for one in facts):
        yield "DIRECTION"
    if "moving" in licences and any(one.direction not in {"up", "down"} for one in facts):
        yield "DIRECTION"
    if "upbeat" in licences and any(one.direction not in {"up", "down"} or one.role != "strength" for one in facts):
        yield "DIRECTION"
        yield "POLARITY"
    if "dated" in licences and not all(one.dates for one in facts):
        yield "DATE_UNSUPPORTED"
    if "present" in licences and any(re.search(r"\b(?:last|this|was|were)\b", one.phrase) for one in facts):
        yield "DATE_UNSUPPORTED"
    if "caution" in licences and not any(one.role in {"caveat", "context"} for one in facts):
        yield "POLARITY"
    if "deal" in licences and not all(one.entity or one.role == "action" for one in facts):
        yield "ENTITY_MISMATCH"
    if "action" in licences and not any(one.role in {"action", "opportunity"} for one in facts):
        yield "POLARITY"


def _of_kind(kind: str | None, facts: tuple[Fact, ...]) -> Iterator[str]:
    if kind == "strength" and any(one.role in {"opportunity", "caveat"} for one in facts):
        yield "POLARITY"
    if kind == "opportunity" and any(one.role == "strength" for one in facts):
        yield "POLARITY"


def _of_form(text: str, masked: str, found: list[Stretch]) -> Iterator[str]:
    words = [one for stretch in found for one in stretch.row if one.kind == "word"]
    if len(masking.unmasked(masked).split()) > (MOST_FREE_WORDS if "⟦F:" in masked else MOST_WORDS):
        yield "TOO_LONG"
    if any(
        len(one.text) > 2 and one.text.isupper() and one.text not in number_words.CODES and one.norm in masking.ORDINARY
        for one in words
    ):
        yield "TONE"
    spoken = [one.norm for one in words]
    pairs = list(pairwise(spoken))
    if any(pairs.count(one) > 2 for one in set(pairs)) or any(
        one == two and one not in lexicon.FUNCTION for one, two in pairs
    ):
        yield "REPETITION"


def stem_free(text: str) -> str:
    """A sentence as repetitions are compared: lower case, words alone."""
    return " ".join(re.findall(r"[\w⟦⟧:]+", text.lower()))
