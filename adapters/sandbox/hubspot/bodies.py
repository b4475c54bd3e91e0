"""The bodies that HubSpot answers with, beside the objects: steps of pipelines, owners, pages, refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.sandbox.hubspot.properties import LEAD_STAGES, stamp
from adapters.sandbox.server import Reply
from adapters.sandbox.world import Row, World


def owner(world: World, row: Row) -> dict[str, Any]:
    teams = [team for one in row.links.get("team", []) if (team := world.get("team", one)) is not None]
    gone, user = row.archived_at is not None, row.fields.get("user_id")
    return {
        "id": str(row.row_id), "email": row.fields.get("email"), "firstName": row.fields.get("first_name"),
        "lastName": row.fields.get("last_name"), "type": "PERSON", "userId": None if gone else user,
        "userIdIncludingInactive": user, "archived": gone, "createdAt": stamp(row.created_at),
        "updatedAt": stamp(row.modified_at),
        "teams": [
            {"id": str(team.row_id), "name": team.text("name"), "primary": place == 0}
            for place, team in enumerate(teams)
        ],
    }  # fmt: skip


def step(row: Row) -> dict[str, Any]:
    return {
        "id": str(row.row_id), "label": row.text("name"), "displayOrder": row.fields["position"], "archived": False,
        "createdAt": stamp(row.created_at), "updatedAt": stamp(row.modified_at),
    }  # fmt: skip


def lead_pipeline(at: datetime) -> dict[str, Any]:
    """The one that HubSpot itself makes."""
    times = {"createdAt": stamp(at), "updatedAt": stamp(at), "archived": False}
    stages = [
        {
            "id": stage_id,
            "label": status.capitalize(),
            "displayOrder": place,
            "metadata": {"isClosed": "false"},
            **times,
        }
        for place, (status, stage_id) in enumerate(LEAD_STAGES.items())
    ]
    return {"id": "lead-pipeline-id", "label": "Lead pipeline", "displayOrder": 0, "stages": stages, **times}


def names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


def paging(after: str | None) -> dict[str, Any]:
    return {"paging": {"next": {"after": after, "link": f"?after={after}"}}} if after is not None else {}


def error(status: int, message: str, category: str = "VALIDATION_ERROR", **more: Any) -> Reply:
    body = {"status": "error", "message": message, "correlationId": "00000000-0000-4000-8000-000000000000"}
    return Reply(status, body | {"category": category} | more)


def throttled(policy: str) -> Reply:
    """policy: DAILY, SECONDLY or TEN_SECONDLY_ROLLING."""
    return Reply(429, {
        "status": "error", "message": f"You have reached your {policy.lower()} limit.", "errorType": "RATE_LIMIT",
        "correlationId": "00000000-0000-4000-8000-000000000000", "policyName": policy,
    })  # fmt: skip


def listed_link(kind: str, end: str, one: int, *, is_primary: bool) -> list[dict[str, str]]:
    """An association as lists and reads tell it: a company's primary one comes under two types."""
    if end != "company":
        return [{"id": str(one), "type": f"{kind}_to_{end}"}]
    names = ([f"{kind}_to_{end}"] if is_primary else []) + [f"{kind}_to_{end}_unlabeled"]
    return [{"id": str(one), "type": name} for name in names]


def batch_link(end: str, one: int, *, is_primary: bool) -> dict[str, Any]:
    """The same as the associations API tells it."""
    types: list[dict[str, Any]] = [{"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None}]
    if end == "company" and is_primary:
        types.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"})
    return {"toObjectId": one, "associationTypes": types}
