"""Which column is which field by what the columns hold: stages, dates, amounts, ids, and what other files list."""

from __future__ import annotations

from itertools import islice

from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.column_names import COLUMNS, NOT_AN_AMOUNT
from adapters.csv_export.inspection import Column
from adapters.csv_export.mapping import Join, status_of
from adapters.csv_export.moments import parse_moment
from adapters.csv_export.reading import Reading
from adapters.csv_export.spelling import words
from adapters.records import DealStatus, Kind


def find_stage(reading: Reading) -> None:
    for column in reading.free():
        if column.type not in {"choice", "text"} or column.distinct > 40:
            continue
        ended = {status_of(value) for value in column.values} & {DealStatus.WON, DealStatus.LOST}
        if ended and (len(ended) == 2 or column.distinct <= 12):
            reading.take("stage", column, f"its values are stages: {', '.join(column.samples)}", "likely")
            return


def joins_of(reading: Reading, others: list[Reading]) -> list[Join]:
    """Columns that hold what another file's key holds; those not yet mapped become references to that file."""
    joins = []
    for other in others:
        if other is reading:
            continue
        for key_name in ("id", "name"):
            target = other.columns.get(key_name)
            if target is None or target.type in {"boolean", "empty"}:
                continue
            for column, share in _held_by(reading, target):
                name = _reference(reading, other.kind, key_name, column)
                if name is None:
                    continue
                reason = f"{share:.0%} of the values of {column.name} are found in {target.name} of {other.file.name}"
                if reading.columns.get(name) is not column:
                    reading.take(name, column, reason, "likely" if share > 0.9 else "guess")
                    take_lead_as_id([reading])
                joins.append(_joined(reading, column, other, target, reason))
    return joins


def _joined(reading: Reading, column: Column, other: Reading, target: Column, reason: str) -> Join:
    return Join(
        file=reading.file.name, column=column.name, to_file=other.file.name, to_column=target.name, reason=reason
    )


def _held_by(reading: Reading, target: Column) -> list[tuple[Column, float]]:
    known = target.keys()
    found = []
    for column in reading.file.columns:
        if column.type in {"empty", "boolean", "date", "money"} or not column.values:
            continue
        held = column.keys()
        share = len(held & known) / len(held)
        # Small whole numbers are found anywhere: they join only under one name.
        plain_number = target.type == "number" and column.type == "number" and words(column.name) != words(target.name)
        if share >= 0.5 and not plain_number:
            found.append((column, share))
    return sorted(found, key=lambda each: -each[1])


def _reference(reading: Reading, kind: Kind, key_name: str, column: Column) -> str | None:
    """Under which field a reading refers to another file; None where it cannot, or already does otherwise."""
    if kind is Kind.LEAD and reading.kind is Kind.DEAL:
        name = "lead_id"
        if key_name != "id":
            return None
    elif kind in {Kind.OWNER, Kind.COMPANY, Kind.PRODUCT, Kind.CONTACT, Kind.DEAL}:
        name = f"{kind}_{key_name}"
    else:
        return None
    if name not in COLUMNS[reading.kind]:
        return None
    if reading.columns.get(name) is column:
        return name
    owned = {field_name for field_name, used in reading.columns.items() if used is column}
    if name in reading.columns or (owned and not (owned == {"id"} and name == "lead_id")):
        return None
    return name


def fill_by_content(reading: Reading) -> None:
    if ("id" not in reading.columns and "name" not in reading.columns) or reading.kind in {
        Kind.DEAL,
        Kind.LEAD,
        Kind.ACTIVITY,
    }:
        _find_id(reading)
    if reading.kind in {Kind.LEAD, Kind.CONTACT, Kind.OWNER} and "email" not in reading.columns:
        _find_typed(reading, "email", "email", "its values are e-mail addresses")
    if reading.kind is Kind.DEAL:
        _find_deal_dates(reading)
        _find_amount(reading)
    if reading.kind is Kind.LEAD and "created_at" not in reading.columns:
        _find_typed(reading, "created_at", "date", "its only dates")
    if reading.kind is Kind.ACTIVITY and "occurred_at" not in reading.columns:
        _find_typed(reading, "occurred_at", "date", "its only dates")


def _find_id(reading: Reading) -> None:
    if "id" in reading.columns:
        return
    for column in reading.free():
        short = all(len(value) <= 40 and " " not in value and _has_digit(value) for value in column.samples)
        if column.is_unique and short and column.type in {"text", "number", "choice"} and reading.file.columns:
            if column.type == "number" and any(not value.isdigit() for value in column.samples):
                continue
            if column.rows > 1:
                reading.take("id", column, "its values are short and occur once each", "likely")
                return


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))


def _find_typed(reading: Reading, name: str, of_type: str, reason: str) -> None:
    found = [column for column in reading.free() if column.type == of_type]
    if len(found) == 1:
        reading.take(name, found[0], reason, "guess")


def _find_deal_dates(reading: Reading) -> None:
    """Of the dates whose names say nothing, the later ones are of the close, those that all deals have of the start."""
    dates = sorted((column for column in reading.free() if column.type == "date"), key=usual_day)
    has_end = reading.columns.keys() & {"closed_at", "won_at", "lost_at"}
    if not has_end and dates and (len(dates) > 1 or "created_at" in reading.columns or dates[0].filled < 0.98):
        partly = [column for column in dates if column.filled < 0.98]
        last = (partly or dates)[-1]
        dates.remove(last)
        reading.take("closed_at", last, "the later dates, or those that only some deals have", "guess")
    if "created_at" not in reading.columns and len(dates) == 1:
        reading.take("created_at", dates[0], "dates that nearly all deals have", "guess")


def usual_day(column: Column) -> float:
    """The mean of a column's days, as an ordinal; for telling which of two columns is the later one."""
    days = []
    for value in islice(column.values, 500):
        try:
            days.append(parse_moment(value, "dmy").replace(tzinfo=None).toordinal())
        except BadValue:
            continue
    return sum(days) / max(len(days), 1)


def _find_amount(reading: Reading) -> None:
    if "amount" in reading.columns or not reading.columns.keys() & {"stage", "status", "is_won"}:
        return
    free = [column for column in reading.free() if not set(words(column.name).split()) & NOT_AN_AMOUNT]
    money = [column for column in free if column.type == "money"]
    numbers = money or [column for column in free if column.type == "number" and not column.is_unique]
    if len(numbers) == 1:
        why = "its values carry a currency" if money else "its only numbers whose name does not forbid it"
        reading.take("amount", numbers[0], why, "guess")


def take_lead_as_id(readings: list[Reading]) -> None:
    """A deals file whose ids are another file's lead ids gets them as `lead_id` as well."""
    for deal in (reading for reading in readings if reading.kind is Kind.DEAL and "lead_id" in reading.columns):
        column = deal.columns["lead_id"]
        if "id" not in deal.columns and column.repeats <= 1.02 and column.filled == 1.0:
            deal.take("id", column, f"no id of its own, but {column.name} occurs once in each row", "likely")
