"""On which day each origin of visits was first told: new ones are limited by day. Those that are there count for none.

Revision: 0009_origin_days, after 0008_routing
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_origin_days"
down_revision = "0008_routing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "visit_origins",
        sa.Column(
            "first_day", sa.Date(), server_default=sa.text("'-infinity'"), nullable=False,
            comment="UTC, on which it was made: so many are new a day",
        ),
    )  # fmt: skip
    op.alter_column("visit_origins", "first_day", server_default=sa.text("CURRENT_DATE"))
    op.create_index(
        op.f("ix_visit_origins_organization_id_first_day"), "visit_origins", ["organization_id", "first_day"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_visit_origins_organization_id_first_day"), "visit_origins")
    op.drop_column("visit_origins", "first_day")
