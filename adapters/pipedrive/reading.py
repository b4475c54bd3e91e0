"""Pipedrive's JSON as neutral records. What cannot be read is left out of the record and stays in `raw`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from adapters.currencies import told_number
from adapters.pipedrive.history import history
from adapters.pipedrive.objects import ACTIVITY_KINDS, OTHER_ACTIVITY
from adapters.pipedrive.values import Raw, day, happened_at, instant, minor, said, seconds_of
from adapters.records import (
    Activity,
    ActivityKind,
    Change,
    Company,
    Contact,
    Deal,
    DealStatus,
    Deletion,
    Kind,
    Lead,
    Owner,
    Pipeline,
    Stage,
    Team,
)

STATUSES = {"won": DealStatus.WON, "lost": DealStatus.LOST}
CLOSING_TIMES = {DealStatus.WON: "won_time", DealStatus.LOST: "lost_time"}


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What records need from the account: its currency, and what its activity types are, by key."""

    currency: str | None = None
    kinds: Mapping[str, ActivityKind] = field(default_factory=lambda: ACTIVITY_KINDS)


# --- the account ---


def owner(raw: Raw, teams: Iterable[Raw] = ()) -> Owner:
    email = (said(raw, "email") or "").lower() or None
    mine = [team for team in teams if raw.get("id") in (team.get("users") or [])]
    return Owner(
        external_id=str(raw["id"]), name=said(raw, "name") or email, email=email,
        team_id=str(mine[0]["id"]) if mine else None,
        is_active=raw.get("active_flag") is not False and not raw.get("is_deleted"), raw=raw,
    )  # fmt: skip


def team(raw: Raw) -> Team:
    return Team(external_id=str(raw["id"]), name=said(raw, "name"), manager_id=said(raw, "manager_id"), raw=raw)


def pipeline(raw: Raw) -> Pipeline:
    return Pipeline(external_id=str(raw["id"]), name=said(raw, "name"), position=_position(raw), raw=raw)


def stage(raw: Raw) -> Stage:
    """Of an open deal: in Pipedrive a won or lost deal stays in the stage that it had."""
    percent = told_number(raw.get("deal_probability"))
    return Stage(
        external_id=str(raw["id"]), pipeline_id=said(raw, "pipeline_id") or "", name=said(raw, "name"),
        position=_position(raw), raw=raw,
        probability=float(percent / 100) if percent is not None and 0 <= percent <= 100 else None,
    )  # fmt: skip


def _position(raw: Raw) -> int:
    found = raw.get("order_nr")
    return found if isinstance(found, int) else 0


def activity_kind(type_: Raw, wanted: Mapping[str, ActivityKind]) -> ActivityKind:
    """wanted: by key or name of the type, as the settings say."""
    key, name = str(type_.get("key_string") or ""), str(type_.get("name") or "")
    for text in (key.lower(), name.lower()):
        if text in wanted:
            return wanted[text]
    return ACTIVITY_KINDS.get(key, ACTIVITY_KINDS.get(name.lower(), OTHER_ACTIVITY))


# --- objects ---


def change(kind: Kind, raw: Raw, account: AccountFacts, changes: Sequence[Raw]) -> Change:
    """changes: of a deal, as far as they were asked for. What says of itself that it is deleted is, in any list."""
    if raw.get("is_deleted") is True:
        return Deletion(kind=kind, external_id=str(raw["id"]), at=instant(raw.get("update_time")))
    if kind is Kind.COMPANY:
        return company(raw, account)
    if kind is Kind.CONTACT:
        return contact(raw)
    return activity(raw, account) if kind is Kind.ACTIVITY else deal_or_gone(raw, changes)


def company(raw: Raw, account: AccountFacts) -> Company:
    revenue, employees = told_number(raw.get("annual_revenue")), told_number(raw.get("employee_count"))
    revenue_minor = minor(revenue, account.currency)
    address = raw.get("address")
    return Company(
        external_id=str(raw["id"]), name=said(raw, "name"), domain=said(raw, "website"),
        industry=said(raw, "industry"), country=said(address, "country") if isinstance(address, dict) else None,
        employees=int(employees) if employees is not None else None, revenue_minor=revenue_minor,
        currency=account.currency if revenue_minor is not None else None,
        owner_id=said(raw, "owner_id"), created_at=instant(raw.get("add_time")), raw=raw,
    )  # fmt: skip


def contact(raw: Raw) -> Contact:
    email = primary(raw.get("emails"))
    return Contact(
        external_id=str(raw["id"]), name=said(raw, "name"), email=email.lower() if email else None,
        phone=primary(raw.get("phones")), company_id=said(raw, "org_id"), owner_id=said(raw, "owner_id"),
        created_at=instant(raw.get("add_time")), raw=raw,
    )  # fmt: skip


