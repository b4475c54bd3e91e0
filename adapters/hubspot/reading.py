"""HubSpot's JSON as neutral records. What cannot be read is left out of the record and stays in `raw`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.currencies import told_minor, told_number
from adapters.hubspot.client import in_order
from adapters.hubspot.objects import LEADS, MERGED, OUTCOMES, SUBJECTS, ObjectFacts
from adapters.records import (
    Activity,
    ActivityKind,
    Company,
    Contact,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Deletion,
    Kind,
    Lead,
    Merge,
    Owner,
    Pipeline,
    Record,
    Stage,
    Team,
)

Raw = dict[str, Any]
DIRECTIONS = {"INBOUND": "in", "OUTBOUND": "out", "INCOMING_EMAIL": "in", "EMAIL": "out", "FORWARDED_EMAIL": "out"}
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What records need from the account: its currency and zone, what a deal in each stage is, and how the stages of
    leads are called."""

    currency: str | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    statuses: Mapping[str, DealStatus] = field(default_factory=dict)
    lead_stages: Mapping[str, str] = field(default_factory=dict)


def record(facts: ObjectFacts, raw: Raw, account: AccountFacts, links: Mapping[str, list[str]]) -> Record:
    """links: ids of associated objects, by the name of their type."""
    if facts.activity is not None:
        return _activity(facts, facts.activity, raw, links)
    if facts.kind is Kind.COMPANY:
        return _company(raw, account)
    if facts.kind is Kind.LEAD:
        return _lead(raw, account)
    return _contact(raw) if facts.kind is Kind.CONTACT else _deal(facts, raw, account, links)


def external_id(facts: ObjectFacts, raw: Raw) -> str:
    """HubSpot numbers each type of activity by itself; here they are one kind."""
    return str(raw["id"]) if facts.activity is None else f"{facts.activity.value}/{raw['id']}"


def deletion(facts: ObjectFacts, raw: Raw) -> Deletion:
    at = instant(raw.get("archivedAt"))
    return Deletion(kind=facts.kind, external_id=external_id(facts, raw), at=at, reason="archived")


def merges(facts: ObjectFacts, rows: Iterable[Raw]) -> list[Merge]:
    """What went into these records. By default HubSpot gives the survivor a new id, so both old ones are losers."""
    found = []
    for raw in rows:
        losers = [one.strip() for one in (_said(raw, MERGED) or "").split(";")]
        told = tuple(one for one in losers if one and one != str(raw["id"]))
        if told:
            found.append(Merge(kind=facts.kind, winner_id=str(raw["id"]), loser_ids=told))
    return found


def links_of(raw: Raw) -> dict[str, list[str]]:
    """Associated ids that came with a list's record. A list marks all but the primary association as unlabeled."""
    told = raw.get("associations") or {}
    rows = {name: (part or {}).get("results", []) for name, part in told.items()}
    return {
        name: in_order((str(row["id"]), not str(row.get("type")).endswith("_unlabeled")) for row in found)
        for name, found in rows.items()
    }


# --- the account ---


def owner(raw: Raw) -> Owner:
    name = " ".join(part.strip() for part in (raw.get("firstName"), raw.get("lastName")) if part and part.strip())
    email = (raw.get("email") or "").strip().lower() or None
    teams = raw.get("teams") or []
    first = next((team for team in teams if team.get("primary")), teams[0] if teams else None)
    return Owner(
        external_id=str(raw["id"]), name=name or email, email=email, team_id=str(first["id"]) if first else None,
        is_active=not raw.get("archived"), raw=raw,
    )  # fmt: skip


def teams_of(owners: Iterable[Raw]) -> list[Team]:
    """HubSpot lists no teams to a private app; its owners name theirs."""
    named = {str(team["id"]): team for raw in owners for team in raw.get("teams") or []}
    return [Team(external_id=one, name=(named[one].get("name") or "").strip() or None) for one in sorted(named)]


def pipeline(raw: Raw) -> Pipeline:
    own = {name: value for name, value in raw.items() if name != "stages"}
    position = raw.get("displayOrder")
    return Pipeline(
        external_id=str(raw["id"]), name=raw.get("label") or None,
        position=position if isinstance(position, int) else 0, raw=own,
    )  # fmt: skip


