"""A deal as Pipedrive has it, over the neutral row: won and lost are no stages there, so a closed deal stays in the
last open stage that it had, and the changelog tells what it was before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from adapters.sandbox.pipedrive.values import number, stamp, v1_stamp
from adapters.sandbox.world import Past, Row, World

GREGORIAN = 0x01B21DD213814000
"""From the beginning of the Gregorian calendar to 1970, in tenths of a microsecond."""
ARCHIVED = "is_archived"
"""A field of a deal's row: put away, not deleted."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a deal went through: (since when, open stage), and since when it is won or lost."""

    stages: list[tuple[datetime, int]]
    status: str
    closed_at: datetime | None


def course(world: World, row: Row) -> Course:
    stages, status, closed_at = list[tuple[datetime, int]](), "open", None
    for past in _of(row, "stage_id"):
        stage = world.get("stage", int(str(past.value)))
        outcome = str(stage.fields["outcome"]) if stage is not None else "open"
        if outcome == "open":
            status, closed_at = "open", None
            if not stages or stages[-1][1] != int(str(past.value)):
                stages.append((past.at, int(str(past.value))))
        elif outcome != status:
            status, closed_at = outcome, past.at
    if not stages:
        stages = [(row.created_at, _first_stage(world, row))]
    return Course(stages, status, closed_at)


def _first_stage(world: World, row: Row) -> int:
    return next(one.row_id for one in world.live("stage") if one.fields["pipeline_id"] == row.fields["pipeline_id"])


def _of(row: Row, name: str) -> Iterator[Past]:
    return (past for past in row.history if past.name == name)


def shown(world: World, row: Row, owner: int) -> dict[str, Any]:
    """owner: of a row that names none."""
    its = course(world, row)
    moved_at = its.stages[-1][0] if len(its.stages) > 1 else None
    closed = {name: stamp(its.closed_at) if its.status == name else None for name in ("won", "lost")}
    lead = _lead_of(world, row)
    close_at = row.fields.get("close_at")
    return {
        "id": row.row_id, "title": row.text("name"), "owner_id": row.fields.get("owner_id") or owner,
        "person_id": first(row, "contact"), "org_id": first(row, "company"),
        "pipeline_id": row.fields.get("pipeline_id"), "stage_id": its.stages[-1][1],
        "value": number(row.fields.get("amount")), "currency": row.fields.get("currency") or "EUR",
        "add_time": stamp(row.created_at), "update_time": stamp(row.modified_at), "stage_change_time": stamp(moved_at),
        "is_deleted": row.archived_at is not None, "is_archived": bool(row.fields.get(ARCHIVED)),
        "status": "deleted" if row.archived_at is not None else its.status, "probability": None,
        "lost_reason": None, "visible_to": 3, "close_time": stamp(its.closed_at), "won_time": closed["won"],
        "lost_time": closed["lost"], "expected_close_date": _day(close_at), "label_ids": [],
        "origin": "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "arr": None,
        "mrr": None, "acv": None, "custom_fields": {}, "source_lead_id": lead_id(lead) if lead is not None else None,
    }  # fmt: skip


def changelog(world: World, row: Row, owner: int) -> list[dict[str, Any]]:
    """Newest first; what a deal began with is not in it."""
    its, found = course(world, row), list[tuple[datetime, dict[str, Any]]]()
    moves = [(at, str(stage)) for at, stage in its.stages]
    amounts = [(past.at, _text(past.value)) for past in _of(row, "amount")]
    owners = [(past.at, str(past.value or owner)) for past in _of(row, "owner_id")]
    dates = [(past.at, _day(past.value)) for past in _of(row, "close_at")]
    for key, values in (("stage_id", moves), ("value", amounts), ("user_id", owners), ("expected_close_date", dates)):
        for (_, old), (at, new) in pairwise(values):
            if old != new:
                found.append((at, _entry(key, old, new, at, owner)))
    if its.closed_at is not None:
        found.append((its.closed_at, _entry("status", "open", its.status, its.closed_at, owner)))
    return [entry for _, entry in sorted(found, key=lambda one: one[0])][::-1]


def _entry(key: str, old: str | None, new: str | None, at: datetime, by: int) -> dict[str, Any]:
    return {
        "field_key": key, "old_value": old, "new_value": new, "actor_user_id": by, "time": v1_stamp(at),
        "change_source": "app", "change_source_user_agent": None, "is_bulk_update_flag": False,
    }  # fmt: skip


def _text(value: object) -> str | None:
    return f"{value:f}" if isinstance(value, Decimal) else None


def _day(value: object) -> str | None:
    return value.isoformat()[:10] if isinstance(value, date) else None


def first(row: Row, kind: str) -> int | None:
    return next(iter(row.links.get(kind, [])), None)


# --- leads ---


def lead_id(row: Row) -> str:
    """A UUID of version 1, which holds when it was made."""
    ticks = int(row.created_at.timestamp() * 1_000_000) * 10 + GREGORIAN
    fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000, 0x85, 0x9D, row.row_id)
    return str(UUID(fields=fields))


def lead_with(world: World, text: str) -> Row | None:
    try:
        row = world.get("lead", UUID(text).node)
    except ValueError:
        return None
    return row if row is not None and lead_id(row) == text else None


def _lead_of(world: World, deal: Row) -> Row | None:
    for row in world.rows.get("lead", {}).values():
        if deal.row_id in row.links.get("deal", []) and row.fields.get("converted_at") is not None:
            return row
    return None


def lead_shown(row: Row, owner: int) -> dict[str, Any]:
    title = " ".join(part for part in (row.text("first_name"), row.text("last_name")) if part)
    return {
        "id": lead_id(row), "title": f"{title} lead", "owner_id": row.fields.get("owner_id") or owner,
        "creator_id": owner, "label_ids": [], "person_id": first(row, "contact"),
        "organization_id": first(row, "company"), "source_name": row.fields.get("source") or "Manually created",
        "origin": "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "source_deal_id": None,
        "is_archived": row.fields.get("status") == "unqualified", "was_seen": True, "value": None,
        "expected_close_date": None, "next_activity_id": None, "add_time": stamp(row.created_at),
        "update_time": stamp(row.modified_at), "visible_to": "3", "cc_email": "sandbox@pipedrivemail.com",
    }  # fmt: skip
