"""Credentials of CRM connections, and changes from one CRM to another.

Revision: 0005_crm_changes, after 0004_crm_tokens
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import protect

revision = "0005_crm_changes"
down_revision = "0004_crm_tokens"
branch_labels = None
depends_on = None

_TABLES = ("crm_credentials", "crm_changes", "crm_change_deals")


def upgrade() -> None:
    op.add_column(
        "crm_connections",
        sa.Column("retired_at", sa.DateTime(timezone=True), comment="since when it is not read any more"),
    )
    op.create_table(
        "crm_credentials",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="encrypted; the key is derived from SECRET_KEY"),
        sa.Column("updated_by", sa.Text()),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", name=op.f("pk_crm_credentials")),
    )
    op.create_table(
        "crm_changes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("from_connection_id", sa.BigInteger(), nullable=False),
        sa.Column("to_connection_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="reading", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "heartbeat_at", sa.DateTime(timezone=True), comment="last sign of life of the one who reads the new CRM"
        ),
        sa.Column("n_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("error_message", sa.Text()),
        sa.Column(
            "catalog",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="owners, teams and stages there",
        ),
        sa.Column(
            "switched_at",
            sa.DateTime(timezone=True),
            comment="from when on the new CRM counts; set when it is confirmed",
        ),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column(
            "ended_deals",
            postgresql.ARRAY(sa.BigInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="not moved",
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "state in ('reading', 'ready', 'failed', 'confirmed', 'done', 'undone')", name=op.f("ck_crm_changes_state")
        ),
        sa.CheckConstraint(
            "(state in ('confirmed', 'done')) = (switched_at is not null)", name=op.f("ck_crm_changes_switched")
        ),
        sa.PrimaryKeyConstraint("organization_id", "change_id", name=op.f("pk_crm_changes")),
    )
    op.create_index(
        "uq_crm_changes_open",
        "crm_changes",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("state in ('reading', 'ready', 'failed', 'confirmed')"),
    )
    op.create_table(
        "crm_change_deals",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(), nullable=False, comment="what there is to recognise it by"),
        sa.Column("deal_id", sa.BigInteger(), comment="ours that it is guessed to be"),
        sa.Column("grade", sa.SmallInteger(), server_default=sa.text("0"), nullable=False, comment="how much agrees"),
        sa.Column("reason", sa.Text()),
        sa.Column(
            "is_linked",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="confirmed to be that deal",
        ),
        sa.PrimaryKeyConstraint("organization_id", "change_id", "external_id", name=op.f("pk_crm_change_deals")),
    )
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_column("crm_connections", "retired_at")
