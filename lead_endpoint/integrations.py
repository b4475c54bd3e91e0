"""The internal routes: what salespeople did, who they are, how the connection is, and the rows behind the counts; and
the metrics of this process.

Numbers come from snapshots, by the reads of the workbench's pages; with `live=1` the CRM itself is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Blueprint

from lead_endpoint.access import Denied
from lead_endpoint.contracts import (
    DaysQuery,
    DealsQuery,
    Health,
    OrganizationQuery,
    Owners,
    OwnersQuery,
    Raw,
    SalesQuery,
    Stats,
)
from lead_endpoint.internal import Asked, guarded, next_page
from lead_endpoint.messages import JSON, Answer, problem
from lead_endpoint.public import parts

if TYPE_CHECKING:
    from lead_endpoint.salespeople import Salespeople

integrations = Blueprint("integrations", __name__)
SALESPEOPLE = "/integrations/<provider>/salespeople"
SHORT = "/integrations/<provider>"
LIVE_AT_ONCE = 2
"""Requests that ask a CRM at the same time; more would leave no thread for the others."""
LIVE_WAIT_S = 10
_live_places = threading.BoundedSemaphore(LIVE_AT_ONCE)


@integrations.get(f"{SALESPEOPLE}/stats")
@guarded("read", DaysQuery)
def stats(asked: Asked[DaysQuery], provider: str) -> Stats:
    with _salespeople(asked, provider) as people:
        return people.stats(asked.query)


@integrations.get(f"{SALESPEOPLE}/owners")
@integrations.get(f"{SHORT}/owners", endpoint="owners_short")
@guarded("read", OwnersQuery)
def owners(asked: Asked[OwnersQuery], provider: str) -> Owners:
    with _salespeople(asked, provider) as people:
        return people.owners(asked.query)


@integrations.get(f"{SALESPEOPLE}/raw")
@integrations.get(f"{SHORT}/raw", endpoint="raw_short")
@guarded("read", DaysQuery)
def raw(asked: Asked[DaysQuery], provider: str) -> Raw:
    with _salespeople(asked, provider) as people:
        return people.raw(asked.query)


@integrations.get(f"{SALESPEOPLE}/debug/deals")
@integrations.get(f"{SHORT}/debug/deals", endpoint="debug_deals_short")
@guarded("debug", DealsQuery)
def debug_deals(asked: Asked[DealsQuery], provider: str) -> Answer:
    with _salespeople(asked, provider) as people:
        deals, after = people.deals(asked.query)
    return Answer(200, deals.model_dump_json().encode(), JSON, next_page(after))


@integrations.get(f"{SALESPEOPLE}/health")
@integrations.get(f"{SHORT}/health", endpoint="health_short")
@guarded("read", SalesQuery)
def health(asked: Asked[SalesQuery], provider: str) -> Health:
    with _salespeople(asked, provider) as people:
        return people.health()


@integrations.get("/metrics")
@guarded("metrics", OrganizationQuery)
def metrics(asked: Asked[OrganizationQuery]) -> Answer:
    from snapshots.backlog import backlog

    text, kind = parts().meter.scraped(backlog(asked.services.database))
    return Answer(200, text, kind)


@contextmanager
def _salespeople(asked: Asked[SalesQuery], provider: str) -> Iterator[Salespeople]:
    """Raises Denied where no such CRM is connected, and what `adapters.errors` names where one is asked and fails."""
    # Pandas is loaded by the first request that reads numbers, not with the route that takes leads.
    from lead_endpoint.salespeople import open_salespeople

    if not asked.query.is_live:
        with open_salespeople(asked, provider) as people:
            yield people
        return
    asked.caller.demand("live")
    if not _live_places.acquire(timeout=LIVE_WAIT_S):
        raise Denied(problem(503, "Others are asking the CRM already. Come back later.", ("retry-after", "30")))
    try:
        with open_salespeople(asked, provider) as people:
            yield people
    finally:
        _live_places.release()
