"""Leads that were received, their delivery, and what it needs; the demo CRM's own memory."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

idempotency_keys = table(
    "idempotency_keys",
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", BigInteger, nullable=False),
    Column("response", JSONB),
    at("created_at", server_default=func.now()),
    key=("scope", "key"),
)

received_leads = table(
    "received_leads",
    Column("lead_id", Uuid, nullable=False, comment="version 7: in the order of receipt"),
    Column("form_id", BigInteger, nullable=False),
    at("received_at", server_default=func.now()),
    Column("idempotency_key", Text),
    Column("request_hash", LargeBinary, nullable=False, comment="SHA-256 of what was sent"),
    Column("body", LargeBinary, nullable=False, comment="what was sent, byte for byte"),
    Column("body_type", Text, nullable=False),
    Column("network", Text, comment="the sender's network, not the address"),
    Column("email", Text),
    Column("phone", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'"), comment="every other field, as text"),
    Column("form_version", Integer, comment="the version of the form that was filled in; null: before there were any"),
    Column("visit", Text, comment="random id of the visit, as the widget says it"),
    Column("source", Text, comment="as the submission says, else as the form does"),
    Column("campaign", Text, comment="as the submission says, else as the form does"),
    Column("consents", JSONB, comment="what was agreed to: field, text, version and time of each"),
    Column("routed_owner_id", BigInteger, comment="the owner that the assignment rules chose"),
    Column(
        "is_routed",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it was looked at who gets it and who is told, or it needs no look",
    ),
    Column("contact_key", Text, nullable=False, comment="whose leads keep their order: e-mail, else phone, else id"),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text, comment="why it is parked or quarantined"),
    Column("detail", Text, comment="the same in words"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="those that count"),
    at("next_attempt_at", nullable=True, server_default=func.now()),
    at("lease_until", nullable=True),
    Column("fence", Integer, nullable=False, server_default=text("0"), comment="grows with every claim"),
    Column("connection_id", BigInteger, comment="where it was delivered"),
    Column("external_id", Text, comment="the CRM's id of the contact"),
    Column("outcome", Text, comment="created, updated or exists"),
    at("delivered_at", nullable=True),
    CheckConstraint("state in ('pending', 'delivered', 'parked', 'quarantined')", name="state"),
    CheckConstraint("(state = 'pending') = (next_attempt_at is not null)", name="due"),
    CheckConstraint("(state = 'delivered') = (delivered_at is not null)", name="delivered"),
    CheckConstraint("(state in ('parked', 'quarantined')) = (reason is not null)", name="reason"),
    Index(
        "uq_received_leads_idempotency_key",
        "organization_id",
        "form_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key is not null"),
    ),
    Index(None, "organization_id", "contact_key", "lead_id"),
    Index("ix_received_leads_due", "organization_id", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index(
        "ix_received_leads_unrouted",
        "organization_id",
        "next_attempt_at",
        postgresql_where=text("state = 'pending' AND NOT is_routed"),
    ),
    Index(
        "ix_received_leads_aside",
        "organization_id",
        "state",
        "reason",
        "received_at",
        postgresql_include=["form_id"],
        postgresql_where=text("state in ('parked', 'quarantined')"),
    ),
    Index(
        "ix_received_leads_delivered",
        "organization_id",
        "received_at",
        postgresql_include=["form_id"],
        postgresql_where=text("state = 'delivered'"),
    ),
    key=("lead_id",),
)
"""Each lead that was accepted, which is its own outbox: pending until it is delivered, parked or quarantined. The
indexes are partial so that taking a lead in writes to none of the last two."""

delivered_counts = table(
    "delivered_counts",
    Column("form_id", BigInteger, nullable=False),
    Column("slot", SmallInteger, nullable=False, comment="of the connection that counted"),
    Column("n", BigInteger, nullable=False),
    key=("form_id", "slot"),
)
"""How many leads of a form were ever delivered, summed over slots; a trigger on `received_leads` counts."""

delivery_attempts = table(
    "delivery_attempts",
    Column("lead_id", Uuid, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("connection_id", BigInteger),
    Column("worker", Text, nullable=False),
    at("started_at"),
    at("finished_at", nullable=True, comment="null: it runs, or its process was killed"),
    Column("outcome", Text, comment="created, updated, exists, retry, wait, or the reason of parking"),
    Column("detail", Text),
    key=("lead_id", "fence"),
)

lead_actions = table(
    "lead_actions",
    Column("action_id", BigInteger, Identity(), nullable=False),
    Column("lead_id", Uuid, nullable=False),
    at("at"),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False, comment="replayed, edited or released"),
    Column("before", JSONB, nullable=False, server_default=text("'{}'")),
    Column("after", JSONB, nullable=False, server_default=text("'{}'")),
    Index(None, "organization_id", "lead_id"),
    key=("action_id",),
)

refused_submissions = table(
    "refused_submissions",
    Column("refused_id", BigInteger, Identity(), nullable=False),
    Column("form_id", BigInteger, nullable=False),
    at("received_at", server_default=func.now()),
    Column("body", LargeBinary, nullable=False),
    Column("body_type", Text, nullable=False),
    Column("network", Text),
    Column("field", Text),
    Column("reason", Text, nullable=False),
    Index(None, "organization_id", "received_at"),
    key=("refused_id",),
)

delivery_accounts = table(
    "delivery_accounts",
    Column("connection_id", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="in a row, over all leads"),
    at("paused_until", nullable=True),
    Column("reason", Text),
    Column("detail", Text),
    at("since", nullable=True),
    key=("connection_id",),
)

rate_budgets = table(
    "rate_budgets",
    Column("account", Text, nullable=False),
    at("free_at"),
    key=("account",),
)

crm_tokens = table(
    "crm_tokens",
    Column("account", Text, nullable=False),
    Column("token", LargeBinary, nullable=False, comment="encrypted with a key derived from SECRET_KEY"),
    at("expires_at"),
    key=("account",),
)

api_keys = table(
    "api_keys",
    Column("key_id", BigInteger, Identity(), nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False, comment="the first characters, to tell keys apart"),
    Column("key_hash", LargeBinary, nullable=False, comment="SHA-256; the key itself is not kept"),
    Column("scopes", ARRAY(Text), nullable=False),
    at("created_at", server_default=func.now()),
    at("expires_at", nullable=True),
    at("revoked_at", nullable=True),
    at("last_used_at", nullable=True),
    UniqueConstraint("organization_id", "key_hash"),
    key=("key_id",),
)

demo_contacts = table(
    "demo_contacts",
    Column("email", Text, nullable=False),
    Column("record", JSONB, nullable=False),
    at("updated_at", server_default=func.now()),
    key=("email",),
)
