"""Judges one sentence, of a draft with slots or of prose: what it cites, and which codes it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from insights.coaching import alignment, claims, dates, lexicon, masking, number_words, quantities
from insights.coaching.alignment import MARKS, Stretch
from insights.coaching.dates import Mention
from insights.coaching.facts import Fact, Pack
from insights.coaching.grasp import Grasp, grasps
from insights.coaching.quantities import Token, singular

Level = Literal["L2", "L3"]
JOINTS: Final = frozenset({",", ";", ":", "—", "–", "(", ")", "…", "and", "but", "while", "plus"})
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
    found = _stretches(text)
    codes: set[str] = set(claims.always(masking.unmasked(masked)))
    slots = tuple(name for kind_, name in masking.SLOT.findall(text) if kind_ == "F" and pack.fact(name))
    if level == "L2":
        cited, told = slots, frozenset(slots)
        codes |= _with_slots(found, [one for one in known if one.fact.id in slots], known)
    else:
        aligned = _aligned(found, known, spoken_of if _goes_on(text) else None)
        cited, told = aligned.cited, aligned.told
        codes |= aligned.codes
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
    for pattern, licence in lexicon.IDIOMS:
        text, times = pattern.subn(lambda found: " " * len(found[0]), text)
        if times:
            licences.add(licence)
    return text, licences


# --- stretches -------------------------------------------------------------------------------------------------------


def _stretches(text: str) -> list[Stretch]:
    days = dates.find(text)
    row = quantities.tokens(text)
    blank = quantities.tokens(dates.blanked(text, days))
    amounts = quantities.find(blank, lexicon.FUNCTION)
    spans = [(blank[one.first].start, blank[one.last].end) for one in amounts]
    edges = [place for place, one in enumerate(row) if _is_joint(row, place) and not _inside(one, spans, days)]
    starts = [0, *(place + 1 for place in edges)]
    ends = [*edges, len(row)]
    joints = ["", *(row[place].norm for place in edges)]
    pieces = [
        _stretch(row[first:last], joint, [(one, span) for one, span in zip(amounts, spans, strict=True)], days)
        for first, last, joint in zip(starts, ends, joints, strict=True)
    ]
    return [one for one in pieces if one.row]


def _is_joint(row: list[Token], place: int) -> bool:
    return row[place].norm in JOINTS


def _inside(token: Token, spans: list[tuple[int, int]], days: list[Mention]) -> bool:
    whole = [*spans, *((one.start, one.end) for one in days)]
    return any(start <= token.start < end for start, end in whole)


def _stretch(
    row: list[Token], joint: str, amounts: list[tuple[quantities.Quantity, tuple[int, int]]], days: list[Mention]
) -> Stretch:
    if not row:
        return Stretch((), (), (), (), (), (), joint)
    start, end = row[0].start, row[-1].end
    within = [(one, span) for one, span in amounts if start <= span[0] < end]
    own_days = [one for one in days if start <= one.start < end]
    taken = [span for _, span in within] + [(one.start, one.end) for one in own_days]
    words = [
        one for one in row
        if one.kind in {"word", "mark"} and not any(first <= one.start < last for first, last in taken)
        and not _is_of_money(one, row, within)
    ]  # fmt: skip
    slots = [
        one.text[1:-1].partition(":")
        for one in row
        if one.kind == "slot"
        for one in [replace(one, text=f" {one.text} ")]
    ]
    return Stretch(
        row=tuple(row),
        words=tuple(words),
        quantities=tuple(one for one, _ in within if not _is_order(one, row)),
        days=tuple(own_days),
        facts=tuple(name for kind, _, name in slots if kind == "F"),
        entities=tuple(name for kind, _, name in slots if kind == "D"),
        joint=joint,
    )


def _is_of_money(one: Token, row: list[Token], within: list[tuple[quantities.Quantity, tuple[int, int]]]) -> bool:
    """A currency's sign or code, or a sign, before the figures it belongs to."""
    is_sign = one.text in number_words.SYMBOLS or one.text in number_words.CODES or one.text in {"+", "-", "−"}
    return is_sign and any(one.end <= span[0] and span[0] - one.end <= 2 for _, span in within)


