"""What stands in a CRM after some changes were taken, and how the rules look through an adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypeVar

from adapters.base import CrmAdapter, Page
from adapters.records import KIND_OF, Activity, Change, Contact, Deal, DealField, Deletion, Kind, Merge, Record

REFERENCES: Mapping[str, Kind] = {
    "manager_id": Kind.OWNER, "team_id": Kind.TEAM, "pipeline_id": Kind.PIPELINE, "stage_id": Kind.STAGE,
    "owner_id": Kind.OWNER, "company_id": Kind.COMPANY, "contact_id": Kind.CONTACT, "contact_ids": Kind.CONTACT,
    "product_id": Kind.PRODUCT, "lead_id": Kind.LEAD, "deal_id": Kind.DEAL,
}  # fmt: skip
MONEY = ("amount_minor", "price_minor", "revenue_minor")
SAMPLES = 12
"""How many of many pages, owners or records a rule looks at where each look is a pass of its own."""

T = TypeVar("T")


@dataclass(slots=True)
class Seen:
    """What stands in the CRM after some changes were taken: the live records, and the ids that are gone. adds_history:
    what a deal was before is added up, where a deal may come again without it."""

    adds_history: bool = False
    live: dict[tuple[Kind, str], Record] = field(default_factory=dict)
    gone: set[tuple[Kind, str]] = field(default_factory=set)

    def take(self, changes: Iterable[Change]) -> Seen:
        for change in changes:
            if isinstance(change, Deletion):
                self._drop(change.kind, change.external_id)
            elif isinstance(change, Merge):
                for loser in change.loser_ids:
                    self._drop(change.kind, loser)
            else:
                key = KIND_OF[type(change)], change.external_id
                self.live[key] = self._added_up(change, self.live.get(key)) if self.adds_history else change
        return self

    def _added_up(self, record: Record, before: Record | None) -> Record:
        """Of its stages alone: other fields are told when a stage is."""
        if not isinstance(record, Deal):
            return record
        told = {*record.history, *(before.history if isinstance(before, Deal) else ())}
        stages = (change for change in told if change.field is DealField.STAGE)
        return replace(record, history=tuple(sorted(stages, key=lambda change: (change.at, str(change.value)))))

    def _drop(self, kind: Kind, external_id: str) -> None:
        self.live.pop((kind, external_id), None)
        self.gone.add((kind, external_id))

    def of(self, kind: Kind) -> list[Record]:
        return [record for (its_kind, _), record in self.live.items() if its_kind is kind]


def pages_of(adapter: CrmAdapter, kind: Kind, cursor: str | None = None) -> list[Page]:
    return list(adapter.changes(kind, cursor))


def changes_in(pages: Iterable[Page]) -> list[Change]:
    return [change for page in pages for change in page.changes]


def declared(adapter: CrmAdapter) -> list[Kind]:
    return [kind for kind in Kind if kind in adapter.capabilities.kinds]


def everything(adapter: CrmAdapter) -> list[Change]:
    return [change for kind in declared(adapter) for change in changes_in(pages_of(adapter, kind))]


def records_in(changes: Iterable[Change]) -> list[Record]:
    return [change for change in changes if not isinstance(change, Deletion | Merge)]


def some(items: Sequence[T]) -> Sequence[T]:
    """A few, spread over all of them."""
    return items[:: max(1, -(-len(items) // SAMPLES))]


def times_in(record: Change) -> Iterator[datetime]:
    for item in fields(record):
        value = getattr(record, item.name)
        if isinstance(value, datetime):
            yield value
    if isinstance(record, Deal):
        yield from (change.at for change in record.history)


def live_deals(adapter: CrmAdapter) -> list[Deal]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.DEAL))).of(Kind.DEAL)
    return [deal for deal in found if isinstance(deal, Deal)]


def live_activities(adapter: CrmAdapter) -> list[Activity]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.ACTIVITY))).of(Kind.ACTIVITY)
    return [activity for activity in found if isinstance(activity, Activity)]


def contacts_at(adapter: CrmAdapter, email: str) -> list[Contact]:
    found = Seen().take(changes_in(pages_of(adapter, Kind.CONTACT))).of(Kind.CONTACT)
    return [contact for contact in found if isinstance(contact, Contact) and contact.email == email]
