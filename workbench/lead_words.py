"""What the pages of received leads say: states, reasons, flags and outcomes in words, and what strangers sent as text.

Whatever a stranger sent is untrusted. It is drawn by widgets that show text as text, or goes through `plain`, `as_text`
or HTML escaping, never into Markdown as it is: a picture in it would be fetched by the reader's browser.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from snapshots.journeys import ReceivedLead
from snapshots.lead_filter import LeadState

STATES: Final[Mapping[LeadState, str]] = {
    LeadState.DELIVERED: "Delivered",
    LeadState.PENDING: "Waiting",
    LeadState.PARKED: "Parked",
    LeadState.QUARANTINED: "Quarantined",
}
MARKS: Final[Mapping[LeadState, str]] = {
    LeadState.DELIVERED: "✓",
    LeadState.PENDING: "○",
    LeadState.PARKED: "◆",
    LeadState.QUARANTINED: "▲",
}
"""A shape per state, for colour alone says nothing to some."""
TONES: Final[Mapping[LeadState, str]] = {
    LeadState.DELIVERED: "won",
    LeadState.PENDING: "muted",
    LeadState.PARKED: "lost",
    LeadState.QUARANTINED: "risk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a lead waits for a person. todo: what that person can do."""

    state: LeadState
    label: str
    why: str
    todo: str


_PARKED, _QUARANTINED = LeadState.PARKED, LeadState.QUARANTINED
REASONS: Final[Mapping[str, Reason]] = {
    "rejected": Reason(
        state=_PARKED,
        label="Rejected by the CRM",
        why="The CRM does not take it as it is.",
        todo="Correct what it names, then replay.",
    ),
    "exceeded": Reason(
        state=_PARKED,
        label="Attempts used up",
        why="The CRM could not be reached for about a day.",
        todo="Replay when it works again.",
    ),
    "config": Reason(
        state=_PARKED,
        label="No access to the CRM",
        why="No CRM that takes leads is connected, or it refuses our access.",
        todo="Mend the access, then replay.",
    ),
    "conflict": Reason(
        state=_PARKED,
        label="Conflict in the CRM",
        why="What the CRM has does not go together with this lead.",
        todo="Clear it up in the CRM, then replay.",
    ),
    "ambiguous": Reason(
        state=_PARKED,
        label="May be there already",
        why="The CRM’s answer was lost, and its search cannot tell for sure whether the contact was created.",
        todo="Look in the CRM first. If the contact is missing there, replay.",
    ),
    "spam": Reason(
        state=_QUARANTINED,
        label="Looks like spam",
        why="A field that people do not see was filled in.",
        todo="Release it if it is a person all the same.",
    ),
    "rate": Reason(
        state=_QUARANTINED,
        label="Too many at once",
        why="Many submissions came from the same network.",
        todo="Release it if they are genuine.",
    ),
    "quick": Reason(
        state=_QUARANTINED,
        label="Filled in too quickly",
        why="It was sent sooner than a person fills in this form.",
        todo="Release it if it is a person all the same.",
    ),
    "token": Reason(
        state=_QUARANTINED,
        label="Form not opened here",
        why="It claims to come from our form, but its token is missing, made up, another form’s, or older than a week.",
        todo="Release it if it is genuine: a page may have stayed open for long.",
    ),
    "proof": Reason(
        state=_QUARANTINED,
        label="No proof of work",
        why="The form asks every browser to compute, and this one has not.",
        todo="Release it if it is genuine: browsers without script, and integrations, cannot compute.",
    ),
    "origin": Reason(
        state=_QUARANTINED,
        label="From another website",
        why="It was sent from a page that is not on the form’s list of websites.",
        todo="Add the website to the form if it is yours, then release.",
    ),
    "organization": Reason(
        state=_QUARANTINED,
        label="Names another organization",
        why="It was sent with the id of another organization than its form’s.",
        todo="Correct the sender; release this one if it belongs here.",
    ),
    "paused": Reason(
        state=_QUARANTINED,
        label="Form is paused",
        why="It came in through a form that is paused.",
        todo="Release it if it is wanted.",
    ),
    "unreadable": Reason(
        state=_QUARANTINED,
        label="Not understood",
        why="What was sent could not be stored field by field; it is kept as it came.",
        todo="Read it below, fill in the fields, then release.",
    ),
}
FLAGS: Final[Mapping[str, tuple[str, str]]] = {
    "no_email": (
        "No e-mail",
        "It came without an e-mail address and is matched by phone where the CRM can do that, else created anew.",
    ),
    "phone_unverified": (
        "Phone unsure",
        "The phone number has no country, or none that is in use; it goes to the CRM as it was written.",
    ),
    "phone_unreadable": (
        "No phone number",
        "What was sent as a phone number is none, so it was left out; the body is kept.",
    ),
    "repaired": ("Repaired", "Characters that cannot be stored were taken out or replaced; the body is kept as sent."),
    "shortened": ("Shortened", "A value was too long and is cut; the body is kept as sent."),
    "disposable": (
        "Throw-away address",
        "Its e-mail address is of a service that gives out addresses for a few minutes.",
    ),
    "no_mail": ("No mail there", "The domain of its e-mail address takes no mail, as the name servers say."),
    "too_deep": ("Part left out", "A value was nested too deeply to be read; the body is kept as sent."),
}
"""What is noticed on the way in: label and explanation."""
OUTCOMES: Final[Mapping[str, str]] = {
    "created": "Contact created",
    "updated": "Contact updated",
    "exists": "Contact was there already",
    "retry": "No success, to be tried again",
    "wait": "The CRM asked to wait",
    "unrouted": "Given to nobody yet, to be tried again",
}
DONE: Final[Mapping[str, str]] = {
    "replayed": "Replayed",
    "released": "Released from quarantine",
    "edited": "Edited and replayed",
    "resumed": "Account resumed, due at once",
}
FIELDS: Final[Mapping[str, str]] = {
    "email": "E-mail",
    "phone": "Phone",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
}
TYPES: Final[Mapping[str, str]] = {
    "application/json": "JSON",
    "application/x-www-form-urlencoded": "HTML form",
    "multipart/form-data": "HTML form",
}
UNNAMED: Final = "Unnamed lead"


