"""CSV and XLSX hold exactly what the table shows, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import openpyxl
import pandas as pd
import pytest
from hostile_texts import EVERY
from hypothesis import given
from hypothesis import strategies as st

from workbench import export
from workbench.columns import Column, ColumnKind, for_export, texts

COLUMNS = (
    Column(field="name", title="Deal", missing="Unnamed deal"),
    Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY),
    Column(field="n", title="Deals", kind=ColumnKind.COUNT),
    Column(field="share", title="Win rate", kind=ColumnKind.RATE),
    Column(field="day", title="Created", kind=ColumnKind.DATE),
)
FRAME = pd.DataFrame(
    {
        "deal_id": [7, 8, 9],
        "name": ["Zieliński & Söhne, 東京支社", None, 'with "quotes";\nand a line'],
        "amount_minor": pd.Series([1_234_50, None, -5_000], dtype="Int64"),
        "currency": ["EUR", None, "JPY"],
        "n": [3, 0, -2],
        "share": [0.25, None, 1.0],
        "day": pd.to_datetime(["2026-03-29", None, "2020-02-29"]),
        "secret": ["not", "to be", "seen"],
    }
)
TITLES = ["Deal", "Amount", "Amount currency", "Deals", "Win rate", "Created"]


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> list[list[object]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert len(book.sheetnames) == 1
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def test_a_csv_holds_the_rows_and_columns_shown() -> None:
    found = read_csv(export.as_csv(for_export(FRAME, COLUMNS)))
    assert found == [
        TITLES,
        ["Zieliński & Söhne, 東京支社", "1234.5", "EUR", "3", "0.25", "2026-03-29"],
        ["", "", "", "0", "", ""],
        ['with "quotes";\nand a line', "-5000.0", "JPY", "-2", "1.0", "2020-02-29"],
    ]


def test_an_xlsx_holds_the_same_as_numbers_and_text() -> None:
    found = read_xlsx(export.as_xlsx(for_export(FRAME, COLUMNS)))
    assert found == [
        TITLES,
        ["Zieliński & Söhne, 東京支社", 1234.5, "EUR", 3, 0.25, "2026-03-29"],
        [None, None, None, 0, None, None],
        ['with "quotes";\nand a line', -5000, "JPY", -2, 1, "2020-02-29"],
    ]


def test_amounts_that_share_a_currency_have_it_once_and_end_with_its_smallest_unit() -> None:
    frame = pd.DataFrame({"won": [1_000.4, 5.0], "value": [2_000.6, None], "share": [1 / 3, 0.5],
                          "currency": ["EUR", "JPY"]})  # fmt: skip
    columns = (*(Column(field=one, title=one, kind=ColumnKind.MONEY) for one in ("won", "value")),
               Column(field="share", title="share", kind=ColumnKind.RATE))  # fmt: skip
    assert read_csv(export.as_csv(for_export(frame, columns))) == [
        ["won", "Currency", "value", "share"], ["10.0", "EUR", "20.01", "0.3333"], ["5.0", "JPY", "", "0.5"]
    ]  # fmt: skip


def test_a_csv_says_that_it_is_utf_8() -> None:
    data = export.as_csv(for_export(FRAME, COLUMNS))
    assert data.startswith(b"\xef\xbb\xbf")
    assert "Zieliński".encode() in data
    assert b"\r\n" in data, "as RFC 4180 ends its lines"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\n=", "＝", "＋", "－", "＠", "−", "\x00="])
def test_text_that_would_be_a_formula_is_made_harmless(start: str) -> None:
    frame = pd.DataFrame({f"{start}title": [f"{start}cmd|' /C calc'!A0"]}, dtype=object)
    [header], [cell] = read_csv(export.as_csv(frame))
    assert header[0] == cell[0] == "'"
    assert (header.replace("'", ""), cell.replace("'", "")) == (f"{start}title", f"{start}cmd| /C calc!A0")


@pytest.mark.parametrize("between", [";", ";;", "; ", ';"', "\t", "\n", "\r\n", "\r"])
def test_no_formula_begins_where_another_spreadsheet_would_part_a_cell(between: str) -> None:
    """Opened where lists are parted by semicolons, what stands before a comma or a quote is a cell's own text."""
    text = f"x{between}=cmd|' /C calc'!A0"
    line = export.as_csv(pd.DataFrame({"a": [text]}, dtype=object)).decode("utf-8-sig").partition("\r\n")[2]
    parts = re.split(r"[;\t\r\n]", line.replace('"', ""))
    assert [one for one in parts if one.strip()[:1] in {"=", "+", "-", "@"} and one.strip()] == []
    [_, [cell]] = read_csv(export.as_csv(pd.DataFrame({"a": [text]}, dtype=object)))
    assert cell.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("write", [export.as_csv, export.as_xlsx])
