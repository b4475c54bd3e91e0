"""Says whether a note may be shown: what is not known to be supported by the facts is refused.

Three ways in: a model's answer (`raw`), a note as rendered (`note`), and prose (`text`). Level L2 lets allow-listed
words stand beside whole phrases of facts; level L3 also takes prose in which each sentence says again what cited facts
say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from insights.coaching import characters, masking, slots
from insights.coaching.facts import Pack
from insights.coaching.sentences import Judged, Level, judge, stem_free
from insights.coaching.slots import Draft, Note, Unreadable

VERIFIER_VERSION: Final = "2"
MOST_WORDS: Final = 150
MOST_WORDS_ASKED: Final = 10
Outcome = Literal["accept", "reject", "fallback"]
FARTHER: Final[tuple[Outcome, ...]] = ("accept", "reject", "fallback")


@dataclass(frozen=True, slots=True)
class Fault:
    """A sentence (0 is the first, None the whole note) and the codes it breaks."""

    sentence: int | None
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """accept: show it. reject: ask once more, then a template. fallback: nothing usable came, write a template."""

    verdict: Outcome
    codes: tuple[str, ...] = ()
    where: tuple[Fault, ...] = ()

    @property
    def is_accepted(self) -> bool:
        return self.verdict == "accept"


def verify(
    pack: Pack,
    *,
    text: str | None = None,
    note: Note | None = None,
    raw: str | None = None,
    finish_reason: str | None = "stop",
    level: Level = "L2",
) -> Verdict:
    """The verdict on one of `text`, `note` and `raw`. text is prose (always judged as L3), raw a model's answer."""
    if text is not None:
        return _of_text(pack, text)
    if note is not None:
        return _of_note(pack, note, level)
    draft = slots.parse(raw, finish_reason)
    if isinstance(draft, Unreadable):
        return _of_nothing(draft, raw)
    return _of_draft(pack, draft)


