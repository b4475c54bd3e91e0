"""Nutshell: implements `CrmAdapter` over its REST API."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    Page,
    UpsertResult,
)
from adapters.errors import MissingScopeError
from adapters.http import Account, HttpClient, Limits
from adapters.nutshell import access, reading
from adapters.nutshell.access import Exposed
from adapters.nutshell.client import MOST_LISTED, NutshellClient, Raw
from adapters.nutshell.contacts import LOOKUP_LAG, Contacts, FieldNames
from adapters.nutshell.history import payloads
from adapters.nutshell.limits import read_refusal
from adapters.nutshell.objects import DEALS, INDUSTRIES, OBJECTS, SOURCES
from adapters.nutshell.passes import Passes, Place, place_of
from adapters.nutshell.reading import AccountFacts
from adapters.nutshell.tally import Tally
from adapters.records import ActivityKind, Change, Deal, Kind, Owner, Rejection

BASE_URL = "https://app.nutshell.com"
EXPOSED_FOR = timedelta(minutes=10)
"""A right that is granted meanwhile counts after that."""
MANY = 100
"""Of so many deals the whole feed is read for their history, instead of each one's."""
_LISTED = frozenset({Kind.OWNER, Kind.PIPELINE, Kind.STAGE})
_FACTS = {facts.kind: facts for facts in OBJECTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class NutshellAccess:
    """email: of the user for whom the key acts. zone: of the days of close dates. fields: custom fields of people that
    leads fill. activity_types: what activities of a type count as, by its name in lower case, where the name does not
    say it."""

    email: str
    api_key: str = field(repr=False)
    base_url: str = BASE_URL
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    fields: FieldNames = field(default_factory=FieldNames)
    activity_types: Mapping[str, ActivityKind] = field(default_factory=dict)
    allow_private_hosts: bool = False

    @property
    def account(self) -> str:
        """Names the account's budget without telling the key."""
        return f"nutshell {hashlib.sha256(self.api_key.encode()).hexdigest()[:16]}"

    @property
    def origin(self) -> str:
        """The base URL without the `/rest` that Nutshell's own pages write behind it."""
        return self.base_url.rstrip("/").removesuffix("/rest")

    def headers(self) -> Mapping[str, str]:
        pair = base64.b64encode(f"{self.email}:{self.api_key}".encode()).decode()
        return {"authorization": f"Basic {pair}"}


class Nutshell:
    """Implements `CrmAdapter`; any number of threads may use it. budget: made for the rate of `limits`. lock: shared by
    all who write leads. now: the clock (aware). transport, clock, limits: replaced by tests."""

    provider = "nutshell"

    def __init__(
        self,
        own: NutshellAccess,
        *,
        budget: Budget,
        now: Callable[[], datetime],
        lock: Lock | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] | None = None,
        limits: Limits | None = None,
        page_size: int = MOST_LISTED,
    ) -> None:
        self._own, self._now, self._page_size = own, now, page_size
        account = Account(
            crm="Nutshell", key=own.account, base_url=own.origin, setting="NUTSHELL_API_KEY", headers=own.headers,
            reads=read_refusal,
        )  # fmt: skip
        more = {"clock": clock} if clock is not None else {}
        http = HttpClient(
            account, budget, now=now, limits=limits, allow_private_hosts=own.allow_private_hosts, transport=transport,
            **more,
        )  # fmt: skip
        self._client = NutshellClient(http)
        self._contacts = Contacts(
            http=http, client=self._client, lock=lock or MemoryLock(), account=own.account, fields=own.fields, now=now
        )
        self._guard, self._counting = threading.Lock(), threading.Lock()
        self._exposed: tuple[datetime, Exposed] | None = None
        self._labels: tuple[datetime, dict[str, str], dict[str, str]] | None = None
        self._tally: Tally | None = None

    def __repr__(self) -> str:
        return f"Nutshell({self._own!r})"

    def close(self) -> None:
        self._client.close()

    # --- what it can do ---

    @property
    def capabilities(self) -> Capabilities:
        found = self._look()
        return Capabilities(
            kinds=found.kinds,
            activity_kinds=found.activity_kinds,
            reports_deletions=found.has_feed,
            reports_merges=found.has_feed,
            has_stage_history=found.has_feed and Kind.DEAL in found.kinds,
            can_upsert=True,
            lookup_lag_s=LOOKUP_LAG.total_seconds(),
            counts_are_exact=True,
            missing=found.missing,
        )

    def check(self) -> list[Check]:
        return list(access.checks(self._client, self._own.email, self._own.fields, self._own.activity_types))

    def _look(self) -> Exposed:
        with self._guard:
            if self._exposed is None or self._now() - self._exposed[0] > EXPOSED_FOR:
                self._exposed = (self._now(), access.exposed(self._client, self._own.activity_types))
            return self._exposed[1]

    def _demand(self, kind: Kind) -> Exposed:
        found = self._look()
        if kind not in found.kinds:
            reason = found.reason(kind.value) or f"Nutshell: {kind.value}s are not exposed."
            raise MissingScopeError(reason, scope=kind.value)
        return found

    # --- the four verbs ---

    def list_owners(self) -> list[Owner]:
        self._demand(Kind.OWNER)
        return [reading.owner(raw) for raw in self._client.users()]

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        return self._contacts.upsert(contact, dry_run=dry_run)

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        exposed = self._demand(Kind.DEAL)
        passes = self._passes(exposed, Kind.DEAL)
        is_told = modified_since is not None and exposed.has_feed
        rows = self._touched(modified_since) if is_told else self._created(created_since)
        chosen = [row for row in rows if owner is None or reading.user_of(row) == owner]
        deals = passes.in_full(chosen, with_feed=len(chosen) > MANY)
        found = [deal for deal in deals if isinstance(deal, Deal) and _is_since(deal, created_since, modified_since)]
        yield from sorted(found, key=lambda deal: (deal.created_at is not None, deal.created_at, deal.external_id))

    def _touched(self, since: datetime | None) -> list[Raw]:
        events = self._client.history(DEALS, since=since)
        ids = dict.fromkeys(one for event in events for one in payloads(event) if DEALS.owns(one))
        return [row for row in self._client.read(DEALS, list(ids)) if not reading.is_deleted(row)]

    def _created(self, since: datetime | None) -> list[Raw]:
        """Leads created since then. Nutshell's filter by time has no settled grammar, so the newest are read until one
        is older."""
        found: dict[str, Raw] = {}
        number = 0
        while True:
            rows, _ = self._client.page(DEALS, number, min(self._page_size, MOST_LISTED), newest_first=True)
            found |= {str(row["id"]): row for row in rows}
            ages = [at for row in rows if (at := reading.created_at(row)) is not None]
            if not rows or (since is not None and ages and min(ages) < since):
                return list(found.values())
            number += 1

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        found = self._look()
        if kind not in found.activity_kinds:
            reason = found.reason(kind.value) or found.reason(Kind.ACTIVITY.value) or "not exposed"
            return ActivityCount(kind=kind, count=None, unavailable=reason)
        return ActivityCount(kind=kind, count=self._counted(found, since).count(kind, owner, since, self._now()))

    def _counted(self, found: Exposed, since: datetime | None) -> Tally:
        """Nutshell counts nothing by kind and owner: what was counted through is kept for a moment, since who asks for
        one owner asks for the next."""
        account = AccountFacts(kinds=found.kinds_of_types)
        with self._counting:
            if self._tally is None or not self._tally.covers(since, self._now()):
                self._tally = Tally.of(self._client, account, since, self._now())
            return self._tally

    def expected_count(self, kind: Kind) -> int | None:
        found = self._look()
        if kind not in found.kinds:
            return None
        if kind in _LISTED:
            return len(self._listed(kind)[0])
        return self._client.page(_FACTS[kind], 0, 1)[1]

    # --- passes ---

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        found = self._demand(kind)
        place = place_of(cursor)
        if kind in _LISTED:
            return self._few(kind, place)
        at = self._client.time() or self._now()
        return self._passes(found, kind).pages(place, int(at.timestamp()))

    def _passes(self, found: Exposed, kind: Kind) -> Passes:
        return Passes(self._client, _FACTS[kind], self._account(found), self._page_size, found.has_feed)

    def _account(self, found: Exposed) -> AccountFacts:
        with self._guard:
            if self._labels is None or self._now() - self._labels[0] > EXPOSED_FOR:
                labels = [self._client.labels(path, path) for path in (SOURCES, INDUSTRIES)]
                self._labels = (self._now(), labels[0], labels[1])
            _, sources, industries = self._labels
        return AccountFacts(self._own.zone, found.kinds_of_types, sources, industries)

    def _few(self, kind: Kind, place: Place) -> Iterator[Page]:
        """Kinds that are few are listed in full each time."""
        records, odd = self._listed(kind)
        start = int(place.after or 0) if place.until else 0
        while True:
            stop = start + self._page_size
            is_last = stop >= len(records)
            after = Place() if is_last else Place(until=1, phase=kind.value, after=str(stop))
            rejected = tuple(odd) if is_last else ()
            yield Page(changes=tuple(records[start:stop]), cursor=after.text(), done=is_last, rejections=rejected)
            if is_last:
                return
            start = stop

    def _listed(self, kind: Kind) -> tuple[list[Change], list[Rejection]]:
        if kind is Kind.OWNER:
            return list(map(reading.owner, self._client.users())), []
        if kind is Kind.PIPELINE:
            return [reading.pipeline(raw, place) for place, raw in enumerate(self._client.stagesets())], []
        made = [(raw, reading.stage(raw)) for raw in self._client.stages()]
        odd = [_odd(raw) for raw, stage in made if stage is None]
        return [stage for _, stage in made if stage is not None], odd


def _odd(stage: Raw) -> Rejection:
    return Rejection(source="Nutshell: stages", line=None, reason="It names no pipeline.", row=stage)


def _is_since(deal: Deal, created: datetime | None, modified: datetime | None) -> bool:
    is_created = created is None or (deal.created_at is not None and deal.created_at >= created)
    return is_created and (modified is None or deal.modified_at is None or deal.modified_at >= modified)
