"""An index of open versions of deals that hold for long or still, so that of a day long past the others are read alone
that end soon after it.

Revision: 0021_long_lived, after 0020_days_between
"""

from alembic import op
from sqlalchemy import text

revision = "0021_long_lived"
down_revision = "0020_days_between"
branch_labels = None
depends_on = None

_NAME = "ix_deal_versions_open_long"
_LONG_LIVED = (
    "CASE WHEN isfinite(valid_to) AND isfinite(valid_from) "
    "THEN valid_to - valid_from > interval '45 days' ELSE true END"
)
_OTHERS = [
    "superseded_at", "deal_id", "recorded_at", "owner_id", "pipeline_id", "source", "stage_id", "stage_entered_at",
    "product_id", "company_id", "amount_minor", "currency", "close_on", "created_at", "created_day", "closed_day",
    "status",
]  # fmt: skip


def upgrade() -> None:
    op.create_index(
        _NAME, "deal_versions", ["organization_id", "valid_to", "valid_from"],
        postgresql_where=text(f"status = 'open' AND {_LONG_LIVED}"), postgresql_include=_OTHERS,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index(_NAME, "deal_versions")
