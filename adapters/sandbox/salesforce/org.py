"""The objects of a Sales Cloud org, with the features that some orgs have and others lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.sandbox.salesforce.objects import (
    ADMIN,
    ADMIN_SET,
    CURRENCY,
    SUBTYPES,
    Derived,
    Field,
    Get,
    SObject,
    at_second,
    closed,
    completed,
    derived,
    ends,
    last_stage_change,
    linked,
    mails,
    master,
    name_of,
    of_stage,
    on_day,
    owner,
    owner_changes,
    percent,
    plain,
    referred,
    roles,
    rows_of,
    states,
    system,
    text,
    website,
)
from adapters.sandbox.salesforce.values import id_of
from adapters.sandbox.world import Row, World

STATUS = {"done": "Completed", "planned": "Not Started", "cancelled": "Canceled"}
CATEGORY = {"done": "Completed", "planned": "Scheduled", "cancelled": "Canceled"}
NAMED_BY = {
    "OpportunityHistory": "OpportunityId", "OpportunityFieldHistory": "OpportunityId",
    "OpportunityContactRole": "OpportunityId", "EmailMessage": "ActivityId",
}  # fmt: skip
SHARED = ("Account", "Contact", "Lead", "Opportunity")


def always(value: Any) -> Get:
    return lambda world, row: value


def word(name: str, words: Mapping[str, str]) -> Get:
    return lambda world, row: words.get(row.text(name))


def currency(world: World, row: Row) -> str:
    return row.text("currency") or CURRENCY


def converted(world: World, row: Row) -> bool:
    return row.fields.get("converted_at") is not None


def minutes(world: World, row: Row) -> Any:
    seconds = row.fields.get("duration_s")
    return seconds // 60 if isinstance(seconds, int) else None


def users(world: World) -> Iterator[Derived]:
    people = [
        {
            "Id": id_of("005", row.row_id), "Name": name_of(world, row), "FirstName": row.fields.get("first_name"),
            "LastName": row.fields.get("last_name"), "Email": row.fields.get("email"),
            "IsActive": row.archived_at is None, "UserType": "Standard", "ManagerId": None,
            "UserRoleId": next((id_of("00E", one) for one in row.links.get("team", [])), None),
        }
        for row in world.all("owner")
    ]  # fmt: skip
    yield {
        "Id": ADMIN, "Name": "Integration", "LastName": "Integration", "Email": "integration@sandbox.example",
        "IsActive": True, "UserType": "Standard",
    }  # fmt: skip
    yield {"Id": id_of("005", 8), "Name": "Automated Process", "IsActive": True, "UserType": "AutomatedProcess"}
    yield from people


def stages(world: World) -> Iterator[Derived]:
    for place, row in enumerate(world.live("stage")):
        outcome = row.fields["outcome"]
        yield {
            "Id": id_of("01J", row.row_id), "MasterLabel": row.text("name"), "ApiName": row.text("name"),
            "SortOrder": place + 1, "IsActive": True, "IsClosed": outcome != "open", "IsWon": outcome == "won",
            "DefaultProbability": percent(plain("probability"))(world, row),
        }  # fmt: skip


def record_types(world: World) -> Iterator[Derived]:
    for row in world.live("pipeline"):
        yield {
            "Id": id_of("012", row.row_id), "Name": row.text("name"), "IsActive": True, "SobjectType": "Opportunity",
        }  # fmt: skip


_PERSON = {
    "FirstName": Field("string", text("first_name"), "first_name", 40),
    "LastName": Field("string", text("last_name"), "last_name", 80),
    "Email": Field("email", text("email"), "email", 80),
    "Phone": Field("phone", text("phone"), "phone", 40),
    "OwnerId": Field("reference", owner),
    "MasterRecordId": Field("reference", master),
}
_ENDS = {"AccountId": Field("reference", linked("company"))}
_WHO = {
    "WhoId": Field("reference", linked("contact", "lead")), "WhatId": Field("reference", linked("deal", "company")),
}  # fmt: skip
_MONEY = {"CurrencyIsoCode": Field("picklist", currency)}


def objects(
    *, is_multi_currency: bool, has_record_types: bool, custom: Mapping[str, Field], granted: frozenset[str]
) -> dict[str, SObject]:
    """All of the org's objects by name. granted: objects of which the user sees all records."""
    money = _MONEY if is_multi_currency else {}
    types = {"RecordTypeId": Field("reference", referred("pipeline_id", "pipeline"))} if has_record_types else {}
    made = [
        SObject(
            name="Account", prefix="001", kind="company", rows=rows_of("company"), required=("Name",),
            fields={
                **system(), "Name": Field("string", text("name"), "name"), "OwnerId": Field("reference", owner),
                "Website": Field("url", website), "Industry": Field("picklist", text("industry")),
                "BillingCountry": Field("string", text("country")),
                "AnnualRevenue": Field("currency", plain("revenue")),
                "NumberOfEmployees": Field("int", plain("employees")), "MasterRecordId": Field("reference", master),
                **money,
            },
        ),
        SObject(
            name="Contact", prefix="003", kind="contact", rows=rows_of("contact"), required=("LastName",),
            fields={
                **system(), **_PERSON, "OwnerId": Field("reference", owner, "owner_id"),
                "MobilePhone": Field("phone", always(None)), "Title": Field("string", always(None)),
                "AccountId": Field("reference", linked("company"), "company"),
                "LeadSource": Field("picklist", text("lead_source"), "lead_source"), **custom,
            },
        ),
        SObject(
            name="Lead", prefix="00Q", kind="lead", rows=rows_of("lead"), required=("LastName", "Company"),
            fields={
                **system(), **_PERSON, "Company": Field("string", text("company"), "company"),
                "Status": Field("picklist", text("status")), "LeadSource": Field("picklist", text("source")),
                "Rating": Field("picklist", always(None)), "IsConverted": Field("boolean", converted),
                "ConvertedDate": Field("date", on_day("converted_at")),
                "ConvertedContactId": Field("reference", linked("contact")),
                "ConvertedOpportunityId": Field("reference", linked("deal")),
            },
        ),
        SObject(
            name="Opportunity", prefix="006", kind="deal", rows=rows_of("deal"),
            required=("Name", "StageName", "CloseDate"),
            fields={
                **system(), "Name": Field("string", text("name")), "StageName": Field("picklist", of_stage("name")),
                "Amount": Field("currency", plain("amount")), "CloseDate": Field("date", on_day("close_at")),
                "OwnerId": Field("reference", owner), **_ENDS, "IsClosed": Field("boolean", closed("won", "lost")),
                "IsWon": Field("boolean", closed("won")),
                "Probability": Field("percent", percent(of_stage("probability"))),
                "LeadSource": Field("picklist", text("source")), "Type": Field("picklist", always(None)),
                "LastStageChangeDate": Field("datetime", last_stage_change), **types, **money,
            },
        ),
        SObject(
            name="Task", prefix="00T", rows=rows_of("call", "email", "task"),
            fields={
                **system(), "OwnerId": Field("reference", owner), "Subject": Field("string", text("subject")),
                "Status": Field("picklist", word("status", STATUS)), "ActivityDate": Field("date", on_day("at")),
                "TaskSubtype": Field("picklist", lambda world, row: row.fields.get("subtype") or SUBTYPES[row.kind]),
                "CompletedDateTime": Field("datetime", completed), **_WHO, **_ENDS,
                "IsClosed": Field("boolean", lambda world, row: row.fields.get("status") == "done"),
                "CallType": Field("picklist", lambda world, row: (
                    {"in": "Inbound", "out": "Outbound"}.get(row.text("direction")) if row.kind == "call" else None
                )),
                "CallDurationInSeconds": Field("int", lambda world, row: (
                    row.fields.get("duration_s") if row.kind == "call" else None
                )),
                "IsRecurrence": Field("boolean", lambda world, row: bool(row.fields.get("is_series"))),
            },
        ),
        SObject(
            name="Event", prefix="00U", rows=rows_of("meeting"),
            fields={
                **system(), "OwnerId": Field("reference", owner), "Subject": Field("string", text("subject")),
                "StartDateTime": Field("datetime", at_second("at")), "EndDateTime": Field("datetime", ends),
                "ActivityDate": Field("date", on_day("at")), "DurationInMinutes": Field("int", minutes),
                **_WHO, **_ENDS,
                "IsAllDayEvent": Field("boolean", lambda world, row: bool(row.fields.get("is_all_day"))),
                "IsChild": Field("boolean", lambda world, row: bool(row.fields.get("is_child"))),
                "IsRecurrence": Field("boolean", lambda world, row: bool(row.fields.get("is_series"))),
            },
        ),
        SObject(
            name="Note", prefix="002", rows=rows_of("note"),
            fields={
                **system(), "OwnerId": Field("reference", owner), "Title": Field("string", text("subject")),
                "ParentId": Field("reference", linked("deal", "contact", "company")),
            },
        ),
        SObject(
            name="ServiceAppointment", prefix="08p", rows=rows_of("appointment"),
            fields={
                **system(), "OwnerId": Field("reference", owner), "Subject": Field("string", text("subject")),
                "SchedStartTime": Field("datetime", at_second("at")), "SchedEndTime": Field("datetime", ends),
                "Status": Field("picklist", word("status", CATEGORY)),
                "StatusCategory": Field("picklist", word("status", CATEGORY)),
                "ContactId": Field("reference", linked("contact")), **_ENDS,
                "ParentRecordId": Field("reference", linked("deal", "company")),
            },
        ),
        *_beside(granted),
    ]  # fmt: skip
    return {one.name: one for one in made}


