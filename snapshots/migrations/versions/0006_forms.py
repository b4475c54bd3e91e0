"""Versions of forms, and what a lead says of the form and the visit that it came from.

Revision: 0006_forms, after 0005_crm_changes
"""

revision = "0006_forms"
down_revision = "0005_crm_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
