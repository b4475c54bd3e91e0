"""HubSpot: implements `CrmAdapter` over its CRM API, v3 or a dated version."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from adapters.base import ActivityCount, Budget, Capabilities, Check, ContactInput, Page, UpsertResult
from adapters.errors import MissingScopeError
from adapters.http import Account, HttpClient, Limits
from adapters.hubspot import access, reading
from adapters.hubspot.access import Exposed
from adapters.hubspot.client import MOST_FOUND, MOST_LISTED, HubSpotClient, Raw
from adapters.hubspot.contacts import Contacts
from adapters.hubspot.limits import Allowance, PlanBudget, read_refusal
from adapters.hubspot.objects import DEALS, Paths
from adapters.hubspot.passes import Passes, Place, place_of
from adapters.hubspot.reading import AccountFacts
from adapters.records import ActivityKind, Change, Deal, Kind, Owner

BASE_URL = "https://api.hubapi.com"
EXPOSED_FOR = timedelta(minutes=10)
"""A right that is granted meanwhile counts after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotAccess:
    """token: of a private app. version: "v3", or a dated one. lead_id_property, source_property: contact properties in
    which the lead's id and source are kept; None: they are not sent."""

    token: str = field(repr=False)
    base_url: str = BASE_URL
    version: str = "v3"
    lead_id_property: str | None = None
    source_property: str | None = None
    allow_private_hosts: bool = False

    @property
    def account(self) -> str:
        """Names the account's budget without telling the token."""
        return f"hubspot {hashlib.sha256(self.token.encode()).hexdigest()[:16]}"


