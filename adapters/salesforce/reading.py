"""Salesforce's rows as neutral records. What cannot be read is left out of the record and stays in `raw`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from adapters.currencies import CODE, told_minor, told_number
from adapters.records import (
    Activity,
    ActivityKind,
    Company,
    Contact,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Kind,
    Lead,
    Owner,
    Pipeline,
    Record,
    Stage,
    Team,
)
from adapters.salesforce.objects import (
    CURRENCY,
    EMAILS,
    EVENTS,
    FIELD_HISTORY,
    HISTORY,
    RECORD_TYPE,
    ROLES,
    TASKS,
    ObjectFacts,
)
from adapters.salesforce.soql import is_id

Raw = dict[str, Any]
NOBODY = "[not provided]"
"""What stands in the last name of a contact of whom only an address is known: Salesforce demands one."""
CONTACT_ID, LEAD_ID, DEAL_ID, COMPANY_ID = "003", "00Q", "006", "001"
NO_PIPELINE = "none"
"""The pipeline of deals without a record type."""
KINDS = {"Call": ActivityKind.CALL, "Email": ActivityKind.EMAIL, "ListEmail": ActivityKind.EMAIL}
DIRECTIONS = {"Inbound": "in", "Outbound": "out", "Internal": None}
CANCELLED, CANCELS = "cancelled", "cancel"


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """What records need from the org. zone: of its dates. exposed: prefixes of ids that may be pointed to. currency: in
    which an org that has one currency alone counts, for it does not tell: it decides how many decimals there are."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    currency: str | None = None
    exposed: frozenset[str] = frozenset({CONTACT_ID, LEAD_ID, DEAL_ID, COMPANY_ID})


def record(facts: ObjectFacts, raw: Raw, org: OrgFacts) -> Record:
    """raw: a row, with the rows beside it (`objects.BESIDE`) under their object's name."""
    if facts.kind is Kind.ACTIVITY:
        return _activity(facts, raw, org)
    makers: Mapping[Kind, Callable[[Raw, OrgFacts], Record]] = {
        Kind.COMPANY: _company, Kind.CONTACT: _contact, Kind.LEAD: _lead, Kind.DEAL: _deal,
    }  # fmt: skip
    return makers[facts.kind](raw, org)


# --- who and where ---


def owner(raw: Raw) -> Owner:
    email = (_said(raw, "Email") or "").lower() or None
    return Owner(
        external_id=str(raw["Id"]), name=_said(raw, "Name") or _full_name(raw) or email, email=email,
        team_id=_said(raw, "UserRoleId"), is_active=raw.get("IsActive") is not False, raw=raw,
    )  # fmt: skip


def team(raw: Raw) -> Team:
    return Team(external_id=str(raw["Id"]), name=_said(raw, "Name"), raw=raw)


def pipeline(raw: Raw, position: int) -> Pipeline:
    return Pipeline(external_id=str(raw["Id"]), name=_said(raw, "Name"), position=position, raw=raw)


def stage(raw: Raw, pipeline_id: str) -> Stage:
    name = _said(raw, "ApiName") or _said(raw, "MasterLabel") or ""
    percent, position = told_number(raw.get("DefaultProbability")), raw.get("SortOrder")
    return Stage(
        external_id=stage_id(pipeline_id, name), pipeline_id=pipeline_id, name=_said(raw, "MasterLabel") or name,
        position=int(position) if isinstance(position, int | float) else 0,
        probability=float(percent / 100) if percent is not None and 0 <= percent <= 100 else None,
        status=_status(raw), raw=raw,
    )  # fmt: skip


def stage_id(pipeline_id: str, name: str) -> str:
    """Salesforce's stages are names that all record types share; here each pipeline has its own."""
    return f"{pipeline_id}/{name}"


def _status(raw: Raw) -> DealStatus:
    if raw.get("IsWon") is True:
        return DealStatus.WON
    return DealStatus.LOST if raw.get("IsClosed") is True else DealStatus.OPEN


# --- objects ---


def _company(raw: Raw, org: OrgFacts) -> Company:
    revenue, currency, employees = (
        told_number(raw.get("AnnualRevenue")),
        _said(raw, CURRENCY),
        raw.get("NumberOfEmployees"),
    )
    minor = told_minor(revenue, currency or org.currency)
    return Company(
        external_id=str(raw["Id"]), name=_said(raw, "Name"), domain=_domain(_said(raw, "Website")),
        industry=_said(raw, "Industry"), country=_said(raw, "BillingCountry"),
        employees=int(employees) if isinstance(employees, int | float) else None, revenue_minor=minor,
        currency=_code(currency) if minor is not None else None,
        owner_id=_said(raw, "OwnerId"), created_at=_time(raw, "CreatedDate"), raw=raw,
    )  # fmt: skip


def _domain(website: str | None) -> str | None:
    text = website or ""
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def _contact(raw: Raw, org: OrgFacts) -> Contact:
    email = _said(raw, "Email")
    return Contact(
        external_id=str(raw["Id"]), name=_full_name(raw), email=email.lower() if email else None,
        phone=_said(raw, "Phone") or _said(raw, "MobilePhone"), company_id=_said(raw, "AccountId"),
        owner_id=_said(raw, "OwnerId"), created_at=_time(raw, "CreatedDate"), raw=raw,
    )  # fmt: skip