def stages_of(raw: Raw) -> list[Stage]:
    return [
        Stage(
            external_id=str(one["id"]), pipeline_id=str(raw["id"]), name=one.get("label") or None,
            position=one["displayOrder"] if isinstance(one.get("displayOrder"), int) else 0,
            probability=_probability(one), status=_stage_status(one), raw=one,
        )
        for one in raw.get("stages") or []
    ]  # fmt: skip


def _probability(stage: Raw) -> float | None:
    found = told_number((stage.get("metadata") or {}).get("probability"))
    return float(found) if found is not None and 0 <= found <= 1 else None


def _stage_status(stage: Raw) -> DealStatus:
    if str((stage.get("metadata") or {}).get("isClosed")).lower() != "true":
        return DealStatus.OPEN
    return DealStatus.WON if _probability(stage) == 1.0 else DealStatus.LOST


# --- objects ---


def _company(raw: Raw, account: AccountFacts) -> Company:
    revenue = told_number(_said(raw, "annualrevenue"))
    employees = told_number(_said(raw, "numberofemployees"))
    return Company(
        external_id=str(raw["id"]), name=_said(raw, "name"), domain=_said(raw, "domain"),
        industry=_said(raw, "industry"), country=_said(raw, "country"),
        employees=int(employees) if employees is not None else None,
        revenue_minor=told_minor(revenue, account.currency) if account.currency else None,
        currency=account.currency if revenue is not None else None,
        owner_id=_said(raw, "hubspot_owner_id"), created_at=_created(raw), raw=raw,
    )  # fmt: skip


def _contact(raw: Raw) -> Contact:
    names = [part for part in (_said(raw, "firstname"), _said(raw, "lastname")) if part]
    email = _said(raw, "email")
    return Contact(
        external_id=str(raw["id"]), name=" ".join(names) or None, email=email.lower() if email else None,
        phone=_said(raw, "phone"), company_id=_said(raw, "associatedcompanyid"),
        owner_id=_said(raw, "hubspot_owner_id"), created_at=_created(raw), raw=raw,
    )  # fmt: skip


def _lead(raw: Raw, account: AccountFacts) -> Lead:
    """Its address and number stand with its contact; whether it became a deal, HubSpot does not say."""
    stage = _said(raw, "hs_pipeline_stage")
    named = {"type": _said(raw, "hs_lead_type"), "label": _said(raw, "hs_lead_label")}
    return Lead(
        external_id=str(raw["id"]), name=_said(raw, "hs_lead_name"), owner_id=_said(raw, "hubspot_owner_id"),
        status=account.lead_stages.get(stage, stage) if stage else None, created_at=_time(raw, LEADS.created),
        fields={name: value for name, value in named.items() if value}, raw=raw,
    )  # fmt: skip


def _deal(facts: ObjectFacts, raw: Raw, account: AccountFacts, links: Mapping[str, list[str]]) -> Deal:
    created_at, currency = _created(raw), _currency(raw, account)
    history = _history(facts, raw, currency, created_at, account.zone)
    modified_at = max([at for at in (_time(raw, facts.modified), *(one.at for one in history)) if at], default=None)
    status = _status(raw, account)
    amount = told_minor(told_number(_said(raw, "amount")), currency)
    return Deal(
        external_id=str(raw["id"]), name=_said(raw, "dealname"), pipeline_id=_said(raw, "pipeline"),
        stage_id=_said(raw, "dealstage"), status=status, amount_minor=amount,
        currency=currency if amount is not None else None, owner_id=_said(raw, "hubspot_owner_id"),
        company_id=next(iter(links.get("companies", [])), None), contact_ids=tuple(links.get("contacts", ())),
        created_at=created_at, modified_at=modified_at, close_on=_day(_said(raw, "closedate"), account.zone),
        closed_at=_closed(raw, history, created_at, modified_at) if status is not DealStatus.OPEN else None,
        history=history, raw=raw,
    )  # fmt: skip


