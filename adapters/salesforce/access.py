"""What the user may see, and what is missing without the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from adapters.base import Check, Missing
from adapters.errors import CrmError
from adapters.records import ActivityKind, Kind
from adapters.salesforce import objects, reading
from adapters.salesforce.client import Raw, SalesforceClient
from adapters.salesforce.limits import Allowance
from adapters.salesforce.objects import BESIDE, CONTACTS, OBJECTS, TASKS, ObjectFacts
from adapters.salesforce.soql import among, both, is_id, quoted, select

NEVER_READ = {Kind.PRODUCT: "Salesforce's products and price books are not read."}
GRANT = "In Salesforce: Setup > Permission Sets > the set of the integration's user"
SHARED = ("Account", "Contact", "Lead", "Opportunity")
"""Objects whose records a user sees by sharing: without View All only some of them, and nothing says so."""
WITHOUT: Mapping[str, str] = {
    objects.HISTORY: "past stages and amounts of deals", objects.ROLES: "contacts of deals",
    objects.USERS: "owners", objects.TEAMS: "teams", objects.STAGES: "pipelines and stages",
}  # fmt: skip
PREFIXES = {
    "Contact": reading.CONTACT_ID, "Lead": reading.LEAD_ID, "Opportunity": reading.DEAL_ID,
    "Account": reading.COMPANY_ID,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as its describe tells it. fields: types of its fields by name."""

    fields: Mapping[str, str]
    raw: Raw = field(repr=False)

    def has(self, name: str) -> bool:
        return name in self.fields


@dataclass(frozen=True, slots=True)
class Exposed:
    """seen: the objects that may be read, by name. missing: reasons by what is not there."""

    seen: Mapping[str, Seen]
    missing: tuple[Missing, ...] = ()

    @property
    def objects(self) -> tuple[ObjectFacts, ...]:
        return tuple(facts for facts in OBJECTS if facts.name in self.seen)

    @property
    def kinds(self) -> frozenset[Kind]:
        kinds = {facts.kind for facts in self.objects}
        kinds |= {Kind.OWNER} if objects.USERS in self.seen else set()
        kinds |= {Kind.TEAM} if objects.TEAMS in self.seen and objects.USERS in self.seen else set()
        return frozenset(kinds | ({Kind.PIPELINE, Kind.STAGE} if objects.STAGES in self.seen else set()))

    @property
    def activity_kinds(self) -> frozenset[ActivityKind]:
        found = {kind for facts in self.objects for kind in facts.activities}
        if TASKS.name in self.seen and not self.seen[TASKS.name].has("TaskSubtype"):
            found -= {ActivityKind.CALL, ActivityKind.EMAIL}
        return frozenset(found)

    @property
    def prefixes(self) -> frozenset[str]:
        """Of ids of objects that are read, so that what points to others is left out."""
        return frozenset(prefix for name, prefix in PREFIXES.items() if name in self.seen)

    def of(self, kind: Kind) -> tuple[ObjectFacts, ...]:
        return tuple(facts for facts in self.objects if facts.kind is kind)

    def fields(self, facts: ObjectFacts) -> list[str]:
        return [name for name in facts.asked if self.seen[facts.name].has(name)]

    def beside(self, name: str) -> list[str]:
        """Fields of an object that others are completed from; none where it may not be read."""
        return [one for one in BESIDE[name] if self.seen[name].has(one)] if name in self.seen else []

    def signature(self, facts: ObjectFacts) -> str:
        """Changes with the fields: one that is granted later is then read for all records."""
        parts = [*self.fields(facts), *(self.beside(objects.HISTORY) if facts.kind is Kind.DEAL else [])]
        return f"{facts.name} {sha256(' '.join(parts).encode()).hexdigest()[:8]}"

    def only(self, facts: ObjectFacts) -> str:
        """The condition that every record of the object fulfils."""
        return both(*(f"{name} = false" for name in facts.only if self.seen[facts.name].has(name)))

    def reason(self, kind: str) -> str | None:
        return next((one.reason for one in self.missing if one.kind == kind), None)


