"""What a merge leaves behind: steps and calls that can never be graded, weeks to be counted again, ids that follow.

Revision: 0019_merges, after 0018_job_runs
"""

import sqlalchemy as sa
from alembic import op

from snapshots.access import APP_ROLE, WORKER_ROLE

revision = "0019_merges"
down_revision = "0018_job_runs"
branch_labels = None
depends_on = None

_LEDGERS = ("forecasts", "forecast_calls")
_FOLLOWS = {"alarms": "subject_key", "health_flags": "deal_id", "health_snoozes": "deal_id"}


def upgrade() -> None:
    for table in _LEDGERS:
        op.add_column(table, sa.Column("not_gradable", sa.Text(), comment="why what came will never be known: merged"))
        op.create_check_constraint(op.f(f"ck_{table}_not_gradable"), table, "not_gradable is null or graded_at is null")
        _due(table, "graded_at is null and not_gradable is null")
        op.execute(f"GRANT UPDATE (not_gradable) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")
    op.add_column(
        "activity_weeks",
        sa.Column(
            "is_stale",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="summed up as owners were merged: to be counted again",
        ),
    )
    for table, column in _FOLLOWS.items():
        op.execute(f"GRANT UPDATE ({column}) ON {table} TO {APP_ROLE}, {WORKER_ROLE}")


def downgrade() -> None:
    for table, column in _FOLLOWS.items():
        op.execute(f"REVOKE UPDATE ({column}) ON {table} FROM {APP_ROLE}, {WORKER_ROLE}")
    op.drop_column("activity_weeks", "is_stale")
    for table in _LEDGERS:
        _due(table, "graded_at is null")
        op.drop_column(table, "not_gradable")


def _due(table: str, where: str) -> None:
    op.drop_index(f"ix_{table}_due", table)
    op.create_index(f"ix_{table}_due", table, ["organization_id", "last_day"], postgresql_where=sa.text(where))
