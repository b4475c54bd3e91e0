"""The page that maps one CRM to another, and what the tab Sources offers an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from conftest import Workbench, go
from made_installation import NOW, House
from made_move import TOKEN, brought_over, on_loopback, sandbox_of, values_for
from reading import as_read
from streamlit.testing.v1 import AppTest

from adapters.sandbox.hubspot import HubSpotServer
from ops import connecting
from ops.jobs import sync_now
from snapshots import crm_changes
from snapshots.crm_changes import CrmChange
from snapshots.organizations import NameTaken, find_organization, get_organization, list_connections
from snapshots.slices import Role
from snapshots.users import list_users, save_user
from workbench import access, change_data, new_organization
from workbench.new_organization import NewOrganization


@pytest.fixture
def account(own_house: House) -> Iterator[tuple[HubSpotServer, str]]:
    server = sandbox_of(brought_over(own_house, NOW))
    with on_loopback(server) as address:
        yield server, address


@pytest.fixture
def house(own_house: House) -> House:
    """One that may reach this machine."""
    settings = own_house.services.settings.model_copy(update={"allow_private_hosts": True})
    return replace(own_house, services=replace(own_house.services, settings=settings))


def begun(house: House, address: str) -> CrmChange:
    """HubSpot is connected, read, and ready to be mapped."""
    new = connecting.connect(
        house.services, house.organization_id, "hubspot", values_for(address), by="admin", waits=True
    )
    old = next(one for one in list_connections(house.database, house.organization_id) if one.is_active)
    change = crm_changes.start(
        house.database, house.organization_id, from_connection_id=old.connection_id,
        to_connection_id=new.connection_id, now=NOW,
    )  # fmt: skip
    connecting.read_for(house.services, change)
    return change


def said(at: AppTest) -> str:
    return as_read(" ".join(one.value for one in (*at.markdown, *at.header, *at.error)))


def button(at: AppTest, key: str) -> object:
    return next(one for one in at.button if one.key == key)


def test_everything_is_guessed_and_nothing_is_kept_before_it_is_confirmed(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    version = get_organization(house.database, house.organization_id).data_version
    change = begun(house, account[1])
    at = workbench.open(house, "change")
    assert not at.exception
    labels = [box.label for box in at.selectbox if " in HubSpot is" in box.label]
    owners = sum(1 for _ in account[0].world.live("owner"))
    assert len(labels) >= owners
    assert "Same e-mail address" in said(at)
    assert "Same name" in said(at)
    assert "Open deals that were not moved" in said(at)
    found = crm_changes.open_change(house.database, house.organization_id)
    assert found is not None
    assert (found.change_id, found.state) == (change.change_id, "ready")
    assert get_organization(house.database, house.organization_id).data_version == version


def test_confirming_retires_the_old_crm_and_going_back_brings_it_back(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    begun(house, account[1])
    at = workbench.open(house, "change")
    button(at, "change_yes").click()
    at.run()
    assert "waits for its first sync" in said(at)
    active = {one.name: one.is_active for one in list_connections(house.database, house.organization_id)}
    assert active == {"Demo CRM": False, "HubSpot": True}
    button(at, "change_undo").click()
    at.run()
    active = {one.name: one.is_active for one in list_connections(house.database, house.organization_id)}
    assert active == {"Demo CRM": True, "HubSpot": False}


def test_two_people_that_are_chosen_as_one_cannot_be_confirmed(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    begun(house, account[1])
    at = workbench.open(house, "change")
    first, second = [box for box in at.selectbox if "_owner_" in str(box.key)][:2]
    second.set_value(first.value).run()
    assert "was chosen for more than one salesperson" in said(at)
    assert button(at, "change_yes").disabled
    assert "Changed by you" in said(at)


def test_what_was_chosen_on_another_page_of_many_people_counts(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.change_sheet.MOST_ROWS", 2)
    change = begun(house, account[1])
    at = workbench.open(house, "change")
    first, second = [box for box in at.selectbox if "_owner_" in str(box.key)]
    second.set_value(first.value).run()
    at.session_state[f"map_{change.change_id}_owner_page"] = 2
    at.run()
    elsewhere = [str(box.key) for box in at.selectbox if "_owner_" in str(box.key)]
    assert len(elsewhere) == 2
    assert not {str(first.key), str(second.key)} & set(elsewhere)
    assert "was chosen for more than one salesperson" in said(at)
    assert button(at, "change_yes").disabled


def test_a_chart_after_the_move_marks_the_day_and_says_so(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    begun(house, account[1])
    at = workbench.open(house, "change")
    button(at, "change_yes").click()
    at.run()
    new = next(one for one in list_connections(house.database, house.organization_id) if one.name == "HubSpot")
    account[0].scopes -= {"crm.objects.contacts.read", "crm.objects.appointments.read"}
    assert sync_now(house.services, new, trigger="test").status == "succeeded"
    at = go(at, "overview")
    assert any("HubSpot does not tell of activities" in one.value for one in at.caption)
    charts = [str(one.proto) for kind in ("vega_lite_chart", "arrow_vega_lite_chart") for one in at.get(kind)]
    assert any("Moved to HubSpot on 28 Jun 2024" in chart for chart in charts)


@pytest.mark.parametrize("role", [Role.SALES_OPS, Role.ANALYST])
def test_others_than_administrators_see_nothing_of_it(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str], role: Role
) -> None:
    begun(house, account[1])
    save_user(house.database, house.organization_id, "ops@example.com", role=role)
    at = workbench.open(house, "change", email="ops@example.com")
    assert "For administrators only" in said(at)
    assert not [one for one in at.button if one.key == "change_yes"]
    at = workbench.open(house, "data", email="ops@example.com")
    assert not [one for one in at.button if str(one.key).startswith("crm_")]


def test_a_crm_is_connected_only_after_it_let_us_in(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    at = workbench.open(house, "data")
    button(at, "crm_connect").click()
    at.run()
    for field, value in values_for(account[1], "pat-wrong").items():
        at.text_input(key=f"crm_{field}").set_value(value)
    button(at, "crm_check").click()
    at.run()
    assert not [one for one in at.button if one.key == "crm_yes"]
    assert len(list_connections(house.database, house.organization_id)) == 1
    at.text_input(key="crm_hubspot_api_key").set_value(TOKEN)
    button(at, "crm_check").click()
    at.run()
    assert [one for one in at.button if one.key == "crm_yes"]
    assert TOKEN not in said(at)


def test_from_the_sample_a_crm_is_read_into_an_organization_of_its_own(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    at = workbench.open(house, "data")
    button(at, "crm_connect").click()
    at.run()
    assert not [one for one in at.radio if one.key == "crm_follows"], "made-up history would go on in a real CRM"
    for field, value in values_for(account[1]).items():
        at.text_input(key=f"crm_{field}").set_value(value)
    button(at, "crm_check").click()
    at.run()
    assert button(at, "crm_yes").disabled, "it has no name yet"
    at.text_input(key="crm_new_name").set_value(house.organization.name).run()
    assert button(at, "crm_yes").disabled, "the name is another organization's"
    at.text_input(key="crm_new_name").set_value("Acme sales").run()
    button(at, "crm_yes").click()
    at.run()
    made = find_organization(house.database, "Acme sales")
    assert made is not None
    assert not made.is_sample
    assert [one.name for one in list_connections(house.database, made.organization_id)] == ["HubSpot"]
    assert [one.name for one in list_connections(house.database, house.organization_id)] == ["Demo CRM"]
    assert "".join(at.query_params["org"]) == str(made.organization_id)


def test_whoever_signs_in_and_makes_an_organization_administers_it(
    workbench: Workbench, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.use(house)
    monkeypatch.setattr(access, "email", lambda: "boss@example.com")
    made = new_organization.make(NewOrganization("Acme sales", "UTC", None))
    found = [(one.email, one.role) for one in list_users(house.database, made.organization_id)]
    assert found == [("boss@example.com", Role.ADMIN)]
    with pytest.raises(NameTaken):  # the database decides, so that two who choose one name at once are kept apart
        new_organization.make(NewOrganization(house.organization.name, "UTC", None))


def test_a_crm_that_cannot_be_read_says_why_and_is_read_again(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    token, account[0].token = account[0].token, "another"
    begun(house, account[1])
    at = workbench.open(house, "change")
    assert "HubSpot could not be read" in said(at)
    assert "It has credentials of its own" in said(at)
    account[0].token = token
    button(at, "change_again").click()
    at.run()
    for reading in change_data._readings().values():
        reading.result(timeout=60)
    found = crm_changes.open_change(house.database, house.organization_id)
    assert found is not None
    assert found.state == "ready"


def test_giving_up_leaves_a_crm_that_waits(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    begun(house, account[1])
    at = workbench.open(house, "change")
    button(at, "change_give_up").click()
    at.run()
    assert "No change of CRM" in said(at)
    at = go(at, "data")
    assert "Connected, not read yet" in said(at)
    new = next(one for one in list_connections(house.database, house.organization_id) if one.name == "HubSpot")
    assert new.is_waiting


def test_a_missing_right_of_a_source_is_shown_by_name_with_what_is_missing(
    workbench: Workbench, house: House, account: tuple[HubSpotServer, str]
) -> None:
    new = connecting.connect(
        house.services, house.organization_id, "hubspot", values_for(account[1]), by="admin", waits=False
    )
    account[0].scopes -= {"crm.objects.owners.read"}
    at = workbench.open(house, "data")
    at.session_state["crm_dialog"] = ("check", new)  # as the menu asks for it, which the test cannot open
    at.run()
    tables = " ".join(str(one.proto) for one in at.get("html"))
    assert "scope crm.objects.owners.read" in tables
    assert "without it owners and teams are missing" in tables