def _lead(raw: Raw, org: OrgFacts) -> Lead:
    email, created_at = _said(raw, "Email"), _time(raw, "CreatedDate")
    converted_at = _noon(_day(raw, "ConvertedDate"), org.zone)
    if converted_at is not None and created_at is not None:
        converted_at = max(converted_at, created_at)
    return Lead(
        external_id=str(raw["Id"]), name=_full_name(raw), email=email.lower() if email else None,
        phone=_said(raw, "Phone"), company_name=_said(raw, "Company"), owner_id=_said(raw, "OwnerId"),
        source=_said(raw, "LeadSource"), status=_said(raw, "Status"), created_at=created_at,
        converted=raw["IsConverted"] if isinstance(raw.get("IsConverted"), bool) else None, converted_at=converted_at,
        deal_id=_said(raw, "ConvertedOpportunityId") if DEAL_ID in org.exposed else None, raw=raw,
    )  # fmt: skip


def _deal(raw: Raw, org: OrgFacts) -> Deal:
    created_at, stamp, currency = _time(raw, "CreatedDate"), _time(raw, "SystemModstamp"), _said(raw, CURRENCY)
    pipeline_id, stage_name = _said(raw, RECORD_TYPE) or NO_PIPELINE, _said(raw, "StageName")
    counted = currency or org.currency
    amount, status = told_minor(told_number(raw.get("Amount")), counted), _status(raw)
    present: dict[DealField, str | int | date | None] = {
        DealField.STAGE: stage_id(pipeline_id, stage_name) if stage_name else None, DealField.AMOUNT: amount,
        DealField.CLOSE_DATE: _day(raw, "CloseDate"), DealField.OWNER: _said(raw, "OwnerId"),
    }  # fmt: skip
    history = _history(raw, pipeline_id, counted, present, created_at, stamp)
    modified_at = max([at for at in (stamp, *(one.at for one in history)) if at], default=None)
    roles = sorted(raw.get(ROLES) or [], key=lambda row: (row.get("IsPrimary") is not True, str(row["Id"])))
    contacts = [str(row["ContactId"]) for row in roles if row.get("ContactId") and CONTACT_ID in org.exposed]
    return Deal(
        external_id=str(raw["Id"]), name=_said(raw, "Name"), pipeline_id=pipeline_id,
        stage_id=stage_id(pipeline_id, stage_name) if stage_name else None, status=status, amount_minor=amount,
        currency=_code(currency) if amount is not None else None, owner_id=_said(raw, "OwnerId"),
        company_id=_said(raw, "AccountId"), contact_ids=tuple(dict.fromkeys(contacts)),
        source=_said(raw, "LeadSource"), created_at=created_at, modified_at=modified_at,
        close_on=_day(raw, "CloseDate"),
        closed_at=_closed(raw, history, created_at, modified_at, org) if status is not DealStatus.OPEN else None,
        history=history, raw=raw,
    )  # fmt: skip


def _closed(
    raw: Raw, history: Sequence[DealChange], created_at: datetime | None, modified_at: datetime | None, org: OrgFacts
) -> datetime | None:
    """When it was won or lost. Salesforce's reports go by the close date; at which hour of it, the history tells. A
    close date before the deal's creation or after its last change is none."""
    entered = max((one.at for one in history if one.field is DealField.STAGE), default=None)
    entered = entered or _time(raw, "LastStageChangeDate")
    on = _day(raw, "CloseDate")
    noon = _noon(on, org.zone)
    if on is not None and noon is not None and created_at is not None and modified_at is not None:
        if entered is not None and entered.astimezone(org.zone).date() == on:
            return max(entered, created_at)
        if created_at.astimezone(org.zone).date() <= on <= modified_at.astimezone(org.zone).date():
            return min(max(noon, created_at), modified_at)
    return entered or modified_at


def _history(
    raw: Raw, pipeline_id: str, currency: str | None, present: Mapping[DealField, str | int | date | None],
    created_at: datetime | None, stamp: datetime | None,
) -> tuple[DealChange, ...]:  # fmt: skip
    told = [*_states(raw, pipeline_id, currency), *_owners(raw)]
    changes: list[DealChange] = []
    latest: dict[DealField, str | int | date | None] = {}
    for one in sorted(told, key=lambda change: change.at):
        # An imported deal may be older than the record: what is told of earlier moments held from the first on.
        at = max(one.at, created_at or one.at)
        if one.field not in latest or latest[one.field] != one.value:
            changes.append(DealChange(one.field, at, one.value))
            latest[one.field] = one.value
    for name, value in latest.items():
        if present[name] != value and stamp is not None:
            # Not every way to change a deal leaves a row: what it says now holds since its last change.
            changes.append(DealChange(name, max([stamp, *(one.at for one in changes)]), present[name]))
    return tuple(changes)


