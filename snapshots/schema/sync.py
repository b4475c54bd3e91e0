"""What a sync did, and what it could not do."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

sync_runs = table(
    "sync_runs",
    Column("run_id", BigInteger, Identity(), nullable=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False, comment="running, succeeded, failed, cancelled or interrupted"),
    at("started_at"),
    at("heartbeat_at"),
    at("finished_at", nullable=True),
    at("cancel_requested_at", nullable=True),
    Column("step", Text, comment="the kind of object it is at"),
    Column("error_id", Text),
    Column("error_message", Text),
    Index(None, "organization_id", "connection_id", "started_at"),
    key=("run_id",),
)

sync_counts = table(
    "sync_counts",
    Column("run_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("fetched", "new", "changed", "unchanged", "rejected", "deleted")
    ),
    Column("expected", BigInteger, comment="what the CRM says it has; null where it cannot be asked"),
    Column("ours", BigInteger, comment="what we hold as live after the run"),
    Column("is_done", Boolean, nullable=False, server_default=text("false")),
    key=("run_id", "kind"),
)

sync_cursors = table(
    "sync_cursors",
    Column("connection_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    at("updated_at"),
    key=("connection_id", "kind"),
)

missing_objects = table(
    "missing_objects",
    Column("connection_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    at("since"),
    key=("connection_id", "kind"),
)

rejected_rows = table(
    "rejected_rows",
    Column("rejected_id", BigInteger, Identity(), nullable=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("line", BigInteger),
    Column("reason", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    at("recorded_at"),
    Index(None, "organization_id", "connection_id", "run_id"),
    key=("rejected_id",),
)
