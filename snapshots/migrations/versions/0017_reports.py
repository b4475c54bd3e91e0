"""Weekly reports as they were made, who gets them and when, and what became of each sending.

Revision: 0017_reports, after 0016_coaching
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0017_reports"
down_revision = "0016_coaching"
branch_labels = None
depends_on = None

_TABLES = ("weekly_reports", "report_recipients", "report_schedules", "report_sendings")
_AUDIENCE = "audience in ('organization', 'manager', 'rep') and (audience = 'organization') = (owner_id = 0)"
_CHANNEL = "channel in ('email', 'chat')"


def upgrade() -> None:
    _archive()
    _readers()
    _sendings()
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)
    op.execute(f"REVOKE UPDATE ON weekly_reports FROM {APP_ROLE}, {WORKER_ROLE}")  # what was made stays as it is


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _archive() -> None:
    op.create_table(
        "weekly_reports",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column(
            "owner_id",
            sa.BigInteger(),
            nullable=False,
            comment="whose it is, as the id was then; 0: the organization's",
        ),
        sa.Column("week", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("whose", sa.Text(), nullable=False, comment="in words"),
        sa.Column("summary", sa.Text(), nullable=False, comment="for chat"),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(_AUDIENCE, name=op.f("ck_weekly_reports_audience")),
        sa.CheckConstraint("extract(isodow FROM week) = 1", name=op.f("ck_weekly_reports_week")),
        sa.PrimaryKeyConstraint("organization_id", "report_id", name=op.f("pk_weekly_reports")),
    )
    op.create_index(
        "uq_weekly_reports_whose", "weekly_reports", ["organization_id", "week", "audience", "owner_id"], unique=True
    )


def _readers() -> None:
    op.create_table(
        "report_recipients",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column(
            "owner_id", sa.BigInteger(), nullable=False, comment="whose report; follows a merge; 0: the organization's"
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column(
            "address", sa.Text(), nullable=False, comment="an e-mail address, or what a chat's webhook is called"
        ),
        sa.Column("sealed", sa.LargeBinary(), comment="the webhook's address, encrypted"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(_AUDIENCE, name=op.f("ck_report_recipients_audience")),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_report_recipients_channel")),
        sa.CheckConstraint("(channel = 'chat') = (sealed IS NOT NULL)", name=op.f("ck_report_recipients_sealed")),
        sa.PrimaryKeyConstraint("organization_id", "recipient_id", name=op.f("pk_report_recipients")),
    )
    op.create_table(
        "report_schedules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, comment="0: Monday"),
        sa.Column("hour", sa.SmallInteger(), nullable=False, comment="of the organization's day"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("weekday between 0 and 6 and hour between 0 and 23", name=op.f("ck_report_schedules_slot")),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_report_schedules")),
    )


def _sendings() -> None:
    op.create_table(
        "report_sendings",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sending_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False, comment="an e-mail address, or the id of a recipient"),
        sa.Column(
            "copy", sa.Integer(), nullable=False, comment="0: the first; each one that a person asked for is one more"
        ),
        sa.Column("message_id", sa.Text(), nullable=False, comment="the same on every attempt"),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("fence", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.CheckConstraint(_CHANNEL, name=op.f("ck_report_sendings_channel")),
        sa.CheckConstraint("state in ('pending', 'sent', 'parked')", name=op.f("ck_report_sendings_state")),
        sa.PrimaryKeyConstraint("organization_id", "sending_id", name=op.f("pk_report_sendings")),
    )
    op.create_index(
        "uq_report_sendings_once",
        "report_sendings",
        ["organization_id", "report_id", "channel", "recipient", "copy"],
        unique=True,
    )
    op.create_index(
        "ix_report_sendings_due",
        "report_sendings",
        ["organization_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
