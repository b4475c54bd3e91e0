"""Coaching notes with what was said of them, and requests to language models with their monthly budget.

Revision: 0016_coaching, after 0015_alarms
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0016_coaching"
down_revision = "0015_alarms"
branch_labels = None
depends_on = None

_TABLES = ("coaching_notes", "coaching_claims", "note_feedback", "llm_months", "llm_requests")
# All else that these tables say is never changed.
_CHANGES = {
    "coaching_notes": "owner_id, state, approved_by, approved_at, sent_at",
    "note_feedback": None,
    "llm_requests": "owner_id, settled_at, code, tokens_in, tokens_out, micro_usd, latency_ms",
}


def upgrade() -> None:
    _notes()
    _spending()
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)
    for table, columns in _CHANGES.items():
        op.execute(f"REVOKE UPDATE ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
        if columns is not None:
            op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _notes() -> None:
    op.create_table(
        "coaching_notes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("note_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False, comment="whom it is about; follows a merge"),
        sa.Column("written_for", sa.BigInteger(), nullable=False, comment="the owner's id when it was written"),
        sa.Column("week", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("note_for", sa.Text(), nullable=False, comment="rep or manager"),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="1: as written first; each edit and each change of facts is one",
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "sentences",
            postgresql.JSONB(),
            nullable=False,
            comment="kind, text, fact_ids, evidence of each",
        ),
        sa.Column(
            "facts",
            postgresql.JSONB(),
            nullable=False,
            comment="all that it could be about, as insights.coaching.facts dumps it",
        ),
        sa.Column("facts_hash", sa.Text(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=False, comment="of facts, versions, model, host and level"),
        sa.Column(
            "level", sa.Text(), nullable=False, comment="who worded it: L0 template, L1 to L3 a model, edited: a person"
        ),
        sa.Column("asked_level", sa.Text(), nullable=False, comment="what the settings asked for"),
        sa.Column("model", sa.Text(), nullable=True, comment="as the server named it; null: none answered"),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("verifier_version", sa.Text(), nullable=False),
        sa.Column(
            "codes",
            postgresql.JSONB(),
            nullable=False,
            comment="why answers were refused or did not come",
        ),
        sa.Column("n_completions", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=True, comment="null: unknown"),
        sa.Column("tokens_out", sa.BigInteger(), nullable=True),
        sa.Column(
            "micro_usd",
            sa.BigInteger(),
            nullable=True,
            comment="cost in millionths of a US dollar; null: a price is unknown",
        ),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=True, comment="who edited it; null: the program"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("level in ('L0', 'L1', 'L2', 'L3', 'edited')", name=op.f("ck_coaching_notes_level")),
        sa.CheckConstraint("note_for in ('rep', 'manager')", name=op.f("ck_coaching_notes_note_for")),
        sa.CheckConstraint("state in ('draft', 'approved', 'sent')", name=op.f("ck_coaching_notes_state")),
        sa.PrimaryKeyConstraint("organization_id", "note_id", name=op.f("pk_coaching_notes")),
    )
    op.create_index("ix_coaching_notes_cache_key", "coaching_notes", ["organization_id", "cache_key"], unique=False)
    op.create_index("ix_coaching_notes_owner", "coaching_notes", ["organization_id", "owner_id", "week"], unique=False)
    op.create_index(
        "uq_coaching_notes_version",
        "coaching_notes",
        ["organization_id", "written_for", "week", "note_for", "version"],
        unique=True,
    )
    op.create_table(
        "coaching_claims",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("note_for", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, comment="of the worker that writes it now"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("note_for in ('rep', 'manager')", name=op.f("ck_coaching_claims_note_for")),
        sa.PrimaryKeyConstraint("organization_id", "owner_id", "week", "note_for", name=op.f("pk_coaching_claims")),
    )
    op.create_table(
        "note_feedback",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("feedback_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("note_id", sa.BigInteger(), nullable=False),
        sa.Column("sentence", sa.Integer(), nullable=True, comment="its number from 0; null: the whole note"),
        sa.Column(
            "fact_id", sa.Text(), nullable=True, comment="of the sentence: which action or fact; null: the sentence"
        ),
        sa.Column("said", sa.Text(), nullable=False, comment="wrong, done, or none: taken back"),
        sa.Column("comment", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("said in ('wrong', 'done', 'none')", name=op.f("ck_note_feedback_said")),
        sa.PrimaryKeyConstraint("organization_id", "feedback_id", name=op.f("pk_note_feedback")),
    )
    op.create_index(
        "ix_note_feedback_note", "note_feedback", ["organization_id", "note_id", "feedback_id"], unique=False
    )


def _spending() -> None:
    op.create_table(
        "llm_months",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day, in the organization's time zone"),
        sa.Column("n_requests", sa.BigInteger(), nullable=False),
        sa.Column(
            "tokens", sa.BigInteger(), nullable=False, comment="used, and reserved by requests that are under way"
        ),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False, comment="the same in millionths of a US dollar"),
        sa.PrimaryKeyConstraint("organization_id", "month", name=op.f("pk_llm_months")),
    )
    op.create_table(
        "llm_requests",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="whose budget it counts in"),
        sa.Column("owner_id", sa.BigInteger(), nullable=False, comment="whom the note is about"),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("note_for", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False, comment="as it was asked for"),
        sa.Column("body", postgresql.JSONB(), nullable=False, comment="as sent, whole"),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_micro_usd", sa.BigInteger(), nullable=True, comment="null: a price is unknown"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "settled_at", sa.DateTime(timezone=True), nullable=True, comment="null: under way, or its process died"
        ),
        sa.Column("code", sa.Text(), nullable=True, comment="OK, or what went wrong"),
        sa.Column("tokens_in", sa.BigInteger(), nullable=True, comment="null: the server did not tell"),
        sa.Column("tokens_out", sa.BigInteger(), nullable=True),
        sa.Column("micro_usd", sa.BigInteger(), nullable=True, comment="what counts against the budget"),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "request_id", name=op.f("pk_llm_requests")),
    )
    op.create_index("ix_llm_requests_sent", "llm_requests", ["organization_id", "sent_at"], unique=False)
    op.create_index("ix_llm_requests_week", "llm_requests", ["organization_id", "owner_id", "week"], unique=False)
