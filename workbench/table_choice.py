"""Which cards of a page stand as tables: `?table=on&table=cohort`, so that a link shows a colleague the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from workbench.url_choice import UrlChoice

PARAMETER: Final = "table"


@dataclass(frozen=True, slots=True)
class Shown:
    """cards: those that stand as tables."""

    cards: tuple[str, ...] = ()


class Tables:
    """The cards of one page that can stand as tables, as the URL names them."""

    def __init__(self, page: str, *cards: str) -> None:
        self.cards = cards
        self._choice = UrlChoice(f"{page}_tables", (PARAMETER,), self.read, write, Shown())

    def toggle(self, card: str, *, key: str) -> bool:
        """Draws the switch of a card. Whether it stands as a table."""
        is_shown = card in self._choice.adopt().cards
        # Told only where it differs: what is told wins over a click that comes while the page is drawn.
        if st.session_state.get(key, False) != is_shown:
            st.session_state[key] = is_shown
        return st.toggle("Table", key=key, on_change=self._on_toggle, args=(card, key))

    def read(self, params: Mapping[str, Sequence[str]]) -> Shown:
        """What a URL asks for, without what is no card of the page."""
        asked = params.get(PARAMETER, ())
        return Shown(tuple(one for one in self.cards if one in asked))

    def _on_toggle(self, card: str, key: str) -> None:
        shown = {*self._choice.kept().cards} - {card} | ({card} if st.session_state[key] else set())
        self._choice.change(cards=tuple(one for one in self.cards if one in shown))


def write(shown: Shown) -> dict[str, list[str]]:
    """The query parameters that bring it back."""
    return {PARAMETER: list(shown.cards)} if shown.cards else {}
