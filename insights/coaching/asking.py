"""What a model is asked, and nothing else: the fixed instructions, and the facts without a word that people wrote.

Of a fact go out its id, role, metric, direction and unit, and the pseudonym of its deal; at level L3 its values and
days, too, since prose cannot be written without them. Names, stages, sources and phrases stay here: the writer puts
them back. Names of deals go along only where that is allowed, cleaned of everything that is not a plain name.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from insights.coaching import slots, templates
from insights.coaching.facts import Fact, Pack, visible

PROMPT_VERSION: Final = "1"
Asked = Literal["L1", "L2", "L3"]
MOST_OFFERED: Final = 8
"""Facts beside the caveats: as they are ranked, the first ones."""
LONGEST_NAME: Final = 60
OURS: Final = re.compile(r"[FD]\d{1,4}")
METRIC: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
UNIT: Final = re.compile(r"count|days|weeks|hours|pct|pp|date|mixed|[A-Z]{3}")
DAY: Final = re.compile(r"\d{1,2} [A-Z][a-z]{2,8}(?: \d{4})?")


@dataclass(frozen=True, slots=True)
class Question:
    """Messages of a chat, and the JSON schema of the answer."""

    messages: tuple[Mapping[str, str], ...]
    schema: Mapping[str, Any]


RULES: Final = """You help a sales manager to word a short weekly note for one salesperson. You get facts as JSON.
Each has an id, a role and what it is about. The program writes every number, date and name; you never do.
Answer with JSON only."""

CHOOSE: Final = """Choose which facts the note tells: one or two strengths, one or two opportunities, one or two
actions; every fact with "must": true is told anyway. Answer {"facts": ["F1", ...]} with ids from the list, each once,
at most six."""

WORD: Final = """Answer {"sentences": [{"kind": "...", "text": "..."}]} with 3 to 6 sentences.
In a text write the id of a fact in braces: {F1}. It is replaced by a whole clause with its numbers, so do not say again
what it says. Write {D1} for the name of a deal. Use each fact at most once; each sentence holds at least one fact.
Use every fact with "must": true. Beside the braces write only a few plain words, most simply an opening such as: """

PROSE: Final = """Answer {"sentences": [{"kind": "...", "text": "..."}]} with 3 to 6 short sentences of plain English.
Say only what the facts say, with their values, units and days, each sentence about one fact. Write {D1} for the name
of a deal, and {F1} where you want the program to word a whole fact. Tell every fact with "must": true by its id."""

NEVER: Final = """Never write a number, a number word, a date or a name of your own. Never give a cause, a promise, a
forecast, a rank, a comparison with other people, or a judgement of a person. No mark-up, no links, no questions about
the facts."""

EXPLAINED: Final[Mapping[str, str]] = {
    "NOT_JSON": "the answer was not JSON alone",
    "SCHEMA": "the answer did not have the form that was asked for",
    "TRUNCATED": "the answer was cut off: write less",
    "EMPTY": "the answer held nothing",
    "REFUSAL": "the answer was a refusal: this is an ordinary business note",
    "UNKNOWN_SLOT": "braces held something that is no id from the list",
    "UNCITED_SENTENCE": "a sentence held no fact in braces",
    "MISSING_REQUIRED": "a fact with must: true was left out",
    "REPETITION": "a fact or sentence stood twice",
    "TOO_LONG": "it was too long",
    "FREE_WORDS": "words beside the braces said too much: use a plain opening alone",
    "NUM_UNSUPPORTED": "it held a number",
    "DATE_UNSUPPORTED": "it held a date or a word for one",
    "UNKNOWN_NAME": "it held a name",
    "CAUSAL": "it gave a cause",
    "SUPERLATIVE": "it ranked",
    "PEER_COMPARISON": "it compared with other people",
    "FORECAST_PROMISE": "it promised or forecast",
    "POLARITY": "praise stood beside what is no strength, or a fact was denied",
    "DIRECTION": "words said another direction than the fact",
    "INJECTION_OR_MARKUP": "it held mark-up or text that does not belong there",
}


def ask(pack: Pack, level: Asked, *, with_names: bool = False) -> Question:
    """What is sent for a first answer. Raises ValueError where an id is none of ours (F1, D1): it may say something."""
    offered = offered_of(pack)
    deals = [one for one in pack.entities if any(fact.entity == one.id for fact in offered)]
    ids = [one.id for one in offered] + [one.entity for one in offered if one.entity]
    if not all(OURS.fullmatch(one) for one in ids):
        raise ValueError("ids of facts and deals must be F1, D1, …: others may say something")
    told: dict[str, Any] = {"facts": [_told(one, level) for one in offered]}
    if with_names:
        told["deals"] = {one.id: cleaned(one.name) for one in deals}
    how = {"L1": CHOOSE, "L2": WORD + _openings(), "L3": PROSE}[level]
    kinds = "" if level == "L1" else f"\nkind is one of: {', '.join(slots.KINDS)}."
    never = NEVER if level != "L3" else NEVER.replace("a number, a number word, a date or a name of your own", "a name")
    rules = RULES if level != "L3" else RULES.replace("every number, date and name", "every name")
    system = f"{rules}\n{how}{kinds}\n{never}"
    user = json.dumps(told, ensure_ascii=True, sort_keys=True)
    return Question(({"role": "system", "content": system}, {"role": "user", "content": user}), _schema(offered, level))


def ask_again(question: Question, codes: Sequence[str]) -> Question:
    """The same once more, with the reasons of the refusal. The refused text itself does not go out again."""
    said = "; ".join(dict.fromkeys(EXPLAINED.get(code, "it said what no fact says") for code in codes))
    told = {"role": "user", "content": f"Your last answer was refused: {said}. Answer again, by the rules above."}
    return Question((*question.messages, told), question.schema)


def offered_of(pack: Pack) -> tuple[Fact, ...]:
    """The facts that a model may use: all caveats, and the first MOST_OFFERED of the others."""
    others = [one for one in pack.facts if one.role != "caveat"][:MOST_OFFERED]
    return tuple(one for one in pack.facts if one.role == "caveat" or one in others)


def cleaned(name: str) -> str:
    """A name as it may go out: NFKC, letters, digits and plain marks alone, at most LONGEST_NAME characters."""
    plain = visible(unicodedata.normalize("NFKC", name))
    kept = "".join(one if one.isalnum() or one in " .,&'’-" else " " for one in plain)
    return re.sub(r"\s+", " ", kept)[:LONGEST_NAME].strip()


def _told(fact: Fact, level: Asked) -> dict[str, Any]:
    metric, unit = METRIC.fullmatch(fact.metric), UNIT.fullmatch(fact.unit or "")
    told: dict[str, Any] = {
        "id": fact.id,
        "role": fact.role,
        "about": fact.metric.replace("_", " ") if metric else None,
        "direction": fact.direction,
        "unit": fact.unit if unit else None,
        "deal": fact.entity,
        "must": fact.role == "caveat" or None,
    }
    if level == "L3":
        told["value"] = None if fact.value is None else str(fact.value)
        told["usual"] = None if fact.baseline is None else str(fact.baseline.value)
        told["days"] = [one for one in fact.dates if DAY.fullmatch(one)] or None
    return {key: one for key, one in told.items() if one is not None}


def _openings() -> str:
    """Two leads of each role that the verifier is known to accept."""
    leads = [(lead.removesuffix(" {F}."), role) for role, those in templates.LEADS.items() for lead in those[:2]]
    return ", ".join(f'"{lead}" ({role})' for lead, role in leads)


def _schema(offered: Sequence[Fact], level: Asked) -> Mapping[str, Any]:
    if level != "L1":
        return slots.schema()
    ids = {"type": "string", "enum": [one.id for one in offered]}
    return {
        "type": "object",
        "properties": {"facts": {"type": "array", "items": ids}},
        "required": ["facts"],
        "additionalProperties": False,
    }
