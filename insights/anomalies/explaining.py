"""Why a week is an alarm, in words: what came, what was to be expected, what the others did. No cause is claimed."""

from __future__ import annotations

from typing import Any, Final

from insights import formats

UNUSUAL_TEAM: Final = 0.15
"""A week of the others that is further from an ordinary one is told of."""


def why_of(alarm: Any) -> str:
    """alarm: a row of `detection.ALARMS` as a named tuple."""
    return f"{_what(alarm)}{_team(alarm)} Score {alarm.score:.2f}; an alarm begins at 1."


def _what(alarm: Any) -> str:
    usual = f"{_count(alarm.expected)} expected ({alarm.low:.0f} to {alarm.high:.0f} in four weeks of five)"
    if alarm.kind != "sustained":
        return f"{alarm.value:.0f} this week, {usual}."
    way = "fewer" if alarm.direction == "drop" else "more"
    change = abs(alarm.value_n / alarm.expected_n - 1) if alarm.expected_n > 0 else 0.0
    return (
        f"{alarm.value_n:.0f} in {_weeks(alarm.n)}, {_count(alarm.expected_n)} expected: "
        f"{formats.share(change)} {way}; {alarm.value:.0f} this week, {usual}."
    )


def _weeks(n: int) -> str:
    return "this week" if n == 1 else f"{n} weeks"


def _count(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"


def _team(alarm: Any) -> str:
    off = alarm.team - 1
    if abs(off) < UNUSUAL_TEAM:
        return ""
    way = "less" if off < 0 else "more"
    return f" By what the others did, {formats.share(abs(off))} {way} than usual was to be expected."
