"""The bodies that Pipedrive answers with, beside deals and leads: persons, organizations, activities, users, teams,
refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from adapters.sandbox.pipedrive.deals import first
from adapters.sandbox.pipedrive.values import duration, number, stamp, v1_stamp
from adapters.sandbox.server import Reply
from adapters.sandbox.world import Row, World

ACTIVITY_TYPES = ("call", "meeting", "task", "appointment")
"""The world's activities that are such here; mails and notes are not."""
_TYPES = (
    ("Call", "call"), ("Meeting", "meeting"), ("Task", "task"), ("Deadline", "deadline"), ("Email", "email"),
    ("Lunch", "lunch"), ("Appointment", "appointment"),
)  # fmt: skip
CLOUDFLARE = (
    b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>1015</body></html>"
)


def person(row: Row, owner: int, custom: frozenset[str]) -> dict[str, Any]:
    """owner: of a row that names none."""
    names = [row.text("first_name"), row.text("last_name")]
    return {
        "id": row.row_id, "name": " ".join(name for name in names if name), "first_name": names[0] or None,
        "last_name": names[1] or None, "owner_id": row.fields.get("owner_id") or owner, "org_id": first(row, "company"),
        "add_time": stamp(row.created_at), "update_time": stamp(row.modified_at), "is_deleted": not row.is_live,
        "emails": _entries(row, "email", "other_emails"), "phones": _entries(row, "phone", "other_phones"),
        "visible_to": 3, "label_ids": [], "custom_fields": {name: row.fields.get(name) for name in sorted(custom)},
    }  # fmt: skip


def _entries(row: Row, name: str, others: str) -> list[dict[str, Any]]:
    return [
        {"value": value, "primary": place == 0, "label": "work"} for place, value in enumerate(held(row, name, others))
    ]


def held(row: Row, name: str, others: str) -> list[str]:
    """All addresses or numbers of a person, the primary one first."""
    return [one for one in (row.text(name), *row.text(others).split(";")) if one]


def organization(row: Row, owner: int) -> dict[str, Any]:
    return {
        "id": row.row_id, "name": row.text("name"), "owner_id": row.fields.get("owner_id") or owner,
        "add_time": stamp(row.created_at), "update_time": stamp(row.modified_at), "is_deleted": not row.is_live,
        "visible_to": 3, "address": {"value": row.fields.get("country"), "country": row.fields.get("country")},
        "label_ids": [], "website": row.fields.get("domain"), "linkedin": None, "industry": None,
        "annual_revenue": number(row.fields.get("revenue")), "employee_count": row.fields.get("employees"),
        "custom_fields": {},
    }  # fmt: skip


def activity(row: Row, owner: int) -> dict[str, Any]:
    """Pipedrive knows no cancelled ones: what did not take place is not done."""
    at, is_done = row.fields.get("at"), row.fields.get("status") == "done"
    due = at if isinstance(at, datetime) else row.created_at
    return {
        "id": row.row_id, "subject": row.text("subject"), "type": row.kind,
        "owner_id": row.fields.get("owner_id") or owner, "creator_user_id": owner, "is_deleted": not row.is_live,
        "add_time": stamp(row.created_at), "update_time": stamp(row.modified_at), "deal_id": first(row, "deal"),
        "lead_id": None, "person_id": first(row, "contact"), "org_id": first(row, "company"), "project_id": None,
        "due_date": due.date().isoformat(), "due_time": due.strftime("%H:%M"),
        "duration": duration(row.fields.get("duration_s")), "busy": False, "done": is_done,
        "marked_as_done_time": stamp(max(due, row.created_at)) if is_done else None, "location": None,
        "participants": [{"person_id": one, "primary": place == 0} for place, one in
                         enumerate(row.links.get("contact", []))],
        "conference_meeting_client": None, "conference_meeting_url": None, "conference_meeting_id": None,
        "public_description": None, "priority": None, "outcome": None, "note": None,
    }  # fmt: skip


