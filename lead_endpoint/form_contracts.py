"""What the answers about forms look like, and what a submission of a form says besides its fields. A name here is a
promise to the widget, which browsers keep for months."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lead_endpoint.contracts import Problem
from snapshots.form_definition import Condition, FieldKind, Limits, Option, Theme, Translation

KEY_PATTERN = "^[0-9]{1,18}-[0-9A-Za-z_-]{8,64}$"


class ShownField(BaseModel):
    """A field as it is to be drawn. required: while it is shown. from_query: the parameter of the page's address that
    fills a hidden field."""

    name: Annotated[str, Field(examples=["email"])]
    kind: Annotated[FieldKind, Field(examples=["email"])]
    label: Annotated[str, Field(examples=["E-mail"])]
    help: str
    placeholder: str
    required: bool
    options: Annotated[tuple[Option, ...], Field(description="Of a choice.", examples=[[]])]
    default: str
    limits: Annotated[Limits, Field(description="Only those that there are.", examples=[{}])]
    show_if: Annotated[
        Condition | None, Field(description="It is shown if an earlier field has one of these.", examples=[None])
    ]
    country: Annotated[str, Field(description="ISO 3166, of phone numbers without a country code.")]
    from_query: str
    consent_text: str
    consent_version: int


class ShownStep(BaseModel):
    title: str
    fields: tuple[ShownField, ...]


class ShownThanks(BaseModel):
    message: Annotated[str, Field(examples=["Thank you. We will be in touch."])]
    url: Annotated[str, Field(description="Where it leads instead of showing the message; empty: nowhere.")]


class Challenge(BaseModel):
    """ALTCHA's: the number below `maxnumber` for which the hash of `salt` and number is `challenge`."""

    algorithm: Annotated[Literal["SHA-256"], Field(examples=["SHA-256"])]
    challenge: Annotated[str, Field(examples=["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"])]
    maxnumber: Annotated[int, Field(examples=[50000])]
    salt: Annotated[str, Field(examples=["5f1d7a84c2b90e36?expires=1764350000&form=1-0f8fad5b&"])]
    signature: Annotated[str, Field(examples=["4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"])]


class FormShown(BaseModel):
    """A form as a visitor may see it."""

    key: Annotated[str, Field(examples=["1-0f8fad5bd9cb469fa16570867728950e"])]
    version: Annotated[int, Field(description="To be sent as _version.", examples=[3])]
    title: Annotated[str, Field(examples=["Contact us"])]
    language: Annotated[str, Field(examples=["en"])]
    steps: tuple[ShownStep, ...]
    words: Annotated[dict[str, str], Field(description="Of the widget itself, where the form has its own.")]
    translations: Annotated[dict[str, Translation], Field(examples=[{}])]
    theme: Annotated[Theme, Field(examples=[Theme().model_dump()])]
    thank_you: ShownThanks
    least_fill_s: Annotated[float, Field(description="Sent sooner, a person looks at it first.", examples=[2.0])]
    token: Annotated[str, Field(description="To be sent as _token within a day.")]
    proof_of_work: Annotated[
        Challenge | None, Field(description="To be solved and sent as _altcha; null: not asked for.", examples=[None])
    ]


class ThanksQuery(BaseModel):
    form: Annotated[str | None, Field(description="Key of a form that thanks in its own words.")] = None
    lang: Annotated[str | None, Field(description="A further language of the form's.", examples=["de"])] = None


class WrongField(BaseModel):
    field: Annotated[str, Field(examples=["email"])]
    message: Annotated[str, Field(description="In the language of the submission.", examples=["Please fill this in."])]


class LeadProblem(Problem):
    """An error about a submission; where the form's fields are wrong, all of them."""

    errors: Annotated[list[WrongField] | None, Field(description="Every field that has to be corrected.")] = None
