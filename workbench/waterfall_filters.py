"""What the page Pipeline changes asks beside the filters of all: a value that stands in the URL, and its chips.

`?closes=quarter&pipe=3&swings=0&part=won`. It lives in the session, and a URL that names any of it wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from insights.forecast_period import quarter_of
from insights.waterfall import Cause
from workbench import filter_bar, formats
from workbench.url_choice import UrlChoice, ids
from workbench.view import View

PARAMETERS: Final = ("closes", "pipe", "swings", "part")
CLOSES: Final[Mapping[str, str]] = {
    "": "any time",
    "quarter": "this quarter",
    "next": "next quarter",
    "both": "this and next quarter",
}
ENDS: Final = ("start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallChoice:
    """closes: of CLOSES, counted from the last day. has_swings: what was done and taken back between counts. part:
    whose deals are listed."""

    closes: str = ""
    pipeline_ids: tuple[int, ...] = ()
    has_swings: bool = True
    part: str = "end"

    @property
    def is_narrowed(self) -> bool:
        return bool(self.closes or self.pipeline_ids)

    def window(self, view: View) -> tuple[date, date] | None:
        """First and last close date."""
        if not self.closes:
            return None
        first, last = quarter_of(view.period.last, year_begins=view.choices.year_begins)
        next_first, next_last = quarter_of(last + timedelta(days=1), year_begins=view.choices.year_begins)
        return {"quarter": (first, last), "next": (next_first, next_last), "both": (first, next_last)}[self.closes]


def from_url(params: Mapping[str, Sequence[str]]) -> WaterfallChoice:
    """What a URL asks for; what cannot be read is left out."""
    closes, part = (params.get("closes") or [""])[-1], (params.get("part") or ["end"])[-1]
    return WaterfallChoice(
        closes=closes if closes in CLOSES else "",
        pipeline_ids=ids(params.get("pipe", ())),
        has_swings="0" not in params.get("swings", ()),
        part=part if part in {*Cause, *ENDS} else "end",
    )


def to_url(choice: WaterfallChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "closes": [choice.closes] if choice.closes else [],
        "pipe": [str(one) for one in choice.pipeline_ids],
        "swings": [] if choice.has_swings else ["0"],
        "part": [choice.part] if choice.part != "end" else [],
    }
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("waterfall_choice", PARAMETERS, from_url, to_url, WaterfallChoice())


def adopt(pipeline_ids: Sequence[int]) -> WaterfallChoice:
    """The choice of this run, without pipelines that are not there."""
    return _CHOICE.adopt(
        lambda choice: replace(choice, pipeline_ids=tuple(one for one in choice.pipeline_ids if one in pipeline_ids))
    )


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """Any close date, every pipeline."""
    change(closes="", pipeline_ids=())


def draw(view: View, choice: WaterfallChoice, pipelines: Mapping[int, str]) -> None:
    """The chips."""
    _closes(view, choice)
    if len(pipelines) > 1:
        _pipelines(choice, pipelines)
    _swings(choice)


def _closes(view: View, choice: WaterfallChoice) -> None:
    with st.popover(f"Closes: {CLOSES[choice.closes]}", icon=":material/event:", key="chip_closes"):
        st.session_state["wf_closes"] = choice.closes
        st.radio("Deals that are to close", list(CLOSES), format_func=lambda one: CLOSES[one].capitalize(),
                 key="wf_closes", on_change=lambda: change(closes=st.session_state["wf_closes"]))  # fmt: skip
        window = choice.window(view)
        st.caption(
            "Choose a quarter to see what was pulled into it and pushed out of it."
            if window is None
            else f"Close dates of {formats.day_range(*window)}. Deals without one are left out."
        )


def _pipelines(choice: WaterfallChoice, pipelines: Mapping[int, str]) -> None:
    names = [pipelines[one] for one in choice.pipeline_ids]
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    label = f"Pipeline: {filter_bar.short(names[0])}{more}" if names else "Pipeline: all"
    with st.popover(label, icon=":material/filter_alt:", key="chip_pipe"):
        st.session_state["wf_pipe"] = list(choice.pipeline_ids)
        st.multiselect(
            "Pipeline", list(pipelines), format_func=pipelines.__getitem__, key="wf_pipe", placeholder="All pipelines",
            width=280, on_change=lambda: change(pipeline_ids=tuple(sorted(st.session_state["wf_pipe"]))),
        )  # fmt: skip


def _swings(choice: WaterfallChoice) -> None:
    label = "With swings" if choice.has_swings else "Without swings"
    with st.popover(label, icon=":material/swap_vert:", key="chip_swings"):
        st.session_state["wf_swings"] = choice.has_swings
        st.toggle("With swings", key="wf_swings", on_change=lambda: change(has_swings=st.session_state["wf_swings"]))
        st.caption(
            "On: every change between the two days counts. Off: only the two days are compared, so that what a deal "
            "did and took back, and deals that were open only between, are left out."
        )
