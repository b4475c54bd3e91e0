"""Notes without a model: every fact's own phrase behind a short lead, in other words each week.

Leads are written so that the verifier accepts each beside each fact of its role; a test tries them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from insights.coaching.facts import Fact, Pack, Role, facts_hash
from insights.coaching.slots import Draft, Note, Part, render

MOST_WORDS: Final = 150
LEADS: Final[dict[Role, tuple[str, ...]]] = {
    "strength": (
        "Nice momentum: {F}.",
        "Good to see: {F}.",
        "Going well: {F}.",
        "A bright spot: {F}.",
        "Well done here: {F}.",
        "Good progress: {F}.",
        "Strong work: {F}.",
    ),
    "opportunity": (
        "Worth a look: {F}.",
        "Worth a tidy-up: {F}.",
        "One to keep an eye on: {F}.",
        "Room to improve: {F}.",
        "Up for review: {F}.",
        "One thing to check: {F}.",
        "One area to work on: {F}.",
    ),
    "action": (
        "A good first call: {F}.",
        "A good place to start: {F}.",
        "First on the list: {F}.",
        "One to pick up: {F}.",
        "One thing to plan: {F}.",
        "Next up: {F}.",
        "Worth a call: {F}.",
    ),
    "context": (
        "For context: {F}.",
        "In the background: {F}.",
        "A note on the numbers: {F}.",
        "Good to know: {F}.",
        "In short: {F}.",
        "To begin with: {F}.",
        "By the way: {F}.",
    ),
    "caveat": (
        "Please note: {F}.",
        "Please read with care: {F}.",
        "Keep in mind: {F}.",
        "A note on the data: {F}.",
        "One reminder: {F}.",
        "Good to keep in mind: {F}.",
        "A word of caution: {F}.",
    ),
}
QUESTIONS: Final = (
    "What would help here?",
    "How could you pick this up?",
    "What could work here?",
    "How would you approach this?",
    "What would help you first?",
    "How could we move this forward?",
)
KINDS: Final[dict[Role, str]] = {
    "strength": "strength", "opportunity": "opportunity", "action": "action", "context": "summary", "caveat": "caveat",
}  # fmt: skip


class NothingToSay(ValueError):
    """The pack holds no fact: show that there is nothing to report, not an empty note."""


def write(pack: Pack, seed: int) -> Note:
    """A note of at most 150 words, the caveats aside: up to two strengths, opportunities and actions, and every caveat.

    seed: the week's number. The same facts and week give the same note, the next week another wording of each sentence.
    """
    return render(draft(pack, seed), pack)


def draft(pack: Pack, seed: int) -> Draft:
    """The note with slots. Raises NothingToSay."""
    if not pack.facts:
        raise NothingToSay("there is no fact to write of")
    chosen = _fitting(_chosen(pack), pack)
    start = int(hashlib.sha256(facts_hash(pack).encode()).hexdigest()[:8], 16) + seed
    parts = [_part(fact, start + number) for number, fact in enumerate(chosen)]
    return Draft(tuple(_with_question(parts, chosen, start)))


def _chosen(pack: Pack) -> list[Fact]:
    """In the order of the note. Facts of a role come as they are ranked."""

    def of(role: Role, most: int) -> list[Fact]:
        return [one for one in pack.facts if one.role == role][:most]

    stale = [one for one in pack.required if one.metric.startswith("snapshot")]
    others = [one for one in pack.required if one not in stale]
    told = [*of("strength", 2), *of("opportunity", 2), *of("action", 2)]
    return [*stale, *of("context", 1 if told else 3), *told, *others]


def _fitting(chosen: list[Fact], pack: Pack) -> list[Fact]:
    """Without what is too much: context first, then the second of a role. Caveats and the first of a role stay."""
    kept = list(chosen)
    while _words(kept) > MOST_WORDS - 25:
        spare = _spare(kept)
        if spare is None:
            break
        kept.remove(spare)
    return kept


def _spare(kept: Sequence[Fact]) -> Fact | None:
    roles = [one.role for one in kept]
    if "context" in roles and len(set(roles) - {"caveat", "context"}) > 0:
        return next(one for one in kept if one.role == "context")
    doubled = [one for one in kept if one.role != "caveat" and roles.count(one.role) > 1]
    return doubled[-1] if doubled else None


def _words(facts: Sequence[Fact]) -> int:
    return sum(len(one.phrase.split()) + 5 for one in facts)


def _part(fact: Fact, turn: int) -> Part:
    leads = LEADS[fact.role]
    return Part(KINDS[fact.role], leads[turn % len(leads)].replace("{F}", "{" + fact.id + "}"))


def _with_question(parts: list[Part], chosen: Sequence[Fact], turn: int) -> list[Part]:
    """The last action ends in a question, so that there is something to talk about."""
    last = max((at for at, one in enumerate(chosen) if one.role == "action"), default=None)
    if last is not None:
        question = QUESTIONS[turn % len(QUESTIONS)]
        parts[last] = Part(parts[last].kind, f"{parts[last].text} {question}")
    return parts