def exposed(client: SalesforceClient) -> Exposed:
    """Asks what each object holds. Raises what is not about a right."""
    seen: dict[str, Seen] = {}
    for name, raw in client.describe([*(facts.name for facts in OBJECTS), *BESIDE]).items():
        if raw.get("queryable") is False:
            continue
        fields = {str(one.get("name")): str(one.get("type")) for one in raw.get("fields") or []}
        if "Id" in fields:
            seen[name] = Seen(fields, raw)
    return Exposed(seen, tuple(_missing(seen)))


def _missing(seen: Mapping[str, Seen]) -> Iterator[Missing]:
    for never, reason in NEVER_READ.items():
        yield Missing(kind=never.value, reason=reason)
    for facts in OBJECTS:
        if facts.name not in seen:
            reason = f"Salesforce: the right Read on {facts.name} is missing, or the org has no {facts.noun}."
            kinds = [activity.value for activity in facts.activities] or [facts.kind.value]
            yield from (Missing(kind=kind, reason=reason) for kind in kinds)
            continue
        hidden = [name for name in facts.wanted if not seen[facts.name].has(name)]
        yield from (Missing(kind=f"{facts.name}.{name}", reason=_hidden(facts, name)) for name in hidden)
        if facts is TASKS and "TaskSubtype" in hidden:
            lost = (ActivityKind.CALL, ActivityKind.EMAIL)
            yield from (Missing(kind=kind.value, reason=_hidden(facts, "TaskSubtype")) for kind in lost)
    if not any(facts.name in seen for facts in OBJECTS if facts.kind is Kind.ACTIVITY):
        yield Missing(kind=Kind.ACTIVITY.value, reason="Salesforce: no object of activities may be read.")
    lacking = [
        (objects.USERS, (Kind.OWNER, Kind.TEAM)), (objects.TEAMS, (Kind.TEAM,)),
        (objects.STAGES, (Kind.PIPELINE, Kind.STAGE)),
    ]  # fmt: skip
    told: set[str] = set()
    for name, kinds_ in lacking:
        for kind_ in kinds_ if name not in seen else ():
            if kind_ not in told:
                told.add(kind_)
                yield Missing(kind=kind_.value, reason=f"Salesforce: {name} may not be read.")
    for name in (objects.HISTORY, objects.ROLES):
        if name not in seen:
            yield Missing(kind=name, reason=f"Salesforce: {name} may not be read: {WITHOUT[name]} are missing.")


def _hidden(facts: ObjectFacts, name: str) -> str:
    return f"Salesforce: the field {facts.name}.{name} may not be read: {facts.wanted[name]} are not known."


# --- checks ---


def checks(client: SalesforceClient, allowance: Allowance, version: str, lead_id_field: str | None) -> Iterator[Check]:
    """One line per right. An optional one that is missing is told, and no fault."""
    try:
        organization, _ = client.organization()
        versions, user_id = client.versions(), client.user_id()
        found = exposed(client)
    except CrmError as error:
        yield Check(
            name="access", ok=False, detail=str(error),
            remedy="Check the SALESFORCE_ settings; docs/crm/salesforce.md says how to get them.",
        )  # fmt: skip
        return
    detail = f"{organization.get('Name')}, {organization.get('OrganizationType')}, {organization.get('TimeZoneSidKey')}"
    yield Check(name="access", ok=True, detail=detail)
    yield _version(version, versions)
    for facts in OBJECTS:
        yield from _object(facts, found)
    for name, noun in WITHOUT.items():
        yield _beside(name, noun, name in found.seen)
    yield from _sharing(client, user_id)
    yield _writing(found.seen.get(CONTACTS.name), lead_id_field)
    if allowance.told is not None:
        used, most = allowance.told
        yield Check(name="calls in 24 hours", ok=True, detail=f"{used} of {most} used, by all programs together")


