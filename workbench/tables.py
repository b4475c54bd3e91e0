"""Small tables that are only read: semantic HTML with hairlines. Long or sortable ones go to `grid`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from workbench.columns import Column, ColumnKind, texts
from workbench.lead_words import visible

WIDE: Final = 1.3
"""Columns of at least this relative width keep room for a sentence on a narrow screen."""


def markup(frame: pd.DataFrame, columns: Sequence[Column], *, caption: str, tones: pd.DataFrame | None = None) -> str:
    """The table as HTML, every text escaped. caption: read by screen readers.

    tones: as long as `frame`, per column field "bad" or "risk" where a cell needs an eye; it gets a mark, not only a
    colour.
    """
    head = "".join(f'<th scope="col" class="{_align(column)}">{html.escape(column.title)}</th>' for column in columns)
    shown = [texts(frame, column) for column in columns]
    rows = []
    for line in range(len(frame)):
        cells = []
        for column, words in zip(columns, shown, strict=True):
            tone = str(tones[column.field].iloc[line]) if tones is not None and column.field in tones else ""
            is_missing = words[line] == column.missing
            mark = f' slms-{tone}"><span aria-hidden="true">◆ </span>' if tone else f'{" slms-missing" * is_missing}">'
            cells.append(f'<td class="{_align(column)}{mark}{html.escape(words[line])}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    name = html.escape(visible(caption))
    return (
        f'<div class="slms-scroll" tabindex="0" role="region" aria-label="{name}"><table class="slms-table">'
        f"<caption>{name}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _align(column: Column) -> str:
    if column.kind in {ColumnKind.DATE, ColumnKind.TIME}:
        return "slms-when"
    if column.is_number or column.is_right:
        return "slms-number"
    return "slms-text slms-wide" if column.width >= WIDE else "slms-text"


def plain(frame: pd.DataFrame, columns: Sequence[Column], *, caption: str, tones: pd.DataFrame | None = None) -> None:
    st.html(markup(frame, columns, caption=caption, tones=tones))