def reason_label(reason: str | None) -> str:
    """A reason in a few words; a new one that has none yet as it is."""
    if reason is None:
        return ""
    return REASONS[reason].label if reason in REASONS else reason.replace("_", " ").capitalize()


def outcome(code: str | None) -> str:
    """What became of an attempt."""
    return OUTCOMES.get(code or "") or reason_label(code)


def flag_labels(flags: str | None) -> str:
    """Flags that are joined by commas, in words."""
    return ", ".join(FLAGS[flag][0] if flag in FLAGS else flag for flag in (flags or "").split(",") if flag)


def sort_of(body_type: str) -> str:
    """What kind of body was sent."""
    kind = body_type.partition(";")[0].strip().lower()
    return TYPES.get(kind, kind or "no type")


def who(lead: ReceivedLead) -> str:
    """What to call a lead."""
    return lead.name or lead.email or lead.phone or UNNAMED


# --- untrusted text --------------------------------------------------------------------------------------------------

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&@^=/])")
# An escape does not reach those who look for addresses, icons and arrows in the finished text: these characters stand
# apart from their neighbours, each in an element that has no look of its own.
_APART = re.compile(r"[:@]|(?<=www)\.|(?<=[-<>~])[-=>]", re.IGNORECASE)
_HARMLESS: Final = "\n\t\u200c\u200d"
"""The last two join and part letters of one word, in Persian and Hindi names and in emoji."""
MOST_SHOWN: Final = 16_384
"""Characters of a body that a page shows."""


def plain(text: str) -> str:
    """Text for a place that reads Markdown: it comes out as it is, on one line, without links, icons and arrows."""
    whole = visible(" ".join(text.split()))
    found: list[str] = []
    end = 0
    for one in _APART.finditer(whole):
        found += (_escaped(whole[end : one.start()]), f":color[{_escaped(one[0])}]")
        end = one.end()
    return "".join((*found, _escaped(whole[end:])))


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def visible(text: str) -> str:
    """The text without what hides or turns round other text: control and format characters become their code."""
    if text.isprintable():
        return text
    return "".join(
        f"⟨{ord(one):04X}⟩" if unicodedata.category(one) in {"Cc", "Cf", "Co", "Cs"} and one not in _HARMLESS else one
        for one in text
    )


def as_text(body: bytes, *, most: int = MOST_SHOWN) -> str:
    """What was sent, to be read: other bytes than UTF-8 are marked, and a long one is cut."""
    whole = bytes(body).decode("utf-8", errors="replace").replace("\r\n", "\n")
    return visible(whole[:most]) + (f"\n… {len(whole) - most:,} more characters" if len(whole) > most else "")
