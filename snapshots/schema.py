"""The tables. Every one carries `organization_id`, first in its primary key and its indexes; row-level security stands
on top (`snapshots/access.py`). The migrations follow this module; a test compares the two.

Days are in the organization's time zone, instants are aware UTC. Money is integer minor units plus a currency.
Versions (`deal_versions`, `owner_versions`) are append-only statements with two intervals:

- `[valid_from, valid_to)`: when it was true in the CRM, as we know it now. A statement that turned out wrong keeps an
  empty interval (`valid_to = valid_from`), so "true at t" is always `valid_from <= t and valid_to > t`.
- `[recorded_at, superseded_at)`: when we believed it to be the present. "As it was known at t" is the same filter
  over this interval.

After a change of CRM a deal may also be "not moved" (ended that day) or "earlier" (closed in the new CRM before it).

`infinity` stands for "until further notice", `-infinity` for "since before the data begin".
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INFINITY = text("'infinity'")
entity_id_seq = Sequence("entity_id_seq", metadata=metadata, data_type=BigInteger, cache=1)
"""One sequence for all objects of ours that a CRM also knows, so that an id never means two things."""


def _at(name: str, *, nullable: bool = False, **kwargs: object) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, **kwargs)  # type: ignore[arg-type]


def _entity_id(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=entity_id_seq.next_value())


def _table(name: str, *items: SchemaItem, key: tuple[str, ...]) -> Table:
    """A table of one organization's rows; `key` follows `organization_id` in the primary key."""
    organization_id = Column("organization_id", BigInteger, nullable=False)
    return Table(name, metadata, organization_id, *items, PrimaryKeyConstraint("organization_id", *key))


organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("default_currency", Text, comment="assumed where a record names none; null: such amounts stay without one"),
    Column("reporting_currency", Text, comment="the currency that pages convert to where a rate is known"),
    Column("is_sample", Boolean, nullable=False, server_default=text("false")),
    Column("data_version", BigInteger, nullable=False, server_default=text("0"), comment="grows with every batch"),
    _at("created_at", server_default=func.now()),
)