class HubSpot:
    """Implements `CrmAdapter`; any number of threads may use it. budget, search_budget: made for the rates of
    `limits`. now: the clock (aware). transport, clock, limits: replaced by tests."""

    provider = "hubspot"

    def __init__(
        self,
        own: HubSpotAccess,
        *,
        budget: Budget,
        search_budget: Budget,
        now: Callable[[], datetime],
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] | None = None,
        limits: Limits | None = None,
        page_size: int = MOST_FOUND,
    ) -> None:
        self._own, self._now, self._page_size = own, now, page_size
        allowance, paths = Allowance(now), Paths(own.version)

        def http(budget: Budget, suffix: str = "") -> HttpClient:
            account = Account(
                crm="HubSpot", key=own.account + suffix, base_url=own.base_url, setting="HUBSPOT_API_KEY",
                headers=lambda: {"authorization": f"Bearer {own.token}"}, seen=allowance.see, reads=read_refusal,
            )  # fmt: skip
            more = {"clock": clock} if clock is not None else {}
            return HttpClient(
                account, budget, now=now, limits=limits, allow_private_hosts=own.allow_private_hosts,
                transport=transport, **more,
            )  # fmt: skip

        self._client = HubSpotClient(
            http(PlanBudget(budget, allowance)),
            http(PlanBudget(search_budget, allowance, has_plan_rate=False), " search"),
            paths,
        )
        self._writing = http(PlanBudget(budget, allowance, may_use_reserve=True))
        self._contacts = Contacts(
            http=self._writing, paths=paths, lead_id_property=own.lead_id_property, source_property=own.source_property
        )
        self._guard = threading.Lock()
        self._exposed: tuple[datetime, Exposed] | None = None

    def __repr__(self) -> str:
        return f"HubSpot({self._own!r})"

    def close(self) -> None:
        self._client.close()
        self._writing.close()

    # --- what it can do ---

    @property
    def capabilities(self) -> Capabilities:
        found = self._look()
        return Capabilities(
            kinds=found.kinds,
            activity_kinds=found.activity_kinds,
            reports_deletions=True,
            reports_merges=True,
            has_stage_history=Kind.DEAL in found.kinds,
            can_upsert=True,
            upsert_is_idempotent=True,
            counts_are_exact=True,
            missing=found.missing,
        )

    def check(self) -> list[Check]:
        return list(access.checks(self._client, self._own.token))

    def _look(self) -> Exposed:
        with self._guard:
            if self._exposed is None or self._now() - self._exposed[0] > EXPOSED_FOR:
                self._exposed = (self._now(), access.exposed(self._client))
            return self._exposed[1]

    def _demand(self, kind: Kind) -> Exposed:
        found = self._look()
        if kind not in found.kinds:
            raise MissingScopeError(
                found.reason(kind.value) or f"HubSpot: {kind.value}s are not exposed.", scope=kind.value
            )
        return found

    # --- the four verbs ---

    def list_owners(self) -> list[Owner]:
        self._demand(Kind.OWNER)
        return [reading.owner(raw) for raw in self._all_owners()]

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        return self._contacts.upsert(contact, dry_run=dry_run)

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        found = self._demand(Kind.DEAL)
        filters = [*_since(DEALS.created, created_since), *_since(DEALS.modified, modified_since), *_owned(owner)]
        ages = sorted((str(row["properties"].get(DEALS.created) or ""), int(row["id"])) for row in self._ids(filters))
        passes, ids = self._passes(found, Kind.DEAL), [{"id": str(deal_id)} for _, deal_id in ages]
        for start in range(0, len(ids), MOST_LISTED):
            chunk = ids[start : start + MOST_LISTED]
            deals = {one.external_id: one for one in passes.in_full(DEALS, chunk) if isinstance(one, Deal)}
            yield from (deals[row["id"]] for row in chunk if row["id"] in deals)

    def _ids(self, filters: list[dict[str, object]]) -> Iterator[Raw]:
        after: str | None = "0"
        while after is not None:
            rows, after = self._client.found(
                DEALS, filters, limit=MOST_FOUND, properties=(DEALS.created,), after_id=after
            )
            yield from rows

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        found = self._look()
        facts = next((one for one in found.objects if one.activity is kind), None)
        if facts is None:
            reason = found.reason(kind.value) or found.reason(Kind.ACTIVITY.value) or "not exposed"
            return ActivityCount(kind=kind, count=None, unavailable=reason)
        filters: list[dict[str, object]] = [
            {"propertyName": facts.at, "operator": "LTE", "value": _ms(self._now())},
            *_since(facts.at, since),
            *_owned(owner),
        ]
        count = self._client.count(facts, filters)
        if facts.cancelled is not None:
            # Counted apart: whether "is not cancelled" is true of a record without an outcome is not documented.
            name, value = facts.cancelled
            count -= self._client.count(facts, [*filters, {"propertyName": name, "operator": "EQ", "value": value}])
        return ActivityCount(kind=kind, count=count)

    def expected_count(self, kind: Kind) -> int | None:
        found = self._look()
        if kind not in found.kinds:
            return None
        if kind in _LISTED:
            return len(self._listed(kind))
        return sum(self._client.count(facts, []) for facts in found.of(kind))

    # --- passes ---

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        found = self._demand(kind)
        place = place_of(cursor)
        if kind in _LISTED:
            return self._few(kind, place)
        return self._passes(found, kind).pages(place, self._time_there())

    def _passes(self, found: Exposed, kind: Kind) -> Passes:
        names = frozenset(facts.name for facts in found.objects)
        return Passes(self._client, found.of(kind), names, self._account(found), self._page_size)

    def _time_there(self) -> int:
        """Now in milliseconds, by the clock that dates the records, to the end of the second that it tells."""
        _, at = self._client.account()
        return int((at or self._now()).timestamp()) * 1000 + 999

    def _account(self, found: Exposed) -> AccountFacts:
        raw, _ = self._client.account()
        stages = (
            [one for pipeline in self._client.pipelines() for one in reading.stages_of(pipeline)]
            if (found.pipelines)
            else []
        )
        statuses = {stage.external_id: stage.status for stage in stages}
        pipelines = self._client.lead_pipelines() if found.of(Kind.LEAD) else []
        named = {one.external_id: one.name for each in pipelines for one in reading.stages_of(each) if one.name}
        return AccountFacts(str(raw.get("companyCurrency") or "") or None, _zone(raw), statuses, named)

    def _few(self, kind: Kind, place: Place) -> Iterator[Page]:
        """Kinds that are few are listed in full each time."""
        records = self._listed(kind)
        start = int(place.after or 0) if place.until else 0
        while True:
            stop = start + self._page_size
            is_last = stop >= len(records)
            after = Place() if is_last else Place(until=1, part=kind.value, after=str(stop))
            yield Page(changes=tuple(records[start:stop]), cursor=after.text(), done=is_last)
            if is_last:
                return
            start = stop

    def _listed(self, kind: Kind) -> list[Change]:
        if kind in (Kind.OWNER, Kind.TEAM):
            owners = self._all_owners()
            return list(map(reading.owner, owners)) if kind is Kind.OWNER else list(reading.teams_of(owners))
        pipelines = self._client.pipelines()
        if kind is Kind.PIPELINE:
            return list(map(reading.pipeline, pipelines))
        return [stage for raw in pipelines for stage in reading.stages_of(raw)]

    def _all_owners(self) -> list[Raw]:
        """Those who left included; somebody who just left is listed once, as gone."""
        found: dict[str, Raw] = {}
        for archived in (False, True):
            after: str | None = None
            while True:
                rows, after = self._client.owners(after, min(self._page_size, MOST_LISTED), archived=archived)
                found |= {str(row["id"]): row for row in rows}
                if after is None:
                    break
        return [found[one] for one in sorted(found)]


_LISTED = frozenset({Kind.OWNER, Kind.TEAM, Kind.PIPELINE, Kind.STAGE})


def _since(name: str, since: datetime | None) -> list[dict[str, object]]:
    return [] if since is None else [{"propertyName": name, "operator": "GTE", "value": _ms(since)}]


def _owned(owner: str | None) -> list[dict[str, object]]:
    return [] if owner is None else [{"propertyName": "hubspot_owner_id", "operator": "EQ", "value": owner}]


def _ms(at: datetime) -> str:
    """Milliseconds, of the first one that is not before `at`."""
    before_1970 = datetime(1970, 1, 1, tzinfo=UTC) - at.astimezone(UTC)
    return str(-(before_1970 // timedelta(milliseconds=1)))


def _zone(raw: Mapping[str, object]) -> ZoneInfo:
    try:
        return ZoneInfo(str(raw.get("timeZone")))
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
