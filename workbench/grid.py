"""AgGrid in our clothes: theme, cell renderers, and grids built from the same columns as the exports.

The renderers are JavaScript classes that build nodes with `textContent`; no text of a record is ever put into code.
Which text a cell shows is made by `formats`, and travels beside the value that it sorts by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st
from st_aggrid import AgGrid, DataReturnMode, JsCode, StAggridTheme

from insights.charts import FONT, Palette
from workbench import tokens
from workbench.columns import Column, ColumnKind, texts
from workbench.lead_words import visible

MISSING_CLASS: Final = "slms-missing"
ROW_HEIGHT: Final = 40
HEADER_HEIGHT: Final = 36
BORDERS: Final = 3
"""Of the frame, and the line below the header: with a pixel less, every list could be scrolled by it."""
SCROLLBAR_HEIGHT: Final = 15
PAGE_WIDTH: Final = 980
"""What a list has on a screen of 1280. Where its columns need more, it stands over a scroll bar that takes room."""
DIGIT_PX: Final = 7.2
"""About how wide a digit of a cell is."""

_CLASS = """class Cell {
  init(p) {
    this.e = document.createElement('div');
    this.e.style.cssText = 'display:flex;align-items:center;height:%hpx;gap:8px;min-width:0';
    this.draw(p);
  }
  getGui() { return this.e; }
  refresh(p) { this.e.replaceChildren(); this.draw(p); return true; }
  add(tag, css, text) {
    const node = document.createElement(tag);
    node.style.cssText = css;
    if (text !== undefined && text !== null) node.textContent = text;
    this.e.appendChild(node);
    return node;
  }
  draw(p) { const row = p.data || {}, field = p.colDef.field, e = this.e; %s }
}"""


def _renderer(body: str) -> JsCode:
    # A cell's inner height is its row's without the line below; "100%" would be that of the text.
    return JsCode(_CLASS.replace("%h", str(ROW_HEIGHT - 2)).replace("%s", body))


def _clip(css: str) -> str:
    return f"{css};overflow:hidden;text-overflow:ellipsis;white-space:nowrap"


def _line() -> str:
    return f"height:{ROW_HEIGHT - 2}px;line-height:{ROW_HEIGHT - 2}px"


def _quiet(palette: Palette) -> str:
    return f"color:{palette.faint};font-size:11.5px"


def name_renderer(palette: Palette) -> JsCode:
    """A name, and beside it a quiet second text (`<field>__note`)."""
    return _renderer(
        # Where the note has no room it wraps below the cell's edge, and so is not seen.
        "Object.assign(e.style, {flexWrap: 'wrap', overflow: 'hidden'});"
        f"this.add('span', '{_clip(f'font-weight:550;flex:none;max-width:100%;{_line()}')}', p.value);"
        f"const note = row[field + '__note'];"
        f"if (note) this.add('span', '{_clip(f'{_quiet(palette)};flex:1 0 52px;width:0;{_line()}')}', note);"
    )


def mark_renderer(palette: Palette) -> JsCode:
    """A word behind a mark (`<field>__mark`) in a colour of the palette (`<field>__color`)."""
    return _renderer(
        "const color = 'flex:none;width:13px;color:' + row[field + '__color'];"
        "this.add('span', color, row[field + '__mark']).setAttribute('aria-hidden', 'true');"
        f"this.add('span', '{_clip('')}', row[field + '__text']);"
    )


def rate_renderer(palette: Palette) -> JsCode:
    """A rate with its n; pale where `<field>__few`, because a rate of few cases says little."""
    return _renderer(
        "e.style.justifyContent = 'flex-end';"
        f"const few = row[field + '__few'] ? 'color:{palette.faint}' : '';"
        "this.add('span', few, row[field + '__text']);"
        f"this.add('span', '{_quiet(palette)};min-width:40px;text-align:right', row[field + '__note']);"
    )


def stacked_renderer(palette: Palette, *, is_right: bool = True) -> JsCode:
    """A text and a quiet one (`<field>__note`) below it; what `<field>__tip` says is told where the mouse is."""
    side = "flex-end" if is_right else "flex-start"
    return _renderer(
        f"Object.assign(e.style, {{flexDirection: 'column', alignItems: '{side}', justifyContent: 'center', gap: 0}});"
        "const tip = row[field + '__tip']; if (tip) e.title = tip;"
        f"this.add('span', '{_clip('line-height:17px;max-width:100%')}', row[field + '__text']);"
        f"const note = row[field + '__note'];"
        f"if (note) this.add('span', '{_clip(f'{_quiet(palette)};line-height:15px;max-width:100%')}', note);"
    )


def money_renderer(palette: Palette) -> JsCode:
    """The largest amount, and how many further currencies stand beside it; the tooltip names them all."""
    return _renderer(
        "e.style.justifyContent = 'flex-end'; const parts = String(row[field + '__text'] || '').split(' + ');"
        "this.add('span', '', parts[0]);"
        f"if (parts.length > 1) this.add('span', 'color:{palette.faint};font-size:11.5px', '+' + (parts.length - 1));"
    )


def sparkline_renderer(palette: Palette) -> JsCode:
    """13 weeks as a line with a dot at its end; from a list of numbers."""
    return _renderer(f"""
    const values = (p.value || []).map(Number), N = 'http://www.w3.org/2000/svg';
    if (values.length < 2) {{ this.add('span', 'color:{palette.faint}', '–'); return; }}
    const node = (tag, attributes) => {{
      const made = document.createElementNS(N, tag);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      return made;
    }};
    const hi = Math.max(...values), lo = Math.min(...values), span = hi - lo || 1;
    const y = v => hi === lo ? 12 : 21 - (v - lo) / span * 18;
    const at = values.map((v, i) => [(i * 90 / (values.length - 1) + 1).toFixed(1), y(v).toFixed(1)]);
    const color = hi === lo ? '{palette.ghost}' : '{palette.primary}', end = at[at.length - 1];
    const svg = node('svg', {{ width: 96, height: 24, role: 'img', 'aria-label': values.join(', ') }});
    svg.style.cssText = 'display:block;flex:none';
    svg.append(
      node('polyline', {{ points: at.map(q => q.join(',')).join(' '), fill: 'none', stroke: color,
                          'stroke-width': 1.6, 'stroke-linejoin': 'round' }}),
      node('circle', {{ cx: end[0], cy: end[1], r: 2.4, fill: color }}));
    e.appendChild(svg);""")


def text_formatter() -> JsCode:
    """Shows the text that travels beside the value."""
    return JsCode(
        "function(p) { const t = p.data && p.data[p.colDef.field + '__text']; return t === undefined ? p.value : t; }"
    )


_SORT_MISSING_LAST = JsCode(
    """function(a, b, nodeA, nodeB, isDescending) {
      if (a === b) return 0;
      if (a === null || a === undefined) return isDescending ? -1 : 1;
      if (b === null || b === undefined) return isDescending ? 1 : -1;
      return typeof a === 'string' ? a.localeCompare(b) : a - b;
    }"""
)
_FIT_WIDTH = JsCode(
    """function(e) {
      const width = window.innerWidth, trend = e.api.getColumn('trend');
      const pinned = (e.api.getAllGridColumns() || []).find(column => column.isPinned());
      if (pinned) e.api.setColumnWidths([{ key: pinned, newWidth: width < 640 ? 140 : width < 900 ? 200 : 270 }]);
      if (trend) e.api.setColumnsVisible([trend], width >= 900);
    }"""
)
"""On a narrow screen the name gives room to the numbers, and the small lines go first."""
_OPEN_BY_ENTER = JsCode(
    """function(e) {
      if (e.event && e.event.key === 'Enter' && e.node) { e.event.preventDefault(); e.node.setSelected(true, true); }
    }"""
)


def column_definition(column: Column, **extra: Any) -> dict[str, Any]:
    """One column of the grid: numbers right, text left, missing values last in either order."""
    definition: dict[str, Any] = {
        "field": column.field,
        "headerName": column.title,
        "valueFormatter": text_formatter(),
        "comparator": _SORT_MISSING_LAST,
        "flex": column.width,
        "minWidth": _least_width(column),
        "cellClassRules": {MISSING_CLASS: JsCode("function(p) { return p.value === null || p.value === undefined }")},
    }
    if column.help:
        definition["headerTooltip"] = column.help
    if column.kind is ColumnKind.TEXT:
        definition["tooltipField"] = f"{column.field}__text"
    if column.is_number:
        definition |= {"type": "rightAligned", "sortingOrder": ["desc", "asc", None]}
    return definition | extra


def room_for(rows: pd.DataFrame, column: Column) -> dict[str, int]:
    """The width that numbers and dates need so that none of these rows is cut: half a number is a wrong one."""
    if rows.empty or not (column.is_number or column.kind in {ColumnKind.DATE, ColumnKind.TIME}):
        return {}
    longest = int(rows[f"{column.field}__text"].str.len().max())
    return {"minWidth": max(_least_width(column), round(longest * DIGIT_PX) + 26)}


def _least_width(column: Column) -> int:
    of_title = round(len(column.title) * 7) + 28
    return max(of_title, round((80 if column.is_number else 84) * column.width))


def rows_for(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The frame as the grid wants it: per column the value to sort by and, as `<field>__text`, what is shown."""
    data: dict[str, list[Any]] = {}
    for column in columns:
        values = frame[column.field] if column.field in frame else pd.Series([None] * len(frame))
        if column.kind in {ColumnKind.DATE, ColumnKind.TIME}:
            data[column.field] = [None if pd.isna(value) else pd.Timestamp(value).isoformat() for value in values]
        else:
            data[column.field] = [None if _is_scalar_missing(value) else value for value in values]
        data[f"{column.field}__text"] = texts(frame, column)
    return pd.DataFrame(data, dtype=object)


