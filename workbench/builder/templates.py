"""Forms to start from. Each is a whole definition that could be published as it is."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """about: one sentence for who chooses."""

    name: str
    about: str
    definition: Mapping[str, Any]

    def draft(self) -> dict[str, Any]:
        """A copy to be edited."""
        return deepcopy(dict(self.definition))


def _field(name: str, kind: str, label: str, **more: object) -> dict[str, object]:
    return {"name": name, "kind": kind, "label": label, **more}


def _choice(name: str, label: str, options: Mapping[str, str], **more: object) -> dict[str, object]:
    shown = [{"value": value, "label": text} for value, text in options.items()]
    return _field(name, "select", label, options=shown, **more)


_EMAIL: Final = _field("email", "email", "E-mail", is_required=True, placeholder="name@example.com")
_NAME: Final = _field("name", "text", "Name", is_required=True)
_COMPANY: Final = _field("company", "text", "Company")
_PHONE: Final = _field("phone", "phone", "Phone", help="With the country code, such as +44 20 7946 0958")


def _consent(text: str) -> dict[str, object]:
    return _field("consent", "consent", "Privacy", is_required=True, consent_text=text)


_ANSWER: Final = _consent("I agree that my details are stored to answer my request.")

TEMPLATES: Final[Mapping[str, Template]] = {
    "contact": Template(
        name="Contact",
        about="Name, e-mail and a message: what most websites need.",
        definition={
            "title": "Contact us",
            "steps": [
                {
                    "fields": [
                        _NAME,
                        _EMAIL,
                        _COMPANY,
                        _field("message", "long_text", "How can we help?", is_required=True, limits={"longest": 2000}),
                        _ANSWER,
                    ]
                }
            ],
        },
    ),
    "demo": Template(
        name="Demo request",
        about="Who wants to see the product, how large the team is, and when it suits.",
        definition={
            "title": "Request a demo",
            "steps": [
                {
                    "fields": [
                        _NAME,
                        _field("email", "email", "Work e-mail", is_required=True, placeholder="name@example.com"),
                        {**_COMPANY, "is_required": True},
                        _choice(
                            "team_size",
                            "Size of your team",
                            {"1-10": "Up to 10", "11-50": "11 to 50", "51-250": "51 to 250", "251+": "More than 250"},
                        ),
                        _field("preferred_day", "date", "Preferred day"),
                        _field("goals", "long_text", "What would you like to see?"),
                        _ANSWER,
                    ]
                }
            ],
            "thank_you": {"message": "Thank you. We will write to you with two or three times to choose from."},
            "source": "Demo request",
        },
    ),
    "newsletter": Template(
        name="Newsletter",
        about="An e-mail address and a consent, nothing else.",
        definition={
            "title": "Newsletter",
            "steps": [
                {
                    "fields": [
                        _EMAIL,
                        _field("first_name", "text", "First name"),
                        _consent("I would like to get the newsletter by e-mail. I can end it at any time."),
                    ]
                }
            ],
            "thank_you": {"message": "Thank you. The next issue comes to your inbox."},
            "source": "Newsletter",
        },
    ),
    "event": Template(
        name="Event registration",
        about="Attendance and sessions; asks about meals only of those who come in person.",
        definition={
            "title": "Register for the event",
            "steps": [
                {
                    "fields": [
                        _NAME,
                        _EMAIL,
                        _COMPANY,
                        _choice("attendance", "How do you take part?", {"on_site": "On site", "online": "Online"},
                                is_required=True, default="on_site"),
                        _choice("meal", "Lunch", {"any": "Anything", "vegetarian": "Vegetarian", "vegan": "Vegan"},
                                show_if={"field": "attendance", "is_any_of": ["on_site"]}),
                        _field("sessions", "multi_select", "Which sessions?", options=[
                            {"value": "morning", "label": "Morning"}, {"value": "afternoon", "label": "Afternoon"},
                            {"value": "workshop", "label": "Evening workshop"},
                        ]),
                        _field("event", "hidden", "", from_query="event"),
                        _ANSWER,
                    ]
                }
            ],
            "thank_you": {"message": "Thank you. Your place is reserved."},
            "source": "Event",
        },
    ),
    "quote": Template(
        name="Quote request",
        about="Three short steps with questions that depend on earlier answers.",
        definition={
            "title": "Ask for a quote",
            "steps": [
                {
                    "title": "What you need",
                    "fields": [
                        _choice("need", "What is it about?",
                                {"product": "A product", "service": "A service", "other": "Something else"},
                                is_required=True),
                        _field("quantity", "number", "How many?", limits={"least": 1, "most": 100_000},
                               show_if={"field": "need", "is_any_of": ["product"]}),
                        _choice("duration", "For how long?",
                                {"once": "Once", "months": "Some months", "open": "Until further notice"},
                                show_if={"field": "need", "is_any_of": ["service"]}),
                        _field("details", "long_text", "Describe it in a few sentences",
                               show_if={"field": "need", "is_any_of": ["service", "other"]}),
                    ],
                },
                {
                    "title": "Time and budget",
                    "fields": [
                        _field("needed_by", "date", "Needed by"),
                        _choice("budget", "Budget", {
                            "unknown": "Not known yet", "small": "Up to 5,000", "middle": "5,000 to 25,000",
                            "large": "More than 25,000",
                        }),
                    ],
                },
                {"title": "How we reach you", "fields": [_NAME, _EMAIL, _PHONE, _COMPANY, _ANSWER]},
            ],
            "thank_you": {"message": "Thank you. You get our quote within two working days."},
            "source": "Quote request",
        },
    ),
    "call_back": Template(
        name="Call-back",
        about="A phone number and a good time to call.",
        definition={
            "title": "We call you back",
            "steps": [
                {
                    "fields": [
                        _NAME,
                        {**_PHONE, "is_required": True},
                        _choice("call_time", "When does it suit?", {
                            "any": "At any time", "morning": "In the morning", "afternoon": "In the afternoon",
                        }, default="any"),
                        _field("topic", "text", "What is it about?"),
                        _ANSWER,
                    ]
                }
            ],
            "thank_you": {"message": "Thank you. We will call you."},
            "source": "Call-back",
        },
    ),
}  # fmt: skip
"""By slug, in the order in which they are offered."""

EMPTY: Final = Template(
    name="Empty form",
    about="One e-mail field, to be built from there.",
    definition={"title": "", "steps": [{"fields": [_EMAIL]}]},
)
