"""A file of leads and a file of the deals that some of them became, told by the id that both hold and by nothing else.

For files whose names and columns say too little: of two lists with one key, the longer and earlier one holds leads, the
shorter and later one the deals that were closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from adapters.csv_export.inspection import Column, FileInspection
from adapters.csv_export.reading import Reading
from adapters.csv_export.spelling import words
from adapters.csv_export.value_matching import usual_day

_SHARE = 0.8  # of the deals' keys that are among the leads'


def find_funnel(files: Sequence[FileInspection]) -> tuple[FileInspection, Column, FileInspection, Column] | None:
    """The leads' file with its key, and the deals' file with its; None where no two files look like that."""
    for leads, deals in permutations(files, 2):
        if _is_later(leads, deals):
            for key, reference in _keys(leads, deals):
                return leads, key, deals, reference
    return None


def read_funnel(leads: Reading, key: Column, deals: Reading, reference: Column) -> None:
    """Give both readings what follows from the key that they share."""
    shared = f"its values name rows of {leads.file.name}: some of its leads became these deals"
    _use(leads, "id", key, f"{deals.file.name} refers to it")
    _use(deals, "lead_id", reference, shared)
    dates = [column for column in deals.free() if column.type == "date"]
    if not deals.columns.keys() & {"closed_at", "won_at"} and len(dates) == 1:
        deals.take("closed_at", dates[0], "its dates are later than those of the leads", "guess")


def _use(reading: Reading, name: str, column: Column, reason: str) -> None:
    for field in [field for field, used in reading.columns.items() if used is column]:
        del reading.columns[field]
    reading.take(name, column, reason, "likely")


def _is_later(leads: FileInspection, deals: FileInspection) -> bool:
    first, second = _day(leads), _day(deals)
    longer = len(leads.columns) > 1 and _rows(leads) > _rows(deals) > 0
    return longer and first is not None and second is not None and first < second


def _rows(file: FileInspection) -> int:
    return file.row_count or max((column.rows for column in file.columns), default=0)


def _day(file: FileInspection) -> float | None:
    days = [usual_day(column) for column in file.columns if column.type == "date"]
    return min(days, default=None)


def _keys(leads: FileInspection, deals: FileInspection) -> Iterator[tuple[Column, Column]]:
    for key in filter(_can_name, leads.columns):
        known = key.keys()
        for reference in filter(_can_name, deals.columns):
            held = reference.keys()
            # Small whole numbers are found anywhere: they join only under one name.
            counts = {key.type, reference.type} == {"number"} and words(key.name) != words(reference.name)
            if not counts and len(held & known) >= _SHARE * len(held):
                yield key, reference


def _can_name(column: Column) -> bool:
    """Whether its values are there, short, and occur once."""
    short = all(len(value) <= 64 and " " not in value for value in column.samples)
    return (
        short
        and column.type in {"text", "number", "choice", "email"}
        and column.filled > 0.98
        and column.repeats < 1.05
    )
