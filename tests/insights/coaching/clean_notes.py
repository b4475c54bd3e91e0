"""Good notes: answers with slots, and prose that says again what facts say. None may be refused."""

from __future__ import annotations

import json
import random

from made_facts import Made, World
from planted_words import LEADS

TAILS = {
    "strength": (", well done", ", nice work", " - good to see", ""),
    "opportunity": (", worth a look", ", something to tidy up", "", ""),
    "action": (", worth a call", ", a good place to start", "", ""),
    "context": ("", "", ", for context"),
    "caveat": ("", "", ", please note"),
}


def with_slots(world: World, seed: int) -> str:
    """A model's good answer: leads, tails, two facts in one sentence, a name."""
    dice = random.Random(seed)
    parts = [{"kind": _kind(one), "text": _slotted(one, dice)} for one in world.made]
    dice.shuffle(parts)
    return json.dumps({"sentences": parts})


def _kind(made: Made) -> str:
    return {"context": "summary", "caveat": "summary"}.get(made.fact["role"], made.fact["role"])


def _slotted(made: Made, dice: random.Random) -> str:
    role, slot = made.fact["role"], f"{{{made.fact['id']}}}"
    shape = dice.random()
    if shape < 0.6:
        return f"{dice.choice(LEADS[role])}: {slot}."
    if shape < 0.7 and made.fact.get("entity"):
        return f"Start with {{{made.fact['entity']}}}: {slot}."
    if shape < 0.9:
        return f"{slot}{dice.choice(TAILS[role])}."
    return f"{slot}."


def as_prose(world: World, seed: int) -> str:
    """Prose of true sentences, some behind a lead, and some phrases as they are."""
    return " ".join(sentences(world, seed))


def sentences(world: World, seed: int) -> list[str]:
    """The sentences of `as_prose`, in the order of the facts."""
    dice = random.Random(seed)
    return [_said(one, dice) for one in world.made]


def _said(made: Made, dice: random.Random) -> str:
    told, shape = dice.choice(made.said), dice.random()
    if shape < 0.5:
        return told
    lead = dice.choice(LEADS[made.fact["role"]])
    if shape < 0.75:
        return f"{lead}: {made.fact['phrase']}."
    starts_with_name = bool(made.fact.get("entity"))
    return f"{lead}: {told if starts_with_name else told[0].lower() + told[1:]}"
