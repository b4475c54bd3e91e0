"""How the connection to a CRM is, from what syncs noted, and from what the CRM says now where it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from adapters.base import Check
from adapters.records import Kind
from insights.people import TOTALS
from lead_endpoint.contracts import (
    CheckState,
    ConnectionState,
    Health,
    ScopeState,
    SyncState,
    UnavailableState,
)
from snapshots import status
from snapshots.organizations import CrmConnection
from snapshots.owner_activity import KINDS, parts_of
from snapshots.reads import Reader
from snapshots.status import Freshness

State = Literal["ok", "stale", "failing", "never_synced"]
WORST_FIRST: Sequence[State] = ("failing", "never_synced", "stale", "ok")


def synced_at(reader: Reader, connections: Sequence[CrmConnection]) -> datetime | None:
    """Since when the snapshots of all these are complete; None where one was never read."""
    moments = [one.synced_at for one in _freshness(reader, connections)]
    return min((one for one in moments if one is not None), default=None) if None not in moments else None


def health_of(
    reader: Reader, connections: Sequence[CrmConnection], checks: Mapping[str, Sequence[Check]], *, now: datetime
) -> Health:
    """The state of the connection that needs a look most. checks: what the CRM said now, by connection."""
    states = {one.name: _state(one, checks.get(one.name, ()), now) for one in _freshness(reader, connections)}
    worst = min(_freshness(reader, connections), key=lambda one: WORST_FIRST.index(states[one.name]))
    missing = _missing(reader, worst.name)
    return Health(
        provider=worst.provider,
        connection=ConnectionState(
            name=worst.name,
            status=states[worst.name],
            deals=worst.n_deals,
            others=[name for name in states if name != worst.name],
        ),
        scopes=_scopes({one.name: one.reason for one in missing}),
        last_sync=_last_sync(reader, worst),
        unavailable=missing,
        checks=[
            CheckState(name=one.name, is_ok=one.ok, detail=one.detail, remedy=one.remedy)
            for one in checks.get(worst.name, ())
        ],
    )


def _freshness(reader: Reader, connections: Sequence[CrmConnection]) -> list[Freshness]:
    asked = {one.connection_id for one in connections}
    found = status.freshness(reader.database, reader.organization.organization_id)
    return [one for one in found if one.connection_id in asked]


def _state(one: Freshness, checks: Sequence[Check], now: datetime) -> State:
    if one.last_status == "failed" or not all(check.ok for check in checks):
        return "failing"
    if one.synced_at is None:
        return "never_synced"
    return "stale" if one.is_stale(now) else "ok"


def _missing(reader: Reader, connection: str) -> list[UnavailableState]:
    found = status.missing_objects(reader.database, reader.organization.organization_id)
    return [_unavailable(row) for row in found[found["connection"] == connection].itertuples()]


def _unavailable(row: Any) -> UnavailableState:
    return UnavailableState(
        name=row.kind, reason=row.reason, counts=_touched(row.kind), since=row.since.to_pydatetime()
    )


def _touched(kind: str) -> list[Any]:
    parts = parts_of([kind])
    return [f"{name}_last_n_days" for name, members in TOTALS.items() if parts & set(members)]


def _scopes(reasons: Mapping[str, str]) -> list[ScopeState]:
    """Every kind of object, and every kind of activity that is counted."""
    activities = reasons.get(Kind.ACTIVITY)
    found = {kind.value: reasons.get(kind) for kind in Kind}
    found |= {kind.value: reasons.get(kind) or activities for kind in KINDS}
    return [ScopeState(name=name, is_granted=reason is None, reason=reason) for name, reason in found.items()]


def _last_sync(reader: Reader, one: Freshness) -> SyncState | None:
    for run in status.list_runs(reader.database, reader.organization.organization_id):
        if run.connection_id == one.connection_id:
            return SyncState(
                status=run.status,
                started_at=run.started_at,
                finished_at=run.finished_at,
                error=run.error_message,
                succeeded_at=one.synced_at,
            )
    return None