def _is_scalar_missing(value: Any) -> bool:
    return value is None or (not isinstance(value, list | tuple) and bool(pd.isna(value)))


def theme(palette: Palette, *, dark: bool) -> StAggridTheme:
    return StAggridTheme(base="quartz").withParams(
        fontFamily=FONT,
        fontSize=13,
        headerFontSize=12,
        headerFontWeight=500,
        backgroundColor=palette.bg,
        foregroundColor=palette.ink,
        headerBackgroundColor=palette.header,
        headerTextColor=palette.muted,
        borderColor=palette.border,
        rowBorder=f"1px solid {palette.grid}",
        columnBorder="none",
        wrapperBorder=f"1px solid {palette.border}",
        wrapperBorderRadius=8,
        accentColor=palette.primary,
        rowHoverColor=palette.hover,
        selectedRowBackgroundColor=palette.soft,
        oddRowBackgroundColor=palette.bg,
        spacing=7,
        cellHorizontalPadding=12,
        rowHeight=ROW_HEIGHT,
        headerHeight=HEADER_HEIGHT,
        headerColumnResizeHandleColor="transparent",
        headerColumnBorder="none",
        browserColorScheme="dark" if dark else "light",
        iconSize=14,
    )


def _css(palette: Palette, base_path: str, *, opens: bool) -> dict[str, dict[str, str]]:
    css = {
        **_font_faces(base_path),
        ".ag-right-aligned-cell": {"font-feature-settings": "'tnum'"},
        "body": {"background": "transparent !important"},
        f".{MISSING_CLASS}": {"color": palette.faint},
        # The frame stands below the last row already.
        ".ag-row-last": {"border-bottom": "none !important"},
        ".ag-floating-bottom .ag-row": {"font-weight": "600"},
    }
    return css | ({".ag-row": {"cursor": "pointer"}} if opens else {})


