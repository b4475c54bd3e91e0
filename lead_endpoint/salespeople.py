"""What the internal routes say of salespeople, as the contracts spell it. The numbers are those of the snapshots, or of
the CRM; here a count that the CRM does not tell becomes 0, and its name is listed beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from adapters.base import CrmAdapter
from insights.people import totals
from lead_endpoint import contracts
from lead_endpoint.access import Denied
from lead_endpoint.contracts import DaysQuery, DealsQuery, OwnersQuery, SalesQuery
from lead_endpoint.crm_health import health_of, synced_at
from lead_endpoint.internal import Asked
from lead_endpoint.messages import problem
from snapshots.organizations import CrmConnection, list_connections
from snapshots.owner_activity import (
    CREATED,
    CrmOwner,
    Days,
    LiveActivity,
    OwnerActivity,
    Parts,
    Place,
    StoredActivity,
    chosen,
)
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer


@contextmanager
def open_salespeople(asked: Asked[SalesQuery], provider: str) -> Iterator[Salespeople]:
    """Those of the CRM `provider`. Raises Denied where it is not connected; where `live` is asked for, also the errors
    of `adapters.errors`."""
    reader = Reader(asked.services.database, Viewer(asked.organization_id, Role.ANALYST))
    connections = _connections(asked, provider)
    with ExitStack() as stack:
        adapters: dict[str, CrmAdapter] = {}
        for one in connections if asked.query.is_live else ():
            adapters[one.name] = stack.enter_context(closing(asked.services.adapter(one)))
        yield Salespeople(reader=reader, connections=connections, now=asked.services.now(), adapters=adapters)


def _connections(asked: Asked[SalesQuery], provider: str) -> list[CrmConnection]:
    active = [one for one in list_connections(asked.services.database, asked.organization_id) if one.is_active]
    found = [one for one in active if one.provider == provider]
    if not found:
        there = ", ".join(sorted({one.provider for one in active})) or "none"
        text = f"{provider[:60]} is not connected to this organization; connected: {there}."
        raise Denied(problem(404, text, field_name="provider"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Salespeople:
    """The salespeople of one provider. adapters: by the name of their connection; empty where snapshots are read."""

    reader: Reader
    connections: Sequence[CrmConnection]
    now: datetime
    adapters: Mapping[str, CrmAdapter]

    def stats(self, query: DaysQuery) -> contracts.Stats:
        days = self._days(query)
        return contracts.Stats(
            days=query.days,
            first_day=days.first,
            last_day=days.last,
            time_zone=self.reader.organization.time_zone,
            source="crm" if self.adapters else "snapshots",
            synced_at=None if self.adapters else synced_at(self.reader, self.connections),
            results=[
                contracts.OwnerStats(**_counts(owner, parts), unavailable=_untold(parts))
                for owner, parts in self._activity(query)
            ],
        )

    def raw(self, query: DaysQuery) -> contracts.Raw:
        return contracts.Raw(
            [
                contracts.RawCounts(
                    **_counts(owner, parts),
                    parts=contracts.Parts(**{_spelt(part): n or 0 for part, n in parts.items()}),
                    unavailable=[*_untold(parts), *(_spelt(part) for part, n in parts.items() if n is None)],
                )
                for owner, parts in self._activity(query)
            ]
        )

    def owners(self, query: OwnersQuery) -> contracts.Owners:
        return contracts.Owners(
            [
                contracts.OwnerEntry(
                    id=one.owner_id,
                    email=one.email,
                    name=one.name,
                    is_active=one.is_active,
                    team=one.team,
                    connection=one.connection,
                )
                for one in self._owners(query)
            ]
        )

    def deals(self, query: DealsQuery) -> tuple[contracts.Deals, str | None]:
        """A page, and where it ends; None: it is the last."""
        after = None if query.after is None else Place.read(query.after)
        page = self._source.deals(self._owners(query), self._days(query), after=after, limit=query.limit)
        deals = contracts.Deals([contracts.DealEntry(**asdict(deal)) for deal in page.deals])
        return deals, None if page.after is None else str(page.after)

    def health(self) -> contracts.Health:
        checks = {name: adapter.check() for name, adapter in self.adapters.items()}
        return health_of(self.reader, self.connections, checks, now=self.now)

    @property
    def _today(self) -> date:
        return self.now.astimezone(self.reader.organization.zone).date()

    @property
    def _source(self) -> OwnerActivity:
        if self.adapters:
            return LiveActivity(self.adapters)
        return StoredActivity(self.reader, self.connections, self._today)

    def _days(self, query: DaysQuery) -> Days:
        return Days.until(self._today, query.days, self.reader.organization.zone)

    def _owners(self, query: OwnersQuery) -> list[CrmOwner]:
        return chosen(self._source.owners(), owner_id=query.owner_id, owner_email=query.owner_email)

    def _activity(self, query: DaysQuery) -> list[tuple[CrmOwner, Parts]]:
        owners = self._owners(query)
        return list(zip(owners, self._source.parts(owners, self._days(query)), strict=True))


def _counts(owner: CrmOwner, parts: Parts) -> dict[str, Any]:
    return {
        "owner_id": owner.owner_id,
        "owner_name": owner.name,
        "owner_email": owner.email,
        "is_active": owner.is_active,
        "team": owner.team,
        **{_field(name): count or 0 for name, count in totals(parts).items()},
    }


def _untold(parts: Parts) -> list[Any]:
    return [_field(name) for name, count in totals(parts).items() if count is None]


def _field(count: str) -> str:
    return f"{count}_last_n_days"


def _spelt(part: str) -> str:
    return "deal_created" if part == CREATED else part
