"""The neutral records: what every CRM's objects become before anything else of ours sees them.

Rules for all of them: ids are the CRM's own, as text; times are aware; money is integer minor units plus an
ISO 4217 currency; ``None`` is "the CRM does not say", never zero and never an empty string; ``raw`` is the CRM's
record as received (JSON-ready), kept so that a new field never needs a second download.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

Json = Mapping[str, object]


class Kind(StrEnum):
    """The objects that can be synchronised, in the order of a sync: what is referred to comes first."""

    TEAM = "team"
    OWNER = "owner"
    PIPELINE = "pipeline"
    STAGE = "stage"
    PRODUCT = "product"
    COMPANY = "company"
    CONTACT = "contact"
    LEAD = "lead"
    DEAL = "deal"
    ACTIVITY = "activity"


class ActivityKind(StrEnum):
    EMAIL = "email"
    CALL = "call"
    MEETING = "meeting"
    APPOINTMENT = "appointment"
    TASK = "task"
    NOTE = "note"


class DealStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    external_id: str
    name: str | None = None
    manager_id: str | None = None
    """External id of the owner who leads the team."""
    manager_name: str | None = None
    """Where the CRM names the manager without making him an owner."""
    region: str | None = None
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    external_id: str
    name: str | None = None
    email: str | None = None
    team_id: str | None = None
    is_active: bool = True
    since: datetime | None = None
    """From when this is true; None means as far back as data go."""
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    external_id: str
    name: str | None = None
    position: int = 0
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    external_id: str
    pipeline_id: str
    name: str | None = None
    position: int = 0
    probability: float | None = None
    """The CRM's own win probability of the stage, in [0, 1]; None where it has none."""
    status: DealStatus = DealStatus.OPEN
    """What a deal in this stage is."""
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    external_id: str
    name: str | None = None
    family: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    external_id: str
    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    country: str | None = None
    employees: int | None = None
    revenue_minor: int | None = None
    currency: str | None = None
    owner_id: str | None = None
    created_at: datetime | None = None
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    external_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company_id: str | None = None
    owner_id: str | None = None
    created_at: datetime | None = None
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    external_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company_name: str | None = None
    owner_id: str | None = None
    source: str | None = None
    campaign: str | None = None
    status: str | None = None
    created_at: datetime | None = None
    converted: bool | None = None
    """True: became a contact, deal or customer; False: known not to have; None: the CRM does not say."""
    converted_at: datetime | None = None
    deal_id: str | None = None
    """External id of the deal that it became."""
    fields: Json | None = None
    """Remaining columns of interest (behaviour, form answers), JSON-ready, by their names in the CRM."""
    raw: Json | None = None


class DealField(StrEnum):
    """Fields whose past values a CRM may hand over."""

    STAGE = "stage"
    AMOUNT = "amount"
    OWNER = "owner"
    CLOSE_DATE = "close_date"


@dataclass(frozen=True, slots=True)
class DealChange:
    """From `at` on, `field` had `value`.

    value: a stage's or owner's external id (text), an amount in minor units (int), an expected close date (date) or
    None.
    """

    field: DealField
    at: datetime
    value: str | int | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    external_id: str
    name: str | None = None
    pipeline_id: str | None = None
    stage_id: str | None = None
    status: DealStatus = DealStatus.OPEN
    amount_minor: int | None = None
    currency: str | None = None
    """None where the CRM does not say; the organization's default currency is assumed when it is stored."""
    owner_id: str | None = None
    company_id: str | None = None
    product_id: str | None = None
    contact_ids: tuple[str, ...] = ()
    source: str | None = None
    campaign: str | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None
    """When it was won or lost; None while open."""
    close_on: date | None = None
    """Expected close date while open."""
    modified_at: datetime | None = None
    """From when on the record says what it says; None where the CRM does not say."""
    history: tuple[DealChange, ...] = ()
    """Past values as far as the CRM hands them over, the present ones included, in any order."""
    amount_known_at_close: bool = False
    """True where the amount was written at closing (`close_value`): earlier days then have no amount."""
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    external_id: str
    kind: ActivityKind
    owner_id: str | None = None
    occurred_at: datetime | None = None
    direction: str | None = None
    """"in" or "out"."""
    outcome: str | None = None
    """"completed", "cancelled", "no_show", … in the CRM's words; "cancelled" ones are kept and not counted."""
    duration_s: int | None = None
    deal_id: str | None = None
    contact_id: str | None = None
    company_id: str | None = None
    lead_id: str | None = None
    subject: str | None = None
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """An object that is gone from the CRM's live lists."""

    kind: Kind
    external_id: str
    at: datetime | None = None
    reason: str = "deleted"
    """"deleted" or "archived"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`loser_ids` became part of `winner_id`."""

    kind: Kind
    winner_id: str
    loser_ids: tuple[str, ...]
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A row that could not become a record; kept aside for a person to see.

    source: where it stands ("sales_pipeline.csv"), line: 1-based, counting the header as line 1.
    """

    source: str
    line: int | None
    reason: str
    row: Json = field(default_factory=dict)


Record = Team | Owner | Pipeline | Stage | Product | Company | Contact | Lead | Deal | Activity
Change = Record | Deletion | Merge

KIND_OF: Mapping[type, Kind] = {
    Team: Kind.TEAM, Owner: Kind.OWNER, Pipeline: Kind.PIPELINE, Stage: Kind.STAGE, Product: Kind.PRODUCT,
    Company: Kind.COMPANY, Contact: Kind.CONTACT, Lead: Kind.LEAD, Deal: Kind.DEAL, Activity: Kind.ACTIVITY,
}  # fmt: skip