def _status(raw: Raw, account: AccountFacts) -> DealStatus:
    """The deal's own words, which hold in stages that nobody knows any more; else what its stage says."""
    is_won, is_closed = _said(raw, "hs_is_closed_won"), _said(raw, "hs_is_closed")
    if is_won == "true":
        return DealStatus.WON
    if is_closed == "true":
        return DealStatus.LOST
    if is_closed is not None:
        return DealStatus.OPEN
    return account.statuses.get(_said(raw, "dealstage") or "", DealStatus.OPEN)


def _closed(
    raw: Raw, history: tuple[DealChange, ...], created_at: datetime | None, modified_at: datetime | None
) -> datetime | None:
    """When it was won or lost. `closedate` says so, but people also leave it at a wish or in the past."""
    told = _time(raw, "closedate")
    if told is not None and (created_at or told) <= told <= (modified_at or told):
        return told
    entered = [one.at for one in history if one.field is DealField.STAGE]
    return max(entered) if entered else modified_at


def _history(
    facts: ObjectFacts, raw: Raw, currency: str | None, created_at: datetime | None, zone: ZoneInfo
) -> tuple[DealChange, ...]:
    changes = []
    for name, past in (raw.get("propertiesWithHistory") or {}).items():
        its_field = facts.history.get(name)
        for entry in past or [] if its_field is not None else []:
            at = instant(entry.get("timestamp"))
            if at is None or its_field is None:
                continue
            # An imported deal may be older than the record: what is told of earlier moments held from the first on.
            value = _past_value(its_field, str(entry.get("value") or "").strip(), currency, zone)
            changes.append(DealChange(its_field, max(at, created_at or at), value))
    return tuple(sorted(changes, key=lambda change: change.at))


def _past_value(its_field: DealField, value: str, currency: str | None, zone: ZoneInfo) -> str | int | date | None:
    if its_field is DealField.AMOUNT:
        return told_minor(told_number(value), currency)
    return _day(value, zone) if its_field is DealField.CLOSE_DATE else value or None


def _activity(facts: ObjectFacts, kind: ActivityKind, raw: Raw, links: Mapping[str, list[str]]) -> Activity:
    outcome = _said(raw, OUTCOMES.get(kind, ""))
    is_cancelled = facts.cancelled is not None and outcome == facts.cancelled[1]
    duration = told_number(_said(raw, "hs_call_duration"))
    direction = _said(raw, "hs_call_direction") or _said(raw, "hs_email_direction")
    first = {name: next(iter(links.get(name, [])), None) for name in ("contacts", "companies", "deals")}
    return Activity(
        external_id=external_id(facts, raw), kind=kind, owner_id=_said(raw, "hubspot_owner_id"),
        occurred_at=_time(raw, facts.at), direction=DIRECTIONS.get(direction or ""),
        outcome=CANCELLED if is_cancelled else outcome.lower() if outcome else None,
        duration_s=int(duration / 1000) if duration is not None else None, subject=_said(raw, SUBJECTS.get(kind, "")),
        contact_id=first["contacts"], company_id=first["companies"], deal_id=first["deals"], raw=raw,
    )  # fmt: skip


# --- values ---


def instant(value: object) -> datetime | None:
    """ISO 8601 or milliseconds since 1970; None where it is neither."""
    text = str(value).strip() if value is not None else ""
    try:
        if text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _said(raw: Raw, name: str) -> str | None:
    value = (raw.get("properties") or {}).get(name)
    text = str(value).strip() if value is not None else ""
    return text or None


def _time(raw: Raw, name: str) -> datetime | None:
    return instant(_said(raw, name))


def _created(raw: Raw) -> datetime | None:
    return _time(raw, "createdate") or instant(raw.get("createdAt"))


def _day(text: str | None, zone: ZoneInfo) -> date | None:
    found = instant(text)
    return found.astimezone(zone).date() if found is not None else None


def _currency(raw: Raw, account: AccountFacts) -> str | None:
    """A deal without a currency is in the account's. An unreadable one is kept as it is, so that it matches nothing."""
    return _said(raw, "deal_currency_code") or account.currency