def _beside(granted: frozenset[str]) -> list[SObject]:
    stamps = {"CreatedDate": "datetime", "SystemModstamp": "datetime", "IsDeleted": "boolean"}
    made: list[tuple[str, str, Any, dict[str, str]]] = [
        ("User", "005", users, {
            "Id": "id", "Name": "string", "FirstName": "string", "LastName": "string", "Email": "email",
            "IsActive": "boolean", "UserType": "picklist", "UserRoleId": "reference", "ManagerId": "reference",
        }),
        ("Group", "00G", lambda world: [
            {"Id": id_of("00G", 1), "Name": "Inbound leads", "Email": None, "Type": "Queue"},
            {"Id": id_of("00G", 2), "Name": "Everybody", "Email": None, "Type": "Organization"},
        ], {"Id": "id", "Name": "string", "Email": "email", "Type": "picklist"}),
        ("OpportunityStage", "01J", stages, {
            "Id": "id", "MasterLabel": "string", "ApiName": "string", "SortOrder": "int", "IsActive": "boolean",
            "IsClosed": "boolean", "IsWon": "boolean", "DefaultProbability": "percent",
        }),
        ("RecordType", "012", record_types, {
            "Id": "id", "Name": "string", "IsActive": "boolean", "SobjectType": "picklist",
        }),
        ("OpportunityHistory", "008", states, {
            "Id": "id", "OpportunityId": "reference", "StageName": "picklist", "Amount": "currency",
            "CloseDate": "date", **stamps,
        }),
        ("OpportunityFieldHistory", "017", owner_changes, {
            "Id": "id", "OpportunityId": "reference", "Field": "picklist", "OldValue": "anyType",
            "NewValue": "anyType", "CreatedDate": "datetime", "IsDeleted": "boolean",
        }),
        ("OpportunityContactRole", "00K", roles, {
            "Id": "id", "OpportunityId": "reference", "ContactId": "reference", "IsPrimary": "boolean", **stamps,
        }),
        ("EmailMessage", "02s", mails, {
            "Id": "id", "ActivityId": "reference", "Incoming": "boolean", "MessageDate": "datetime", **stamps,
        }),
        ("Organization", "00D", lambda world: [{
            "Id": id_of("00D", 1), "Name": "Sandbox Sales", "TimeZoneSidKey": "Europe/Berlin", "IsSandbox": True,
            "OrganizationType": "Enterprise Edition",
        }], {
            "Id": "id", "Name": "string", "TimeZoneSidKey": "picklist", "IsSandbox": "boolean",
            "OrganizationType": "picklist",
        }),
        ("PermissionSetAssignment", "0Pa", lambda world: [{
            "Id": id_of("0Pa", 1), "PermissionSetId": ADMIN_SET, "AssigneeId": ADMIN,
        }], {"Id": "id", "PermissionSetId": "reference", "AssigneeId": "reference"}),
        ("PermissionSet", "0PS", lambda world: [{"Id": ADMIN_SET, "PermissionsViewAllData": False}], {
            "Id": "id", "PermissionsViewAllData": "boolean",
        }),
        ("ObjectPermissions", "110", lambda world: [
            {
                "Id": id_of("110", place), "ParentId": ADMIN_SET, "SobjectType": name,
                "PermissionsViewAllRecords": name in granted,
            }
            for place, name in enumerate(SHARED)
        ], {"Id": "id", "ParentId": "reference", "SobjectType": "picklist", "PermissionsViewAllRecords": "boolean"}),
    ]  # fmt: skip
    found = [
        SObject(name=name, prefix=prefix, rows=rows, fields=derived(**kinds), named_by=NAMED_BY.get(name, "Id"))
        for name, prefix, rows, kinds in made
    ]
    team = {
        "Id": system()["Id"],
        "Name": Field("string", text("name")),
        "ParentRoleId": Field("reference", always(None)),
    }
    return [*found, SObject(name="UserRole", prefix="00E", rows=rows_of("team"), fields=team)]
