"""Nutshell's JSON as neutral records. What cannot be read is left out of the record and stays in `raw`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from adapters.currencies import told_minor, told_number
from adapters.nutshell.history import Past
from adapters.nutshell.objects import ACTIVITIES, COMPANIES, CONTACTS, ObjectFacts
from adapters.nutshell.times import instant
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
    Owner,
    Pipeline,
    Record,
    Stage,
)

Raw = dict[str, Any]
CANCELLED = "cancelled"
STATUSES = {
    "open": DealStatus.OPEN, "pending": DealStatus.OPEN, "won": DealStatus.WON, "lost": DealStatus.LOST,
    "cancelled": DealStatus.LOST, "canceled": DealStatus.LOST,
    "0": DealStatus.OPEN, "1": DealStatus.OPEN, "10": DealStatus.WON, "11": DealStatus.LOST, "12": DealStatus.LOST,
}  # fmt: skip
"""In words as the REST API tells them, and in the numbers of the older one."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What records need from the account. zone: of the days in it. kinds: what activities of a type are, by its id.
    sources, industries: names by id."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    kinds: Mapping[str, ActivityKind] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    industries: Mapping[str, str] = field(default_factory=dict)


def record(facts: ObjectFacts, raw: Raw, account: AccountFacts, past: Past | None = None) -> Record:
    """past: of a deal, what the event feed tells of it."""
    if facts is ACTIVITIES:
        return _activity(raw, account)
    if facts is COMPANIES:
        return _company(raw, account)
    return _contact(raw) if facts is CONTACTS else _deal(raw, account, past or Past())


def deletion(facts: ObjectFacts, external_id: str, at: datetime | None) -> Deletion:
    return Deletion(kind=facts.kind, external_id=external_id, at=at)


def is_deleted(raw: Raw) -> bool:
    return deleted_at(raw) is not None


def deleted_at(raw: Raw) -> datetime | None:
    return instant(raw.get("deletedTime"))


def created_at(raw: Raw) -> datetime | None:
    return instant(raw.get("createdTime"))


# --- the account ---


def owner(raw: Raw) -> Owner:
    emails = [text for one in _list(raw.get("emails")) if (text := _text(_value(one)))]
    name = full_name(raw)
    email = emails[0].lower() if emails else None
    return Owner(
        external_id=str(raw["id"]), name=name or email, email=email, is_active=raw.get("isEnabled") is not False,
        raw=raw,
    )  # fmt: skip


def pipeline(raw: Raw, position: int) -> Pipeline:
    return Pipeline(external_id=str(raw["id"]), name=_text(raw.get("name")), position=position, raw=raw)


def stage(raw: Raw) -> Stage | None:
    """None for a stage that names no pipeline. Nutshell keeps won and lost apart from stages: all are open ones."""
    links = raw.get("links")
    links = links[0] if isinstance(links, list) and links else links
    pipeline_id = _text(links.get("stageset")) if isinstance(links, dict) else None
    if pipeline_id is None:
        return None
    position = raw.get("position")
    return Stage(
        external_id=str(raw["id"]), pipeline_id=pipeline_id, name=_text(raw.get("name")),
        position=position if isinstance(position, int) else 0, raw=raw,
    )  # fmt: skip


# --- objects ---


def _company(raw: Raw, account: AccountFacts) -> Company:
    employees, revenue = told_number(raw.get("employeeCount")), raw.get("revenue")
    amount, currency = _money(revenue if isinstance(revenue, dict) else None)
    places = [value for one in _list(raw.get("addresses")) if isinstance(value := _value(one), dict)]
    return Company(
        external_id=str(raw["id"]), name=_text(raw.get("name")), domain=_domain(raw),
        industry=_named(raw, "industry", account.industries),
        country=next((text for one in places if (text := _text(one.get("country")))), None),
        employees=int(employees) if employees is not None else None, revenue_minor=amount, currency=currency,
        owner_id=user_of(raw), created_at=instant(raw.get("createdTime")), raw=raw,
    )  # fmt: skip


def _domain(raw: Raw) -> str | None:
    for one in _list(raw.get("urls")):
        text = _text(_value(one)) or ""
        host = (_host(text if "://" in text else f"//{text}") or "").removeprefix("www.")
        if "." in host and "@" not in text:
            return host.lower()
    return None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _contact(raw: Raw) -> Contact:
    emails, phones = emails_of(raw), phones_of(raw)
    return Contact(
        external_id=str(raw["id"]), name=full_name(raw), email=emails[0].lower() if emails else None,
        phone=phones[0] if phones else None, company_id=_first(raw, "accounts"), owner_id=user_of(raw),
        created_at=instant(raw.get("createdTime")), raw=raw,
    )  # fmt: skip


def _deal(raw: Raw, account: AccountFacts, past: Past) -> Deal:
    created_at = instant(raw.get("createdTime"))
    status = STATUSES.get(str(raw.get("status")).strip().lower(), DealStatus.OPEN)
    value = raw.get("value")
    amount, currency = _money(value if isinstance(value, dict) else None)
    modified_at = max(past.latest, created_at or past.latest) if past.latest is not None else None
    closed_at = instant(raw.get("closedTime")) or modified_at or created_at if status is not DealStatus.OPEN else None
    if closed_at is not None and created_at is not None:
        closed_at = max(closed_at, created_at)
    close_at = instant(raw.get("anticipatedClosedTime")) or instant(raw.get("dueTime"))
    stage_id, owner_id = _first(raw, "stage"), user_of(raw)
    present = {DealField.STAGE: stage_id, DealField.OWNER: owner_id}
    return Deal(
        external_id=str(raw["id"]), name=_text(raw.get("name")) or _text(raw.get("description")),
        pipeline_id=_first(raw, "stageset"), stage_id=stage_id, status=status, amount_minor=amount,
        currency=currency, owner_id=owner_id, company_id=_first(raw, "accounts"),
        contact_ids=tuple(_linked(raw, "contacts")), source=_named(raw, "sources", account.sources),
        created_at=created_at, closed_at=closed_at, close_on=_day(close_at, account.zone), modified_at=modified_at,
        history=_history(past, present, created_at, modified_at), raw=raw,
    )  # fmt: skip


