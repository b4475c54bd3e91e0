"""Flags on open deals: what was judged when, from when to when each was raised, what people snoozed.

Revision: 0013_health, after 0012_forecasts
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0013_health"
down_revision = "0012_forecasts"
branch_labels = None
depends_on = None

# All else that these tables say is never changed.
_CHANGES = {
    "health_runs": "judged_at, rules_version, n_open, n_won, not_applied, record",
    "health_flags": "last_day, latest",
    "health_snoozes": "ended_at, ended_by",
}


def upgrade() -> None:
    op.create_table(
        "health_runs",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="as of whose end the open deals were judged"),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "is_replayed", sa.Boolean(), nullable=False, comment="judged later, by what is known now of that day"
        ),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("n_open", sa.Integer(), nullable=False),
        sa.Column("n_won", sa.Integer(), nullable=False, comment="won deals that limits could rest on"),
        sa.Column("not_applied", postgresql.JSONB(), nullable=False, comment="why, by rule"),
        sa.Column(
            "record", postgresql.JSONB(), nullable=False, comment="how many past flags came true by then, by rule"
        ),
        sa.PrimaryKeyConstraint("organization_id", "day", name=op.f("pk_health_runs")),
    )
    op.create_table(
        "health_flags",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False, comment="the last judged day on which it was raised"),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_replayed", sa.Boolean(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(), nullable=False, comment="value, limit, n … as known on the first day"
        ),
        sa.Column("latest", postgresql.JSONB(), nullable=False, comment="the same as of the last day"),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_health_flags_days")),
        sa.PrimaryKeyConstraint("organization_id", "deal_id", "rule", "first_day", name=op.f("pk_health_flags")),
    )
    op.create_index("ix_health_flags_organization_id_last_day", "health_flags", ["organization_id", "last_day"])
    op.create_table(
        "health_snoozes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("snooze_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("snoozed_by", sa.Text(), nullable=False),
        sa.Column("snoozed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=False, comment="its last day"),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="when somebody woke it before"),
        sa.Column("ended_by", sa.Text()),
        sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name=op.f("ck_health_snoozes_ended")),
        sa.PrimaryKeyConstraint("organization_id", "snooze_id", name=op.f("pk_health_snoozes")),
    )
    op.create_index(
        "ix_health_snoozes_organization_id_deal_id_rule", "health_snoozes", ["organization_id", "deal_id", "rule"]
    )
    for table, columns in _CHANGES.items():
        for statement in protect(table):
            op.execute(statement)
        op.execute(f"REVOKE UPDATE ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")


def downgrade() -> None:
    for table in reversed(_CHANGES):
        op.drop_table(table)
