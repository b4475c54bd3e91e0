"""A small SOQL: SELECT list or COUNT(), WHERE with AND, OR, NOT, comparisons, IN and LIKE, ORDER BY, LIMIT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.sandbox.salesforce.values import full_id, refuse

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))|(?P<day>\d{4}-\d\d-\d\d)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*(?:\(\))?)|(?P<sign>!=|<=|>=|<>|[=<>(),]))",
    re.DOTALL,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
    ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip
Getter = Callable[[str], Any]
Test = Callable[[Getter], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """among: by field, values of which a row must have one, so that no other row need be looked at."""

    holds: Test
    among: Mapping[str, frozenset[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """names: fields that are selected; none for COUNT(). order: (field, falls). used: every field that it names."""

    names: tuple[str, ...]
    source: str
    where: Condition | None
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    offset: int = 0
    used: frozenset[str] = field(default=frozenset())


def parse(text: str, types: Callable[[str], Mapping[str, str]]) -> Query:
    """types: fields of an object with their types. Raises Refused as Salesforce words it."""
    return _Parser(text, types).query()


class _Parser:
    def __init__(self, text: str, types: Callable[[str], Mapping[str, str]]) -> None:
        self._tokens, self._place, self._types_of = list(_tokens(text)), 0, types
        self._types: Mapping[str, str] = {}
        self._used: set[str] = set()

    # --- tokens ---

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "<EOF>")

    def _take(self) -> tuple[str, str]:
        found = self._peek()
        self._place += 1
        return found

    def _is(self, *words: str) -> bool:
        """Takes these words where they come next."""
        here = [one[1].upper() for one in self._tokens[self._place : self._place + len(words)]]
        if here == list(words):
            self._place += len(words)
            return True
        return False

    def _demand(self, word: str) -> None:
        if not self._is(word):
            raise malformed(f"unexpected token: '{self._peek()[1]}'")

    # --- the query ---

    def query(self) -> Query:
        self._demand("SELECT")
        names: list[str] = []
        if not self._is("COUNT()"):
            names.append(self._take()[1])
            while self._is(","):
                names.append(self._take()[1])
        self._demand("FROM")
        source = self._take()[1]
        self._types = self._types_of(source)
        names = [self._field(name) for name in names]
        where = self._any() if self._is("WHERE") else None
        order, limit, offset = self._rest()
        if self._peek()[0] != "end":
            raise malformed(f"unexpected token: '{self._peek()[1]}'")
        return Query(tuple(names), source, where, tuple(order), limit, offset, frozenset(self._used))

    def _rest(self) -> tuple[list[tuple[str, bool]], int | None, int]:
        order: list[tuple[str, bool]] = []
        if self._is("ORDER", "BY"):
            order.append(self._order())
            while self._is(","):
                order.append(self._order())
        limit = int(self._take()[1]) if self._is("LIMIT") else None
        return order, limit, int(self._take()[1]) if self._is("OFFSET") else 0

    def _order(self) -> tuple[str, bool]:
        name = self._field(self._take()[1])
        return name, not self._is("ASC") and self._is("DESC")

    def _field(self, name: str) -> str:
        found = next((one for one in self._types if one.lower() == name.lower()), None)
        if found is None:
            raise refuse(
                400, "INVALID_FIELD", f"No such column '{name}' on entity. Please reference the documentation."
            )
        self._used.add(found)
        return found

    # --- conditions ---

    def _any(self) -> Condition:
        parts, mixed = [self._one()], set()
        while (word := self._peek()[1].upper()) in {"AND", "OR"}:
            self._take()
            mixed.add(word)
            parts.append(self._one())
        if len(mixed) > 1:  # SOQL wants brackets
            raise malformed("unexpected token: 'OR'")
        tests = [one.holds for one in parts]
        if mixed == {"OR"}:
            return Condition(lambda get: any(test(get) for test in tests))
        among = {name: values for one in parts for name, values in one.among.items()}
        return Condition(lambda get: all(test(get) for test in tests), among)

    def _one(self) -> Condition:
        if self._is("NOT"):
            inner = self._one().holds
            return Condition(lambda get: not inner(get))
        if self._is("("):
            found = self._any()
            self._demand(")")
            return found
        return self._comparison()

    def _comparison(self) -> Condition:
        name = self._field(self._take()[1])
        if self._is("NOT", "IN"):
            excluded = self._values(name)
            return Condition(lambda get: get(name) not in excluded)
        if self._is("IN"):
            values = frozenset(self._values(name))
            return Condition(lambda get: get(name) in values, {name: values})
        if self._is("LIKE"):
            pattern = _like(str(self._value(name)))
            return Condition(lambda get: get(name) is not None and pattern.fullmatch(str(get(name))) is not None)
        sign, value = self._take()[1], self._value(name)
        compare = SIGNS.get(sign)
        if compare is None:
            raise malformed(f"unexpected token: '{sign}'")
        is_equality = sign in {"=", "!=", "<>"}

        def holds(get: Getter) -> bool:
            held = _folded(get(name))
            if held is None or value is None:
                return is_equality and compare(held, value)
            return compare(held, value)

        return Condition(holds)

    def _values(self, name: str) -> list[Any]:
        self._demand("(")
        values = [self._literal(name)]
        while self._is(","):
            values.append(self._literal(name))
        self._demand(")")
        return values

    def _value(self, name: str) -> Any:
        return _folded(self._literal(name))

    def _literal(self, name: str) -> Any:
        kind, text = self._take()
        value = _read(kind, text)
        its_type = self._types[name]
        _require_type(name, its_type, kind, value)
        return full_id(value) if its_type in {"id", "reference"} and isinstance(value, str) else value


def _read(kind: str, text: str) -> Any:
    match kind:
        case "string":
            return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)
        case "moment":
            return datetime.fromisoformat(text).astimezone(UTC)
        case "day":
            return date.fromisoformat(text)
        case "number":
            return Decimal(text)
        case "name" if text.lower() in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[text.lower()]
    raise malformed(f"unexpected token: '{text}'")


def _require_type(name: str, its_type: str, kind: str, value: Any) -> None:
    wanted = {
        "datetime": "moment", "date": "day", "boolean": "name", "double": "number", "currency": "number",
        "int": "number", "percent": "number",
    }.get(its_type, "string")  # fmt: skip
    if value is not None and kind != wanted:
        raise refuse(400, "INVALID_FIELD", f"value of filter criterion for field '{name}' must be of type {its_type}")
    if its_type in {"id", "reference"} and value is not None and not re.fullmatch(r"\w{15}(\w{3})?", value):
        raise refuse(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")


def _folded(value: Any) -> Any:
    """Text is compared without regard to case, but for ids, which have none that differ in it here."""
    if isinstance(value, datetime):
        return value
    return value.lower() if isinstance(value, str) else value


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"([%_])", pattern)
    return re.compile("".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in parts), re.I | re.DOTALL)


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise malformed(f"unexpected token: '{text[place : place + 10]}'")
        place = match.end()
        kind = str(match.lastgroup)
        yield kind, match[kind]


def malformed(message: str) -> Exception:
    return refuse(400, "MALFORMED_QUERY", message)


def run(query: Query, rows: Iterable[Getter]) -> Iterable[Getter]:
    """The rows that it finds, in its order, without its limit; one after the other where it wants no order."""
    found = (row for row in rows if query.where is None or query.where.holds(row))
    if not query.order:
        return found
    ordered = list(found)
    for name, falls in reversed(query.order):
        # Nothing comes first.
        ordered.sort(key=lambda row: (row(name) is not None, _sortable(row(name))), reverse=falls)
    return ordered


def _sortable(value: Any) -> Any:
    return "" if value is None else value
