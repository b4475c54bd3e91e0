"""What requests and answers look like: pydantic models, from which requests are checked, answers are written, and the
OpenAPI document is made. A name here is a promise to integrations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, WithJsonSchema, field_validator

MOST_DAYS = 366
DEFAULT_DAYS = 7
MOST_DEALS = 10_000
"""On one page: all of a year, for most."""


# --- leads -----------------------------------------------------------------------------------------------------------

_PHONE: dict[str, Any] = {"type": "string", "pattern": "^([^0-9]*[0-9]){5}"}
_EMAIL: dict[str, Any] = {"type": "string", "format": "email"}
_NO_EMAIL: dict[str, Any] = {"enum": ["", None]}
_TEXT = "Text; any other value is kept as its text."


_NEEDED: list[dict[str, Any]] = [
    {"required": ["email"], "properties": {"email": _EMAIL}},
    {"required": ["phone"], "properties": {"phone": _PHONE}},
]
_EXAMPLES: list[dict[str, Any]] = [
    {"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+49 30 901820", "company": "Analytical Engines"},
    {"phone": "+49 30 901820", "first_name": "Ada", "message": "Please call me"},
]


class LeadPayload(BaseModel):
    """A lead as a website sends it. An e-mail address or a phone number is needed; everything else is welcome, and what
    is not known here is kept with the lead."""

    model_config = ConfigDict(
        extra="allow", title="Lead", json_schema_extra={"anyOf": [*_NEEDED], "examples": [*_EXAMPLES]}
    )

    email: Annotated[
        str | None, WithJsonSchema({"anyOf": [_EMAIL, _NO_EMAIL]}), Field(description="Needed, or else a phone.")
    ] = None
    phone: Annotated[Any, Field(description=f"Stored as E.164 where its country is known. {_TEXT}")] = None
    name: Annotated[Any, Field(description=f"First and last name in one. {_TEXT}")] = None
    first_name: Annotated[Any, Field(description=_TEXT)] = None
    last_name: Annotated[Any, Field(description=_TEXT)] = None
    company: Annotated[Any, Field(description=_TEXT)] = None
    form: Annotated[
        Any, Field(description="Key of the form; without it the default form. It may stand in the query instead.")
    ] = None
    organization_id: Annotated[
        Any,
        Field(description="May only agree with the form's organization; otherwise a person looks at the lead first."),
    ] = None


class LeadForm(BaseModel):
    """The same, as a plain HTML form sends it: every field is text, an empty one is none."""

    model_config = ConfigDict(
        extra="allow", title="Lead in a form", json_schema_extra={"anyOf": [*_NEEDED], "examples": [*_EXAMPLES]}
    )

    email: Annotated[
        str, WithJsonSchema({"anyOf": [_EMAIL, {"const": ""}]}), Field(description="Needed, or else a phone.")
    ] = ""
    phone: Annotated[str, Field(description="Stored as E.164 where its country is known.")] = ""
    name: Annotated[str, Field(description="First and last name in one.")] = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    form: Annotated[str, Field(description="Key of the form; without it the default form.")] = ""


class LeadQuery(BaseModel):
    form: Annotated[str | None, Field(description="Key of the form, where the body does not name it.")] = None


class LeadHeaders(BaseModel):
    prefer: Annotated[
        str | None,
        Field(
            alias="Prefer",
            description="respond-async: answer at once with 202, deliver afterwards. Other preferences are ignored, as "
            "RFC 7240 says.",
            examples=["respond-async"],
        ),
    ] = None
    idempotency_key: Annotated[
        str | None,
        Field(
            alias="Idempotency-Key",
            pattern="^[!-~]{0,255}$",
            description="The same key and body again is the same lead: safe to repeat after a lost answer.",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None


class LeadDelivered(BaseModel):
    """The CRM has it."""

    status: Annotated[
        Literal["ok", "updated", "exists"],
        Field(description="ok: the contact was made; updated: it was there and changed; exists: nothing to change."),
    ]
    crm_contact_id: Annotated[str, Field(description="The CRM's own id of the contact.", examples=["C10423"])]
    email: Annotated[str | None, Field(examples=["ada@example.com"])]
    lead_id: Annotated[str, Field(examples=["01936f5a-7c1e-7d2a-9b1c-3f1e5a7c9d10"])]


class LeadAccepted(BaseModel):
    """It is on disk and will be delivered, or shown to a person."""

    status: Literal["accepted"]
    lead_id: Annotated[str, Field(examples=["01936f5a-7c1e-7d2a-9b1c-3f1e5a7c9d10"])]
    email: Annotated[str | None, Field(examples=["ada@example.com"])]


# --- internal routes: what is asked ----------------------------------------------------------------------------------


def _digits(value: object) -> object:
    """Numbers in a query are plain digits; pydantic would also take "1_0" and " 7 "."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number in digits")
    return value


