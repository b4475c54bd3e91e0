"""A HubSpot sandbox that holds what an organization would have brought over: its people, stages, companies and deals.

Dates of creation are those of the day it was brought over, as imports make them; of closed deals a few came along.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from made_installation import House
from sqlalchemy import text

from adapters.currencies import decimals
from adapters.sandbox import Clock, World
from adapters.sandbox.hubspot import HubSpotServer, Plan

TOKEN: Final = "pat-of-the-new-account"


def brought_over(house: House, now: datetime, *, n_left: int = 4) -> World:
    """n_left: open deals that were forgotten."""
    world = World(Clock(now))
    with house.database.as_app(house.organization_id) as connection:
        rows = {
            name: connection.execute(text(query)).mappings().all()
            for name, query in {
                "owners": "SELECT owner_id, name, email FROM owners WHERE name IS NOT NULL AND gone_at IS NULL",
                "pipelines": "SELECT pipeline_id, name, position FROM pipelines WHERE name IS NOT NULL",
                "stages": "SELECT stage_id, pipeline_id, name, position, probability, status FROM stages "
                "WHERE name IS NOT NULL",
                "companies": "SELECT company_id, name, domain FROM companies WHERE name IS NOT NULL",
                "deals": "SELECT v.deal_id, v.status, v.pipeline_id, v.stage_id, v.owner_id, v.company_id, "
                "v.amount_minor, v.currency, v.closed_at, d.name FROM deal_versions v "
                "JOIN deals d USING (organization_id, deal_id) "
                "WHERE superseded_at = 'infinity' AND v.status IN ('open', 'won') ORDER BY v.status, v.deal_id",
            }.items()
        }
    ids: dict[int, int] = {}
    for owner in rows["owners"]:
        first, _, last = owner["name"].partition(" ")
        made = world.create("owner", {"first_name": first, "last_name": last, "email": owner["email"],
                                      "user_id": 7000 + len(ids)})  # fmt: skip
        ids[owner["owner_id"]] = made.row_id
    for pipeline in rows["pipelines"]:
        made = world.create("pipeline", {"name": pipeline["name"], "position": pipeline["position"]})
        ids[pipeline["pipeline_id"]] = made.row_id
    for stage in rows["stages"]:
        # The new account thinks otherwise of the chances, which must not change days before.
        chance = {"won": "1.0", "lost": "0.0"}.get(stage["status"], "0.5")
        made = world.create("stage", {"name": stage["name"], "position": stage["position"],
                                      "pipeline_id": ids[stage["pipeline_id"]], "outcome": stage["status"],
                                      "probability": Decimal(chance)})  # fmt: skip
        ids[stage["stage_id"]] = made.row_id
    for company in rows["companies"]:
        ids[company["company_id"]] = world.create("company", dict(company, owner_id=None)).row_id
    open_deals = [deal for deal in rows["deals"] if deal["status"] == "open"]
    won = [deal for deal in rows["deals"] if deal["status"] == "won" and deal["stage_id"] in ids][:20]
    for deal in [*open_deals[n_left:], *won]:
        amount = deal["amount_minor"]
        fields = {
            "name": deal["name"], "pipeline_id": ids[deal["pipeline_id"]], "stage_id": ids[deal["stage_id"]],
            "amount": None if amount is None else Decimal(amount) / 10 ** decimals(deal["currency"]),
            "currency": deal["currency"], "owner_id": ids.get(deal["owner_id"]), "close_at": deal["closed_at"] or now,
        }  # fmt: skip
        links = {"company": [ids[deal["company_id"]]]} if deal["company_id"] in ids else {}
        world.create("deal", fields, links)
    return world


@contextmanager
def on_loopback(server: HubSpotServer) -> Iterator[str]:
    """Serves it; the address."""
    sys.path.append(str(Path(__file__).parent / "adapters"))
    from made_loopback import on_loopback as served

    with served(server) as address, unpaced():
        yield address


def sandbox_of(world: World) -> HubSpotServer:
    # The real clock paces the requests, and the sandbox's stands still: so its limits are left out here.
    return HubSpotServer(world, token=TOKEN, plan=Plan(burst=10**6, searches=10**6))


@contextmanager
def unpaced() -> Iterator[None]:
    """Requests to the sandbox wait for no budget."""
    import pytest

    from snapshots.budget import DatabaseBudget

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseBudget, "acquire", lambda *_, **__: 0.0)
        yield


def values_for(address: str, token: str = TOKEN) -> dict[str, str]:
    return {"hubspot_api_key": token, "hubspot_base_url": address}
