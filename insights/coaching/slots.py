"""Slots: what a model may write. `{F1}` stands for a fact's whole phrase, `{D1}` for the name of a deal or account.

A model's answer is JSON, `{"sentences": [{"kind", "text"}]}`. Rendering is a single pass: what a phrase or a name
holds is never read as a slot.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from insights.coaching.facts import Pack

KINDS: Final = ("summary", "strength", "opportunity", "action", "context", "caveat", "question")
MOST_SENTENCES: Final = 8
SLOT: Final = re.compile(r"\{([FD][A-Za-z0-9_-]{0,20})\}")
FENCE: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
REFUSAL: Final = re.compile(
    r"\b(?:i[’']?m|i am|we are|we[’']?re)\s+(?:very |so |really )?(?:sorry|afraid|unable|not able)\b|"
    r"\bi (?:can[’']?t|cannot|can not|won[’']?t|"
    r"will not|must decline|apologi[sz]e|decline)\b|\bas an ai\b|\b(?:language model|ai assistant)\b|"
    r"\bunable to (?:help|assist|comply|fulfil|provide|complete)|\bcan(?:no|[’'])t (?:help|assist|comply|"
    r"fulfil|provide) ",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence with slots."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """Sentences with slots, as a model or a template wrote them."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as people read it, and the facts that it rests on."""

    kind: str
    text: str
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note as people read it: plain text."""

    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.sentences)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No draft: reason codes, and whether nothing usable came (a template is written, nothing is asked again)."""

    codes: tuple[str, ...]
    is_nothing: bool


def schema() -> dict[str, Any]:
    """JSON schema of an answer, of the few words that all servers know."""
    sentence = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": list(KINDS)}, "text": {"type": "string"}},
        "required": ["kind", "text"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"sentences": {"type": "array", "items": sentence}},
        "required": ["sentences"],
        "additionalProperties": False,
    }


def parse(raw: str | None, finish_reason: str | None = "stop") -> Draft | Unreadable:
    """A model's answer as a draft. A fence around the whole of it is taken off; nothing else is guessed."""
    if finish_reason == "content_filter":
        return Unreadable(("REFUSAL",), is_nothing=True)
    if raw is None or not raw.strip():
        return Unreadable(("EMPTY",), is_nothing=True)
    if finish_reason == "length":
        return Unreadable(("TRUNCATED", "NOT_JSON"), is_nothing=True)
    fenced = FENCE.match(raw)
    try:
        given = json.loads(fenced[1] if fenced else raw, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError):
        return _not_json(raw)
    return _draft(given)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of `{"text": …, "text": …}` may take different ones: nobody gets to choose.
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _not_json(raw: str) -> Unreadable:
    if REFUSAL.search(raw) and "{" not in raw:
        return Unreadable(("REFUSAL", "NOT_JSON"), is_nothing=True)
    cut = raw.lstrip().startswith("{") and raw.count("{") > raw.count("}")
    return Unreadable(("NOT_JSON", "TRUNCATED") if cut else ("NOT_JSON",), is_nothing=False)


def _draft(given: Any) -> Draft | Unreadable:
    if not isinstance(given, dict) or set(given) != {"sentences"} or not isinstance(given["sentences"], list):
        return Unreadable(("SCHEMA",), is_nothing=False)
    rows = given["sentences"]
    if not rows or all(isinstance(row, dict) and not str(row.get("text") or "").strip() for row in rows):
        return Unreadable(("EMPTY",), is_nothing=True)
    if not all(_is_part(row) for row in rows):
        return Unreadable(("SCHEMA",), is_nothing=False)
    draft = Draft(tuple(Part(row["kind"], row["text"].strip()) for row in rows))
    if not any(SLOT.search(part.text) for part in draft.parts) and REFUSAL.search(draft.parts[0].text):
        return Unreadable(("REFUSAL",), is_nothing=True)
    return draft


def _is_part(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and set(row) == {"kind", "text"}
        and row["kind"] in KINDS
        and isinstance(row["text"], str)
        and bool(row["text"].strip())
    )


def unknown(pack: Pack, text: str) -> list[str]:
    """Slots that stand for nothing, and braces that are no slot."""
    names = [name for name in SLOT.findall(text) if not _stands_for(pack, name)]
    return names + re.findall(r"[{}]", SLOT.sub("", text))


def _stands_for(pack: Pack, name: str) -> str | None:
    fact = pack.fact(name)
    return fact.phrase if fact else pack.name(name)


def render(draft: Draft, pack: Pack) -> Note:
    """The note that people read. A slot that stands for nothing stays as it is: the verifier refuses it."""
    return Note(tuple(_sentence(part, pack) for part in draft.parts))


def _sentence(part: Part, pack: Pack) -> Sentence:
    cited = tuple(dict.fromkeys(name for name in SLOT.findall(part.text) if pack.fact(name)))
    text = SLOT.sub(lambda found: _stands_for(pack, found[1]) or found[0], part.text)
    opening = SLOT.match(part.text)
    starts_with_name = any(text.startswith(one.name) for one in pack.entities if one.name)
    if opening and not starts_with_name:
        text = text[:1].upper() + text[1:]
    return Sentence(part.kind, text, cited)
