"""What is asked about a lead's score and what is answered; see `lead_endpoint.contracts`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lead_endpoint.contracts import Problem
from lead_endpoint.form_contracts import WrongField

_ONE_OF_BOTH: Final[list[JsonValue]] = [
    {
        "required": ["lead_id"],
        "propertyNames": {"enum": ["lead_id", "fields"]},
        "properties": {"fields": {"type": "null"}},
    },
    {"properties": {"lead_id": {"type": "null"}}},
]


class ScoreAsked(BaseModel):
    """Either `lead_id` alone, or what is known of a lead: in `fields`, or directly."""

    model_config = ConfigDict(
        extra="allow",
        title="LeadToScore",
        json_schema_extra={
            "anyOf": _ONE_OF_BOTH,
            "examples": [{"lead_id": 4711}, {"fields": {"source": "Referral", "company": "Acme"}}],
        },
    )  # fmt: skip

    lead_id: Annotated[
        int | str | None, Field(description="Ours, of a lead in the CRM; or the UUID of one that a website sent.")
    ] = None
    fields: Annotated[
        dict[str, Any] | None,
        Field(description="source, campaign, email, phone, company, created_at, and the organization's own fields."),
    ] = None


class ScoreReason(BaseModel):
    reason: Annotated[str, Field(examples=["came by Referral"])]
    points: Annotated[float, Field(description="What it adds; all of them add up to the score.", examples=[12.3])]


class NextAction(BaseModel):
    action: Annotated[str, Field(examples=["Contact the lead now"])]
    points: Annotated[float, Field(description="What it would add, as leads of the past had it.")]


class Scored(BaseModel):
    """How likely a lead is to convert, and why."""

    score: Annotated[int, Field(ge=0, le=100, description="50 is the base rate, ten points double the odds.")]
    probability: Annotated[float, Field(ge=0, le=1)]
    band: Literal["hot", "warm", "cool", "cold"]
    reasons: Annotated[list[ScoreReason], Field(description="The average first, then the largest, then the rest.")]
    next_action: NextAction | None
    model_version: int
    base_rate: Annotated[float, Field(ge=0, le=1, description="The share of leads that convert.")]
    ignored: Annotated[list[str], Field(description="Fields that were sent and have no effect.")]


class ScoreProblem(Problem):
    """An error about fields; all of them, where several are wrong."""

    errors: Annotated[list[WrongField] | None, Field(description="Every field that has to be corrected.")] = None
