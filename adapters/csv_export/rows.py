"""From a row's cells to the values of our fields: one compiled parser per mapped column, and why a row is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from functools import partial
from typing import cast

from adapters.csv_export.amounts import currency_code, is_number, minor_units, parse_money, parse_number, settle_dollar
from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.cell_words import ACTIVE, INACTIVE, TOTALS
from adapters.csv_export.mapping import ColumnUse, FileMapping, activity_kind_of
from adapters.csv_export.moments import day_parser, moment_parser
from adapters.csv_export.spelling import as_words, plain, words
from adapters.csv_export.tables import Layout
from adapters.csv_export.values import parse_boolean, parse_duration_s
from adapters.errors import FatalError
from adapters.records import ActivityKind, Kind, Rejection

Values = dict[str, object]
_REMEMBERED = 50_000
_WIDE = 5  # mapped columns, from which on a row that fills one of them is no record
_UNSEEN = object()
_MOMENTS = as_words("created_at, closed_at, won_at, lost_at, modified_at, converted_at, since, occurred_at")
_FLAGS = frozenset({"is_won", "is_closed", "converted", "deleted"})
_SUMMED = frozenset({Kind.DEAL, Kind.LEAD, Kind.ACTIVITY, Kind.PRODUCT})  # companies may be called Total
_MONEY = frozenset({"amount", "price", "revenue"})


class BadRow(Exception):
    """Why a row is refused. category: the same text for all rows refused for this reason."""

    def __init__(self, reason: str, category: str) -> None:
        super().__init__(reason)
        self.category = category


@dataclass(frozen=True, slots=True)
class Money:
    minor: int
    currency: str | None


class RowReader:
    """Reads the rows of one file as its mapping says.

    zone: where times without an offset were written. currency: of amounts that name none and whose mapping names none.
    Raises FatalError where a mapped column is not in the file.
    """

    def __init__(self, name: str, layout: Layout, mapping: FileMapping, *, zone: tzinfo, currency: str | None) -> None:
        self.name = name
        self.header = layout.columns
        self.mapping = mapping
        self._currency = mapping.currency or currency
        self._missing = frozenset(text.strip().lower() for text in mapping.missing) | {""}
        self._zone = zone
        plan = [self._column(field, use) for field, use in mapping.columns.items()]
        self._texts = [(field, index) for field, index, _, _, parse in plan if parse is str.strip]
        self._plan = [column for column in plan if column[4] is not str.strip]
        self._money = {field: use for field, use in mapping.columns.items() if field in _MONEY}
        taken = {use.column for use in mapping.columns.values()}
        self._others: list[tuple[int, str, dict[str, object]]] = [
            (index, name, {}) for index, name in enumerate(self.header) if self._is_other(name, taken)
        ]
        self._unnamed = [name for name in self.header if name.startswith(("column ", "Unnamed: "))]
        self.has_id = "id" in mapping.columns

    def _is_other(self, name: str, taken: set[str]) -> bool:
        return name not in taken and not name.startswith(("column ", "Unnamed: "))

    def _column(self, field: str, use: ColumnUse) -> tuple[str, int, str, dict[str, object], Callable[[str], object]]:
        if use.column not in self.header:
            listed = ", ".join(self.header)
            raise FatalError(f"CSV export: {self.name} has no column {use.column!r} for {field}; it has {listed}.")
        return field, self.header.index(use.column), use.column, {}, self._parser(field, use)

    def _parser(self, field: str, use: ColumnUse) -> Callable[[str], object]:
        order, decimal = use.date_order or self.mapping.date_order, use.decimal or self.mapping.decimal
        if field in _MOMENTS:
            return moment_parser(order, self._zone)
        if field in _FLAGS:
            return parse_boolean
        if field in _MONEY:
            return partial(parse_money, decimal=decimal)
        by_field: dict[str, Callable[[str], object]] = {
            "expected_close_on": day_parser(order),
            "employees": lambda text: int(parse_number(text, decimal)),
            "duration": lambda text: parse_duration_s(text, use.scale, decimal),
            "active": _is_active,
            "currency": _known_currency,
            "kind": self._activity_kind,
            "company_id": _first_of_many,
            "deal_id": _first_of_many,
        }
        return by_field.get(field, str.strip)

    def _activity_kind(self, text: str) -> ActivityKind:
        told = self.mapping.activity_kinds.get(text.strip())
        return told or activity_kind_of(text) or self.mapping.activity_kind

    def read(self, cells: list[str] | None) -> Values:
        """The values of the mapped fields; missing ones are None. Raises BadRow."""
        checked = self._checked(cells)
        if "" in checked and self._is_of_totals(checked):
            raise BadRow("a row of totals, not a record", "a row of totals")
        values: Values = {}
        missing = self._missing
        for field, index in self._texts:
            text = checked[index].strip()
            values[field] = None if text.lower() in missing else text
        for field, index, column, seen, parse in self._plan:
            cell = checked[index]
            value = seen.get(cell, _UNSEEN)
            if value is _UNSEEN:
                value = seen[cell] = self._parsed(cell, column, parse)
                if len(seen) > _REMEMBERED:
                    seen.clear()
            values[field] = value
        for field, use in self._money.items():
            if values[field] is not None:
                values[field] = self._settled(values[field], values.get("currency"), use)
        if values.get("deleted"):
            raise BadRow("it is marked as deleted in the CRM", "marked as deleted in the CRM")
        if not self.has_id and len(values) >= _WIDE and sum(value is not None for value in values.values()) < 2:
            raise BadRow("only one cell is filled: a heading, not a record", "only one cell is filled")
        if self.has_id and values["id"] is None:
            column = self.mapping.columns["id"].column
            raise BadRow(f"{column} is empty: it names the row and is needed", f"{column} is empty")
        return values

    def _is_of_totals(self, cells: list[str]) -> bool:
        """Whether the first cell says so and nothing but numbers stands beside it."""
        first, *others = [cell for cell in cells if cell and not cell.isspace()] or [""]
        if len(first) > 60 or self.mapping.kind not in _SUMMED:
            return False
        said = [word for word in words(first).split() if not word.isdigit()]
        return bool(said) and TOTALS.issuperset(said) and all(map(is_number, others))

    def _checked(self, cells: list[str] | None) -> list[str]:
        width = len(self.header)
        if cells is None:
            raise BadRow("cannot be told apart: a quote is opened and not closed", "a quote is not closed")
        if len(cells) == width:
            return cells
        if len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                raise BadRow(f"{len(cells)} cells where the header has {width} columns", "more cells than columns")
            return cells[:width]
        if len(cells) == 1 and width > 2:
            raise BadRow(f"one cell where the header has {width} columns", "only one cell")
        return cells + [""] * (width - len(cells))

    def _parsed(self, cell: str, column: str, parse: Callable[[str], object]) -> object:
        text = cell.strip()
        if text.lower() in self._missing:
            return None
        try:
            return parse(text)
        except BadValue as expected:
            shown = text if len(text) <= 60 else text[:57] + "..."
            what = str(expected)
            raise BadRow(f"{column}: {shown!r} is not {what}", f"{column} is not {what}") from expected

    def _settled(self, parsed: object, told: object, use: ColumnUse) -> Money:
        """The parsed amount in minor units of the currency beside it, else the told one, else the file's."""
        amount, beside = cast(tuple[Decimal, str | None], parsed)
        usual = str(told) if told else use.currency or self._currency
        currency = settle_dollar(beside, usual) or usual
        scaled = amount if use.scale == 1 else amount * Decimal(str(use.scale))
        try:
            return Money(minor_units(scaled, currency), currency)
        except BadValue as expected:
            raise BadRow(f"{use.column}: {amount} is not {expected}", f"{use.column} is not {expected}") from expected

    def others(self, cells: list[str]) -> Mapping[str, object]:
        """The columns that no field took, JSON-ready: numbers as numbers, missing ones as None."""
        found: dict[str, object] = {}
        for index, name, seen in self._others:
            cell = cells[index] if index < len(cells) else ""
            value = seen.get(cell, _UNSEEN)
            if value is _UNSEEN:
                value = seen[cell] = self._json(cell.strip())
                if len(seen) > _REMEMBERED:
                    seen.clear()
            found[name] = value
        return found

    def _json(self, text: str) -> object:
        if text.lower() in self._missing:
            return None
        number = text.replace(",", ".") if self.mapping.decimal == "," else text
        bare = number.removeprefix("-")
        if len(bare) > 15 or not bare.replace(".", "", 1).isdigit() or not bare.isascii() or bare.startswith("."):
            return text
        if bare[0] == "0" and bare[1:2] not in {"", "."}:
            return text  # 007 is a name, not a number
        return int(number) if "." not in number else float(number)

    def raw(self, cells: list[str] | None) -> dict[str, object]:
        """The row as received, by its columns' names; cells beyond the header by their number."""
        row: dict[str, object] = dict(zip(self.header, cells or (), strict=False))
        for name in self._unnamed:
            if not row.get(name):
                row.pop(name, None)
        for number, cell in enumerate((cells or ())[len(self.header) :], start=len(self.header) + 1):
            row[f"column {number}"] = cell
        return row

    def rejection(self, line: int, cells: list[str] | None, reason: str) -> Rejection:
        return Rejection(source=self.name, line=line, reason=reason, row=self.raw(cells))


