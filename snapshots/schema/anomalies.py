"""Alarms as they were raised, what people said of them, and how many false ones are borne; who was away, and which days
nobody works."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Double, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from snapshots.schema.base import at, table

_MEASURE = "measure in ('activities', 'leads', 'conversion')"

alarm_runs = table(
    "alarm_runs",
    Column("measure", Text, nullable=False, comment="activities, leads or conversion"),
    Column("made_on", Date, nullable=False, comment="day of the organization; what was before it was known"),
    at("issued_at"),
    Column("card", JSONB, nullable=False, comment="budget, thresholds, rates; or why there is nothing to say"),
    CheckConstraint(_MEASURE, name="measure"),
    key=("measure", "made_on"),
)

alarms = table(
    "alarms",
    Column("alarm_id", BigInteger, Identity(), nullable=False),
    Column("measure", Text, nullable=False, comment="activities, leads or conversion"),
    Column("subject_key", Text, nullable=False, comment="an owner's or form's id, a source"),
    Column("owner_id", BigInteger, comment="of activities: whose they are"),
    Column("name", Text, nullable=False, comment="as it was called then"),
    Column("day", Date, nullable=False, comment="first day of the week in which it was raised"),
    Column("since", Date, nullable=False, comment="first day of the first week that it is about"),
    Column("direction", Text, nullable=False, comment="drop or rise"),
    Column("kind", Text, nullable=False, comment="lost week, spike or sustained"),
    Column("score", Double, nullable=False, comment="over its threshold: 1 is just an alarm"),
    Column("value", BigInteger, nullable=False, comment="of the week"),
    Column("expected", Double, nullable=False),
    Column("low", BigInteger, nullable=False, comment="80 % of ordinary weeks lie between"),
    Column("high", BigInteger, nullable=False),
    Column("team", Double, nullable=False, comment="what the others did, 1 is usual"),
    Column("n_weeks", Integer, nullable=False, comment="that it is about"),
    Column("value_n", BigInteger, nullable=False, comment="of those together"),
    Column("expected_n", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("budget", Double, nullable=False, comment="false alarms per series and quarter"),
    Column("made_on", Date, nullable=False, comment="of the run that raised it"),
    Column("is_replayed", Boolean, nullable=False, comment="raised afterwards, for a week before the first run"),
    at("issued_at"),
    CheckConstraint(_MEASURE, name="measure"),
    CheckConstraint("direction in ('drop', 'rise')", name="direction"),
    CheckConstraint("kind in ('lost week', 'spike', 'sustained')", name="kind"),
    Index("uq_alarms_subject", "organization_id", "measure", "subject_key", "day", "direction", unique=True),
    Index("ix_alarms_day", "organization_id", "measure", "day"),
    key=("alarm_id",),
)
"""What an alarm said never changes; whose it is follows a merge."""

alarm_verdicts = table(
    "alarm_verdicts",
    Column("verdict_id", BigInteger, Identity(), nullable=False),
    Column("alarm_id", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False, comment="real, leave, left, false, or none: taken back"),
    Column("said_by", Text, nullable=False),
    at("said_at"),
    CheckConstraint("verdict in ('real', 'leave', 'left', 'false', 'none')", name="verdict"),
    Index("ix_alarm_verdicts_alarm", "organization_id", "alarm_id", "verdict_id"),
    key=("verdict_id",),
)
"""The newest of an alarm counts."""

alarm_budgets = table(
    "alarm_budgets",
    Column("budget", Double, nullable=False, comment="false alarms per series and quarter"),
    at("changed_at"),
    Column("changed_by", Text, nullable=False),
    CheckConstraint("budget between 0.05 and 1", name="budget"),
    key=(),
)

leave_entries = table(
    "leave_entries",
    Column("leave_id", BigInteger, Identity(), nullable=False),
    Column("owner_id", BigInteger, comment="null: everybody"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("entered_by", Text, nullable=False),
    at("entered_at"),
    at("removed_at", nullable=True),
    Column("removed_by", Text),
    CheckConstraint("first_day <= last_day", name="days"),
    CheckConstraint("(removed_at is null) = (removed_by is null)", name="removed"),
    Index("ix_leave_entries_days", "organization_id", "last_day", postgresql_where=text("removed_at is null")),
    key=("leave_id",),
)

calendars = table(
    "calendars",
    Column("country", Text, nullable=False, comment="ISO 3166-1, whose public holidays nobody works on"),
    Column("subdivision", Text, comment="of the country, as ISO 3166-2 names it after the hyphen"),
    at("changed_at"),
    Column("changed_by", Text, nullable=False),
    key=(),
)
