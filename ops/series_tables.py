"""Tables of time series as anybody writes them: a row per value (long), or a row per series (wide, as in M4).

Separator, encoding, decimal mark and the order of day and month are found. A blank cell, or NA, is a missing value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from adapters.csv_export.amounts import DecimalMark, decimal_votes, parse_number
from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.cell_words import MONTHS
from adapters.csv_export.moments import DateOrder, order_votes, parse_moment
from adapters.csv_export.spelling import plain
from adapters.csv_export.tables import Layout, NotATable, TableFile, find_layout, rows, table_files
from adapters.errors import FatalError

SAMPLE: Final = 2_000
"""Cells by which the decimal mark and the order of dates are judged."""
MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "–", "#n/a", "."})
IDS: Final = ("unique_id", "id", "series", "series_id", "item_id")
TIMES: Final = ("ds", "date", "time", "day", "week", "month", "timestamp", "datetime", "period")
VALUES: Final = ("y", "value")
ONE: Final = "series"
"""What the only series of a table without ids is called."""
SHOWN: Final = 12
"""Columns that a message lists."""
_SAYS_COLUMNS: Final = "There are:"
Floats = Any
Cells = Iterator[list[str]]


class NotSeries(FatalError):
    """The table cannot be read as series; the message names the column, the series or the option, and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Names of the columns of a long table; None: found by their usual names."""

    id: str | None = None
    time: str | None = None
    value: str | None = None

    @property
    def is_long(self) -> bool:
        return any(one is not None for one in (self.id, self.time, self.value))


@dataclass(frozen=True, slots=True)
class Observed:
    """One series as the table has it. times: instants of the values, or their numbers in a row; both in any order,
    missing values left out."""

    times: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """is_counted: times are numbers, not dates. is_wide: they count from the first value of the row."""

    series: Mapping[str, Observed]
    is_counted: bool
    is_wide: bool
    columns: Sequence[str] = field(repr=False, default=())


def read_series(file: Path, named: Named) -> SeriesTable:
    """Raises NotSeries."""
    table, layout = _layout(file)
    by_name = {name.strip().casefold(): place for place, name in reversed(list(enumerate(layout.columns)))}
    time, value = (
        _place(layout, by_name, named.time, TIMES, "--time"),
        _place(layout, by_name, named.value, VALUES, "--value"),
    )
    key = _place(layout, by_name, named.id, IDS, "--id")
    if time is not None and value is not None:
        return _long(table, layout, (key, time, value))
    if named.is_long:
        missing = "--time" if time is None else "--value"
        raise NotSeries(f"{missing} is needed: no column is called as usual. {_listed(layout)}")
    try:
        return _wide(file, table, layout)
    except NotSeries as why:
        raise NotSeries(_either_way(why, layout, {"--id": key, "--time": time, "--value": value})) from why


def _either_way(why: NotSeries, layout: Layout, places: Mapping[str, int | None]) -> str:
    """Why it is no row per series, and by which options it would be a row per value."""
    if _SAYS_COLUMNS in str(why):
        return str(why)
    unnamed = [option for option, place in places.items() if place is None]
    found = [f"{layout.columns[place]} is taken for {option}" for option, place in places.items() if place is not None]
    named = f" ({'; '.join(found)})" if found else ""
    return (
        f"{why} It was read as a row per series; where it has a row per value, name the columns by "
        f"{', '.join(unnamed)}{named}. {_listed(layout)}"
    )


def _layout(file: Path) -> tuple[TableFile, Layout]:
    found = table_files(file)
    if len(found) != 1:
        raise NotSeries(f"{file} holds {len(found)} files; name one table.")
    try:
        return found[0], find_layout(found[0])
    except NotATable as why:
        raise NotSeries(f"{file} is not read as a table: {why}.") from why


def _place(
    layout: Layout, by_name: Mapping[str, int], wanted: str | None, usual: Sequence[str], option: str
) -> int | None:
    if wanted is None:
        return next((by_name[name] for name in usual if name in by_name), None)
    if wanted.strip().casefold() not in by_name:
        raise NotSeries(f"{option}: there is no column {wanted!r}. {_listed(layout)}")
    return by_name[wanted.strip().casefold()]


def _listed(layout: Layout) -> str:
    more = " …" if len(layout.columns) > SHOWN else ""
    return f"{_SAYS_COLUMNS} {', '.join(layout.columns[:SHOWN])}{more}."


# --- a row per value --------------------------------------------------------------------------------------------------


def _long(table: TableFile, layout: Layout, places: tuple[int | None, int, int]) -> SeriesTable:
    key, time, value = places
    cells = [_cells_of(row, layout) for _, row in rows(table, layout) if row is not None]
    if not cells:
        raise NotSeries(f"{table.name} has no rows below its header.")
    names = [row[key].strip() if key is not None else ONE for row in cells]
    values = _numbers([row[value] for row in cells], layout, layout.columns[value])
    stamps = [row[time].strip() for row in cells]
    is_counted = _is_counted(stamps)
    known = np.isfinite(values)
    times = _counts(stamps) if is_counted else _instants(stamps, layout, layout.columns[time])
    order = np.array(names, dtype=object)
    found: dict[str, Observed] = {}
    sorter = np.argsort(order, kind="stable")
    bounds = np.flatnonzero(np.r_[True, order[sorter][1:] != order[sorter][:-1]])
    for places_of in np.split(sorter, bounds[1:]):
        kept = places_of[known[places_of]]
        found[str(order[places_of[0]])] = Observed(times[kept], values[kept])
    return SeriesTable(found, is_counted, is_wide=False, columns=layout.columns)


def _cells_of(row: list[str], layout: Layout) -> list[str]:
    return row + [""] * (len(layout.columns) - len(row))


def _is_counted(stamps: Sequence[str]) -> bool:
    """Whether steps are numbered rather than dated: 1, 2, 3; not 20240131 and not years."""
    if not all(re.fullmatch(r"-?\d{1,7}(\.0)?", one) for one in stamps):
        return False
    return not all(re.fullmatch(r"(1[6-9]|20|21)\d\d", one) for one in stamps)


def _counts(stamps: Sequence[str]) -> Floats:
    return np.array([float(one) for one in stamps]).astype(np.int64)


_PARTS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], datetime]], ...]] = (
    (re.compile(r"(\d{4})"), lambda m: datetime(int(m[1]), 1, 1)),  # noqa: DTZ001  a table's own calendar
    (re.compile(r"(\d{4})[-/. ]?[Qq]([1-4])"), lambda m: datetime(int(m[1]), 3 * int(m[2]) - 2, 1)),  # noqa: DTZ001
    (re.compile(r"(\d{4})[-/. ]?[Mm]?(0?[1-9]|1[0-2])"), lambda m: datetime(int(m[1]), int(m[2]), 1)),  # noqa: DTZ001
    (re.compile(r"(0?[1-9]|1[0-2])[-/.](\d{4})"), lambda m: datetime(int(m[2]), int(m[1]), 1)),  # noqa: DTZ001
    (re.compile(r"(\d{4})[-/ ]?[Ww](\d{1,2})"), lambda m: datetime.fromisocalendar(int(m[1]), int(m[2]), 1)),
)
"""Years, quarters, months and ISO weeks."""
_NAMED_MONTH: Final = re.compile(r"(?P<n>[^\W\d_]{3,12})\.?[-/ ]+(?P<y>\d{4})")
_MONTH_NAMED: Final = re.compile(r"(?P<y>\d{4})[-/ ]+(?P<n>[^\W\d_]{3,12})\.?")


def _instants(stamps: Sequence[str], layout: Layout, column: str) -> Floats:
    order = _order(stamps, layout)
    read = {text: _instant(text, order, column) for text in dict.fromkeys(stamps)}
    return np.array([read[text] for text in stamps], dtype="datetime64[s]")


def _order(stamps: Sequence[str], layout: Layout) -> DateOrder:
    votes = order_votes(islice(dict.fromkeys(stamps), SAMPLE))
    if votes["dmy"] or votes["mdy"]:
        return "dmy" if votes["dmy"] > votes["mdy"] else "mdy"
    return "dmy" if votes["dmy?"] or layout.delimiter == ";" else "mdy"


def _instant(text: str, order: DateOrder, column: str) -> np.datetime64:
    if named := _NAMED_MONTH.fullmatch(text) or _MONTH_NAMED.fullmatch(text):
        month = MONTHS.get(plain(named["n"]))
        if month:
            return np.datetime64(f"{named['y']}-{month:02}-01", "s")
    for pattern, build in _PARTS:
        if match := pattern.fullmatch(text):
            try:
                return np.datetime64(build(match), "s")
            except ValueError:
                break
    try:
        return np.datetime64(parse_moment(text, order).replace(tzinfo=None), "s")
    except BadValue as why:
        raise NotSeries(f"Column {column!r}: {text!r} is not {why}.") from why


# --- a row per series -------------------------------------------------------------------------------------------------


def _wide(file: Path, table: TableFile, layout: Layout) -> SeriesTable:
    header, body = _split(table, layout)
    if len(header) < 3:
        raise NotSeries(
            f"{file} has neither a row per value (columns unique_id, ds and y, or named by --id, --time and --value) "
            f"nor a row per series. {_listed(layout)}"
        )
    found: dict[str, Observed] = {}
    times = _dated(header, layout)
    mark: DecimalMark | None = None
    for row in body:
        name = row[0].strip()
        if name in found:
            raise NotSeries(f"Series {name!r} stands in {file} twice.")
        mark = mark or _decimal(row[1:], layout)
        values = np.array([_number(text, mark, f"series {name!r}") for text in row[1:]])
        known = np.flatnonzero(np.isfinite(values))
        found[name] = Observed(known if times is None else times[known], values[known])
    if not found:
        raise NotSeries(f"{file} has no rows below its header.")
    return SeriesTable(found, is_counted=times is None, is_wide=times is None, columns=header)


def _dated(header: Sequence[str], layout: Layout) -> Floats | None:
    """The columns' dates, where all of them are called by one; None where they are numbered."""
    names = [name.strip() for name in header[1:]]
    if all(re.fullmatch(r"\D*\d{1,5}", name) for name in names) and not all(
        re.fullmatch(r"(19|20)\d\d", name) for name in names
    ):
        return None
    try:
        return _instants(names, layout, "header")
    except NotSeries:
        return None


