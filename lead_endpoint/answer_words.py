"""What is said of an answer that is wrong, and of a form that cannot be filled in, in English and German; a form may
say it otherwise, by the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from snapshots.form_definition import Definition

_ENGLISH: Final = {
    "required": "Please fill this in.",
    "choose": "Please choose one of the options.",
    "email": "Please enter an e-mail address such as name@example.com.",
    "phone": "Please enter a phone number.",
    "number": "Please enter a number.",
    "date": "Please enter a date.",
    "least": "Not less than {n}.",
    "most": "Not more than {n}.",
    "shortest": "At least {n} characters.",
    "longest": "At most {n} characters.",
    "digits": "Digits only.",
    "letters": "Letters only.",
    "url": "Please enter an address that begins with https://.",
    "blocked": "This form is not available on this website. Please contact the owner of the site.",
    "closed": "This form is closed at the moment. Please contact the owner of the site.",
    "missing": "This form does not exist. Please contact the owner of the site.",
}
_GERMAN: Final = {
    "required": "Bitte ausfüllen.",
    "choose": "Bitte eine der Möglichkeiten wählen.",
    "email": "Bitte eine E-Mail-Adresse wie name@example.com eingeben.",
    "phone": "Bitte eine Telefonnummer eingeben.",
    "number": "Bitte eine Zahl eingeben.",
    "date": "Bitte ein Datum eingeben.",
    "least": "Nicht weniger als {n}.",
    "most": "Nicht mehr als {n}.",
    "shortest": "Mindestens {n} Zeichen.",
    "longest": "Höchstens {n} Zeichen.",
    "digits": "Nur Ziffern.",
    "letters": "Nur Buchstaben.",
    "url": "Bitte eine Adresse eingeben, die mit https:// beginnt.",
    "blocked": "Dieses Formular steht auf dieser Website nicht zur Verfügung. Bitte an deren Betreiber wenden.",
    "closed": "Dieses Formular ist zurzeit geschlossen. Bitte an die Betreiber der Website wenden.",
    "missing": "Dieses Formular gibt es nicht. Bitte an die Betreiber der Website wenden.",
}
KNOWN: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH, "de": _GERMAN}

Say = Callable[..., str]
"""A sentence by its name; `n`, where it has one, is what it counts."""


def known(language: str, name: str) -> str:
    """A sentence without a form that could say it otherwise; English where the language is not known."""
    return KNOWN.get(language.partition("-")[0].lower(), _ENGLISH)[name]


def saying(definition: Definition, language: str) -> Say:
    """In this language, as the form says it, else as is known; English where nothing is."""
    own: list[Mapping[str, str]] = [KNOWN.get(language.partition("-")[0], {})]
    if language == definition.language:
        own.insert(0, definition.words)
    if language in definition.translations:
        own.insert(0, definition.translations[language].words)

    def say(name: str, n: object = "") -> str:
        found = next((word for one in own if (word := one.get(name))), _ENGLISH[name])
        return found.replace("{n}", str(n))

    return say
