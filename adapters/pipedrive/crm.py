"""Pipedrive: implements `CrmAdapter` over its API, v2 and what is left of v1."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import httpx

from adapters.base import ActivityCount, Budget, Capabilities, Check, ContactInput, Lock, MemoryLock, Page, UpsertResult
from adapters.currencies import CODE
from adapters.errors import MissingScopeError
from adapters.http import Account, HttpClient, Limits
from adapters.pipedrive import access, reading
from adapters.pipedrive.access import Exposed
from adapters.pipedrive.client import MOST_LISTED, PipedriveClient
from adapters.pipedrive.contacts import Contacts
from adapters.pipedrive.leads import LeadPasses
from adapters.pipedrive.limits import Allowance, PlanBudget, read_refusal
from adapters.pipedrive.objects import ACTIVITIES, ARCHIVED_DEALS, DEALS, OTHER_ACTIVITY, Listing
from adapters.pipedrive.passes import Passes, Place, place_of
from adapters.pipedrive.reading import AccountFacts
from adapters.pipedrive.values import happened_at, said
from adapters.records import ActivityKind, Change, Deal, Kind, Owner

BASE_URL = "https://api.pipedrive.com"
EXPOSED_FOR = timedelta(hours=6)
"""The look at all objects costs some 150 tokens."""
LOOKED_AGAIN = timedelta(minutes=10)
"""Where something was missing: a right that is granted meanwhile counts after that."""
LOOKUP_LAG_S = 30.0
"""New persons are looked for in the list of what was modified lately, which does not lag as the search does; a request
that was given up may be at work there for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipedriveAccess:
    """token: of a user. lead_id_field, source_field: keys of person fields in which the lead's id and source are kept;
    None: they are not sent. activity_types: what the account's own types are, by key or name in small letters."""

    token: str = field(repr=False)
    base_url: str = BASE_URL
    lead_id_field: str | None = None
    source_field: str | None = None
    activity_types: Mapping[str, ActivityKind] = field(default_factory=dict)
    allow_private_hosts: bool = False

    @property
    def account(self) -> str:
        """Names the account's budget without telling the token."""
        return f"pipedrive {hashlib.sha256(self.token.encode()).hexdigest()[:16]}"


