"""Keeps the CRM's records as received, one row per version, so that a new field never needs a second download."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection

from adapters.records import Json, Kind
from snapshots import bulk, schema
from snapshots.batch import Batch

_COLUMNS = ("organization_id", "kind", "entity_key", "recorded_at", "raw")


def keep_raw(connection: Connection, batch: Batch, kind: Kind, rows: Sequence[tuple[str, Json]]) -> None:
    """rows: (our id as text, the record as received)."""
    bulk.upsert(
        connection,
        schema.raw_records,
        _COLUMNS,
        [
            (batch.organization_id, kind.value, key, batch.recorded_at, orjson.dumps(raw, default=str).decode())
            for key, raw in rows
        ],
    )
