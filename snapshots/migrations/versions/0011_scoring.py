"""Models, the scores that they issued, and what leads were before they changed.

An index is built on activities: a second or two per million rows, during which a sync waits. Versions of leads begin
with the first change after this; nothing is known of what was before.

Revision: 0011_scoring, after 0010_told_without_a_crm
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0011_scoring"
down_revision = "0010_told_without_a_crm"
branch_labels = None
depends_on = None

# All else that these tables say is never changed.
_CHANGES = {
    "model_versions": "state, promoted_at, promoted_by, retired_at",
    "scores": "entity_key, outcome, graded_at, is_current",
    "scoring_runs": "state, heartbeat_at, finished_at, n_done, n_total, message, stop_asked",
    "lead_versions": "owner_id",
}
_SUBJECT = "subject in ('lead', 'deal')"
_OF_A_LEAD = (
    "source", "campaign", "status", "owner_id", "email", "phone", "company_name", "fields", "converted", "converted_at"
)  # fmt: skip
# With its caller's rights, so under row-level security. A lead that was only referred to said nothing yet. Where it
# changes twice at one instant, what it was in between was never what we believed.
_KEEP = f"""
    INSERT INTO lead_versions (organization_id, lead_id, superseded_at, {", ".join(_OF_A_LEAD)})
    SELECT s.organization_id, s.lead_id, f.recorded_at, {", ".join(f"s.{name}" for name in _OF_A_LEAD)}
    FROM stale s JOIN fresh f ON f.organization_id = s.organization_id AND f.lead_id = s.lead_id
    WHERE s.content_hash <> 0 AND ({", ".join(f"s.{name}" for name in _OF_A_LEAD)})
        IS DISTINCT FROM ({", ".join(f"f.{name}" for name in _OF_A_LEAD)})
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    _models()
    _scores()
    _runs()
    _lead_versions()
    for table, columns in _CHANGES.items():
        for statement in protect(table):
            op.execute(statement)
        op.execute(f"REVOKE UPDATE ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")
    op.create_index(
        "ix_activities_lead",
        "activities",
        ["organization_id", "lead_id", "occurred_at"],
        postgresql_where=sa.text("lead_id is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_activities_lead", table_name="activities")
    op.execute("DROP TRIGGER keep_lead_versions ON leads")
    op.execute("DROP FUNCTION keep_lead_versions")
    for table in reversed(_CHANGES):
        op.drop_table(table)


def _models() -> None:
    op.create_table(
        "model_versions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="lead or deal"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="candidate, active, retired or refused"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_off", sa.DateTime(timezone=True), nullable=False, comment="nothing later was learned from"),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="rows it was trained on"),
        sa.Column("n_positive", sa.BigInteger(), nullable=False),
        sa.Column("data_hash", sa.Text(), nullable=False),
        sa.Column("card", postgresql.JSONB(), nullable=False, comment="the report card"),
        sa.Column("model", sa.LargeBinary(), comment="as skops packs it; null: none could be made"),
        sa.Column("trained_by", sa.Text(), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), comment="for the last time"),
        sa.Column("promoted_by", sa.Text()),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(_SUBJECT, name=op.f("ck_model_versions_subject")),
        sa.CheckConstraint(
            "state in ('candidate', 'active', 'retired', 'refused')", name=op.f("ck_model_versions_state")
        ),
        sa.CheckConstraint(
            "state <> 'active' or model is not null", name=op.f("ck_model_versions_active_has_model")
        ),
        sa.PrimaryKeyConstraint("organization_id", "subject", "version", name=op.f("pk_model_versions")),
    )  # fmt: skip
    op.create_index(
        "uq_model_versions_active",
        "model_versions",
        ["organization_id", "subject"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )


def _scores() -> None:
    op.create_table(
        "scores",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="lead or deal"),
        sa.Column("entity_key", sa.Text(), nullable=False, comment="our id; the UUID of a lead from a website"),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_version", sa.Integer(), comment="null: points by rule"),
        sa.Column(
            "score", sa.Double(), nullable=False,
            comment="points, not clipped: 50 is the base rate, 10 double the odds",
        ),
        sa.Column("log_odds", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), comment="in [0, 1]; null: points by rule"),
        sa.Column("base_rate", sa.Double(), comment="in [0, 1]"),
        sa.Column("band", sa.Text(), nullable=False, comment="hot, warm, cool or cold"),
        sa.Column(
            "reasons", postgresql.JSONB(), nullable=False, comment="what adds up to the score, the largest first"
        ),
        sa.Column("close_early", sa.Date(), comment="of a deal: the first of ten days on which it may close"),
        sa.Column("close_likely", sa.Date()),
        sa.Column("close_late", sa.Date()),
        sa.Column("expected_minor", sa.BigInteger(), comment="amount times probability"),
        sa.Column("currency", sa.Text()),
        sa.Column("due_on", sa.Date(), nullable=False, comment="when it can be graded at the latest"),
        sa.Column("outcome", sa.SmallInteger(), comment="1: it happened, 0: it did not; null: not known yet"),
        sa.Column("graded_at", sa.DateTime(timezone=True)),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column(
            "entity_id", sa.BigInteger(),
            sa.Computed("CASE WHEN entity_key ~ '^[0-9]{1,18}$'::text THEN entity_key::bigint ELSE NULL::bigint END", persisted=True),
            comment="null: a lead from a website",
        ),
        sa.CheckConstraint(_SUBJECT, name=op.f("ck_scores_subject")),
        sa.CheckConstraint("band in ('hot', 'warm', 'cool', 'cold')", name=op.f("ck_scores_band")),
        sa.CheckConstraint("probability between 0 and 1", name=op.f("ck_scores_probability")),
        sa.CheckConstraint(
            "model_version is not null or probability is null", name=op.f("ck_scores_rules_have_no_probability")
        ),
        sa.CheckConstraint("(outcome is null) = (graded_at is null)", name=op.f("ck_scores_graded")),
        sa.PrimaryKeyConstraint("organization_id", "subject", "entity_key", "scored_at", name=op.f("pk_scores")),
    )  # fmt: skip
    own = ["organization_id", "subject"]
    current = sa.text("is_current")
    op.create_index("ix_scores_current", "scores", [*own, "score", "entity_key"], postgresql_where=current)
    op.create_index("uq_scores_current", "scores", [*own, "entity_key"], unique=True, postgresql_where=current)
    op.create_index("ix_scores_due", "scores", [*own, "due_on"], postgresql_where=sa.text("outcome is null"))


