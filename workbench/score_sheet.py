"""One score with its reasons, what would change it, and what was said before: on a lead's page and in dialogs."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from workbench import cards, formats, places, score_sheet_data, score_words, states, tables
from workbench.lead_words import visible
from workbench.score_sheet_data import Sheet
from workbench.view import View

LEAST_POINTS: Final = 0.5
"""What adds less is no reason to do it."""


def draw(view: View, sheet: Sheet, *, has_title: bool = True) -> None:
    """has_title: False in a dialog, which has its own."""
    current = sheet.current
    by = f"version {current.model_version}" if current.model_version is not None else "points by rule"
    how = "Issued on arrival," if sheet.is_of_arrival else "Issued"
    when = f"{how} {formats.clock(current.scored_at.astimezone(view.zone))}, {by}"
    if has_title:
        cards.title("Score", when)
    else:
        st.caption(when)
    st.html(score_words.standing(current.score, current.band, current.probability, current.base_rate,
                                 subject=sheet.subject))  # fmt: skip
    if sheet.subject == "deal":
        _deal(sheet)
    if current.reasons:
        st.html(score_words.bars(current.reasons, current.score))
    with states.loading(60):
        further = score_sheet_data.further(view, sheet)
    if not current.reasons and further.reasons:
        total = sum(float(one["points"]) for one in further.reasons)
        st.html(score_words.bars(further.reasons, total))
        st.caption("The reasons are of now: with so many open ones they are made when somebody looks.")
    _options(further.options)
    _history(view, sheet)


def _deal(sheet: Sheet) -> None:
    current = sheet.current
    facts = [("Expected close", score_sheet_data.dates(current))]
    if current.expected_minor is not None:
        expected = formats.money_full(current.expected_minor, current.currency)
        facts.append(("Amount × chance × share decided at that age", expected))
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts)
    st.html(f'<dl class="slms-facts">{rows}</dl>')


def _options(options: Sequence[Mapping[str, Any]]) -> None:
    better = [one for one in options if float(one["points"]) >= LEAST_POINTS]
    if not better:
        if options:
            st.caption("Nothing that somebody can do now would add a point, as far as the model knows.")
        return
    rows = "".join(
        f"<li><span>{html.escape(visible(str(one['action'])))}</span>"
        f'<span class="slms-number">{score_words.points(float(one["points"]))}</span></li>'
        for one in better
    )
    st.html(f'<div class="slms-options"><b>What would change it</b><ul>{rows}</ul></div>')
    st.caption("By what was seen in the past; that doing it now has the same effect is not proven.")


def _history(view: View, sheet: Sheet) -> None:
    if len(sheet.history) < 2 and sheet.current.outcome is None:
        return
    st.html('<p class="slms-before">Before <span>Scores as they were issued, and what came of them</span></p>')
    tables.plain(
        score_sheet_data.history_table(sheet, view), score_sheet_data.HISTORY_COLUMNS, caption="Earlier scores"
    )


def lab_link(view: View, subject: str) -> None:
    """The way to what proves the score."""
    st.page_link(places.MODEL_LAB, label="Model lab", icon=":material/science:",
                 query_params=places.link(view.filters, subject=subject))  # fmt: skip
