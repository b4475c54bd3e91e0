"""What visitors did with forms, sources and campaigns; from a contact to its deals and activities.

Two indexes are built on tables that syncs write: a second or two per million rows, during which a sync waits.

Revision: 0007_tracking, after 0006_forms
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0007_tracking"
down_revision = "0006_forms"
branch_labels = None
depends_on = None

_TABLES = (
    "visit_origins",
    "form_visits",
    "visit_daily",
    "form_hosts",
    "lead_visits",
    "marketing_names",
    "marketing_aliases",
    "utm_rules",
    "marketing_costs",
    "staff_networks",
)

_CELL = "organization_id, day, form_id, version, origin_id, "
_KIND = "CASE WHEN flags & 3 > 0 THEN 1 WHEN flags & 4 > 0 THEN 2 WHEN flags & 8 > 0 THEN 3 ELSE 0 END"
_ADD = f"""
    INSERT INTO visit_daily AS d ({_CELL} kind, n_views, n_starts, n_submits)
    SELECT {_CELL} {_KIND}, sum(sign), sum(sign * (step >= 2)::int), sum(sign * (step >= 3)::int)
    FROM ({{rows}}) AS b GROUP BY 1, 2, 3, 4, 5, 6
    HAVING sum(sign) <> 0 OR sum(sign * (step >= 2)::int) <> 0 OR sum(sign * (step >= 3)::int) <> 0
    ON CONFLICT ({_CELL} kind) DO UPDATE SET n_views = d.n_views + excluded.n_views,
        n_starts = d.n_starts + excluded.n_starts, n_submits = d.n_submits + excluded.n_submits
