"""Many rows as columns of numbers, read in a fraction of the time that rows of objects take.

The server gathers each column of a group of rows into one array, which comes in its binary form: but for a header and
the lengths of its elements, that is a numpy array. What the rows of a group have in common (words, flags) comes once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

_HEADER: Final = 20
"""Dimensions, whether there are nulls, the type, then length and lower bound of the one dimension, four bytes each.
Format: `array_send`, https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c"""
_ELEMENTS: Final = {size: np.dtype([("length", ">i4"), ("value", f">i{size}")]) for size in (2, 4, 8)}


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows in no order. groups: what the rows of each have in common, by name. group: the number of each row's group.
    numbers: int64 by name: ids, instants and days as `snapshots.wire` counts them."""

    groups: Sequence[Mapping[str, Any]]
    group: np.ndarray
    numbers: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.group)

    def each(self, name: str, dtype: Any = object, *, missing: Any = None) -> np.ndarray:
        """What the groups have in common, of each row."""
        told = [missing if one[name] is None else one[name] for one in self.groups]
        values = np.empty(len(told), dtype=dtype)
        values[:] = told
        return np.asarray(values[self.group])


def gathered(
    connection: Connection, select: str, parameters: Mapping[str, object], *, common: Sequence[str],
    numbers: Sequence[str], expressions: str = "",
) -> Columns:  # fmt: skip
    """The rows of `select`, which names the columns `common` (text, numbers or truth values, of few kinds) and
    `numbers` (whole numbers, instants or days, never null). expressions: common table expressions that it refers to."""
    names = ", ".join(common)
    arrays = ", ".join(f"array_agg({name})" for name in numbers)
    begun = f"WITH {expressions} " if expressions else ""
    found = _binary(
        connection,
        f"{begun}SELECT json_build_array({names})::text, {arrays} FROM ({select}) gathered GROUP BY {names}",
        parameters,
    )
    groups = [dict(zip(common, orjson.loads(row[0]), strict=True)) for row in found]
    columns = {
        name: np.concatenate([_array(row[place]) for row in found]) if found else np.empty(0, dtype=np.int64)
        for place, name in enumerate(numbers, 1)
    }
    return Columns(
        groups, np.repeat(np.arange(len(found)), np.array([_size(row[1]) for row in found], dtype=np.int64)), columns
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """All rows of several, at least one, that have the same columns; what has the same in common is one group."""
    groups: list[Mapping[str, Any]] = []
    for group in (group for one in parts for group in one.groups):
        if group not in groups:
            groups.append(group)
    places = [np.array([groups.index(group) for group in one.groups], dtype=np.int64) for one in parts]
    return Columns(
        groups,
        np.concatenate([place[one.group] for place, one in zip(places, parts, strict=True)]),
        {name: np.concatenate([one.numbers[name] for one in parts]) for name in parts[0].numbers},
    )


_PLANNED: Final = text(
    "SELECT set_config('enable_sort', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)"
)


def _binary(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[list[bytes]]:
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    # Groups are few, which the planner cannot know of rows from several branches: it would sort them all, by text.
    connection.execute(_PLANNED)
    compiled = text(query).compile(dialect=connection.dialect)
    with raw.cursor() as cursor:
        try:
            cursor.execute(str(compiled).encode(), compiled.construct_params(dict(parameters)), binary=True)
        except psycopg.OperationalError as error:  # as it comes from all other reads
            raise OperationalError(query, None, error) from error
        result = cursor.pgresult
        assert result is not None
        return [[result.get_value(row, one) or b"" for one in range(result.nfields)] for row in range(result.ntuples)]


def _size(field: bytes) -> int:
    return int.from_bytes(field[12:16], "big")


def _array(field: bytes) -> np.ndarray:
    if int.from_bytes(field[4:8], "big"):
        raise ValueError("a column of numbers has a null")
    n = _size(field)
    elements = np.frombuffer(field, _ELEMENTS[(len(field) - _HEADER) // n - 4], count=n, offset=_HEADER)
    return elements["value"].astype(np.int64)
