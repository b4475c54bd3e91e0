"""What the token may see, and what is missing without the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from adapters.base import Check, Missing
from adapters.errors import CrmError, MissingScopeError
from adapters.hubspot.client import HubSpotClient
from adapters.hubspot.objects import DEALS_SCOPE, OBJECTS, OWNERS_SCOPE, WRITE_SCOPE, ObjectFacts
from adapters.records import ActivityKind, Kind

NEVER_READ = {Kind.PRODUCT: "HubSpot's product library is not read."}
GRANT = "In HubSpot: Settings > Integrations > Private apps > your app > Scopes."


@dataclass(frozen=True, slots=True)
class Exposed:
    """objects: those that may be read. missing: reasons by what is not there, kinds and activity kinds."""

    objects: tuple[ObjectFacts, ...]
    owners: bool
    pipelines: bool
    missing: tuple[Missing, ...] = field(default=())

    @property
    def kinds(self) -> frozenset[Kind]:
        kinds = {facts.kind for facts in self.objects}
        kinds |= {Kind.OWNER, Kind.TEAM} if self.owners else set()
        return frozenset(kinds | ({Kind.PIPELINE, Kind.STAGE} if self.pipelines else set()))

    @property
    def activity_kinds(self) -> frozenset[ActivityKind]:
        return frozenset(facts.activity for facts in self.objects if facts.activity is not None)

    def of(self, kind: Kind) -> tuple[ObjectFacts, ...]:
        return tuple(facts for facts in self.objects if facts.kind is kind)

    def reason(self, kind: str) -> str | None:
        return next((one.reason for one in self.missing if one.kind == kind), None)


def exposed(client: HubSpotClient) -> Exposed:
    """Looks at one record of each object. Raises what is not about a right."""
    reasons = {facts: reason for facts in OBJECTS if (reason := _reason(client, facts)) is not None}
    objects = tuple(facts for facts in OBJECTS if facts not in reasons)
    owners, pipelines = _refused(lambda: client.owners(None, 1, archived=False)), _refused(client.pipelines)
    missing = [Missing(kind=kind.value, reason=reason) for kind, reason in NEVER_READ.items()]
    missing += [
        Missing(kind=facts.activity.value if facts.activity is not None else facts.kind.value, reason=reason)
        for facts, reason in reasons.items()
    ]
    if not any(facts.kind is Kind.ACTIVITY for facts in objects):
        missing.append(Missing(kind=Kind.ACTIVITY.value, reason=next(iter(reasons.values()), "no right")))
    for kinds, reason in (((Kind.OWNER, Kind.TEAM), owners), ((Kind.PIPELINE, Kind.STAGE), pipelines)):
        missing += [Missing(kind=kind.value, reason=reason) for kind in kinds if reason is not None]
    return Exposed(objects, owners is None, pipelines is None, tuple(missing))


def _reason(client: HubSpotClient, facts: ObjectFacts) -> str | None:
    try:
        if client.is_exposed(facts):
            return None
    except MissingScopeError as error:
        return str(error)
    return f"This HubSpot account does not have the object {facts.noun}."


def _refused(look: Callable[[], object]) -> str | None:
    try:
        look()
    except MissingScopeError as error:
        return str(error)
    return None


def checks(client: HubSpotClient, token: str) -> Iterator[Check]:
    """One line per right. An optional one that is missing is told, and no fault."""
    try:
        account, _ = client.account()
        detail = f"account {account.get('portalId')}, {account.get('timeZone')}, {account.get('companyCurrency')}"
        yield Check(name="access", ok=True, detail=detail)
        found = exposed(client)
        scopes = client.scopes(token)
        usage = client.usage()
    except CrmError as error:
        yield Check(name="access", ok=False, detail=str(error), remedy="Check HUBSPOT_API_KEY and HUBSPOT_BASE_URL.")
        return
    reasons = {one.kind: one.reason for one in found.missing}
    yield _scope("owners and teams", OWNERS_SCOPE, reasons.get(Kind.OWNER.value))
    yield _scope("pipelines and stages", DEALS_SCOPE, reasons.get(Kind.PIPELINE.value))
    for facts in OBJECTS:
        reason = None if facts in found.objects else reasons.get(facts.activity or facts.kind)
        yield _scope(facts.noun, facts.scope, reason, is_optional=facts.is_optional)
    yield _writing(scopes)
    if usage is not None:
        used, limit = usage.get("currentUsage"), usage.get("usageLimit")
        yield Check(
            name="daily quota", ok=True, detail=f"{used} of {limit} requests used, until {usage.get('resetsAt')}"
        )


def _scope(noun: str, scope: str, reason: str | None, *, is_optional: bool = False) -> Check:
    if reason is None:
        return Check(name=f"scope {scope}", ok=True, detail=f"{noun} can be read")
    if is_optional:
        return Check(name=f"scope {scope}", ok=True, detail=f"optional: without it {noun} are missing. {reason}")
    remedy = f"{GRANT} Grant {scope}: without it {noun} are missing."
    return Check(name=f"scope {scope}", ok=False, detail=reason, remedy=remedy)


def _writing(scopes: frozenset[str] | None) -> Check:
    name = f"scope {WRITE_SCOPE}"
    if scopes is None:
        return Check(name=name, ok=True, detail="HubSpot does not tell for this token; the first lead will show")
    if WRITE_SCOPE in scopes:
        return Check(name=name, ok=True, detail="leads can be delivered")
    return Check(
        name=name, ok=False, detail="not granted", remedy=f"{GRANT} Grant {WRITE_SCOPE}: no lead arrives else."
    )
