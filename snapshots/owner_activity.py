"""What each owner of a CRM did in some days, and the deals behind it, under the CRM's own ids.

There are two ways to know it: `StoredActivity` reads snapshots, `LiveActivity` asks the CRM. Both say the same things,
so that whoever prints them need not know which one it was. Nothing here turns what is not told into zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import text

from adapters.base import CrmAdapter
from adapters.records import ActivityKind, Deal, Kind
from snapshots import status
from snapshots.organizations import CrmConnection
from snapshots.reads import Reader
from snapshots.rows import DealSet, Order, deal_rows
from snapshots.slices import Slice

KINDS = (ActivityKind.EMAIL, ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.APPOINTMENT)
PLANNED = frozenset({ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.APPOINTMENT})
"""Kinds that stand in a calendar before they happen."""
CREATED = "created"
"""The part that counts deals; the others are named as their kind of activity."""
MOST_ID = 2**63 - 1

Parts = Mapping[str, int | None]
"""Counts by part; None: the CRM does not tell."""


@dataclass(frozen=True, slots=True)
class Days:
    """From a first to a last day, both included, in the organization's time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @classmethod
    def until(cls, last: date, number: int, zone: ZoneInfo) -> Days:
        """So many days, of which the last is `last`."""
        return cls(last - timedelta(days=number - 1), last, zone)

    @property
    def begin(self) -> datetime:
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=self.zone)

    @property
    def end(self) -> datetime:
        """The first instant after them."""
        after = self.last + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmOwner:
    """owner_id: the CRM's own, as text. number: our id; None where the CRM itself was asked. others: ids of the CRM
    that were merged into this owner."""

    owner_id: str
    name: str | None
    email: str | None
    is_active: bool
    team: str | None
    connection: str
    number: int | None = None
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmDeal:
    """A deal that was created in the days asked for. owner_id, deal_id: the CRM's own. Names are None where nobody
    gives them."""

    deal_id: str
    name: str | None
    status: str
    owner_id: str
    owner_name: str | None
    owner_email: str | None
    pipeline: str | None
    stage: str | None
    company: str | None
    source: str | None
    amount_minor: int | None
    currency: str | None
    created_on: date | None
    close_on: date | None
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of deals ends: the last one's day of creation, and a number that orders those of that day.

    As text it is two numbers and a dot: any such text is a place, whether a deal stands there or not.
    """

    day: date
    number: int

    def __str__(self) -> str:
        return f"{self.day.toordinal():06}.{self.number}"

    @classmethod
    def read(cls, text: str) -> Place:
        day, _, number = text.partition(".")
        return cls(date.fromordinal(int(day)), int(number))


@dataclass(frozen=True, slots=True)
class DealPage:
    """after: hand it back for the next page; None: this is the last."""

    deals: Sequence[CrmDeal]
    after: Place | None = None


class OwnerActivity(Protocol):
    """A way to know what owners did."""

    def owners(self) -> list[CrmOwner]:
        """All of them by name, inactive ones too."""
        ...

    def parts(self, owners: Sequence[CrmOwner], days: Days) -> list[Parts]:
        """What each of `owners` did, in their order: activities by kind, and the deals created."""
        ...

    def deals(self, owners: Sequence[CrmOwner], days: Days, *, after: Place | None, limit: int) -> DealPage:
        """Up to `limit` of the deals that `CREATED` counts, the newest first."""
        ...


def chosen(owners: Iterable[CrmOwner], *, owner_id: str | None, owner_email: str | None) -> list[CrmOwner]:
    """Those with this id and this e-mail address; None: any."""
    return [
        one
        for one in owners
        if (owner_id is None or owner_id == one.owner_id or owner_id in one.others)
        and (owner_email is None or owner_email.casefold() == (one.email or "").casefold())
    ]


def untold(reader: Reader, connections: Sequence[CrmConnection]) -> dict[str, frozenset[str]]:
    """By the connection's name, which parts its CRM does not expose."""
    missing = status.missing_objects(reader.database, reader.organization.organization_id)
    kinds = missing.groupby("connection")["kind"].agg(frozenset).to_dict()
    return {one.name: parts_of(kinds.get(one.name, frozenset())) for one in connections}


def parts_of(kinds: Iterable[str]) -> frozenset[str]:
    """The parts that cannot be told where these objects are missing."""
    missing = set(kinds)
    all_activities = {kind.value for kind in KINDS} if Kind.ACTIVITY in missing else set()
    deals = {CREATED} if Kind.DEAL in missing else set()
    return frozenset(all_activities | deals | {kind.value for kind in KINDS if kind.value in missing})