def _runs() -> None:
    op.create_table(
        "scoring_runs",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="lead or deal"),
        sa.Column("kind", sa.Text(), nullable=False, comment="train or score"),
        sa.Column("state", sa.Text(), nullable=False, comment="running, done, failed or stopped"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False, comment="last sign of life"),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("n_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_total", sa.BigInteger(), comment="null: not known yet"),
        sa.Column("message", sa.Text(), comment="what it is doing, or how it ended"),
        sa.Column("stop_asked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.CheckConstraint(_SUBJECT, name=op.f("ck_scoring_runs_subject")),
        sa.CheckConstraint("kind in ('train', 'score')", name=op.f("ck_scoring_runs_kind")),
        sa.CheckConstraint("state in ('running', 'done', 'failed', 'stopped')", name=op.f("ck_scoring_runs_state")),
        sa.CheckConstraint("(state = 'running') = (finished_at is null)", name=op.f("ck_scoring_runs_finished")),
        sa.PrimaryKeyConstraint("organization_id", "run_id", name=op.f("pk_scoring_runs")),
    )
    op.create_index(
        "uq_scoring_runs_running",
        "scoring_runs",
        ["organization_id", "subject", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )


def _lead_versions() -> None:
    op.create_table(
        "lead_versions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=False, comment="until when we believed it"),
        sa.Column("source", sa.Text()),
        sa.Column("campaign", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("owner_id", sa.BigInteger()),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("company_name", sa.Text()),
        sa.Column("fields", postgresql.JSONB()),
        sa.Column("converted", sa.Boolean()),
        sa.Column("converted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", "superseded_at", name=op.f("pk_lead_versions")),
    )
    op.execute(
        "CREATE FUNCTION keep_lead_versions() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {_KEEP}; RETURN NULL; END $$"
    )
    op.execute(f"GRANT EXECUTE ON FUNCTION keep_lead_versions TO {APP_ROLE}, {WORKER_ROLE}")
    op.execute(
        "CREATE TRIGGER keep_lead_versions AFTER UPDATE ON leads REFERENCING NEW TABLE AS fresh OLD TABLE AS stale "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_lead_versions()"
    )
