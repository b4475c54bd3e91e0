"""Runs the migrations: one process at a time, giving up rather than blocking the running program."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from snapshots.database import driver_url
from snapshots.schema import metadata

# Any number, the same in every process that migrates.
MIGRATION_LOCK = 7_402_118_364


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


engine = create_engine(driver_url(context.config.attributes["url"]))
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
    connection.commit()
    try:
        # While it waits for a table everybody else waits behind it: for no longer than a sender of leads has patience.
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.commit()
        # Each migration is a transaction of its own: locks are held for one, and a killed run goes on at the next.
        context.configure(
            connection=connection, target_metadata=metadata, include_name=is_ours, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
engine.dispose()
