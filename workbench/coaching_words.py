"""How the page Coaching says what the verifier refuses, what a suggestion was for, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    "BUSY": "too many were being written at once",
    "BREAKER": "nothing was sent, for the server had failed several times in a row",
    "QUOTA": "the quota at the provider was used up",
    "UNREACHABLE": "the server could not be reached",
    "TOO_LARGE": "an answer of more than 512 kB",
    "NOT_A_COMPLETION": "the server answered with something else than a completion",
}
HTTP: Final[Mapping[int, str]] = {
    401: "the server refused the key", 403: "the server refused the key", 408: "the server gave up waiting",
    404: "the server knows no such address or model", 429: "the server had too many requests",
}  # fmt: skip
"""By the status of an answer; others are told by their hundreds."""
_HUNDREDS: Final[Mapping[int, str]] = {
    3: "the server sent the request elsewhere", 4: "the server refused the request", 5: "the server failed",
}  # fmt: skip
FACTS: Final[Mapping[str, str]] = {
    "meeting": "Meetings held", "call": "Calls", "email": "Emails", "won": "Won deals", "created": "New deals",
    "win_rate": "Win rate", "pipeline": "Open pipeline", "next_step": "No next step", "single_contact":
    "Single contact", "overdue": "Close date is over", "activity": "Nothing has happened", "due_to_close":
    "Due without a meeting", "pushed": "Close date moved out", "stage_age": "Long in its stage", "recorded":
    "Nothing recorded", "snapshot": "Old snapshot", "sync": "Old source", "history": "Few weeks of data",
    "missing_field": "Missing amounts or dates",
}  # fmt: skip
"""What a fact is about, by its metric."""
REASONS: Final[Mapping[str, str]] = {
    "due_to_close": "Due without a meeting", "overdue": "Close date is over", "activity": "Nothing has happened",
    "pushed": "Close date moved out", "stage_age": "Long in its stage",
}  # fmt: skip
ICONS: Final[Mapping[str, str]] = {
    "strength": "trending_up", "opportunity": "search", "action": "task_alt", "caveat": "info", "context": "notes",
}  # fmt: skip
"""By the role of what a sentence rests on."""


def refused(code: str) -> str:
    """What a code means, in the middle of a sentence. One that this version does not know is told as such."""
    if code in REFUSED:
        return REFUSED[code]
    status = code.removeprefix("HTTP_")
    if status != code and status.isdigit() and int(status) // 100 in _HUNDREDS:
        return f"{HTTP.get(int(status), _HUNDREDS[int(status) // 100])} ({status})"
    return f"a reason that this version does not know ({code})"


def reason(code: str) -> str:
    """The same at the beginning of a line."""
    told = refused(code)
    return told[:1].upper() + told[1:]


def outcome(code: str | None) -> str:
    """What became of a request."""
    if code is None:
        return "Under way, or broken off"
    return "Answered" if code == "OK" else reason(code)


def about(metrics: Iterable[str] | None) -> str:
    """What the facts of a sentence are about; empty: it rests on none."""
    return ", ".join(dict.fromkeys(FACTS.get(one, one.replace("_", " ").capitalize()) for one in metrics or ()))
