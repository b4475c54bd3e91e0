"""Nutshell's entities over the neutral rows: names, ids of the form `<n>-<type>`, times in three shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.sandbox.world import Row, Value, World

TYPES: Mapping[str, tuple[str, ...]] = {
    "accounts": ("company",), "contacts": ("contact",), "leads": ("deal",),
    "activities": ("call", "meeting", "appointment"), "users": ("owner",),
}  # fmt: skip
ENTITY_OF: Mapping[str, str] = {kind: entity for entity, kinds in TYPES.items() for kind in kinds}
ACTIVITY_TYPES: Mapping[str, tuple[int, str]] = {
    "call": (1, "Phone Call"), "meeting": (3, "Meeting"), "appointment": (5, "Appointment"),
}  # fmt: skip
SOURCES: Mapping[str, int] = {"web": 7, "referral": 11, "trade fair": 15}
INDUSTRIES: Mapping[str, int] = {"RETAIL": 3}
DEFAULT_CURRENCY = "USD"
Raw = dict[str, Any]


def api_id(entity: str, number: object) -> str:
    return f"{number}-{entity}"


def number_of(text: str) -> int:
    number = text.partition("-")[0]
    return int(number) if number.isdigit() else -1


def seconds(at: Value) -> int | None:
    return int(at.timestamp()) if isinstance(at, datetime) else None


def as_object(at: Value) -> Raw | None:
    if not isinstance(at, datetime):
        return None
    day = f"{at:%B} {at.day}, {at.year}"
    return {"timestamp": int(at.timestamp()), "value": day, "absoluteLocalizedString": day}


def as_text(at: Value) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000") if isinstance(at, datetime) else None


def stage_now(world: World, row: Row) -> int | None:
    """Nutshell keeps a lead that was won or lost in the stage that it had: the last one that is not a closing one."""
    stages = [
        stage.row_id
        for change in row.history
        if change.name == "stage_id"
        and (stage := world.get("stage", int(str(change.value)))) is not None and stage.fields["outcome"] == "open"
    ]  # fmt: skip
    return stages[-1] if stages else None


def status(world: World, row: Row) -> str:
    stage = world.get("stage", int(row.text("stage_id") or 0))
    return str(stage.fields["outcome"]) if stage is not None else "open"


def _phones(text: str) -> list[Raw]:
    return [
        {
            "isPrimary": place == 0, "name": "phone",
            "value": {"number": one, "countryCodeAndNumber": one, "E164": "+" + "".join(filter(str.isdigit, one))},
        }
        for place, one in enumerate(text.split("\n")) if one
    ]  # fmt: skip


def _emails(addresses: Iterable[str]) -> list[Raw]:
    return [
        {"isPrimary": place == 0, "name": "email", "value": one}
        for place, one in enumerate(one for one in addresses if one)
    ]


@dataclass(frozen=True, slots=True)
class Entities:
    """Shows rows as Nutshell does."""

    world: World
    base_url: str

    def of(self, row: Row) -> Raw:
        entity = ENTITY_OF[row.kind]
        make = {"accounts": self._account, "contacts": self._contact, "leads": self._lead, "users": self._user}
        own = make.get(entity, self._activity)(row)
        one = api_id(entity, row.row_id)
        return {"id": one, "type": entity, "href": f"{self.base_url}/{entity}/{one}", **own}

    def ids(self, row: Row, kind: str) -> list[str]:
        return [api_id(ENTITY_OF[kind], one) for one in row.links.get(kind, [])]

    def _owner(self, row: Row) -> str | None:
        owner = row.fields.get("owner_id")
        return api_id("users", owner) if owner is not None else None

    def _user(self, row: Row) -> Raw:
        first, last = row.text("first_name"), row.text("last_name")
        return {
            "name": f"{first} {last}".strip(), "firstName": first, "lastName": last, "emails": [row.text("email")],
            "isEnabled": row.archived_at is None, "isAdministrator": row.fields.get("user_id") == 7_000,
            "modifiedTime": seconds(row.modified_at), "isViewingRestricted": bool(row.fields.get("is_restricted")),
        }  # fmt: skip

    def _account(self, row: Row) -> Raw:
        domain, revenue = row.text("domain"), row.fields.get("revenue")
        urls = [{"isPrimary": True, "name": "url", "value": f"https://www.{domain}/"}] if domain else []
        country, industry = row.fields.get("country"), INDUSTRIES.get(row.text("industry"))
        places = [{"isPrimary": True, "name": "address", "value": {"country": country}}] if country else []
        return {
            "name": row.fields.get("name"), "description": None, "emails": [], "phones": [], "urls": urls,
            "addresses": places, "employeeCount": row.fields.get("employees"),
            "revenue": {"amount": f"{revenue:.2f}", "currency": DEFAULT_CURRENCY} if revenue is not None else None,
            "createdTime": seconds(row.created_at), "deletedTime": seconds(row.archived_at),
            "links": {
                "owner": self._owner(row), "contacts": [], "accountType": "1-accountTypes",
                "industry": api_id("industries", industry) if industry else None,
            },
        }  # fmt: skip

    def _contact(self, row: Row) -> Raw:
        first, last = row.text("first_name"), row.text("last_name")
        addresses = [row.text("email"), *row.text("other_emails").split(";")]
        return {
            "name": row.text("name") or f"{first} {last}".strip(), "firstName": first or None,
            "lastName": last or None, "emails": _emails(addresses), "phones": _phones(row.text("phone")),
            "description": None, "createdTime": seconds(row.created_at), "deletedTime": seconds(row.archived_at),
            "links": {"owner": self._owner(row), "accounts": self.ids(row, "company"), "tags": []},
        }  # fmt: skip

    def _lead(self, row: Row) -> Raw:
        is_open, stage = status(self.world, row) == "open", stage_now(self.world, row)
        amount, currency = row.fields.get("amount"), row.fields.get("currency") or DEFAULT_CURRENCY
        value = {"amount": f"{amount:.2f}", "formatted": f"{currency} {amount:.2f}"} if amount is not None else None
        closed = [change.at for change in row.history if change.name == "stage_id"]
        source = SOURCES.get(row.text("source"))
        return {
            "name": row.fields.get("name"), "number": str(row.row_id), "description": row.fields.get("name"),
            "status": status(self.world, row), "value": {"currency": currency, "amount": "0.00", "formatted": ""}
            | (value or {}), "confidence": 100 if not is_open else 42, "priority": 0, "ownerType": "users",
            "createdTime": as_object(row.created_at), "closedTime": None if is_open else as_object(closed[-1]),
            "dueTime": as_text(row.fields.get("close_at")),
            "anticipatedClosedTime": as_object(row.fields.get("close_at")),
            "deletedTime": seconds(row.archived_at),
            "links": {
                "owner": self._owner(row), "contacts": self.ids(row, "contact"), "accounts": self.ids(row, "company"),
                "stage": api_id("stages", stage), "stageset": api_id("stagesets", row.fields["pipeline_id"]),
                "outcome": None, "sources": [api_id("sources", source)] if source else [], "tags": [],
            },
        }  # fmt: skip

    def _activity(self, row: Row) -> Raw:
        at, length, state = row.fields.get("at"), row.fields.get("duration_s"), row.fields.get("status")
        ends = at + timedelta(seconds=length) if isinstance(at, datetime) and isinstance(length, int) else None
        owner = self._owner(row)
        return {
            "name": row.fields.get("subject"), "startTime": seconds(at), "endTime": seconds(ends),
            "loggedTime": seconds(at) if state == "done" else None, "createdTime": seconds(row.created_at),
            "modifiedTime": seconds(row.modified_at), "deletedTime": seconds(row.archived_at),
            "isLogged": state == "done", "isCancelled": state == "cancelled", "isAllDay": False, "isFlagged": False,
            "links": {
                "activityType": api_id("activityTypes", ACTIVITY_TYPES[row.kind][0]), "creator": owner,
                "leads": self.ids(row, "deal"), "contacts": self.ids(row, "contact"),
                "accounts": self.ids(row, "company"), "users": [owner] if owner else [], "logger": None,
            },
        }  # fmt: skip


def stageset(row: Row) -> Raw:
    return {
        "id": api_id("stagesets", row.row_id), "type": "stagesets", "name": row.text("name"), "status": 1,
        "default": row.fields["position"] == 0,
    }  # fmt: skip


def stage(row: Row) -> Raw:
    return {
        "id": api_id("stages", row.row_id), "type": "stages", "name": row.text("name"),
        "position": int(str(row.fields["position"])) + 1,
        "links": {"stageset": api_id("stagesets", row.fields["pipeline_id"])},
    }  # fmt: skip