def user(row: Row, owner: int) -> dict[str, Any]:
    is_active = row.archived_at is None
    return {
        "id": row.row_id, "name": f"{row.text('first_name')} {row.text('last_name')}", "default_currency": "EUR",
        "locale": "en_US", "lang": 1, "email": row.text("email"), "phone": None, "activated": True,
        "last_login": v1_stamp(row.created_at), "created": v1_stamp(row.created_at),
        "modified": v1_stamp(row.modified_at), "has_created_company": row.row_id == owner,
        "access": [{"app": "sales", "admin": row.row_id == owner, "permission_set_id": "sandbox"}],
        "active_flag": is_active, "timezone_name": "Europe/Berlin", "timezone_offset": "+01:00", "role_id": 1,
        "icon_url": None, "is_you": row.row_id == owner, "is_deleted": False,
    }  # fmt: skip


def me(row: Row) -> dict[str, Any]:
    return user(row, row.row_id) | {
        "company_id": 1_234_567, "company_name": "Sandbox", "company_domain": "sandbox", "company_country": "DE",
        "company_industry": "Technology", "language": {"language_code": "en", "country_code": "US"},
    }  # fmt: skip


def team(world: World, row: Row, owner: int) -> dict[str, Any]:
    members = [one.row_id for one in world.all("owner") if row.row_id in one.links.get("team", [])]
    return {
        "id": row.row_id, "name": row.text("name"), "description": "", "manager_id": members[0] if members else owner,
        "users": members, "active_flag": 1, "deleted_flag": 0, "add_time": v1_stamp(row.created_at),
        "created_by_user_id": owner,
    }  # fmt: skip


def pipeline(row: Row) -> dict[str, Any]:
    return {
        "id": row.row_id, "name": row.text("name"), "order_nr": row.fields["position"], "is_deleted": False,
        "is_deal_probability_enabled": True, "add_time": stamp(row.created_at), "update_time": stamp(row.modified_at),
    }  # fmt: skip


def stage(row: Row) -> dict[str, Any]:
    probability = number(row.fields.get("probability"))
    return {
        "id": row.row_id, "order_nr": row.fields["position"], "name": row.text("name"), "is_deleted": False,
        "deal_probability": round((probability or 0) * 100), "pipeline_id": row.fields["pipeline_id"],
        "is_deal_rot_enabled": False, "days_to_rotten": None, "add_time": stamp(row.created_at),
        "update_time": stamp(row.modified_at),
    }  # fmt: skip


def activity_types(at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "id": place, "name": name, "icon_key": key if key != "appointment" else "calendar", "color": "FFFFFF",
            "order_nr": place, "key_string": key, "active_flag": True, "is_custom_flag": key == "appointment",
            "add_time": v1_stamp(at), "update_time": v1_stamp(at),
        }
        for place, (name, key) in enumerate(_TYPES, 1)
    ]  # fmt: skip


def found_person(row: Row) -> dict[str, Any]:
    """As a search tells it: addresses as texts, the owner nested."""
    names = [row.text("first_name"), row.text("last_name")]
    return {"result_score": 0.29, "item": {
        "id": row.row_id, "type": "person", "name": " ".join(name for name in names if name),
        "phones": held(row, "phone", "other_phones"), "emails": held(row, "email", "other_emails"), "visible_to": 3,
        "owner": {"id": row.fields.get("owner_id") or 1}, "organization": None, "custom_fields": [], "notes": [],
    }}  # fmt: skip


def found_organization(row: Row) -> dict[str, Any]:
    return {"result_score": 0.29, "item": {
        "id": row.row_id, "type": "organization", "name": row.text("name"), "address": None, "visible_to": 3,
        "owner": {"id": row.fields.get("owner_id") or 1}, "custom_fields": [], "notes": [],
    }}  # fmt: skip


# --- refusals ---


def error(status: int, what: str, info: str = "Please check developers.pipedrive.com") -> Reply:
    return Reply(status, {"success": False, "error": what, "error_info": info, "errorCode": status, "data": None})


def throttled(left: int, most: int, reset_s: int, *, is_daily: bool) -> Reply:
    reply = error(429, "request over limit")
    reply.headers |= {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset_s)}
    if is_daily:
        reply.headers |= {"x-daily-ratelimit-token-remaining": str(left), "x-daily-ratelimit-token-limit": str(most)}
    return reply


def until_midnight_s(now: datetime) -> int:
    midnight = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) + timedelta(days=1)
    return int((midnight - now).total_seconds())
