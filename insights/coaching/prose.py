"""Prose that says again what facts say: each stretch goes to the fact that it breaks least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from insights.coaching import alignment, lexicon
from insights.coaching.beside import BESIDE, WORN, blurred, glued, longer_names, with_slots
from insights.coaching.grasp import Grasp
from insights.coaching.quantities import Token
from insights.coaching.refusals import codes_of
from insights.coaching.stretches import MARKS, Stretch


@dataclass(frozen=True, slots=True)
class Aligned:
    codes: frozenset[str]
    cited: tuple[str, ...]
    told: frozenset[str]


def align(found: list[Stretch], known: tuple[Grasp, ...], spoken_of: str | None) -> Aligned:
    """Each stretch goes to the fact that it breaks least; what says nothing goes along."""
    leads = [
        one for one, two in pairwise(found) if two.joint == ":" and not (one.facts or one.quantities or one.entities)
    ]  # fmt: skip
    rest = [one for one in found if one not in leads]
    aligned = _in_turn(rest, known, spoken_of)
    own = [one for one in known if one.fact.id in aligned.cited]
    loose = [one for one in leads if not (_is_neutral(one) or (own and not with_slots([one], own, known)))]
    if not loose:
        return aligned
    return _in_turn([one for one in found if one in loose or one in rest], known, spoken_of)


def _in_turn(found: list[Stretch], known: tuple[Grasp, ...], spoken_of: str | None) -> Aligned:
    codes: set[str] = set()
    cited: list[str] = []
    told: set[str] = set()
    before: Grasp | None = None
    beside = [one for one in known if any(one.fact.id in stretch.facts for stretch in found)]
    codes |= set(_bare_names(found))
    for stretch in found:
        if stretch.facts:
            own = [one for one in known if one.fact.id in stretch.facts]
            codes |= _beside_slots(stretch, own, known)
            cited += stretch.facts
            told |= set(stretch.facts)
            before = own[-1] if own else before
        elif not (_is_neutral(stretch) or (beside and not with_slots([stretch], beside, known))):
            best, broken = _best(stretch, known, before, spoken_of)
            codes |= broken | set(longer_names(stretch))
            if best is not None:
                cited.append(best.fact.id)
                told |= {best.fact.id} if _tells(stretch, best) else set()
                before = best
        spoken_of = stretch.entities[-1] if stretch.entities else spoken_of
    return Aligned(frozenset(codes), tuple(cited), frozenset(told))


def _bare_names(found: list[Stretch]) -> Iterator[str]:
    """A name at the end that nothing is said of ("…, and Blue Harbor too") takes over what was said of another deal."""
    said = [one for one in found if one.facts or not _is_neutral(one)]
    if len(said) < 2 or not said[-1].entities or said[-1].facts or said[-1].quantities or said[-1].days:
        return
    before = {name for one in said[:-1] for name in one.entities}
    if all(_is_beside(one) for one in said[-1].words) and not set(said[-1].entities) <= before:
        yield "ENTITY_MISMATCH"


def _is_beside(one: Token) -> bool:
    return one.text in MARKS or one.norm in BESIDE or one.norm in WORN or one.norm in lexicon.PARAPHRASE


def _is_neutral(stretch: Stretch) -> bool:
    """Nothing but words that may stand beside any fact."""
    if stretch.quantities or stretch.days or stretch.entities:
        return False
    said = {one.norm for one in stretch.words}
    if said & lexicon.LACK and said & {"is", "are", "was", "were"}:
        return False
    return all(one.text in MARKS or one.norm in BESIDE or one.norm in WORN for one in stretch.words)


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
    return best, codes | codes_of(alignment.refused(stretch, best), stretch)


def _unaligned(stretch: Stretch, known: tuple[Grasp, ...]) -> set[str]:
    """Codes of a stretch that speaks of no fact."""
    codes = codes_of([one for one in stretch.words if one.text not in MARKS and one.norm not in BESIDE], stretch)
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
    strict = with_slots([stretch], own, known)
    if not strict or not own or (stretch.quantities and "glued" in strict):
        return strict
    bare = replace(stretch, facts=())
    loose = set.intersection(*(
        alignment.faults(stretch, one, known, spoken_of=next(iter(one.entities), None))
        | codes_of(alignment.refused(bare, one), stretch) for one in own
    ))  # fmt: skip
    return loose | set(glued(stretch)) | set(blurred(stretch, own))


def _tells(stretch: Stretch, grasp: Grasp) -> bool:
    """Whether a stretch gives the fact's number or day, where it has one."""
    if grasp.quantities:
        return bool(stretch.quantities)
    return bool(stretch.days) or not grasp.days or alignment.overlap(stretch, grasp) > 1
