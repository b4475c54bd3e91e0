"""Weekly reports as they were made, who gets them and when, and what became of each sending."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    func,
    text,
)

from snapshots.schema.base import at, table

_AUDIENCE = "audience in ('organization', 'manager', 'rep') and (audience = 'organization') = (owner_id = 0)"
_CHANNEL = "channel in ('email', 'chat')"

weekly_reports = table(
    "weekly_reports",
    Column("report_id", BigInteger, Identity(), nullable=False),
    Column("audience", Text, nullable=False),
    Column("owner_id", BigInteger, nullable=False, comment="whose it is, as the id was then; 0: the organization's"),
    Column("week", Date, nullable=False, comment="its first day"),
    at("made_at"),
    Column("whose", Text, nullable=False, comment="in words"),
    Column("summary", Text, nullable=False, comment="for chat"),
    Column("plain", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("pdf", LargeBinary, nullable=False),
    CheckConstraint(_AUDIENCE, name="audience"),
    CheckConstraint("extract(isodow FROM week) = 1", name="week"),
    Index("uq_weekly_reports_whose", "organization_id", "week", "audience", "owner_id", unique=True),
    key=("report_id",),
)
"""One per reader and week; what was made is what everybody gets."""

report_recipients = table(
    "report_recipients",
    Column("recipient_id", BigInteger, Identity(), nullable=False),
    Column("audience", Text, nullable=False),
    Column("owner_id", BigInteger, nullable=False, comment="whose report; follows a merge; 0: the organization's"),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False, comment="an e-mail address, or what a chat's webhook is called"),
    Column("sealed", LargeBinary, comment="the webhook's address, encrypted"),
    at("created_at", server_default=func.now()),
    at("unsubscribed_at", nullable=True),
    Column(
        "is_automatic",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="on the list because everybody gets the own report, not because a person put it there",
    ),
    CheckConstraint(_AUDIENCE, name="audience"),
    CheckConstraint(_CHANNEL, name="channel"),
    CheckConstraint("(channel = 'chat') = (sealed IS NOT NULL)", name="sealed"),
    key=("recipient_id",),
)

report_schedules = table(
    "report_schedules",
    Column("is_on", Boolean, nullable=False),
    Column("weekday", SmallInteger, nullable=False, comment="0: Monday"),
    Column("hour", SmallInteger, nullable=False, comment="of the organization's day"),
    at("changed_at"),
    Column(
        "to_everybody",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="every active salesperson with an address gets the own report, too",
    ),
    CheckConstraint("weekday between 0 and 6 and hour between 0 and 23", name="slot"),
    key=(),
)
"""When the reports of the last week are sent; no row: never."""

report_sendings = table(
    "report_sendings",
    Column("sending_id", BigInteger, Identity(), nullable=False),
    Column("report_id", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False, comment="an e-mail address, or the id of a recipient"),
    Column("copy", Integer, nullable=False, comment="0: the first; each one that a person asked for is one more"),
    Column("message_id", Text, nullable=False, comment="the same on every attempt"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    at("next_attempt_at", nullable=True),
    at("lease_until", nullable=True),
    at("created_at"),
    at("sent_at", nullable=True),
    Column("reason", Text),
    Column("detail", Text),
    CheckConstraint(_CHANNEL, name="channel"),
    CheckConstraint("state in ('pending', 'sent', 'parked')", name="state"),
    Index("uq_report_sendings_once", "organization_id", "report_id", "channel", "recipient", "copy", unique=True),
    Index("ix_report_sendings_due", "organization_id", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    key=("sending_id",),
)
