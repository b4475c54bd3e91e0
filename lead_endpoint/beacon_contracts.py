"""A beacon as the OpenAPI document describes it. What is read of one, and how, is `beacons.read`'s."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Touch(BaseModel):
    """Where the visitor came from."""

    utm_source: Annotated[str, Field(examples=["newsletter"])] = ""
    utm_medium: Annotated[str, Field(examples=["email"])] = ""
    utm_campaign: Annotated[str, Field(examples=["June"])] = ""
    click: Annotated[str, Field(description="Whose click id there was: gclid, fbclid and so on.")] = ""
    referrer: Annotated[str, Field(description="The host alone.", examples=["www.example.org"])] = ""


class Event(BaseModel):
    kind: Annotated[Literal["view", "start", "step", "submit", "error"], Field(examples=["view"])]
    ms: Annotated[int, Field(description="How long ago it happened.", ge=0, examples=[1200])] = 0
    step: Annotated[int, Field(description="Step of the form.", ge=0)] = 0


class BeaconSent(BaseModel):
    """What happened in one visit of one form since the last beacon."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "form": "1-0f8fad5bd9cb469fa16570867728950e",
                    "version": 2,
                    "visit": "bWFkZSB1cCB2aXNpdA",
                    "touch": {"utm_source": "newsletter", "utm_campaign": "June"},
                    "events": [{"kind": "view", "ms": 4200}, {"kind": "start", "ms": 900}],
                }
            ]
        }
    )

    form: Annotated[str, Field(description="The form's key.", examples=["1-0f8fad5bd9cb469fa16570867728950e"])]
    version: Annotated[int, Field(description="Of the form; 0: not known.", ge=0)] = 0
    visit: Annotated[
        str,
        Field(
            description="A random id of the visit; it ends in `-staff` where the site's own people made it.",
            pattern=r"^[A-Za-z0-9_-]{16,40}$",
            examples=["bWFkZSB1cCB2aXNpdA"],
        ),
    ]
    page: Annotated[str, Field(description="Address of the page without its query.")] = ""
    source: Annotated[str, Field(description="As the page's owner wrote it at the form.")] = ""
    campaign: str = ""
    touch: Touch = Touch()
    events: Annotated[list[Event], Field(min_length=1)]
    staff: Annotated[bool, Field(description="Of the organization's own people: kept apart.")] = False
    automated: Annotated[bool, Field(description="The browser says that a program drives it: kept apart.")] = False
