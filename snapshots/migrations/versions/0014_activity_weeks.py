"""What each owner did in a week, as counts that the quality of activity is made of.

Revision: 0014_activity_weeks, after 0013_health
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import protect

revision = "0014_activity_weeks"
down_revision = "0013_health"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity_weeks",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False, comment="its Monday"),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("n_open", sa.BigInteger(), nullable=False, comment="deals open at its end"),
        sa.Column(
            "recency", sa.Double(), nullable=False,
            comment="of these, sum of 2 ^ (-days since the last activity / 14)",
        ),
        sa.Column(
            "n_covered", sa.BigInteger(), nullable=False, comment="of these, with an activity in the last 30 days"
        ),
        sa.Column("n_sent", sa.BigInteger(), nullable=False, comment="e-mails sent in it to somebody"),
        sa.Column("n_answered", sa.BigInteger(), nullable=False, comment="of these, answered within seven days"),
        sa.Column(
            "n_planned", sa.BigInteger(), nullable=False, comment="meetings in it of which the outcome is known"
        ),
        sa.Column("n_held", sa.BigInteger(), nullable=False, comment="of these, held"),
        sa.Column("n_worked", sa.BigInteger(), nullable=False, comment="deals open at its end or closed in it"),
        sa.Column(
            "n_moved", sa.BigInteger(), nullable=False, comment="of these, moved to a later stage in it, or won"
        ),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "week", "owner_id", name=op.f("pk_activity_weeks")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_activity_weeks_organization_id_owner_id_week"),
        "activity_weeks",
        ["organization_id", "owner_id", "week"],
    )
    for statement in protect("activity_weeks"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("activity_weeks")
