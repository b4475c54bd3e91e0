"""Forecast in a browser: read by everybody, its deals one click away, and what is chosen stands in the link."""

from __future__ import annotations

from datetime import timedelta

import made_forecasts
import pytest
from made_installation import TODAY, House
from playwright.sync_api import Page, expect
from test_accessibility import check_in_both_themes
from walking import chip, grid, open_at, parameters, settle

MONDAY = TODAY - timedelta(days=TODAY.weekday())


@pytest.fixture(scope="module")
def issued(house: House) -> House:
    made_forecasts.grade(house, made_forecasts.issue(house, made_on=MONDAY - timedelta(days=28)))
    made_forecasts.issue(house, made_on=MONDAY)
    return house


def test_axe_finds_nothing_serious_and_a_part_leads_to_its_deals_and_its_forecast(
    page: Page, workbench_url: str, issued: House
) -> None:
    open_at(page, f"{workbench_url}/forecast")
    expect(page.get_by_role("heading", level=2).filter(has_text="Bookings this quarter")).to_be_visible()
    check_in_both_themes(page)
    row = grid(page).locator(".ag-pinned-left-cols-container .ag-row").first
    team = row.inner_text().strip()
    row.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{team}: deals this quarter")
    expect(dialog).to_contain_text("deals won in ")
    dialog.get_by_role("button", name="Show its forecast").click()
    expect(dialog).to_have_count(0)
    expect(chip(page, "of")).to_contain_text(f"Of: {team}")
    settle(page)
    asked = parameters(page)
    assert asked["of"][0].startswith("team:")
    page.reload()
    settle(page)
    assert parameters(page) == asked
    page.go_back()
    expect(chip(page, "of")).to_contain_text("Of: Total")
