"""Reads of a new CRM what a person must confirm before it takes over: owners, teams, pipelines, stages and deals.

Through the adapter's `changes`, as a sync does; nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from adapters.base import CrmAdapter
from adapters.records import Company, Contact, Deal, DealStatus, Kind, Owner, Pipeline, Stage, Team
from snapshots.change_guesses import DealFacts, Item
from snapshots.fingerprints import said
from snapshots.recognition import domain_of

LISTED = (Kind.TEAM, Kind.OWNER, Kind.PIPELINE, Kind.STAGE)
Listed = Team | Owner | Pipeline | Stage


@dataclass(slots=True)
class Reading:
    """items: by kind. hashes: fingerprints of pipelines and stages, by kind and the CRM's id."""

    items: dict[Kind, list[Item]] = field(default_factory=lambda: {kind: [] for kind in LISTED})
    hashes: dict[Kind, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in LISTED})
    deals: list[DealFacts] = field(default_factory=list)


def read(adapter: CrmAdapter, on_progress: Callable[[int], None]) -> Reading:
    """on_progress: told after each page how many records were read. Raises adapters.errors.CrmError."""
    found, kinds, n = Reading(), adapter.capabilities.kinds, 0
    companies: dict[str, Company] = {}
    people: dict[str, str] = {}

    def records(kind: Kind) -> Iterator[object]:
        nonlocal n
        for page in adapter.changes(kind, None) if kind in kinds else ():
            n += len(page.changes)
            on_progress(n)
            yield from page.changes

    for kind in LISTED:
        listed = {one.external_id: one for one in records(kind) if isinstance(one, Listed)}
        found.items[kind] = [_item(one) for one in listed.values()]
        found.hashes[kind] = dict(said(list(listed.values())).hashes)
    companies |= {one.external_id: one for one in records(Kind.COMPANY) if isinstance(one, Company)}
    people |= {one.external_id: one.email for one in records(Kind.CONTACT) if isinstance(one, Contact) and one.email}
    statuses = {str(one.key): one.status for one in found.items[Kind.STAGE]}
    deals = {one.external_id: one for one in records(Kind.DEAL) if isinstance(one, Deal)}
    found.deals = [_facts(one, companies, people, statuses) for one in deals.values()]
    return found


def _item(record: Listed) -> Item:
    if isinstance(record, Owner):
        return Item(key=record.external_id, name=record.name, email=record.email)
    if isinstance(record, Stage):
        return Item(
            key=record.external_id, name=record.name, position=record.position, pipeline=record.pipeline_id,
            status=record.status.value,
        )  # fmt: skip
    position = record.position if isinstance(record, Pipeline) else 0
    return Item(key=record.external_id, name=record.name, position=position)


def _facts(deal: Deal, companies: dict[str, Company], people: dict[str, str], statuses: dict[str, str]) -> DealFacts:
    company = companies.get(deal.company_id or "")
    status = deal.status.value
    if deal.status is DealStatus.OPEN:  # some CRMs tell by the stage alone
        status = statuses.get(deal.stage_id or "", status)
    return DealFacts(
        key=deal.external_id,
        name=deal.name,
        status=status,
        amount_minor=deal.amount_minor,
        currency=deal.currency,
        created_at=deal.created_at,
        company=company.name if company else None,
        domain=domain_of(company.domain) if company else None,
        people=frozenset(people[one].casefold() for one in deal.contact_ids if one in people),
    )
