"""Facts about Salesforce's objects: names, fields, times, and what is missing without each.

Source: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference. Which of the fields an
org has, and which of them the user may see, is told by each object's describe; nothing else is selected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.records import ActivityKind, Kind

SYSTEM = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp")
CURRENCY, MASTER, RECORD_TYPE = "CurrencyIsoCode", "MasterRecordId", "RecordTypeId"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """name: as the API spells it. noun: in messages. wanted: fields, with what is missing without each. may: fields
    that come along where the org has them. activities: what its records can be. at: the field of the time at which an
    activity happened; day: the date that stands in for it where `timed` does not hold. cancelled: a condition that is
    true of an activity that did not take place. only: fields that must be false. is_optional: orgs may lack it."""

    name: str
    noun: str
    kind: Kind
    wanted: Mapping[str, str] = field(hash=False)
    may: tuple[str, ...] = ()
    activities: tuple[ActivityKind, ...] = ()
    at: str = "CreatedDate"
    day: str = ""
    timed: str = ""
    cancelled: str = ""
    only: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """Every field that is asked for where it is there."""
        return (*SYSTEM, *self.wanted, *self.may)


COMPANIES = ObjectFacts(
    name="Account", noun="companies", kind=Kind.COMPANY,
    wanted={"Name": "names of companies", "OwnerId": "owners of companies"},
    may=(
        "Website", "Industry", "BillingCountry", "NumberOfEmployees", "AnnualRevenue", "Type", "ParentId", CURRENCY,
        MASTER,
    ),
)  # fmt: skip
CONTACTS = ObjectFacts(
    name="Contact", noun="contacts", kind=Kind.CONTACT,
    wanted={
        "LastName": "names of contacts", "FirstName": "first names of contacts", "Email": "addresses of contacts",
        "OwnerId": "owners of contacts", "AccountId": "companies of contacts",
    },
    may=("Phone", "MobilePhone", "LeadSource", "Title", MASTER),
)  # fmt: skip
LEADS = ObjectFacts(
    name="Lead", noun="leads", kind=Kind.LEAD, is_optional=True,
    wanted={
        "LastName": "names of leads", "Email": "addresses of leads", "Company": "companies of leads",
        "Status": "states of leads", "OwnerId": "owners of leads", "IsConverted": "which leads were converted",
    },
    may=(
        "FirstName", "Phone", "LeadSource", "ConvertedDate", "ConvertedContactId", "ConvertedOpportunityId", "Rating",
        MASTER,
    ),
)  # fmt: skip
DEALS = ObjectFacts(
    name="Opportunity", noun="deals", kind=Kind.DEAL,
    wanted={
        "Name": "names of deals", "StageName": "stages of deals", "Amount": "amounts of deals",
        "CloseDate": "close dates of deals", "OwnerId": "owners of deals", "AccountId": "companies of deals",
        "IsClosed": "which deals are closed", "IsWon": "which deals are won",
    },
    may=(
        RECORD_TYPE, CURRENCY, "Probability", "ForecastCategory", "LeadSource", "Type", "CampaignId",
        "LastStageChangeDate",
    ),
)  # fmt: skip
TASKS = ObjectFacts(
    name="Task", noun="tasks, calls and e-mails", kind=Kind.ACTIVITY,
    activities=(ActivityKind.CALL, ActivityKind.EMAIL, ActivityKind.TASK),
    wanted={
        "OwnerId": "who did it", "Status": "which tasks were cancelled", "Subject": "subjects",
        "ActivityDate": "due dates of tasks", "TaskSubtype": "which tasks are calls and e-mails",
        "CompletedDateTime": "when calls and e-mails happened",
    },
    may=("WhoId", "WhatId", "AccountId", "IsClosed", "Type", "CallType", "CallDurationInSeconds", "IsRecurrence"),
    at="CompletedDateTime", day="ActivityDate", timed="CompletedDateTime != null",
    cancelled="Status LIKE 'Cancel%'", only=("IsRecurrence",),
)  # fmt: skip
EVENTS = ObjectFacts(
    name="Event", noun="meetings", kind=Kind.ACTIVITY, activities=(ActivityKind.MEETING,),
    wanted={"OwnerId": "who met", "StartDateTime": "when meetings were", "Subject": "subjects of meetings"},
    may=(
        "ActivityDate", "EndDateTime", "DurationInMinutes", "IsAllDayEvent", "IsChild", "IsRecurrence", "WhoId",
        "WhatId", "AccountId", "Type",
    ),
    at="StartDateTime", day="ActivityDate", timed="IsAllDayEvent = false",
    only=("IsChild", "IsRecurrence"),
)  # fmt: skip
NOTES = ObjectFacts(
    name="Note", noun="notes", kind=Kind.ACTIVITY, activities=(ActivityKind.NOTE,), is_optional=True,
    wanted={"OwnerId": "who wrote notes", "Title": "titles of notes"}, may=("ParentId",),
)  # fmt: skip
APPOINTMENTS = ObjectFacts(
    name="ServiceAppointment", noun="appointments", kind=Kind.ACTIVITY, activities=(ActivityKind.APPOINTMENT,),
    is_optional=True,
    wanted={"OwnerId": "whose appointments", "SchedStartTime": "when appointments are"},
    may=("Subject", "Status", "StatusCategory", "SchedEndTime", "ContactId", "AccountId", "ParentRecordId"),
    at="SchedStartTime", cancelled="StatusCategory = 'Canceled'",
)  # fmt: skip
OBJECTS = (COMPANIES, CONTACTS, LEADS, DEALS, TASKS, EVENTS, NOTES, APPOINTMENTS)

HISTORY, ROLES, FIELD_HISTORY, EMAILS = (
    "OpportunityHistory", "OpportunityContactRole", "OpportunityFieldHistory", "EmailMessage",
)  # fmt: skip
USERS, QUEUES, TEAMS, STAGES, RECORD_TYPES = "User", "Group", "UserRole", "OpportunityStage", "RecordType"
BESIDE: Mapping[str, tuple[str, ...]] = {
    HISTORY: ("Id", "OpportunityId", "StageName", "Amount", "CloseDate", "CreatedDate"),
    ROLES: ("Id", "OpportunityId", "ContactId", "IsPrimary", "IsDeleted", "SystemModstamp"),
    FIELD_HISTORY: ("Id", "OpportunityId", "Field", "OldValue", "NewValue", "CreatedDate"),
    EMAILS: ("Id", "ActivityId", "Incoming"),
    USERS: ("Id", "Name", "FirstName", "LastName", "Email", "IsActive", "UserType", "UserRoleId", "ManagerId"),
    QUEUES: ("Id", "Name", "Email", "Type"),
    TEAMS: ("Id", "Name", "ParentRoleId"),
    STAGES: ("Id", "MasterLabel", "ApiName", "SortOrder", "IsActive", "IsClosed", "IsWon", "DefaultProbability"),
    RECORD_TYPES: ("Id", "Name", "IsActive", "SobjectType"),
}
"""Objects that others are completed from, with the fields that are read; see `passes` and `crm`."""
PEOPLE = ("Standard", "PowerPartner")
"""Kinds of user that own records: staff, and partners who sell. Portal visitors and processes are none of them."""
