"""What one fact allows prose to say: its words, numbers with their parts, days, denials, direction, deals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from insights.coaching import dates, lexicon, masking, quantities
from insights.coaching.dates import Mention
from insights.coaching.facts import Fact, Pack, entities_of
from insights.coaching.quantities import Quantity, Token, singular


@dataclass(frozen=True, slots=True)
class Grasp:
    """nouns: what the fact is about, each as its words. compounds: words that mean nothing apart, as "close date".

    negated, hedged: words that the phrase denies or hedges.
    """

    fact: Fact
    words: frozenset[str]
    quantities: tuple[Quantity, ...]
    days: tuple[Mention, ...]
    nouns: tuple[frozenset[str], ...]
    compounds: tuple[tuple[str, str], ...]
    negated: frozenset[str]
    negations: int
    hedged: frozenset[str]
    entities: frozenset[str]


@lru_cache(maxsize=64)
def grasps(pack: Pack) -> tuple[Grasp, ...]:
    """One per fact, in their order."""
    return tuple(_grasp(pack, fact) for fact in pack.facts)


def _grasp(pack: Pack, fact: Fact) -> Grasp:
    masked = masking.names(fact.phrase, replace(pack, other_names=()))
    days = dates.find(masked)
    row = quantities.tokens(dates.blanked(masked, days))
    words = {singular(one.norm) for one in quantities.tokens(masked) if one.kind == "word"}
    nouns = tuple(frozenset(singular(word) for word in noun.lower().replace("-", " ").split()) for noun in fact.nouns)
    negated, hedged = denied(row), _hedged(row)
    spoken_of = {word for noun in nouns for word in noun}
    return Grasp(
        fact=fact,
        words=frozenset(words | spoken_of | {word for word in words if len(word) > 1}),
        quantities=(*quantities.find(row, lexicon.FUNCTION), *_zero(fact)),
        days=(*days, *_other_days(fact)),
        nouns=nouns,
        compounds=tuple(_compounds(row)),
        negated=negated,
        negations=sum(one.norm in lexicon.NEGATIONS for one in row),
        hedged=hedged,
        entities=entities_of(pack, fact),
    )


def _zero(fact: Fact) -> tuple[Quantity, ...]:
    """ "No meetings" may be said as "0 meetings", where the data say nought and not nothing."""
    if fact.value != 0 or fact.unit != "count":
        return ()
    return (Quantity(Decimal(0), "count", "head", frozenset(), 0, 0, "0"),)


def _other_days(fact: Fact) -> list[Mention]:
    texts = [*fact.dates, *((fact.period.label,) if fact.period else ())]
    if fact.period:
        texts += [one.isoformat() for one in (fact.period.first, fact.period.last) if one]
    return [mention for text in texts for mention in dates.find(text)]


HEADS = frozenset({"date", "rate", "time", "step", "gap", "size", "value", "cycle"})


def _compounds(row: list[Token]) -> Iterator[tuple[str, str]]:
    """Pairs of the phrase whose second word needs the first."""
    for one, two in pairwise(row):
        if singular(two.norm) in HEADS and one.kind == "word" and one.norm not in lexicon.FUNCTION | lexicon.NEGATIONS:
            yield singular(one.norm), singular(two.norm)


REACH = 6
"""How many tokens a denial reaches."""


def denied(row: list[Token]) -> frozenset[str]:
    """Words that a text denies: what follows a denial up to the next mark or preposition."""
    inside: set[str] = set()
    outside: set[str] = set()
    reach = 0
    for one in row:
        if one.norm in lexicon.NEGATIONS:
            reach = REACH
        elif one.kind == "number" or one.text in ".;:()" or one.norm in lexicon.STOPS:
            reach = 0
        elif one.kind == "word" and one.norm not in lexicon.FUNCTION:
            (inside if reach else outside).add(singular(one.norm))
        reach = max(0, reach - 1) if one.norm not in lexicon.NEGATIONS else reach
    return frozenset(inside - outside)


def _hedged(row: list[Token]) -> frozenset[str]:
    """Words that stand within three words after a hedge."""
    found: set[str] = set()
    for place, one in enumerate(row):
        if one.norm in lexicon.HEDGES:
            found |= {
                singular(two.norm)
                for two in row[place + 1 : place + 5]
                if two.kind == "word" and two.norm not in lexicon.FUNCTION
            }
    return frozenset(found - {singular(one.norm) for one in row if one.norm in lexicon.HEDGES})
