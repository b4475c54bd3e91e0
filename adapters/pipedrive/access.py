"""What the token's user may see, and what is missing without the rest.

An API token has no scopes of its own: it may what its user may, and what the plan has. The rights carry the names that
Pipedrive gives them for apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from adapters.base import Check, Missing
from adapters.errors import CrmError, MissingScopeError
from adapters.pipedrive import reading
from adapters.pipedrive.client import PipedriveClient, Raw
from adapters.pipedrive.limits import Allowance
from adapters.pipedrive.objects import (
    ACTIVITIES,
    ACTIVITIES_RIGHT,
    ACTIVITY_KINDS,
    ARCHIVED_DEALS,
    CONTACTS_RIGHT,
    DEALS,
    DEALS_RIGHT,
    LEADS_RIGHT,
    ORGANIZATIONS,
    PERSONS,
    USERS_RIGHT,
    WRITE_RIGHT,
)
from adapters.records import ActivityKind, Kind

NEVER_READ = {
    Kind.PRODUCT: "Pipedrive's products are not read.",
    ActivityKind.EMAIL: (
        "Pipedrive's mails are no activities: its API shows a mailbox to the mailbox's own user alone, so that they "
        "cannot be counted."
    ),
    ActivityKind.NOTE: "Pipedrive's notes are not read.",
}
NO_TEAMS = "This Pipedrive plan has no teams, or does not show them to the API."
NO_SUCH_TYPE = "No activity type of this account is a {}. PIPEDRIVE_ACTIVITY_TYPES says what its own types are."
GRANT = "In Pipedrive: Settings > Manage users > Permission sets, for the user whose token it is."
NEEDED = {
    USERS_RIGHT: ("users and teams", (Kind.OWNER, Kind.TEAM)),
    DEALS_RIGHT: ("pipelines, stages and deals", (Kind.PIPELINE, Kind.STAGE, Kind.DEAL)),
    CONTACTS_RIGHT: ("persons and organizations", (Kind.CONTACT, Kind.COMPANY)),
    ACTIVITIES_RIGHT: ("activities", (Kind.ACTIVITY,)),
    LEADS_RIGHT: ("leads", (Kind.LEAD,)),
}
OPTIONAL = frozenset({LEADS_RIGHT})


@dataclass(frozen=True, slots=True)
class Exposed:
    """kinds: what may be read. types: the account's activity types. missing: reasons by what is not there."""

    kinds: frozenset[Kind]
    types: tuple[Raw, ...]
    activity_kinds: frozenset[ActivityKind]
    missing: tuple[Missing, ...]

    def reason(self, kind: str) -> str | None:
        return next((one.reason for one in self.missing if one.kind == kind), None)


def exposed(client: PipedriveClient, wanted: Mapping[str, ActivityKind]) -> Exposed:
    """Looks at each object once. wanted: what activity types are, as the settings say. Raises what is not about a
    right."""
    reasons: dict[str, str] = {}
    types = list[Raw]()

    def activities() -> None:
        types.extend(client.activity_types())
        client.can_list(ACTIVITIES)

    def deals() -> None:
        client.can_list(DEALS)
        client.can_list(ARCHIVED_DEALS)

    looks: tuple[tuple[Kind, Callable[[], object]], ...] = (
        (Kind.OWNER, client.users), (Kind.PIPELINE, client.pipelines), (Kind.STAGE, client.stages),
        (Kind.COMPANY, partial(client.can_list, ORGANIZATIONS)), (Kind.CONTACT, partial(client.can_list, PERSONS)),
        (Kind.LEAD, lambda: next(client.leads(archived=False, limit=1), None)), (Kind.DEAL, deals),
        (Kind.ACTIVITY, activities),
    )  # fmt: skip
    for kind, look in looks:
        reason = _refused(look)
        if reason is not None:
            reasons[kind.value] = reason
    teams = reasons.get(Kind.OWNER.value) or _teams(client)
    reasons |= {Kind.TEAM.value: teams} if teams is not None else {}
    kinds = frozenset(kind for kind in Kind if kind.value not in reasons and kind is not Kind.PRODUCT)
    there = frozenset(kinds_of(types, wanted).values()) if Kind.ACTIVITY in kinds else frozenset[ActivityKind]()
    reasons |= {kind.value: _without(kind, reasons) for kind in set(ActivityKind) - there}
    reasons[Kind.PRODUCT.value] = NEVER_READ[Kind.PRODUCT]
    missing = tuple(Missing(kind=kind, reason=reason) for kind, reason in sorted(reasons.items()))
    return Exposed(kinds, tuple(types), there, missing)


