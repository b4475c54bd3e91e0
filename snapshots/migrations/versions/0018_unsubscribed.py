"""When a recipient of weekly reports said that nothing shall come any more.

Revision: 0018_unsubscribed, after 0017_reports
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_unsubscribed"
down_revision = "0017_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("report_recipients", sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("report_recipients", "unsubscribed_at")
