"""Words beside slots: allow-listed ones, nouns of a cited fact in a lead, its own direction; no number, no denial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from insights.coaching import alignment, dates, lexicon, number_words, quantities
from insights.coaching.dates import Mention
from insights.coaching.grasp import Grasp
from insights.coaching.quantities import Token, singular
from insights.coaching.refusals import codes_of
from insights.coaching.stretches import MARKS, Stretch

FORWARD: Final = frozenset(
    {("which", "this", "week"), ("which", "next", "week"), ("word", "today"), ("word", "tomorrow")}
)
"""When to act: a note may say it of an action without a fact that names it."""
ACTS: Final = frozenset({"call", "visit", "email", "message", "chat", "ring"})
"""What may be suggested: "worth a quick call"."""
ACTING: Final = frozenset(
    {"calling", "ringing", "booking", "planning", "scheduling", "arranging", "adding", "setting", "contacting"}
    | {"reconnecting", "visiting", "writing"}
)
INVITING: Final = frozenset(
    {"to", "please", "first", "then", "next", "could", "a", "you", "we", "also", "maybe", "perhaps", "or", "let's"}
)
"""What may stand before a verb that suggests."""
WORN: Final = lexicon.PRAISE | lexicon.LACK | lexicon.QUIET
"""True of some facts only: judged with the whole sentence."""
BESIDE: Final = lexicon.JOINING | lexicon.PLAIN


def with_slots(found: Iterable[Stretch], own: list[Grasp], known: tuple[Grasp, ...]) -> set[str]:
    """Codes of words beside slots: allow-listed ones, nouns of a cited fact in a lead, its own direction."""
    codes: set[str] = set()
    allowed = frozenset[str]().union(*(one.entities for one in own))
    found = list(found)
    first = next((at for at, one in enumerate(found) if one.facts), 0)
    for at, stretch in enumerate(found):
        refused = [
            one for one in stretch.words
            if not (_may_stand(one, stretch, own) or (at < first and one.norm in lexicon.OPENING))
        ]  # fmt: skip
        codes |= codes_of(refused, stretch) | set(glued(stretch)) | set(blurred(stretch, own))
        codes |= {"FREE_WORDS"} if refused else set()
        codes |= _numbers_beside(stretch, known) | _days_beside(stretch, own)
        codes |= {"DIRECTION" for one in stretch.words if _goes_astray(one, own)}
        codes |= {"POLARITY" for one in stretch.row if one.kind == "word" and one.norm in lexicon.NEGATIONS}
        codes |= {"ENTITY_MISMATCH"} if set(stretch.entities) - allowed else set()
        codes |= {"FREE_WORDS"} if not stretch.facts and _makes_act(stretch) else set()
    return codes


AFTER_A_NAME: Final = frozenset(
    {
        "needs", "deserves", "could", "might", "on", "back", "first", "next", "to", "a", "another", "some",
        "your", "for", "in", "too", "also", "please", "again", "soon", "today", "this", "ahead", "with", "deal",
        "account", "together",
    }
)  # fmt: skip
"""What may come after a deal's name in an opening. Any other word would have the deal do something: "X agrees: …"."""
AFTER_IS: Final = frozenset(["worth", "a", "on", "next", "up", "your", "one"])


def _makes_act(stretch: Stretch) -> bool:
    """Whether words beside a deal's name say what it did, is or sent; the name alone, or after a verb, does not."""
    row = [one for one in stretch.row if one.kind in {"word", "slot"}]
    return any(one.text.startswith("D:") and _acts(row, place) for place, one in enumerate(row))


def _acts(row: list[Token], place: int) -> bool:
    before, after = [one.norm for one in row[:place]], [one.norm for one in row[place + 1 : place + 3]]
    if before and before[-1] == "from":  # "news from X"
        return True
    if not after or set(before) & (lexicon.ACTIONS | lexicon.PLAIN):
        return False
    return after[0] not in AFTER_A_NAME and not (after[0] == "is" and set(after[1:]) <= AFTER_IS)


BETWEEN: Final = frozenset({"and", "but", "while", "also", "plus", "too", "yet", "next"})


def between(text: str) -> Iterator[str]:
    """What joins two facts into one claim: only words that set them side by side may stand between."""
    for words in re.findall(r"⟦F:[^⟧]*⟧([^⟦.;:!?]*)(?=⟦F:)", text):
        if not {one.norm for one in quantities.tokens(words) if one.kind == "word"} <= BETWEEN:
            yield "CAUSAL"
            yield "FREE_WORDS"


def _may_stand(one: Token, stretch: Stretch, own: list[Grasp]) -> bool:
    word = one.norm
    if one.kind == "mark":
        return one.text in MARKS
    if word in lexicon.LACK and {two.norm for two in stretch.row} & {"is", "are", "was", "were"}:
        return False  # "…, which are stuck" says something of its own
    if word in BESIDE or word in WORN or _suggests(one, stretch, own):
        return True
    if word in lexicon.BASELINE or word == "median":
        known = all(grasp.fact.baseline is not None and (word != "median" or word in grasp.words) for grasp in own)
        return known and _compares(stretch)
    if _direction_of(word):
        return bool(own) and not _goes_astray(one, own)
    return _is_lead(stretch) and any(singular(word) in noun for grasp in own for noun in grasp.nouns)


