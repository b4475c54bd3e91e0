"""Cuts a sentence into stretches at marks and joining words, with the numbers and days that are in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from insights.coaching import dates, lexicon, number_words, quantities
from insights.coaching.dates import Mention
from insights.coaching.quantities import Quantity, Token, singular

MARKS: Final = frozenset(",.:;-–—()'’?!…\"“”/")
JOINTS: Final = frozenset({",", ";", ":", "—", "–", "(", ")", "…", "?", "!", "and", "but", "while", "plus"})
LEADING: Final = frozenset(
    {"please", "first", "next", "then", "also", "and", "maybe", "perhaps", "so", "let's", "to", "could", "you", "we"}
)
"""Words before the verb of a suggestion."""
POINTERS: Final = frozenset(
    {"this", "that", "the", "a", "which", "another", "next", "last", "good", "nice", "great", "small", "quick", "easy"}
)
"""What may stand before a "one" that points at something."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a sentence between marks or joining words. row: its tokens, days and quantities still among them.

    words: tokens that are neither part of a quantity nor of a day. joint: the mark or word before it, "" at the start.
    """

    row: tuple[Token, ...]
    words: tuple[Token, ...]
    quantities: tuple[Quantity, ...]
    days: tuple[Mention, ...]
    facts: tuple[str, ...]
    entities: tuple[str, ...]
    joint: str = ""

    @property
    def singulars(self) -> frozenset[str]:
        return frozenset(singular(one.norm) for one in self.row if one.kind == "word")

    @property
    def is_suggestion(self) -> bool:
        """Whether it opens with a verb that suggests: "book a meeting" denies nothing."""
        said = [one.norm for one in self.row if one.kind == "word" and one.norm not in LEADING]
        return bool(said) and self.row[0].kind != "number" and said[0] in lexicon.ACTIONS

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.quantities or self.days or self.facts or self.entities)


def cut(text: str) -> list[Stretch]:
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
    row: list[Token], joint: str, amounts: list[tuple[Quantity, tuple[int, int]]], days: list[Mention]
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
    slots = [one.text.partition(":") for one in row if one.kind == "slot"]
    return Stretch(
        row=tuple(row),
        words=tuple(words),
        quantities=tuple(one for one, _ in within if not _is_order(one, row)),
        days=tuple(own_days),
        facts=tuple(name for kind, _, name in slots if kind == "F"),
        entities=tuple(name for kind, _, name in slots if kind == "D"),
        joint=joint,
    )


def _is_of_money(one: Token, row: list[Token], within: list[tuple[Quantity, tuple[int, int]]]) -> bool:
    """A currency's sign or code, or a sign, before the figures it belongs to."""
    is_sign = one.text in number_words.SYMBOLS or one.text in number_words.CODES or one.text in {"+", "-", "−"}
    return is_sign and any(one.end <= span[0] and span[0] - one.end <= 2 for _, span in within)


def _is_order(one: Quantity, row: list[Token]) -> bool:
    """Whether it counts nothing: "First, …" puts sentences in order, "this one" points."""
    if one.words.lower() == "one":
        return _points(row)
    if one.words.lower() != "first":
        return False
    after = next((two for place, two in enumerate(row) if place and row[place - 1].norm == "first"), None)
    return after is None or after.kind != "word" or after.norm in lexicon.ACTIONS - lexicon.DOMAIN


def _points(row: list[Token]) -> bool:
    place = next(at for at, two in enumerate(row) if two.norm == "one")
    after = row[place + 1] if place + 1 < len(row) else None
    if (
        place
        and row[place - 1].norm in {"this", "that"}
        and (after is None or after.norm not in lexicon.DOMAIN - {"call"})
    ):
        return True
    ends = after is None or after.kind == "mark" or after.norm in {"to", "for", "first", "next", "together", "too"}
    return ends and (place == 0 or row[place - 1].norm in POINTERS)
