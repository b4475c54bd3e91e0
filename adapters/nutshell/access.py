"""What the user of the API key may see, and what is missing without the rest. Nutshell knows no scopes: a key may what
its user may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from adapters.base import Check, Missing
from adapters.errors import CrmError, MissingScopeError
from adapters.nutshell.client import NutshellClient
from adapters.nutshell.contacts import FieldNames
from adapters.nutshell.objects import (
    ACTIVITIES,
    ACTIVITY_TYPES,
    DEALS,
    OBJECTS,
    ObjectFacts,
    activity_kind,
)
from adapters.records import ActivityKind, Kind

NEVER_READ = {
    Kind.TEAM: "Nutshell's REST API does not tell who is in which team.",
    Kind.PRODUCT: "Nutshell's products are not read.",
    Kind.LEAD: "What Nutshell calls leads are opportunities; they are read as deals.",
}
UNLISTED = {
    ActivityKind.EMAIL: "Nutshell lists no e-mails; its activities are calls, meetings and the like.",
    ActivityKind.NOTE: "Nutshell's notes do not tell who wrote them, so they are not read.",
    ActivityKind.TASK: "Nutshell describes no fields of its tasks, so they are not read.",
}
GRANT = "In Nutshell: Setup > Users; or make the key for a user who may."


@dataclass(frozen=True, slots=True)
class Exposed:
    """objects: those that may be seen. kinds_of_types: what activities of a type are, by its id; types: their names."""

    objects: tuple[ObjectFacts, ...]
    owners: bool
    pipelines: bool
    has_feed: bool
    kinds_of_types: Mapping[str, ActivityKind]
    types: Mapping[str, str]
    missing: tuple[Missing, ...] = field(default=())

    @property
    def kinds(self) -> frozenset[Kind]:
        kinds = {facts.kind for facts in self.objects} | ({Kind.OWNER} if self.owners else set())
        return frozenset(kinds | ({Kind.PIPELINE, Kind.STAGE} if self.pipelines else set()))

    @property
    def activity_kinds(self) -> frozenset[ActivityKind]:
        if ACTIVITIES not in self.objects:
            return frozenset()
        return frozenset(self.kinds_of_types.values()) or frozenset({ActivityKind.MEETING})

    def reason(self, kind: str) -> str | None:
        return next((one.reason for one in self.missing if one.kind == kind), None)


def exposed(client: NutshellClient, configured: Mapping[str, ActivityKind]) -> Exposed:
    """Looks at each object. Raises what is not about a right."""
    reasons = {facts: _refused(lambda facts=facts: client.is_exposed(facts)) for facts in OBJECTS}  # type: ignore[misc]
    owners, pipelines = _refused(client.users), _refused(client.stages)
    feed = _refused(lambda: client.events(DEALS, 2, {}))
    types = client.labels(ACTIVITY_TYPES, "activity types") if reasons[ACTIVITIES] is None else {}
    found = Exposed(
        tuple(facts for facts, reason in reasons.items() if reason is None), owners is None, pipelines is None,
        feed is None, {one: activity_kind(name, configured) for one, name in types.items()}, types,
    )  # fmt: skip
    missing = {kind.value: reason for kind, reason in NEVER_READ.items()}
    missing |= {facts.kind.value: reason for facts, reason in reasons.items() if reason is not None}
    missing |= {Kind.OWNER.value: owners} if owners else {}
    missing |= {kind.value: pipelines for kind in (Kind.PIPELINE, Kind.STAGE) if pipelines}
    for kind in set(ActivityKind) - found.activity_kinds:
        reason = reasons[ACTIVITIES] or UNLISTED.get(kind) or f"No activity type of this account is a kind of {kind}."
        missing[kind.value] = reason
    return replace(found, missing=tuple(Missing(kind=kind, reason=reason) for kind, reason in sorted(missing.items())))


def _refused(look: Callable[[], object]) -> str | None:
    try:
        look()
    except MissingScopeError as error:
        return str(error)
    return None


def checks(
    client: NutshellClient, email: str, fields: FieldNames, configured: Mapping[str, ActivityKind]
) -> Iterator[Check]:
    """One line per right."""
    try:
        found = exposed(client, configured)
        users = client.users() if found.owners else []
        known = client.custom_fields() if fields.all() else None
    except CrmError as error:
        remedy = "Check NUTSHELL_EMAIL, NUTSHELL_API_KEY and NUTSHELL_BASE_URL."
        yield Check(name="access", ok=False, detail=str(error), remedy=remedy)
        return
    yield Check(name="access", ok=True, detail=f"the account answers {email}")
    yield from _whole_view(users, email)
    yield _right("users", "to see users", found.reason(Kind.OWNER.value))
    yield _right("pipelines and stages", "to see leads", found.reason(Kind.STAGE.value), name="pipelines")
    for facts in OBJECTS:
        yield _right(facts.noun, facts.right, found.reason(facts.kind.value) if facts not in found.objects else None)
    yield _feed(has_feed=found.has_feed)
    if ACTIVITIES in found.objects:
        told = ", ".join(f"{name}: {found.kinds_of_types[one]}" for one, name in found.types.items())
        yield Check(name="activity types", ok=True, detail=told or "not told; all count as meetings")
    for name in fields.all():
        yield _custom(name, known)
    yield Check(
        name="leads", ok=True, detail="Nutshell does not tell whether people may be created; the first lead will show"
    )


def _whole_view(users: list[dict[str, object]], email: str) -> Iterator[Check]:
    for user in users:
        emails = user.get("emails")
        if isinstance(emails, list) and email.lower() in map(str.lower, map(str, emails)):
            if user.get("isViewingRestricted") is True:
                remedy = f"{GRANT} What this user may not see is missing, and what moves out of sight counts as gone."
                yield Check(name="view", ok=False, detail=f"{email} sees a part of the records only", remedy=remedy)
            return


def _right(noun: str, right: str, reason: str | None, *, name: str | None = None) -> Check:
    name = f"right {right}" + (f" ({name})" if name else "")
    if reason is None:
        return Check(name=name, ok=True, detail=f"{noun} can be read")
    return Check(name=name, ok=False, detail=reason, remedy=f"{GRANT} Without it {noun} are missing.")


def _feed(*, has_feed: bool) -> Check:
    if has_feed:
        return Check(name="right to see the timeline", ok=True, detail="changes, deletions and stage history are told")
    remedy = f"{GRANT} Without it everything is read again each time, and deletions and stage history are missing."
    return Check(name="right to see the timeline", ok=False, detail="the events may not be read", remedy=remedy)


def _custom(name: str, known: frozenset[str] | None) -> Check:
    if known is None:
        return Check(name=f"field {name}", ok=True, detail="Nutshell does not tell; the first lead will show")
    if name in known:
        return Check(name=f"field {name}", ok=True, detail="a custom field of people")
    remedy = "Make it in Nutshell: Setup > Custom fields > People, as text; or correct the setting."
    return Check(name=f"field {name}", ok=False, detail="people have no such custom field", remedy=remedy)
