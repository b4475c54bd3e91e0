"""How the page Coaching says what the verifier refuses, what a suggestion was for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REFUSED: Final[Mapping[str, str]] = {
    "NUM_UNSUPPORTED": "a number that no fact has",
    "NUM_WRONG_METRIC": "a number that belongs to another fact",
    "NUM_UNIT": "a number with another unit than its fact",
    "CURRENCY": "an amount in another currency than its fact",
    "DATE_UNSUPPORTED": "a day that no fact names",
    "DIRECTION": "up or down where the fact says otherwise",
    "POLARITY": "a denial, or praise for what is no strength",
    "ENTITY_MISMATCH": "another deal than the fact is about",
    "UNKNOWN_NAME": "a name that is in no fact",
    "OTHER_PERSON": "the name of somebody else",
    "CAUSAL": "a cause, which facts do not tell",
    "SUPERLATIVE": "a rank",
    "PEER_COMPARISON": "a comparison with others",
    "FORECAST_PROMISE": "a promise or a forecast",
    "TONE": "a tone that blames",
    "SENSITIVE": "character, health or another private matter",
    "PII": "an address or a phone number",
    "LANGUAGE": "another language or alphabet",
    "INJECTION_OR_MARKUP": "mark-up, a link, or text that does not belong in a note",
    "BIDI_OR_INVISIBLE": "hidden characters",
    "UNCITED_SENTENCE": "a sentence that rests on no fact",
    "REPETITION": "the same thing twice",
    "MISSING_REQUIRED": "something to keep in mind was left out",
    "STALE": "old data told as if they were of now",
    "NOT_JSON": "an answer in another form than asked for",
    "TRUNCATED": "an answer that was cut off",
    "REFUSAL": "the model declined",
    "EMPTY": "nothing was said",
    "SCHEMA": "an answer in another form than asked for",
    "UNKNOWN_SLOT": "a fact that there is not",
    "UNKNOWN_ID": "a fact that there is not",
    "TOO_LONG": "more than 150 words, or too many sentences",
    "FREE_WORDS": "words that no fact supports",
    "BUDGET": "the month’s budget was used up",
    "DEADLINE": "no answer in time",
    "BUSY": "another worker was writing it",
}
REASONS: Final[Mapping[str, str]] = {
    "due_to_close": "Due without a meeting", "overdue": "Close date is over", "activity": "Nothing has happened",
    "pushed": "Close date moved out", "stage_age": "Long in its stage",
}  # fmt: skip
ICONS: Final[Mapping[str, str]] = {
    "strength": "trending_up", "opportunity": "search", "action": "task_alt", "caveat": "info", "context": "notes",
}  # fmt: skip
"""By the role of what a sentence rests on."""


def refused(code: str) -> str:
    """What a code means; a code that is not known stands for itself."""
    return REFUSED.get(code, code)
