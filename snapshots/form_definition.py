"""What a form is: steps of fields, texts, looks, what happens after sending, and how it is protected.

A published version is exactly one `Definition`, and submissions keep the version that they answered. A draft is the
same JSON while it is being edited, so it may still have faults; `faults` names them by place. Free of any database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from adapters.base import FieldPolicy

MOST_FIELDS: Final = 60
MOST_OPTIONS: Final = 300
MOST_DOMAINS: Final = 50
CONTACT: Final = ("email", "name", "first_name", "last_name", "phone", "company")
"""Field names that mean the contact itself; every other field is an extra one."""
RESERVED: Final = frozenset({"form", "organization_id"})

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Short = Annotated[str, Field(max_length=200)]
Long = Annotated[str, Field(max_length=2000)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]


class FieldKind(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    CHECKBOX = "checkbox"
    CONSENT = "consent"
    HIDDEN = "hidden"


WITH_OPTIONS: Final = frozenset({FieldKind.SELECT, FieldKind.MULTI_SELECT})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Option(_Part):
    value: Annotated[str, Field(min_length=1, max_length=200)]
    label: Annotated[str, Field(min_length=1, max_length=200)]


class Limits(_Part):
    """least, most: of a number, or ISO days of a date. shortest, longest: characters of a text."""

    least: float | date | None = None
    most: float | date | None = None
    shortest: Annotated[int, Field(ge=0, le=10_000)] | None = None
    longest: Annotated[int, Field(ge=1, le=10_000)] | None = None
    form: Literal["any", "digits", "letters", "url"] = "any"


class Condition(_Part):
    """The field is shown if an earlier field has one of these values ("yes" for a ticked box)."""

    field: Name
    is_any_of: Annotated[tuple[Short, ...], Field(min_length=1, max_length=50)]


class FormField(_Part):
    """options: of a choice. default: the value it starts with. country: ISO 3166, of a phone number without a code.
    from_query: the parameter of the page's address that fills a hidden field. consent_version: counts the wordings of a
    consent. properties: its name in each CRM, by provider; policy: what happens to a value that is there."""

    name: Name
    kind: FieldKind
    label: Short = ""
    help: Short = ""
    placeholder: Short = ""
    is_required: bool = False
    options: Annotated[tuple[Option, ...], Field(max_length=MOST_OPTIONS)] = ()
    default: Short = ""
    limits: Limits = Limits()
    show_if: Condition | None = None
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    from_query: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,60}$")] = ""
    consent_text: Long = ""
    consent_version: Annotated[int, Field(ge=1)] = 1
    properties: Mapping[str, Short] = {}
    policy: FieldPolicy = FieldPolicy.IF_EMPTY

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"{name} has a meaning of its own; choose another name")
        return name

    @model_validator(mode="after")
    def _is_whole(self) -> FormField:
        if self.kind is not FieldKind.HIDDEN and not (self.label or self.consent_text):
            raise ValueError("it needs a label: it is what people and screen readers are told")
        if self.kind in WITH_OPTIONS:
            values = [one.value for one in self.options]
            if len(values) < 1:
                raise ValueError("a choice needs at least one option")
            if len(set(values)) < len(values):
                raise ValueError("two options have the same value")
            if self.kind is FieldKind.MULTI_SELECT and any("," in value for value in values):
                raise ValueError("the value of an option has a comma; several chosen values are separated by commas")
        if self.kind is FieldKind.CONSENT and not self.consent_text:
            raise ValueError("a consent needs its text")
        expected = {"email": FieldKind.EMAIL, "phone": FieldKind.PHONE}.get(self.name)
        if expected is not None and self.kind not in {expected, FieldKind.HIDDEN}:
            raise ValueError(f"the field {self.name} is of the kind {expected}")
        return self


class Step(_Part):
    title: Short = ""
    fields: tuple[FormField, ...] = ()


class Theme(_Part):
    """radius, width: pixels. font: "" takes the page's own. mode: auto follows the visitor's system."""

    accent: Colour = "#3F57D6"
    background: Colour = "#FFFFFF"
    ink: Colour = "#1B2130"
    border: Colour = "#868F9F"
    radius: Annotated[int, Field(ge=0, le=24)] = 8
    width: Annotated[int, Field(ge=240, le=1200)] = 480
    font: Annotated[str, Field(pattern=r"^[A-Za-z0-9 ,'\-]{0,120}$")] = ""
    mode: Literal["light", "dark", "auto"] = "light"


class FieldTexts(_Part):
    label: Short = ""
    help: Short = ""
    placeholder: Short = ""
    consent_text: Long = ""
    options: Mapping[str, Short] = {}


class Translation(_Part):
    """Texts in a further language; what is empty is taken from the form's own language. words: of the widget itself
    (`lead_endpoint/widget_words.py` has the known ones), steps: titles in their order, fields: by name."""

    title: Short = ""
    words: Mapping[str, Short] = {}
    steps: tuple[Short, ...] = ()
    fields: Mapping[str, FieldTexts] = {}
    thanks: Long = ""


class ThankYou(_Part):
    """url: leads there instead of showing the message; it is one of the form's redirects."""

    message: Long = "Thank you. We will be in touch."
    url: str = ""


