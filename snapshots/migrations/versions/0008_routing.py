"""Who gets a lead, who is told of it, and what was changed by whom.

Revision: 0008_routing, after 0007_tracking
"""

revision = "0008_routing"
down_revision = "0007_tracking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
