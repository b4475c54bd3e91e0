"""What became of each job of an organization, slot by slot."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Identity, Index, Integer, Text, text

from snapshots.schema.base import at, table

job_runs = table(
    "job_runs",
    Column("run_id", BigInteger, Identity(), nullable=False),
    Column("job", Text, nullable=False),
    Column("slot", Date, nullable=False, comment="the organization's day that it was done for"),
    Column("attempt", Integer, nullable=False, comment="1: the first of its slot"),
    Column("trigger", Text, nullable=False, comment="schedule, catch-up or person"),
    Column("asked_by", Text, comment="null: nobody"),
    at("started_at"),
    at("ended_at", nullable=True, comment="null: it runs, or its process died"),
    Column("outcome", Text, nullable=False, comment="running, done, failed or interrupted"),
    Column("n_rows", BigInteger, comment="null: it does not count rows"),
    Column("said", Text, comment="what became of it, in a sentence"),
    Column("error", Text, comment="without secrets"),
    Column("error_id", Text, comment="as the log names it"),
    CheckConstraint("trigger in ('schedule', 'catch-up', 'person')", name="trigger"),
    CheckConstraint("outcome in ('running', 'done', 'failed', 'interrupted')", name="outcome"),
    CheckConstraint("(outcome = 'running') = (ended_at is null)", name="ended"),
    Index("uq_job_runs_attempt", "organization_id", "job", "slot", "attempt", unique=True),
    Index("uq_job_runs_running", "organization_id", "job", unique=True, postgresql_where=text("outcome = 'running'")),
    Index("ix_job_runs_started", "organization_id", "started_at"),
    key=("run_id",),
)
"""How a run began never changes; it ends once."""
