"""Databases for tests: one that is emptied between them, and copies of those that are filled once in a run."""

from __future__ import annotations

import fcntl
import pickle
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from snapshots.database import migrate

MIGRATED: Final = "migrated"
Fill = Callable[[str], object]
"""Puts something into the migrated database of this URL, and leaves no connection open."""
CopyOf = Callable[[str, Fill], AbstractContextManager[tuple[str, Any]]]
"""`copy_of(what, fill)`: the URL of a new database that holds what `fill` made, gone afterwards, and a copy of what
`fill` returned (anything that can be pickled). Under the name `what` it is filled once for all workers of a run."""


def copies(server: str, shared_folder: Path) -> CopyOf:
    """shared_folder: of all workers of a run, for what is filled already."""

    def template(what: str, fill: Fill) -> tuple[str, Any]:
        marker = shared_folder / f"template {what}"
        with _locked(shared_folder / f"template {what}.lock"):
            if not marker.exists():
                name = create(server, template="template1" if what == MIGRATED else template(MIGRATED, migrate)[0])
                marker.write_bytes(pickle.dumps((name, fill(url_of(server, name)))))
            name, memory = pickle.loads(marker.read_bytes())
        return name, memory

    @contextmanager
    def copied(what: str, fill: Fill) -> Iterator[tuple[str, Any]]:
        original, memory = template(what, fill)
        name = create(server, template=original)
        try:
            yield url_of(server, name), memory
        finally:
            drop(server, name)

    return copied


def url_of(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def create(server: str, *, template: str = "template1") -> str:
    """The name of a new database."""
    name = f"slms_test_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return name


def drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


class Sweeper:
    """Empties one database between tests, on a connection that stays, for it knows the tables by then.

    Rows are deleted: truncating makes a dozen files a table, and all other connections forget what they knew. What has
    grown large is truncated nevertheless, so that nobody reads through the dead rows of many tests.
    """

    LARGE_BYTES = 256 * 1024

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    def sweep(self) -> None:
        try:
            self._empty(self._connection or self._connect())
        except psycopg.OperationalError:  # a test may have ended all connections of its database
            self._empty(self._connect())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> psycopg.Connection:
        self.close()
        self._connection = psycopg.connect(self._url, autocommit=True)
        # Rules for rows, such as that nobody changes an audit entry, are no rules for this.
        self._connection.execute("SET session_replication_role = replica")
        found = self._connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "AND relname <> 'alembic_version' ORDER BY relname"
        )
        self._tables = [sql.Identifier(name) for (name,) in found]
        probes = [sql.SQL("EXISTS (SELECT FROM {})").format(table) for table in self._tables]
        self._probe = sql.SQL("SELECT {}").format(sql.SQL(", ").join(probes)).as_string(self._connection)
        return self._connection

    def _empty(self, connection: psycopg.Connection) -> None:
        filled = connection.execute(self._probe, prepare=True).fetchone() or ()
        dirty = [table for table, is_filled in zip(self._tables, filled, strict=True) if is_filled]
        with connection.transaction():
            if dirty:
                # Whoever writes still, on behalf of the test that ended, is waited for.
                connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(dirty)))
            for table in dirty:
                connection.execute(self._removal(connection, table))
            connection.execute(
                "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence "
                "WHERE pg_sequence_last_value(seqrelid) IS NOT NULL",
                prepare=True,
            )

    def _removal(self, connection: psycopg.Connection, table: sql.Identifier) -> sql.Composed:
        size = connection.execute("SELECT pg_relation_size(%s)", [table.as_string(connection)]).fetchone()
        is_large = size is not None and size[0] > self.LARGE_BYTES
        return sql.SQL("TRUNCATE {} CASCADE" if is_large else "DELETE FROM {}").format(table)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