# --- snapshots -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """As the snapshots have it, by the reads of the pages. today: the day as of which owners and deals are seen."""

    reader: Reader
    connections: Sequence[CrmConnection]
    today: date

    def owners(self) -> list[CrmOwner]:
        links = self._links()
        people = self.reader.owners(self.today)
        people = people[people["owner_id"].isin(links)]
        return [self._owner(row, links) for row in people.itertuples()]

    def parts(self, owners: Sequence[CrmOwner], days: Days) -> list[Parts]:
        if not owners:
            return []
        slice_ = self._slice(owners, days)
        activities = self.reader.activity_counts(slice_, by_owner=True)
        events = self.reader.deal_events(slice_, by_owner=True)
        counts = Counter(activities.groupby(["owner_id", "kind"])["n"].sum().to_dict())
        created = Counter(events[events["event"] == CREATED].groupby("owner_id")["n"].sum().to_dict())
        missing = untold(self.reader, self.connections)
        return [self._parts(one, counts, created, missing[one.connection]) for one in owners]

    def deals(self, owners: Sequence[CrmOwner], days: Days, *, after: Place | None, limit: int) -> DealPage:
        place = None if after is None else (after.day, min(after.number, MOST_ID))
        if not owners:
            return DealPage(())
        page = deal_rows(
            self.reader,
            self._slice(owners, days),
            DealSet.CREATED,
            order=Order("created_day"),
            after=place,
            limit=limit,
        )
        ids = self._deal_ids([int(one) for one in page.rows["deal_id"]])
        by_number = {one.number: one for one in owners}
        deals = [_stored_deal(row, ids, by_number) for row in page.rows.itertuples()]
        return DealPage(deals, None if page.after is None else Place(_as_day(page.after[0]), int(page.after[1])))

    @staticmethod
    def _parts(owner: CrmOwner, counts: Counter[Any], created: Counter[Any], missing: frozenset[str]) -> Parts:
        found = {kind.value: int(counts[owner.number, kind.value]) for kind in KINDS}
        found[CREATED] = int(created[owner.number])
        # What came before the CRM stopped telling is still counted; nothing counted and not told is not zero.
        return {part: None if part in missing and not n else n for part, n in found.items()}

    def _slice(self, owners: Sequence[CrmOwner], days: Days) -> Slice:
        numbers = tuple(one.number for one in owners if one.number is not None)
        return Slice(first_day=days.first, last_day=days.last, as_of=self.today, owner_ids=numbers)

    def _links(self) -> dict[int, list[tuple[str, bool, int]]]:
        """By our owner id, the CRM's: (external id, whether merged into it, connection)."""
        rows = self._query(
            "SELECT entity_id, external_id, is_merged, connection_id FROM external_links "
            "WHERE organization_id = :o AND kind = 'owner' AND connection_id = ANY(:connections) "
            "ORDER BY entity_id, is_merged, external_id",
            connections=[one.connection_id for one in self.connections],
        )
        return {
            number: [(external, merged, link) for _, external, merged, link in group]
            for number, group in groupby(rows, key=lambda row: int(row[0]))
        }

    def _owner(self, row: Any, links: Mapping[int, list[tuple[str, bool, int]]]) -> CrmOwner:
        names = {one.connection_id: one.name for one in self.connections}
        (external, _, connection_id), *others = links[int(row.owner_id)]
        return CrmOwner(
            owner_id=external,
            name=_text(row.name),
            email=_text(row.email),
            is_active=bool(row.is_active),
            team=_text(row.team),
            connection=names[connection_id],
            number=int(row.owner_id),
            others=frozenset(other for other, *_ in others),
        )

    def _deal_ids(self, numbers: list[int]) -> dict[int, str]:
        rows = self._query(
            "SELECT entity_id, external_id FROM external_links WHERE organization_id = :o AND kind = 'deal' "
            "AND entity_id = ANY(:numbers) ORDER BY is_merged DESC",
            numbers=numbers,
        )
        return {int(number): external for number, external in rows}

    def _query(self, statement: str, **parameters: object) -> list[Any]:
        organization_id = self.reader.organization.organization_id
        with self.reader.database.as_app(organization_id) as connection:
            return list(connection.execute(text(statement), {"o": organization_id, **parameters}))


