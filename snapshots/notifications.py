"""Who is told of a new lead, and whether they were: the outbox of notifications, and the webhooks that there are.

A notification is put there in the transaction that gives the lead to somebody, one per lead and recipient, for good:
once it was sent it is never sent again. It is claimed under a lease and a fencing token like a lead; what was sent by a
process that died before it could write so is sent again under the same message id, by which a recipient knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database

Channel = Literal["email", "webhook"]
LEASE: Final = timedelta(minutes=3)
"""Longer than any attempt may take, so that nothing renews it."""
RETRY_AFTER: Final = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 12 * 3600))
"""Seven more attempts over about a day."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """address: an e-mail address, or the id of a webhook."""

    channel: Channel
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One that this process may send now. lead: what is told. url, sealed: of a webhook; None: it is gone. event: what
    a webhook is told that happened."""

    organization_id: int
    notification_id: int
    fence: int
    attempts: int
    channel: Channel
    recipient: str
    message_id: str
    organization: str
    lead: Mapping[str, Any]
    url: str | None
    sealed: bytes | None
    event: str = "lead.received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of an attempt. state: sent; pending, to be tried again if attempts are left; parked, for a person must look.
    detail: what was answered; a lead's page shows it where it was not sent."""

    state: Literal["sent", "pending", "parked"]
    reason: str = ""
    detail: str | None = None


def message_id(lead_id: UUID, recipient: Recipient) -> str:
    """The same whoever asks, and whenever (RFC 5322 without the brackets)."""
    about = sha256(f"{recipient.channel} {recipient.address}".encode()).hexdigest()[:16]
    return f"{lead_id}.{about}@leads.slms"


def recipients(connection: Connection, organization_id: int, form_id: int) -> list[Recipient]:
    """Who is told of every lead of a form, whoever gets it: the addresses that the form names, and all webhooks."""
    told = connection.execute(_TOLD_OF, {"organization": organization_id, "form": form_id}).one()
    mail = [Recipient("email", address) for address in told.notify or []]
    return mail + [Recipient("webhook", str(one)) for one in told.hooks or []]


_TOLD_OF = text(
    "SELECT (SELECT array_agg(w.webhook_id ORDER BY w.webhook_id) FROM webhooks w "
    "WHERE w.organization_id = :organization AND w.is_active) AS hooks, "
    "(SELECT v.definition -> 'notify' FROM forms f JOIN form_versions v ON v.organization_id = f.organization_id "
    "AND v.form_id = f.form_id AND v.version = f.published_version "
    "WHERE f.organization_id = :organization AND f.form_id = :form) AS notify"
)


