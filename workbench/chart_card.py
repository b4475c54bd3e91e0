"""A chart as a card: its title, the choice of what it shows, its table, its export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from insights import charts
from workbench import cards, data, export, formats, tables, tokens
from workbench.content import Trend
from workbench.filters import COMPARISONS
from workbench.table_choice import Tables
from workbench.view import View

EMPTY_HEIGHT: Final = 170


def _picked(trends: Sequence[Trend], key: str) -> Trend:
    """The one that was chosen, else the first that has something to show."""
    by_key = {trend.key: trend for trend in trends}
    default = next((trend for trend in trends if not _is_nothing(trend)), trends[0])
    return by_key.get(str(st.session_state.get(f"{key}_measure"))) or default


def trends(found: Sequence[Trend], view: View, *, key: str, height: int = 270, choice: Tables | None = None) -> None:
    """A card with one of several measures over time; the title says which, the table view shows its numbers. choice:
    has whether it stands as a table in the URL, by `key`."""
    trend = _picked(found, key)
    with cards.titled(trend.title, trend.note):
        if len(found) > 1:
            names = {one.key: one.label for one in found}
            st.segmented_control(
                "Measure", list(names), format_func=names.__getitem__, default=trend.key, required=True,
                label_visibility="collapsed", key=f"{key}_measure",
            )  # fmt: skip
        as_table = False
        if not _is_nothing(trend):
            with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
                name = f"{key}_table"
                as_table = st.toggle("Table", key=name) if choice is None else choice.toggle(key, key=name)
                export.menu(lambda: trend.frame, trend.columns, name=f"{trend.key}-per-week", key=f"{key}_{trend.key}")
    if as_table:
        with st.container(height=height + 8, border=False):
            tables.plain(trend.frame, trend.columns, caption=trend.title)
    else:
        st.altair_chart(
            _chart(trend, view, height),
            height="content" if _is_nothing(trend) else "stretch",
            key=f"{key}_chart_{trend.key}",
            alt=alt_text(trend, data.moves(view)),
            theme=None,
        )


def _chart(trend: Trend, view: View, height: int) -> charts.Chart:
    palette = tokens.palette()
    if _is_nothing(trend):
        return charts.empty(palette, reason=trend.nothing, height=min(height, EMPTY_HEIGHT))
    earlier = "Previous" if view.filters.comparison == "prev" else COMPARISONS[view.filters.comparison].capitalize()
    if "high" in trend.frame:
        return charts.baseline(trend.frame, palette, measure=trend.measure, marks=data.moves(view), height=height)
    return charts.trend(
        trend.frame,
        palette,
        measure=trend.measure,
        names=("This period", earlier),
        partial_from=trend.partial_from,
        marks=data.moves(view),
        height=height,
    )


def _is_nothing(trend: Trend) -> bool:
    """A line along the bottom tells less than the sentence that says so."""
    lines = [trend.frame[name] for name in ("value", "comparison", "high") if name in trend.frame]
    return not any((line.fillna(0) != 0).any() for line in lines)


def alt_text(trend: Trend, marks: Sequence[charts.Mark] = ()) -> str:
    """The chart in a sentence or two, for those who cannot see it."""
    values = trend.frame["value"].dropna()
    if _is_nothing(trend):
        return f"{trend.title}: {trend.nothing}"
    written = trend.measure.written
    best = trend.frame.loc[values.idxmax(), "day"]
    return (
        f"{trend.title}: {len(values)} steps, from {written(values.iloc[0])} to {written(values.iloc[-1])}, "
        f"highest {written(values.max())} in the step from {best:%-d %B %Y}. {_said_of(trend, marks)}"
        "The table view lists all values."
    )


def _said_of(trend: Trend, marks: Sequence[charts.Mark]) -> str:
    shown = charts.shown_marks(marks, trend.frame["day"])
    return "".join(f"{mark.label} on {formats.day(mark.day)}. " for mark in shown)
