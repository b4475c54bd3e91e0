"""Calling a webhook with a lead that there is none of: it stands in no outbox, and only what it answered is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from snapshots.database import Database
from snapshots.notifications import TOLD, Notification, Outcome, note_call


def trial_call(database: Database, organization_id: int, webhook_id: int, *, at: datetime) -> Notification | None:
    """What is to be sent, whether the webhook is on or off. None: there is no such webhook."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT w.url, w.sealed, o.name FROM webhooks w JOIN organizations o USING (organization_id) "
                "WHERE w.organization_id = :organization AND w.webhook_id = :id"
            ),
            {"organization": organization_id, "id": webhook_id},
        ).one_or_none()
    if row is None:
        return None
    lead = dict.fromkeys(TOLD) | {
        "lead_id": UUID(int=0), "received_at": at, "form": "Test", "email": "test@example.com", "first_name": "Test",
        "extra": {"message": "This is a test; there is no such lead."},
    }  # fmt: skip
    return Notification(
        organization_id=organization_id, notification_id=0, fence=0, attempts=1, channel="webhook",
        recipient=str(webhook_id), message_id=f"test-{uuid4()}@leads.slms", organization=row.name, lead=lead,
        url=row.url, sealed=bytes(row.sealed), event="test",
    )  # fmt: skip


def note_trial(database: Database, call: Notification, outcome: Outcome) -> None:
    """Write down what became of it."""
    with database.as_app(call.organization_id) as connection:
        note_call(connection, call, outcome, "clock_timestamp()", is_test=True)
