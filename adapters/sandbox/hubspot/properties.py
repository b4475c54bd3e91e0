"""HubSpot's objects and properties over the neutral rows: every value is text or null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from adapters.sandbox.world import Past, Row, Value, World

Getter = Callable[[World, Row], Value]
Setter = Callable[[str], Value]


def _of(name: str) -> Getter:
    return lambda _, row: row.fields.get(name)


def _stage(world: World, row: Row) -> Row | None:
    text = row.text("stage_id")
    return world.get("stage", int(text)) if text.isdigit() else None


def _outcome(*outcomes: str) -> Getter:
    def closed(world: World, row: Row) -> Value:
        stage = _stage(world, row)
        return stage is not None and stage.fields["outcome"] in outcomes

    return closed


def _probability(world: World, row: Row) -> Value:
    stage = _stage(world, row)
    return stage.fields["probability"] if stage is not None else None


def _first(kind: str) -> Getter:
    return lambda _, row: next(iter(row.links.get(kind, [])), None)


def _worded(name: str, words: Mapping[str, str]) -> Getter:
    return lambda _, row: words.get(row.text(name), row.fields.get(name))


def _milliseconds(world: World, row: Row) -> Value:
    seconds = row.fields.get("duration_s")
    return seconds * 1000 if isinstance(seconds, int) else None


def _ends(world: World, row: Row) -> Value:
    at, seconds = row.fields.get("at"), row.fields.get("duration_s")
    return at + timedelta(seconds=seconds) if isinstance(at, datetime) and isinstance(seconds, int) else None


def _full_name(_: World, row: Row) -> Value:
    return " ".join(filter(None, (row.text("first_name"), row.text("last_name")))) or None


def _constant(value: Value) -> Getter:
    return lambda _, __: value


def _merged(_: World, row: Row) -> Value:
    return ";".join(map(str, row.merged_ids)) or None


def number(value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value} was not a valid number.") from error


def instant(value: str) -> datetime:
    if value.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """name, type_id: both stand in paths. read, write: the scopes. modified, created: the properties of these times.
    writes: which properties may be written, with the neutral field and how its text is read."""

    name: str
    type_id: str
    kind: str
    read: str
    write: str
    modified: str = "hs_lastmodifieddate"
    created: str = "hs_createdate"
    shows: Mapping[str, Getter] = field(default_factory=dict)
    writes: Mapping[str, tuple[str, Setter]] = field(default_factory=dict)
    history: Mapping[str, str] = field(default_factory=dict)

    def getter(self, name: str) -> Getter | None:
        """How a property is looked up; None where there is no such property."""
        if name == self.created:
            return lambda _, row: row.created_at
        if name == self.modified:
            return lambda _, row: row.modified_at
        if name == "hs_object_id":
            return lambda _, row: row.row_id
        if name == "hs_merged_object_ids":
            return _merged
        return self.shows.get(name)


def text(value: Value) -> str | None:
    """As HubSpot writes a value."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return stamp(value)
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    return str(value)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def past(history: list[Past], name: str) -> list[dict[str, str]]:
    """The values that a field had, the newest first."""
    changes = [change for change in history if change.name == name]
    return [
        {"value": text(change.value) or "", "timestamp": stamp(change.at), "sourceType": "CRM_UI"}
        | ({"sourceId": f"userId:{change.by}"} if change.by is not None else {})
        for change in reversed(changes)
    ]


_CONTACTS = "crm.objects.contacts"
LEAD_STAGES = {
    "new": "new-stage-id", "working": "attempting-stage-id", "qualified": "qualified-stage-id",
    "unqualified": "unqualified-stage-id",
}  # fmt: skip
"""HubSpot's ids of its own stages, by the neutral status."""
_MEETING = {"done": "COMPLETED", "cancelled": "CANCELED", "planned": "SCHEDULED", "missed": "NO_SHOW"}
_OWNED: Mapping[str, Getter] = {"hubspot_owner_id": _of("owner_id")}


def _engagement(name: str, type_id: str, kind: str, shows: Mapping[str, Getter]) -> ObjectType:
    return ObjectType(
        name=name, type_id=type_id, kind=kind, read=f"{_CONTACTS}.read", write=f"{_CONTACTS}.write",
        shows={"hs_timestamp": _of("at"), **_OWNED, **shows},
    )  # fmt: skip


