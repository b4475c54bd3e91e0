"""Forms, received leads with their delivery, and API keys; every organization gets its default form.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "api_keys",
    "delivery_accounts",
    "delivery_attempts",
    "forms",
    "lead_actions",
    "rate_budgets",
    "received_leads",
    "refused_submissions",
)

# Stores leads in one statement, so in one transaction and one round trip, and says what is there for each: itself, or
# what came earlier with the same idempotency key. It runs with its caller's rights: each organization's rows are
# written as that organization, under row-level security.
ACCEPT_LEADS = """
CREATE FUNCTION accept_leads(
    organizations bigint[], leads uuid[], forms bigint[], keys text[], hashes bytea[], bodies bytea[], types text[],
    networks text[], emails text[], phones text[], firsts text[], lasts text[], companies text[], contacts text[],
    reasons text[], details text[], extras text[], all_flags text[], dues float8[]
) RETURNS TABLE (
    place bigint, lead_id uuid, is_new boolean, is_same boolean, state text, email text, outcome text, external_id text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    own bigint;
BEGIN
    FOR own IN SELECT DISTINCT o FROM unnest(organizations) o LOOP
        PERFORM set_config('slms.organization_id', own::text, true);
        RETURN QUERY
        WITH given AS MATERIALIZED (
            SELECT * FROM unnest(organizations, leads, forms, keys, hashes, bodies, types, networks, emails, phones,
                firsts, lasts, companies, contacts, reasons, details, extras, all_flags, dues)
            WITH ORDINALITY AS g (o, lead, form, key, hash, body, body_type, network, email, phone, first, last, company,
                contact, reason, detail, extra, flags, due, place)
            WHERE o = own
        ),
        stored AS (
            INSERT INTO received_leads AS l (organization_id, lead_id, form_id, idempotency_key, request_hash, body,
                body_type, network, email, phone, first_name, last_name, company, contact_key, reason, detail, extra,
                flags, state, next_attempt_at)
            SELECT o, lead, form, key, hash, body, body_type, network, email, phone, first, last, company, contact,
                reason, detail, extra::jsonb, string_to_array(flags, ','),
                CASE WHEN due IS NULL THEN 'quarantined' ELSE 'pending' END, now() + make_interval(secs => due)
            FROM given
            ON CONFLICT (organization_id, form_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
            RETURNING l.lead_id, l.state, l.email
        )
        SELECT g.place, g.lead, s.lead_id IS NOT NULL, true, s.state, s.email, NULL::text, NULL::text
        FROM given g LEFT JOIN stored s ON s.lead_id = g.lead;
    END LOOP;
    IF 0 = ANY (dues) THEN
        PERFORM pg_notify('slms_leads', '');
    END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False, comment="the first characters, to tell keys apart"),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False, comment="SHA-256; the key itself is not kept"),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("organization_id", "key_hash", name=op.f("uq_api_keys_organization_id_key_hash")),
    )
    op.create_table(
        "delivery_accounts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in a row, over all leads"
        ),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", name=op.f("pk_delivery_accounts")),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "finished_at", sa.DateTime(timezone=True), nullable=True, comment="null: it runs, or its process was killed"
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="created, updated, exists, retry, wait, or the reason of parking",
        ),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", "fence", name=op.f("pk_delivery_attempts")),
    )
    op.create_table(
        "forms",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="public: names organization and form, proves nothing"),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "connection_id",
            sa.BigInteger(),
            nullable=True,
            comment="where its leads go; null: the first connection that takes leads",
        ),
        sa.Column(
            "fields",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="extra fields that reach the CRM",
        ),
        sa.Column("thank_you_urls", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "phone_region", sa.Text(), nullable=True, comment="ISO 3166 country of phone numbers without a country code"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "form_id", name=op.f("pk_forms")),
        sa.UniqueConstraint("organization_id", "key", name=op.f("uq_forms_organization_id_key")),
    )
    op.create_index(
        "uq_forms_default", "forms", ["organization_id"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_table(
        "lead_actions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("action_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="replayed, edited or released"),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "action_id", name=op.f("pk_lead_actions")),
    )
    op.create_index(
        op.f("ix_lead_actions_organization_id_lead_id"), "lead_actions", ["organization_id", "lead_id"], unique=False
    )
    op.create_table(
        "rate_budgets",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "account", name=op.f("pk_rate_budgets")),
    )
    op.create_table(
        "received_leads",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False, comment="version 7: in the order of receipt"),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of what was sent"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="what was sent, byte for byte"),
        sa.Column("body_type", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True, comment="the sender's network, not the address"),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column(
            "extra",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="every other field, as text",
        ),
        sa.Column(
            "contact_key",
            sa.Text(),
            nullable=False,
            comment="whose leads keep their order: e-mail, else phone, else id",
        ),
        sa.Column("flags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is parked or quarantined"),
        sa.Column("detail", sa.Text(), nullable=True, comment="the same in words"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="those that count"),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="grows with every claim"),
        sa.Column("connection_id", sa.BigInteger(), nullable=True, comment="where it was delivered"),
        sa.Column("external_id", sa.Text(), nullable=True, comment="the CRM's id of the contact"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="created, updated or exists"),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'delivered') = (delivered_at is not null)", name=op.f("ck_received_leads_delivered")
        ),
        sa.CheckConstraint("(state = 'pending') = (next_attempt_at is not null)", name=op.f("ck_received_leads_due")),
        sa.CheckConstraint(
            "(state in ('parked', 'quarantined')) = (reason is not null)", name=op.f("ck_received_leads_reason")
        ),
        sa.CheckConstraint(
            "state in ('pending', 'delivered', 'parked', 'quarantined')", name=op.f("ck_received_leads_state")
        ),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_received_leads")),
    )
    op.create_index(
        "ix_received_leads_due",
        "received_leads",
        ["organization_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        op.f("ix_received_leads_organization_id_contact_key_lead_id"),
        "received_leads",
        ["organization_id", "contact_key", "lead_id"],
        unique=False,
    )
    op.create_index(
        "uq_received_leads_idempotency_key",
        "received_leads",
        ["organization_id", "form_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key is not null"),
    )
    op.create_table(
        "refused_submissions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("refused_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_type", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "refused_id", name=op.f("pk_refused_submissions")),
    )
    op.create_index(
        op.f("ix_refused_submissions_organization_id_received_at"),
        "refused_submissions",
        ["organization_id", "received_at"],
        unique=False,
    )
    op.drop_index("ix_deliveries_due", table_name="deliveries", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("deliveries")
    for table in TABLES:
        for statement in protect(table):
            op.execute(statement)
    for role in (APP_ROLE, WORKER_ROLE):
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
    op.execute(ACCEPT_LEADS)
    op.execute(f"GRANT EXECUTE ON FUNCTION accept_leads TO {APP_ROLE}, {WORKER_ROLE}")
    # As the role that sees all: the tables' owner is under row-level security too.
    op.execute(f"SET LOCAL ROLE {WORKER_ROLE}")
    op.execute(
        "INSERT INTO forms (organization_id, name, key, is_default) "
        "SELECT organization_id, 'Default form', organization_id || '-' || replace(gen_random_uuid()::text, '-', ''), "
        "true FROM organizations"
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP FUNCTION accept_leads")
    op.create_table(
        "deliveries",
        sa.Column("organization_id", sa.BIGINT(), autoincrement=False, nullable=False),
        sa.Column(
            "delivery_id",
            sa.BIGINT(),
            sa.Identity(
                always=False, start=1, increment=1, minvalue=1, maxvalue=9223372036854775807, cycle=False, cache=1
            ),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("connection_id", sa.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("lead_id", sa.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("state", sa.TEXT(), server_default=sa.text("'pending'::text"), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.SMALLINT(), server_default=sa.text("0"), autoincrement=False, nullable=False),
        sa.Column("next_attempt_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=True),
        sa.Column("fence", sa.BIGINT(), server_default=sa.text("0"), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.TEXT(), autoincrement=False, nullable=True),
        sa.Column("reason", sa.TEXT(), autoincrement=False, nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("organization_id", "delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["organization_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(op.f("ix_refused_submissions_organization_id_received_at"), table_name="refused_submissions")
    op.drop_table("refused_submissions")
    op.drop_index(
        "uq_received_leads_idempotency_key",
        table_name="received_leads",
        postgresql_where=sa.text("idempotency_key is not null"),
    )
    op.drop_index(op.f("ix_received_leads_organization_id_contact_key_lead_id"), table_name="received_leads")
    op.drop_index("ix_received_leads_due", table_name="received_leads", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("received_leads")
    op.drop_table("rate_budgets")
    op.drop_index(op.f("ix_lead_actions_organization_id_lead_id"), table_name="lead_actions")
    op.drop_table("lead_actions")
    op.drop_index("uq_forms_default", table_name="forms", postgresql_where=sa.text("is_default"))
    op.drop_table("forms")
    op.drop_table("delivery_attempts")
    op.drop_table("delivery_accounts")
    op.drop_table("api_keys")
    for statement in protect("deliveries"):
        op.execute(statement)
    for role in (APP_ROLE, WORKER_ROLE):
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