def _of_nothing(unread: Unreadable, raw: str | None) -> Verdict:
    if unread.is_nothing:
        return Verdict("fallback", unread.codes)
    marks = set(characters.faults(re.sub(r"[{}\[\]]", "", raw or ""))) & {"INJECTION_OR_MARKUP", "PII"}
    return Verdict("reject", (*unread.codes, *sorted(marks)))


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The one farthest from accept, with the codes of all."""
    farthest = max(verdicts, key=lambda one: FARTHER.index(one.verdict))
    codes = tuple(dict.fromkeys(code for one in verdicts for code in one.codes))
    return Verdict(farthest.verdict, codes, farthest.where)


# --- the three ways in -----------------------------------------------------------------------------------------------


def _of_draft(pack: Pack, draft: Draft) -> Verdict:
    faults: list[Fault] = []
    judged: list[Judged] = []
    for number, part in enumerate(draft.parts):
        masked = masking.names(masking.from_slots(part.text), pack)
        one = judge(pack, masked, "L2", kind=part.kind)
        wrong = {"UNKNOWN_SLOT"} if slots.unknown(pack, part.text) else set()
        judged.append(one)
        faults.append(_fault(number, one.codes | wrong | _of_characters(pack, masked, part.text)))
    masks = [masking.from_slots(part.text) for part in draft.parts]
    whole = set(_of_whole(pack, judged, masks, slots.render(draft, pack).text))
    if len(draft.parts) > slots.MOST_SENTENCES:
        whole.add("TOO_LONG")
    return _verdict([*faults, _fault(None, whole)])


def _of_note(pack: Pack, note: Note, level: Level) -> Verdict:
    faults: list[Fault] = []
    judged: list[Judged] = []
    masks: list[str] = []
    for number, sentence in enumerate(note.sentences):
        masked = masking.from_prose(sentence.text, pack)
        one = judge(pack, masked, level, kind=sentence.kind)
        wrong = {"SCHEMA"} if set(one.cited) != set(sentence.fact_ids) else set()
        judged.append(one)
        masks.append(masked)
        faults.append(_fault(number, one.codes | wrong | _of_characters(pack, masked, sentence.text)))
    if not note.sentences:
        return Verdict("fallback", ("EMPTY",))
    return _verdict([*faults, _fault(None, set(_of_whole(pack, judged, masks, note.text)))])


def _of_text(pack: Pack, text: str) -> Verdict:
    if not text.strip():
        return Verdict("fallback", ("EMPTY",))
    if slots.REFUSAL.search(text):
        return Verdict("fallback", ("REFUSAL",))
    masked = masking.from_prose(text, pack)
    rows = split(masked)
    faults: list[Fault] = []
    judged: list[Judged] = []
    spoken_of: str | None = None
    for number, row in enumerate(rows):
        one = judge(pack, row, "L3", spoken_of=spoken_of)
        spoken_of = one.entity
        asked = bool(judged) and bool(judged[-1].cited) and _asks(row)
        judged.append(one)
        faults.append(_fault(number, one.codes - {"UNCITED_SENTENCE"} if asked else one.codes))
    whole = set(_of_whole(pack, judged, rows, text)) | _of_characters(pack, masked, text)
    return _verdict([*faults, _fault(None, whole)])


def _asks(row: str) -> bool:
    """A short question after a cited sentence is about that sentence."""
    return row.endswith("?") and len(row.split()) <= MOST_WORDS_ASKED


def split(masked: str) -> list[str]:
    """Sentences of a masked text. A point inside a sentence ("Dec. 12") ends none: what follows must begin one."""
    rows = re.split(
        r"(?<=[.!?…])(?<![A-Z][a-z]{2}\.)[\"”’)]*\s+(?=[A-Z⟦\"“(\d])|(?<=\.)[\"”’)]*\s+(?=[A-Z⟦])|(?<=[.!?])\s*\n+\s*|\n{2,}|\n(?=\s*[-*•A-Z⟦])",
        masked,
    )
    return [row.strip() for row in rows if row and row.strip()]


# --- the whole note --------------------------------------------------------------------------------------------------


def _of_characters(pack: Pack, masked: str, text: str) -> set[str]:
    bare = masking.unmasked(masked)
    codes = set(characters.faults(bare))
    if any(masking.says_name(bare, name) for name in pack.other_names):
        codes.add("OTHER_PERSON")
    if _repeats_untrusted(pack, bare):
        codes.add("INJECTION_OR_MARKUP")
    return codes


def _repeats_untrusted(pack: Pack, bare: str) -> bool:
    """Whether four words in a row stand in what people wrote in the CRM."""
    said = re.findall(r"\w+", bare.lower())
    runs = {tuple(said[at : at + 4]) for at in range(len(said) - 3)}
    for written in pack.untrusted_text:
        words = re.findall(r"\w+", written.lower())
        if runs & {tuple(words[at : at + 4]) for at in range(len(words) - 3)}:
            return True
    return False


def _of_whole(pack: Pack, judged: list[Judged], masks: list[str], text: str) -> Iterator[str]:
    told = {fact_id for one in judged for fact_id in one.told}
    missing = [fact for fact in pack.required if fact.id not in told]
    if missing:
        yield "MISSING_REQUIRED"
    if any(fact.metric.startswith("snapshot") for fact in missing):
        yield "STALE"
    if pack.is_stale and any(
        re.search(
            r"\b(?:this|the current) week\b|\btoday\b|\bcurrently\b|\bnow\b|"
            r"\bat (?:the moment|present)\b|\bas (?:it stands|things stand)\b",
            masking.unmasked(one),
            re.IGNORECASE,
        )
        for one in masks
    ):
        yield "STALE"
    if len(text.split()) > MOST_WORDS:
        yield "TOO_LONG"
    if _repeats(masks):
        yield "REPETITION"


def _repeats(masks: list[str]) -> bool:
    said = [stem_free(one) for one in masks]
    cited = [name for one in masks for kind, name in masking.SLOT.findall(one) if kind == "F"]
    words = [stem_free(masking.unmasked(one)) for one in masks]
    long = [one for one in words if len(one.split()) >= 4]
    return len(set(said)) < len(said) or len(set(cited)) < len(cited) or any(long.count(one) > 2 for one in long)


def _fault(sentence: int | None, codes: set[str] | frozenset[str]) -> Fault:
    return Fault(sentence, tuple(sorted(codes)))


def _verdict(faults: list[Fault]) -> Verdict:
    wrong = tuple(one for one in faults if one.codes)
    codes = tuple(dict.fromkeys(code for one in wrong for code in one.codes))
    return Verdict("reject" if wrong else "accept", codes, wrong)