def _history(
    past: Past,
    present: Mapping[DealField, str | None],
    created_at: datetime | None,
    modified_at: datetime | None,
) -> tuple[DealChange, ...]:
    """What the feed tells, not before the deal was there, and so that it ends in what is true now."""
    first = [DealChange(its_field, created_at, value) for its_field, value in past.before.items() if created_at]
    # An imported deal may be older than the record: what is told of earlier moments held from the first on.
    changes = first + [DealChange(one.field, max(one.at, created_at or one.at), one.value) for one in past.changes]
    for its_field, value in present.items():
        told = [change for change in changes if change.field is its_field]
        if told and told[-1].value != value and modified_at is not None:
            # The feed has lost an event, or is a moment behind: since when is not known, so since the last one.
            changes.append(DealChange(its_field, max(told[-1].at, modified_at), value))
    return tuple(sorted(changes, key=lambda change: change.at))


def _named(raw: Raw, link: str, names: Mapping[str, str]) -> str | None:
    one = _first(raw, link)
    return names.get(one, one) if one is not None else None


def _activity(raw: Raw, account: AccountFacts) -> Activity:
    starts, ends = instant(raw.get("startTime")), instant(raw.get("endTime"))
    outcome = CANCELLED if raw.get("isCancelled") is True else "completed" if raw.get("isLogged") else "scheduled"
    length_s = int((ends - starts).total_seconds()) if starts is not None and ends is not None else None
    return Activity(
        external_id=str(raw["id"]), kind=account.kinds.get(_first(raw, "activityType") or "", ActivityKind.MEETING),
        owner_id=owner_of_activity(raw), occurred_at=starts or instant(raw.get("loggedTime")), outcome=outcome,
        duration_s=length_s if length_s is not None and length_s >= 0 else None, subject=_text(raw.get("name")),
        deal_id=_first(raw, "leads"), contact_id=_first(raw, "contacts"), company_id=_first(raw, "accounts"), raw=raw,
    )  # fmt: skip


def owner_of_activity(raw: Raw) -> str | None:
    """Who took part; else who logged it; else who made it."""
    for name in ("users", "logger", "creator"):
        for one in _linked(raw, name):
            if one.endswith("-users"):
                return one
    return None


# --- values ---


def full_name(raw: Raw) -> str | None:
    """As text, or taken apart."""
    name = raw.get("name")
    if isinstance(name, dict):
        parts = (
            [name.get("displayName")] if name.get("displayName") else [name.get("givenName"), name.get("familyName")]
        )
        return " ".join(text for one in parts if (text := _text(one))) or None
    return _text(name) or " ".join(text for part in ("firstName", "lastName") if (text := _text(raw.get(part)))) or None


def emails_of(raw: Raw) -> list[str]:
    """The primary one first."""
    return [text for one in _by_rank(raw.get("emails")) if (text := _text(_value(one)))]


def phones_of(raw: Raw) -> list[str]:
    """The primary one first, as people read them."""
    return [text for one in _by_rank(raw.get("phones")) if (text := _phone(_value(one)))]


def _phone(value: object) -> str | None:
    if not isinstance(value, dict):
        return _text(value)
    names = ("countryCodeAndNumber", "numberFormatted", "E164", "number")
    return next((text for name in names if (text := _text(value.get(name)))), None)


def user_of(raw: Raw) -> str | None:
    """The owner where it is a user. Leads may be owned by a team, which is nobody in particular."""
    one = _first(raw, "owner")
    return one if one is not None and one.endswith("-users") else None


def _linked(raw: Raw, name: str) -> list[str]:
    links = raw.get("links")
    found = links.get(name) if isinstance(links, dict) else None
    ids = found if isinstance(found, list) else [found]
    return [text for one in ids if (text := _text(one.get("id") if isinstance(one, dict) else one))]


def _first(raw: Raw, name: str) -> str | None:
    return next(iter(_linked(raw, name)), None)


def _by_rank(entries: object) -> Iterable[object]:
    found = _list(entries)
    return sorted(found, key=lambda one: not (isinstance(one, dict) and one.get("isPrimary") is True))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(entry: object) -> object:
    return entry.get("value") if isinstance(entry, dict) else entry


def _text(value: object) -> str | None:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return text or None


def _money(value: Raw | None) -> tuple[int | None, str | None]:
    """Amount and currency; both None where no value was entered, which Nutshell tells as 0 without a text for it."""
    amount = told_number(value.get("amount")) if value is not None else None
    if value is None or amount is None or (amount == 0 and value.get("formatted") == ""):
        return None, None
    currency = _text(value.get("currency"))
    minor = told_minor(amount, currency)
    return minor, currency if minor is not None else None


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return at.astimezone(zone).date() if at is not None else None
