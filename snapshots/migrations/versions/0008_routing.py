"""Who gets a lead, who is told of it, and what was changed by whom.

Revision: 0008_routing, after 0007_tracking
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0008_routing"
down_revision = "0007_tracking"
branch_labels = None
depends_on = None

_TABLES = (
    "audit_entries", "routing_rules", "routing_turns", "routing_capacities", "absences", "lead_assignments", "webhooks",
    "notifications", "lead_merges", "merged_values",
)  # fmt: skip
# The log goes with its organization and in no other way, whoever asks.
KEEP_AUDIT = f"""
CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = '{WORKER_ROLE}'
        AND current_setting('slms.removed_organization', true) = OLD.organization_id::text THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column(
            "fiscal_year_start",
            sa.SmallInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="its first month",
        ),
    )
    op.create_check_constraint(
        op.f("ck_organizations_fiscal_year_start"), "organizations", "fiscal_year_start between 1 and 12"
    )
    _audit()
    _routing()
    _notifications()
    _merges()
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entries FROM {APP_ROLE}")
    op.execute(f"REVOKE UPDATE ON audit_entries FROM {WORKER_ROLE}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_audit_entry")
    op.drop_column("organizations", "fiscal_year_start")


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="e-mail of the one who did it, or which program"),
        sa.Column("action", sa.Text(), nullable=False, comment="created, changed, removed, revoked …"),
        sa.Column("subject", sa.Text(), nullable=False, comment="what kind of thing"),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), comment="null: there was none"),
        sa.Column("after", postgresql.JSONB(), comment="null: there is none any more"),
        sa.PrimaryKeyConstraint("organization_id", "entry_id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        op.f("ix_audit_entries_organization_id_subject_entry_id"),
        "audit_entries",
        ["organization_id", "subject", "entry_id"],
    )
    op.execute(KEEP_AUDIT)
    op.execute(
        "CREATE TRIGGER keep_audit_entry BEFORE UPDATE OR DELETE ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION keep_audit_entry()"
    )


def _routing() -> None:
    op.create_table(
        "routing_rules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="the first that matches decides"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "is_default",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the last one, for all others",
        ),
        sa.Column("conditions", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), comment="who gets the leads"),
        sa.Column("team_id", sa.BigInteger(), comment="or whose members, by turns"),
        sa.Column(
            "turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="how far the turns have come"
        ),
        sa.Column(
            "served",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="how many were given by turns",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(owner_id is null) <> (team_id is null)", name=op.f("ck_routing_rules_target")),
        sa.PrimaryKeyConstraint("organization_id", "rule_id", name=op.f("pk_routing_rules")),
    )
    op.create_index(
        "uq_routing_rules_default",
        "routing_rules",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "routing_turns",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.SmallInteger(), server_default=sa.text("1"), nullable=False, comment="0: takes no turn"),
        sa.Column(
            "turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="when it is this one's turn"
        ),
        sa.Column(
            "served",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="the last that this one was given",
        ),
        sa.CheckConstraint("weight between 0 and 10", name=op.f("ck_routing_turns_weight")),
        sa.PrimaryKeyConstraint("organization_id", "rule_id", "owner_id", name=op.f("pk_routing_turns")),
    )
    op.create_table(
        "routing_capacities",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False, comment="leads that this one gets on a day at most"),
        sa.CheckConstraint("per_day > 0", name=op.f("ck_routing_capacities_per_day")),
        sa.PrimaryKeyConstraint("organization_id", "owner_id", name=op.f("pk_routing_capacities")),
    )
    op.create_table(
        "absences",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("absence_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("stand_in_id", sa.BigInteger(), comment="the owner who gets the leads meanwhile"),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_absences_days")),
        sa.PrimaryKeyConstraint("organization_id", "absence_id", name=op.f("pk_absences")),
    )
    op.create_index(
        "ix_absences_organization_id_owner_id_last_day", "absences", ["organization_id", "owner_id", "last_day"]
    )
    op.create_table(
        "lead_assignments",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), comment="null: nobody"),
        sa.Column("rule_id", sa.BigInteger(), comment="null: none matched"),
        sa.Column("because", sa.Text(), nullable=False, comment="in words"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="of the organization, for capacities"),
        sa.Column("source", sa.Text(), nullable=False, comment="where it came from, by the rules of then"),
        sa.Column("campaign", sa.Text(), nullable=False, comment="empty: none"),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_lead_assignments")),
    )
    op.create_index(
        "ix_lead_assignments_organization_id_owner_id_day", "lead_assignments", ["organization_id", "owner_id", "day"]
    )


def _notifications() -> None:
    op.create_table(
        "webhooks",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the secret it signs with, encrypted"),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "webhook_id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "notifications",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False, comment="an e-mail address, or the id of a webhook"),
        sa.Column("message_id", sa.Text(), nullable=False, comment="the same on every attempt"),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()")),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="grows with every claim"),
        sa.Column("reason", sa.Text(), comment="why it is parked"),
        sa.Column("detail", sa.Text(), comment="what the last attempt said"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("channel in ('email', 'webhook')", name=op.f("ck_notifications_channel")),
        sa.CheckConstraint("(state = 'pending') = (next_attempt_at is not null)", name=op.f("ck_notifications_due")),
        sa.CheckConstraint("(state = 'parked') = (reason is not null)", name=op.f("ck_notifications_reason")),
        sa.CheckConstraint("(state = 'sent') = (sent_at is not null)", name=op.f("ck_notifications_sent")),
        sa.CheckConstraint("state in ('pending', 'sent', 'parked')", name=op.f("ck_notifications_state")),
        sa.PrimaryKeyConstraint("organization_id", "notification_id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "organization_id",
            "lead_id",
            "channel",
            "recipient",
            name=op.f("uq_notifications_organization_id_lead_id_channel_recipient"),
        ),
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["organization_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_notifications_parked",
        "notifications",
        ["organization_id", "notification_id"],
        postgresql_where=sa.text("state = 'parked'"),
    )


def _merges() -> None:
    op.create_table(
        "lead_merges",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False, comment="a duplicate"),
        sa.Column("kept_lead_id", sa.Uuid(), nullable=False, comment="of this one"),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_lead_merges")),
    )
    op.create_index("ix_lead_merges_organization_id_kept_lead_id", "lead_merges", ["organization_id", "kept_lead_id"])
    op.create_table(
        "merged_values",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False, comment="the one that was kept"),
        sa.Column("values", postgresql.JSONB(), nullable=False, comment="what its later deliveries say, by field"),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_merged_values")),
    )
