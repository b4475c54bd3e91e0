"""What is asked about the coaching notes of a week and what is answered; see `lead_endpoint.contracts`."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, field_validator

from lead_endpoint.contracts import OrganizationQuery

MOST_PEOPLE: Final = 100
MOST_ID: Final = 2**63 - 1
Role = Literal["strength", "opportunity", "action", "context", "caveat"]


class InsightsQuery(OrganizationQuery):
    week: Annotated[
        date | None,
        Field(description="Any day of the week; without it, the newest week with notes.", examples=["2026-03-16"]),
    ] = None
    salesperson_id: Annotated[
        int | None, Field(ge=1, le=MOST_ID, description="Our id of one salesperson: of this one alone.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST_PEOPLE, description="So many salespeople on one page.")] = MOST_PEOPLE
    after: Annotated[
        int | None,
        Field(ge=1, le=MOST_ID, description="Where the page before ended: follow its header Link, which has it."),
    ] = None

    @field_validator("week", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> object:
        """Not a number of seconds either."""
        if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("must be a day such as 2026-03-16")
        return value


class Baseline(BaseModel):
    value: Annotated[Decimal, Field(description="The salesperson's own usual value.")]
    n: Annotated[int | None, Field(description="Weeks or deals behind it.")]


class Evidence(BaseModel):
    """What recomputes the value: a named query of this program, as of the end of a day."""

    query: Annotated[str, Field(examples=["activities"])]
    parameters: dict[str, str]
    snapshot_day: date | None
    n_rows: Annotated[int, Field(description="Rows that were counted, up to 200.")]


class Insight(BaseModel):
    """A fact. phrase: as a note says it."""

    id: Annotated[str, Field(examples=["F1"])]
    role: Role
    metric: Annotated[str, Field(examples=["meeting"])]
    phrase: str
    value: Annotated[Decimal | None, Field(description="null: the fact has none, e.g. where it is a day.")]
    unit: Annotated[str | None, Field(description="count, days, weeks, pct, date, mixed, or a currency code.")]
    direction: Annotated[Literal["up", "down", "flat"] | None, Field(description="null: nothing is compared.")]
    baseline: Baseline | None
    n: int | None
    deal_id: Annotated[int | None, Field(description="Our id of the deal that it is about.")]
    evidence: Evidence | None


class NoteSentence(BaseModel):
    text: str
    fact_ids: list[str]


class CoachingNote(BaseModel):
    """The newest version. level: L0 was written without AI, L1 to L3 worded by a model, edited: by a person."""

    note_id: int
    version: int
    state: Literal["draft", "approved", "sent"]
    level: Literal["L0", "L1", "L2", "L3", "edited"]
    model: str | None
    written_at: datetime
    sentences: list[NoteSentence]


class PersonInsights(BaseModel):
    owner_id: int
    owner_name: str | None
    owner_email: str | None
    note: CoachingNote
    insights: list[Insight]


class Insights(BaseModel):
    """week: its Monday; null: no note was written yet."""

    week: date | None
    time_zone: Annotated[str, Field(examples=["Europe/Berlin"])]
    results: list[PersonInsights]
