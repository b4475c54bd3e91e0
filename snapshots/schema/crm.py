"""Organizations, their users and CRM connections; what the CRMs say: present state, versions, events, raw records."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import INFINITY, at, current, entity_id, metadata, table

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("default_currency", Text, comment="assumed where a record names none; null: such amounts stay without one"),
    Column("reporting_currency", Text, comment="the currency that pages convert to where a rate is known"),
    Column("is_sample", Boolean, nullable=False, server_default=text("false")),
    Column("fiscal_year_start", SmallInteger, nullable=False, server_default=text("1"), comment="its first month"),
    Column("data_version", BigInteger, nullable=False, server_default=text("0"), comment="grows with every batch"),
    at("created_at", server_default=func.now()),
    CheckConstraint("fiscal_year_start between 1 and 12", name="fiscal_year_start"),
)

users = table(
    "users",
    Column("user_id", BigInteger, Identity(), nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text),
    Column("role", Text, nullable=False),
    Column("owner_id", BigInteger, comment="the salesperson that this user is"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    at("created_at", server_default=func.now()),
    CheckConstraint("role in ('admin', 'sales_ops', 'manager', 'rep', 'analyst')", name="role"),
    UniqueConstraint("organization_id", "email"),
    key=("user_id",),
)

crm_connections = table(
    "crm_connections",
    Column("connection_id", BigInteger, Identity(), nullable=False),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'"), comment="never secrets"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    at("created_at", server_default=func.now()),
    at("retired_at", nullable=True, comment="since when it is not read any more"),
    UniqueConstraint("organization_id", "name"),
    key=("connection_id",),
)

crm_credentials = table(
    "crm_credentials",
    Column("connection_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="encrypted; the key is derived from SECRET_KEY"),
    Column("updated_by", Text),
    at("updated_at", server_default=func.now()),
    key=("connection_id",),
)
"""Apart from the connections, so that nothing that lists these ever holds them."""

_OPEN_CHANGE = "state in ('reading', 'ready', 'failed', 'confirmed')"
crm_changes = table(
    "crm_changes",
    Column("change_id", BigInteger, Identity(), nullable=False),
    Column("from_connection_id", BigInteger, nullable=False),
    Column("to_connection_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="reading"),
    at("started_at"),
    at("heartbeat_at", nullable=True, comment="last sign of life of the one who reads the new CRM"),
    Column("n_read", BigInteger, nullable=False, server_default=text("0")),
    at("read_at", nullable=True),
    Column("error_message", Text),
    Column("catalog", JSONB, nullable=False, server_default=text("'{}'"), comment="owners, teams and stages there"),
    at("switched_at", nullable=True, comment="from when on the new CRM counts; set when it is confirmed"),
    Column("confirmed_by", Text),
    Column("ended_deals", ARRAY(BigInteger), nullable=False, server_default=text("'{}'"), comment="not moved"),
    at("finished_at", nullable=True),
    CheckConstraint("state in ('reading', 'ready', 'failed', 'confirmed', 'done', 'undone')", name="state"),
    CheckConstraint("(state in ('confirmed', 'done')) = (switched_at is not null)", name="switched"),
    Index("uq_crm_changes_open", "organization_id", unique=True, postgresql_where=text(_OPEN_CHANGE)),
    key=("change_id",),
)

crm_change_deals = table(
    "crm_change_deals",
    Column("change_id", BigInteger, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("record", JSONB, nullable=False, comment="what there is to recognise it by"),
    Column("deal_id", BigInteger, comment="ours that it is guessed to be"),
    Column("grade", SmallInteger, nullable=False, server_default=text("0"), comment="how much agrees"),
    Column("reason", Text),
    Column("is_linked", Boolean, nullable=False, server_default=text("false"), comment="confirmed to be that deal"),
    key=("change_id", "external_id"),
)

external_links = table(
    "external_links",
    Column("connection_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("entity_id", BigInteger, nullable=False),
    Column(
        "is_merged",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="merged into the object that it now means; whatever else the CRM still says of it is old",
    ),
    Index(None, "organization_id", "kind", "entity_id"),
    key=("connection_id", "kind", "external_id"),
)


teams = table(
    "teams",
    entity_id("team_id"),
    *current(
        Column("name", Text),
        Column("manager_id", BigInteger, comment="owner_id of the manager"),
        Column("manager_name", Text),
        Column("region", Text),
    ),
    key=("team_id",),
)

owners = table(
    "owners",
    entity_id("owner_id"),
    *current(
        Column("name", Text),
        Column("email", Text),
        Column("is_active", Boolean, nullable=False, server_default=text("true")),
        Column("team_id", BigInteger, comment="the team now; for another day see owner_versions"),
    ),
    key=("owner_id",),
)

owner_versions = table(
    "owner_versions",
    Column("owner_id", BigInteger, nullable=False),
    at("valid_from"),
    at("recorded_at"),
    at("valid_to", server_default=INFINITY),
    at("superseded_at", server_default=INFINITY),
    Column("is_observed", Boolean, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("is_active", Boolean, nullable=False),
    Column("team_id", BigInteger),
    key=("owner_id", "valid_from", "recorded_at"),
)

pipelines = table(
    "pipelines",
    entity_id("pipeline_id"),
    *current(Column("name", Text), Column("position", Integer, nullable=False, server_default=text("0"))),
    key=("pipeline_id",),
)

stages = table(
    "stages",
    entity_id("stage_id"),
    *current(
        Column("pipeline_id", BigInteger),
        Column("name", Text),
        Column("position", Integer, nullable=False, server_default=text("0")),
        Column("probability", Double, comment="the CRM's own, in [0, 1]; null where it has none"),
        Column("status", Text, nullable=False, server_default="open"),
    ),
    key=("stage_id",),
)

products = table(
    "products",
    entity_id("product_id"),
    *current(Column("name", Text), Column("family", Text), Column("price_minor", BigInteger), Column("currency", Text)),
    key=("product_id",),
)

companies = table(
    "companies",
    entity_id("company_id"),
    *current(
        Column("name", Text),
        Column("domain", Text),
        Column("industry", Text),
        Column("country", Text),
        Column("employees", BigInteger),
        Column("revenue_minor", BigInteger),
        Column("currency", Text),
        Column("owner_id", BigInteger),
        at("created_at", nullable=True),
    ),
    key=("company_id",),
)

contacts = table(
    "contacts",
    entity_id("contact_id"),
    *current(
        Column("name", Text),
        Column("email", Text),
        Column("phone", Text),
        Column("company_id", BigInteger),
        Column("owner_id", BigInteger),
        at("created_at", nullable=True),
    ),
    Index(None, "organization_id", "email"),
    key=("contact_id",),
)

leads = table(
    "leads",
    entity_id("lead_id"),
    *current(
        Column("name", Text),
        Column("email", Text),
        Column("phone", Text),
        Column("company_name", Text),
        Column("owner_id", BigInteger),
        Column("source", Text),
        Column("campaign", Text),
        Column("status", Text),
        at("created_at", nullable=True),
        Column("created_day", Date, comment="null: the CRM gives no date"),
        Column("converted", Boolean, comment="null: the CRM does not say"),
        at("converted_at", nullable=True),
        Column("deal_id", BigInteger),
        Column("fields", JSONB),
    ),
    Index(None, "organization_id", "created_day"),
    Index(None, "organization_id", "email"),
    key=("lead_id",),
)

deals = table(
    "deals",
    entity_id("deal_id"),
    *current(Column("name", Text)),
    key=("deal_id",),
)

LEARNT_LATE = (
    "recorded_at < superseded_at AND CASE WHEN valid_to = 'infinity' THEN false "
    "WHEN valid_to = '-infinity' OR superseded_at = 'infinity' THEN true "
    "ELSE superseded_at - valid_to > interval '20 hours' END"
)
"""A version that was believed to hold for long after it had ended. As a query has to say it, too: see `deal_log`."""
LONG_LIVED = (
    "CASE WHEN isfinite(valid_to) AND isfinite(valid_from) "
    "THEN valid_to - valid_from > interval '45 days' ELSE true END"
)
"""A version that held for long, or holds still. The others end soon after a day on which they held: see `deal_log`."""
_WHOSE = ["owner_id", "pipeline_id", "source"]
_OPEN = [
    "deal_id", "recorded_at", *_WHOSE, "stage_id", "stage_entered_at", "product_id", "company_id", "amount_minor",
    "currency", "close_on", "created_at", "created_day", "closed_day", "status",
]  # fmt: skip
_OTHERS = [
    "deal_id", "recorded_at", "superseded_at", *_WHOSE, "product_id", "amount_minor", "currency", "close_on", "status",
]  # fmt: skip
_DATED = ["valid_from", "valid_to", "recorded_at", "superseded_at", *_WHOSE, "status"]


def _as_of_indexes() -> list[Index]:
    """With all that pages ask of versions on past days, so that the table, where the versions of a day lie far apart,
    is not looked at."""
    is_open, is_not = text("status = 'open'"), text("status <> 'open'")
    return [
        Index("ix_deal_versions_open", "organization_id", "valid_to", "valid_from", postgresql_where=is_open,
              postgresql_include=["superseded_at", *_OPEN]),
        Index("ix_deal_versions_open_long", "organization_id", "valid_to", "valid_from",
              postgresql_where=text(f"status = 'open' AND {LONG_LIVED}"),
              postgresql_include=["superseded_at", *_OPEN]),
        Index("ix_deal_versions_learnt_late", "organization_id", "superseded_at",
              postgresql_where=text(f"status = 'open' AND {LEARNT_LATE}"),
              postgresql_include=["valid_from", "valid_to", *_OPEN]),
        Index("ix_deal_versions_others", "organization_id", "valid_from", postgresql_where=is_not,
              postgresql_include=["valid_to", *_OTHERS]),
        Index("ix_deal_versions_others_ended", "organization_id", "valid_to",
              postgresql_where=text("status <> 'open' AND valid_to < 'infinity'"),
              postgresql_include=["valid_from", *_OTHERS]),
        Index("ix_deal_versions_recorded", "organization_id", "recorded_at", "valid_from",
              postgresql_include=["deal_id"]),
        Index(None, "organization_id", "created_day", postgresql_where=is_not,
              postgresql_include=[*_DATED, "closed_day"]),
        Index(None, "organization_id", "closed_day", postgresql_where=is_not,
              postgresql_include=[*_DATED, "created_day", "amount_minor", "currency"]),
    ]  # fmt: skip


deal_versions = table(
    "deal_versions",
    Column("deal_id", BigInteger, nullable=False),
    at("valid_from"),
    at("recorded_at"),
    at("valid_to", server_default=INFINITY),
    at("superseded_at", server_default=INFINITY),
    Column("is_observed", Boolean, nullable=False, comment="false: reconstructed from the CRM's history"),
    Column("status", Text, nullable=False, comment="open, won, lost, deleted, archived or merged"),
    Column("pipeline_id", BigInteger),
    Column("stage_id", BigInteger),
    at("stage_entered_at", nullable=True),
    Column("owner_id", BigInteger),
    Column("company_id", BigInteger),
    Column("product_id", BigInteger),
    Column("source", Text),
    Column("campaign", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("close_on", Date),
    at("created_at", nullable=True),
    Column("created_day", Date),
    at("closed_at", nullable=True),
    Column("closed_day", Date),
    *_as_of_indexes(),
    key=("deal_id", "valid_from", "recorded_at"),
)

deal_contacts = table(
    "deal_contacts",
    Column("deal_id", BigInteger, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    Index(None, "organization_id", "contact_id"),
    key=("deal_id", "contact_id"),
)

stage_events = table(
    "stage_events",
    Column("deal_id", BigInteger, nullable=False),
    at("entered_at"),
    Column("stage_id", BigInteger, nullable=False),
    Column("from_stage_id", BigInteger),
    Column("pipeline_id", BigInteger),
    Column("owner_id", BigInteger),
    Column("is_observed", Boolean, nullable=False),
    at("recorded_at"),
    Index(None, "organization_id", "stage_id", "entered_at"),
    key=("deal_id", "entered_at", "stage_id"),
)

activities = table(
    "activities",
    Column("connection_id", BigInteger, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("owner_id", BigInteger),
    at("occurred_at", nullable=True),
    Column("day", Date),
    Column("direction", Text),
    Column("outcome", Text),
    Column("duration_s", Integer),
    Column("deal_id", BigInteger),
    Column("contact_id", BigInteger),
    Column("company_id", BigInteger),
    Column("lead_id", BigInteger),
    Column("subject", Text),
    Column("content_hash", BigInteger, nullable=False),
    at("recorded_at", server_default=func.now()),
    at("gone_at", nullable=True),
    Index(None, "organization_id", "owner_id", "occurred_at"),
    Index("ix_activities_occurred", "organization_id", "occurred_at"),
    Index(
        "ix_activities_deal", "organization_id", "deal_id", "occurred_at", postgresql_where=text("deal_id is not null")
    ),
    Index(
        "ix_activities_contact",
        "organization_id",
        "contact_id",
        "occurred_at",
        postgresql_where=text("contact_id is not null"),
    ),
    Index(
        "ix_activities_lead", "organization_id", "lead_id", "occurred_at", postgresql_where=text("lead_id is not null")
    ),
    key=("connection_id", "external_id"),
)

raw_records = table(
    "raw_records",
    Column("kind", Text, nullable=False),
    Column("entity_key", Text, nullable=False, comment="our id; for activities connection:external id"),
    at("recorded_at"),
    Column("raw", JSONB, nullable=False),
    key=("kind", "entity_key", "recorded_at"),
)

currency_rates = table(
    "currency_rates",
    Column("currency", Text, nullable=False),
    Column("to_currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("rate", Numeric(20, 10), nullable=False, comment="units of to_currency for one unit of currency"),
    Column("entered_by", Text),
    at("entered_at", server_default=func.now()),
    CheckConstraint("rate > 0", name="rate_positive"),
    key=("currency", "to_currency", "day"),
)