OBJECT_TYPES = (
    ObjectType(
        name="contacts", type_id="0-1", kind="contact", read=f"{_CONTACTS}.read", write=f"{_CONTACTS}.write",
        modified="lastmodifieddate", created="createdate",
        shows={
            "email": _of("email"), "firstname": _of("first_name"), "lastname": _of("last_name"), "phone": _of("phone"),
            "company": _of("company_name"), "associatedcompanyid": _first("company"),
            "hs_additional_emails": _of("other_emails"), **_OWNED,
        },
        writes={
            "email": ("email", str), "firstname": ("first_name", str), "lastname": ("last_name", str),
            "phone": ("phone", str), "company": ("company_name", str), "hubspot_owner_id": ("owner_id", int),
        },
    ),
    ObjectType(
        name="companies", type_id="0-2", kind="company", read="crm.objects.companies.read",
        write="crm.objects.companies.write", created="createdate",
        shows={
            "name": _of("name"), "domain": _of("domain"), "industry": _of("industry"), "country": _of("country"),
            "numberofemployees": _of("employees"), "annualrevenue": _of("revenue"), **_OWNED,
        },
        writes={"name": ("name", str), "domain": ("domain", str)},
    ),
    ObjectType(
        name="leads", type_id="0-136", kind="lead", read="crm.objects.leads.read", write="crm.objects.leads.write",
        shows={
            "hs_lead_name": _full_name, "hs_lead_type": _constant("NEW_BUSINESS"), "hs_lead_label": _constant(None),
            "hs_pipeline_stage": _worded("status", LEAD_STAGES), **_OWNED,
        },
    ),
    ObjectType(
        name="deals", type_id="0-3", kind="deal", read="crm.objects.deals.read", write="crm.objects.deals.write",
        created="createdate",
        shows={
            "dealname": _of("name"), "amount": _of("amount"), "deal_currency_code": _of("currency"),
            "dealstage": _of("stage_id"), "pipeline": _of("pipeline_id"), "closedate": _of("close_at"),
            "hs_is_closed": _outcome("won", "lost"), "hs_is_closed_won": _outcome("won"),
            "hs_deal_stage_probability": _probability, **_OWNED,
        },
        writes={
            "dealname": ("name", str), "amount": ("amount", number), "dealstage": ("stage_id", str),
            "pipeline": ("pipeline_id", str), "deal_currency_code": ("currency", str),
            "closedate": ("close_at", instant), "hubspot_owner_id": ("owner_id", int),
        },
        history={
            "dealstage": "stage_id", "amount": "amount", "hubspot_owner_id": "owner_id", "closedate": "close_at",
        },
    ),
    _engagement("calls", "0-48", "call", {
        "hs_call_title": _of("subject"), "hs_call_duration": _milliseconds,
        "hs_call_direction": _worded("direction", {"in": "INBOUND", "out": "OUTBOUND"}),
        "hs_call_status": _worded("status", {"done": "COMPLETED", "cancelled": "CANCELED"}),
    }),
    _engagement("emails", "0-49", "email", {
        "hs_email_subject": _of("subject"),
        "hs_email_direction": _worded("direction", {"in": "INCOMING_EMAIL", "out": "EMAIL"}),
        "hs_email_status": _worded("status", {"done": "SENT", "cancelled": "FAILED"}),
    }),
    _engagement("meetings", "0-47", "meeting", {
        "hs_meeting_title": _of("subject"), "hs_meeting_start_time": _of("at"), "hs_meeting_end_time": _ends,
        "hs_meeting_outcome": _worded("status", _MEETING),
    }),
    _engagement("tasks", "0-27", "task", {
        "hs_task_subject": _of("subject"),
        "hs_task_status": _worded("status", {"done": "COMPLETED", "planned": "NOT_STARTED", "cancelled": "DEFERRED"}),
    }),
    _engagement("notes", "0-46", "note", {"hs_note_body": _of("subject")}),
    ObjectType(
        name="appointments", type_id="0-421", kind="appointment", read="crm.objects.appointments.read",
        write="crm.objects.appointments.write",
        shows={
            "hs_appointment_name": _of("subject"), "hs_appointment_start": _of("at"),
            "hs_appointment_end": _ends,
            "hs_appointment_status": _worded("status", _MEETING), **_OWNED,
        },
    ),
)  # fmt: skip
BY_NAME = {name: one for one in OBJECT_TYPES for name in (one.name, one.type_id)}
