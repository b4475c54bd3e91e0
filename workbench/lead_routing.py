"""To whom a lead was given and who was told of it, as events of its journey."""

from __future__ import annotations

from datetime import datetime

from snapshots import notifications, routing
from snapshots.journeys import ReceivedLead
from snapshots.notifications import NotificationState
from workbench import formats, installation
from workbench.lead_timeline import Event
from workbench.view import View


def events(view: View, lead: ReceivedLead) -> list[tuple[datetime, Event]]:
    """With their times, to stand among the others."""
    database, organization_id = installation.database(), view.organization_id
    found = routing.assignment_of(database, organization_id, lead.lead_id)
    told = notifications.notifications_of(database, organization_id, lead.lead_id)
    given = [] if found is None else [(found.at, _given(found))]
    return [*given, *((one.sent_at or one.created_at, _told(one, view)) for one in told)]


def _given(found: routing.Assignment) -> Event:
    title = f"Given to {found.owner}" if found.owner else "Given to nobody"
    return Event(at=found.at, title=title, tone="person" if found.owner else "", text=found.because)


def _told(one: NotificationState, view: View) -> Event:
    how = "by mail" if one.channel == "email" else "by webhook"
    if one.state == "sent":
        return Event(at=one.sent_at, title=f"{one.to} was told {how}", tone="won")
    if one.state == "parked":
        return Event(at=one.created_at, title=f"{one.to} could not be told {how}", tone="lost", text=one.detail or "",
                     details=("An administrator sends it again on Admin → Notifications.",))  # fmt: skip
    next_at = formats.clock(one.next_attempt_at.astimezone(view.zone)) if one.next_attempt_at else ""
    return Event(at=one.created_at, title=f"{one.to} is being told {how}", text=one.detail or "",
                 details=(f"Next attempt at {next_at}",) if one.attempts else ())  # fmt: skip