class Protection(_Part):
    """Whatever fails is set aside for a person, never thrown away. least_fill_s: quicker than that is no person.
    proof_of_work: when the visitor's browser has to compute. check_mx, check_disposable: of the e-mail's domain."""

    least_fill_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    needs_token: bool = True
    proof_of_work: Literal["off", "suspicious", "always"] = "off"
    check_mx: bool = False
    check_disposable: bool = True


class Definition(_Part):
    """domains: exact origins that may embed the form (`https://www.example.com`); none: any. redirects: addresses that
    a plain form may lead to after sending. notify: who is told of each new lead. source, campaign: of its leads, where
    the visit itself does not say better."""

    title: Short = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=12)]
    language: Language = "en"
    words: Mapping[str, Short] = {}
    translations: Mapping[Language, Translation] = {}
    theme: Theme = Theme()
    thank_you: ThankYou = ThankYou()
    domains: Annotated[tuple[str, ...], Field(max_length=MOST_DOMAINS)] = ()
    redirects: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    notify: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    source: Short = ""
    campaign: Short = ""
    protection: Protection = Protection()

    @cached_property
    def fields(self) -> tuple[FormField, ...]:
        return tuple(field for step in self.steps for field in step.fields)

    @cached_property
    def has_conditions(self) -> bool:
        return any(field.show_if is not None for field in self.fields)

    @cached_property
    def shown(self) -> Mapping[str, Any]:
        """What a visitor may see of it, as JSON holds it: nothing of where leads go, who is told, what is checked."""
        whole = self.model_dump(mode="json", include=_SHOWN)
        whole["steps"] = [
            {"title": step.title, "fields": [_shown_field(field) for field in step.fields]} for step in self.steps
        ]
        return {**whole, "least_fill_s": self.protection.least_fill_s}

    @field_validator("domains")
    @classmethod
    def _are_origins(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        for one in domains:
            if not is_origin(one):
                raise ValueError(f"{one} is no origin; write it as https://www.example.com, without a path")
        return domains

    @field_validator("redirects")
    @classmethod
    def _are_addresses(cls, redirects: tuple[str, ...]) -> tuple[str, ...]:
        for one in redirects:
            if not is_web_address(one):
                raise ValueError(f"{one} is no address of a page; write it as https://www.example.com/thanks")
        return redirects

    @field_validator("notify")
    @classmethod
    def _can_be_mailed(cls, notify: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # Of a draft alone: a version that was published before this was asked must stay readable, or it took no lead.
        for one in notify if info.context == _AS_DRAFT else ():
            if not is_mail_address(one):
                raise ValueError(f"{one!r} is no e-mail address; write it as sales@example.com, one a line")
        return notify

    @model_validator(mode="after")
    def _is_whole(self) -> Definition:
        seen: dict[str, FormField] = {}
        for field in self.fields:
            if field.name in seen:
                raise ValueError(f"two fields have the name {field.name}")
            if field.show_if is not None and field.show_if.field not in seen:
                raise ValueError(f"{field.name} depends on {field.show_if.field}, which does not stand before it")
            seen[field.name] = field
        if len(seen) > MOST_FIELDS:
            raise ValueError(f"it has {len(seen)} fields; {MOST_FIELDS} is the most")
        if not {"email", "phone"} & set(seen):
            raise ValueError("it needs a field `email` or `phone`: without either there is nobody to answer")
        if self.thank_you.url and self.thank_you.url not in self.redirects:
            raise ValueError("the thank-you address is not in the list of redirects")
        return self


DEFAULT: Final[Mapping[str, object]] = {
    "title": "Contact us",
    "steps": [
        {
            "fields": [
                {"name": "email", "kind": "email", "label": "E-mail"},
                {"name": "name", "kind": "text", "label": "Name"},
                {"name": "phone", "kind": "phone", "label": "Phone"},
                {"name": "company", "kind": "text", "label": "Company"},
                {"name": "message", "kind": "long_text", "label": "Message"},
            ]
        }
    ],
}
"""The first version of every default form. Nothing is required but an address or a number, which every form needs."""


_AS_DRAFT: Final = "draft"
"""The context in which a definition is judged before it is published."""
_SHOWN: Final = {"title", "language", "words", "translations", "theme", "thank_you"}
_FIELD_SHOWN: Final = {
    "name", "kind", "label", "help", "placeholder", "options", "default", "show_if", "country", "from_query",
    "consent_text", "consent_version",
}  # fmt: skip


def _shown_field(field: FormField) -> dict[str, object]:
    limits = field.limits.model_dump(mode="json", exclude_none=True)
    return {**field.model_dump(mode="json", include=_FIELD_SHOWN), "required": field.is_required, "limits": limits}


@dataclass(frozen=True, slots=True)
class Fault:
    """place: a path such as `steps.0.fields.2.label`; empty: the whole form."""

    place: str
    message: str


def faults(draft: object) -> list[Fault]:
    """Why a draft cannot be published; empty where it can."""
    try:
        Definition.model_validate(draft, context=_AS_DRAFT)
    except ValidationError as error:
        return [
            Fault(".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in error.errors()
        ]
    return []


def visible(definition: Definition, values: Mapping[str, str]) -> Iterator[FormField]:
    """The fields that a visitor with these values saw, hidden ones included; a field whose condition names one that is
    not visible is not visible either. Several values of a choice are joined by ", "."""
    shown: set[str] = set()
    for field in definition.fields:
        condition = field.show_if
        if condition is None or (
            condition.field in shown and set(_chosen(values.get(condition.field, ""))) & set(condition.is_any_of)
        ):
            shown.add(field.name)
            yield field


def _chosen(value: str) -> list[str]:
    return [value, *value.split(", ")]


_HOST = re.compile(r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")


def is_origin(text: str) -> bool:
    """Exactly scheme, host and maybe port, in lower case, as browsers send it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    whole = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    return parts.scheme in {"http", "https"} and bool(_HOST.match(host)) and text == whole


_MAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+\.[^\s@,;:<>()\[\]\\\".]{2,}")


def is_mail_address(text: str) -> bool:
    """One address that mail can be sent to: no name beside it, and a domain with a dot. The mail server has the last
    word; what is certainly none is told here."""
    return len(text) <= 254 and text.isprintable() and bool(_MAIL.fullmatch(text)) and ".." not in text


def is_web_address(text: str) -> bool:
    """An absolute http(s) address without credentials and control characters."""
    if not text.isprintable() or "\\" in text or " " in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
