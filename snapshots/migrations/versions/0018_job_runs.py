"""What became of each job of an organization, slot by slot.

Revision: 0018_job_runs, after 0018_unsubscribed
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0018_job_runs"
down_revision = "0018_unsubscribed"
branch_labels = None
depends_on = None

_ENDED = "ended_at, outcome, n_rows, said, error, error_id"


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", sa.Date(), nullable=False, comment="the organization's day that it was done for"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="1: the first of its slot"),
        sa.Column("trigger", sa.Text(), nullable=False, comment="schedule, catch-up or person"),
        sa.Column("asked_by", sa.Text(), comment="null: nobody"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="null: it runs, or its process died"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="running, done, failed or interrupted"),
        sa.Column("n_rows", sa.BigInteger(), comment="null: it does not count rows"),
        sa.Column("said", sa.Text(), comment="what became of it, in a sentence"),
        sa.Column("error", sa.Text(), comment="without secrets"),
        sa.Column("error_id", sa.Text(), comment="as the log names it"),
        sa.CheckConstraint("trigger in ('schedule', 'catch-up', 'person')", name=op.f("ck_job_runs_trigger")),
        sa.CheckConstraint("outcome in ('running', 'done', 'failed', 'interrupted')", name=op.f("ck_job_runs_outcome")),
        sa.CheckConstraint("(outcome = 'running') = (ended_at is null)", name=op.f("ck_job_runs_ended")),
        sa.PrimaryKeyConstraint("organization_id", "run_id", name=op.f("pk_job_runs")),
    )
    op.create_index("uq_job_runs_attempt", "job_runs", ["organization_id", "job", "slot", "attempt"], unique=True)
    op.create_index(
        "uq_job_runs_running", "job_runs", ["organization_id", "job"], unique=True,
        postgresql_where=sa.text("outcome = 'running'"),
    )  # fmt: skip
    op.create_index("ix_job_runs_started", "job_runs", ["organization_id", "started_at"])
    for statement in protect("job_runs"):
        op.execute(statement)
    op.execute(f"REVOKE UPDATE ON job_runs FROM {APP_ROLE}, {WORKER_ROLE}")
    op.execute(f"GRANT UPDATE ({_ENDED}) ON job_runs TO {APP_ROLE}, {WORKER_ROLE}")


def downgrade() -> None:
    op.drop_table("job_runs")
