"""An organization moves through all four CRMs, one after the other: its history stays and nothing is doubled."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from made_change import Moving, same
from made_crm import Clock, MadeCrm
from made_move import brought_over
from made_world import World

from adapters.base import CrmAdapter
from adapters.sandbox import World as Account
from snapshots.crm_changes import Sheet
from snapshots.database import Database
from snapshots.handover import Choices
from snapshots.organizations import connect_crm, list_connections

sys.path.append(str(Path(__file__).parents[1] / "adapters"))
import made_hubspot
import made_nutshell
import made_pipedrive
import made_salesforce

OPEN = (
    "SELECT count(*) FROM deal_versions WHERE superseded_at = 'infinity' AND valid_to = 'infinity' AND status = 'open'"
)
ADAPTERS: dict[str, Callable[[Account], CrmAdapter]] = {
    "hubspot": lambda account: made_hubspot.made_adapter(made_hubspot.made_server(account, plan=made_hubspot.FREE)),
    "pipedrive": lambda account: made_pipedrive.made_adapter(
        made_pipedrive.made_server(account, plan=made_pipedrive.FREE)
    ),
    "nutshell": lambda account: made_nutshell.made_adapter(made_nutshell.made_server(account, plan=made_nutshell.FREE)),
    "salesforce": lambda account: made_salesforce.made_adapter(made_salesforce.made_server(account)),
}


def confirmed(sheet: Sheet) -> Choices:
    """What the page offers, and by their names the deals of which nothing else was brought over."""
    items = {kind: {key: one.ours for key, one in found.items()} for kind, found in sheet.guesses.items()}
    deals = {one.theirs: one.ours for one in sheet.pairs}
    ours = {deal.name: key for key, deal in sheet.our_deals.items()}
    return Choices(items=items, deals={key: ours[deal.name] for key, deal in sheet.their_deals.items()} | deals)


@pytest.fixture
def house(database: Database, organization: int) -> Moving:
    """Read from an account of HubSpot that has lived for two months."""
    account = made_hubspot.made_world()
    crm = ADAPTERS["hubspot"](account)
    connection = connect_crm(database, organization, provider="hubspot", name="first", settings={})
    clock = Clock(account.clock.now())
    old = World(database, organization, connection.connection_id, cast("MadeCrm", crm), clock, random.Random(1))
    old.sync()
    return Moving(old, cast("MadeCrm", crm), connection.connection_id)


def moved(house: Moving, vendor: str) -> Moving:
    """Everything is brought over to an account of `vendor`, which then takes over."""
    house.clock.forward(days=2)
    place: Any = SimpleNamespace(database=house.database, organization_id=house.organization_id)
    account = brought_over(place, house.clock.at, n_left=0)
    new = connect_crm(house.database, house.organization_id, provider=vendor, name=f"to {vendor}", settings={},
                      is_active=False)  # fmt: skip
    old = World(house.database, house.organization_id, house.new_id, house.new, house.clock, random.Random(1))
    moving = Moving(old, cast("MadeCrm", ADAPTERS[vendor](account)), new.connection_id)
    change = moving.start()
    moving.confirm(change, confirmed(moving.sheet(change)))
    account.clock.advance(4 * 3600)
    report = moving.sync_new()
    assert report.status == "succeeded", report.error_message
    return moving


@pytest.mark.postgres
def test_history_stays_through_all_four_crms(house: Moving) -> None:
    for vendor in ("pipedrive", "nutshell", "salesforce", "hubspot"):
        day = house.today()
        before, n_open = house.totals(day), house.count(OPEN)
        house = moved(house, vendor)
        same(before, house.totals(day))
        assert house.count(OPEN) == n_open, f"{vendor}: an open deal is there twice, or not any more"
        assert not any(house.differences().values())
    active = [one.provider for one in list_connections(house.database, house.organization_id) if one.is_active]
    assert active == ["hubspot"]
