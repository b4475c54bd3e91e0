"""Salesforce: implements `CrmAdapter` over its REST API, with bulk queries for large first loads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from adapters.base import (
    ActivityCount,
    Budget,
    Capabilities,
    Check,
    ContactInput,
    Lock,
    MemoryLock,
    MemoryTokenCache,
    Page,
    TokenCache,
    UpsertResult,
)
from adapters.errors import MissingScopeError
from adapters.http import Account, HttpClient, Limits
from adapters.records import ActivityKind, Change, Deal, Kind, Owner
from adapters.salesforce import access, objects, reading
from adapters.salesforce.access import Exposed
from adapters.salesforce.client import MASTER_TYPE, MOST_PER_QUERY, Instance, Raw, SalesforceClient, TooManyError
from adapters.salesforce.contacts import Contacts
from adapters.salesforce.limits import Allowance, ReservingBudget, read_refusal
from adapters.salesforce.objects import CONTACTS, DEALS, HISTORY, RECORD_TYPE, TASKS, ObjectFacts
from adapters.salesforce.passes import Passes, Place, place_of
from adapters.salesforce.reading import KINDS, NO_PIPELINE, OrgFacts
from adapters.salesforce.soql import among, both, day, is_id, moment, quoted, select
from adapters.salesforce.tokens import SalesforceAccess, Tokens

EXPOSED_FOR = timedelta(minutes=10)
"""A right that is granted meanwhile counts after that."""
BULK_FROM = 100_000
"""Fewer rows are read faster by queries than by a bulk query, which has to be waited for."""
SURELY_FOUND_S = 600.0
"""A call may work for ten minutes: after that, what an unanswered create made can be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What is handed in. token_cache, lock: shared by all who use the org. now: the clock (aware). transport, clock,
    pause, limits: replaced by tests."""

    budget: Budget
    now: Callable[[], datetime]
    token_cache: TokenCache = field(default_factory=MemoryTokenCache)
    lock: Lock = field(default_factory=MemoryLock)
    transport: httpx.BaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep
    limits: Limits | None = None


class Salesforce:
    """Implements `CrmAdapter`; any number of threads may use it."""

    provider = "salesforce"

    def __init__(
        self, own: SalesforceAccess, ports: Ports, *, page_size: int = MOST_PER_QUERY, bulk_from: int = BULK_FROM
    ) -> None:
        self._own, self._ports, self._page_size, self._bulk_from = own, ports, page_size, bulk_from
        self._allowance = Allowance(ports.now)
        reading_budget = ReservingBudget(ports.budget, self._allowance)
        writing_budget = ReservingBudget(ports.budget, self._allowance, may_use_reserve=True)
        log_in = Account(
            crm="Salesforce", key=own.account, base_url=own.login_url, setting="SALESFORCE_LOGIN_URL", headers=dict,
        )  # fmt: skip
        self._tokens = Tokens(own, self._http(log_in, writing_budget), ports.token_cache, ports.lock, ports.now)
        self._reading = Instance(self._tokens, lambda url: self._http(self._account(url), reading_budget))
        self._writing = Instance(self._tokens, lambda url: self._http(self._account(url), writing_budget))
        self._client = SalesforceClient(self._reading, own.version)
        self._first = SalesforceClient(self._writing, own.version)
        self._contacts = Contacts(
            instance=self._writing, client=self._first, lock=ports.lock, account=own.account,
            described=self._described, lead_id_field=own.lead_id_field, source_field=own.source_field,
        )  # fmt: skip
        self._guard = threading.Lock()
        self._exposed: tuple[datetime, Exposed] | None = None

    def __repr__(self) -> str:
        return f"Salesforce({self._own!r})"

    def close(self) -> None:
        for one in (self._reading, self._writing, self._tokens):
            one.close()

    def _account(self, url: str) -> Account:
        return Account(
            crm="Salesforce", key=self._own.account, base_url=url, setting="SALESFORCE_CLIENT_ID",
            headers=self._tokens.headers, renew=self._tokens.renew, seen=self._allowance.see, reads=read_refusal,
        )  # fmt: skip

    def _http(self, account: Account, budget: Budget) -> HttpClient:
        ports = self._ports
        return HttpClient(
            account, budget, now=ports.now, limits=ports.limits, allow_private_hosts=self._own.allow_private_hosts,
            transport=ports.transport, clock=ports.clock,
        )  # fmt: skip

    # --- what it can do ---

    @property
    def capabilities(self) -> Capabilities:
        found = self._look()
        return Capabilities(
            kinds=found.kinds,
            activity_kinds=found.activity_kinds,
            reports_deletions=True,
            reports_merges=True,
            has_stage_history=Kind.DEAL in found.kinds and HISTORY in found.seen,
            can_upsert=True,
            upsert_is_idempotent=False,
            lookup_lag_s=SURELY_FOUND_S,
            counts_are_exact=True,
            missing=found.missing,
        )

    def check(self) -> list[Check]:
        return list(access.checks(self._client, self._allowance, self._own.version, self._own.lead_id_field))

    def _look(self) -> Exposed:
        """One call, which a lead needs too: so it may use the reserve."""
        with self._guard:
            if self._exposed is None or self._ports.now() - self._exposed[0] > EXPOSED_FOR:
                self._exposed = (self._ports.now(), access.exposed(self._first))
            return self._exposed[1]

    def _described(self) -> Raw:
        """Contacts, as the org describes them."""
        contacts = self._look().seen.get(CONTACTS.name)
        return contacts.raw if contacts is not None else {}

    def _demand(self, kind: Kind) -> Exposed:
        found = self._look()
        if kind not in found.kinds:
            raise MissingScopeError(
                found.reason(kind.value) or f"Salesforce: {kind.value}s may not be read.", scope=kind.value
            )
        return found

    # --- the four verbs ---

    def list_owners(self) -> list[Owner]:
        found = self._demand(Kind.OWNER)
        return [reading.owner(raw) for raw in self._all_owners(found)]

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        return self._contacts.upsert(contact, dry_run=dry_run)

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        found = self._demand(Kind.DEAL)
        if owner is not None and not is_id(owner):
            return
        passes, after = self._passes(found, Kind.DEAL), ""
        since = [
            f"{name} >= {moment(_up(at))}"
            for name, at in (("CreatedDate", created_since), ("SystemModstamp", modified_since))
            if at is not None
        ]
        where = both("IsDeleted = false", *since, f"OwnerId = {quoted(owner)}" if owner else "")
        while True:
            rows, size = self._client.first_rows(
                found.fields(DEALS), DEALS.name, both(where, after), "CreatedDate, Id",
                min(self._page_size, MOST_PER_QUERY),
            )  # fmt: skip
            yield from (one for one in passes.in_full(DEALS, rows.records) if isinstance(one, Deal))
            if not rows.records or (rows.is_last and len(rows.records) < size):
                return
            last = rows.records[-1]
            at, row_id = moment(reading.instant(last["CreatedDate"]) or self._ports.now()), quoted(str(last["Id"]))
            after = f"CreatedDate > {at} OR (CreatedDate = {at} AND Id > {row_id})"

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        found = self._look()
        if kind not in found.activity_kinds:
            reason = found.reason(kind.value) or found.reason(Kind.ACTIVITY.value) or "not exposed"
            return ActivityCount(kind=kind, count=None, unavailable=reason)
        if owner is not None and not is_id(owner):
            return ActivityCount(kind=kind, count=0)
        facts = next(one for one in found.objects if kind in one.activities)
        zone = self._org(found).zone
        where = both(
            found.only(facts), _happened(facts, found, since, self._ports.now(), zone),
            f"OwnerId = {quoted(owner)}" if owner else "",
        )  # fmt: skip
        return ActivityCount(kind=kind, count=self._count_of(facts, found, kind, where))

    def _count_of(self, facts: ObjectFacts, found: Exposed, kind: ActivityKind, where: str) -> int:
        """What is told apart is counted apart: what a condition makes of an empty field need not be known."""
        has_subtype = facts is TASKS and found.seen[TASKS.name].has("TaskSubtype")
        subtypes = [name for name, its_kind in KINDS.items() if kind in (its_kind, ActivityKind.TASK)]
        named = both(where, among("TaskSubtype", subtypes)) if has_subtype else ""
        if has_subtype and kind is ActivityKind.TASK:
            return self._not_cancelled(facts, found, where) - self._not_cancelled(facts, found, named)
        return self._not_cancelled(facts, found, named or where)

    def _not_cancelled(self, facts: ObjectFacts, found: Exposed, where: str) -> int:
        count, condition = self._client.count(facts.name, where), facts.cancelled
        if condition and found.seen[facts.name].has(condition.split()[0]):
            count -= self._client.count(facts.name, both(where, condition))
        return count

    def expected_count(self, kind: Kind) -> int | None:
        found = self._look()
        if kind not in found.kinds:
            return None
        if kind in _LISTED:
            return len(self._listed(kind, found))
        try:
            return sum(self._client.count(facts.name, found.only(facts)) for facts in found.of(kind))
        except TooManyError:
            return None

    # --- passes ---

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        found, place = self._demand(kind), place_of(cursor)
        if kind in _LISTED:
            return self._few(kind, place, found)
        _, at = self._client.organization()
        return self._passes(found, kind).pages(place, int((at or self._ports.now()).timestamp()))

    def _passes(self, found: Exposed, kind: Kind) -> Passes:
        return Passes(
            client=self._client, objects=found.of(kind), exposed=found, org=self._org(found),
            page_size=self._page_size, bulk_from=self._bulk_from, pause=self._ports.pause,
        )  # fmt: skip

    def _org(self, found: Exposed) -> OrgFacts:
        raw, _ = self._client.organization()
        return OrgFacts(_zone(raw), self._own.assumed_currency, found.prefixes)

    def _few(self, kind: Kind, place: Place, found: Exposed) -> Iterator[Page]:
        """Kinds that are few are listed in full each time."""
        records = self._listed(kind, found)
        start = int(place.after or 0) if place.until else 0
        while True:
            stop = start + self._page_size
            is_last = stop >= len(records)
            after = Place() if is_last else Place(until=1, part=kind.value, after=str(stop))
            yield Page(changes=tuple(records[start:stop]), cursor=after.text(), done=is_last)
            if is_last:
                return
            start = stop

    def _listed(self, kind: Kind, found: Exposed) -> list[Change]:
        if kind is Kind.OWNER:
            return list(map(reading.owner, self._all_owners(found)))
        if kind is Kind.TEAM:
            rows = self._client.all_rows(select(found.beside(objects.TEAMS), objects.TEAMS), objects.TEAMS)
            return [reading.team(raw) for raw in _by_id(rows)]
        pipelines = self._pipelines(found)
        if kind is Kind.PIPELINE:
            return [reading.pipeline(raw, place) for place, raw in enumerate(pipelines)]
        return list(self._stages(found, pipelines))

    def _all_owners(self, found: Exposed) -> list[Raw]:
        """People who sell, those who left included; and queues, which own what nobody has taken yet."""
        fields, where = found.beside(objects.USERS), among("UserType", objects.PEOPLE)
        rows = _by_id(self._client.all_rows(select(fields, objects.USERS, where), objects.USERS))
        if objects.TEAMS not in found.seen:
            rows = [row | {"UserRoleId": None} for row in rows]
        queues = found.beside(objects.QUEUES)
        if queues:
            rows += _by_id(self._client.all_rows(select(queues, objects.QUEUES, "Type = 'Queue'"), objects.QUEUES))
        return rows

    def _pipelines(self, found: Exposed) -> list[Raw]:
        """Record types of deals; and one for deals without, where there are such."""
        types, rows = found.beside(objects.RECORD_TYPES), list[Raw]()
        if types and found.seen.get(DEALS.name) and found.seen[DEALS.name].has(RECORD_TYPE):
            soql = select(types, objects.RECORD_TYPES, "SobjectType = 'Opportunity'")
            rows = _by_id(self._client.all_rows(soql, objects.RECORD_TYPES))
        if not rows or self._has_deals_without():
            rows.append({"Id": NO_PIPELINE, "Name": "Opportunities"})
        return rows

    def _has_deals_without(self) -> bool:
        try:
            return self._client.count(DEALS.name, f"{RECORD_TYPE} = null") > 0
        except TooManyError:
            return True

    def _stages(self, found: Exposed, pipelines: list[Raw]) -> Iterator[Change]:
        rows = _by_id(self._client.all_rows(select(found.beside(objects.STAGES), objects.STAGES), objects.STAGES))
        for one in pipelines:
            named = self._client.stage_names(MASTER_TYPE if one["Id"] == NO_PIPELINE else str(one["Id"]))
            for raw in rows:
                is_used = raw.get("ApiName") in named if named is not None else raw.get("IsActive") is not False
                if is_used:
                    yield reading.stage(raw, str(one["Id"]))


_LISTED = frozenset({Kind.OWNER, Kind.TEAM, Kind.PIPELINE, Kind.STAGE})


def _by_id(rows: list[Raw]) -> list[Raw]:
    return sorted(rows, key=lambda row: str(row["Id"]))


def _up(at: datetime) -> datetime:
    """The first millisecond that is not before."""
    rest = at.microsecond % 1000
    return at if rest == 0 else at + timedelta(microseconds=1000 - rest)


def _happened(facts: ObjectFacts, found: Exposed, since: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """The condition of having happened by now: at a time; or on a day, where there is no time that counts."""
    seen = found.seen[facts.name]
    at_time = both(
        f"{facts.at} <= {moment(now)}", f"{facts.at} >= {moment(_up(since))}" if since is not None else "",
    )  # fmt: skip
    has_time, has_day = seen.has(facts.at), bool(facts.day) and seen.has(facts.day)
    if not has_day or (has_time and not seen.has(facts.timed.split()[0])):
        return at_time
    first = _first_day(since, zone) if since is not None else None
    on_day = both(f"{facts.day} <= {day(now.astimezone(zone).date())}", f"{facts.day} >= {day(first)}" if first else "")
    if not has_time:
        return on_day
    other = "CompletedDateTime = null" if facts is TASKS else "IsAllDayEvent = true"
    return f"({both(facts.timed, at_time)}) OR ({both(other, on_day)})"


def _first_day(since: datetime, zone: ZoneInfo) -> date:
    """The first day that begins at or after that moment."""
    local = since.astimezone(zone)
    begins = datetime(local.year, local.month, local.day, tzinfo=zone)
    return local.date() if begins.astimezone(UTC) >= since.astimezone(UTC) else local.date() + timedelta(days=1)


def _zone(raw: Mapping[str, object]) -> ZoneInfo:
    try:
        return ZoneInfo(str(raw.get("TimeZoneSidKey")))
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