def _stored_deal(row: Any, ids: Mapping[int, str], owners: Mapping[int | None, CrmOwner]) -> CrmDeal:
    owner = owners[int(row.owner_id)]
    return CrmDeal(
        deal_id=ids[int(row.deal_id)],
        name=_text(row.name),
        status=row.status,
        owner_id=owner.owner_id,
        owner_name=owner.name,
        owner_email=owner.email,
        pipeline=_text(row.pipeline),
        stage=_text(row.stage),
        company=_text(row.company),
        source=_text(row.source),
        amount_minor=None if pd.isna(row.amount_minor) else int(row.amount_minor),
        currency=_text(row.currency),
        created_on=_day(row.created_day),
        close_on=_day(row.close_on),
        closed_on=_day(row.closed_day),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else value.date()


def _as_day(value: object) -> date:
    """Every deal of these days has a day on which it was created."""
    assert isinstance(value, date)
    return value


# --- the CRM itself --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveActivity:
    """As the CRM says at this moment. adapters: by the name of their connection. Raises the errors of
    `adapters.errors`; what fails is never an empty answer."""

    adapters: Mapping[str, CrmAdapter]
    _deals: dict[tuple[str, datetime, datetime], list[Deal]] = field(default_factory=dict)
    _planned: dict[tuple[str, ActivityKind, datetime], bool] = field(default_factory=dict)

    def owners(self) -> list[CrmOwner]:
        found = [
            CrmOwner(
                owner_id=one.external_id,
                name=one.name,
                email=one.email,
                is_active=one.is_active,
                team=None,
                connection=name,
            )
            for name, adapter in self.adapters.items()
            for one in adapter.list_owners()
        ]
        return sorted(found, key=lambda one: (one.name or "", one.owner_id))

    def parts(self, owners: Sequence[CrmOwner], days: Days) -> list[Parts]:
        return [
            {kind.value: self._count(one, kind, days) for kind in KINDS} | {CREATED: self._created(one, days)}
            for one in owners
        ]

    def deals(self, owners: Sequence[CrmOwner], days: Days, *, after: Place | None, limit: int) -> DealPage:
        by_place = {(one.connection, one.owner_id): one for one in owners}
        found = [
            _live_deal(deal, by_place[name, deal.owner_id or ""], days.zone)
            for name in self.adapters
            for deal in self._created_deals(name, days)
            if (name, deal.owner_id or "") in by_place
        ]
        found.sort(key=_newest_first)
        if after is not None:
            found = [one for one in found if _newest_first(one) > (-after.day.toordinal(), after.number)]
        last = found[limit - 1] if len(found) > limit else None
        return DealPage(found[:limit], None if last is None else Place(_as_day(last.created_on), _number(last.deal_id)))

    def _count(self, owner: CrmOwner, kind: ActivityKind, days: Days) -> int | None:
        adapter = self.adapters[owner.connection]
        found = adapter.count_activity(kind=kind, owner=owner.owner_id, since=days.begin).count
        if found and self._plans(owner.connection, kind, days):
            found -= adapter.count_activity(kind=kind, owner=owner.owner_id, since=days.end).count or 0
        return found

    def _plans(self, name: str, kind: ActivityKind, days: Days) -> bool:
        """Whether the CRM counts what stands in anybody's calendar after these days; few do, so it is asked once."""
        if kind not in PLANNED:
            return False
        place = (name, kind, days.end)
        if place not in self._planned:
            self._planned[place] = bool(self.adapters[name].count_activity(kind=kind, since=days.end).count)
        return self._planned[place]

    def _created(self, owner: CrmOwner, days: Days) -> int | None:
        if Kind.DEAL not in self.adapters[owner.connection].capabilities.kinds:
            return None
        return sum(deal.owner_id == owner.owner_id for deal in self._created_deals(owner.connection, days))

    def _created_deals(self, name: str, days: Days) -> list[Deal]:
        place = (name, days.begin, days.end)
        if place not in self._deals:
            found = self.adapters[name].search_deals(created_since=days.begin)
            self._deals[place] = [one for one in found if one.created_at is not None and one.created_at < days.end]
        return self._deals[place]


def _newest_first(deal: CrmDeal) -> tuple[int, int]:
    return -_as_day(deal.created_on).toordinal(), _number(deal.deal_id)


def _number(deal_id: str) -> int:
    """A CRM's id may be any text."""
    return int.from_bytes(deal_id.encode())


def _live_deal(deal: Deal, owner: CrmOwner, zone: ZoneInfo) -> CrmDeal:
    return CrmDeal(
        deal_id=deal.external_id,
        name=deal.name,
        status=deal.status.value,
        owner_id=owner.owner_id,
        owner_name=owner.name,
        owner_email=owner.email,
        pipeline=None,
        stage=None,
        company=None,
        source=deal.source,
        amount_minor=deal.amount_minor,
        currency=deal.currency,
        created_on=deal.created_at.astimezone(zone).date() if deal.created_at else None,
        close_on=deal.close_on,
        closed_on=deal.closed_at.astimezone(zone).date() if deal.closed_at else None,
    )
