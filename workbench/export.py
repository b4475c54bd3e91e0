"""CSV and XLSX of exactly what a table shows. Text that a spreadsheet would run as a formula is made harmless."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from workbench.columns import Column, for_export
from workbench.formats import is_missing

# OWASP's list, and the full-width forms that Excel folds to the same characters in Japanese and Chinese locales.
_FORMULA_START = re.compile(r"^[\s\u0000]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20\u2212]")
# Where lists are parted by semicolons, a spreadsheet begins a cell after each one, and a row after each end of a line,
# whatever is quoted.
_FORMULA_WITHIN = re.compile(r"([;\t\r\n])(?=[\s\u0000\"]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212])")


def neutralized(value: object) -> object:
    """`value`, with an apostrophe before text that a spreadsheet would take for a formula. Numbers stay numbers."""
    if isinstance(value, str) and _FORMULA_START.match(value):
        return f"'{value}"
    return value


def neutralized_within(value: object) -> object:
    """As `neutralized`, and before what would begin a cell after a semicolon or the end of a line, too."""
    return _FORMULA_WITHIN.sub(r"\1'", neutral) if isinstance(neutral := neutralized(value), str) else neutral


def as_csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 with a byte order mark, which Excel needs to see that it is UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([neutralized_within(str(title)) for title in frame.columns])
    for row in frame.itertuples(index=False):
        writer.writerow(["" if is_missing(value) else neutralized_within(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(frame: pd.DataFrame, *, sheet: str = "Export") -> bytes:
    """One sheet with a header row; text is always written as text, so nothing becomes a formula or a link."""
    import xlsxwriter

    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(target, options) as book:
        page = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", sheet)[:31])
        bold = book.add_format({"bold": True})
        for position, title in enumerate(frame.columns):
            page.write_string(0, position, str(neutralized(str(title))), bold)
        for line, row in enumerate(frame.itertuples(index=False), start=1):
            for position, value in enumerate(row):
                _write(page, line, position, value)
        page.freeze_panes(1, 0)
    return target.getvalue()


def _write(page: object, line: int, position: int, value: object) -> None:
    if is_missing(value):
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        page.write_number(line, position, value)  # type: ignore[attr-defined]
    else:
        page.write_string(line, position, str(neutralized(str(value))))  # type: ignore[attr-defined]


def menu(load: Callable[[], pd.DataFrame], columns: Sequence[Column], *, name: str, key: str, note: str = "") -> None:
    """The export button of a table: a popover with CSV and XLSX.

    load: the rows as shown; asked only when somebody downloads. name: file name without its ending.
    """
    raw_menu(lambda: for_export(load(), columns), name=name, key=key, note=note)


def raw_menu(load: Callable[[], pd.DataFrame], *, name: str, key: str, note: str = "") -> None:
    """As `menu`, for a frame whose columns are already what people read."""
    file_name = re.sub(r"[^\w.-]+", "-", name).strip("-").lower()
    with st.popover("Export", icon=":material/download:", key=f"{key}_export"):
        if note:
            st.caption(note)
        _button("CSV", lambda: as_csv(load()), f"{file_name}.csv", "text/csv", key=f"{key}_csv")
        _button("Excel (XLSX)", lambda: as_xlsx(load(), sheet=name), f"{file_name}.xlsx", _XLSX, key=f"{key}_xlsx")


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _button(label: str, make: Callable[[], bytes], file_name: str, kind: str, *, key: str) -> None:
    icon = ":material/csv:" if kind == "text/csv" else ":material/table:"
    st.download_button(label, make, file_name, kind, key=key, icon=icon, on_click="ignore", width="stretch")