OrganizationId = Annotated[int, Field(ge=1, le=10**18 - 1), BeforeValidator(_digits)]
NumberOfDeals = Annotated[int, Field(ge=1, le=MOST_DEALS), BeforeValidator(_digits)]
NumberOfDays = Annotated[int, Field(ge=1, le=MOST_DAYS), BeforeValidator(_digits)]


class OrganizationQuery(BaseModel):
    org_id: Annotated[
        OrganizationId | None, Field(description="Must be the organization of the API key; it may be left out.")
    ] = None


class SalesQuery(OrganizationQuery):
    live: Annotated[
        Literal["0", "1"], Field(description="1: ask the CRM itself, now; needs the scope live.", examples=["0"])
    ] = "0"

    @property
    def is_live(self) -> bool:
        return self.live == "1"


class OwnersQuery(SalesQuery):
    owner_id: Annotated[str | None, Field(description="Only this owner: the CRM's own id.", examples=["U1"])] = None
    owner_email: Annotated[str | None, Field(description="Only this owner.", examples=["ann@example.com"])] = None

    @field_validator("owner_id", "owner_email")
    @classmethod
    def _given(cls, value: str | None) -> str | None:
        """`owner_id=` without a value is the same as leaving it out."""
        return value or None


class DaysQuery(OwnersQuery):
    days: Annotated[
        NumberOfDays, Field(description="So many days, today included, in the organization's time zone.")
    ] = DEFAULT_DAYS


class DealsQuery(DaysQuery):
    limit: Annotated[NumberOfDeals, Field(description="So many on one page at most.")] = MOST_DEALS
    after: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]{5}\.[0-9]{1,300}$",
            description="Where the page before ended: follow its header Link, which has it.",
        ),
    ] = None


# --- internal routes: what is answered -------------------------------------------------------------------------------

CountName = Literal["emails_last_n_days", "calls_last_n_days", "meetings_last_n_days", "new_deals_last_n_days"]
PartName = Literal["email", "call", "meeting", "appointment", "deal_created"]


class OwnerCounts(BaseModel):
    owner_id: Annotated[str, Field(description="The CRM's own id.", examples=["U1"])]
    owner_name: Annotated[str | None, Field(examples=["Ann Example"])]
    owner_email: Annotated[str | None, Field(examples=["ann@example.com"])]
    is_active: bool
    team: Annotated[str | None, Field(description="Null with live=1.", examples=["North"])]
    emails_last_n_days: Annotated[int, Field(examples=[41])]
    calls_last_n_days: Annotated[int, Field(examples=[12])]
    meetings_last_n_days: Annotated[int, Field(description="Meetings and appointments.", examples=[5])]
    new_deals_last_n_days: Annotated[int, Field(examples=[2])]


class OwnerStats(OwnerCounts):
    unavailable: Annotated[
        list[CountName], Field(description="Counts that the CRM does not expose; they are 0.", examples=[[]])
    ]


class Stats(BaseModel):
    """What each salesperson did."""

    days: Annotated[int, Field(examples=[7])]
    first_day: date
    last_day: date
    time_zone: Annotated[str, Field(examples=["Europe/Berlin"])]
    source: Annotated[Literal["snapshots", "crm"], Field(description="Where the counts come from.")]
    synced_at: Annotated[
        datetime | None, Field(description="When the snapshots were last complete; null: never, or live=1.")
    ]
    results: list[OwnerStats]


class Parts(BaseModel):
    """What a count is made of."""

    email: int
    call: int
    meeting: int
    appointment: int
    deal_created: int


