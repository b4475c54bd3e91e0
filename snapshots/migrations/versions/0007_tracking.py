"""What visitors did with forms, sources and campaigns.

Revision: 0007_tracking, after 0006_forms
"""

revision = "0007_tracking"
down_revision = "0006_forms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