def primary(entries: object) -> str | None:
    """The primary one of several addresses or numbers, else the first."""
    found = (
        [one for one in entries if isinstance(one, dict) and said(one, "value")] if isinstance(entries, list) else []
    )
    first = next((one for one in found if one.get("primary") is True), found[0] if found else None)
    return said(first, "value") if first is not None else None


def deal_or_gone(raw: Raw, changes: Sequence[Raw]) -> Change:
    """An archived deal that is closed counts as before; an open one has left the pipeline."""
    deal_id, is_open = str(raw["id"]), said(raw, "status") not in STATUSES
    if raw.get("is_deleted") is True or said(raw, "status") == "deleted":
        return Deletion(kind=Kind.DEAL, external_id=deal_id, at=instant(raw.get("update_time")))
    if raw.get("is_archived") is True and is_open:
        at = instant(raw.get("archive_time")) or instant(raw.get("update_time"))
        return Deletion(kind=Kind.DEAL, external_id=deal_id, at=at, reason="archived")
    return deal(raw, changes)


def deal(raw: Raw, changes: Sequence[Raw] = ()) -> Deal:
    status = STATUSES.get(said(raw, "status") or "", DealStatus.OPEN)
    currency = said(raw, "currency")
    created_at, modified_at = instant(raw.get("add_time")), instant(raw.get("update_time"))
    amount = minor(told_number(raw.get("value")), currency)
    person = said(raw, "person_id")
    return Deal(
        external_id=str(raw["id"]), name=said(raw, "title"), pipeline_id=said(raw, "pipeline_id"),
        stage_id=said(raw, "stage_id"), status=status, amount_minor=amount,
        currency=currency if amount is not None else None, owner_id=said(raw, "owner_id"),
        company_id=said(raw, "org_id"), contact_ids=(person,) if person else (), created_at=created_at,
        modified_at=modified_at, close_on=day(raw.get("expected_close_date")),
        closed_at=_closed(raw, status, created_at, modified_at), history=history(raw, changes), raw=raw,
    )  # fmt: skip


def _closed(raw: Raw, status: DealStatus, created_at: datetime | None, modified_at: datetime | None) -> datetime | None:
    if status is DealStatus.OPEN:
        return None
    told = instant(raw.get(CLOSING_TIMES[status])) or instant(raw.get("close_time")) or modified_at
    # An imported deal may say that it was won before it was there.
    return max(told, created_at) if told is not None and created_at is not None else told


def activity(raw: Raw, account: AccountFacts) -> Activity | Deletion:
    """A done one; one that is not done any more has not happened."""
    if raw.get("done") is not True or raw.get("is_deleted") is True:
        return Deletion(kind=Kind.ACTIVITY, external_id=str(raw["id"]))
    return Activity(
        external_id=str(raw["id"]), kind=account.kinds.get(said(raw, "type") or "", OTHER_ACTIVITY),
        owner_id=said(raw, "owner_id"), occurred_at=happened_at(raw), outcome="completed",
        duration_s=seconds_of(raw.get("duration")), deal_id=said(raw, "deal_id"), contact_id=said(raw, "person_id"),
        company_id=said(raw, "org_id"), lead_id=said(raw, "lead_id"), subject=said(raw, "subject"), raw=raw,
    )  # fmt: skip


# --- leads ---


def lead(raw: Raw) -> Lead:
    """One that is listed: it has not become a deal, for then it leaves the lists."""
    return Lead(
        external_id=str(raw["id"]), name=said(raw, "title"), owner_id=said(raw, "owner_id"),
        source=said(raw, "source_name"), status="archived" if raw.get("is_archived") is True else "open",
        created_at=instant(raw.get("add_time")), converted=False, fields=_fields(raw, "organization_id"), raw=raw,
    )  # fmt: skip


def converted_lead(raw: Raw) -> Lead:
    """One that is only known from the deal which it became. Its id, a UUID of version 1, holds when it was made."""
    lead_id = str(raw["source_lead_id"])
    return Lead(
        external_id=lead_id, name=said(raw, "title"), owner_id=said(raw, "owner_id"), status="converted",
        created_at=_made_at(lead_id), converted=True, converted_at=instant(raw.get("add_time")),
        deal_id=str(raw["id"]), fields=_fields(raw, "org_id"), raw=raw,
    )  # fmt: skip


def _fields(raw: Raw, organization: str) -> dict[str, object]:
    told = {"person_id": raw.get("person_id"), "organization_id": raw.get(organization), "value": raw.get("value")}
    return {name: value for name, value in told.items() if value is not None}


def _made_at(lead_id: str) -> datetime | None:
    try:
        found = UUID(lead_id)
    except ValueError:
        return None
    # In tenths of a microsecond since the Gregorian calendar began.
    since_1970 = (found.time - 0x01B21DD213814000) // 10_000_000 if found.version == 1 else -1
    return datetime.fromtimestamp(since_1970, UTC) if since_1970 >= 0 else None