def enqueue(
    connection: Connection, organization_id: int, lead_id: UUID, told: Sequence[Recipient], *, at: datetime
) -> None:
    """Have each of them told, once, however often they are named."""
    cleaned = [
        Recipient(one.channel, one.address.strip().lower() if one.channel == "email" else one.address) for one in told
    ]
    for one in dict.fromkeys(cleaned):
        connection.execute(
            text(
                "INSERT INTO notifications (organization_id, lead_id, channel, recipient, message_id, created_at, "
                "next_attempt_at) VALUES (:organization, :lead, :channel, :recipient, :message, :at, :at) "
                "ON CONFLICT (organization_id, lead_id, channel, recipient) DO NOTHING"
            ),
            {
                "organization": organization_id, "lead": lead_id, "channel": one.channel, "recipient": one.address,
                "message": message_id(lead_id, one), "at": at,
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationOutbox:
    """Of all organizations. clock: SQL of the present, replaced by tests."""

    database: Database
    lease: timedelta = LEASE
    clock: str = "clock_timestamp()"

    def claim_due(self, most: int) -> list[Notification]:
        """Up to `most` that are due, those first whose recipient has the fewest under way, then the longest due. A
        claim counts as an attempt, whatever becomes of it."""
        with self.database.as_worker() as connection:
            rows = connection.execute(
                text(_CLAIM.format(now=self.clock)), {"most": most, "lease": self.lease}
            ).mappings()
            return [_notification_of(row) for row in rows]

    def settle(self, claim: Notification, outcome: Outcome) -> bool:
        """Write down what became of it. False where the lease had passed and somebody else has it."""
        if outcome.state == "pending" and claim.attempts > len(RETRY_AFTER):
            detail = f"{claim.attempts} attempts; the last: {outcome.detail or outcome.reason}"
            outcome = Outcome(state="parked", reason="exceeded", detail=detail)
        wait = RETRY_AFTER[min(claim.attempts, len(RETRY_AFTER)) - 1]
        with self.database.as_worker() as connection:
            done = connection.execute(
                text(_SETTLE.format(now=self.clock)),
                {
                    "o": claim.organization_id, "id": claim.notification_id, "fence": claim.fence,
                    "state": outcome.state, "reason": outcome.reason or None, "detail": outcome.detail, "wait": wait,
                },
            )  # fmt: skip
            if done.rowcount and claim.channel == "webhook":
                note_call(connection, claim, outcome, self.clock, is_test=False)
        return bool(done.rowcount)


# Whoever is told slowly, or cannot be reached, waits behind all others: of each recipient the first comes before the
# second of any, and what is under way counts as one that came before.
_CLAIM = """
WITH waiting AS (
    SELECT n.* FROM organizations o CROSS JOIN LATERAL (
        SELECT organization_id, notification_id, next_attempt_at, row_number() OVER (
            PARTITION BY channel, recipient
            ORDER BY coalesce(lease_until > {now}, false) DESC, next_attempt_at) AS place
        FROM notifications
        WHERE organization_id = o.organization_id AND state = 'pending' AND next_attempt_at <= {now}
    ) n
),
ready AS MATERIALIZED (
    SELECT n.organization_id, n.notification_id FROM waiting w
    JOIN notifications n ON n.organization_id = w.organization_id AND n.notification_id = w.notification_id
    WHERE n.state = 'pending' AND (n.lease_until IS NULL OR n.lease_until <= {now})
    ORDER BY w.place, w.next_attempt_at LIMIT :most FOR UPDATE OF n SKIP LOCKED
),
claimed AS (
    UPDATE notifications n SET lease_until = {now} + :lease, fence = n.fence + 1, attempts = n.attempts + 1
    FROM ready WHERE n.organization_id = ready.organization_id AND n.notification_id = ready.notification_id
    RETURNING n.*
)
SELECT n.organization_id, n.notification_id, n.fence, n.attempts, n.channel, n.recipient, n.message_id,
    o.name AS organization, w.url, w.sealed, l.lead_id, l.received_at, f.name AS form, l.email, l.phone, l.first_name,
    l.last_name, l.company, l.extra, coalesce(g.source, l.source) AS source,
    coalesce(g.campaign, l.campaign) AS campaign, p.name AS owner, p.email AS owner_email
FROM claimed n
JOIN organizations o ON o.organization_id = n.organization_id
JOIN received_leads l ON l.organization_id = n.organization_id AND l.lead_id = n.lead_id
LEFT JOIN lead_assignments g ON g.organization_id = n.organization_id AND g.lead_id = n.lead_id
LEFT JOIN forms f ON f.organization_id = n.organization_id AND f.form_id = l.form_id
LEFT JOIN owners p ON p.organization_id = n.organization_id AND p.owner_id = l.routed_owner_id
LEFT JOIN webhooks w ON n.channel = 'webhook' AND w.organization_id = n.organization_id
    AND w.webhook_id::text = n.recipient AND w.is_active
ORDER BY n.next_attempt_at
"""
_SETTLE = """
UPDATE notifications SET state = :state, lease_until = NULL, detail = :detail,
    reason = CASE WHEN :state = 'parked' THEN :reason END,
    next_attempt_at = CASE WHEN :state = 'pending' THEN {now} + :wait END,
    sent_at = CASE WHEN :state = 'sent' THEN {now} END
WHERE organization_id = :o AND notification_id = :id AND fence = :fence AND state = 'pending'
"""
TOLD = (
    "lead_id", "received_at", "form", "email", "phone", "first_name", "last_name", "company", "extra", "source",
    "campaign", "owner", "owner_email",
)  # fmt: skip


def _notification_of(row: Any) -> Notification:
    names = ("organization_id", "notification_id", "fence", "attempts", "channel", "recipient", "message_id",
             "organization", "url")  # fmt: skip
    sealed = row["sealed"]
    return Notification(
        **{name: row[name] for name in names},
        lead={name: row[name] for name in TOLD},
        sealed=None if sealed is None else bytes(sealed),
    )


# --- for people ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationState:
    """Where one stands. to: the address, or the name of the webhook."""

    notification_id: int
    lead_id: UUID
    channel: Channel
    to: str
    state: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    reason: str | None
    detail: str | None


_STATES = """
    SELECT n.notification_id, n.lead_id, n.channel,
        CASE n.channel WHEN 'webhook' THEN coalesce(w.name, 'a webhook that was removed') ELSE n.recipient END AS "to",
        n.state, n.attempts, n.created_at, n.next_attempt_at, n.sent_at, n.reason, n.detail
    FROM notifications n LEFT JOIN webhooks w ON n.channel = 'webhook' AND w.organization_id = n.organization_id
        AND w.webhook_id::text = n.recipient
    WHERE n.organization_id = :organization
"""


def list_parked(database: Database, organization_id: int, *, most: int = 100) -> list[NotificationState]:
    """Those that wait for a person, the newest first."""
    return _states(database, organization_id, "n.state = 'parked' ORDER BY n.notification_id DESC LIMIT :most",
                   most=most)  # fmt: skip


def notifications_of(database: Database, organization_id: int, lead_id: UUID) -> list[NotificationState]:
    """All of a lead."""
    return _states(database, organization_id, "n.lead_id = :lead ORDER BY n.notification_id", lead=lead_id)


def _states(database: Database, organization_id: int, which: str, **values: object) -> list[NotificationState]:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(f"{_STATES} AND {which}"), {"organization": organization_id, **values})
        return [NotificationState(**row) for row in rows.mappings()]


def count_by_state(database: Database, organization_id: int) -> dict[str, int]:
    """How many were sent, are on their way, or parked."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text("SELECT state, count(*) AS n FROM notifications WHERE organization_id = :id GROUP BY state"),
            {"id": organization_id},
        )
        return {row.state: int(row.n) for row in rows}


def replay(database: Database, organization_id: int, notification_ids: Sequence[int], *, by: str) -> int:
    """Try these anew, at once, if they are parked. How many that were."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "UPDATE notifications SET state = 'pending', reason = NULL, attempts = 0, lease_until = NULL, "
                "next_attempt_at = clock_timestamp() WHERE organization_id = :organization "
                "AND notification_id = ANY(:ids) AND state = 'parked' RETURNING notification_id"
            ),
            {"organization": organization_id, "ids": list(notification_ids)},
        ).scalars().all()  # fmt: skip
        for one in rows:
            audit.record(
                connection, organization_id, by=by, action="replayed", subject="notification", subject_id=str(one),
                before={"state": "parked"}, after={"state": "pending"},
            )  # fmt: skip
    return len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told of every new lead. Its secret is kept sealed and never shown again."""

    webhook_id: int
    name: str
    url: str
    is_active: bool
    created_at: datetime
    last_at: datetime | None = None
    """When it was called the last time; None: never."""
    last_state: str | None = None
    last_detail: str | None = None
    last_is_test: bool | None = None


def list_webhooks(database: Database, organization_id: int) -> list[Webhook]:
    """In the order in which they were added."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text("SELECT webhook_id, name, url, is_active, created_at, last_at, last_state, last_detail, last_is_test "
                 "FROM webhooks WHERE organization_id = :id ORDER BY webhook_id"), {"id": organization_id},
        )  # fmt: skip
        return [Webhook(**row) for row in rows.mappings()]