def _states(raw: Raw, pipeline_id: str, currency: str | None) -> Iterable[DealChange]:
    """A row tells the whole state from its moment on, whichever of the fields changed."""
    for row in _in_order(raw.get(HISTORY)):
        at, name = _time(row, "CreatedDate"), _said(row, "StageName")
        if at is None:
            continue
        if name is not None:
            yield DealChange(DealField.STAGE, at, stage_id(pipeline_id, name))
        if "Amount" in row:
            yield DealChange(DealField.AMOUNT, at, told_minor(told_number(row.get("Amount")), currency))
        if "CloseDate" in row:
            yield DealChange(DealField.CLOSE_DATE, at, _day(row, "CloseDate"))


def _owners(raw: Raw) -> Iterable[DealChange]:
    """Where the org tracks the field. Each change has a row with names and one with ids."""
    rows = [row for row in _in_order(raw.get(FIELD_HISTORY)) if is_id(_said(row, "NewValue"))]
    created_at = _time(raw, "CreatedDate")
    if rows and created_at is not None and is_id(_said(rows[0], "OldValue")):
        yield DealChange(DealField.OWNER, created_at, _said(rows[0], "OldValue"))
    for row in rows:
        at = _time(row, "CreatedDate")
        if at is not None:
            yield DealChange(DealField.OWNER, at, _said(row, "NewValue"))


def _in_order(rows: object) -> list[Raw]:
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return sorted(found, key=lambda row: (str(row.get("CreatedDate")), str(row.get("Id"))))


def activity_kind(facts: ObjectFacts, raw: Raw) -> ActivityKind:
    """A task of an unknown subtype is a task."""
    return KINDS.get(_said(raw, "TaskSubtype") or "", ActivityKind.TASK) if facts is TASKS else facts.activities[0]


def _activity(facts: ObjectFacts, raw: Raw, org: OrgFacts) -> Activity:
    outcome, duration = _said(raw, "Status"), _duration(raw)
    is_cancelled = (_said(raw, "StatusCategory") or outcome or "").lower().startswith(CANCELS)
    ends = [_said(raw, name) for name in ("WhoId", "WhatId", "AccountId", "ContactId", "ParentId", "ParentRecordId")]
    return Activity(
        external_id=str(raw["Id"]), kind=activity_kind(facts, raw), owner_id=_said(raw, "OwnerId"),
        occurred_at=_occurred(facts, raw, org), direction=_direction(raw),
        outcome=CANCELLED if is_cancelled else outcome.lower() if outcome else None, duration_s=duration,
        contact_id=_first(ends, CONTACT_ID, org), lead_id=_first(ends, LEAD_ID, org),
        deal_id=_first(ends, DEAL_ID, org), company_id=_first(ends, COMPANY_ID, org),
        subject=_said(raw, "Subject") or _said(raw, "Title"), raw=raw,
    )  # fmt: skip


def _occurred(facts: ObjectFacts, raw: Raw, org: OrgFacts) -> datetime | None:
    """A time where there is one that counts, else the beginning of a day."""
    is_timed = raw.get("IsAllDayEvent") is not True if facts is EVENTS else True
    at = _time(raw, facts.at) if is_timed else None
    on = _day(raw, facts.day) if facts.day else None
    return at if at is not None or on is None else datetime.combine(on, time(), org.zone).astimezone(UTC)


def _first(ids: Iterable[str | None], prefix: str, org: OrgFacts) -> str | None:
    return next((one for one in ids if one and one.startswith(prefix) and prefix in org.exposed), None)


def _direction(raw: Raw) -> str | None:
    mails = raw.get(EMAILS) or []
    if mails:
        return "in" if mails[0].get("Incoming") is True else "out"
    return DIRECTIONS.get(_said(raw, "CallType") or "")


def _duration(raw: Raw) -> int | None:
    seconds, minutes = raw.get("CallDurationInSeconds"), raw.get("DurationInMinutes")
    if isinstance(seconds, int | float):
        return int(seconds)
    return int(minutes * 60) if isinstance(minutes, int | float) else None


# --- values ---


def instant(value: object) -> datetime | None:
    """ISO 8601, with or without a colon in its offset; None for anything else."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _said(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    text = str(value).strip() if value is not None else ""
    return text or None


def _full_name(raw: Raw) -> str | None:
    parts = [part for part in (_said(raw, "FirstName"), _said(raw, "LastName")) if part and part != NOBODY]
    return " ".join(parts) or None


def _time(raw: Raw, name: str) -> datetime | None:
    return instant(raw[name]) if raw.get(name) else None


def _day(raw: Raw, name: str) -> date | None:
    try:
        return date.fromisoformat(str(raw.get(name))[:10])
    except ValueError:
        return None


def _noon(on: date | None, zone: ZoneInfo) -> datetime | None:
    """A day's middle, which is that day in most zones."""
    if on is None:
        return None
    return datetime.combine(on, time(12), zone).astimezone(UTC)


def _code(currency: str | None) -> str | None:
    return currency if currency is not None and CODE.match(currency) else None
