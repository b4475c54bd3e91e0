"""What was answered, held against the form that asked: which fields were seen, what is missing or wrong, and what was
agreed to. What a form does not know is none of its business: it stays with the lead as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import isfinite

from lead_endpoint.answer_words import Say, saying
from lead_endpoint.submission import Invalid, Texts, email_of
from snapshots.form_definition import Definition, FieldKind, FormField, Limits, is_web_address, visible

YES = frozenset({"yes", "on", "true", "1"})
"""How browsers and programs say that a box is ticked."""
LEAST_DIGITS = 5
_TICKS = frozenset({FieldKind.CHECKBOX, FieldKind.CONSENT})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LETTERS = re.compile(r"(?:[^\W\d_]|[\s'’.-])+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What has to be corrected, in the visitor's language."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What somebody agreed to, word for word."""

    field: str
    text: str
    version: int
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """texts: what counts; values of fields that were not shown are left out, those that nobody enters are filled in."""

    texts: Texts
    wrong: tuple[Wrong, ...]
    consents: tuple[Consent, ...]


def read(definition: Definition, said: Texts, wish: str | None) -> Answers:
    """The answers to a version of a form. wish: the visitor's language; the form's own where it does not speak that."""
    language = spoken(definition, wish)
    texts = _given(definition, said.by_name)
    shown: Sequence[FormField] = definition.fields
    if definition.has_conditions:
        shown = list(visible(definition, texts))
        unseen = {one.name for one in definition.fields}.difference(one.name for one in shown)
        texts = {name: text for name, text in texts.items() if name not in unseen}
    return Answers(
        texts=Texts(texts, said.flags),
        wrong=tuple(_wrong(shown, texts, partial(_say, definition, language))),
        consents=tuple(_consents(definition, shown, texts, language)),
    )


def spoken(definition: Definition, wish: str | None) -> str:
    """The language of an answer: as was asked for where the form speaks it, else the form's own."""
    return wish if wish and wish in definition.translations else definition.language


def thanks_of(definition: Definition, language: str) -> str:
    """What the form thanks with in a language that it speaks."""
    translation = definition.translations.get(language)
    return (translation.thanks if translation else "") or definition.thank_you.message


def _say(definition: Definition, language: str, name: str, n: object = "") -> str:
    """Few answers are wrong: the words are put together for those alone."""
    return saying(definition, language)(name, n)


def phone_region(definition: Definition | None) -> str | None:
    """ISO 3166 country of phone numbers that come without a country code."""
    fields = definition.fields if definition else ()
    return next((one.country for one in fields if one.name == "phone" and one.country), None)


def _given(definition: Definition, texts: Mapping[str, str]) -> dict[str, str]:
    """With one word for boxes that are ticked, and with what stands in hidden fields of their own."""
    found = dict(texts)
    for one in definition.fields:
        if one.kind in _TICKS:
            if found.get(one.name, "").lower() in YES:
                found[one.name] = "yes"
        elif one.default and one.kind is FieldKind.HIDDEN:
            found.setdefault(one.name, one.default)
    return found


def _wrong(shown: Sequence[FormField], texts: Mapping[str, str], say: Say) -> Iterator[Wrong]:
    for field in shown:
        text = texts.get(field.name, "")
        if not text or (field.kind in _TICKS and text != "yes"):
            if field.is_required:
                yield Wrong(field.name, say("required"))
            continue
        message = _CHECKS.get(field.kind, _text)(field, text, say)
        if message:
            yield Wrong(field.name, message)


def _text(field: FormField, text: str, say: Say) -> str | None:
    limits = field.limits
    if limits.shortest is not None and len(text) < limits.shortest:
        return say("shortest", limits.shortest)
    if limits.longest is not None and len(text) > limits.longest:
        return say("longest", limits.longest)
    return None if limits.form == "any" or _FORMS[limits.form](text) else say(limits.form)


_FORMS: Mapping[str, Callable[[str], object]] = {
    "digits": lambda text: text.isascii() and text.isdigit(),
    "letters": _LETTERS.fullmatch,
    "url": is_web_address,
}


def _email(field: FormField, text: str, say: Say) -> str | None:
    """The contact's own address is read by `submission.person`, which says more of it."""
    if field.name != "email":
        try:
            email_of(text, text)
        except Invalid:
            return say("email")
    return _text(field, text, say)


def _phone(field: FormField, text: str, say: Say) -> str | None:
    enough = field.name == "phone" or sum(character.isdigit() for character in text) >= LEAST_DIGITS
    return _text(field, text, say) if enough else say("phone")


def _number(field: FormField, text: str, say: Say) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return say("number")
    return _within(field.limits, number, say) if isfinite(number) and "_" not in text else say("number")


def _date(field: FormField, text: str, say: Say) -> str | None:
    try:
        # `fromisoformat` alone also takes weeks.
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    return say("date") if day is None else _within(field.limits, day, say)


def _within(limits: Limits, value: float | date, say: Say) -> str | None:
    """A limit of another kind than the value says nothing."""
    least, most = (
        one if isinstance(one, date) == isinstance(value, date) else None for one in (limits.least, limits.most)
    )
    if least is not None and value < least:  # type: ignore[operator]  # both are numbers, or both days
        return say("least", _shown(least))
    if most is not None and value > most:  # type: ignore[operator]
        return say("most", _shown(most))
    return None


def _shown(limit: float | date) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _choice(field: FormField, text: str, say: Say) -> str | None:
    return None if any(text == one.value for one in field.options) else say("choose")


def _choices(field: FormField, text: str, say: Say) -> str | None:
    return None if {one.value for one in field.options}.issuperset(text.split(", ")) else say("choose")


_CHECKS: Mapping[FieldKind, Callable[[FormField, str, Say], str | None]] = {
    FieldKind.EMAIL: _email,
    FieldKind.PHONE: _phone,
    FieldKind.NUMBER: _number,
    FieldKind.DATE: _date,
    FieldKind.SELECT: _choice,
    FieldKind.MULTI_SELECT: _choices,
}


def _consents(
    definition: Definition, shown: Sequence[FormField], texts: Mapping[str, str], language: str
) -> Iterator[Consent]:
    translated = definition.translations[language].fields if language in definition.translations else {}
    for field in shown:
        if field.kind is FieldKind.CONSENT and texts.get(field.name) == "yes":
            own = translated[field.name].consent_text if field.name in translated else ""
            yield Consent(
                field=field.name,
                text=own or field.consent_text,
                version=field.consent_version,
                language=language if own else definition.language,
            )
