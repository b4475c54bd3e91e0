"""Counts of received leads that do not read all of them: delivered ones are counted as they are delivered, indexes hold
those that wait for a person and the days of the others.

Writing leads waits while the two indexes are built, about a second per million leads; whoever is refused meanwhile
(503) sends again.

Revision: 0003_lead_counts, after 0002
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0003_lead_counts"
down_revision = "0002"
branch_labels = None
depends_on = None

# With its caller's rights, so under row-level security. A delivered lead stays delivered, so nothing is ever taken off.
# Connections count in slots of their own: they would wait for each other's commit at a single row.
COUNT_DELIVERED = """
CREATE FUNCTION count_delivered_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO delivered_counts AS c (organization_id, form_id, slot, n)
    VALUES (NEW.organization_id, NEW.form_id, pg_backend_pid() % 16, 1)
    ON CONFLICT (organization_id, form_id, slot) DO UPDATE SET n = c.n + 1;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "delivered_counts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False, comment="of the connection that counted"),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "form_id", "slot", name=op.f("pk_delivered_counts")),
    )
    for statement in protect("delivered_counts"):
        op.execute(statement)
    op.create_index(
        "ix_received_leads_aside",
        "received_leads",
        ["organization_id", "state", "reason", "received_at"],
        postgresql_include=["form_id"],
        postgresql_where=sa.text("state in ('parked', 'quarantined')"),
    )
    op.create_index(
        "ix_received_leads_delivered",
        "received_leads",
        ["organization_id", "received_at"],
        postgresql_include=["form_id"],
        postgresql_where=sa.text("state = 'delivered'"),
    )
    op.execute(COUNT_DELIVERED)
    op.execute(f"GRANT EXECUTE ON FUNCTION count_delivered_lead TO {APP_ROLE}, {WORKER_ROLE}")
    op.execute(
        "CREATE TRIGGER count_delivered_when_new AFTER INSERT ON received_leads FOR EACH ROW "
        "WHEN (NEW.state = 'delivered') EXECUTE FUNCTION count_delivered_lead()"
    )
    op.execute(
        "CREATE TRIGGER count_delivered AFTER UPDATE OF state ON received_leads FOR EACH ROW "
        "WHEN (NEW.state = 'delivered' AND OLD.state <> 'delivered') EXECUTE FUNCTION count_delivered_lead()"
    )
    # As the role that sees all: the tables' owner is under row-level security too. Nobody writes leads meanwhile: the
    # indexes hold their lock until this is committed.
    op.execute(f"SET LOCAL ROLE {WORKER_ROLE}")
    op.execute(
        "INSERT INTO delivered_counts (organization_id, form_id, slot, n) "
        "SELECT organization_id, form_id, 0, count(*) FROM received_leads WHERE state = 'delivered' GROUP BY 1, 2"
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TRIGGER count_delivered ON received_leads")
    op.execute("DROP TRIGGER count_delivered_when_new ON received_leads")
    op.execute("DROP FUNCTION count_delivered_lead")
    op.drop_index("ix_received_leads_delivered", table_name="received_leads")
    op.drop_index("ix_received_leads_aside", table_name="received_leads")
    op.drop_table("delivered_counts")