def add_webhook(database: Database, organization_id: int, *, name: str, url: str, sealed: bytes, by: str) -> int:
    """sealed: its secret, as `ops` encrypted it."""
    with database.as_app(organization_id) as connection:
        webhook_id = int(
            connection.execute(
                text(
                    "INSERT INTO webhooks (organization_id, name, url, sealed) "
                    "VALUES (:organization, :name, :url, :sealed) RETURNING webhook_id"
                ),
                {"organization": organization_id, "name": name, "url": url, "sealed": sealed},
            ).scalar_one()
        )
        _note(connection, organization_id, by, "created", webhook_id, None, {"name": name, "url": url})
    return webhook_id


def switch_webhook(database: Database, organization_id: int, webhook_id: int, *, is_active: bool, by: str) -> None:
    """What is due while it is off is parked."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text("UPDATE webhooks SET is_active = :active WHERE organization_id = :organization "
                 "AND webhook_id = :id AND is_active <> :active"),
            {"active": is_active, "organization": organization_id, "id": webhook_id},
        )  # fmt: skip
        if done.rowcount:
            _note(connection, organization_id, by, "changed", webhook_id, {"is_active": not is_active},
                  {"is_active": is_active})  # fmt: skip


def remove_webhook(database: Database, organization_id: int, webhook_id: int, *, by: str) -> None:
    """Its address and secret are forgotten; notifications that it did not get are parked when they are due."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text("DELETE FROM webhooks WHERE organization_id = :organization AND webhook_id = :id RETURNING name, url"),
            {"organization": organization_id, "id": webhook_id},
        ).one_or_none()  # fmt: skip
        if row is not None:
            _note(connection, organization_id, by, "removed", webhook_id, {"name": row.name, "url": row.url}, None)


def note_call(connection: Connection, call: Notification, outcome: Outcome, clock: str, *, is_test: bool) -> None:
    """What a webhook answered the last time. clock: SQL of the present."""
    connection.execute(
        text(
            f"UPDATE webhooks SET last_at = {clock}, last_state = :state, last_detail = :detail, last_is_test = :test "
            "WHERE organization_id = :organization AND webhook_id = :id"
        ),
        {
            "state": outcome.state, "detail": outcome.detail, "test": is_test, "organization": call.organization_id,
            "id": int(call.recipient),
        },
    )  # fmt: skip


def _note(
    connection: Connection, organization_id: int, by: str, action: str, webhook_id: int,
    before: audit.Values | None, after: audit.Values | None,
) -> None:  # fmt: skip
    audit.record(
        connection, organization_id, by=by, action=action, subject="webhook", subject_id=str(webhook_id),
        before=before, after=after,
    )  # fmt: skip