def _is_order(one: quantities.Quantity, row: list[Token]) -> bool:
    """ "First, …" puts sentences in order and counts nothing."""
    if one.unit != "ordinal" or one.words.lower() != "first":
        return False
    after = next((two for place, two in enumerate(row) if place and row[place - 1].norm == "first"), None)
    return after is None or after.kind != "word" or after.norm in lexicon.ACTIONS - lexicon.DOMAIN


# --- prose -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aligned:
    codes: frozenset[str]
    cited: tuple[str, ...]
    told: frozenset[str]


def _aligned(found: list[Stretch], known: tuple[Grasp, ...], spoken_of: str | None) -> Aligned:
    """Each stretch goes to the fact that it breaks least; what says nothing goes along."""
    codes: set[str] = set()
    cited: list[str] = []
    told: set[str] = set()
    before: Grasp | None = None
    beside = [one for one in known if any(one.fact.id in stretch.facts for stretch in found)]
    for stretch in found:
        if stretch.facts:
            own = [one for one in known if one.fact.id in stretch.facts]
            codes |= _beside_slots(stretch, own, known)
            cited += stretch.facts
            told |= set(stretch.facts)
            before = own[-1] if own else before
        elif not (_is_neutral(stretch) or (beside and not _with_slots([stretch], beside, known))):
            best, broken = _best(stretch, known, before, spoken_of)
            codes |= broken
            if best is not None:
                cited.append(best.fact.id)
                told |= {best.fact.id} if _tells(stretch, best) else set()
                before = best
        spoken_of = stretch.entities[-1] if stretch.entities else spoken_of
    return Aligned(frozenset(codes), tuple(cited), frozenset(told))


def _is_neutral(stretch: Stretch) -> bool:
    """Nothing but words that may stand beside any fact."""
    if stretch.quantities or stretch.days or stretch.entities:
        return False
    return all(one.text in MARKS or one.norm in _BESIDE or one.norm in _WORN for one in stretch.words)


_BESIDE: Final = lexicon.JOINING | lexicon.PLAIN
_WORN: Final = lexicon.PRAISE | lexicon.LACK | lexicon.QUIET


def _best(
    stretch: Stretch, known: tuple[Grasp, ...], before: Grasp | None, spoken_of: str | None
) -> tuple[Grasp | None, set[str]]:
    def cost(one: Grasp) -> tuple[int, int, int]:
        broken = alignment.faults(stretch, one, known, spoken_of=spoken_of)
        return (len(broken), len(alignment.refused(stretch, one)), -alignment.overlap(stretch, one) - (one is before))

    able = [one for one in known if alignment.overlap(stretch, one) or one is before]
    if not able:
        return None, _unaligned(stretch, known)
    best = min(able, key=cost)
    codes = alignment.faults(stretch, best, known, spoken_of=spoken_of)
    return best, codes | _names_of(alignment.refused(stretch, best), stretch)


def _unaligned(stretch: Stretch, known: tuple[Grasp, ...]) -> set[str]:
    """Codes of a stretch that speaks of no fact."""
    codes = _names_of([one for one in stretch.words if one.text not in MARKS and one.norm not in _BESIDE], stretch)
    codes |= {code for day in stretch.days for code in alignment.of_day(day)}
    if stretch.quantities:
        values = {one.value for grasp in known for one in grasp.quantities}
        codes |= {"NUM_UNSUPPORTED"} | {"NUM_WRONG_METRIC" for one in stretch.quantities if one.value in values}
    if any(one.norm in lexicon.NEGATIONS for one in stretch.row):
        codes.add("POLARITY")
    if any(one.norm in words for one in stretch.row for words in lexicon.DIRECTIONS.values()):
        codes.add("DIRECTION")
    return codes | {"FREE_WORDS"}