def kinds_of(types: list[Raw] | tuple[Raw, ...], wanted: Mapping[str, ActivityKind]) -> dict[str, ActivityKind]:
    """What each type is, by its key; the ones that are in use no more included, for activities of them are there."""
    return {str(one.get("key_string")): reading.activity_kind(one, wanted) for one in types}


def _without(kind: ActivityKind, reasons: Mapping[str, str]) -> str:
    if kind in NEVER_READ:
        return NEVER_READ[kind]
    return reasons.get(Kind.ACTIVITY.value) or NO_SUCH_TYPE.format(kind.value)


def _teams(client: PipedriveClient) -> str | None:
    found = list[bool]()
    reason = _refused(lambda: found.append(client.teams() is not None))
    return reason or (None if found == [True] else NO_TEAMS)


def _refused(look: Callable[[], object]) -> str | None:
    try:
        look()
    except MissingScopeError as error:
        return str(error)
    return None


def checks(client: PipedriveClient, allowance: Allowance, wanted: Mapping[str, ActivityKind]) -> Iterator[Check]:
    """One line per right. An optional one that is missing is told, and no fault."""
    try:
        user, _ = client.me()
        found = exposed(client, wanted)
    except CrmError as error:
        yield Check(
            name="access", ok=False, detail=str(error), remedy="Check PIPEDRIVE_API_TOKEN and PIPEDRIVE_BASE_URL."
        )
        return
    yield Check(name="access", ok=True, detail=f"{user.get('company_name')}, as {user.get('name')}, {_sees(user)}")
    for right, (noun, kinds) in NEEDED.items():
        reason = next((why for kind in kinds if kind is not Kind.TEAM and (why := found.reason(kind.value))), None)
        yield _right(right, noun, reason)
    if Kind.TEAM not in found.kinds and Kind.OWNER in found.kinds:
        yield Check(name="teams", ok=True, detail=f"optional: without it teams are missing. {found.reason(Kind.TEAM)}")
    yield Check(name=f"right {WRITE_RIGHT}", ok=True, detail="Pipedrive does not tell; the first lead will show")
    yield from _types(found, wanted)
    if allowance.daily is not None:
        most, left = allowance.daily
        yield Check(name="daily tokens", ok=True, detail=f"{left} of {most} are left today")


def _sees(user: Raw) -> str:
    """Visibility hides records of others from those who are no administrators, without a word in any answer."""
    access = user.get("access") or []
    if user.get("is_admin") or any(one.get("admin") for one in access if isinstance(one, dict)):
        return "who is an administrator"
    return "who is no administrator: records that are hidden from this user are missing, without a word"


def _right(right: str, noun: str, reason: str | None) -> Check:
    if reason is None:
        return Check(name=f"right {right}", ok=True, detail=f"{noun} can be read")
    if right in OPTIONAL:
        return Check(name=f"right {right}", ok=True, detail=f"optional: without it {noun} are missing. {reason}")
    remedy = f"{GRANT} Grant {right}: without it {noun} are missing."
    return Check(name=f"right {right}", ok=False, detail=reason, remedy=remedy)


def _types(found: Exposed, wanted: Mapping[str, ActivityKind]) -> Iterator[Check]:
    settled = {*ACTIVITY_KINDS, *wanted}
    guessed = [
        str(one.get("name"))
        for one in found.types
        if not {str(one.get("key_string")).lower(), str(one.get("name")).lower()} & settled
    ]
    if guessed:
        detail = f"taken for tasks: {', '.join(guessed)}. PIPEDRIVE_ACTIVITY_TYPES says what they are."
        yield Check(name="activity types", ok=True, detail=detail)