class RawCounts(OwnerCounts):
    parts: Parts
    unavailable: Annotated[
        list[CountName | PartName],
        Field(description="Counts and parts that the CRM does not expose; they are 0.", examples=[["appointment"]]),
    ]


class Raw(RootModel[list[RawCounts]]):
    """Each owner's counts with their parts."""


class OwnerEntry(BaseModel):
    id: Annotated[str, Field(description="The CRM's own id.", examples=["U1"])]
    email: Annotated[str | None, Field(examples=["ann@example.com"])]
    name: Annotated[str | None, Field(examples=["Ann Example"])]
    is_active: bool
    team: Annotated[str | None, Field(description="Null with live=1.", examples=["North"])]
    connection: Annotated[str, Field(description="Through which connection the CRM is read.", examples=["Demo CRM"])]


class Owners(RootModel[list[OwnerEntry]]):
    """Everyone who owns something in the CRM."""


class DealEntry(BaseModel):
    """A deal that `new_deals_last_n_days` counts."""

    deal_id: Annotated[str, Field(description="The CRM's own id.", examples=["D104"])]
    name: str | None
    status: Literal["open", "won", "lost"]
    owner_id: Annotated[str, Field(examples=["U1"])]
    owner_name: str | None
    owner_email: str | None
    pipeline: Annotated[str | None, Field(description="Null with live=1, as are stage and company.")]
    stage: str | None
    company: str | None
    source: str | None
    amount_minor: Annotated[
        int | None, Field(description="In the currency's smallest unit; null: none given.", examples=[1250000])
    ]
    currency: Annotated[str | None, Field(examples=["EUR"])]
    created_on: date | None
    close_on: Annotated[date | None, Field(description="When it is expected to close.")]
    closed_on: date | None


class Deals(RootModel[list[DealEntry]]):
    """The rows behind the counts of new deals, the newest first."""


class ConnectionState(BaseModel):
    name: Annotated[str, Field(examples=["Demo CRM"])]
    status: Annotated[
        Literal["ok", "stale", "failing", "never_synced"],
        Field(description="stale: no complete sync for 36 hours; failing: the last sync or check failed."),
    ]
    deals: Annotated[int, Field(description="Live deals in the snapshots.")]
    others: Annotated[list[str], Field(description="Further connections to the same CRM, in a better state.")]


class ScopeState(BaseModel):
    name: Annotated[str, Field(description="A kind of object, or of activity.", examples=["deal"])]
    is_granted: Annotated[bool, Field(description="Whether the CRM lets us read it.")]
    reason: Annotated[str | None, Field(description="Why not.")]


class SyncState(BaseModel):
    status: Literal["running", "succeeded", "failed", "cancelled", "interrupted"]
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    succeeded_at: Annotated[datetime | None, Field(description="When a sync last was complete.")]


class UnavailableState(BaseModel):
    name: Annotated[str, Field(description="A kind of object, or of activity, that is not read.", examples=["lead"])]
    reason: str
    counts: Annotated[list[CountName], Field(description="Counts that are 0, or too small, for want of it.")]
    since: datetime | None


class CheckState(BaseModel):
    name: str
    is_ok: bool
    detail: str
    remedy: str | None


class Health(BaseModel):
    """How the connection to the CRM is; of several, the one that needs a look most."""

    provider: Annotated[str, Field(examples=["demo"])]
    connection: ConnectionState
    scopes: list[ScopeState]
    last_sync: SyncState | None
    unavailable: list[UnavailableState]
    checks: Annotated[list[CheckState], Field(description="What the CRM said just now; empty without live=1.")]


# --- everything ------------------------------------------------------------------------------------------------------


class Working(BaseModel):
    status: Literal["ok"]


class Problem(BaseModel):
    """Every error has this shape (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Unprocessable Entity"])]
    status: Annotated[int, Field(examples=[422])]
    detail: Annotated[str, Field(description="What is wrong, and what to do.")]
    correlation_id: Annotated[str, Field(description="Names this answer in the log.", examples=["5f1d7a84c2b90e36"])]
    field: Annotated[str | None, Field(description="The field or parameter that it is about.", examples=["email"])] = (
        None
    )
