"""A role that was withdrawn allows nothing more, not even by a button that was drawn before."""

from __future__ import annotations

import made_leads
import pytest
from conftest import NOW, House, Workbench

from ops.services import Services
from snapshots.organizations import create_organization, get_connection, get_organization
from snapshots.slices import Role
from snapshots.users import save_user
from workbench import (
    access,
    admin_data,
    change_data,
    data,
    forecast_first,
    forms_data,
    installation,
    leads_data,
    rights,
    syncs,
    widgets_data,
)
from workbench.builder.templates import EMPTY
from workbench.filters import Filters
from workbench.view import View

ANN = "ann@example.com"


@pytest.fixture
def house(workbench: Workbench, empty_services: Services, monkeypatch: pytest.MonkeyPatch) -> House:
    """Ann is signed in, an administrator."""
    made = create_organization(empty_services.database, "Rights", default_currency="EUR")
    found = House(services=empty_services, organization=made)
    save_user(found.database, made.organization_id, ANN, role=Role.ADMIN)
    monkeypatch.setattr(access, "email", lambda: ANN)
    workbench.use(found)
    return found


def view_of(house: House) -> View:
    """What a button holds that is drawn now."""
    view, _ = installation.make_view(installation.viewers(), Filters(organization_id=house.organization_id), now=NOW)
    return view


@pytest.mark.parametrize("left", [Role.ANALYST, None])
def test_a_button_that_was_drawn_before_a_role_was_withdrawn_changes_nothing(house: House, left: Role | None) -> None:
    organization_id, database = house.organization_id, house.database
    connection = get_connection(database, organization_id, made_leads.connect(database, organization_id))
    lead_id = made_leads.put(database, organization_id, state="parked", at=NOW)
    view = view_of(house)
    marketing = admin_data.marketing(view)
    save_user(database, organization_id, ANN, role=left or Role.ADMIN, is_active=left is not None)
    elsewhere = create_organization(database, "Still a user there", default_currency="EUR").organization_id
    save_user(database, elsewhere, ANN, role=Role.ADMIN)
    for change in (
        lambda: admin_data.rename(view, name="Mine", fiscal_year_start=1),
        lambda: admin_data.remove_organization(view),
        lambda: marketing.add("source", "News"),
        lambda: marketing.save_rules([]),
        lambda: change_data.retire(view, connection),
        lambda: forms_data.create(view, "Another", EMPTY),
        lambda: widgets_data.set_status(view, 1, "paused"),
        lambda: leads_data.replay(view, lead_id, 0),
        lambda: forecast_first.ask(view),
        lambda: syncs.start(connection),
        lambda: data.ask_to_remove_sample(organization_id),
        lambda: data.remove_sample(organization_id),
    ):
        with pytest.raises(PermissionError, match=r"Only|no user|The role"):
            change()
    assert get_organization(database, organization_id).name == "Rights"


def test_what_somebody_may_still_do_is_done(house: House) -> None:
    view = view_of(house)
    marketing = admin_data.marketing(view)
    admin_data.rename(view, name="Renamed", fiscal_year_start=1)
    marketing.add("source", "News")
    assert get_organization(house.database, house.organization_id).name == "Renamed"
    assert [one.name for one in marketing.names("source")] == ["News"]
    assert rights.viewer(view) == view.viewer