def _compares(stretch: Stretch) -> bool:
    """ "Against your usual", "up on your usual"; "your usual" alone would call the value usual."""
    said = {one.norm for one in stretch.row}
    return bool(said & {"against", "compared", "versus", "vs", "than"}) or any(_direction_of(one) for one in said)


def _suggests(one: Token, stretch: Stretch, own: list[Grasp]) -> bool:
    """Whether the word suggests what to do, beside facts that call for it."""
    if not any(grasp.fact.role in {"action", "opportunity"} for grasp in own):
        return False
    word = one.norm
    if word in ACTING:
        return _before(one, stretch) in {"consider", "worth", "suggest", "try", "about", "maybe", ""}
    is_verb = word in lexicon.ACTIONS and word not in lexicon.DOMAIN - {"call", "contact", "open"}
    return (is_verb and _is_suggested(one, stretch)) or (word in ACTS and _is_suggested_act(one, stretch))


def _before(one: Token, stretch: Stretch) -> str:
    place = stretch.row.index(one)
    return stretch.row[place - 1].norm if place else ""


def _is_suggested(one: Token, stretch: Stretch) -> bool:
    place = stretch.row.index(one)
    before = [two.norm for two in stretch.row[:place] if two.kind == "word"]
    return not before or before[-1] in INVITING


def _is_suggested_act(one: Token, stretch: Stretch) -> bool:
    """ "A quick call", "worth a visit": an article before it, and nothing but how between them."""
    before = [two.norm for two in stretch.row[: stretch.row.index(one)] if two.kind == "word"]
    while before and before[-1] in lexicon.PLAIN | {"good", "nice"}:
        before.pop()
    return bool(before) and before[-1] in {"a", "an", "another", "the"}


def _is_lead(stretch: Stretch) -> bool:
    """A few words before a slot without a verb, as "On meetings", or with a direction: "Meetings are up"."""
    words = [one.norm for one in stretch.row if one.kind == "word"]
    if len(words) == 3 and words[1] in {"is", "are"} and _direction_of(words[2]) and not stretch.facts:
        return True
    return (
        not stretch.facts
        and len(words) <= 6
        and not set(words) & {"is", "are", "have", "has", "had", "do", "does", "with", "all", "be"}
    )


def _direction_of(word: str) -> list[str]:
    if word in BESIDE or word in WORN:
        return []
    return [way for way, words in lexicon.DIRECTIONS.items() if word in words]


def _goes_astray(one: Token, own: list[Grasp]) -> bool:
    ways = _direction_of(one.norm) if one.kind == "word" else []
    return bool(ways) and not all(grasp.fact.direction in ways for grasp in own)


def _numbers_beside(stretch: Stretch, known: tuple[Grasp, ...]) -> set[str]:
    if not stretch.quantities:
        return set()
    values = {one.value for grasp in known for one in grasp.quantities}
    unit = (
        {"NUM_UNIT"}
        if any(one.unit not in {"count", "ordinal", "vague", "multiple", "fraction"} for one in stretch.quantities)
        else set()
    )
    return {"NUM_UNSUPPORTED"} | unit | {"NUM_WRONG_METRIC" for one in stretch.quantities if one.value in values}


def _days_beside(stretch: Stretch, own: list[Grasp]) -> set[str]:
    wrong = [
        one for one in stretch.days
        if not (own and all(dates.supported(one, grasp.days) for grasp in own))
        and not (_is_forward(one, stretch, own) and not stretch.facts)
    ]  # fmt: skip
    return {code for one in wrong for code in alignment.of_day(one)}


def _is_forward(mention: Mention, stretch: Stretch, own: list[Grasp]) -> bool:
    """Whether it says when to act, where only actions are cited.

    "Next week: Blue Harbor is due on 12 December" would date the fact; "worth a call next week" does not.
    """
    if mention.key not in FORWARD or not own or any(one.fact.role not in {"action", "opportunity"} for one in own):
        return False
    dated = any(one.key[0] in {"which", "day"} for grasp in own for one in grasp.days)
    suggests = any(one.norm in lexicon.ACTIONS | lexicon.LACK | ACTS | ACTING for one in stretch.words)
    return suggests or not (dated or any(one.fact.role == "opportunity" for one in own))


def glued(stretch: Stretch) -> Iterator[str]:
    """Letters, figures or signs that touch a slot change what it says."""
    for one, two in pairwise(stretch.row):
        if one.end == two.start and "slot" in {one.kind, two.kind}:
            other = two if one.kind == "slot" else one
            if other.kind != "mark" or other.text not in ",.:;()?!…’'\"“”—–":
                yield "NUM_UNIT"
                yield "NUM_UNSUPPORTED"
                yield "FREE_WORDS"


def blurred(stretch: Stretch, own: list[Grasp]) -> Iterator[str]:
    """ "About {F1}" makes a number of a phrase a rough one; a capital after a name makes it another name."""
    counted = {f"F:{one.fact.id}" for one in own if one.quantities and one.fact.phrase[:1].isdigit()}
    for one, two in pairwise(stretch.row):
        if two.text in counted and one.norm in number_words.APPROXIMATE:
            yield "NUM_UNSUPPORTED"
    yield from (code for code in longer_names(stretch))


def longer_names(stretch: Stretch) -> Iterator[str]:
    for one, two in pairwise(stretch.row):
        if one.kind == "slot" and one.text.startswith("D:") and two.kind == "word" and two.text[0].isupper():
            yield "UNKNOWN_NAME"
