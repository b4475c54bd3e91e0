"""Which pipeline's stages the page Pipeline shows: `?pipe=3`. It lives in the session, and a URL that names one
wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.url_choice import UrlChoice, an_id


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """pipeline_id: None: the first there is."""

    pipeline_id: int | None = None


def from_url(params: Mapping[str, Sequence[str]]) -> PipelineChoice:
    """What a URL asks for; what cannot be read is left out."""
    return PipelineChoice(an_id((params.get("pipe") or [""])[-1]))


def to_url(choice: PipelineChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    return {} if choice.pipeline_id is None else {"pipe": [str(choice.pipeline_id)]}


_CHOICE: Final = UrlChoice("pipeline_choice", ("pipe",), from_url, to_url, PipelineChoice())


def adopt(pipeline_ids: Sequence[int]) -> int:
    """The pipeline of this run, of those there are, at least one; one that is not there is the first."""
    choice = _CHOICE.adopt(lambda one: one if one.pipeline_id in pipeline_ids[1:] else PipelineChoice())
    return pipeline_ids[0] if choice.pipeline_id is None else choice.pipeline_id


def change(pipeline_id: int) -> None:
    """Chooses another; the URL follows with the next run."""
    _CHOICE.change(pipeline_id=pipeline_id)