def test_no_hostile_text_is_more_than_text_in_a_file(write: Callable[[pd.DataFrame], bytes]) -> None:
    words = [text for text in EVERY if text.isprintable()]
    data = write(pd.DataFrame({"a": words, words[0]: words}, dtype=object))
    found = read_csv(data) if write is export.as_csv else read_xlsx(data)
    said = [str(cell) for row in found for cell in row]
    assert [cell for cell in said if cell.lstrip()[:1] in set("=+-@＝")] == []
    assert [cell.replace("'", "") for cell in said[2::2]] == [text.replace("'", "") for text in words]
    assert b"<hyperlink" not in data


@given(st.sampled_from(["=1+1", "@SUM(A1)", "+49 151", "-5 %"]))
def test_an_xlsx_writes_text_as_text(text: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(export.as_xlsx(pd.DataFrame({"a": [text]}, dtype=object))))
    cell = book.active["A2"]
    assert (cell.data_type, cell.value) == ("s", f"'{text}")
    assert cell.hyperlink is None


@given(st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_stay_numbers_negative_ones_too(number: float) -> None:
    assert export.neutralized(number) is number
    [_, [cell]] = read_csv(export.as_csv(pd.DataFrame({"a": [number]}, dtype=object)))
    assert float(cell) == number


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40))
def test_any_text_survives_but_for_the_apostrophe(text: str) -> None:
    [_, row] = read_csv(export.as_csv(pd.DataFrame({"a": [text], "b": ["end"]}, dtype=object)))
    assert row[0] in {text, f"'{text}"} or row[0].replace("'", "") == text.replace("'", "")
    assert row[0].startswith("'") or not row[0].lstrip().startswith(("=", "+", "-", "@"))
    assert row[1] == "end"


@pytest.mark.parametrize("write", [export.as_csv, export.as_xlsx])
def test_an_empty_table_has_its_header(write: Callable[[pd.DataFrame], bytes]) -> None:
    data = write(for_export(FRAME.head(0), COLUMNS))
    assert (read_csv(data) if write is export.as_csv else read_xlsx(data)) == [TITLES]


def test_odd_sheet_names_are_no_error() -> None:
    data = export.as_xlsx(pd.DataFrame({"a": [1]}), sheet="open-deals: Q1/Q2 [all]? " * 3)
    assert read_xlsx(data) == [["a"], [1]]


def test_missing_is_written_in_words_on_the_page_and_left_empty_in_the_file() -> None:
    assert texts(FRAME, COLUMNS[0])[1] == "Unnamed deal"
    assert texts(FRAME, COLUMNS[1]) == ["€1,234.50", "–", "−¥5,000"]
    assert for_export(FRAME, COLUMNS)["Deal"].tolist()[1] is None


@pytest.mark.parametrize("missing", [float("nan"), pd.NA, pd.NaT, None])
def test_missing_cells_of_any_frame_are_empty(missing: object) -> None:
    frame = pd.DataFrame({"line": [1, missing], "reason": ["no date", missing]}, dtype=object)
    assert read_csv(export.as_csv(frame))[1:] == [["1", "no date"], ["", ""]]
    assert read_xlsx(export.as_xlsx(frame))[1:2] == [[1, "no date"]]


def test_rejected_rows_of_unlike_files_are_written_side_by_side() -> None:
    rows = [{"id": "1", "amount": "=1+1"}, {"e-mail": "a@example.com"}]
    frame = pd.DataFrame({"line": pd.Series([2, None], dtype="Int64"), "reason": ["bad", "worse"]})
    whole = pd.concat([frame, pd.DataFrame(rows)], axis=1)
    expected = [["line", "reason", "id", "amount", "e-mail"], ["2", "bad", "1", "'=1+1", ""]]
    expected.append(["", "worse", "", "", "a@example.com"])
    assert read_csv(export.as_csv(whole)) == expected
    assert [len(line) for line in read_xlsx(export.as_xlsx(whole))] == [5, 5, 5]
