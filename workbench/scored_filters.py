"""What the list of scored leads is narrowed by beside team, owner and source: bands, a least score, words.

It stands in the URL (`?band=hot&least=60&find=ada`) and lives in the session, as the filters of received leads do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from snapshots.scored_rows import ScoreFilter
from workbench import filter_bar, score_words
from workbench.filters import Filters
from workbench.url_choice import UrlChoice
from workbench.view import View

PARAMETERS: Final = ("band", "least", "find")
HIGHEST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredChoice:
    """No bands mean all. least: the least score that is shown, 0: any."""

    bands: tuple[str, ...] = ()
    least: int = 0
    search: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.bands or self.least or self.search)

    def wanted(self, filters: Filters) -> ScoreFilter:
        """The same as the database is asked."""
        return ScoreFilter(
            bands=self.bands, owner_ids=filters.owner_ids, team_ids=filters.team_ids, sources=filters.sources,
            least_score=float(self.least) if self.least else None, search=self.search,
        )  # fmt: skip


def from_url(params: Mapping[str, Sequence[str]]) -> ScoredChoice:
    """What a URL asks for; what cannot be read is left out."""
    least = [int(text) for text in params.get("least", ()) if text.isascii() and text.isdigit() and len(text) < 4]
    words = [text.strip() for text in params.get("find", ())]
    return ScoredChoice(
        bands=tuple(band for band in score_words.BANDS if band in params.get("band", ())),
        least=min(least[-1], HIGHEST) if least else 0, search=words[-1] if words else "",
    )  # fmt: skip


def to_url(choice: ScoredChoice) -> dict[str, list[str]]:
    params = {
        "band": list(choice.bands), "least": [str(choice.least)] if choice.least else [],
        "find": [choice.search] if choice.search else [],
    }  # fmt: skip
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("scored_choice", PARAMETERS, from_url, to_url, ScoredChoice())


def adopt() -> ScoredChoice:
    """The choice of this run."""
    return _CHOICE.adopt()


def leave() -> None:
    """The URL says nothing of a list that is not looked at."""
    _CHOICE.leave()


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """All of them again, whoever owns them."""
    _CHOICE.clear()
    filter_bar.clear()


def draw(view: View, choice: ScoredChoice) -> None:
    """The chips, beside the organization's."""
    filter_bar.whose(view.filters, view.choices)
    labels = [score_words.BANDS[band] for band in choice.bands]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    with st.popover(f"Band: {labels[0] if labels else 'all'}{more}", icon=":material/local_fire_department:",
                    key="chip_band"):  # fmt: skip
        st.session_state["scored_bands"] = list(choice.bands)
        st.pills("Band", list(score_words.BANDS), format_func=score_words.BANDS.__getitem__, selection_mode="multi",
                 key="scored_bands", on_change=_on_bands)  # fmt: skip
    with st.popover(f"Score: {f'from {choice.least}' if choice.least else 'any'}", icon=":material/trending_up:",
                    key="chip_least"):  # fmt: skip
        st.session_state["scored_least"] = choice.least
        st.slider("Least score", 0, HIGHEST, key="scored_least", on_change=_on_least, help=score_words.ABOUT, width=280)
    if choice.is_narrowed or view.filters.is_narrowed:
        st.button("Clear", type="tertiary", icon=":material/close:", on_click=clear, key="scored_clear")


def _on_bands() -> None:
    chosen = st.session_state["scored_bands"]
    change(bands=tuple(band for band in score_words.BANDS if band in chosen))


def _on_least() -> None:
    change(least=int(st.session_state["scored_least"]))