def _beside_slots(stretch: Stretch, own: list[Grasp], known: tuple[Grasp, ...]) -> set[str]:
    """What prose says around a whole phrase: words of that fact may be used once more."""
    strict = _with_slots([stretch], own, known)
    if not strict or not own or (stretch.quantities and "glued" in strict):
        return strict
    bare = replace(stretch, facts=())
    loose = set.intersection(*(
        alignment.faults(stretch, one, known, spoken_of=next(iter(one.entities), None))
        | _names_of(alignment.refused(bare, one), stretch) for one in own
    ))  # fmt: skip
    return loose | set(_glued(stretch))


def _tells(stretch: Stretch, grasp: Grasp) -> bool:
    """Whether a stretch gives the fact's number or day, where it has one."""
    if grasp.quantities:
        return bool(stretch.quantities)
    return bool(stretch.days) or not grasp.days or alignment.overlap(stretch, grasp) > 1


# --- slots -----------------------------------------------------------------------------------------------------------


def _with_slots(found: Iterable[Stretch], own: list[Grasp], known: tuple[Grasp, ...]) -> set[str]:
    """Codes of words beside slots: allow-listed ones, nouns of a cited fact in a lead, its own direction."""
    codes: set[str] = set()
    allowed = frozenset[str]().union(*(one.entities for one in own))
    for stretch in found:
        refused = [one for one in stretch.words if not _may_stand(one, stretch, own)]
        codes |= _names_of(refused, stretch) | set(_glued(stretch))
        codes |= {"FREE_WORDS"} if refused else set()
        codes |= _numbers_beside(stretch, known) | _days_beside(stretch, own)
        codes |= {"DIRECTION" for one in stretch.words if _goes_astray(one, own)}
        codes |= {"POLARITY" for one in stretch.row if one.kind == "word" and one.norm in lexicon.NEGATIONS}
        codes |= {"ENTITY_MISMATCH"} if set(stretch.entities) - allowed else set()
    return codes


def _may_stand(one: Token, stretch: Stretch, own: list[Grasp]) -> bool:
    word = one.norm
    if one.kind == "mark":
        return one.text in MARKS
    if word in _BESIDE or word in _WORN:
        return True
    if word in lexicon.ACTIONS and word not in lexicon.DOMAIN - {"call", "contact", "open"}:
        return any(grasp.fact.role in {"action", "opportunity"} for grasp in own) and _is_suggested(one, stretch)
    if _direction_of(word):
        return bool(own) and not _goes_astray(one, own)
    return _is_lead(stretch) and any(singular(word) in noun for grasp in own for noun in grasp.nouns)


def _is_suggested(one: Token, stretch: Stretch) -> bool:
    place = stretch.row.index(one)
    before = [two.norm for two in stretch.row[:place] if two.kind == "word"]
    return not before or before[-1] in {
        "to",
        "please",
        "first",
        "then",
        "next",
        "could",
        "a",
        "you",
        "we",
        "also",
        "maybe",
        "perhaps",
        "or",
    }


def _is_lead(stretch: Stretch) -> bool:
    """A few words without a verb before a slot, as "On meetings"."""
    words = [one.norm for one in stretch.row if one.kind == "word"]
    return (
        not stretch.facts
        and len(words) <= 6
        and not set(words) & {"is", "are", "have", "has", "had", "do", "does", "with", "all", "be"}
    )


def _direction_of(word: str) -> list[str]:
    if word in _BESIDE or word in _WORN:
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
        if not (own and all(dates.supported(one, grasp.days) for grasp in own)) and not _is_forward(one, own)
    ]  # fmt: skip
    return {code for one in wrong for code in alignment.of_day(one)}


def _is_forward(mention: Mention, own: list[Grasp]) -> bool:
    """ "This week" and "next week" say when to act, where only actions are cited."""
    if mention.key not in {("which", "this", "week"), ("which", "next", "week")} or not own:
        return False
    return all(grasp.fact.role == "action" and not any(one.key[0] == "which" for one in grasp.days) for grasp in own)


