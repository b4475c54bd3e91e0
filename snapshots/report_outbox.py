"""Messages with weekly reports: put into the outbox once per report and recipient, claimed, sent, written down.

As with notifications (`snapshots.notifications`): a claim is a lease with a fencing token, and what was sent by a
process that died before it could write so is sent again under the same message id, by which a recipient knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.notifications import RETRY_AFTER, Outcome
from snapshots.report_archive import Channel, Recipient

LEASE: Final = timedelta(minutes=3)
"""Longer than any attempt may take, so that nothing renews it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One that this process may send now. sealed: of a chat, its webhook's address; None: it is gone."""

    organization_id: int
    sending_id: int
    report_id: int
    fence: int
    attempts: int
    channel: Channel
    recipient: str
    message_id: str
    sealed: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingState:
    """Where one stands. to: the address, or the name of the chat."""

    sending_id: int
    channel: Channel
    to: str
    state: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    reason: str | None
    detail: str | None


def message_id(organization_id: int, report_id: int, channel: Channel, recipient: str, copy: int) -> str:
    """The same whoever asks, and whenever (RFC 5322 without the brackets). A report has one reader and one week."""
    about = f"{organization_id} {report_id} {channel} {recipient} {copy}"
    return f"{sha256(about.encode()).hexdigest()[:40]}@reports.slms"


def enqueue(
    database: Database, organization_id: int, report_id: int, recipients: list[Recipient], *, at: datetime
) -> int:
    """Have each of them get this report, once, however often it is asked. How many are new."""
    with database.as_app(organization_id) as connection:
        return sum(_put(connection, organization_id, report_id, *_place(one), 0, at) for one in recipients)


def resend(
    database: Database, organization_id: int, report_id: int, recipients: list[Recipient], *, by: str, at: datetime
) -> int:  # fmt: skip
    """One more copy to each of them, for a person asked for it. How many that are."""
    with database.as_app(organization_id) as connection:
        for one in recipients:
            channel, address = _place(one)
            copy = connection.execute(_NEXT_COPY, _key(organization_id, report_id, channel, address)).scalar_one()
            _put(connection, organization_id, report_id, channel, address, copy, at)
        audit.record(
            connection, organization_id, by=by, action="sent again", subject="weekly report", subject_id=str(report_id),
            before=None, after={"recipients": len(recipients)},
        )  # fmt: skip
    return len(recipients)