class Pipedrive:
    """Implements `CrmAdapter`; any number of threads may use it. budget, search_budget: made for the rates of
    `limits`. lock: held while one address is written, for Pipedrive keeps none unique; it must be shared by all who
    write. now: the clock (aware). transport, clock, limits: replaced by tests."""

    provider = "pipedrive"

    def __init__(
        self,
        own: PipedriveAccess,
        *,
        budget: Budget,
        search_budget: Budget,
        now: Callable[[], datetime],
        lock: Lock | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] | None = None,
        limits: Limits | None = None,
        page_size: int = MOST_LISTED,
    ) -> None:
        self._own, self._now, self._page_size = own, now, page_size
        self._allowance = Allowance(now)
        account = Account(
            crm="Pipedrive", key=own.account, base_url=own.base_url, setting="PIPEDRIVE_API_TOKEN",
            headers=lambda: {"x-api-token": own.token}, seen=self._allowance.see, reads=read_refusal,
        )  # fmt: skip

        def http(budget: Budget) -> HttpClient:
            more = {"clock": clock} if clock is not None else {}
            return HttpClient(
                account, budget, now=now, limits=limits, allow_private_hosts=own.allow_private_hosts,
                transport=transport, **more,
            )  # fmt: skip

        self._client = PipedriveClient(http(PlanBudget(budget, self._allowance)))
        self._writing = http(PlanBudget(budget, self._allowance, may_use_reserve=True))
        self._searching = http(PlanBudget(budget, self._allowance, searches=search_budget, may_use_reserve=True))
        self._contacts = Contacts(
            http=self._writing, searching=self._searching, lock=lock or MemoryLock(), account=own.account,
            lead_id_field=own.lead_id_field, source_field=own.source_field,
        )  # fmt: skip
        self._guard = threading.Lock()
        self._exposed: tuple[datetime, Exposed] | None = None

    def __repr__(self) -> str:
        return f"Pipedrive({self._own!r})"

    def close(self) -> None:
        self._client.close()
        self._writing.close()
        self._searching.close()

    # --- what it can do ---

    @property
    def capabilities(self) -> Capabilities:
        found = self._look()
        return Capabilities(
            kinds=found.kinds,
            activity_kinds=found.activity_kinds,
            reports_deletions=True,
            reports_merges=False,
            has_stage_history=Kind.DEAL in found.kinds,
            can_upsert=True,
            upsert_is_idempotent=False,
            lookup_lag_s=LOOKUP_LAG_S,
            counts_are_exact=False,
            missing=found.missing,
        )

    def check(self) -> list[Check]:
        return list(access.checks(self._client, self._allowance, self._own.activity_types))

    def _look(self) -> Exposed:
        with self._guard:
            if self._exposed is None or self._now() - self._exposed[0] > self._holds_for(self._exposed[1]):
                self._exposed = (self._now(), access.exposed(self._client, self._own.activity_types))
            return self._exposed[1]

    def _holds_for(self, found: Exposed) -> timedelta:
        return EXPOSED_FOR if found.kinds >= set(Kind) - {Kind.PRODUCT} else LOOKED_AGAIN

    def _demand(self, kind: Kind) -> Exposed:
        found = self._look()
        if kind not in found.kinds:
            raise MissingScopeError(
                found.reason(kind.value) or f"Pipedrive: {kind.value}s are not exposed.", scope=kind.value
            )
        return found

    # --- the four verbs ---

    def list_owners(self) -> list[Owner]:
        return [one for one in self._listed(self._demand(Kind.OWNER), Kind.OWNER) if isinstance(one, Owner)]

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        return self._contacts.upsert(contact, dry_run=dry_run)

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        """With the present stage and no earlier ones, which would cost a request and twenty tokens each."""
        self._demand(Kind.DEAL)
        if owner is not None and not owner.isdigit():
            return
        more = {"owner_id": owner} if owner is not None else {}
        found: dict[str, Deal] = {}
        for listing in (DEALS, ARCHIVED_DEALS):
            for deal in self._deals(listing, created_since, modified_since, more):
                found[deal.external_id] = deal
        yield from sorted(found.values(), key=_age)

    def _deals(
        self, listing: Listing, created: datetime | None, modified: datetime | None, more: Mapping[str, str]
    ) -> Iterator[Deal]:
        """There is no filter by creation: the youngest first, until one is too old."""
        order = {"sort_by": "add_time", "sort_direction": "desc"} if created is not None else {}
        for raw in self._client.every(listing, since=modified, **more, **order):
            deal = reading.deal_or_gone(raw, ())
            if not isinstance(deal, Deal):
                continue
            if created is not None and deal.created_at is not None and deal.created_at < created:
                return
            if modified is None or deal.modified_at is None or deal.modified_at >= modified:
                yield deal

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        """Counted here: Pipedrive can filter neither by type nor by time."""
        found = self._look()
        if kind not in found.activity_kinds:
            reason = found.reason(kind.value) or found.reason(Kind.ACTIVITY.value) or "not exposed"
            return ActivityCount(kind=kind, count=None, unavailable=reason)
        if owner is not None and not owner.isdigit():
            return ActivityCount(kind=kind, count=0)
        kinds = access.kinds_of(found.types, self._own.activity_types)
        more = {"owner_id": owner} if owner is not None else {}
        count = 0
        # Whatever happened since was ticked off since, and so modified since.
        for raw in self._client.every(ACTIVITIES, since=since, **more):
            if kinds.get(said(raw, "type") or "", OTHER_ACTIVITY) is kind:
                at = happened_at(raw)
                count += at is None or (at <= self._now() and (since is None or at >= since))
        return ActivityCount(kind=kind, count=count)

    def expected_count(self, kind: Kind) -> int | None:
        """Pipedrive tells no totals."""
        return None

    # --- passes ---

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        found = self._demand(kind)
        place = place_of(cursor)
        if kind in _LISTED:
            return self._few(found, kind, place)
        user, at = self._client.me()
        now_s = int((at or self._now()).timestamp())
        if kind is Kind.LEAD:
            return LeadPasses(self._client, self._page_size, Kind.DEAL in found.kinds).pages(place, now_s)
        facts = AccountFacts(_currency(user), access.kinds_of(found.types, self._own.activity_types))
        return Passes(self._client, kind, facts, self._page_size).pages(place, now_s)

    def _few(self, found: Exposed, kind: Kind, place: Place) -> Iterator[Page]:
        """Kinds that are few are listed in full each time."""
        records, start = self._listed(found, kind), max(place.last, 0)
        while True:
            stop = start + self._page_size
            is_last = stop >= len(records)
            after = Place() if is_last else Place(started=1, part=kind.value, last=stop)
            yield Page(changes=tuple(records[start:stop]), cursor=after.text(), done=is_last)
            if is_last:
                return
            start = stop

    def _listed(self, found: Exposed, kind: Kind) -> list[Change]:
        if kind in (Kind.PIPELINE, Kind.STAGE):
            rows = self._client.pipelines() if kind is Kind.PIPELINE else self._client.stages()
            make: Callable[..., Change] = reading.pipeline if kind is Kind.PIPELINE else reading.stage
        else:
            teams = self._client.teams() or [] if Kind.TEAM in found.kinds else []
            rows = self._client.users() if kind is Kind.OWNER else teams
            make = partial(reading.owner, teams=teams) if kind is Kind.OWNER else reading.team
        once = {int(row["id"]): row for row in rows}
        return [make(once[one]) for one in sorted(once)]


_LISTED = frozenset({Kind.OWNER, Kind.TEAM, Kind.PIPELINE, Kind.STAGE})


def _age(deal: Deal) -> tuple[float, int]:
    return deal.created_at.timestamp() if deal.created_at is not None else 0.0, int(deal.external_id)


def _currency(user: Mapping[str, object]) -> str | None:
    told = str(user.get("default_currency") or "")
    return told if CODE.match(told) else None