def _split(table: TableFile, layout: Layout) -> tuple[Sequence[str], Cells]:
    """Header and rows. A row of a table whose rows end where their series do may have been taken for the header."""
    from_top = replace(layout, header_line=0)
    every = (row for _, row in rows(table, from_top) if row is not None)
    first = next(every, [])
    if _is_series(first):
        return [f"column {n}" for n in range(1, len(first) + 1)], _chained(first, every)
    if _is_series(list(layout.columns)) or layout.header_line == 1:
        return first, every
    return layout.columns, (row for _, row in rows(table, layout) if row is not None)


def _is_series(row: Sequence[str]) -> bool:
    """Whether the row is a name and numbers that do not merely count."""
    filled = [one.strip() for one in row[1:] if one.strip()]
    if not filled or not all(re.fullmatch(r"[-+]?[\d.,' ]+(e[-+]?\d+)?", one, re.IGNORECASE) for one in filled):
        return False
    return (
        filled != [str(n) for n in range(int(filled[0]), int(filled[0]) + len(filled))] if filled[0].isdigit() else True
    )


def _chained(first: list[str], further: Cells) -> Cells:
    yield first
    yield from further


# --- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(texts: Sequence[str], layout: Layout, column: str) -> Floats:
    mark = _decimal(texts, layout)
    return np.array([_number(text, mark, f"column {column!r}") for text in texts])


def _decimal(texts: Sequence[str], layout: Layout) -> DecimalMark:
    votes = decimal_votes(text for text in texts[:SAMPLE] if "e" not in text.casefold())
    if votes["."] or votes[","]:
        return "," if votes[","] > votes["."] else "."
    return "," if layout.delimiter == ";" and votes[",?"] else "."


def _number(text: str, mark: Literal[".", ","], where: str) -> float:
    """NaN where the value is missing."""
    try:
        found = float(text) if mark == "." else float("x")
    except ValueError:
        found = _written(text, mark, where)
    if abs(found) == np.inf:
        raise NotSeries(f"In {where} stands {text.strip()!r}, which is not a number.")
    return found


def _written(text: str, mark: DecimalMark, where: str) -> float:
    if text.strip().casefold() in MISSING:
        return float("nan")
    try:
        return float(parse_number(text, mark))
    except BadValue as why:
        raise NotSeries(f"In {where} stands {text.strip()!r}; expected is {why}.") from why
