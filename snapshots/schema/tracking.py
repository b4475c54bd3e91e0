"""What visitors did with forms, and where they came from: visits, counts by day, sources and campaigns.

A visit is one row per form and day, whatever number of beacons told of it. Its row may be forgotten after a while,
unless a lead came of it; the counts by day stay.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

visit_origins = table(
    "visit_origins",
    Column("origin_id", Integer, Identity(), nullable=False),
    Column("key", Uuid, nullable=False, comment="hash of what was said"),
    *(
        Column(name, Text, nullable=False, server_default=text("''"))
        for name in ("said_source", "said_campaign", "utm_source", "utm_medium", "utm_campaign", "click", "referrer")
    ),
    Column("source", Text, nullable=False, server_default=text("''"), comment="what the rules make of it"),
    Column("campaign", Text, nullable=False, server_default=text("''"), comment="the same; empty: none"),
    Column(
        "first_day", Date, nullable=False, server_default=text("CURRENT_DATE"),
        comment="UTC, on which it was made: so many are new a day",
    ),
    UniqueConstraint("organization_id", "key"),
    Index(None, "organization_id", "first_day"),
    key=("origin_id",),
)  # fmt: skip
"""Each way in which visits said where they come from, once. Other rules change source and campaign here, and so in all
that was ever counted."""

form_visits = table(
    "form_visits",
    Column("day", Date, nullable=False),
    Column("form_id", BigInteger, nullable=False),
    Column("visit", Uuid, nullable=False, comment="hash of the visit's random id"),
    at("first_at"),
    at("last_at"),
    Column("version", Integer, nullable=False, comment="the newest seen; 0: not said"),
    Column("origin_id", Integer, nullable=False, comment="of the earliest sign"),
    Column("step", SmallInteger, nullable=False, comment="1 view, 2 start, 3 submit: the furthest"),
    Column("form_step", SmallInteger, nullable=False, server_default=text("0"), comment="furthest step of the form"),
    Column(
        "flags", SmallInteger, nullable=False, server_default=text("0"), comment="bits: bot, machine, staff, repeat"
    ),
    Column("has_lead", Boolean, nullable=False, server_default=text("false"), comment="kept as long as the lead"),
    key=("day", "form_id", "visit"),
)

visit_daily = table(
    "visit_daily",
    Column("day", Date, nullable=False),
    Column("form_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("origin_id", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False, comment="0 counted, 1 bots and machines, 2 staff, 3 repeats"),
    Column("n_views", BigInteger, nullable=False),
    Column("n_starts", BigInteger, nullable=False),
    Column("n_submits", BigInteger, nullable=False),
    key=("day", "form_id", "version", "origin_id", "kind"),
)
"""Triggers on `form_visits` keep it; rows of visits that are forgotten stay counted."""

form_hosts = table(
    "form_hosts",
    Column("form_id", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("n", BigInteger, nullable=False, comment="signs of visits on pages of this host"),
    key=("form_id", "host"),
)

blocked_origins = table(
    "blocked_origins",
    Column("form_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False, comment="UTC"),
    Column("origin", Text, nullable=False, comment="of the page, as https://shop.example"),
    Column("n", BigInteger, nullable=False, comment="how often the form was asked for there"),
    at("last_at"),
    key=("form_id", "day", "origin"),
)
"""Where a form was refused, for its owner did not allow it there: anybody can name one, so few are new a day."""

lead_visits = table(
    "lead_visits",
    Column("lead_id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("form_id", BigInteger, nullable=False),
    Column("visit", Uuid, nullable=False, comment="the visit for which it counts"),
    Column("is_repeat", Boolean, nullable=False, comment="an earlier lead counts for the same visit"),
    Column("touches", JSONB, nullable=False, server_default=text("'[]'"), comment="oldest first"),
    Index(None, "organization_id", "day", "form_id", "visit"),
    key=("lead_id",),
)

marketing_names = table(
    "marketing_names",
    Column("name_id", BigInteger, Identity(), nullable=False),
    Column("kind", Text, nullable=False, comment="source or campaign"),
    Column("name", Text, nullable=False),
    at("created_at", server_default=func.now()),
    UniqueConstraint("organization_id", "kind", "name"),
    key=("name_id",),
)

marketing_aliases = table(
    "marketing_aliases",
    Column("kind", Text, nullable=False),
    Column("alias", Text, nullable=False, comment="in lower case"),
    Column("name_id", BigInteger, nullable=False),
    key=("kind", "alias"),
)

utm_rules = table(
    "utm_rules",
    Column("position", Integer, nullable=False, comment="the first that matches counts"),
    *(
        Column(name, Text, nullable=False, server_default=text("''"), comment="a pattern with *; empty: anything")
        for name in ("utm_source", "utm_medium", "utm_campaign", "click", "referrer")
    ),
    Column("source", Text, nullable=False),
    Column("campaign", Text, nullable=False, server_default=text("''"), comment="empty: as the visit says"),
    key=("position",),
)

marketing_costs = table(
    "marketing_costs",
    Column("cost_id", BigInteger, Identity(), nullable=False),
    Column("name_id", BigInteger, nullable=False, comment="the source or campaign that was paid for"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Index(None, "organization_id", "name_id"),
    key=("cost_id",),
)

staff_networks = table(
    "staff_networks",
    Column("network", Text, nullable=False, comment="as 203.0.113.0/24"),
    Column("note", Text, nullable=False, server_default=text("''")),
    key=("network",),
)
