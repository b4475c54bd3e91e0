"""Keeps the CRM's records as received, one row per version, so that a new field never needs a second download."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from adapters.records import Kind
from snapshots import bulk, schema
from snapshots.batch import Batch

_COLUMNS = ("organization_id", "kind", "entity_key", "recorded_at", "raw")


def keep_raw(connection: Connection, batch: Batch, kind: Kind, rows: Sequence[tuple[str, bytes]]) -> None:
    """rows: (our id as text, the record as received, in JSON)."""
    bulk.upsert(
        connection,
        schema.raw_records,
        _COLUMNS,
        [(batch.organization_id, kind.value, key, batch.recorded_at, raw.decode()) for key, raw in rows],
    )
