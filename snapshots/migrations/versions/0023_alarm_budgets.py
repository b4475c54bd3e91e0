"""How many false alarms about weeks an organization bears; without a row it is the program's usual number.

Revision: 0023_alarm_budgets, after 0022_own_reports
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import protect

revision = "0023_alarm_budgets"
down_revision = "0022_own_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_budgets",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("budget", sa.Double(), nullable=False, comment="false alarms per series and quarter"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint("budget between 0.05 and 1", name=op.f("ck_alarm_budgets_budget")),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_alarm_budgets")),
    )
    for statement in protect("alarm_budgets"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("alarm_budgets")