def _glued(stretch: Stretch) -> Iterator[str]:
    """Letters, figures or signs that touch a slot change what it says."""
    for one, two in pairwise(stretch.row):
        if one.end == two.start and "slot" in {one.kind, two.kind}:
            other = two if one.kind == "slot" else one
            if other.kind != "mark" or other.text not in ",.:;()?!…’'\"“”—–":
                yield "NUM_UNIT"
                yield "NUM_UNSUPPORTED"
                yield "FREE_WORDS"


# --- names of what is refused ----------------------------------------------------------------------------------------


def _names_of(refused: list[Token], stretch: Stretch) -> set[str]:
    """Codes for refused words: what they claim, whose name they may be, which language they are of."""
    if not refused:
        return set()
    codes = claims.named(_joined(refused, stretch))
    unknown = [one for one in refused if one.kind == "word" and not _is_english(one.norm)]
    codes |= {"UNKNOWN_NAME" for one in unknown if one.text[0].isupper()}
    codes |= {"NUM_WRONG_METRIC" for one in refused if one.norm in lexicon.DOMAIN}
    codes |= {
        "NUM_UNIT"
        for one in refused
        if one.text in {"%", "°"}
        or one.text in number_words.SYMBOLS
        or one.norm in number_words.MONEY_WORDS
        or one.norm in number_words.TIME_UNITS
        or one.text in number_words.CODES
    }
    codes |= {
        "CURRENCY"
        for one in refused
        if one.text in number_words.SYMBOLS or one.norm in number_words.MONEY_WORDS or one.text in number_words.CODES
    }
    codes |= {"POLARITY" for one in refused if one.norm in lexicon.NEGATIONS}
    codes |= {
        "INJECTION_OR_MARKUP"
        for one in refused
        if one.kind == "mark" and one.text not in number_words.SYMBOLS and one.text != "%"
    }
    codes |= {"LANGUAGE"} if _is_foreign(unknown, stretch) else set()
    return codes


def _joined(refused: list[Token], stretch: Stretch) -> str:
    """Refused words, neighbours side by side, others apart."""
    there = {one.start for one in refused}
    return " ".join(one.norm if one.start in there else "|" for one in stretch.row)


def _is_english(word: str) -> bool:
    known = masking.ORDINARY
    return (
        word in known
        or singular(word) in known
        or bool(claims.named(word))
        or word.removesuffix("ed") in known
        or word.removesuffix("ing") in known
    )


def _is_foreign(unknown: list[Token], stretch: Stretch) -> bool:
    if any(one.norm in lexicon.FOREIGN for one in unknown):
        return True
    words = [one for one in stretch.row if one.kind == "word"]
    return len(unknown) >= 2 and 2 * len(unknown) >= len(words)


# --- the whole sentence ----------------------------------------------------------------------------------------------


def _worn(found: list[Stretch], facts: tuple[Fact, ...], level: Level) -> set[lexicon.Licence]:
    """Licences that single words need. A word that every cited fact has itself needs none."""
    own = (
        {word for fact in facts for word in re.findall(r"[a-z]+", fact.phrase.lower())} if level == "L3" else set[str]()
    )
    said = {one.norm for stretch in found for one in stretch.words} - own
    worn: set[lexicon.Licence] = set()
    if said & lexicon.PRAISE:
        worn.add("praise")
    if said & lexicon.LACK:
        worn.add("lack")
    if said & lexicon.QUIET:
        worn.add("quiet")
    return worn


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
    if "caution" in licences and not any(one.role in {"caveat", "context"} for one in facts):
        yield "POLARITY"
    if "action" in licences and not any(one.role in {"action", "opportunity"} for one in facts):
        yield "POLARITY"


def _of_kind(kind: str | None, facts: tuple[Fact, ...]) -> Iterator[str]:
    if kind == "strength" and any(one.role in {"opportunity", "caveat"} for one in facts):
        yield "POLARITY"
    if kind == "opportunity" and any(one.role == "strength" for one in facts):
        yield "POLARITY"


def _of_form(text: str, masked: str, found: list[Stretch]) -> Iterator[str]:
    words = [one for stretch in found for one in stretch.row if one.kind == "word"]
    if len(words) > (MOST_FREE_WORDS if "⟦F:" in masked else MOST_WORDS):
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
