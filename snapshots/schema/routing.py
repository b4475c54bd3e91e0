"""Who gets a lead, who is told of it, and what was changed by whom."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

audit_entries = table(
    "audit_entries",
    Column("entry_id", BigInteger, Identity(), nullable=False),
    at("at", server_default=func.now()),
    Column("by", Text, nullable=False, comment="e-mail of the one who did it, or which program"),
    Column("action", Text, nullable=False, comment="created, changed, removed, revoked …"),
    Column("subject", Text, nullable=False, comment="what kind of thing"),
    Column("subject_id", Text, nullable=False),
    Column("before", JSONB, comment="null: there was none"),
    Column("after", JSONB, comment="null: there is none any more"),
    Index(None, "organization_id", "subject", "entry_id"),
    key=("entry_id",),
)
"""Append-only, by rights and by trigger; it goes with its organization alone."""
