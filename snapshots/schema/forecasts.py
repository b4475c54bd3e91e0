"""Forecasts as they were issued with what they were made from, what came of them; quotas and people's own calls."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

_NODE = "node_kind in ('total', 'team', 'owner', 'product', 'source')"

forecast_facts = table(
    "forecast_facts",
    Column("data_hash", Text, nullable=False),
    at("known_at", comment="as what was known at this instant"),
    Column("packed", LargeBinary, nullable=False, comment="deals and names, compressed"),
    key=("data_hash",),
)
"""What forecasts were made from, so that they can be made again whatever is corrected later."""

forecast_runs = table(
    "forecast_runs",
    Column("run_id", BigInteger, Identity(), nullable=False),
    Column("made_on", Date, nullable=False, comment="the day whose knowledge counts"),
    Column("step", Text, nullable=False, comment="week or month"),
    Column("measure", Text, nullable=False, comment="bookings or new_deals"),
    at("issued_at"),
    Column("method_version", Text, nullable=False),
    Column("data_hash", Text, nullable=False),
    Column("inputs", JSONB, nullable=False, comment="what was asked, and what was left out of the facts"),
    Column("n_series", Integer, nullable=False),
    Column("seconds", Double, nullable=False, comment="of the processor"),
    Column("issued_by", Text, nullable=False),
    CheckConstraint("step in ('week', 'month')", name="step"),
    CheckConstraint("measure in ('bookings', 'new_deals')", name="measure"),
    Index("uq_forecast_runs_made", "organization_id", "step", "measure", "made_on", unique=True),
    key=("run_id",),
)

forecasts = table(
    "forecasts",
    Column("run_id", BigInteger, nullable=False),
    Column("node_kind", Text, nullable=False, comment="total, team, owner, product or source"),
    Column("node_key", Text, nullable=False, comment="our id, or the source's name; empty: the total, or none"),
    Column("node_name", Text, comment="as it was called then; null: it has no name"),
    Column("parent_key", Text, comment="of an owner: the team then"),
    Column("currency", Text, nullable=False, comment="empty: a count"),
    Column("step_no", Integer, nullable=False, comment="1: the step that holds made_on"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("value", Double, nullable=False, comment="minor units, whole; or a count"),
    Column("low", Double, nullable=False, comment="of the 80 % interval"),
    Column("high", Double, nullable=False),
    Column("won", Double, nullable=False, comment="of it certain already when it was issued"),
    Column("method", Text, nullable=False),
    Column("actual", Double, comment="what came; null: not known yet"),
    at("graded_at", nullable=True),
    Column("not_gradable", Text, comment="why what came will never be known: merged"),
    CheckConstraint(_NODE, name="node_kind"),
    CheckConstraint("(actual is null) = (graded_at is null)", name="graded"),
    CheckConstraint("not_gradable is null or graded_at is null", name="not_gradable"),
    CheckConstraint("low <= value and value <= high and won <= value", name="ordered"),
    Index(
        "ix_forecasts_due",
        "organization_id",
        "last_day",
        postgresql_where=text("graded_at is null and not_gradable is null"),
    ),
    key=("run_id", "currency", "node_kind", "node_key", "step_no"),
)
"""As they were issued: later only what came is filled in, or why it cannot be."""

forecast_cards = table(
    "forecast_cards",
    Column("run_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, comment="empty: counts"),
    Column("node_kind", Text, nullable=False),
    Column("node_key", Text, nullable=False),
    Column("parent_key", Text, comment="of an owner: the team then"),
    Column("card", JSONB, nullable=False, comment="the report card"),
    Column("past", JSONB, nullable=False, comment="first day of the first step, and what came in each until then"),
    CheckConstraint(_NODE, name="node_kind"),
    key=("run_id", "currency", "node_kind", "node_key"),
)

quotas = table(
    "quotas",
    Column("quota_id", BigInteger, Identity(), nullable=False),
    Column("owner_id", BigInteger, comment="null: of a team, or of all"),
    Column("team_id", BigInteger, comment="null: of an owner, or of all"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    at("set_at"),
    Column("set_by", Text, nullable=False),
    at("replaced_at", nullable=True, comment="null: it holds"),
    Column("replaced_by", Text),
    CheckConstraint("owner_id is null or team_id is null", name="one_node"),
    CheckConstraint("first_day <= last_day", name="period"),
    CheckConstraint("amount_minor > 0", name="positive"),
    CheckConstraint("(replaced_at is null) = (replaced_by is null)", name="replaced"),
    Index(
        "uq_quotas_held",
        "organization_id",
        text("coalesce(owner_id, 0)"),
        text("coalesce(team_id, 0)"),
        "first_day",
        "last_day",
        "currency",
        unique=True,
        postgresql_where=text("replaced_at is null"),
    ),
    key=("quota_id",),
)
"""Never changed: another one takes its place."""

forecast_calls = table(
    "forecast_calls",
    Column("call_id", BigInteger, Identity(), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("node_kind", Text, nullable=False, comment="total, team or owner"),
    Column("node_key", Text, nullable=False),
    Column("parent_key", Text, comment="of an owner: the team then"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    at("made_at"),
    Column("note", Text, nullable=False, server_default=""),
    Column("actual_minor", BigInteger, comment="what came; null: not known yet"),
    at("graded_at", nullable=True),
    Column("not_gradable", Text, comment="why what came will never be known: merged"),
    CheckConstraint("node_kind in ('total', 'team', 'owner')", name="node_kind"),
    CheckConstraint("first_day <= last_day", name="period"),
    CheckConstraint("amount_minor >= 0", name="not_negative"),
    CheckConstraint("(actual_minor is null) = (graded_at is null)", name="graded"),
    CheckConstraint("not_gradable is null or graded_at is null", name="not_gradable"),
    Index("ix_forecast_calls_node", "organization_id", "node_kind", "node_key", "first_day"),
    Index(
        "ix_forecast_calls_due",
        "organization_id",
        "last_day",
        postgresql_where=text("graded_at is null and not_gradable is null"),
    ),
    key=("call_id",),
)
"""What people expected: a later call stands beside an earlier one."""
