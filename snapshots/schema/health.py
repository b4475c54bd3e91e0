"""Flags on open deals: which rule raised them from when to when, which days were judged, and what people snoozed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Identity, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

health_runs = table(
    "health_runs",
    Column("day", Date, nullable=False, comment="as of whose end the open deals were judged"),
    at("judged_at"),
    Column("is_replayed", Boolean, nullable=False, comment="judged later, by what is known now of that day"),
    Column("rules_version", Text, nullable=False),
    Column("n_open", Integer, nullable=False),
    Column("n_won", Integer, nullable=False, comment="won deals that limits could rest on"),
    Column("not_applied", JSONB, nullable=False, comment="why, by rule"),
    Column("record", JSONB, nullable=False, comment="how many past flags came true by then, by rule"),
    key=("day",),
)

health_flags = table(
    "health_flags",
    Column("deal_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False, comment="the last judged day on which it was raised"),
    at("raised_at"),
    Column("is_replayed", Boolean, nullable=False),
    Column("evidence", JSONB, nullable=False, comment="value, limit, n … as known on the first day"),
    Column("latest", JSONB, nullable=False, comment="the same as of the last day"),
    CheckConstraint("last_day >= first_day", name="days"),
    Index(None, "organization_id", "last_day"),
    key=("deal_id", "rule", "first_day"),
)
"""Only the end of an interval moves; the deal follows a merge."""

health_snoozes = table(
    "health_snoozes",
    Column("snooze_id", BigInteger, Identity(), nullable=False),
    Column("deal_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("snoozed_by", Text, nullable=False),
    at("snoozed_at"),
    Column("until", Date, nullable=False, comment="its last day"),
    at("ended_at", nullable=True, comment="when somebody woke it before"),
    Column("ended_by", Text),
    CheckConstraint("(ended_at is null) = (ended_by is null)", name="ended"),
    Index(None, "organization_id", "deal_id", "rule"),
    key=("snooze_id",),
)
