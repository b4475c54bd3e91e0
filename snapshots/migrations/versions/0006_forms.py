"""Versions of forms, and what a lead says of the form and the visit that it came from.

The program that is being replaced goes on meanwhile: its columns of `forms` and its `accept_leads`, which has fewer
arguments, stay beside the new ones for this release.

Revision: 0006_forms, after 0005_crm_changes
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0006_forms"
down_revision = "0005_crm_changes"
branch_labels = None
depends_on = None

ARGUMENTS = (
    "bigint[], uuid[], bigint[], text[], bytea[], bytea[], text[], text[], text[], text[], text[], text[], text[], "
    "text[], text[], text[], int[], text[], text[], text[], text[], text[], float8[], text[]"
)
# As before (0002), with what the lead says of form and visit.
ACCEPT_LEADS = """
CREATE FUNCTION accept_leads(
    organizations bigint[], leads uuid[], forms bigint[], keys text[], hashes bytea[], bodies bytea[], types text[],
    networks text[], emails text[], phones text[], firsts text[], lasts text[], companies text[], contacts text[],
    reasons text[], details text[], versions int[], visits text[], sources text[], campaigns text[], extras text[],
    all_flags text[], dues float8[], all_consents text[]
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
                firsts, lasts, companies, contacts, reasons, details, versions, visits, sources, campaigns, extras,
                all_flags, dues, all_consents)
            WITH ORDINALITY AS g (o, lead, form, key, hash, body, body_type, network, email, phone, first, last, company,
                contact, reason, detail, version, visit, source, campaign, extra, flags, due, consents, place)
            WHERE o = own
        ),
        stored AS (
            INSERT INTO received_leads AS l (organization_id, lead_id, form_id, idempotency_key, request_hash, body,
                body_type, network, email, phone, first_name, last_name, company, contact_key, reason, detail,
                form_version, visit, source, campaign, extra, flags, state, next_attempt_at, consents)
            SELECT o, lead, form, key, hash, body, body_type, network, email, phone, first, last, company, contact,
                reason, detail, version, visit, source, campaign, extra::jsonb, string_to_array(flags, ','),
                CASE WHEN due IS NULL THEN 'quarantined' ELSE 'pending' END, now() + make_interval(secs => due),
                consents::jsonb
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
# What every form took until now, as its first version. A mapped field goes to each CRM that the organization has.
FIRST_VERSIONS = """
UPDATE forms f SET
    status = CASE WHEN f.is_active THEN 'published' ELSE 'paused' END, published_version = 1, published_revision = 1,
    draft = jsonb_strip_nulls(jsonb_build_object(
        'title', 'Contact us',
        'steps', jsonb_build_array(jsonb_build_object('fields', jsonb_build_array(
            jsonb_build_object('name', 'email', 'kind', 'email', 'label', 'E-mail'),
            jsonb_build_object('name', 'name', 'kind', 'text', 'label', 'Name'),
            jsonb_build_object('name', 'phone', 'kind', 'phone', 'label', 'Phone', 'country', f.phone_region),
            jsonb_build_object('name', 'company', 'kind', 'text', 'label', 'Company')
        ) || CASE WHEN f.fields @> '[{"name": "message"}]' THEN '[]'::jsonb ELSE jsonb_build_array(
            jsonb_build_object('name', 'message', 'kind', 'long_text', 'label', 'Message')) END || coalesce((
            SELECT jsonb_agg(jsonb_build_object('name', one->>'name', 'kind', 'text', 'label', one->>'name',
                'policy', one->>'policy', 'properties', coalesce((
                    SELECT jsonb_object_agg(c.provider, one->>'property') FROM crm_connections c
                    WHERE c.organization_id = f.organization_id), '{}')))
            FROM jsonb_array_elements(f.fields) one
            WHERE one->>'name' ~ '^[a-z][a-z0-9_]{0,39}$'
            AND one->>'name' NOT IN ('email', 'name', 'phone', 'company', 'form', 'organization_id')), '[]')
        )),
        'redirects', to_jsonb(f.thank_you_urls),
        'thank_you', CASE WHEN cardinality(f.thank_you_urls) > 0
            THEN jsonb_build_object('url', f.thank_you_urls[1]) ELSE '{}' END
    ))
"""


def upgrade() -> None:
    _columns_of_forms()
    op.create_table(
        "form_versions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", postgresql.JSONB(), nullable=False, comment="a snapshots.form_definition.Definition"),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "form_id", "version", name=op.f("pk_form_versions")),
    )
    for statement in protect("form_versions"):
        op.execute(statement)
    op.execute(f"REVOKE UPDATE ON form_versions FROM {APP_ROLE}, {WORKER_ROLE}")
    _columns_of_leads()
    op.execute(ACCEPT_LEADS)
    op.execute(f"GRANT EXECUTE ON FUNCTION accept_leads({ARGUMENTS}) TO {APP_ROLE}, {WORKER_ROLE}")
    # As the role that sees all: the tables' owner is under row-level security too.
    op.execute(f"SET LOCAL ROLE {WORKER_ROLE}")
    op.execute(FIRST_VERSIONS)
    op.execute(
        "INSERT INTO form_versions (organization_id, form_id, version, definition, published_by) "
        "SELECT organization_id, form_id, 1, draft, 'SLMS' FROM forms"
    )
    op.execute("RESET ROLE")


def _columns_of_forms() -> None:
    for column in (
        sa.Column("status", sa.Text(), server_default="published", nullable=False),
        sa.Column("published_version", sa.Integer(), comment="the version that is answered now; null: never published"),
        sa.Column(
            "draft",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="a definition that may have faults",
        ),
        sa.Column(
            "draft_revision",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="grows with every change",
        ),
        sa.Column("published_revision", sa.Integer(), comment="the revision of the draft that was published last"),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("forms", column)
    op.create_check_constraint(
        op.f("ck_forms_status"), "forms", "status in ('draft', 'published', 'paused', 'archived')"
    )


def _columns_of_leads() -> None:
    for column in (
        sa.Column(
            "form_version",
            sa.Integer(),
            comment="the version of the form that was filled in; null: before there were any",
        ),
        sa.Column("visit", sa.Text(), comment="random id of the visit, as the widget says it"),
        sa.Column("source", sa.Text(), comment="as the submission says, else as the form does"),
        sa.Column("campaign", sa.Text(), comment="as the submission says, else as the form does"),
        sa.Column("consents", postgresql.JSONB(), comment="what was agreed to: field, text, version and time of each"),
        sa.Column("routed_owner_id", sa.BigInteger(), comment="the owner that the assignment rules chose"),
    ):
        op.add_column("received_leads", column)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION accept_leads({ARGUMENTS})")
    for name in ("routed_owner_id", "consents", "campaign", "source", "visit", "form_version"):
        op.drop_column("received_leads", name)
    op.drop_table("form_versions")
    op.drop_constraint(op.f("ck_forms_status"), "forms", type_="check")
    for name in ("updated_at", "published_revision", "draft_revision", "draft", "published_version", "status"):
        op.drop_column("forms", name)
