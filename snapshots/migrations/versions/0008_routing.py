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

_TABLES = ("audit_entries",)
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
    _audit()
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entries FROM {APP_ROLE}")
    op.execute(f"REVOKE UPDATE ON audit_entries FROM {WORKER_ROLE}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_audit_entry")


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
