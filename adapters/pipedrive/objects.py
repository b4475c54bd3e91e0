"""Facts about Pipedrive's objects: where they are listed, what right each needs, and what its activity types mean.

Sources: the API reference (https://developers.pipedrive.com/docs/api/v1) and its guide to v2
(https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.records import ActivityKind, Kind

USERS_RIGHT, DEALS_RIGHT, CONTACTS_RIGHT, ACTIVITIES_RIGHT, LEADS_RIGHT = (
    "users:read", "deals:read", "contacts:read", "activities:read", "leads:read",
)  # fmt: skip
WRITE_RIGHT = "contacts:full"
V1, V2 = "/api/v1", "/api/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of v2 that comes by id. name: in a cursor. params: always sent. is_whole: everything of its sort is in it,
    so that what is missing from it is gone."""

    name: str
    path: str
    noun: str
    right: str
    params: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_whole: bool = True


ORGANIZATIONS = Listing(
    name="organizations", path=f"{V2}/organizations", noun="organizations", right=CONTACTS_RIGHT,
)  # fmt: skip
PERSONS = Listing(name="persons", path=f"{V2}/persons", noun="persons", right=CONTACTS_RIGHT)
DEALS = Listing(
    name="deals", path=f"{V2}/deals", noun="deals", right=DEALS_RIGHT, params={"include_fields": "source_lead_id"}
)
ARCHIVED_DEALS = Listing(
    name="archived", path=f"{V2}/deals/archived", noun="archived deals", right=DEALS_RIGHT,
    params={"include_fields": "source_lead_id"},
)  # fmt: skip
DELETED_DEALS = Listing(
    name="deleted", path=f"{V2}/deals", noun="deleted deals", right=DEALS_RIGHT, params={"status": "deleted"},
    is_whole=False,
)  # fmt: skip
# An activity that is not ticked off is a plan: it may be overdue for ever, and nothing has happened yet.
ACTIVITIES = Listing(
    name="activities", path=f"{V2}/activities", noun="activities", right=ACTIVITIES_RIGHT, params={"done": "true"}
)
LISTINGS: Mapping[Kind, tuple[Listing, ...]] = {
    Kind.COMPANY: (ORGANIZATIONS,),
    Kind.CONTACT: (PERSONS,),
    Kind.DEAL: (DEALS, ARCHIVED_DEALS, DELETED_DEALS),
    Kind.ACTIVITY: (ACTIVITIES,),
}
"""In the order of a pass: a deal that is archived meanwhile is then met in one list or both."""

ACTIVITY_KINDS: Mapping[str, ActivityKind] = {
    "call": ActivityKind.CALL, "meeting": ActivityKind.MEETING, "lunch": ActivityKind.MEETING,
    "appointment": ActivityKind.APPOINTMENT, "task": ActivityKind.TASK, "deadline": ActivityKind.TASK,
    "email": ActivityKind.TASK,
}  # fmt: skip
"""By the key of the type. "email" is a reminder to write one: Pipedrive's mails are no activities."""
OTHER_ACTIVITY = ActivityKind.TASK
"""What a type of the account's own is taken for, unless the settings say otherwise; its key stays in the raw record."""


def configured_types(text: str) -> dict[str, ActivityKind]:
    """ "demo=meeting; Site visit=appointment", by key or name. Raises ValueError that says what is wrong."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, kind = part.rpartition("=")
        if not name.strip() or kind.strip().lower() not in set(ActivityKind):
            raise ValueError(f"{part!r} must be TYPE=KIND, with one of: {', '.join(ActivityKind)}")
        found[name.strip().lower()] = ActivityKind(kind.strip().lower())
    return found
