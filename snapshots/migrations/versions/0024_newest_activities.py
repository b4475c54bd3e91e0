"""An index by which the newest activities of everybody are found, whoever did them.

Revision: 0024_newest_activities, after 0023_alarm_budgets
"""

from alembic import op

revision = "0024_newest_activities"
down_revision = "0023_alarm_budgets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_activities_occurred", "activities", ["organization_id", "occurred_at"])


def downgrade() -> None:
    op.drop_index("ix_activities_occurred", "activities")
