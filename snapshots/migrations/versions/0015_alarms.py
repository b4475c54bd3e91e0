"""Alarms as they were raised and what people said of them; who was away, and which days nobody works.

Revision: 0015_alarms, after 0014_activity_weeks
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from snapshots.access import APP_ROLE, WORKER_ROLE, protect

revision = "0015_alarms"
down_revision = "0014_activity_weeks"
branch_labels = None
depends_on = None

# All else that these tables say is never changed.
_CHANGES = {
    "alarm_runs": "card, issued_at",
    "alarms": "owner_id",
    "alarm_verdicts": None,
    "leave_entries": "owner_id, removed_at, removed_by",
}
_MEASURE = "measure in ('activities', 'leads', 'conversion')"


def upgrade() -> None:
    _alarms()
    _days()
    for table, columns in _CHANGES.items():
        for statement in protect(table):
            op.execute(statement)
        op.execute(f"REVOKE UPDATE ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
        if columns is not None:
            op.execute(f"GRANT UPDATE ({columns}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")
    for statement in protect("calendars"):
        op.execute(statement)


def downgrade() -> None:
    for table in ("calendars", *reversed(_CHANGES)):
        op.drop_table(table)


def _alarms() -> None:
    op.create_table(
        "alarm_runs",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False, comment="activities, leads or conversion"),
        sa.Column(
            "made_on", sa.Date(), nullable=False, comment="day of the organization; what was before it was known"
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "card",
            postgresql.JSONB(),
            nullable=False,
            comment="budget, thresholds, rates; or why there is nothing to say",
        ),
        sa.CheckConstraint(_MEASURE, name=op.f("ck_alarm_runs_measure")),
        sa.PrimaryKeyConstraint("organization_id", "measure", "made_on", name=op.f("pk_alarm_runs")),
    )
    op.create_table(
        "alarms",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("alarm_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False, comment="activities, leads or conversion"),
        sa.Column("subject_key", sa.Text(), nullable=False, comment="an owner's or form's id, a source"),
        sa.Column("owner_id", sa.BigInteger(), comment="of activities: whose they are"),
        sa.Column("name", sa.Text(), nullable=False, comment="as it was called then"),
        sa.Column("day", sa.Date(), nullable=False, comment="first day of the week in which it was raised"),
        sa.Column("since", sa.Date(), nullable=False, comment="first day of the first week that it is about"),
        sa.Column("direction", sa.Text(), nullable=False, comment="drop or rise"),
        sa.Column("kind", sa.Text(), nullable=False, comment="lost week, spike or sustained"),
        sa.Column("score", sa.Double(), nullable=False, comment="over its threshold: 1 is just an alarm"),
        sa.Column("value", sa.BigInteger(), nullable=False, comment="of the week"),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False, comment="80 % of ordinary weeks lie between"),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.Double(), nullable=False, comment="what the others did, 1 is usual"),
        sa.Column("n_weeks", sa.Integer(), nullable=False, comment="that it is about"),
        sa.Column("value_n", sa.BigInteger(), nullable=False, comment="of those together"),
        sa.Column("expected_n", sa.Double(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("budget", sa.Double(), nullable=False, comment="false alarms per series and quarter"),
        sa.Column("made_on", sa.Date(), nullable=False, comment="of the run that raised it"),
        sa.Column(
            "is_replayed", sa.Boolean(), nullable=False, comment="raised afterwards, for a week before the first run"
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_MEASURE, name=op.f("ck_alarms_measure")),
        sa.CheckConstraint("direction in ('drop', 'rise')", name=op.f("ck_alarms_direction")),
        sa.CheckConstraint("kind in ('lost week', 'spike', 'sustained')", name=op.f("ck_alarms_kind")),
        sa.PrimaryKeyConstraint("organization_id", "alarm_id", name=op.f("pk_alarms")),
    )
    op.create_index(
        "uq_alarms_subject", "alarms", ["organization_id", "measure", "subject_key", "day", "direction"], unique=True
    )
    op.create_index("ix_alarms_day", "alarms", ["organization_id", "measure", "day"])
    op.create_table(
        "alarm_verdicts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("alarm_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False, comment="real, leave, left, false, or none: taken back"),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict in ('real', 'leave', 'left', 'false', 'none')", name=op.f("ck_alarm_verdicts_verdict")
        ),
        sa.PrimaryKeyConstraint("organization_id", "verdict_id", name=op.f("pk_alarm_verdicts")),
    )
    op.create_index("ix_alarm_verdicts_alarm", "alarm_verdicts", ["organization_id", "alarm_id", "verdict_id"])


def _days() -> None:
    op.create_table(
        "leave_entries",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("leave_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), comment="null: everybody"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("removed_by", sa.Text()),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_leave_entries_days")),
        sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name=op.f("ck_leave_entries_removed")),
        sa.PrimaryKeyConstraint("organization_id", "leave_id", name=op.f("pk_leave_entries")),
    )
    op.create_index(
        "ix_leave_entries_days",
        "leave_entries",
        ["organization_id", "last_day"],
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_table(
        "calendars",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False, comment="ISO 3166-1, whose public holidays nobody works on"),
        sa.Column("subdivision", sa.Text(), comment="of the country, as ISO 3166-2 names it after the hyphen"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_calendars")),
    )
