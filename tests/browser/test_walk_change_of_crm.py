"""A change of CRM as an administrator makes it, in a real browser, on an installation of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from conftest import _free_port, _running
from databases import CopyOf
from made_installation import SMALL, House, empty_house
from made_move import TOKEN, brought_over, on_loopback, sandbox_of
from playwright.sync_api import Page, expect
from sqlalchemy import text
from test_accessibility import check_in_both_themes, tab_to
from walking import go_to, keyed, open_at, settle, shows

from adapters.sandbox import Clock
from ops.first_run import SAMPLE_NAME, born, load_demo
from snapshots import crm_changes
from snapshots.organizations import find_organization, list_connections


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def moving_house(copy_of: CopyOf) -> Iterator[House]:
    """A year that ends today, so that the day of the change is in the charts."""
    with empty_house(copy_of) as services:
        living = replace(services, now=now)
        load_demo(living, replace(SMALL, born=born(now().date(), 1.0)))
        with services.database.as_worker() as connection:  # from sample data nothing is taken over
            connection.execute(text("UPDATE organizations SET is_sample = false"))
        organization = find_organization(services.database, SAMPLE_NAME)
        assert organization is not None
        yield House(services=living, organization=organization)


@pytest.fixture(scope="module")
def account(moving_house: House) -> Iterator[str]:
    """The address of the account that everything was brought over to."""
    world = brought_over(moving_house, now())
    world.clock = Clock(now(), follows=now)
    with on_loopback(sandbox_of(world)) as address:
        yield address


@pytest.fixture(scope="module")
def moving_url(moving_house: House, account: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {
        "DATABASE_URL": moving_house.services.database_url, "SLMS_HOME": str(tmp_path_factory.mktemp("home")),
        "SECRET_KEY": "a secret key of forty letters and a few!", "ALLOW_PRIVATE_HOSTS": "true",
    }  # fmt: skip
    port = _free_port()
    with _running(port, settings):
        yield f"http://127.0.0.1:{port}"


def test_a_crm_is_connected_mapped_and_read_and_charts_mark_the_day(
    page: Page, moving_url: str, account: str, moving_house: House
) -> None:
    open_at(page, f"{moving_url}/data")
    page.get_by_role("button", name="Connect a CRM").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Access token", exact=True).fill(TOKEN)
    dialog.get_by_text("Further settings").click()
    dialog.get_by_label("Address", exact=True).fill(account)
    dialog.get_by_role("button", name="Check the access").click()
    expect(dialog.get_by_role("row").filter(has_text="deals can be read")).to_contain_text("Works")
    check_in_both_themes(page)
    dialog.get_by_role("button", name="Connect", exact=True).click()

    shows(page, "Change of CRM")
    expect(page.get_by_role("heading", name="Salespeople")).to_be_visible()
    expect(page.get_by_text("Same e-mail address").first).to_be_visible()
    settle(page)
    check_in_both_themes(page)
    tab_to(page, "[class*='st-key-map_'] input")
    keyed(page, "change_yes").get_by_role("button").click()

    expect(page.get_by_role("button", name="Go back")).to_be_visible()
    settle(page)
    check_in_both_themes(page)
    keyed(page, "change_sync").get_by_role("button").click()
    shows(page, "Data")
    expect(page.get_by_role("heading", name="Retired")).to_be_visible()
    expect(page.get_by_text("synced").first).to_be_visible()
    settle(page)
    check_in_both_themes(page)

    names = {one.name: one.is_active for one in list_connections(moving_house.database, moving_house.organization_id)}
    assert names == {"Demo CRM": False, "HubSpot": True}
    assert crm_changes.open_change(moving_house.database, moving_house.organization_id) is None
    go_to(page, "Overview")
    expect(page.locator("[aria-label*='Moved to HubSpot on']").first).to_be_attached()
