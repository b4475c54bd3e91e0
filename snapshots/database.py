"""The way into the database: connections under the right role, and migrations. Nobody else makes an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from snapshots.access import APP_ROLE, WORKER_ROLE, WRITABLE

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
OUTAGES: tuple[type[Exception], ...] = (OperationalError, InterfaceError, PoolTimeoutError)
"""What `Database` raises where the server cannot be reached or is busy: the same may succeed later."""


def driver_url(url: str) -> URL:
    """`url` with psycopg 3 as its driver, whichever of the usual spellings it came in."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    return parsed.set(drivername="postgresql+psycopg")


class Database:
    """One PostgreSQL database. Each `as_…` is one transaction: committed at the block's end, rolled back on error."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=5,
            pool_pre_ping=True,
            pool_timeout=10,
            json_serializer=lambda value: orjson.dumps(value, default=str).decode(),
            json_deserializer=orjson.loads,
            connect_args={
                "connect_timeout": 10,
                "application_name": "slms",
                "options": "-c timezone=UTC",
                "target_session_attrs": WRITABLE,
                # A server that is cut off without a word is given up after half a minute, not after hours.
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
        )

    @contextmanager
    def as_app(self, organization_id: int) -> Iterator[Connection]:
        """A transaction that sees this organization's rows alone."""
        with self.engine.begin() as connection:
            connection.execute(
                text("SELECT set_config('role', :role, true), set_config('slms.organization_id', :id, true)"),
                {"role": APP_ROLE, "id": str(organization_id)},
            )
            yield connection

    @contextmanager
    def as_worker(self) -> Iterator[Connection]:
        """A transaction that sees all organizations: for claiming work and for lists of organizations."""
        with self.engine.begin() as connection:
            connection.execute(text("SELECT set_config('role', :role, true)"), {"role": WORKER_ROLE})
            yield connection

    @contextmanager
    def as_owner(self) -> Iterator[Connection]:
        """A transaction as the user of the URL: for migrations and checks alone."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self.engine.url.render_as_string(hide_password=True)})"


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Safe to call from several processes at once: one works, the others wait."""
    from alembic import command

    command.upgrade(_alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command

    command.downgrade(_alembic_config(url), revision)


def revisions(url: str) -> tuple[str | None, str | None]:
    """(the database's revision, the newest revision that this program knows); None: none yet."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(_alembic_config(url)).get_current_head()


def _alembic_config(url: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config
