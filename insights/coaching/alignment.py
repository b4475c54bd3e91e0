"""Holds a stretch of prose against one fact: which codes it breaks, and how much of the fact it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from insights.coaching import lexicon
from insights.coaching.dates import Mention, supported
from insights.coaching.grasp import REACH, Grasp
from insights.coaching.number_words import CODES, TIME_UNITS
from insights.coaching.quantities import Quantity, Token, singular
from insights.coaching.stretches import MARKS, Stretch

GENERAL = lexicon.PARAPHRASE | lexicon.PLAIN
ANEW = frozenset({"and", "but", "while", "plus", ";"})
"""What may stand before something new, which is not about the deal that was named."""


def overlap(stretch: Stretch, grasp: Grasp) -> int:
    """How much of the fact a stretch speaks of. 0: it does not."""
    said = stretch.singulars
    nouns = sum(2 for noun in grasp.nouns if noun and noun <= said)
    named = 2 * bool(set(stretch.entities) & grasp.entities)
    common = len((said & grasp.words) - GENERAL - lexicon.FUNCTION) // 2
    days = sum(supported(one, grasp.days) for one in stretch.days if one.key[0] in {"day", "month"})
    return nouns + named + common + days


def faults(stretch: Stretch, grasp: Grasp, known: Sequence[Grasp], *, spoken_of: str | None) -> set[str]:
    """Codes that the stretch breaks if it is about this fact. spoken_of: the deal or account named before it."""
    codes: set[str] = set()
    for one in stretch.quantities:
        codes |= _of_quantity(one, grasp, known)
    codes |= {code for one in stretch.days if not supported(one, grasp.days) for code in of_day(one)}
    codes |= {"DATE_UNSUPPORTED" for one in stretch.days if _is_bent(one, stretch, grasp)}
    codes |= _of_entity(stretch, grasp, spoken_of)
    codes |= set(_of_direction(stretch, grasp))
    codes |= set(_of_denial(stretch, grasp))
    codes |= set(_of_hedge(stretch, grasp)) | set(_of_baseline(stretch, grasp))
    if refused(stretch, grasp):
        codes.add("FREE_WORDS")
    return codes


BENDING = frozenset({"by", "before", "after", "until", "till", "since", "from", "past", "near", "around", "about"})


def _is_bent(mention: Mention, stretch: Stretch, grasp: Grasp) -> bool:
    """Whether a word before a day makes another time of it: "before 12 December"."""
    before = [one.norm for one in stretch.row if one.end <= mention.start]
    return mention.key[0] == "day" and bool(before) and before[-1] in BENDING - grasp.words


def of_day(mention: Mention) -> set[str]:
    """Codes of a day or time that no cited fact supports."""
    kind = mention.key[0]
    if kind == "each":
        return {"NUM_UNIT", "DATE_UNSUPPORTED"}
    if kind in {"unclear", "ordinal", "quarter", "year"}:
        return {"DATE_UNSUPPORTED", "NUM_UNSUPPORTED"}
    return {"DATE_UNSUPPORTED"}


# --- words -----------------------------------------------------------------------------------------------------------


def refused(stretch: Stretch, grasp: Grasp) -> list[Token]:
    """Words that neither the allow-list nor this fact has."""
    return [one for one in stretch.words if not _may_say(one, stretch, grasp) or _is_cut(one, stretch, grasp)]


def _is_cut(one: Token, stretch: Stretch, grasp: Grasp) -> bool:
    """Whether a head noun stands without its first word: "start date" is no "close date"."""
    place = stretch.row.index(one)
    before = singular(stretch.row[place - 1].norm) if place else ""
    after = singular(stretch.row[place + 1].norm) if place + 1 < len(stretch.row) else ""
    firsts = [first for first, head in grasp.compounds if head == singular(one.norm)]
    heads = [head for first, head in grasp.compounds if first == singular(one.norm)]
    return (bool(firsts) and before not in firsts) or (bool(heads) and after not in heads and not stretch.is_suggestion)


def _may_say(one: Token, stretch: Stretch, grasp: Grasp) -> bool:
    word = one.norm
    if one.kind == "mark":
        return one.text in MARKS
    if singular(word) in grasp.words or word in grasp.words:
        return True
    if word in OF_MONEY or word in OF_VALUE:
        return _leads_to_value(one, stretch)
    return (
        _is_general(word, stretch)
        or ((word in lexicon.BASELINE or word == "median") and grasp.fact.baseline is not None)
        or (word in lexicon.ACTIONS and stretch.is_suggestion and grasp.fact.role in {"action", "opportunity"})
    )


def _is_general(word: str, stretch: Stretch) -> bool:
    """Words of no fact. Denials and directions are judged by themselves."""
    if word in lexicon.DOMAIN and word not in lexicon.ACTIONS and word not in lexicon.PLAIN:
        return False
    said_again = word in lexicon.PARAPHRASE or word in lexicon.NEGATIONS or bool(_ways(word))
    return said_again or (word in lexicon.PLAIN and stretch.is_suggestion)


OF_MONEY = frozenset({"worth", "valued"})
OF_VALUE = frozenset({"moved", "went", "changed", "came", "comes", "come", "totals", "totalled", "amounts"})
"""Words that say something only together with the value after them: "worth 48,000 USD", "went from 4 to 7"."""


def _leads_to_value(one: Token, stretch: Stretch) -> bool:
    if one.norm in OF_MONEY:
        return any(two.unit in CODES for two in stretch.quantities)
    place = stretch.row.index(one)
    after = stretch.row[place + 1] if place + 1 < len(stretch.row) else one
    return bool(stretch.quantities) and (after.kind == "number" or after.norm in {"from", "to", "by", "in", "at"})


def _ways(word: str) -> list[str]:
    return [way for way, words in lexicon.DIRECTIONS.items() if word in words]


def _of_direction(stretch: Stretch, grasp: Grasp) -> Iterator[str]:
    for place, one in enumerate(stretch.row):
        if one.kind != "word" or singular(one.norm) in grasp.words or one.norm in lexicon.PLAIN or not _ways(one.norm):
            continue
        if place == 0 and one.norm in lexicon.ACTIONS:
            continue
        if grasp.fact.direction not in _ways(one.norm):
            yield "DIRECTION"


BOUND_TO = frozenset(
    {(verb, what) for verb in ("is", "are", "was", "were", "be", "been") for what in ("to", "due", "worth")}
    | {("has", "to"), ("have", "to")}
)
"""Says that something is to happen."""


# --- denials and hedges ----------------------------------------------------------------------------------------------


def _of_denial(stretch: Stretch, grasp: Grasp) -> Iterator[str]:
    row = stretch.row
    at = [place for place, one in enumerate(row) if one.norm in lexicon.NEGATIONS]
    if len(at) > max(1, grasp.negations):
        yield "POLARITY"
    for place in at:
        if place and row[place - 1].norm in {"need", "needs"}:
            yield "POLARITY"
        near = {singular(one.norm) for one in row[max(0, place - REACH) : place + REACH + 2]}
        if not near & grasp.negated:
            yield "POLARITY"
    if stretch.is_suggestion and len(row) > 1 and row[1].norm in {"no", "not", "never"}:
        yield "POLARITY"  # "book no meeting"
    if at or stretch.is_suggestion or stretch.facts:
        return
    for place, one in enumerate(row):
        named = one.kind == "word" and singular(one.norm) in grasp.negated - GENERAL - lexicon.FUNCTION
        if named and not {two.norm for two in row[max(0, place - 4) : place]} & {"need", "needs"}:
            yield "POLARITY"


def _of_hedge(stretch: Stretch, grasp: Grasp) -> Iterator[str]:
    said = stretch.singulars
    pairs = {(one.norm, two.norm) for one, two in pairwise(stretch.row)}
    if (
        pairs & BOUND_TO
        and not stretch.facts
        and not all(" ".join(pair) in grasp.fact.phrase for pair in pairs & BOUND_TO)
    ):
        yield "FORECAST_PROMISE"
    hedges = {one for one in grasp.words if one in lexicon.HEDGES}
    if (
        hedges
        and (said & grasp.hedged) - GENERAL
        and not said & lexicon.HEDGES
        and not stretch.facts
        and not stretch.is_suggestion
    ):
        yield "FORECAST_PROMISE"


def _of_baseline(stretch: Stretch, grasp: Grasp) -> Iterator[str]:
    """ "7 meetings, your median" says that 7 is the median."""
    said = {one.norm for one in stretch.row}
    is_named = bool(said & {"median", "average", "baseline"}) and grasp.fact.baseline is not None
    has_value = any(one.unit not in TIME_UNITS.values() or one.role == "base" for one in stretch.quantities)
    compares = said & lexicon.COMPARING or any(_ways(one) for one in said)
    if is_named and not has_value and not compares and not stretch.facts:
        yield "NUM_WRONG_METRIC"


# --- deals and accounts ----------------------------------------------------------------------------------------------


def _of_entity(stretch: Stretch, grasp: Grasp, spoken_of: str | None) -> set[str]:
    if set(stretch.entities) - grasp.entities:
        return {"ENTITY_MISMATCH"}
    if stretch.entities or stretch.facts:
        return set()
    if grasp.entities:
        return set() if spoken_of in grasp.entities else {"ENTITY_MISMATCH"}
    starts_anew = stretch.joint in ANEW and overlap(stretch, grasp) > 1
    return set() if spoken_of is None or starts_anew else {"ENTITY_MISMATCH"}


# --- quantities ------------------------------------------------------------------------------------------------------


def _of_quantity(told: Quantity, grasp: Grasp, known: Sequence[Grasp]) -> set[str]:
    if any(_allows(one, told, grasp) for one in grasp.quantities):
        return set()
    codes = {"NUM_UNSUPPORTED"}
    if told.value is None:
        return codes
    same = [one for one in grasp.quantities if one.value == told.value]
    if any(one.unit != told.unit for one in same) and not any(one.unit == told.unit for one in same):
        codes.add("NUM_UNIT")
    if (told.unit in CODES or any(one.unit in CODES for one in same)) and all(
        one.unit != told.unit for one in grasp.quantities
    ):
        codes.add("CURRENCY")
    if any(one.value == told.value for other in known for one in other.quantities):
        codes.add("NUM_WRONG_METRIC")
    return codes


def _allows(known: Quantity, told: Quantity, grasp: Grasp) -> bool:
    if told.value is None:
        return known.value is None and known.words.lower() == told.words.lower()
    if told.is_approximate and not known.is_approximate:
        return False
    if told.role == "signed":
        return told.value == grasp.fact.value and known.value == abs(told.value) and known.unit == told.unit
    if known.value != told.value or known.unit != told.unit:
        return False
    if told.unit in TIME_UNITS.values() and not _has_rival(known, grasp):
        return told.role != "range"
    return _plays_same_part(known, told) and _counts_same(known, told)


STATES = frozenset({"closed", "won", "lost", "new"})
"""Leaves another number when it is left out: 51 closed deals are not 51 deals."""


def _has_rival(known: Quantity, grasp: Grasp) -> bool:
    """Whether the fact has two values of this unit, so that one may stand where the other belongs."""
    return any(one.unit == known.unit and one.value != known.value for one in grasp.quantities)


def _plays_same_part(known: Quantity, told: Quantity) -> bool:
    return known.role == told.role or (known.role == "delta" and told.unit == "pp" and told.role == "head")


def _counts_same(known: Quantity, told: Quantity) -> bool:
    if told.unit != "count" or not known.nouns or not told.nouns:
        return True
    return bool(known.nouns & told.nouns) and known.nouns & STATES <= told.nouns
