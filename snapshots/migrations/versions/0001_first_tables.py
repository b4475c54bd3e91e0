"""The first tables, the program roles, row-level security, and the job queue's own schema.

Revision: 0001, after
"""

from contextlib import closing

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, CREATE_ROLES, WORKER_ROLE, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "activities",
    "activity_daily",
    "companies",
    "contacts",
    "crm_connections",
    "currency_rates",
    "deal_contacts",
    "deal_daily",
    "deal_versions",
    "deals",
    "deliveries",
    "demo_contacts",
    "external_links",
    "idempotency_keys",
    "lead_daily",
    "leads",
    "missing_objects",
    "organizations",
    "owner_versions",
    "owners",
    "pipelines",
    "products",
    "raw_records",
    "rejected_rows",
    "stage_events",
    "stages",
    "sync_counts",
    "sync_cursors",
    "sync_runs",
    "teams",
    "users",
)
QUEUE_TABLES = (
    "procrastinate_workers",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_events",
)

DROP_JOB_QUEUE = """
DO $$
DECLARE item record;
BEGIN
    DROP TABLE IF EXISTS procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
        procrastinate_workers CASCADE;
    FOR item IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = 'public'::regnamespace LOOP
        EXECUTE 'DROP FUNCTION IF EXISTS ' || item.name || ' CASCADE';
    END LOOP;
    FOR item IN SELECT typname AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') AND typnamespace = 'public'::regnamespace LOOP
        EXECUTE 'DROP TYPE IF EXISTS ' || item.name || ' CASCADE';
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute(CREATE_ROLES)
    op.execute(sa.schema.CreateSequence(sa.Sequence("entity_id_seq", data_type=sa.BigInteger)))
    op.create_table(
        "activities",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("deal_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("lead_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", "external_id", name=op.f("pk_activities")),
    )
    op.create_index(
        "ix_activities_deal",
        "activities",
        ["organization_id", "deal_id", "occurred_at"],
        unique=False,
        postgresql_where=sa.text("deal_id is not null"),
    )
    op.create_index(
        op.f("ix_activities_organization_id_owner_id_occurred_at"),
        "activities",
        ["organization_id", "owner_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "activity_daily",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "day", "owner_id", "kind", name=op.f("pk_activity_daily")),
    )
    op.create_index(
        op.f("ix_activity_daily_organization_id_owner_id_day"),
        "activity_daily",
        ["organization_id", "owner_id", "day"],
        unique=False,
    )
    op.create_table(
        "companies",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("employees", sa.BigInteger(), nullable=True),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "company_id", name=op.f("pk_companies")),
    )
    op.create_table(
        "contacts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "contact_id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_organization_id_email"), "contacts", ["organization_id", "email"], unique=False)
    op.create_table(
        "crm_connections",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="never secrets",
        ),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", name=op.f("pk_crm_connections")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_crm_connections_organization_id_name")),
    )
    op.create_table(
        "currency_rates",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("to_currency", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "rate",
            sa.Numeric(precision=20, scale=10),
            nullable=False,
            comment="units of to_currency for one unit of currency",
        ),
        sa.Column("entered_by", sa.Text(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("rate > 0", name=op.f("ck_currency_rates_rate_positive")),
        sa.PrimaryKeyConstraint("organization_id", "currency", "to_currency", "day", name=op.f("pk_currency_rates")),
    )
    op.create_table(
        "deal_contacts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "deal_id", "contact_id", name=op.f("pk_deal_contacts")),
    )
    op.create_table(
        "deal_daily",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="created, won or lost"),
        sa.Column("day", sa.Date(), nullable=False, comment="when it happened"),
        sa.Column(
            "known_day", sa.Date(), nullable=False, comment="from which day on it is true; sum over known_day <= D"
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("n_valued", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id",
            "event",
            "day",
            "known_day",
            "owner_id",
            "pipeline_id",
            "source",
            "currency",
            name=op.f("pk_deal_daily"),
        ),
    )
    op.create_table(
        "deal_versions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("is_observed", sa.Boolean(), nullable=False, comment="false: reconstructed from the CRM's history"),
        sa.Column("status", sa.Text(), nullable=False, comment="open, won, lost, deleted, archived or merged"),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True),
        sa.Column("stage_id", sa.BigInteger(), nullable=True),
        sa.Column("stage_entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("close_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_day", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_day", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint(
            "organization_id", "deal_id", "valid_from", "recorded_at", name=op.f("pk_deal_versions")
        ),
    )
    op.create_index(
        "ix_deal_versions_open",
        "deal_versions",
        ["organization_id", "valid_to", "valid_from"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        op.f("ix_deal_versions_organization_id_closed_day"),
        "deal_versions",
        ["organization_id", "closed_day"],
        unique=False,
    )
    op.create_index(
        op.f("ix_deal_versions_organization_id_created_day"),
        "deal_versions",
        ["organization_id", "created_day"],
        unique=False,
    )
    op.create_table(
        "deals",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "deal_id", name=op.f("pk_deals")),
    )
    op.create_table(
        "deliveries",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["organization_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "demo_contacts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "email", name=op.f("pk_demo_contacts")),
    )
    op.create_table(
        "external_links",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "is_merged",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="merged into the object that it now means; whatever else the CRM still says of it is old",
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "connection_id", "kind", "external_id", name=op.f("pk_external_links")
        ),
    )
    op.create_index(
        op.f("ix_external_links_organization_id_kind_entity_id"),
        "external_links",
        ["organization_id", "kind", "entity_id"],
        unique=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.BigInteger(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "scope", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "lead_daily",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("n_converted", sa.BigInteger(), nullable=False),
        sa.Column(
            "n_known", sa.BigInteger(), nullable=False, comment="leads of which the CRM says whether they converted"
        ),
        sa.PrimaryKeyConstraint("organization_id", "day", "owner_id", "source", name=op.f("pk_lead_daily")),
    )
    op.create_table(
        "leads",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_day", sa.Date(), nullable=True, comment="null: the CRM gives no date"),
        sa.Column("converted", sa.Boolean(), nullable=True, comment="null: the CRM does not say"),
        sa.Column("converted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deal_id", sa.BigInteger(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_leads")),
    )
    op.create_index(
        op.f("ix_leads_organization_id_created_day"), "leads", ["organization_id", "created_day"], unique=False
    )
    op.create_index(op.f("ix_leads_organization_id_email"), "leads", ["organization_id", "email"], unique=False)
    op.create_table(
        "missing_objects",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", "kind", name=op.f("pk_missing_objects")),
    )
    op.create_table(
        "organizations",
        sa.Column("organization_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column(
            "default_currency",
            sa.Text(),
            nullable=True,
            comment="assumed where a record names none; null: such amounts stay without one",
        ),
        sa.Column(
            "reporting_currency",
            sa.Text(),
            nullable=True,
            comment="the currency that pages convert to where a rate is known",
        ),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "data_version",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="grows with every batch",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
    )
    op.create_table(
        "owner_versions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("is_observed", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "organization_id", "owner_id", "valid_from", "recorded_at", name=op.f("pk_owner_versions")
        ),
    )
    op.create_table(
        "owners",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "team_id", sa.BigInteger(), nullable=True, comment="the team now; for another day see owner_versions"
        ),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "owner_id", name=op.f("pk_owners")),
    )
    op.create_table(
        "pipelines",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "pipeline_id", name=op.f("pk_pipelines")),
    )
    op.create_table(
        "products",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "product_id", name=op.f("pk_products")),
    )
    op.create_table(
        "raw_records",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_key", sa.Text(), nullable=False, comment="our id; for activities connection:external id"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "entity_key", "recorded_at", name=op.f("pk_raw_records")),
    )
    op.create_table(
        "rejected_rows",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("rejected_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "rejected_id", name=op.f("pk_rejected_rows")),
    )
    op.create_index(
        op.f("ix_rejected_rows_organization_id_connection_id_run_id"),
        "rejected_rows",
        ["organization_id", "connection_id", "run_id"],
        unique=False,
    )
    op.create_table(
        "stage_events",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), nullable=False),
        sa.Column("from_stage_id", sa.BigInteger(), nullable=True),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("is_observed", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "deal_id", "entered_at", "stage_id", name=op.f("pk_stage_events")),
    )
    op.create_index(
        op.f("ix_stage_events_organization_id_stage_id_entered_at"),
        "stage_events",
        ["organization_id", "stage_id", "entered_at"],
        unique=False,
    )
    op.create_table(
        "stages",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "probability", sa.Double(), nullable=True, comment="the CRM's own, in [0, 1]; null where it has none"
        ),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "stage_id", name=op.f("pk_stages")),
    )
    op.create_table(
        "sync_counts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fetched", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("new", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deleted", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "expected",
            sa.BigInteger(),
            nullable=True,
            comment="what the CRM says it has; null where it cannot be asked",
        ),
        sa.Column("ours", sa.BigInteger(), nullable=True, comment="what we hold as live after the run"),
        sa.Column("is_done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "run_id", "kind", name=op.f("pk_sync_counts")),
    )
    op.create_table(
        "sync_cursors",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", "kind", name=op.f("pk_sync_cursors")),
    )
    op.create_table(
        "sync_runs",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="running, succeeded, failed, cancelled or interrupted"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step", sa.Text(), nullable=True, comment="the kind of object it is at"),
        sa.Column("error_id", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "run_id", name=op.f("pk_sync_runs")),
    )
    op.create_index(
        op.f("ix_sync_runs_organization_id_connection_id_started_at"),
        "sync_runs",
        ["organization_id", "connection_id", "started_at"],
        unique=False,
    )
    op.create_table(
        "teams",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), server_default=sa.text("nextval('entity_id_seq')"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("manager_id", sa.BigInteger(), nullable=True, comment="owner_id of the manager"),
        sa.Column("manager_name", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="deleted, archived or merged in the CRM"
        ),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "team_id", name=op.f("pk_teams")),
    )
    op.create_table(
        "users",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True, comment="the salesperson that this user is"),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('admin', 'sales_ops', 'manager', 'rep', 'analyst')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name=op.f("pk_users")),
        sa.UniqueConstraint("organization_id", "email", name=op.f("uq_users_organization_id_email")),
    )
    for table in TABLES:
        for statement in protect(table):
            op.execute(statement)
    for role in (APP_ROLE, WORKER_ROLE):
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
    _install_job_queue()


def _install_job_queue() -> None:
    # Procrastinate's own schema, as the locked version ships it; a newer version brings a migration of ours.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SchemaManager.get_schema())
    for role in (APP_ROLE, WORKER_ROLE):
        for table in QUEUE_TABLES:
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")


def downgrade() -> None:
    op.execute(DROP_JOB_QUEUE)
    op.drop_table("users")
    op.drop_table("teams")
    op.drop_index(op.f("ix_sync_runs_organization_id_connection_id_started_at"), table_name="sync_runs")
    op.drop_table("sync_runs")
    op.drop_table("sync_cursors")
    op.drop_table("sync_counts")
    op.drop_table("stages")
    op.drop_index(op.f("ix_stage_events_organization_id_stage_id_entered_at"), table_name="stage_events")
    op.drop_table("stage_events")
    op.drop_index(op.f("ix_rejected_rows_organization_id_connection_id_run_id"), table_name="rejected_rows")
    op.drop_table("rejected_rows")
    op.drop_table("raw_records")
    op.drop_table("products")
    op.drop_table("pipelines")
    op.drop_table("owners")
    op.drop_table("owner_versions")
    op.drop_table("organizations")
    op.drop_table("missing_objects")
    op.drop_index(op.f("ix_leads_organization_id_email"), table_name="leads")
    op.drop_index(op.f("ix_leads_organization_id_created_day"), table_name="leads")
    op.drop_table("leads")
    op.drop_table("lead_daily")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_external_links_organization_id_kind_entity_id"), table_name="external_links")
    op.drop_table("external_links")
    op.drop_table("demo_contacts")
    op.drop_index("ix_deliveries_due", table_name="deliveries", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("deliveries")
    op.drop_table("deals")
    op.drop_index(op.f("ix_deal_versions_organization_id_created_day"), table_name="deal_versions")
    op.drop_index(op.f("ix_deal_versions_organization_id_closed_day"), table_name="deal_versions")
    op.drop_index("ix_deal_versions_open", table_name="deal_versions", postgresql_where=sa.text("status = 'open'"))
    op.drop_table("deal_versions")
    op.drop_table("deal_daily")
    op.drop_table("deal_contacts")
    op.drop_table("currency_rates")
    op.drop_table("crm_connections")
    op.drop_index(op.f("ix_contacts_organization_id_email"), table_name="contacts")
    op.drop_table("contacts")
    op.drop_table("companies")
    op.drop_index(op.f("ix_activity_daily_organization_id_owner_id_day"), table_name="activity_daily")
    op.drop_table("activity_daily")
    op.drop_index(op.f("ix_activities_organization_id_owner_id_occurred_at"), table_name="activities")
    op.drop_index("ix_activities_deal", table_name="activities", postgresql_where=sa.text("deal_id is not null"))
    op.drop_table("activities")
    op.execute("DROP SEQUENCE entity_id_seq")
