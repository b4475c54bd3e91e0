"""What a table shows: one list of columns drives the grid, the plain table and the export, so that they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from snapshots.tables import decimals
from workbench import formats
from workbench.lead_words import visible


class ColumnKind(StrEnum):
    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    NUMBER = "number"
    RATE = "rate"
    DAYS = "days"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"


EXPORT_DIGITS = 4
"""Behind the point, of shares, days and means: a hundredth of a percent."""
_NUMBERS = frozenset(
    {ColumnKind.COUNT, ColumnKind.NUMBER, ColumnKind.MONEY, ColumnKind.RATE, ColumnKind.DAYS, ColumnKind.DURATION}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    field: column of the frame. currency_field: for money, the column with the ISO code of the same row.
    text_field: column that holds the text to show, where the kind cannot make it from
    the value. missing: what is written where the value is not known. width: relative, 1 is an ordinary column.
    is_right: text that reads as a number ("3–16 d"), set right as numbers are.
    """

    field: str
    title: str
    kind: ColumnKind = ColumnKind.TEXT
    currency_field: str = "currency"
    text_field: str | None = None
    missing: str = formats.MISSING
    width: float = 1.0
    help: str | None = None
    is_right: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in _NUMBERS


def _text(column: Column, value: object, currency: object) -> str:  # noqa: PLR0911  # one case per kind
    if formats.is_missing(value) or value == "":
        return column.missing
    match column.kind:
        case ColumnKind.COUNT:
            return formats.count(value)  # type: ignore[arg-type]
        case ColumnKind.NUMBER:
            return formats.number(value)  # type: ignore[arg-type]
        case ColumnKind.MONEY:
            return formats.money_full(value, None if formats.is_missing(currency) else str(currency))  # type: ignore[arg-type]
        case ColumnKind.RATE:
            return formats.rate(value)  # type: ignore[arg-type]
        case ColumnKind.DAYS:
            return formats.days(value)  # type: ignore[arg-type]
        case ColumnKind.DATE:
            return formats.day(pd.Timestamp(value))  # type: ignore[arg-type]
        case ColumnKind.DURATION:
            return formats.duration(value)  # type: ignore[arg-type]
        case ColumnKind.TIME:
            return formats.clock(pd.Timestamp(value))  # type: ignore[arg-type]
        case _:
            return visible(str(value))


def texts(frame: pd.DataFrame, column: Column) -> list[str]:
    """The column as people read it, one text per row."""
    if column.text_field is not None:
        return [visible(str(text)) for text in frame[column.text_field]]
    values = frame[column.field].tolist() if column.field in frame else [None] * len(frame)
    is_money = column.kind is ColumnKind.MONEY and column.currency_field in frame
    currencies = frame[column.currency_field].tolist() if is_money else [None] * len(frame)
    return [_text(column, value, currency) for value, currency in zip(values, currencies, strict=True)]


def _cell(column: Column, value: object, currency: object) -> object:  # noqa: PLR0911  # one case per kind
    if formats.is_missing(value):
        return None
    if column.kind is ColumnKind.MONEY:
        code = None if formats.is_missing(currency) else str(currency)
        return round(formats.major(float(value), code), decimals(code))  # type: ignore[arg-type]
    if column.kind is ColumnKind.COUNT:
        return int(value)  # type: ignore[call-overload]
    if column.kind in {ColumnKind.RATE, ColumnKind.DAYS, ColumnKind.NUMBER, ColumnKind.DURATION}:
        return round(float(value), EXPORT_DIGITS)  # type: ignore[arg-type]
    if column.kind is ColumnKind.DATE:
        return pd.Timestamp(value).date().isoformat()  # type: ignore[arg-type]
    if column.kind is ColumnKind.TIME:
        return pd.Timestamp(value).isoformat()  # type: ignore[arg-type]
    return str(value)


def for_export(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """What the table shows, as values: numbers in main units, dates in ISO form; money gets its currency beside it, in
    one column "Currency" after the first amount where several share it.

    Columns and rows stay in the order shown. Missing stays empty.
    """
    shown: dict[str, list[object]] = {}
    for column in columns:
        values = frame[column.field].tolist() if column.field in frame else [None] * len(frame)
        has_currency = column.kind is ColumnKind.MONEY and column.currency_field in frame
        currencies = frame[column.currency_field].tolist() if has_currency else [None] * len(frame)
        shown[column.title] = [_cell(column, value, code) for value, code in zip(values, currencies, strict=True)]
        if has_currency:
            shared = [one.title for one in columns if one.kind is ColumnKind.MONEY
                      and one.currency_field == column.currency_field]  # fmt: skip
            title = f"{column.title} currency" if len(shared) == 1 else "Currency"
            shown.setdefault(title, [None if formats.is_missing(code) else code for code in currencies])
    return pd.DataFrame(shown, dtype=object)
