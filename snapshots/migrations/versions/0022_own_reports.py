"""Everybody gets the own report where that is switched on: who gets one by that alone is told from whom a person added.

Revision: 0022_own_reports, after 0021_long_lived
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_own_reports"
down_revision = "0021_long_lived"
branch_labels = None
depends_on = None


def upgrade() -> None:
    no = sa.text("false")
    everybody = sa.Column(
        "to_everybody", sa.Boolean, nullable=False, server_default=no,
        comment="every active salesperson with an address gets the own report, too",
    )  # fmt: skip
    automatic = sa.Column(
        "is_automatic", sa.Boolean, nullable=False, server_default=no,
        comment="on the list because everybody gets the own report, not because a person put it there",
    )  # fmt: skip
    op.add_column("report_schedules", everybody)
    op.add_column("report_recipients", automatic)


def downgrade() -> None:
    # Whoever was on the list by that switch alone would else get reports for good.
    op.execute(sa.text("DELETE FROM report_recipients WHERE is_automatic AND unsubscribed_at IS NULL"))
    op.drop_column("report_recipients", "is_automatic")
    op.drop_column("report_schedules", "to_everybody")
