"""Coaching notes with what they rest on and what people said of them; requests to language models with their cost."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

_NOTE_FOR = "note_for in ('rep', 'manager')"

coaching_notes = table(
    "coaching_notes",
    Column("note_id", BigInteger, Identity(), nullable=False),
    Column("owner_id", BigInteger, nullable=False, comment="whom it is about; follows a merge"),
    Column("written_for", BigInteger, nullable=False, comment="the owner's id when it was written"),
    Column("week", Date, nullable=False, comment="its first day"),
    Column("note_for", Text, nullable=False, comment="rep or manager"),
    Column(
        "version", Integer, nullable=False, comment="1: as written first; each edit and each change of facts is one"
    ),
    Column("text", Text, nullable=False),
    Column("sentences", JSONB, nullable=False, comment="kind, text, fact_ids, evidence of each"),
    Column("facts", JSONB, nullable=False, comment="all that it could be about, as insights.coaching.facts dumps it"),
    Column("facts_hash", Text, nullable=False),
    Column("cache_key", Text, nullable=False, comment="of facts, versions, model, host and level"),
    Column("level", Text, nullable=False, comment="who worded it: L0 template, L1 to L3 a model, edited: a person"),
    Column("asked_level", Text, nullable=False, comment="what the settings asked for"),
    Column("model", Text, comment="as the server named it; null: none answered"),
    Column("host", Text),
    Column("prompt_version", Text, nullable=False),
    Column("verifier_version", Text, nullable=False),
    Column("codes", JSONB, nullable=False, comment="why answers were refused or did not come"),
    Column("n_completions", Integer, nullable=False),
    Column("tokens_in", BigInteger, comment="null: unknown"),
    Column("tokens_out", BigInteger),
    Column("micro_usd", BigInteger, comment="cost in millionths of a US dollar; null: a price is unknown"),
    Column("latency_ms", Integer, nullable=False),
    Column("written_by", Text, comment="who edited it; null: the program"),
    at("written_at"),
    Column("state", Text, nullable=False, server_default=text("'draft'")),
    Column("approved_by", Text),
    at("approved_at", nullable=True),
    at("sent_at", nullable=True),
    CheckConstraint(_NOTE_FOR, name="note_for"),
    CheckConstraint("level in ('L0', 'L1', 'L2', 'L3', 'edited')", name="level"),
    CheckConstraint("state in ('draft', 'approved', 'sent')", name="state"),
    Index("uq_coaching_notes_version", "organization_id", "written_for", "week", "note_for", "version", unique=True),
    Index("ix_coaching_notes_owner", "organization_id", "owner_id", "week"),
    Index("ix_coaching_notes_cache_key", "organization_id", "cache_key"),
    key=("note_id",),
)
"""What a version says never changes; the newest of a week counts."""

coaching_claims = table(
    "coaching_claims",
    Column("owner_id", BigInteger, nullable=False),
    Column("week", Date, nullable=False),
    Column("note_for", Text, nullable=False),
    Column("token", Text, nullable=False, comment="of the worker that writes it now"),
    at("until"),
    CheckConstraint(_NOTE_FOR, name="note_for"),
    key=("owner_id", "week", "note_for"),
)
"""Of several workers one writes; a claim that is over may be taken."""

note_feedback = table(
    "note_feedback",
    Column("feedback_id", BigInteger, Identity(), nullable=False),
    Column("note_id", BigInteger, nullable=False),
    Column("sentence", Integer, comment="its number from 0; null: the whole note"),
    Column("fact_id", Text, comment="of the sentence: which action or fact; null: the sentence"),
    Column("said", Text, nullable=False, comment="wrong, done, or none: taken back"),
    Column("comment", Text, nullable=False, server_default=text("''")),
    Column("said_by", Text, nullable=False),
    at("said_at"),
    CheckConstraint("said in ('wrong', 'done', 'none')", name="said"),
    Index("ix_note_feedback_note", "organization_id", "note_id", "feedback_id"),
    key=("feedback_id",),
)
"""The newest of a person about the same thing counts."""

llm_months = table(
    "llm_months",
    Column("month", Date, nullable=False, comment="its first day, in the organization's time zone"),
    Column("n_requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False, comment="used, and reserved by requests that are under way"),
    Column("micro_usd", BigInteger, nullable=False, comment="the same in millionths of a US dollar"),
    key=("month",),
)

llm_requests = table(
    "llm_requests",
    Column("request_id", BigInteger, Identity(), nullable=False),
    Column("month", Date, nullable=False, comment="whose budget it counts in"),
    Column("owner_id", BigInteger, nullable=False, comment="whom the note is about"),
    Column("week", Date, nullable=False),
    Column("note_for", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("model", Text, nullable=False, comment="as it was asked for"),
    Column("body", JSONB, nullable=False, comment="as sent, whole"),
    Column("reserved_tokens", BigInteger, nullable=False),
    Column("reserved_micro_usd", BigInteger, comment="null: a price is unknown"),
    at("sent_at"),
    at("settled_at", nullable=True, comment="null: under way, or its process died"),
    Column("code", Text, comment="OK, or what went wrong"),
    Column("tokens_in", BigInteger, comment="null: the server did not tell"),
    Column("tokens_out", BigInteger),
    Column("micro_usd", BigInteger, comment="what counts against the budget"),
    Column("latency_ms", Integer),
    Index("ix_llm_requests_week", "organization_id", "owner_id", "week"),
    Index("ix_llm_requests_sent", "organization_id", "sent_at"),
    key=("request_id",),
)
"""One row per request, retries included."""
