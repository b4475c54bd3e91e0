"""No page keeps anybody out: axe finds nothing serious on any of them, in either theme, and all can be done by key."""

from __future__ import annotations

import json
from typing import Final

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect
from walking import Theme, grid, keyed, open_at, rows_button, settle, shows, switch_theme

THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
AXE: Final = Axe().axe_script
# What passes is not told of: finding names for it takes most of the time.
OPTIONS: Final = json.dumps({"resultTypes": ["violations"], "selectors": False, "iframes": False})
MOST_TABS: Final = 60


def findings(frame: Frame) -> list[str]:
    """What axe calls serious or critical."""
    frame.evaluate(AXE)
    found = frame.evaluate(f"axe.run(document, {OPTIONS}).then(done => done.violations)")
    return [
        f"{one['id']}: {[node['html'][:150] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def check_in_both_themes(page: Page) -> None:
    """The page, and the frames of its grids."""
    for theme in THEMES:
        switch_theme(page, theme)
        frames = [page.main_frame, *(frame for frame in page.frames if "st_aggrid" in frame.url)]
        assert [one for frame in frames for one in findings(frame)] == [], theme
    switch_theme(page, "light")


def test_axe_finds_nothing_serious_on_the_overview_and_the_rows_behind_it(page: Page, workbench_url: str) -> None:
    open_at(page, workbench_url)
    check_in_both_themes(page)
    rows_button(page, "won_amount").click()
    expect(grid(page).locator(".ag-center-cols-container .ag-row").first).to_be_visible()
    check_in_both_themes(page)


def test_axe_finds_nothing_serious_on_salespeople_and_one_of_them(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/salespeople")
    check_in_both_themes(page)
    grid(page).locator(".ag-pinned-left-cols-container .ag-row").first.click()
    page.wait_for_url("**/salesperson?**")
    settle(page)
    check_in_both_themes(page)


def test_axe_finds_nothing_serious_on_the_pipeline(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/pipeline")
    check_in_both_themes(page)


def test_axe_finds_nothing_serious_on_any_tab_of_data(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/data")
    for name in ("Sources", "Import CSV", "Organization"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        check_in_both_themes(page)


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until what has the focus is this."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{MOST_TABS} tabs do not lead to {selector}")


def test_filters_and_rows_are_reached_by_key(page: Page, workbench_url: str) -> None:
    open_at(page, workbench_url)
    tab_to(page, ".st-key-chip_range button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Last 30 days")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("radio", name="Last 30 days")).to_have_count(0)
    tab_to(page, ".st-key-open_won_amount button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("deals won in ")


def test_a_row_of_the_grid_is_opened_by_key(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/salespeople")
    second = grid(page).locator(".ag-pinned-left-cols-container .ag-row").nth(1)
    name = second.inner_text().splitlines()[0]
    tab_to(page, "iframe")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    shows(page, name)


def test_a_person_is_opened_by_the_box_beside_the_grid(page: Page, workbench_url: str) -> None:
    open_at(page, f"{workbench_url}/salespeople")
    tab_to(page, ".st-key-people_open_0 input")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/salesperson?**")
    settle(page)
    expect(keyed(page, "kpi_won_amount")).to_be_visible()
