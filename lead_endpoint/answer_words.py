"""What is said of an answer that is wrong, of a form that cannot be filled in, and after a plain form was sent, in
English and German; a form may say it otherwise, by the same names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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
    "thanks_title": "Thank you",
    "thanks": "We have received your message and will get back to you.",
    "check_title": "Please check your entries",
    "trouble_title": "Please try again",
    "not_stored": "We could not store your message just now.",
    "go_back": "Go back to correct it; what you entered is still there. Reference: {n}",
    "closed_title": "This form is closed",
    "no_messages": "It takes no messages at the moment.",
    "missing_title": "There is no such form",
    "check_address": "Check the address.",
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
    "thanks_title": "Vielen Dank",
    "thanks": "Die Nachricht ist angekommen, eine Antwort folgt.",
    "check_title": "Bitte die Angaben prüfen",
    "trouble_title": "Bitte noch einmal versuchen",
    "not_stored": "Die Nachricht konnte gerade nicht gespeichert werden.",
    "go_back": "Mit „Zurück“ lässt es sich berichtigen; was eingegeben wurde, ist noch da. Vorgang: {n}",
    "closed_title": "Dieses Formular ist geschlossen",
    "no_messages": "Es nimmt zurzeit keine Nachrichten an.",
    "missing_title": "Dieses Formular gibt es nicht",
    "check_address": "Bitte die Adresse prüfen.",
}
KNOWN: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH, "de": _GERMAN}

Say = Callable[..., str]
"""A sentence by its name; `n`, where it has one, is what it counts."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language, and the sentences in it; English where the language is not known and the form has no words of its
    own. own: names of the sentences that are really in that language."""

    language: str
    say: Say
    own: Collection[str]

    @property
    def page_language(self) -> str:
        """Of a page that is made of these sentences alone."""
        return self.language if self.own else "en"


def known(language: str, name: str) -> str:
    """A sentence without a form that could say it otherwise; English where the language is not known."""
    return KNOWN.get(primary(language), _ENGLISH)[name]


def primary(language: str) -> str:
    """ "de" of "de-AT" and of "de-AT,en;q=0.5"."""
    return language.partition(",")[0].partition(";")[0].partition("-")[0].strip().lower()


def by_wishes(*wishes: str) -> Spoken:
    """The first of these languages that is known, without a form; else English."""
    language = next((one for wish in wishes if (one := primary(wish)) in KNOWN), "en")
    return Spoken(language, lambda name, n="": known(language, name).replace("{n}", str(n)), KNOWN[language].keys())


def of_form(definition: Definition, language: str) -> Spoken:
    """As `saying`."""
    own = {name for one in _own(definition, language) for name, word in one.items() if word}
    return Spoken(language, saying(definition, language), own & _ENGLISH.keys())


def _own(definition: Definition, language: str) -> list[Mapping[str, str]]:
    """What is said in this language, the form's own first."""
    own: list[Mapping[str, str]] = [KNOWN.get(primary(language), {})]
    if language == definition.language:
        own.insert(0, definition.words)
    if language in definition.translations:
        own.insert(0, definition.translations[language].words)
    return own


def saying(definition: Definition, language: str) -> Say:
    """In this language, as the form says it, else as is known; English where nothing is."""
    own = _own(definition, language)

    def say(name: str, n: object = "") -> str:
        found = next((word for one in own if (word := one.get(name))), _ENGLISH[name])
        return found.replace("{n}", str(n))

    return say
