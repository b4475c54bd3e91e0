"""Rollups by day. The day is '-infinity' where the CRM gives none, owner 0 where there is none, '' where a word is
missing."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Text

from snapshots.schema.base import table

activity_daily = table(
    "activity_daily",
    Column("day", Date, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Index(None, "organization_id", "owner_id", "day"),
    key=("day", "owner_id", "kind"),
)

lead_daily = table(
    "lead_daily",
    Column("day", Date, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_converted", BigInteger, nullable=False),
    Column("n_known", BigInteger, nullable=False, comment="leads of which the CRM says whether they converted"),
    key=("day", "owner_id", "source"),
)

deal_daily = table(
    "deal_daily",
    Column("event", Text, nullable=False, comment="created, won or lost"),
    Column("day", Date, nullable=False, comment="when it happened"),
    Column("known_day", Date, nullable=False, comment="from which day on it is true; sum over known_day <= D"),
    Column("owner_id", BigInteger, nullable=False),
    Column("pipeline_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_valued", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    key=("event", "day", "known_day", "owner_id", "pipeline_id", "source", "currency"),
)
