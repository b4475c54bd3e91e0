"""What the page Pipeline flow asks beside the filters of all: `?pipe=3&of=stage.12&fate=on`.

It lives in the session, and a URL that names any of it wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import streamlit as st

from workbench import filter_bar
from workbench.url_choice import UrlChoice, an_id

PARAMETERS: Final = ("pipe", "of", "fate")
FATES: Final[Mapping[str, str]] = {
    "": "all of them",
    "on": "went on",
    "back": "went back",
    "lost": "lost",
    "gone": "gone",
    "there": "still there",
    "left": "handed on",
}
"""What can be asked of a stage's deals. "Went on" holds those that were won."""
STAGE: Final = "stage"
WEEK: Final = "week"
PUSHED: Final = "pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChoice:
    """pipeline_id: 0 is the first there is. part: whose deals are listed: "stage.12", "week.2026-11-23", "pushed.2";
    "": those of the first stage. fate: of a stage's, one of FATES."""

    pipeline_id: int = 0
    part: str = ""
    fate: str = ""


def from_url(params: Mapping[str, Sequence[str]]) -> FlowChoice:
    """What a URL asks for; what cannot be read is left out."""
    pipe, part, fate = ((params.get(name) or [""])[-1] for name in PARAMETERS)
    return FlowChoice(
        pipeline_id=an_id(pipe) or 0,
        part=part if _is_part(part) else "",
        fate=fate if fate in FATES else "",
    )


def _is_part(text: str) -> bool:
    kind, _, what = text.partition(".")
    if kind == WEEK:
        try:
            return date.fromisoformat(what).weekday() == 0
        except ValueError:
            return False
    return kind in (STAGE, PUSHED) and an_id(what) is not None


def to_url(choice: FlowChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    pipe = str(choice.pipeline_id) if choice.pipeline_id else ""
    params = {"pipe": pipe, "of": choice.part, "fate": choice.fate}
    return {name: [value] for name, value in params.items() if value}


_CHOICE: Final = UrlChoice("flow_choice", PARAMETERS, from_url, to_url, FlowChoice())


def adopt(pipeline_ids: Sequence[int]) -> FlowChoice:
    """The choice of this run; a pipeline that is not there is the first."""
    first = pipeline_ids[0] if pipeline_ids else 0
    return _CHOICE.adopt(
        lambda choice: (
            choice
            if choice.pipeline_id in pipeline_ids and choice.pipeline_id != first
            else replace(choice, pipeline_id=0)
        )
    )


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def draw(choice: FlowChoice, pipelines: Mapping[int, str]) -> None:
    """The chip of the pipeline, where there are several."""
    if len(pipelines) < 2:
        return
    chosen = choice.pipeline_id or next(iter(pipelines))
    with st.popover(f"Pipeline: {filter_bar.short(pipelines[chosen])}", icon=":material/filter_alt:", key="chip_pipe"):
        st.session_state["flow_pipe"] = chosen
        st.radio("Pipeline", list(pipelines), format_func=lambda one: filter_bar.short(pipelines[one]), key="flow_pipe",
                 on_change=lambda: change(pipeline_id=st.session_state["flow_pipe"], part="", fate=""))  # fmt: skip
