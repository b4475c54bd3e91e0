"""What the page Reports asks, as a value that stands in the URL: `?of=rep-7&week=2026-W47`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from insights.report.document import Week
from snapshots.report_archive import Readership
from workbench.url_choice import UrlChoice, an_id

PARAMETERS: Final = ("of", "week")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChoice:
    """readership: whose report; None: the first that the viewer may read. week: None: the last one that is over."""

    readership: Readership | None = None
    week: Week | None = None


def from_url(params: Mapping[str, Sequence[str]]) -> ReportChoice:
    """What a URL asks for; what cannot be read is left out."""
    return ReportChoice(
        readership=_readership((params.get("of") or [""])[-1]), week=_week((params.get("week") or [""])[-1])
    )


def to_url(choice: ReportChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "of": [slug(choice.readership)] if choice.readership is not None else [],
        "week": [choice.week.name] if choice.week is not None else [],
    }
    return {name: values for name, values in params.items() if values}


def slug(one: Readership) -> str:
    """ "organization", "rep-7"."""
    return f"{one.audience}-{one.owner_id}" if one.owner_id else one.audience


def _readership(text: str) -> Readership | None:
    if text == "organization":
        return Readership("organization")
    audience, _, owner = text.partition("-")
    owner_id = an_id(owner)
    if not owner_id:
        return None
    match audience:
        case "manager":
            return Readership("manager", owner_id)
        case "rep":
            return Readership("rep", owner_id)
    return None


def _week(text: str) -> Week | None:
    try:
        return Week.named(text) if text else None
    except (ValueError, OverflowError):
        return None


_CHOICE: Final = UrlChoice("report_choice", PARAMETERS, from_url, to_url, ReportChoice())


def adopt(readable: Sequence[Readership], weeks: Sequence[Week]) -> ReportChoice:
    """The choice of this run, without a report that the viewer may not read and a week that there is none of."""

    def mend(choice: ReportChoice) -> ReportChoice:
        known = choice.readership if choice.readership in readable else None
        return replace(choice, readership=known, week=choice.week if choice.week in weeks else None)

    return _CHOICE.adopt(mend)


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)
