"""Who gets a lead, who is told of it, and what was changed by whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
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

routing_rules = table(
    "routing_rules",
    Column("rule_id", BigInteger, Identity(), nullable=False),
    Column("position", Integer, nullable=False, comment="the first that matches decides"),
    Column("name", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_default", Boolean, nullable=False, server_default=text("false"), comment="the last one, for all others"),
    Column("conditions", JSONB, nullable=False, server_default=text("'[]'")),
    Column("owner_id", BigInteger, comment="who gets the leads"),
    Column("team_id", BigInteger, comment="or whose members, by turns"),
    Column("turn", BigInteger, nullable=False, server_default=text("0"), comment="how far the turns have come"),
    Column("served", BigInteger, nullable=False, server_default=text("0"), comment="how many were given by turns"),
    at("created_at", server_default=func.now()),
    CheckConstraint("(owner_id is null) <> (team_id is null)", name="target"),
    Index("uq_routing_rules_default", "organization_id", unique=True, postgresql_where=text("is_default")),
    key=("rule_id",),
)

routing_turns = table(
    "routing_turns",
    Column("rule_id", BigInteger, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("weight", SmallInteger, nullable=False, server_default=text("1"), comment="0: takes no turn"),
    Column("turn", BigInteger, nullable=False, server_default=text("0"), comment="when it is this one's turn"),
    Column("served", BigInteger, nullable=False, server_default=text("0"), comment="the last that this one was given"),
    CheckConstraint("weight between 0 and 10", name="weight"),
    key=("rule_id", "owner_id"),
)

routing_capacities = table(
    "routing_capacities",
    Column("owner_id", BigInteger, nullable=False),
    Column("per_day", Integer, nullable=False, comment="leads that this one gets on a day at most"),
    CheckConstraint("per_day > 0", name="per_day"),
    key=("owner_id",),
)

absences = table(
    "absences",
    Column("absence_id", BigInteger, Identity(), nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("stand_in_id", BigInteger, comment="the owner who gets the leads meanwhile"),
    CheckConstraint("last_day >= first_day", name="days"),
    Index(None, "organization_id", "owner_id", "last_day"),
    key=("absence_id",),
)

lead_assignments = table(
    "lead_assignments",
    Column("lead_id", Uuid, nullable=False),
    Column("owner_id", BigInteger, comment="null: nobody"),
    Column("rule_id", BigInteger, comment="null: none matched"),
    Column("because", Text, nullable=False, comment="in words"),
    at("at"),
    Column("day", Date, nullable=False, comment="of the organization, for capacities"),
    Column("source", Text, nullable=False, comment="where it came from, by the rules of then"),
    Column("campaign", Text, nullable=False, comment="empty: none"),
    Index(None, "organization_id", "owner_id", "day"),
    key=("lead_id",),
)
"""Each lead once. A lead without a row came in while nobody was to get or to be told."""

webhooks = table(
    "webhooks",
    Column("webhook_id", BigInteger, Identity(), nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="the secret it signs with, encrypted"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    at("created_at", server_default=func.now()),
    at("last_at", nullable=True),
    Column("last_state", Text, comment="sent, pending or parked"),
    Column("last_detail", Text, comment="what it answered"),
    Column("last_is_test", Boolean),
    key=("webhook_id",),
)

notifications = table(
    "notifications",
    Column("notification_id", BigInteger, Identity(), nullable=False),
    Column("lead_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False, comment="an e-mail address, or the id of a webhook"),
    Column("message_id", Text, nullable=False, comment="the same on every attempt"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    at("next_attempt_at", nullable=True, server_default=func.now()),
    at("lease_until", nullable=True),
    Column("fence", Integer, nullable=False, server_default=text("0"), comment="grows with every claim"),
    Column("reason", Text, comment="why it is parked"),
    Column("detail", Text, comment="what the last attempt said"),
    at("created_at", server_default=func.now()),
    at("sent_at", nullable=True),
    CheckConstraint("channel in ('email', 'webhook')", name="channel"),
    CheckConstraint("state in ('pending', 'sent', 'parked')", name="state"),
    CheckConstraint("(state = 'pending') = (next_attempt_at is not null)", name="due"),
    CheckConstraint("(state = 'sent') = (sent_at is not null)", name="sent"),
    CheckConstraint("(state = 'parked') = (reason is not null)", name="reason"),
    UniqueConstraint("organization_id", "lead_id", "channel", "recipient"),
    Index("ix_notifications_due", "organization_id", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("ix_notifications_parked", "organization_id", "notification_id", postgresql_where=text("state = 'parked'")),
    key=("notification_id",),
)
"""Each is its own outbox, like a received lead."""

lead_merges = table(
    "lead_merges",
    Column("lead_id", Uuid, nullable=False, comment="a duplicate"),
    Column("kept_lead_id", Uuid, nullable=False, comment="of this one"),
    at("merged_at"),
    Column("by", Text, nullable=False),
    Index(None, "organization_id", "kept_lead_id"),
    key=("lead_id",),
)

merged_values = table(
    "merged_values",
    Column("lead_id", Uuid, nullable=False, comment="the one that was kept"),
    Column("values", JSONB, nullable=False, comment="what its later deliveries say, by field"),
    key=("lead_id",),
)
"""What was sent stays in `received_leads`, of the kept one too."""
