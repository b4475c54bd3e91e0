"""Bulk writes: rows go by COPY into a temporary table and from there, in one statement, to where they belong.

(COPY straight into a table is refused by PostgreSQL under row-level security, and a temporary table lets one statement
skip what has not changed.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg
from sqlalchemy import Connection, Table, text

from snapshots import wire

_BLOCK = 1 << 20


def stage(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Put `rows` (values in the order of `columns`) into a temporary table shaped like `table`; returns its name.

    It is empty before and gone after the transaction.
    """
    name = f"staged_{table.name}"
    names = ", ".join(columns)
    connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    connection.execute(
        text(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {names} FROM {table.name} WITH NO DATA")
    )
    _copy_rows(connection, f"COPY {name} ({names}) FROM STDIN", rows)
    return name


def stage_ready(connection: Connection, name: str, columns: Mapping[str, str], rows: bytes) -> None:
    """Put `rows`, made by `wire.row`, into a temporary table `name` of its own shape: column names with SQL types.

    It is empty before and gone after the transaction.
    """
    shape = ", ".join(f"{column} {type_}" for column, type_ in columns.items())
    connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    connection.execute(text(f"CREATE TEMP TABLE {name} ({shape}) ON COMMIT DROP"))
    statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(wire.START)
        for start in range(0, len(rows), _BLOCK):
            copy.write(rows[start : start + _BLOCK])
        copy.write(wire.END)


def _copy_rows(connection: Connection, statement: str, rows: Iterable[Sequence[object]]) -> None:
    with _driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _driver(connection: Connection) -> psycopg.Connection[object]:
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Add rows that are known to be new. Returns how many."""
    if not rows:
        return 0
    source = stage(connection, table, columns, rows)
    names = ", ".join(columns)
    result = connection.execute(text(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {source}"))
    return result.rowcount


def upsert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Add rows or bring them up to date by primary key; rows that say the same already are left untouched.

    Returns how many rows were written.
    """
    if not rows:
        return 0
    source = stage(connection, table, columns, rows)
    key = [column.name for column in table.primary_key]
    names = ", ".join(columns)
    others = [name for name in columns if name not in key]
    sets = ", ".join(f"{name} = excluded.{name}" for name in others)
    compared = [name for name in others if name != "recorded_at"]
    mine = ", ".join(f"{table.name}.{name}" for name in compared)
    theirs = ", ".join(f"excluded.{name}" for name in compared)
    result = connection.execute(
        text(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {source} "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets} WHERE ({mine}) IS DISTINCT FROM ({theirs})"
        )
    )
    return result.rowcount


def add_to(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    measures: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    """Add `measures` onto the rows with the same key, making them where they do not exist yet."""
    if not rows:
        return
    source = stage(connection, table, columns, rows)
    key = ", ".join(column.name for column in table.primary_key)
    names = ", ".join(columns)
    # One order for all writers, so that two of them cannot wait for each other.
    connection.execute(
        text(
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {source} ORDER BY {key} "
            f"ON CONFLICT ({key}) DO UPDATE SET {additions(table, measures)}"
        )
    )


def additions(table: Table, measures: Sequence[str]) -> str:
    """What an upsert sets where new `measures` are added onto the old."""
    return ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in measures)