def states_of(database: Database, organization_id: int, report_id: int) -> list[SendingState]:
    """All messages of a report, the newest first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT s.sending_id, s.channel, CASE s.channel WHEN 'chat' THEN coalesce(r.address, 'a chat that was "
                'removed\') ELSE s.recipient END AS "to", s.state, s.attempts, s.created_at, s.sent_at, s.reason, '
                "s.detail FROM report_sendings s LEFT JOIN report_recipients r ON s.channel = 'chat' "
                "AND r.organization_id = s.organization_id AND r.recipient_id::text = s.recipient "
                "WHERE s.organization_id = :organization AND s.report_id = :report ORDER BY s.sending_id DESC"
            ),
            {"organization": organization_id, "report": report_id},
        ).mappings()
        return [SendingState(**row) for row in rows]


def retry_parked(database: Database, organization_id: int, report_id: int, *, by: str) -> int:
    """Try its parked messages anew, at once. How many that are."""
    with database.as_app(organization_id) as connection:
        n = connection.execute(
            text(
                "UPDATE report_sendings SET state = 'pending', reason = NULL, attempts = 0, lease_until = NULL, "
                "next_attempt_at = clock_timestamp() WHERE organization_id = :organization AND report_id = :report "
                "AND state = 'parked'"
            ),
            {"organization": organization_id, "report": report_id},
        ).rowcount
        if n:
            audit.record(
                connection, organization_id, by=by, action="replayed", subject="weekly report",
                subject_id=str(report_id), before={"state": "parked"}, after={"state": "pending"},
            )  # fmt: skip
    return int(n)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutbox:
    """Of all organizations. clock: SQL of the present, replaced by tests."""

    database: Database
    lease: timedelta = LEASE
    clock: str = "clock_timestamp()"

    def claim_due(self) -> Sending | None:
        """The one that is due longest; None: none is. A claim counts as an attempt, whatever becomes of it."""
        with self.database.as_worker() as connection:
            row = (
                connection.execute(text(_CLAIM.format(now=self.clock)), {"lease": self.lease}).mappings().one_or_none()
            )
        if row is None:
            return None
        told: dict[str, Any] = {str(name): value for name, value in row.items()}
        sealed = told.pop("sealed")
        return Sending(**told, sealed=None if sealed is None else bytes(sealed))

    def settle(self, claim: Sending, outcome: Outcome) -> bool:
        """Write down what became of it. False where the lease had passed and somebody else has it."""
        if outcome.state == "pending" and claim.attempts > len(RETRY_AFTER):
            detail = f"{claim.attempts} attempts; the last: {outcome.detail or outcome.reason}"
            outcome = Outcome(state="parked", reason="exceeded", detail=detail)
        wait = RETRY_AFTER[min(claim.attempts, len(RETRY_AFTER)) - 1]
        with self.database.as_worker() as connection:
            done = connection.execute(
                text(_SETTLE.format(now=self.clock)),
                {
                    "o": claim.organization_id, "id": claim.sending_id, "fence": claim.fence, "state": outcome.state,
                    "reason": outcome.reason or None, "detail": outcome.detail, "wait": wait,
                },
            )  # fmt: skip
        return bool(done.rowcount)


# --- how --------------------------------------------------------------------------------------------------------------

_NEXT_COPY: Final = text(
    "SELECT coalesce(max(copy), -1) + 1 FROM report_sendings WHERE organization_id = :organization "
    "AND report_id = :report AND channel = :channel AND recipient = :recipient"
)
_CLAIM: Final = """
WITH ready AS MATERIALIZED (
    SELECT organization_id, sending_id FROM report_sendings
    WHERE state = 'pending' AND next_attempt_at <= {now} AND (lease_until IS NULL OR lease_until <= {now})
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE report_sendings s SET lease_until = {now} + :lease, fence = s.fence + 1, attempts = s.attempts + 1
    FROM ready WHERE s.organization_id = ready.organization_id AND s.sending_id = ready.sending_id
    RETURNING s.*
)
SELECT s.organization_id, s.sending_id, s.report_id, s.fence, s.attempts, s.channel, s.recipient, s.message_id, r.sealed
FROM claimed s LEFT JOIN report_recipients r ON s.channel = 'chat' AND r.organization_id = s.organization_id
    AND r.recipient_id::text = s.recipient
"""
_SETTLE: Final = """
UPDATE report_sendings SET state = :state, lease_until = NULL, detail = :detail,
    reason = CASE WHEN :state = 'parked' THEN :reason END,
    next_attempt_at = CASE WHEN :state = 'pending' THEN {now} + :wait END,
    sent_at = CASE WHEN :state = 'sent' THEN {now} END
WHERE organization_id = :o AND sending_id = :id AND fence = :fence AND state = 'pending'
"""


def _place(one: Recipient) -> tuple[Channel, str]:
    return one.channel, one.address.strip().lower() if one.channel == "email" else str(one.recipient_id)


def _key(organization_id: int, report_id: int, channel: Channel, recipient: str) -> dict[str, object]:
    return {"organization": organization_id, "report": report_id, "channel": channel, "recipient": recipient}


def _put(
    connection: Connection, organization_id: int, report_id: int, channel: Channel, recipient: str, copy: int,
    at: datetime,
) -> int:  # fmt: skip
    done = connection.execute(
        text(
            "INSERT INTO report_sendings (organization_id, report_id, channel, recipient, copy, message_id, "
            "created_at, next_attempt_at) VALUES (:organization, :report, :channel, :recipient, :copy, :message, "
            ":at, :at) "
            "ON CONFLICT (organization_id, report_id, channel, recipient, copy) DO NOTHING"
        ),
        {
            **_key(organization_id, report_id, channel, recipient), "copy": copy, "at": at,
            "message": message_id(organization_id, report_id, channel, recipient, copy),
        },
    )  # fmt: skip
    return int(done.rowcount)
