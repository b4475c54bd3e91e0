"""HubSpot's search: filter groups, one sort, offsets up to 10,000, and an index that lags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.sandbox.hubspot.properties import ObjectType, instant, number
from adapters.sandbox.world import Row, Value, World

MOST_PER_PAGE, MOST_PER_QUERY, MOST_GROUPS, MOST_FILTERS, MOST_FILTERS_IN_ALL = 200, 10_000, 5, 6, 18
Key = Decimal | str
Test = Callable[[Row], bool]


class BadSearchError(Exception):
    """What HubSpot answers with 400."""


@dataclass(frozen=True, slots=True)
class Found:
    total: int
    rows: list[Row]
    after: str | None


def search(world: World, objects: ObjectType, getter: Callable[[str], Any], body: Mapping[str, Any]) -> Found:
    """getter: a property's getter by name; None for a property that does not exist. Raises BadSearchError."""
    limit, offset = int(body.get("limit", 10)), int(body.get("after") or 0)
    if not 0 <= limit <= MOST_PER_PAGE:
        raise BadSearchError(f"limit must be at most {MOST_PER_PAGE}")
    if offset + limit > MOST_PER_QUERY:
        raise BadSearchError(f"The search cannot page beyond {MOST_PER_QUERY} results")
    groups = [group.get("filters", []) for group in body.get("filterGroups", [])]
    if (
        len(groups) > MOST_GROUPS
        or any(len(one) > MOST_FILTERS for one in groups)
        or sum(map(len, groups)) > (MOST_FILTERS_IN_ALL)
    ):
        raise BadSearchError("There are too many filters")
    tests = [[_test(world, getter, one) for one in group] for group in groups]
    rows = [row for row in world.indexed(objects.kind, after=_least_id(groups)) if _holds(tests, row)]
    rows = _sorted(world, getter, rows, body.get("sorts") or [])
    page = rows[offset : offset + limit]
    is_more = offset + limit < len(rows)
    return Found(len(rows), page, str(offset + limit) if is_more else None)


def _holds(tests: list[list[Test]], row: Row) -> bool:
    return not tests or any(all(test(row) for test in group) for group in tests)


def _least_id(groups: list[Any]) -> int:
    """Ids up to this one cannot be among the results; so that walking through a large world is not quadratic."""
    if len(groups) != 1:
        return 0
    floors = [
        int(one["value"]) for one in groups[0] if (one["propertyName"], one["operator"]) == ("hs_object_id", "GT")
    ]
    return max(floors, default=0)


def _sorted(world: World, getter: Callable[[str], Any], rows: list[Row], sorts: list[Any]) -> list[Row]:
    if not sorts:
        return rows
    if len(sorts) > 1:
        raise BadSearchError("Only one sort is supported")
    name = sorts[0]["propertyName"] if isinstance(sorts[0], dict) else str(sorts[0])
    look = getter(name)
    if look is None:
        raise BadSearchError(f"There is no property {name}")
    is_falling = isinstance(sorts[0], dict) and sorts[0].get("direction") == "DESCENDING"
    known = [(_key(value), row) for row in rows if (value := look(world, row)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=is_falling)
    return [row for _, row in known] + [row for row in rows if look(world, row) is None]


def _test(world: World, getter: Callable[[str], Any], one: Mapping[str, Any]) -> Test:
    name, operator = str(one.get("propertyName")), str(one.get("operator"))
    look = getter(name)
    if look is None:
        raise BadSearchError(f"There is no property {name}")
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return lambda row: (look(world, row) is not None) is (operator == "HAS_PROPERTY")
    compare = _COMPARE.get(operator)
    if compare is None:
        raise BadSearchError(f"Invalid operator {operator}")
    given = [one[part] for part in ("value", "highValue") if part in one] or list(one.get("values", []))

    def holds(row: Row) -> bool:
        value = look(world, row)
        if value is None:
            return operator == "NOT_IN"
        return compare(_key(value), [_read(text, value) for text in given])

    return holds


def _key(value: Value) -> Key:
    """Times in milliseconds, numbers, else text without regard to case."""
    if isinstance(value, datetime):
        return Decimal(int(value.timestamp() * 1000))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return str(value).lower()


def _read(text: object, like: Value) -> Key:
    """The filter's text as a value of the property's type; what cannot be one is compared as text."""
    try:
        if isinstance(like, datetime):
            return _key(instant(str(text)).astimezone(UTC))
        if isinstance(like, int | Decimal) and not isinstance(like, bool):
            return number(str(text))
    except ValueError:
        return str(text).lower()
    return str(text).lower()


def _pairs(value: Key, given: list[Key]) -> Iterator[bool]:
    yield from (type(value) is type(other) for other in given)


_COMPARE: Mapping[str, Callable[[Any, list[Any]], bool]] = {
    "EQ": lambda value, given: value == given[0],
    "NEQ": lambda value, given: value != given[0],
    "LT": lambda value, given: all(_pairs(value, given)) and value < given[0],
    "LTE": lambda value, given: all(_pairs(value, given)) and value <= given[0],
    "GT": lambda value, given: all(_pairs(value, given)) and value > given[0],
    "GTE": lambda value, given: all(_pairs(value, given)) and value >= given[0],
    "BETWEEN": lambda value, given: all(_pairs(value, given)) and given[0] <= value <= given[1],
    "IN": lambda value, given: value in given,
    "NOT_IN": lambda value, given: value not in given,
}
