"""Writes a note with whatever completes: asks, has the answer judged, asks once more with the reasons, else a template.

What is shown was either accepted by the verifier or written by `templates`; a refused answer goes no further.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from insights.coaching import asking, slots, templates
from insights.coaching.asking import Asked, Question
from insights.coaching.facts import Pack, without
from insights.coaching.masking import from_prose
from insights.coaching.sentences import judge
from insights.coaching.slots import Note, Sentence, Unreadable
from insights.coaching.verifier import Verdict, verify, worst

MOST_COMPLETIONS: Final = 2


class NoCompletion(Exception):
    """Nothing usable came in time; a template is written. code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said: the text (None: nothing), and why it ended."""

    text: str | None
    finish_reason: str | None = "stop"


Complete = Callable[[Question], Answer]
"""One completion, with all retries of the transport inside it. Raises NoCompletion."""


@dataclass(frozen=True, slots=True)
class Written:
    """A note that may be shown. level: who worded it (L0: the template). codes: why what came before was refused."""

    note: Note
    level: str
    codes: tuple[str, ...]
    n_completions: int


def write(pack: Pack, seed: int, complete: Complete, level: Asked, *, with_names: bool = False) -> Written:
    """seed: the week's number, for the template. Raises templates.NothingToSay without a fact."""
    template = templates.write(pack, seed)
    try:
        question = asking.ask(pack, level, with_names=with_names)
    except ValueError:
        return Written(template, "L0", ("UNKNOWN_ID",), 0)
    codes: list[str] = []
    for number in range(1, MOST_COMPLETIONS + 1):
        try:
            answer = complete(question if number == 1 else asking.ask_again(question, codes))
        except NoCompletion as why:
            return Written(template, "L0", tuple(dict.fromkeys((*codes, why.code))), number - 1)
        note, verdict = judged(pack, answer, level, seed)
        codes += verdict.codes
        if note is not None and verdict.is_accepted:
            return Written(note, level, tuple(dict.fromkeys(codes)), number)
    return Written(template, "L0", tuple(dict.fromkeys(codes)), MOST_COMPLETIONS)


def judged(pack: Pack, answer: Answer, level: Asked, seed: int) -> tuple[Note | None, Verdict]:
    """The note of an answer, None where it is unreadable, and the verdict on it."""
    if level == "L1":
        return _chosen(pack, answer, seed)
    draft = slots.parse(answer.text, answer.finish_reason)
    if isinstance(draft, Unreadable):
        return None, verify(pack, raw=answer.text, finish_reason=answer.finish_reason)
    note = slots.render(draft, pack)
    if level == "L2":
        return note, verify(pack, raw=answer.text, finish_reason=answer.finish_reason)
    if any(slots.unknown(pack, part.text) for part in draft.parts):
        return None, Verdict("reject", ("UNKNOWN_SLOT",))
    cited = Note(tuple(_cited(pack, one) for one in note.sentences))
    return cited, worst([verify(pack, note=cited, level="L3"), verify(pack, text=cited.text)])


def _cited(pack: Pack, sentence: Sentence) -> Sentence:
    """With the facts that its prose rests on."""
    found = judge(pack, from_prose(sentence.text, pack), "L3", kind=sentence.kind)
    return Sentence(sentence.kind, sentence.text, found.cited)


def as_prose(pack: Pack, text: str) -> tuple[Note, Verdict]:
    """What a person wrote, a sentence per line, with the facts that each rests on, and the verdict on it."""
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    note = Note(tuple(_cited(pack, Sentence("summary", row, ())) for row in rows))
    return note, verify(pack, text=text)


# --- L1 --------------------------------------------------------------------------------------------------------------


def _chosen(pack: Pack, answer: Answer, seed: int) -> tuple[Note | None, Verdict]:
    """A template of the facts that a model chose, and of every caveat."""
    read = slots.parse(answer.text, answer.finish_reason)
    if isinstance(read, Unreadable) and read.codes != ("SCHEMA",):
        return None, Verdict("fallback" if read.is_nothing else "reject", read.codes)
    given = _json(answer.text or "")
    ids = given.get("facts") if isinstance(given, dict) and set(given) == {"facts"} else None
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        return None, Verdict("reject", ("SCHEMA",))
    if not set(ids) <= {one.id for one in asking.offered_of(pack)}:
        return None, Verdict("reject", ("UNKNOWN_SLOT",))
    kept = {*ids, *(one.id for one in pack.required)}
    chosen = without(pack, [one.id for one in pack.facts if one.id not in kept])
    note = templates.write(chosen, seed)
    return note, verify(pack, note=note)


def _json(text: str) -> Any:
    fenced = slots.FENCE.match(text)
    return json.loads(fenced[1] if fenced else text)