def _version(version: str, versions: list[str]) -> Check:
    if not versions or version in versions:
        return Check(name="API version", ok=True, detail=version)
    remedy = f"Set SALESFORCE_API_VERSION to one that the org serves, such as {versions[-1]}."
    return Check(name="API version", ok=False, detail=f"the org does not serve {version}", remedy=remedy)


def _object(facts: ObjectFacts, found: Exposed) -> Iterator[Check]:
    name = f"right Read on {facts.name}"
    if facts.name not in found.seen:
        if facts.is_optional:
            yield Check(name=name, ok=True, detail=f"optional: without it {facts.noun} are missing.")
        else:
            remedy = f"{GRANT} > Object Settings: grant Read on {facts.name}: without it {facts.noun} are missing."
            yield Check(name=name, ok=False, detail="not granted", remedy=remedy)
        return
    yield Check(name=name, ok=True, detail=f"{facts.noun} can be read")
    for one, lost in facts.wanted.items():
        if not found.seen[facts.name].has(one):
            remedy = (
                f"{GRANT} > Object Settings > {facts.name}: grant Read Access to {one}: without it {lost} are missing."
            )
            yield Check(name=f"field {facts.name}.{one}", ok=False, detail="may not be read", remedy=remedy)


def _beside(name: str, noun: str, is_there: bool) -> Check:
    if is_there:
        return Check(name=f"right Read on {name}", ok=True, detail=f"{noun} can be read")
    remedy = f"{GRANT} > System Permissions: grant View Setup and Configuration, and Read on deals: {noun} are missing."
    return Check(name=f"right Read on {name}", ok=False, detail="not granted", remedy=remedy)


def _sharing(client: SalesforceClient, user_id: str) -> Iterator[Check]:
    """Whether all records are seen. A user who may not look at permissions is told that this is not known."""
    name = "right View All"
    if not is_id(user_id):
        yield Check(name=name, ok=True, detail="Salesforce does not tell who the user is; records may be hidden")
        return
    try:
        sets = client.all_rows(
            select(("PermissionSetId",), "PermissionSetAssignment", f"AssigneeId = {quoted(user_id)}"),
            "PermissionSetAssignment",
        )
        ids = [str(row["PermissionSetId"]) for row in sets]
        everything = client.of_ids(("Id",), "PermissionSet", "Id", ids, "PermissionsViewAllData = true")
        own = client.of_ids(
            ("SobjectType",), "ObjectPermissions", "ParentId", ids,
            both("PermissionsViewAllRecords = true", among("SobjectType", SHARED)),
        )  # fmt: skip
    except CrmError as error:
        yield Check(name=name, ok=True, detail=f"not known whether records are hidden from the user: {error}")
        return
    whole = set(SHARED) if everything else {str(row["SobjectType"]) for row in own}
    hidden = [one for one in SHARED if one not in whole]
    remedy = f"{GRANT}: grant View All on {', '.join(hidden)}: without it records of others are missing unnoticed."
    yield Check(
        name=name, ok=not hidden, detail="all records can be read" if not hidden else f"not on {', '.join(hidden)}",
        remedy=remedy if hidden else None,
    )  # fmt: skip


def _writing(contacts: Seen | None, lead_id_field: str | None) -> Check:
    name = "right Create and Edit on Contact"
    raw = contacts.raw if contacts is not None else {}
    if not (raw.get("createable") and raw.get("updateable")):
        remedy = f"{GRANT} > Object Settings > Contacts: grant Create and Edit: no lead arrives else."
        return Check(name=name, ok=False, detail="not granted", remedy=remedy)
    if lead_id_field and contacts is not None and not contacts.has(lead_id_field):
        remedy = "Make the field on Contact, or correct SALESFORCE_LEAD_ID_FIELD."
        return Check(name=name, ok=False, detail=f"Contact has no field {lead_id_field}", remedy=remedy)
    return Check(name=name, ok=True, detail="leads can be delivered")
