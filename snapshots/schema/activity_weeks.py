"""What each owner did in a week, as counts that the quality of activity is made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Index, text

from snapshots.schema.base import at, table

activity_weeks = table(
    "activity_weeks",
    Column("week", Date, nullable=False, comment="its Monday"),
    Column("owner_id", BigInteger, nullable=False),
    Column("n_open", BigInteger, nullable=False, comment="deals open at its end"),
    Column("recency", Double, nullable=False, comment="of these, sum of 2 ^ (-days since the last activity / 14)"),
    Column("n_covered", BigInteger, nullable=False, comment="of these, with an activity in the last 30 days"),
    Column("n_sent", BigInteger, nullable=False, comment="e-mails sent in it to somebody"),
    Column("n_answered", BigInteger, nullable=False, comment="of these, answered within seven days"),
    Column("n_planned", BigInteger, nullable=False, comment="meetings in it of which the outcome is known"),
    Column("n_held", BigInteger, nullable=False, comment="of these, held"),
    Column("n_worked", BigInteger, nullable=False, comment="deals open at its end or closed in it"),
    Column("n_moved", BigInteger, nullable=False, comment="of these, moved to a later stage in it, or won"),
    at("counted_at"),
    Column(
        "is_stale",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="summed up as owners were merged: to be counted again",
    ),
    Index(None, "organization_id", "owner_id", "week"),
    key=("week", "owner_id"),
)
