"""What the page Jobs asks, as a value that stands in the URL: `?job=health&outcome=failed`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.url_choice import UrlChoice

PARAMETERS: Final = ("job", "outcome")
OUTCOMES: Final[Mapping[str, str]] = {
    "done": "Done", "failed": "Failed", "interrupted": "Broken off", "running": "Running", "missed": "Missed",
}  # fmt: skip
"""What a slot of a job may have come to, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChoice:
    """job: whose history is looked at; None: all jobs. outcomes: of which runs; none: of all."""

    job: str | None = None
    outcomes: tuple[str, ...] = ()


def from_url(params: Mapping[str, Sequence[str]]) -> JobChoice:
    """What a URL asks for; what cannot be read is left out."""
    asked = dict.fromkeys(one for one in params.get("outcome", ()) if one in OUTCOMES)
    return JobChoice(job=(params.get("job") or [""])[-1] or None, outcomes=tuple(asked))


def to_url(choice: JobChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    if choice.job is None:
        return {}
    return {"job": [choice.job]} | ({"outcome": list(choice.outcomes)} if choice.outcomes else {})


_CHOICE: Final = UrlChoice("job_choice", PARAMETERS, from_url, to_url, JobChoice())


def adopt(known: Collection[str]) -> JobChoice:
    """The choice of this run, without a job that there is none of."""

    def mend(choice: JobChoice) -> JobChoice:
        return choice if choice.job in known else replace(choice, job=None, outcomes=())

    return _CHOICE.adopt(mend)


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)
