"""Facts about Nutshell's objects: names, words for the rights they need, and what user-made activity types mean.

Sources: https://developers.nutshell.com/reference (accounts, contacts, leads, activities, events). Nutshell's *leads*
are opportunities, so here they are deals; its *accounts* are companies, its *stagesets* pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.records import ActivityKind, Kind

ID = re.compile(r"(?P<number>\d+)-(?P<type>[A-Za-z_]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """name: in paths and answers. noun: as Nutshell's pages call it. sort: an order in which new ones come last; None
    where lists cannot be sorted."""

    name: str
    noun: str
    kind: Kind
    sort: str | None = "createdTime"

    @property
    def right(self) -> str:
        """What the user of the key must be allowed to."""
        return f"to see {self.noun}"

    def owns(self, external_id: str) -> bool:
        match = ID.match(external_id)
        return match is not None and match["type"] == self.name


COMPANIES = ObjectFacts(name="accounts", noun="companies", kind=Kind.COMPANY)
CONTACTS = ObjectFacts(name="contacts", noun="people", kind=Kind.CONTACT)
DEALS = ObjectFacts(name="leads", noun="leads", kind=Kind.DEAL)
ACTIVITIES = ObjectFacts(name="activities", noun="activities", kind=Kind.ACTIVITY, sort=None)
OBJECTS = (COMPANIES, CONTACTS, DEALS, ACTIVITIES)
USERS, STAGES, STAGESETS, ACTIVITY_TYPES, SOURCES, INDUSTRIES, EVENTS, CUSTOM_FIELDS = (
    "users", "stages", "stagesets", "activitytypes", "sources", "industries", "events",
    "contacts/customfields/attributes",
)  # fmt: skip
MEANT = (
    (ActivityKind.EMAIL, ("e-mail", "email", "mail")), (ActivityKind.CALL, ("call", "phone", "dial")),
    (ActivityKind.APPOINTMENT, ("appointment", "visit")), (ActivityKind.TASK, ("task", "to-do", "todo")),
    (ActivityKind.NOTE, ("note",)),
)  # fmt: skip
"""Words in the names of activity types, the first that fits. A name with none of them is a meeting."""


def activity_kind(type_name: str, configured: Mapping[str, ActivityKind]) -> ActivityKind:
    """What activities of a type count as. configured: by the type's name in lower case; it wins."""
    name = type_name.strip().lower()
    if name in configured:
        return configured[name]
    return next((kind for kind, words in MEANT if any(word in name for word in words)), ActivityKind.MEETING)


def configured_types(text: str) -> dict[str, ActivityKind]:
    """ "Phone Call / Meeting=call; Demo=meeting" by name. Raises ValueError that says how it is written."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, kind = part.rpartition("=")
        if not name.strip() or kind.strip().lower() not in {one.value for one in ActivityKind}:
            raise ValueError(f"must read NAME=KIND; NAME=KIND, each kind one of: {', '.join(ActivityKind)}")
        found[name.strip().lower()] = ActivityKind(kind.strip().lower())
    return found
