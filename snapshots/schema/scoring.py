"""Models and what they said of leads and deals: versions, scores as they were issued, runs; what leads were before."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

_SUBJECT = "subject in ('lead', 'deal')"

model_versions = table(
    "model_versions",
    Column("subject", Text, nullable=False, comment="lead or deal"),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False, comment="candidate, active, retired or refused"),
    at("trained_at"),
    at("cut_off", comment="nothing later was learned from"),
    Column("n", BigInteger, nullable=False, comment="rows it was trained on"),
    Column("n_positive", BigInteger, nullable=False),
    Column("data_hash", Text, nullable=False),
    Column("card", JSONB, nullable=False, comment="the report card"),
    Column("model", LargeBinary, comment="as skops packs it; null: none could be made"),
    Column("trained_by", Text, nullable=False),
    at("promoted_at", nullable=True, comment="for the last time"),
    Column("promoted_by", Text),
    at("retired_at", nullable=True),
    CheckConstraint(_SUBJECT, name="subject"),
    CheckConstraint("state in ('candidate', 'active', 'retired', 'refused')", name="state"),
    CheckConstraint("state <> 'active' or model is not null", name="active_has_model"),
    Index(
        "uq_model_versions_active", "organization_id", "subject", unique=True, postgresql_where=text("state = 'active'")
    ),
    key=("subject", "version"),
)
"""What a version is never changes; which one is used does."""

scores = table(
    "scores",
    Column("subject", Text, nullable=False, comment="lead or deal"),
    Column("entity_key", Text, nullable=False, comment="our id; the UUID of a lead from a website"),
    at("scored_at"),
    Column("model_version", Integer, comment="null: points by rule"),
    Column("score", Double, nullable=False, comment="points, not clipped: 50 is the base rate, 10 double the odds"),
    Column("log_odds", Double, nullable=False),
    Column("probability", Double, comment="in [0, 1]; null: points by rule"),
    Column("base_rate", Double, comment="in [0, 1]"),
    Column("band", Text, nullable=False, comment="hot, warm, cool or cold"),
    Column("reasons", JSONB, nullable=False, comment="what adds up to the score, the largest first"),
    Column("close_early", Date, comment="of a deal: the first of ten days on which it may close"),
    Column("close_likely", Date),
    Column("close_late", Date),
    Column("expected_minor", BigInteger, comment="amount times probability"),
    Column("currency", Text),
    Column("due_on", Date, nullable=False, comment="when it can be graded at the latest"),
    Column("outcome", SmallInteger, comment="1: it happened, 0: it did not; null: not known yet"),
    at("graded_at", nullable=True),
    Column("is_current", Boolean, nullable=False),
    Column(
        "entity_id",
        BigInteger,
        Computed(
            "CASE WHEN entity_key ~ '^[0-9]{1,18}$'::text THEN entity_key::bigint ELSE NULL::bigint END", persisted=True
        ),
        comment="null: a lead from a website",
    ),
    CheckConstraint(_SUBJECT, name="subject"),
    CheckConstraint("band in ('hot', 'warm', 'cool', 'cold')", name="band"),
    CheckConstraint("probability between 0 and 1", name="probability"),
    CheckConstraint("model_version is not null or probability is null", name="rules_have_no_probability"),
    CheckConstraint("(outcome is null) = (graded_at is null)", name="graded"),
    Index(
        "ix_scores_current", "organization_id", "subject", "score", "entity_key", postgresql_where=text("is_current")
    ),
    Index(
        "uq_scores_current",
        "organization_id",
        "subject",
        "entity_key",
        unique=True,
        postgresql_where=text("is_current"),
    ),
    Index("ix_scores_due", "organization_id", "subject", "due_on", postgresql_where=text("outcome is null")),
    key=("subject", "entity_key", "scored_at"),
)
"""As they were issued. Later only the outcome is filled in, which one is current moves, and ids follow a merge."""

scoring_runs = table(
    "scoring_runs",
    Column("run_id", BigInteger, Identity(), nullable=False),
    Column("subject", Text, nullable=False, comment="lead or deal"),
    Column("kind", Text, nullable=False, comment="train or score"),
    Column("state", Text, nullable=False, comment="running, done, failed or stopped"),
    at("started_at"),
    at("heartbeat_at", comment="last sign of life"),
    at("finished_at", nullable=True),
    Column("n_done", BigInteger, nullable=False, server_default=text("0")),
    Column("n_total", BigInteger, comment="null: not known yet"),
    Column("message", Text, comment="what it is doing, or how it ended"),
    Column("stop_asked", Boolean, nullable=False, server_default=text("false")),
    Column("started_by", Text, nullable=False),
    CheckConstraint(_SUBJECT, name="subject"),
    CheckConstraint("kind in ('train', 'score')", name="kind"),
    CheckConstraint("state in ('running', 'done', 'failed', 'stopped')", name="state"),
    CheckConstraint("(state = 'running') = (finished_at is null)", name="finished"),
    Index(
        "uq_scoring_runs_running",
        "organization_id",
        "subject",
        "kind",
        unique=True,
        postgresql_where=text("state = 'running'"),
    ),
    key=("run_id",),
)

lead_versions = table(
    "lead_versions",
    Column("lead_id", BigInteger, nullable=False),
    at("superseded_at", comment="until when we believed it"),
    Column("source", Text),
    Column("campaign", Text),
    Column("status", Text),
    Column("owner_id", BigInteger),
    Column("email", Text),
    Column("phone", Text),
    Column("company_name", Text),
    Column("fields", JSONB),
    Column("converted", Boolean),
    at("converted_at", nullable=True),
    key=("lead_id", "superseded_at"),
)
"""What a lead was before each change that we saw; what it is stands in `leads`. A trigger on that writes them. Like the
versions of merged deals those of a merged lead stay its own; owners in them follow a merge."""
