"""The journey of one lead: what was sent, each attempt to deliver it, what people did with it, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from snapshots.inbox import Inbox
from snapshots.lead_filter import LeadState

MOST_SIBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLead:
    """A lead as it is now. body: as it was sent. connection: the CRM to which it went, or was last tried on.

    next_attempt_at: None where there is none. is_under_way: a worker has it now. fence: grows with every claim; hand it
    back to act on exactly what was seen. form_version: what was filled in. source, campaign: as it said itself.
    consents: what was agreed to, each with field, text, version, language and time.
    """

    lead_id: UUID
    received_at: datetime
    form_id: int
    form: str | None
    idempotency_key: str | None
    body: bytes
    body_type: str
    network: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    extra: Mapping[str, str]
    flags: tuple[str, ...]
    state: LeadState
    reason: str | None
    detail: str | None
    attempts: int
    next_attempt_at: datetime | None
    is_under_way: bool
    fence: int
    connection_id: int | None
    connection: str | None
    outcome: str | None
    external_id: str | None
    delivered_at: datetime | None
    form_version: int | None = None
    source: str | None = None
    campaign: str | None = None
    consents: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str | None:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver. finished_at, outcome: None where it runs, or its process ended first."""

    fence: int
    started_at: datetime
    finished_at: datetime | None
    worker: str
    connection: str | None
    outcome: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a person did. action: replayed, edited, released or resumed. before, after: what changed."""

    at: datetime
    who: str
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """Another lead of the same contact."""

    lead_id: UUID
    received_at: datetime
    state: LeadState
    is_earlier: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """paused_until: the account that it waits for is paused until then; None: it is not. siblings: the newest first."""

    lead: ReceivedLead
    attempts: tuple[Attempt, ...]
    actions: tuple[Action, ...]
    siblings: tuple[Sibling, ...]
    paused_until: datetime | None

    @property
    def is_behind(self) -> bool:
        """It waits for an earlier lead of the same contact: these are delivered in their order."""
        return self.lead.state is LeadState.PENDING and any(
            one.is_earlier and one.state is LeadState.PENDING for one in self.siblings
        )


def journey(inbox: Inbox, lead_id: UUID) -> Journey | None:
    """None where the viewer's organization has no such lead. Raises PermissionError for who may not see leads."""
    inbox.demand_sight()
    asked = {"organization": inbox.viewer.organization_id, "lead": lead_id}
    with inbox.database.as_app(inbox.viewer.organization_id) as connection:
        row = connection.execute(text(_LEAD), asked).mappings().one_or_none()
        if row is None:
            return None
        values = dict(row)
        asked["contact"] = values.pop("contact_key")
        return Journey(
            lead=_lead(values),
            attempts=tuple(Attempt(**one) for one in connection.execute(text(_ATTEMPTS), asked).mappings()),
            actions=tuple(Action(**one) for one in connection.execute(text(_ACTIONS), asked).mappings()),
            siblings=_siblings(connection, asked),
            paused_until=connection.execute(text(_PAUSE), asked).scalar_one_or_none(),
        )


def _lead(values: dict[str, Any]) -> ReceivedLead:
    read = {"state": LeadState(values["state"]), "flags": tuple(values["flags"])}
    return ReceivedLead(**values | read | {"consents": tuple(values["consents"] or ())})


def _siblings(connection: Connection, asked: dict[str, Any]) -> tuple[Sibling, ...]:
    rows = connection.execute(text(_SIBLINGS), asked | {"limit": MOST_SIBLINGS}).mappings()
    return tuple(Sibling(**{**row, "state": LeadState(row["state"])}) for row in rows)


_LEAD = """
    SELECT l.lead_id, l.received_at, l.form_id, f.name AS form, l.idempotency_key, l.body, l.body_type, l.network,
        l.email, l.phone, l.first_name, l.last_name, l.company, l.extra, l.flags, l.state, l.reason, l.detail,
        l.attempts, l.next_attempt_at, coalesce(l.lease_until > clock_timestamp(), false) AS is_under_way, l.fence,
        l.connection_id, c.name AS connection, l.outcome, l.external_id, l.delivered_at,
        l.form_version, l.source, l.campaign, l.consents, l.contact_key
    FROM received_leads l
    LEFT JOIN forms f ON f.organization_id = :organization AND f.form_id = l.form_id
    LEFT JOIN crm_connections c ON c.organization_id = :organization AND c.connection_id = l.connection_id
    WHERE l.organization_id = :organization AND l.lead_id = :lead
"""
_ATTEMPTS = """
    SELECT a.fence, a.started_at, a.finished_at, a.worker, c.name AS connection, a.outcome, a.detail
    FROM delivery_attempts a
    LEFT JOIN crm_connections c ON c.organization_id = :organization AND c.connection_id = a.connection_id
    WHERE a.organization_id = :organization AND a.lead_id = :lead ORDER BY a.fence
"""
_ACTIONS = """
    SELECT at, who, action, before, after FROM lead_actions
    WHERE organization_id = :organization AND lead_id = :lead ORDER BY action_id
"""
# Those that it waits for stand first, however old they are.
_SIBLINGS = """
    SELECT lead_id, received_at, state, lead_id < :lead AS is_earlier FROM received_leads
    WHERE organization_id = :organization AND contact_key = :contact AND lead_id <> :lead
    ORDER BY (state = 'pending') DESC, lead_id DESC LIMIT :limit
"""
_PAUSE = """
    SELECT max(a.paused_until) FROM delivery_accounts a
    JOIN received_leads l ON l.organization_id = :organization AND l.lead_id = :lead AND l.state = 'pending'
        AND (l.connection_id IS NULL OR l.connection_id = a.connection_id)
    WHERE a.organization_id = :organization AND a.paused_until IS NOT NULL
"""
