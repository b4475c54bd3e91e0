"""A walk through the workbench as a person takes it: filter, look behind a number, look at a person, import, see it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_installation import House
from playwright.sync_api import Page, expect
from walking import chip, grid, keyed, open_at, parameters, rows_button, settle, shows, switch_theme, value_of

from insights.charts import DARK, LIGHT
from snapshots.organizations import delete_organization, list_organizations
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer
from workbench import formats


def test_filters_stand_in_the_url_and_survive_reload_and_back(page: Page, workbench_url: str) -> None:
    open_at(page, workbench_url)
    everything = value_of(page, "new_deals").inner_text()
    chip(page, "team_ids").click()
    keyed(page, "f_team_ids").locator("input").click()
    team = page.get_by_role("option").filter(has_not_text="Select all").first
    name = team.inner_text()
    team.click()
    expect(chip(page, "team_ids")).to_contain_text(f"Team: {name}")
    expect(value_of(page, "new_deals")).not_to_have_text(everything)
    of_team = value_of(page, "new_deals").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    chip(page, "range").click()
    page.get_by_role("radio", name="Last 30 days").click()
    expect(chip(page, "range")).to_contain_text("Last 30 days")
    expect(value_of(page, "new_deals")).not_to_have_text(of_team)
    of_month = value_of(page, "new_deals").inner_text()
    asked = parameters(page)
    assert asked["range"] == ["30d"]
    assert len(asked["team"]) == 1

    page.reload()
    settle(page)
    assert parameters(page) == asked
    expect(value_of(page, "new_deals")).to_have_text(of_month)

    page.go_back()
    expect(value_of(page, "new_deals")).to_have_text(of_team)
    expect(chip(page, "range")).to_contain_text("Last 90 days")
    assert parameters(page) == {name: value for name, value in asked.items() if name != "range"}


def test_the_overview_is_found_by_its_name_with_what_the_link_asks_for(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/overview?range=30d")
    shows(page, "Overview")
    assert parameters(page)["range"] == ["30d"]
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_number_opens_its_rows_and_the_link_to_them(page: Page, workbench_url: str) -> None:
    open_at(page, workbench_url)
    button = rows_button(page, "won_amount")
    n = button.inner_text().split()[0]
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{n} deals won in ")
    expect(grid(page).locator(".ag-center-cols-container .ag-row")).not_to_have_count(0)
    link = page.url
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(link)
    open_at(page, link)
    expect(dialog).to_contain_text(f"{n} deals won in ")


def test_a_row_of_the_salespeople_opens_that_persons_page(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/salespeople")
    first = grid(page).locator(".ag-pinned-left-cols-container .ag-row").first
    name = first.inner_text().splitlines()[0]
    first.click()
    shows(page, name)
    assert parameters(page)["person"][0].isdigit()
    expect(value_of(page, "won_amount")).to_be_visible()
    page.get_by_role("link", name="All salespeople").click()
    shows(page, "Salespeople")


@pytest.mark.parametrize("title", ["salespeople", "pipeline"])
def test_a_list_that_is_seen_follows_the_filters(page: Page, workbench_url: str, title: str) -> None:
    open_at(page, f"{workbench_url}/{title}")
    rows = grid(page).locator(".ag-center-cols-container")
    expect(rows.locator(".ag-row")).not_to_have_count(0)
    of_all = rows.inner_text()
    chip(page, "team_ids").click()
    keyed(page, "f_team_ids").locator("input").click()
    page.get_by_role("option").filter(has_not_text="Select all").first.click()
    expect(rows).not_to_have_text(of_all, use_inner_text=True)
    expect(rows.locator(".ag-row")).not_to_have_count(0)


def test_a_live_switch_of_the_theme_leaves_nothing_of_the_other(page: Page, workbench_url: str) -> None:
    open_at(page, workbench_url)
    grid_line = keyed(page, "trend_card").locator(".role-axis-grid line").first
    assert grid_line.get_attribute("stroke") == LIGHT.grid
    logo = page.get_by_test_id("stSidebarLogo").get_attribute("src")
    switch_theme(page, "dark")
    expect(grid_line).to_have_attribute("stroke", DARK.grid)
    expect(page.get_by_test_id("stSidebarLogo")).not_to_have_attribute("src", str(logo))
    switch_theme(page, "light")
    expect(grid_line).to_have_attribute("stroke", LIGHT.grid)


def totals_of(folder: Path) -> tuple[int, int, float]:
    """Deals, won deals, and what these come to, from the raw file."""
    with (folder / "sales_pipeline.csv").open(encoding="utf-8-sig", newline="") as file:
        deals = list(csv.DictReader(file))
    won = [deal for deal in deals if deal["deal_stage"] == "Won"]
    return len(deals), len(won), sum(float(deal["close_value"]) for deal in won)


@pytest.fixture
def alone_again(house: House) -> Iterator[None]:
    """Other tests look at whatever organization comes first."""
    yield
    for one in list_organizations(house.database):
        if one.organization_id != house.organization_id:
            delete_organization(house.database, one.organization_id)


@pytest.mark.usefixtures("alone_again")
def test_a_folder_of_exports_is_imported_and_seen(
    page: Page, workbench_url: str, house: House, shared_data: Path
) -> None:
    folder = shared_data / "crm_opportunities"
    n, n_won, amount = totals_of(folder)
    open_at(page, f"{workbench_url}/data")
    page.get_by_role("tab", name="Import CSV").click()
    page.get_by_text("Path on this machine").click()
    page.get_by_label("Folder, zip or CSV file").fill(str(folder))
    page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text="sales_pipeline.csv").filter(has_text="Deals")
    expect(row).to_contain_text(formats.count(n))
    expect(page.get_by_text("Name the organization first")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Hardware seller")
    page.keyboard.press("Enter")
    expect(keyed(page, "import_go").get_by_role("button")).to_be_enabled()
    keyed(page, "import_go").get_by_role("button").click()
    page.get_by_role("link", name="Open Overview").click()
    shows(page, "Overview")
    expect(chip(page, "org")).to_contain_text("Hardware seller")
    chip(page, "range").click()
    page.get_by_role("radio", name="All time").click()
    expect(value_of(page, "new_deals")).to_have_text(formats.count(n))
    expect(rows_button(page, "won_amount")).to_contain_text(f"{formats.count(n_won)} won deals")
    expect(value_of(page, "won_amount")).to_contain_text(formats.short(amount))

    page.keyboard.press("Escape")
    chip(page, "org").click()
    keyed(page, "f_org").locator("input").click()
    page.get_by_role("option", name=house.organization.name).click()
    expect(chip(page, "org")).to_contain_text(house.organization.name)
    reader = Reader(house.database, Viewer(house.organization_id, Role.ADMIN))
    assert parameters(page)["org"] == [str(reader.organization.organization_id)]