def _font_faces(base_path: str) -> dict[str, dict[str, str]]:
    """The page's own fonts, for the grid's frame. Keys are selectors: spaces make each a rule of its own."""
    return {
        f"@font-face{' ' * n}": {
            "font-family": f"'{face['family']}'",
            "src": f"url('{base_path}/{face['url']}') format('woff2')",
            "font-weight": str(face["weight_range"]),
            "unicode-range": str(face["unicodeRange"]),
        }
        for n, face in enumerate(st.get_option("theme.fontFaces") or ())
    }


def options(definitions: Sequence[Mapping[str, Any]], *, opens: bool) -> dict[str, Any]:
    """Grid options. opens: rows can be opened, by a click or by Enter on one of their cells."""
    chosen: dict[str, Any] = {
        "columnDefs": list(definitions),
        "defaultColDef": {
            "resizable": True,
            "sortable": True,
            "suppressHeaderMenuButton": True,
            "suppressMovable": True,
        },
        "suppressCellFocus": False,
        "animateRows": False,
        "enableCellTextSelection": True,
        "ensureDomOrder": True,
        "tooltipShowDelay": 300,
        "tooltipShowMode": "whenTruncated",
    }
    if opens:
        chosen["rowSelection"] = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}
        chosen["onCellKeyDown"] = _OPEN_BY_ENTER
        chosen["onGridSizeChanged"] = chosen["onFirstDataRendered"] = _FIT_WIDTH
    return chosen


def height_of(n_rows: int, definitions: Sequence[Mapping[str, Any]]) -> int:
    """Pixels in which all rows stand, none of them half behind a scroll bar."""
    width = sum(int(one.get("width") or one["minWidth"]) for one in definitions)
    return HEADER_HEIGHT + ROW_HEIGHT * max(n_rows, 1) + BORDERS + (SCROLLBAR_HEIGHT if width > PAGE_WIDTH else 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person did with a grid. selected: the row that was opened. shown: the rows in the order shown."""

    selected: Mapping[str, Any] | None
    shown: Sequence[Mapping[str, Any]]


def draw(
    rows: pd.DataFrame, definitions: Sequence[Mapping[str, Any]], *, key: str, opens: bool = False,
    max_height: int | None = None, total: Mapping[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """Draws the grid. The answer is empty until somebody opens or sorts. total: a row that stays below all others."""
    height = height_of(len(rows) + (total is not None), definitions)
    base_path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    returned = AgGrid(
        rows.map(lambda one: visible(one) if isinstance(one, str) else one),
        gridOptions=options(definitions, opens=opens)
        | ({} if total is None else {"pinnedBottomRowData": [dict(total)]}),
        theme=theme(tokens.palette(), dark=tokens.is_dark()),
        custom_css=_css(tokens.palette(), f"/{base_path}" if base_path else "", opens=opens),
        height=min(height, max_height) if max_height else height,
        allow_unsafe_jscode=True,
        data_return_mode=DataReturnMode.FILTERED_AND_SORTED,
        update_on=["selectionChanged", "sortChanged"] if opens else [],
        key=f"{key}_{'dark' if tokens.is_dark() else 'light'}",
        show_toolbar=False,
        use_json_serialization=True,
        # Else a list that somebody saw keeps its first rows, whatever the filters say.
        server_sync_strategy="server_wins",
    )
    return Answer(next(iter(_records(returned.selected_rows)), None), _records(returned.data))


def _records(found: object) -> list[Mapping[Any, Any]]:
    # Before anybody did anything, AgGrid hands back what it was sent: text, not a frame.
    return [dict(row) for _, row in found.iterrows()] if isinstance(found, pd.DataFrame) else []
