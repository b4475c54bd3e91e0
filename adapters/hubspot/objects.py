"""Facts about HubSpot's objects: names, properties, times, scopes, and the paths under which they are found.

Sources: the reference of the CRM objects API (https://developers.hubspot.com/docs/api-reference), each object's guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from adapters.records import ActivityKind, DealField, Kind

OWNERS_SCOPE, DEALS_SCOPE, CONTACTS_SCOPE = (
    "crm.objects.owners.read",
    "crm.objects.deals.read",
    "crm.objects.contacts.read",
)
WRITE_SCOPE = "crm.objects.contacts.write"
MERGED = "hs_merged_object_ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """name: in paths. noun: in messages. modified, created: the properties of these times. at: when an activity
    happened. cancelled: the property and value of an activity that did not take place. links: objects that it is
    associated with. history: properties whose past values are asked for. is_optional: accounts may lack it."""

    name: str
    noun: str
    kind: Kind
    scope: str
    properties: tuple[str, ...]
    modified: str = "hs_lastmodifieddate"
    created: str = "hs_createdate"
    activity: ActivityKind | None = None
    at: str = "hs_timestamp"
    cancelled: tuple[str, str] | None = None
    links: tuple[str, ...] = ()
    history: Mapping[str, DealField] = field(default_factory=dict, hash=False)
    is_optional: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """Every property that is asked for."""
        own = (self.modified, self.created, "hs_object_id", *self.properties)
        return own if self.activity is None else (*own, self.at, "hubspot_owner_id")


COMPANIES = ObjectFacts(
    name="companies", noun="companies", kind=Kind.COMPANY, scope="crm.objects.companies.read", created="createdate",
    properties=(
        "name", "domain", "industry", "country", "numberofemployees", "annualrevenue", "hubspot_owner_id", MERGED,
    ),
)  # fmt: skip
CONTACTS = ObjectFacts(
    name="contacts", noun="contacts", kind=Kind.CONTACT, scope=CONTACTS_SCOPE, modified="lastmodifieddate",
    created="createdate",
    properties=(
        "email", "firstname", "lastname", "phone", "company", "associatedcompanyid", "hubspot_owner_id", MERGED,
    ),
)  # fmt: skip
LEADS = ObjectFacts(
    name="leads", noun="leads", kind=Kind.LEAD, scope="crm.objects.leads.read", is_optional=True, links=("contacts",),
    properties=("hs_lead_name", "hs_lead_type", "hs_lead_label", "hs_pipeline_stage", "hubspot_owner_id"),
)  # fmt: skip
DEALS = ObjectFacts(
    name="deals", noun="deals", kind=Kind.DEAL, scope=DEALS_SCOPE, created="createdate",
    properties=(
        "dealname", "amount", "deal_currency_code", "dealstage", "pipeline", "closedate", "hubspot_owner_id",
        "hs_is_closed", "hs_is_closed_won", MERGED,
    ),
    links=("contacts", "companies"),
    history={
        "dealstage": DealField.STAGE, "amount": DealField.AMOUNT, "hubspot_owner_id": DealField.OWNER,
        "closedate": DealField.CLOSE_DATE,
    },
)  # fmt: skip


def _activity(name: str, activity: ActivityKind, properties: tuple[str, ...], **more: object) -> ObjectFacts:
    facts: dict[str, object] = {"noun": name, "scope": CONTACTS_SCOPE, "links": ("contacts", "companies", "deals")}
    return ObjectFacts(
        name=name, kind=Kind.ACTIVITY, activity=activity, properties=properties, **{**facts, **more}  # type: ignore[arg-type]
    )  # fmt: skip


ACTIVITIES = (
    _activity(
        "calls", ActivityKind.CALL, ("hs_call_title", "hs_call_direction", "hs_call_status", "hs_call_duration"),
        cancelled=("hs_call_status", "CANCELED"),
    ),
    _activity("emails", ActivityKind.EMAIL, ("hs_email_subject", "hs_email_direction", "hs_email_status")),
    _activity(
        "meetings", ActivityKind.MEETING, ("hs_meeting_title", "hs_meeting_outcome", "hs_meeting_end_time"),
        cancelled=("hs_meeting_outcome", "CANCELED"),
    ),
    _activity("tasks", ActivityKind.TASK, ("hs_task_subject", "hs_task_status")),
    _activity("notes", ActivityKind.NOTE, ()),
    _activity(
        "0-421", ActivityKind.APPOINTMENT, ("hs_appointment_name", "hs_appointment_end", "hs_appointment_status"),
        noun="appointments", at="hs_appointment_start", scope="crm.objects.appointments.read", is_optional=True,
        cancelled=("hs_appointment_status", "CANCELED"),
    ),
)  # fmt: skip
OBJECTS = (COMPANIES, CONTACTS, LEADS, DEALS, *ACTIVITIES)
SUBJECTS = {
    ActivityKind.CALL: "hs_call_title", ActivityKind.EMAIL: "hs_email_subject",
    ActivityKind.MEETING: "hs_meeting_title", ActivityKind.TASK: "hs_task_subject",
    ActivityKind.APPOINTMENT: "hs_appointment_name",
}  # fmt: skip
OUTCOMES = {
    ActivityKind.CALL: "hs_call_status", ActivityKind.EMAIL: "hs_email_status",
    ActivityKind.MEETING: "hs_meeting_outcome", ActivityKind.TASK: "hs_task_status",
    ActivityKind.APPOINTMENT: "hs_appointment_status",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paths:
    """version: "v3", or a dated one such as "2026-03". Both do the same; dated ones are served for 18 months."""

    version: str = "v3"

    def objects(self, facts: ObjectFacts, *rest: str) -> str:
        is_v3 = self.version == "v3"
        # Appointments came later: they are served under the newer order of words alone.
        base = "/crm/v3/objects" if is_v3 and facts.name[0].isalpha() else f"/crm/objects/{self.version}"
        return "/".join((base, facts.name, *(quote(part, safe="") for part in rest)))

    def owners(self) -> str:
        return "/crm/v3/owners" if self.version == "v3" else f"/crm/owners/{self.version}"

    def pipelines(self, objects: str = "deals") -> str:
        return f"/crm/v3/pipelines/{objects}" if self.version == "v3" else f"/crm/pipelines/{self.version}/{objects}"

    def associations(self, start: str, end: str) -> str:
        base = "/crm/v4/associations" if self.version == "v3" else f"/crm/associations/{self.version}"
        return f"{base}/{start}/{end}/batch/read"