"""
# With their caller's rights, so under row-level security. A visit that is deleted stays counted.
_FUNCTIONS = {
    "count_new_visits": _ADD.format(rows="SELECT 1 AS sign, f.* FROM fresh f"),
    "count_changed_visits": _ADD.format(
        rows="SELECT 1 AS sign, f.* FROM fresh f UNION ALL SELECT -1, s.* FROM stale s"
    ),
}


def upgrade() -> None:
    op.create_table(
        "visit_origins",
        _organization(),
        sa.Column("origin_id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False, comment="hash of what was said"),
        *(
            _word(name)
            for name in (
                "said_source", "said_campaign", "utm_source", "utm_medium", "utm_campaign", "click", "referrer"
            )
        ),
        _word("source", "what the rules make of it"),
        _word("campaign", "the same; empty: none"),
        sa.PrimaryKeyConstraint("organization_id", "origin_id", name=op.f("pk_visit_origins")),
        sa.UniqueConstraint("organization_id", "key", name=op.f("uq_visit_origins_organization_id_key")),
    )  # fmt: skip
    op.create_table(
        "form_visits",
        _organization(),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("visit", sa.Uuid(), nullable=False, comment="hash of the visit's random id"),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="the newest seen; 0: not said"),
        sa.Column("origin_id", sa.Integer(), nullable=False, comment="of the earliest sign"),
        sa.Column("step", sa.SmallInteger(), nullable=False, comment="1 view, 2 start, 3 submit: the furthest"),
        sa.Column(
            "form_step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False,
            comment="furthest step of the form",
        ),
        sa.Column(
            "flags", sa.SmallInteger(), server_default=sa.text("0"), nullable=False,
            comment="bits: bot, machine, staff, repeat",
        ),
        sa.Column(
            "has_lead", sa.Boolean(), server_default=sa.text("false"), nullable=False,
            comment="kept as long as the lead",
        ),
        sa.PrimaryKeyConstraint("organization_id", "day", "form_id", "visit", name=op.f("pk_form_visits")),
    )  # fmt: skip
    op.create_table(
        "visit_daily",
        _organization(),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind", sa.SmallInteger(), nullable=False,
            comment="0 counted, 1 bots and machines, 2 staff, 3 repeats",
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("n_views", "n_starts", "n_submits")),
        sa.PrimaryKeyConstraint(
            "organization_id", "day", "form_id", "version", "origin_id", "kind", name=op.f("pk_visit_daily")
        ),
    )  # fmt: skip
    op.create_table(
        "form_hosts",
        _organization(),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="signs of visits on pages of this host"),
        sa.PrimaryKeyConstraint("organization_id", "form_id", "host", name=op.f("pk_form_hosts")),
    )
    op.create_table(
        "lead_visits",
        _organization(),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("visit", sa.Uuid(), nullable=False, comment="the visit for which it counts"),
        sa.Column("is_repeat", sa.Boolean(), nullable=False, comment="an earlier lead counts for the same visit"),
        sa.Column(
            "touches", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False, comment="oldest first"
        ),
        sa.PrimaryKeyConstraint("organization_id", "lead_id", name=op.f("pk_lead_visits")),
    )
    op.create_index(
        op.f("ix_lead_visits_organization_id_day_form_id_visit"),
        "lead_visits",
        ["organization_id", "day", "form_id", "visit"],
    )
    _create_marketing()
    op.create_index(
        op.f("ix_deal_contacts_organization_id_contact_id"), "deal_contacts", ["organization_id", "contact_id"]
    )
    op.create_index(
        "ix_activities_contact", "activities", ["organization_id", "contact_id", "occurred_at"],
        postgresql_where=sa.text("contact_id is not null"),
    )  # fmt: skip
    for table in _TABLES:
        for statement in protect(table):
            op.execute(statement)
    for name, body in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {APP_ROLE}, {WORKER_ROLE}")
    op.execute(
        "CREATE TRIGGER count_new AFTER INSERT ON form_visits REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION count_new_visits()"
    )
    op.execute(
        "CREATE TRIGGER count_changed AFTER UPDATE ON form_visits REFERENCING NEW TABLE AS fresh OLD TABLE AS stale "
        "FOR EACH STATEMENT EXECUTE FUNCTION count_changed_visits()"
    )


def _create_marketing() -> None:
    op.create_table(
        "marketing_names",
        _organization(),
        sa.Column("name_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="source or campaign"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "name_id", name=op.f("pk_marketing_names")),
        sa.UniqueConstraint(
            "organization_id", "kind", "name", name=op.f("uq_marketing_names_organization_id_kind_name")
        ),
    )
    op.create_table(
        "marketing_aliases",
        _organization(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False, comment="in lower case"),
        sa.Column("name_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "alias", name=op.f("pk_marketing_aliases")),
    )
    op.create_table(
        "utm_rules",
        _organization(),
        sa.Column("position", sa.Integer(), nullable=False, comment="the first that matches counts"),
        *(
            _word(name, "a pattern with *; empty: anything")
            for name in ("utm_source", "utm_medium", "utm_campaign", "click", "referrer")
        ),
        sa.Column("source", sa.Text(), nullable=False),
        _word("campaign", "empty: as the visit says"),
        sa.PrimaryKeyConstraint("organization_id", "position", name=op.f("pk_utm_rules")),
    )
    op.create_table(
        "marketing_costs",
        _organization(),
        sa.Column("cost_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name_id", sa.BigInteger(), nullable=False, comment="the source or campaign that was paid for"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "cost_id", name=op.f("pk_marketing_costs")),
    )
    op.create_index(
        op.f("ix_marketing_costs_organization_id_name_id"), "marketing_costs", ["organization_id", "name_id"]
    )
    op.create_table(
        "staff_networks",
        _organization(),
        sa.Column("network", sa.Text(), nullable=False, comment="as 203.0.113.0/24"),
        _word("note"),
        sa.PrimaryKeyConstraint("organization_id", "network", name=op.f("pk_staff_networks")),
    )


def _organization() -> sa.Column[int]:
    return sa.Column("organization_id", sa.BigInteger(), nullable=False)


def _word(name: str, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False, comment=comment)


def downgrade() -> None:
    op.drop_index("ix_activities_contact", table_name="activities")
    op.drop_index(op.f("ix_deal_contacts_organization_id_contact_id"), table_name="deal_contacts")
    for table in reversed(_TABLES):
        op.drop_table(table)
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