users = _table(
    "users",
    Column("user_id", BigInteger, Identity(), nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text),
    Column("role", Text, nullable=False),
    Column("owner_id", BigInteger, comment="the salesperson that this user is"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    _at("created_at", server_default=func.now()),
    CheckConstraint("role in ('admin', 'sales_ops', 'manager', 'rep', 'analyst')", name="role"),
    UniqueConstraint("organization_id", "email"),
    key=("user_id",),
)

crm_connections = _table(
    "crm_connections",
    Column("connection_id", BigInteger, Identity(), nullable=False),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'"), comment="never secrets"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    _at("created_at", server_default=func.now()),
    _at("retired_at", nullable=True, comment="since when it is not read any more"),
    UniqueConstraint("organization_id", "name"),
    key=("connection_id",),
)

crm_credentials = _table(
    "crm_credentials",
    Column("connection_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="encrypted; the key is derived from SECRET_KEY"),
    Column("updated_by", Text),
    _at("updated_at", server_default=func.now()),
    key=("connection_id",),
)
"""Apart from the connections, so that nothing that lists these ever holds them."""

_OPEN_CHANGE = "state in ('reading', 'ready', 'failed', 'confirmed')"
crm_changes = _table(
    "crm_changes",
    Column("change_id", BigInteger, Identity(), nullable=False),
    Column("from_connection_id", BigInteger, nullable=False),
    Column("to_connection_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="reading"),
    _at("started_at"),
    _at("heartbeat_at", nullable=True, comment="last sign of life of the one who reads the new CRM"),
    Column("n_read", BigInteger, nullable=False, server_default=text("0")),
    _at("read_at", nullable=True),
    Column("error_message", Text),
    Column("catalog", JSONB, nullable=False, server_default=text("'{}'"), comment="owners, teams and stages there"),
    _at("switched_at", nullable=True, comment="from when on the new CRM counts; set when it is confirmed"),
    Column("confirmed_by", Text),
    Column("ended_deals", ARRAY(BigInteger), nullable=False, server_default=text("'{}'"), comment="not moved"),
    _at("finished_at", nullable=True),
    CheckConstraint("state in ('reading', 'ready', 'failed', 'confirmed', 'done', 'undone')", name="state"),
    CheckConstraint("(state in ('confirmed', 'done')) = (switched_at is not null)", name="switched"),
    Index("uq_crm_changes_open", "organization_id", unique=True, postgresql_where=text(_OPEN_CHANGE)),
    key=("change_id",),
)

crm_change_deals = _table(
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

external_links = _table(
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


def _current(*items: SchemaItem) -> tuple[SchemaItem, ...]:
    """Columns of objects that are kept in their present state."""
    return (
        *items,
        Column("content_hash", BigInteger, nullable=False, server_default=text("0")),
        _at("recorded_at", server_default=func.now()),
        _at("gone_at", nullable=True, comment="deleted, archived or merged in the CRM"),
        Column("gone_reason", Text),
    )


teams = _table(
    "teams",
    _entity_id("team_id"),
    *_current(
        Column("name", Text),
        Column("manager_id", BigInteger, comment="owner_id of the manager"),
        Column("manager_name", Text),
        Column("region", Text),
    ),
    key=("team_id",),
)

owners = _table(
    "owners",
    _entity_id("owner_id"),
    *_current(
        Column("name", Text),
        Column("email", Text),
        Column("is_active", Boolean, nullable=False, server_default=text("true")),
        Column("team_id", BigInteger, comment="the team now; for another day see owner_versions"),
    ),
    key=("owner_id",),
)

owner_versions = _table(
    "owner_versions",
    Column("owner_id", BigInteger, nullable=False),
    _at("valid_from"),
    _at("recorded_at"),
    _at("valid_to", server_default=INFINITY),
    _at("superseded_at", server_default=INFINITY),
    Column("is_observed", Boolean, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("is_active", Boolean, nullable=False),
    Column("team_id", BigInteger),
    key=("owner_id", "valid_from", "recorded_at"),
)

pipelines = _table(
    "pipelines",
    _entity_id("pipeline_id"),
    *_current(Column("name", Text), Column("position", Integer, nullable=False, server_default=text("0"))),
    key=("pipeline_id",),
)

stages = _table(
    "stages",
    _entity_id("stage_id"),
    *_current(
        Column("pipeline_id", BigInteger),
        Column("name", Text),
        Column("position", Integer, nullable=False, server_default=text("0")),
        Column("probability", Double, comment="the CRM's own, in [0, 1]; null where it has none"),
        Column("status", Text, nullable=False, server_default="open"),
    ),
    key=("stage_id",),
)

products = _table(
    "products",
    _entity_id("product_id"),
    *_current(
        Column("name", Text), Column("family", Text), Column("price_minor", BigInteger), Column("currency", Text)
    ),
    key=("product_id",),
)

companies = _table(
    "companies",
    _entity_id("company_id"),
    *_current(
        Column("name", Text),
        Column("domain", Text),
        Column("industry", Text),
        Column("country", Text),
        Column("employees", BigInteger),
        Column("revenue_minor", BigInteger),
        Column("currency", Text),
        Column("owner_id", BigInteger),
        _at("created_at", nullable=True),
    ),
    key=("company_id",),
)

contacts = _table(
    "contacts",
    _entity_id("contact_id"),
    *_current(
        Column("name", Text),
        Column("email", Text),
        Column("phone", Text),
        Column("company_id", BigInteger),
        Column("owner_id", BigInteger),
        _at("created_at", nullable=True),
    ),
    Index(None, "organization_id", "email"),
    key=("contact_id",),
)

leads = _table(
    "leads",
    _entity_id("lead_id"),
    *_current(
        Column("name", Text),
        Column("email", Text),
        Column("phone", Text),
        Column("company_name", Text),
        Column("owner_id", BigInteger),
        Column("source", Text),
        Column("campaign", Text),
        Column("status", Text),
        _at("created_at", nullable=True),
        Column("created_day", Date, comment="null: the CRM gives no date"),
        Column("converted", Boolean, comment="null: the CRM does not say"),
        _at("converted_at", nullable=True),
        Column("deal_id", BigInteger),
        Column("fields", JSONB),
    ),
    Index(None, "organization_id", "created_day"),
    Index(None, "organization_id", "email"),
    key=("lead_id",),
)

deals = _table(
    "deals",
    _entity_id("deal_id"),
    *_current(Column("name", Text)),
    key=("deal_id",),
)

deal_versions = _table(
    "deal_versions",
    Column("deal_id", BigInteger, nullable=False),
    _at("valid_from"),
    _at("recorded_at"),
    _at("valid_to", server_default=INFINITY),
    _at("superseded_at", server_default=INFINITY),
    Column("is_observed", Boolean, nullable=False, comment="false: reconstructed from the CRM's history"),
    Column("status", Text, nullable=False, comment="open, won, lost, deleted, archived or merged"),
    Column("pipeline_id", BigInteger),
    Column("stage_id", BigInteger),
    _at("stage_entered_at", nullable=True),
    Column("owner_id", BigInteger),
    Column("company_id", BigInteger),
    Column("product_id", BigInteger),
    Column("source", Text),
    Column("campaign", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("close_on", Date),
    _at("created_at", nullable=True),
    Column("created_day", Date),
    _at("closed_at", nullable=True),
    Column("closed_day", Date),
    Index(
        "ix_deal_versions_open", "organization_id", "valid_to", "valid_from", postgresql_where=text("status = 'open'")
    ),
    Index(None, "organization_id", "created_day"),
    Index(None, "organization_id", "closed_day"),
    key=("deal_id", "valid_from", "recorded_at"),
)

deal_contacts = _table(
    "deal_contacts",
    Column("deal_id", BigInteger, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    key=("deal_id", "contact_id"),
)

stage_events = _table(
    "stage_events",
    Column("deal_id", BigInteger, nullable=False),
    _at("entered_at"),
    Column("stage_id", BigInteger, nullable=False),
    Column("from_stage_id", BigInteger),
    Column("pipeline_id", BigInteger),
    Column("owner_id", BigInteger),
    Column("is_observed", Boolean, nullable=False),
    _at("recorded_at"),
    Index(None, "organization_id", "stage_id", "entered_at"),
    key=("deal_id", "entered_at", "stage_id"),
)

activities = _table(
    "activities",
    Column("connection_id", BigInteger, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("owner_id", BigInteger),
    _at("occurred_at", nullable=True),
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
    _at("recorded_at", server_default=func.now()),
    _at("gone_at", nullable=True),
    Index(None, "organization_id", "owner_id", "occurred_at"),
    Index(
        "ix_activities_deal", "organization_id", "deal_id", "occurred_at", postgresql_where=text("deal_id is not null")
    ),
    key=("connection_id", "external_id"),
)

raw_records = _table(
    "raw_records",
    Column("kind", Text, nullable=False),
    Column("entity_key", Text, nullable=False, comment="our id; for activities connection:external id"),
    _at("recorded_at"),
    Column("raw", JSONB, nullable=False),
    key=("kind", "entity_key", "recorded_at"),
)

currency_rates = _table(
    "currency_rates",
    Column("currency", Text, nullable=False),
    Column("to_currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("rate", Numeric(20, 10), nullable=False, comment="units of to_currency for one unit of currency"),
    Column("entered_by", Text),
    _at("entered_at", server_default=func.now()),
    CheckConstraint("rate > 0", name="rate_positive"),
    key=("currency", "to_currency", "day"),
)

# --- rollups: day is '-infinity' where the CRM gives none, owner 0 where there is none, '' where a word is missing ---

activity_daily = _table(
    "activity_daily",
    Column("day", Date, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Index(None, "organization_id", "owner_id", "day"),
    key=("day", "owner_id", "kind"),
)

lead_daily = _table(
    "lead_daily",
    Column("day", Date, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_converted", BigInteger, nullable=False),
    Column("n_known", BigInteger, nullable=False, comment="leads of which the CRM says whether they converted"),
    key=("day", "owner_id", "source"),
)

deal_daily = _table(
    "deal_daily",
    Column("event", Text, nullable=False, comment="created, won or lost"),
    Column("day", Date, nullable=False, comment="when it happened"),
    Column("known_day", Date, nullable=False, comment="from which day on it is true; sum over known_day <= D"),
    Column("owner_id", BigInteger, nullable=False),
    Column("pipeline_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("n_valued", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    key=("event", "day", "known_day", "owner_id", "pipeline_id", "source", "currency"),
)

# --- sync ---

sync_runs = _table(
    "sync_runs",
    Column("run_id", BigInteger, Identity(), nullable=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False, comment="running, succeeded, failed, cancelled or interrupted"),
    _at("started_at"),
    _at("heartbeat_at"),
    _at("finished_at", nullable=True),
    _at("cancel_requested_at", nullable=True),
    Column("step", Text, comment="the kind of object it is at"),
    Column("error_id", Text),
    Column("error_message", Text),
    Index(None, "organization_id", "connection_id", "started_at"),
    key=("run_id",),
)

sync_counts = _table(
    "sync_counts",
    Column("run_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("fetched", "new", "changed", "unchanged", "rejected", "deleted")
    ),
    Column("expected", BigInteger, comment="what the CRM says it has; null where it cannot be asked"),
    Column("ours", BigInteger, comment="what we hold as live after the run"),
    Column("is_done", Boolean, nullable=False, server_default=text("false")),
    key=("run_id", "kind"),
)

sync_cursors = _table(
    "sync_cursors",
    Column("connection_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    _at("updated_at"),
    key=("connection_id", "kind"),
)

missing_objects = _table(
    "missing_objects",
    Column("connection_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _at("since"),
    key=("connection_id", "kind"),
)

rejected_rows = _table(
    "rejected_rows",
    Column("rejected_id", BigInteger, Identity(), nullable=False),
    Column("connection_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("line", BigInteger),
    Column("reason", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    _at("recorded_at"),
    Index(None, "organization_id", "connection_id", "run_id"),
    key=("rejected_id",),
)

# --- leads that were received, their delivery, and the demo CRM's own memory ---

idempotency_keys = _table(
    "idempotency_keys",
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", BigInteger, nullable=False),
    Column("response", JSONB),
    _at("created_at", server_default=func.now()),
    key=("scope", "key"),
)

forms = _table(
    "forms",
    Column("form_id", BigInteger, Identity(), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, comment="public: names organization and form, proves nothing"),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("connection_id", BigInteger, comment="where its leads go; null: the first connection that takes leads"),
    Column("fields", JSONB, nullable=False, server_default=text("'[]'"), comment="extra fields that reach the CRM"),
    Column("thank_you_urls", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("phone_region", Text, comment="ISO 3166 country of phone numbers without a country code"),
    _at("created_at", server_default=func.now()),
    UniqueConstraint("organization_id", "key"),
    Index("uq_forms_default", "organization_id", unique=True, postgresql_where=text("is_default")),
    key=("form_id",),
)

received_leads = _table(
    "received_leads",
    Column("lead_id", Uuid, nullable=False, comment="version 7: in the order of receipt"),
    Column("form_id", BigInteger, nullable=False),
    _at("received_at", server_default=func.now()),
    Column("idempotency_key", Text),
    Column("request_hash", LargeBinary, nullable=False, comment="SHA-256 of what was sent"),
    Column("body", LargeBinary, nullable=False, comment="what was sent, byte for byte"),
    Column("body_type", Text, nullable=False),
    Column("network", Text, comment="the sender's network, not the address"),
    Column("email", Text),
    Column("phone", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'"), comment="every other field, as text"),
    Column("contact_key", Text, nullable=False, comment="whose leads keep their order: e-mail, else phone, else id"),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text, comment="why it is parked or quarantined"),
    Column("detail", Text, comment="the same in words"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="those that count"),
    _at("next_attempt_at", nullable=True, server_default=func.now()),
    _at("lease_until", nullable=True),
    Column("fence", Integer, nullable=False, server_default=text("0"), comment="grows with every claim"),
    Column("connection_id", BigInteger, comment="where it was delivered"),
    Column("external_id", Text, comment="the CRM's id of the contact"),
    Column("outcome", Text, comment="created, updated or exists"),
    _at("delivered_at", nullable=True),
    CheckConstraint("state in ('pending', 'delivered', 'parked', 'quarantined')", name="state"),
    CheckConstraint("(state = 'pending') = (next_attempt_at is not null)", name="due"),
    CheckConstraint("(state = 'delivered') = (delivered_at is not null)", name="delivered"),
    CheckConstraint("(state in ('parked', 'quarantined')) = (reason is not null)", name="reason"),
    Index(
        "uq_received_leads_idempotency_key",
        "organization_id",
        "form_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key is not null"),
    ),
    Index(None, "organization_id", "contact_key", "lead_id"),
    Index("ix_received_leads_due", "organization_id", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index(
        "ix_received_leads_aside",
        "organization_id",
        "state",
        "reason",
        "received_at",
        postgresql_include=["form_id"],
        postgresql_where=text("state in ('parked', 'quarantined')"),
    ),
    Index(
        "ix_received_leads_delivered",
        "organization_id",
        "received_at",
        postgresql_include=["form_id"],
        postgresql_where=text("state = 'delivered'"),
    ),
    key=("lead_id",),
)
"""Each lead that was accepted, which is its own outbox: pending until it is delivered, parked or quarantined. The
indexes are partial so that taking a lead in writes to none of the last two."""

delivered_counts = _table(
    "delivered_counts",
    Column("form_id", BigInteger, nullable=False),
    Column("slot", SmallInteger, nullable=False, comment="of the connection that counted"),
    Column("n", BigInteger, nullable=False),
    key=("form_id", "slot"),
)
"""How many leads of a form were ever delivered, summed over slots; a trigger on `received_leads` counts."""

delivery_attempts = _table(
    "delivery_attempts",
    Column("lead_id", Uuid, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("connection_id", BigInteger),
    Column("worker", Text, nullable=False),
    _at("started_at"),
    _at("finished_at", nullable=True, comment="null: it runs, or its process was killed"),
    Column("outcome", Text, comment="created, updated, exists, retry, wait, or the reason of parking"),
    Column("detail", Text),
    key=("lead_id", "fence"),
)

lead_actions = _table(
    "lead_actions",
    Column("action_id", BigInteger, Identity(), nullable=False),
    Column("lead_id", Uuid, nullable=False),
    _at("at"),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False, comment="replayed, edited or released"),
    Column("before", JSONB, nullable=False, server_default=text("'{}'")),
    Column("after", JSONB, nullable=False, server_default=text("'{}'")),
    Index(None, "organization_id", "lead_id"),
    key=("action_id",),
)

refused_submissions = _table(
    "refused_submissions",
    Column("refused_id", BigInteger, Identity(), nullable=False),
    Column("form_id", BigInteger, nullable=False),
    _at("received_at", server_default=func.now()),
    Column("body", LargeBinary, nullable=False),
    Column("body_type", Text, nullable=False),
    Column("network", Text),
    Column("field", Text),
    Column("reason", Text, nullable=False),
    Index(None, "organization_id", "received_at"),
    key=("refused_id",),
)

delivery_accounts = _table(
    "delivery_accounts",
    Column("connection_id", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="in a row, over all leads"),
    _at("paused_until", nullable=True),
    Column("reason", Text),
    Column("detail", Text),
    _at("since", nullable=True),
    key=("connection_id",),
)

rate_budgets = _table(
    "rate_budgets",
    Column("account", Text, nullable=False),
    _at("free_at"),
    key=("account",),
)

crm_tokens = _table(
    "crm_tokens",
    Column("account", Text, nullable=False),
    Column("token", LargeBinary, nullable=False, comment="encrypted with a key derived from SECRET_KEY"),
    _at("expires_at"),
    key=("account",),
)

api_keys = _table(
    "api_keys",
    Column("key_id", BigInteger, Identity(), nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False, comment="the first characters, to tell keys apart"),
    Column("key_hash", LargeBinary, nullable=False, comment="SHA-256; the key itself is not kept"),
    Column("scopes", ARRAY(Text), nullable=False),
    _at("created_at", server_default=func.now()),
    _at("expires_at", nullable=True),
    _at("revoked_at", nullable=True),
    _at("last_used_at", nullable=True),
    UniqueConstraint("organization_id", "key_hash"),
    key=("key_id",),
)

demo_contacts = _table(
    "demo_contacts",
    Column("email", Text, nullable=False),
    Column("record", JSONB, nullable=False),
    _at("updated_at", server_default=func.now()),
    key=("email",),
)
