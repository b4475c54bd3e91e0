"""Indexes that have all that pages ask of versions of deals on past days and between two days, as known now and then.

Revision: 0020_days_between, after 0019_merges
"""

from alembic import op
from sqlalchemy import text

revision = "0020_days_between"
down_revision = "0019_merges"
branch_labels = None
depends_on = None

_TABLE = "deal_versions"
_OPEN, _OTHERS = "status = 'open'", "status <> 'open'"
_LEARNT_LATE = (
    f"{_OPEN} AND recorded_at < superseded_at AND CASE WHEN valid_to = 'infinity' THEN false "
    "WHEN valid_to = '-infinity' OR superseded_at = 'infinity' THEN true "
    "ELSE superseded_at - valid_to > interval '20 hours' END"
)
_WHOSE = ["owner_id", "pipeline_id", "source"]
_OF_OPEN = [
    "deal_id", "recorded_at", *_WHOSE, "stage_id", "stage_entered_at", "product_id", "company_id", "amount_minor",
    "currency", "close_on", "created_at", "created_day", "closed_day", "status",
]  # fmt: skip
_OF_OTHERS = [
    "deal_id", "recorded_at", "superseded_at", *_WHOSE, "product_id", "amount_minor", "currency", "close_on", "status",
]  # fmt: skip
_DATED = ["valid_from", "valid_to", "recorded_at", "superseded_at", *_WHOSE, "status"]
_BEFORE = {
    "ix_deal_versions_open": (["valid_to", "valid_from"], _OPEN),
    "ix_deal_versions_organization_id_created_day": (["created_day"], None),
    "ix_deal_versions_organization_id_closed_day": (["closed_day"], None),
}
_NOW = {
    "ix_deal_versions_open": (["valid_to", "valid_from"], ["superseded_at", *_OF_OPEN], _OPEN),
    "ix_deal_versions_learnt_late": (["superseded_at"], ["valid_from", "valid_to", *_OF_OPEN], _LEARNT_LATE),
    "ix_deal_versions_others": (["valid_from"], ["valid_to", *_OF_OTHERS], _OTHERS),
    "ix_deal_versions_others_ended": (
        ["valid_to"],
        ["valid_from", *_OF_OTHERS],
        f"{_OTHERS} AND valid_to < 'infinity'",
    ),
    "ix_deal_versions_recorded": (["recorded_at", "valid_from"], ["deal_id"], None),
    "ix_deal_versions_organization_id_created_day": (["created_day"], [*_DATED, "closed_day"], _OTHERS),
    "ix_deal_versions_organization_id_closed_day": (
        ["closed_day"],
        [*_DATED, "created_day", "amount_minor", "currency"],
        _OTHERS,
    ),
}


def upgrade() -> None:
    for name in _BEFORE:
        op.drop_index(name, _TABLE)
    for name, (columns, others, where) in _NOW.items():
        _create(name, columns, where, others)


def downgrade() -> None:
    for name in _NOW:
        op.drop_index(name, _TABLE)
    for name, (columns, where) in _BEFORE.items():
        _create(name, columns, where, None)


def _create(name: str, columns: list[str], where: str | None, others: list[str] | None) -> None:
    op.create_index(
        name, _TABLE, ["organization_id", *columns], postgresql_where=text(where) if where else None,
        postgresql_include=others,
    )  # fmt: skip
