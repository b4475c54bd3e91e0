"""Forecasts as they were issued and what came of them, quotas, and people's own calls.

Revision: 0012_forecasts, after 0011_scoring
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0012_forecasts"
down_revision = "0011_scoring"
branch_labels = None
depends_on = None

# All else that these tables say is never changed.
_CHANGES = {
    "forecast_facts": None,
    "forecast_runs": None,
    "forecasts": "actual, graded_at",
    "forecast_cards": None,
    "quotas": "replaced_at, replaced_by",
    "forecast_calls": "actual_minor, graded_at",
}
_NODE = "node_kind in ('total', 'team', 'owner', 'product', 'source')"


def upgrade() -> None:
    _runs()
    _forecasts()
    _quotas()
    _calls()
    for table, columns in _CHANGES.items():
        for statement in protect(table):
            op.execute(statement)
        op.execute(f"REVOKE UPDATE ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
        if columns is not None:
            op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")


def downgrade() -> None:
    for table in reversed(_CHANGES):
        op.drop_table(table)


def _organization() -> sa.Column[int]:
    return sa.Column("organization_id", sa.BigInteger(), nullable=False)


def _at(name: str, *, nullable: bool = False, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _runs() -> None:
    op.create_table(
        "forecast_facts",
        _organization(),
        sa.Column("data_hash", sa.Text(), nullable=False),
        _at("known_at", comment="as what was known at this instant"),
        sa.Column("packed", sa.LargeBinary(), nullable=False, comment="deals and names, compressed"),
        sa.PrimaryKeyConstraint("organization_id", "data_hash", name=op.f("pk_forecast_facts")),
    )
    op.create_table(
        "forecast_runs",
        _organization(),
        sa.Column("run_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False, comment="the day whose knowledge counts"),
        sa.Column("step", sa.Text(), nullable=False, comment="week or month"),
        sa.Column("measure", sa.Text(), nullable=False, comment="bookings or new_deals"),
        _at("issued_at"),
        sa.Column("method_version", sa.Text(), nullable=False),
        sa.Column("data_hash", sa.Text(), nullable=False),
        sa.Column(
            "inputs", postgresql.JSONB(), nullable=False, comment="what was asked, and what was left out of the facts"
        ),
        sa.Column("n_series", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False, comment="of the processor"),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.CheckConstraint("step in ('week', 'month')", name=op.f("ck_forecast_runs_step")),
        sa.CheckConstraint("measure in ('bookings', 'new_deals')", name=op.f("ck_forecast_runs_measure")),
        sa.PrimaryKeyConstraint("organization_id", "run_id", name=op.f("pk_forecast_runs")),
    )
    op.create_index(
        "uq_forecast_runs_made", "forecast_runs", ["organization_id", "step", "measure", "made_on"], unique=True
    )


def _forecasts() -> None:
    op.create_table(
        "forecasts",
        _organization(),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("node_kind", sa.Text(), nullable=False, comment="total, team, owner, product or source"),
        sa.Column(
            "node_key", sa.Text(), nullable=False, comment="our id, or the source's name; empty: the total, or none"
        ),
        sa.Column("node_name", sa.Text(), comment="as it was called then; null: it has no name"),
        sa.Column("parent_key", sa.Text(), comment="of an owner: the team then"),
        sa.Column("currency", sa.Text(), nullable=False, comment="empty: a count"),
        sa.Column("step_no", sa.Integer(), nullable=False, comment="1: the step that holds made_on"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False, comment="minor units, whole; or a count"),
        sa.Column("low", sa.Double(), nullable=False, comment="of the 80 % interval"),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("won", sa.Double(), nullable=False, comment="of it certain already when it was issued"),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("actual", sa.Double(), comment="what came; null: not known yet"),
        _at("graded_at", nullable=True),
        sa.CheckConstraint(_NODE, name=op.f("ck_forecasts_node_kind")),
        sa.CheckConstraint("(actual is null) = (graded_at is null)", name=op.f("ck_forecasts_graded")),
        sa.CheckConstraint("low <= value and value <= high and won <= value", name=op.f("ck_forecasts_ordered")),
        sa.PrimaryKeyConstraint(
            "organization_id", "run_id", "currency", "node_kind", "node_key", "step_no", name=op.f("pk_forecasts")
        ),
    )
    op.create_index(
        "ix_forecasts_due", "forecasts", ["organization_id", "last_day"], postgresql_where=sa.text("graded_at is null")
    )
    op.create_table(
        "forecast_cards",
        _organization(),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False, comment="empty: counts"),
        sa.Column("node_kind", sa.Text(), nullable=False),
        sa.Column("node_key", sa.Text(), nullable=False),
        sa.Column("parent_key", sa.Text(), comment="of an owner: the team then"),
        sa.Column("card", postgresql.JSONB(), nullable=False, comment="the report card"),
        sa.Column(
            "past", postgresql.JSONB(), nullable=False,
            comment="first day of the first step, and what came in each until then",
        ),
        sa.CheckConstraint(_NODE, name=op.f("ck_forecast_cards_node_kind")),
        sa.PrimaryKeyConstraint(
            "organization_id", "run_id", "currency", "node_kind", "node_key", name=op.f("pk_forecast_cards")
        ),
    )  # fmt: skip


def _quotas() -> None:
    op.create_table(
        "quotas",
        _organization(),
        sa.Column("quota_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), comment="null: of a team, or of all"),
        sa.Column("team_id", sa.BigInteger(), comment="null: of an owner, or of all"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        _at("set_at"),
        sa.Column("set_by", sa.Text(), nullable=False),
        _at("replaced_at", nullable=True, comment="null: it holds"),
        sa.Column("replaced_by", sa.Text()),
        sa.CheckConstraint("owner_id is null or team_id is null", name=op.f("ck_quotas_one_node")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_quotas_period")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_quotas_positive")),
        sa.CheckConstraint("(replaced_at is null) = (replaced_by is null)", name=op.f("ck_quotas_replaced")),
        sa.PrimaryKeyConstraint("organization_id", "quota_id", name=op.f("pk_quotas")),
    )
    op.create_index(
        "uq_quotas_held",
        "quotas",
        [
            "organization_id", sa.text("coalesce(owner_id, 0)"), sa.text("coalesce(team_id, 0)"), "first_day",
            "last_day", "currency",
        ],
        unique=True,
        postgresql_where=sa.text("replaced_at is null"),
    )  # fmt: skip


def _calls() -> None:
    op.create_table(
        "forecast_calls",
        _organization(),
        sa.Column("call_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("node_kind", sa.Text(), nullable=False, comment="total, team or owner"),
        sa.Column("node_key", sa.Text(), nullable=False),
        sa.Column("parent_key", sa.Text(), comment="of an owner: the team then"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        _at("made_at"),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actual_minor", sa.BigInteger(), comment="what came; null: not known yet"),
        _at("graded_at", nullable=True),
        sa.CheckConstraint("node_kind in ('total', 'team', 'owner')", name=op.f("ck_forecast_calls_node_kind")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_forecast_calls_period")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_forecast_calls_not_negative")),
        sa.CheckConstraint("(actual_minor is null) = (graded_at is null)", name=op.f("ck_forecast_calls_graded")),
        sa.PrimaryKeyConstraint("organization_id", "call_id", name=op.f("pk_forecast_calls")),
    )
    op.create_index(
        "ix_forecast_calls_node", "forecast_calls", ["organization_id", "node_kind", "node_key", "first_day"]
    )
    op.create_index(
        "ix_forecast_calls_due", "forecast_calls", ["organization_id", "last_day"],
        postgresql_where=sa.text("graded_at is null"),
    )  # fmt: skip