def _is_active(text: str) -> bool:
    word = plain(text)
    return word in ACTIVE if word in ACTIVE | INACTIVE else parse_boolean(text)


def _known_currency(text: str) -> str:
    code = currency_code(text)
    if code is None:
        raise BadValue("a currency such as EUR")
    return code


def _first_of_many(text: str) -> str:
    # HubSpot writes the ids of several associated records into one cell: "101;102".
    return text.split(";", 1)[0].strip() or text.strip()


def content_id(cells: list[str]) -> str:
    """A stable id for a row that has none: of its content, the same in every export that holds it."""
    return hashlib.blake2b("\x1f".join(cells).encode("utf-8", "replace"), digest_size=8).hexdigest()


def key_of(kind: Kind, values: Values, cells: list[str]) -> tuple[str, bool]:
    """What names this row among others of its kind, and whether it is its own (False: made from its content)."""
    names = {
        Kind.OWNER: ("id", "email", "name"),
        Kind.COMPANY: ("id", "name", "domain"),
        Kind.PRODUCT: ("id", "name"),
        Kind.CONTACT: ("id", "email"),
    }.get(kind, ("id",))
    for name in names:
        value = full_name(values) if name == "name" and kind is Kind.OWNER else values.get(name)
        if value is not None:
            return str(value), True
    return content_id(cells), False


def full_name(values: Values) -> str | None:
    """The name of a person from one column or two."""
    if values.get("name") is not None:
        return str(values["name"])
    parts = [str(values[name]) for name in ("first_name", "last_name") if values.get(name) is not None]
    return " ".join(parts) or None
