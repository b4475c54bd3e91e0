"""Leads are given away and told of without their CRM: which ones were looked at already, and an index of the others.
Origins of pages on which a form was refused, by day. What a webhook answered last.

Writing leads waits while the index is built, about a second per million leads; whoever is refused meanwhile (503) sends
again. Leads that were pending before are looked at once; those that were given away stay with whom they were.

Revision: 0010_told_without_a_crm, after 0009_origin_days
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import protect

revision = "0010_told_without_a_crm"
down_revision = "0009_origin_days"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "received_leads",
        sa.Column(
            "is_routed", sa.Boolean(), server_default=sa.text("false"), nullable=False,
            comment="it was looked at who gets it and who is told, or it needs no look",
        ),
    )  # fmt: skip
    op.create_index(
        "ix_received_leads_unrouted",
        "received_leads",
        ["organization_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'pending' AND NOT is_routed"),
    )
    op.create_table(
        "blocked_origins",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("origin", sa.Text(), nullable=False, comment="of the page, as https://shop.example"),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="how often the form was asked for there"),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "form_id", "day", "origin", name=op.f("pk_blocked_origins")),
    )
    for statement in protect("blocked_origins"):
        op.execute(statement)
    op.add_column("webhooks", sa.Column("last_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("webhooks", sa.Column("last_state", sa.Text(), nullable=True, comment="sent, pending or parked"))
    op.add_column("webhooks", sa.Column("last_detail", sa.Text(), nullable=True, comment="what it answered"))
    op.add_column("webhooks", sa.Column("last_is_test", sa.Boolean(), nullable=True))


def downgrade() -> None:
    for name in ("last_is_test", "last_detail", "last_state", "last_at"):
        op.drop_column("webhooks", name)
    op.drop_table("blocked_origins")
    op.drop_index("ix_received_leads_unrouted", "received_leads")
    op.drop_column("received_leads", "is_routed")
