"""Pipeline changes and flow as a person uses them: a click lists the deals of a mark, a past day is as known then."""

from __future__ import annotations

from made_installation import House
from playwright.sync_api import Page, expect
from walking import chip, grid, keyed, open_at, parameters, settle


def _mark(page: Page, key: str, words: str) -> None:
    """Clicks the row of a chart that is called so."""
    chart = keyed(page, key)
    name = chart.locator("svg text, canvas").first
    expect(name).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    label = chart.get_by_text(words, exact=True).first
    place = label.bounding_box() if label.count() else None
    y = place["y"] + place["height"] / 2 if place else box["y"] + box["height"] / 2
    page.mouse.click(box["x"] + box["width"] * 0.7, y)


def test_a_click_on_a_part_of_the_change_lists_its_deals_and_stands_in_the_link(
    page: Page, house: House, workbench_url: str
) -> None:
    open_at(page, f"{workbench_url}/waterfall?org={house.organization_id}")
    expect(page.get_by_role("heading", name="Deals: end")).to_be_visible()
    _mark(page, "waterfall_chart", "Created")
    page.wait_for_url("**part=**")
    settle(page)
    part = parameters(page)["part"][0]
    expect(page.get_by_role("heading", name="Deals: ", exact=False)).not_to_have_text("Deals: end")
    expect(grid(page).locator(".ag-center-cols-container .ag-row")).not_to_have_count(0)
    page.reload()
    settle(page)
    assert parameters(page)["part"] == [part]


def test_the_deals_of_a_stage_are_one_click_away(page: Page, house: House, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/flow?org={house.organization_id}")
    _mark(page, "flow_on_chart", "Proposal")
    page.wait_for_url("**of=stage.**")
    settle(page)
    expect(grid(page).locator(".ag-center-cols-container .ag-row")).not_to_have_count(0)


def test_a_past_day_is_shown_as_known_then_on_every_page_that_follows(
    page: Page, house: House, workbench_url: str
) -> None:
    open_at(page, f"{workbench_url}/pipeline?asof=2024-03-01&org={house.organization_id}")
    chip(page, "as_of").click()
    page.get_by_role("radio", name="As known then").locator("xpath=ancestor::label").click()
    page.wait_for_url("**known=then**")
    settle(page)
    expect(chip(page, "as_of")).to_contain_text("as known then")
    expect(page.get_by_text("Nothing was known of deals")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Pipeline flow", exact=True).click()
    page.wait_for_url("**/flow**")
    settle(page)
    assert parameters(page)["known"] == ["then"]
