"""What an export holds, before anybody says what it means: files, how they are written, columns and their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from adapters.csv_export.amounts import has_currency, is_number
from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.cell_words import MISSING
from adapters.csv_export.file_names import DICTIONARY_COLUMNS
from adapters.csv_export.moments import is_moment
from adapters.csv_export.spelling import key, words
from adapters.csv_export.tables import Layout, NotATable, TableFile, find_layout, rows, table_files
from adapters.csv_export.values import is_email, is_phone, parse_boolean

SAMPLE_ROWS = 20_000
_KEPT_VALUES = 20_000  # distinct values of one column that are kept for finding joins
_JUDGED_VALUES = 400
_COUNTED_BYTES = 64 << 20

ColumnType = Literal["empty", "boolean", "number", "money", "date", "email", "phone", "choice", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its first rows. filled: share of rows with a value; distinct: different values (counted up to a
    limit); values: how often each occurs, in order of appearance."""

    name: str
    index: int
    filled: float
    distinct: int
    type: ColumnType
    values: Counter[str]
    rows: int

    @property
    def samples(self) -> tuple[str, ...]:
        return tuple(islice(self.values, 5))

    @property
    def is_unique(self) -> bool:
        return self.filled == 1.0 and self.distinct == self.rows > 0

    @property
    def repeats(self) -> float:
        """Rows per different value."""
        return self.filled * self.rows / self.distinct if self.distinct else 0.0

    def keys(self) -> set[str]:
        return {key(value) for value in self.values}


@dataclass(frozen=True, slots=True)
class FileInspection:
    """A file of the export. left_out: why it is not imported, None for a table. row_count: None where counting a large
    file would take long."""

    name: str
    size: int
    left_out: str | None = None
    layout: Layout | None = None
    columns: tuple[Column, ...] = ()
    sample: tuple[tuple[str, ...], ...] = ()
    row_count: int | None = None

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Inspection:
    """All files of an export. descriptions: (column, text) pairs of a data dictionary that lies beside them."""

    source: Path
    files: tuple[FileInspection, ...]
    descriptions: tuple[tuple[str, str], ...] = ()

    @property
    def tables(self) -> tuple[FileInspection, ...]:
        return tuple(file for file in self.files if file.left_out is None)


def inspect_export(source: Path) -> Inspection:
    """Look at every file of a folder, a zip or a single file. Reads the beginning of each. Raises FatalError."""
    files, descriptions = [], []
    for file in table_files(source):
        found = _inspect(file)
        if found.left_out is None and _is_dictionary(found):
            descriptions += [(row[-2], row[-1]) for row in found.sample if len(row) >= 2]
            found = FileInspection(file.name, file.size, "a data dictionary", found.layout, row_count=found.row_count)
        files.append(found)
    return Inspection(source, tuple(files), tuple(descriptions))


def _inspect(file: TableFile) -> FileInspection:
    try:
        layout = find_layout(file)
    except NotATable as why:
        return FileInspection(file.name, file.size, str(why))
    if _looks_like_data(layout.columns):
        return FileInspection(file.name, file.size, "no header row: its first row already holds values", layout)
    sample, count = _read(file, layout)
    if not sample:
        return FileInspection(file.name, file.size, "no rows below the header", layout, row_count=0)
    columns = tuple(column for column in _profile(layout, sample) if not _is_nothing(column))
    shown = tuple(tuple(cells) for cells in sample[:200])
    return FileInspection(file.name, file.size, None, layout, columns, shown, count)


def _read(file: TableFile, layout: Layout) -> tuple[list[list[str]], int | None]:
    stream = rows(file, layout)
    sample: list[list[str]] = []
    seen = 0
    for _, cells in islice(stream, SAMPLE_ROWS):
        seen += 1
        if cells is not None and len(cells) > 1:
            sample.append(cells)
    if seen < SAMPLE_ROWS:
        return sample, seen
    return sample, seen + sum(1 for _ in stream) if file.size <= _COUNTED_BYTES else None


def _looks_like_data(header: tuple[str, ...]) -> bool:
    return any(is_email(cell) or is_moment(cell) for cell in header) or all(is_number(cell) for cell in header)


def _is_dictionary(file: FileInspection) -> bool:
    names = {words(column.name) for column in file.columns}
    named = len(names & DICTIONARY_COLUMNS) >= 2 and len(names) <= 5
    return named or (len(names) <= 5 and "dictionary" in words(Path(file.name).stem))


def _is_nothing(column: Column) -> bool:
    return column.type == "empty" and column.name.startswith(("column ", "Unnamed"))


def _profile(layout: Layout, sample: list[list[str]]) -> list[Column]:
    profiles = []
    for index, name in enumerate(layout.columns):
        values: Counter[str] = Counter()
        filled = 0
        for cells in sample:
            cell = cells[index].strip() if index < len(cells) else ""
            if cell and cell.lower() not in MISSING:
                filled += 1
                if cell in values or len(values) < _KEPT_VALUES:
                    values[cell] += 1
        total = len(sample)
        profiles.append(Column(name, index, filled / total, len(values), _type_of(values, filled), values, total))
    return profiles


def _type_of(values: Counter[str], filled: int) -> ColumnType:
    if not values:
        return "empty"
    judged = list(islice(values, _JUDGED_VALUES))
    if len(values) <= 3 and all(map(_is_boolean, judged)):
        return "boolean"
    tests = (("email", is_email), ("number", is_number), ("date", is_moment), ("phone", is_phone))
    for name, test in tests:
        if _mostly(test, judged, values):
            if name == "number" and sum(map(has_currency, judged)) >= 0.5 * len(judged):
                return "money"
            return name  # type: ignore[return-value]
    return "choice" if len(values) <= max(40, filled * 0.02) and filled >= 2 * len(values) else "text"


def _mostly(test: Callable[[str], bool], judged: list[str], values: Counter[str]) -> bool:
    """Whether most values pass, a few bad cells notwithstanding: by different values, or by rows and half of those."""
    passed = [value for value in judged if test(value)]
    if len(passed) >= 0.8 * len(judged):
        return True
    rows_passed, all_rows = sum(values[value] for value in passed), sum(values[value] for value in judged)
    return len(passed) >= 0.5 * len(judged) and rows_passed >= 0.8 * all_rows


def _is_boolean(value: str) -> bool:
    try:
        parse_boolean(value)
    except BadValue:
        return False
    return True
