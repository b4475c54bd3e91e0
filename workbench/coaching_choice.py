"""What the page Coaching asks beside the filters of all, as a value that stands in the URL:
`?show=history&rep=12&week=2026-03-16`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

from workbench.url_choice import UrlChoice, an_id

Shown = Literal["note", "history", "evaluation"]
SHOWN: Final[Mapping[str, str]] = {"note": "Note", "history": "History", "evaluation": "How notes do"}
PARAMETERS: Final = ("show", "rep", "week")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachingChoice:
    """rep: a salesperson's id, None: the first there is. week: its Monday, None: the newest with a note."""

    show: Shown = "note"
    rep: int | None = None
    week: date | None = None


def from_url(params: Mapping[str, Sequence[str]]) -> CoachingChoice:
    """What a URL asks for; what cannot be read is left out."""
    show, rep, week = ((params.get(name) or [""])[-1] for name in PARAMETERS)
    known: Any = show if show in get_args(Shown) else "note"
    return CoachingChoice(show=known, rep=an_id(rep), week=_day(week))


def to_url(choice: CoachingChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "show": "" if choice.show == "note" else choice.show,
        "rep": "" if choice.rep is None else str(choice.rep),
        "week": "" if choice.week is None else choice.week.isoformat(),
    }
    return {name: [value] for name, value in params.items() if value}


def _day(told: str) -> date | None:
    try:
        return date.fromisoformat(told) if len(told) == 10 else None
    except ValueError:
        return None


_CHOICE: Final = UrlChoice("coaching_choice", PARAMETERS, from_url, to_url, CoachingChoice())


def adopt() -> CoachingChoice:
    """The choice of this run."""
    return _CHOICE.adopt()


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)
