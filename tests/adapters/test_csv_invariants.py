"""What holds for any table of deals, however it is written."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.csv_export import CsvExport, ExportMapping, guess_mapping, inspect_export
from adapters.csv_export.mapping import ColumnUse, FileMapping
from adapters.records import Kind

NAMES = st.text("abcdefgXYZ éüßñ,;|\t'-.0123456789\n", min_size=1, max_size=12).map(lambda text: f"N {text} e".strip())
DAYS = st.dates(min_value=datetime(1990, 1, 1).date(), max_value=datetime(2069, 12, 31).date())
AMOUNTS = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False)
DEALS = st.lists(
    st.tuples(NAMES, st.sampled_from(["New", "Closed Won", "Closed Lost"]), AMOUNTS, st.none() | DAYS),
    min_size=2,
    max_size=12,
)
ORDERS = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y", "ymd": "%Y-%m-%d"}


@contextmanager
def written(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deals.csv").write_bytes(content)
        yield Path(folder)


def amount_text(amount: Decimal | None, mark: str) -> str:
    text = "" if amount is None else f"{amount:,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if mark == "," else text


def table(deals: list[tuple], delimiter: str, mark: str, order: str) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(["Deal ID", "Deal Name", "Stage", "Amount", "Created"])
    for number, (name, stage, amount, day) in enumerate(deals):
        writer.writerow([f"D{number}", name, stage, amount_text(amount, mark), day and day.strftime(ORDERS[order])])
    return buffer.getvalue()


@settings(max_examples=120, deadline=None)
@given(
    DEALS,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]),
    st.sampled_from([".", ","]),
    st.sampled_from(list(ORDERS)),
)
def test_any_table_of_deals_comes_back_equal(deals: list, delimiter: str, encoding: str, mark: str, order: str) -> None:
    with written(table(deals, delimiter, mark, order).encode(encoding)) as folder:
        guessed = guess_mapping(inspect_export(folder)).files["deals.csv"]
        told = guessed.model_copy(update={"date_order": order, "decimal": mark})  # a person answered what is ambiguous
        adapter = CsvExport(folder, ExportMapping(files={"deals.csv": told}))
        found = [change for page in adapter.changes(Kind.DEAL, None) for change in page.changes]
    assert not list(guessed.columns.keys() ^ {"id", "name", "stage", "amount", "created_at"})
    assert [(deal.external_id, deal.name, deal.stage_id) for deal in found] == [
        (f"D{number}", " ".join(name.split(" ")), stage) for number, (name, stage, _, _) in enumerate(deals)
    ]
    assert [deal.amount_minor for deal in found] == [None if a is None else int(a * 100) for _, _, a, _ in deals]
    assert [deal.created_at and deal.created_at.date() for deal in found] == [day for *_, day in deals]


@settings(max_examples=60, deadline=None)
@given(DEALS, st.sampled_from([".", ","]), st.sampled_from(["dmy", "mdy"]))
def test_styles_that_show_themselves_are_guessed(deals: list, mark: str, order: str) -> None:
    telling = [*deals, ("Tell", "New", Decimal("1234567.89"), datetime(2020, 5, 31).date())] * 2
    with written(table(telling, ";", mark, order).encode()) as folder:
        guessed = guess_mapping(inspect_export(folder)).files["deals.csv"]
    assert (guessed.decimal, guessed.date_order) == (mark, order)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(1, 7), st.lists(st.integers(0, 24), max_size=6))
def test_resuming_from_any_cursor_equals_one_pass(rows: int, page_size: int, bad: list[int]) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    lines = [
        f"{number % 17},Deal {number},Stage {number % 3},{'x' if number in bad else number},{start + timedelta(number)}"
        for number in range(rows)
    ]
    with written("\n".join(["id,name,stage,amount,created", *lines]).encode()) as folder:
        columns = {name: ColumnUse(column=name) for name in ("id", "name", "stage", "amount")}
        mapping = ExportMapping(files={"deals.csv": FileMapping(kind=Kind.DEAL, columns=columns)})
        for kind in (Kind.DEAL, Kind.STAGE):
            pages = list(CsvExport(folder, mapping, page_size=page_size).changes(kind, None))
            assert [page.done for page in pages] == [False] * (len(pages) - 1) + [True]
            for number, page in enumerate(pages):
                rest = list(CsvExport(folder, mapping, page_size=page_size).changes(kind, page.cursor))
                items = [item for later in rest for item in (*later.changes, *later.rejections)]
                assert items == [item for later in pages[number + 1 :] for item in (*later.changes, *later.rejections)]


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400) | st.text("ab1,;\"'\n\r\t|\\\0é\ud800".replace("\ud800", ""), max_size=300).map(str.encode)
)
def test_every_row_of_garbage_is_taken_or_refused(garbage: bytes) -> None:
    with written(b"id,name,stage,amount,created\n1,A,Won,5,2024-01-01\n" + garbage) as folder:
        columns = {name: ColumnUse(column=name) for name in ("id", "name", "stage", "amount")}
        mapping = ExportMapping(files={"deals.csv": FileMapping(kind=Kind.DEAL, columns=columns, delimiter=",")})
        inspect_export(folder)
        adapter = CsvExport(folder, mapping)
        if not all(check.ok for check in adapter.check()):
            return
        [report] = adapter.take_stock()
        pages = list(adapter.changes(Kind.DEAL, None))
    changes = [change for page in pages for change in page.changes]
    refused = [rejection for page in pages for rejection in page.rejections]
    assert report.rows == report.taken + sum(report.rejected.values())
    assert (report.taken, sum(report.rejected.values())) == (len(changes), len(refused))
    assert len({change.external_id for change in changes}) == len(changes)
    assert not any("\0" in str(change.raw.values()) or "\0" in change.external_id for change in changes)


ROWS: dict[str, list[str]] = {
    "good": ["D{n}", "Deal {n}", "Won", "{n}", "2024-01-01", "no"],
    "short": ["D{n}", "Deal {n}"],
    "long": ["D{n}", "Deal {n}", "Won", "1", "2024-01-01", "no", "and", "more"],
    "trailing": ["D{n}", "Deal {n}", "Won", "1", "2024-01-01", "no", "", ""],
    "blank": ["", " ", "", "", "", ""],
    "empty": [],
    "no id": ["", "Deal {n}", "Won", "1", "2024-01-01", "no"],
    "twice": ["D0", "Deal {n}", "Won", "1", "2024-01-01", "no"],
    "bad amount": ["D{n}", "Deal {n}", "Won", "much", "2024-01-01", "no"],
    "bad day": ["D{n}", "Deal {n}", "Won", "1", "2024-13-41", "no"],
    "deleted": ["D{n}", "Deal {n}", "Won", "1", "2024-01-01", "yes"],
    "totals": ["Grand total", "", "", "12", "", ""],
    "a line": ["Confidential"],
    "two lines": ["D{n}", "Deal\n{n}", "Won", "1", "2024-01-01", "no"],
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(sorted(ROWS)), max_size=14), min_size=1, max_size=3),
    st.sampled_from([",", ";"]),
    st.integers(1, 6),
)
def test_of_each_file_every_row_is_taken_or_refused_with_its_line(
    files: list[list[str]], delimiter: str, page_size: int
) -> None:
    """What is counted by hand in the file: rows that are not blank."""
    columns = ["Deal ID", "Deal name", "Stage", "Amount", "Created", "Deleted"]
    mapped = dict(zip(("id", "name", "stage", "amount", "created_at", "deleted"), columns, strict=True))
    mapping = FileMapping(kind=Kind.DEAL, columns={name: ColumnUse(column=column) for name, column in mapped.items()})
    with tempfile.TemporaryDirectory() as folder:
        for number, kinds in enumerate(files):
            with (Path(folder) / f"deals {number}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, delimiter=delimiter)
                writer.writerow(columns)
                rows = [[cell.format(n=f"{number}-{n}") for cell in ROWS[kind]] for n, kind in enumerate(kinds)]
                writer.writerows([["D0", "First", "Won", "1", "2024-01-01", "no"], *rows])
        export = ExportMapping(files={f"deals {number}.csv": mapping for number in range(len(files))})
        adapter = CsvExport(Path(folder), export, page_size=page_size)
        reports = {report.file: report for report in adapter.take_stock()}
        pages = list(adapter.changes(Kind.DEAL, None))
    refused = [rejection for page in pages for rejection in page.rejections]
    for number, kinds in enumerate(files):
        report = reports[f"deals {number}.csv"]
        assert report.rows == 1 + sum(kind not in {"blank", "empty"} for kind in kinds)
        assert report.rows == report.taken + sum(report.rejected.values())
        of_file = [rejection for rejection in refused if rejection.source == report.file]
        assert len(of_file) == sum(report.rejected.values())
        assert all(rejection.line and rejection.line > 1 and rejection.reason for rejection in of_file)
        assert len({rejection.line for rejection in of_file}) == len(of_file)
    assert sum(len(page.changes) for page in pages) == sum(report.taken for report in reports.values())
    assert {deal.external_id for page in pages for deal in page.changes} >= {"D0"}  # type: ignore[union-attr]
