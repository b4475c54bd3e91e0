"""How scores are written: bands, chances, points, reasons as a list of bars that can be read without colour."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

from insights.report_card import DEFINITIONS
from insights.scoring.score_model import shown
from workbench import formats
from workbench.lead_words import visible

SUBJECTS: Final[Mapping[str, str]] = {"lead": "Leads", "deal": "Deals"}
CONVERTS: Final[Mapping[str, str]] = {"lead": "converts", "deal": "is won"}
CONVERTED: Final[Mapping[str, str]] = {"lead": "converted", "deal": "won"}
ABOUT: Final = DEFINITIONS["Score"]

_OUTCOMES: Final = {"lead": "conversions", "deal": "wins"}

BANDS: Final[Mapping[str, str]] = {"hot": "Hot", "warm": "Warm", "cool": "Cool", "cold": "Cold"}
MARKS: Final[Mapping[str, str]] = {"hot": "▲", "warm": "△", "cool": "▽", "cold": "▼"}
TONES: Final[Mapping[str, str]] = {"hot": "won", "warm": "primary", "cool": "muted", "cold": "faint"}
"""Colours of the palette; the mark says the same."""
STATES: Final[Mapping[str, str]] = {
    "active": "In use", "candidate": "Waits for a person", "retired": "Was used", "refused": "Not used",
}  # fmt: skip


def why_gated(card: Mapping[str, Any], subject: str) -> str:
    """Why no chance is shown: "31 of 60 conversions so far.", or what was found."""
    least, n = card.get("least_conversions"), int(card["n_positive"])
    if least is not None and n < int(least):
        return f"{formats.count(n)} of {formats.count(int(least))} {_OUTCOMES[subject]} so far."
    return str(card["gate"]["why"])


def chance(value: float | None) -> str:
    """A probability in whole per cent: "31 %", "<1 %"."""
    if value is None or formats.is_missing(value):
        return formats.MISSING
    whole = round(value * 100)
    if whole in {0, 100}:
        return f"{'<1' if whole == 0 else '>99'}{formats.SPACE}%"
    return f"{whole}{formats.SPACE}%"


def worded(reason: Mapping[str, Any]) -> str:
    """A reason's words; a field's name without underscores: "company size: up to 100"."""
    name, colon, value = str(reason["words"]).partition(":")
    return visible(f"{name.replace('_', ' ')}{colon}{value}")


def points(value: float, *, is_signed: bool = True) -> str:
    """ "+12.3", "−4.0"."""
    text = f"{abs(value):.1f}"
    sign = formats.MINUS if value < 0 and text != "0.0" else "+" if is_signed and text != "0.0" else ""
    return f"{sign}{text}"


def parts(reasons: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """Words and points of what makes up a score, to one decimal so that these add up to the score to one decimal: what
    rounding leaves goes to the rest. The next action is no part of it."""
    made = [(worded(one), round(float(one["points"]), 1)) for one in reasons if one["group"] != "next"]
    exact = sum(float(one["points"]) for one in reasons if one["group"] != "next")
    if not made:
        return []
    words, last = made[-1]
    return [*made[:-1], (words, round(last + round(exact, 1) - sum(value for _, value in made), 1))]


def next_action(reasons: Sequence[Mapping[str, Any]]) -> tuple[str, float] | None:
    """What would add most to the score, with its points."""
    found = next((one for one in reasons if one["group"] == "next"), None)
    return None if found is None else (visible(str(found["action"])), float(found["points"]))


def in_short(reasons: Sequence[Mapping[str, Any]], most: int = 2) -> str:
    """The largest reasons in a line: "came by Referral +12, not contacted yet −7"."""
    told = [one for one in reasons if one["group"] not in {"base", "others", "next"}][:most]
    return ", ".join(f"{worded(one)} {points(round(float(one['points'])))[:-2]}" for one in told)


def bars(reasons: Sequence[Mapping[str, Any]], score: float) -> str:
    """The reasons as HTML: words, a bar to the right where a reason adds and to the left where it takes away, and its
    points with a sign. All words are escaped."""
    made = parts(reasons)
    widest = max((abs(value) for _, value in made[1:]), default=1.0) or 1.0
    rows = "".join(_row(words, value, widest, is_base=number == 0) for number, (words, value) in enumerate(made))
    total = sum(value for _, value in made)
    clipped = "" if 0 <= total <= 100 else f" (shown as {shown(score)})"
    return (
        f'<table class="slms-reasons"><caption>Why this score</caption><tbody>{rows}</tbody><tfoot><tr>'
        f'<th scope="row">Score{clipped}</th><td></td><td class="slms-number">{points(total, is_signed=False)}</td>'
        "</tr></tfoot></table>"
    )


def _row(words: str, value: float, widest: float, *, is_base: bool) -> str:
    bar = ""
    if not is_base:
        side = "slms-more" if value >= 0 else "slms-less"
        bar = f'<span class="{side}" style="width:{abs(value) / widest * 50:.1f}%"></span>'
    text = points(value, is_signed=not is_base)
    return (
        f'<tr><th scope="row">{html.escape(words[:1].upper() + words[1:])}</th><td class="slms-bar" aria-hidden="true">'
        f'{bar}</td><td class="slms-number">{text}</td></tr>'
    )


def standing(score: float, band: str, probability: float | None, base_rate: float | None, *, subject: str) -> str:
    """Score, band and chance in one line of HTML. Without a probability no percentage is said."""
    tone = {"hot": "slms-won", "warm": "slms-warm"}.get(band, "")
    badge = f'<span class="slms-state {tone}"><span aria-hidden="true">{MARKS[band]}</span> {BANDS[band]}</span>'
    if probability is None or formats.is_missing(probability):
        said = "Points by rule: too few outcomes are known to say how likely it is."
    else:
        known = "" if base_rate is None else f"; the base rate is {chance(base_rate)}"
        said = f"{chance(probability)} chance that it {CONVERTS[subject]}{known}."
    number = f'<b class="slms-score" title="{html.escape(ABOUT)}">{shown(score)}</b>'
    return f'<div class="slms-scored">{number}{badge}<span>{html.escape(said)}</span></div>'


def change_in_words(before: float, after: float) -> str:
    """ "from 46 to 58, +12.0 points: the odds rise by the factor 2.30"."""
    difference = after - before
    factor = 2 ** (abs(difference) / 10)
    how = "the odds stay as they are"
    if abs(difference) >= 0.05:
        how = f"the odds {'rise' if difference > 0 else 'fall'} by the factor {factor:.2f}"
    return f"from {shown(before)} to {shown(after)}, {points(difference)} points: {how}"
