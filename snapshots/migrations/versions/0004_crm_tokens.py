"""Access tokens of CRMs whose log-in all workers share, encrypted.

Revision: 0004_crm_tokens, after 0003_lead_counts
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import protect

revision = "0004_crm_tokens"
down_revision = "0003_lead_counts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_tokens",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="encrypted with a key derived from SECRET_KEY"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "account", name=op.f("pk_crm_tokens")),
    )
    for statement in protect("crm_tokens"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("crm_tokens")
