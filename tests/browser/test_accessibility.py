"""No page keeps anybody out: axe finds nothing serious on any of them, in either theme, and all can be done by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pytest
from axe_core_python.sync_playwright import Axe
from made_installation import TODAY, House
from playwright.sync_api import Frame, Page, expect
from walking import Theme, come_to_rest, drawn_theme, go_to, grid, keyed, rows_button, settle, shows, switch_theme

from ops import coaching_week, detecting, health
from ops.job_book import Slot, booked

THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
AXE: Final = Axe().axe_script
# What passes is not told of: finding names for it takes most of the time.
OPTIONS: Final[Mapping[str, object]] = {"resultTypes": ["violations"], "selectors": False, "iframes": False}
OF_COLOURS: Final[Mapping[str, object]] = {**OPTIONS, "runOnly": ["color-contrast"]}
"""All that the other theme changes."""
MOST_TABS: Final = 60


def findings(frame: Frame, options: Mapping[str, object] = OPTIONS) -> list[str]:
    """What axe calls serious or critical."""
    come_to_rest(frame)
    frame.evaluate(AXE)
    # Behind a dialog nothing can be reached.
    part = "document.querySelector('[role=dialog]') ?? document"
    found = frame.evaluate(f"axe.run({part}, {json.dumps(options)}).then(done => done.violations)")
    return [
        f"{one['id']}: {[node['html'][:150] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def check_in_both_themes(page: Page) -> None:
    """The page and the frames of its grids, in the theme that it has, then the colours of the other."""
    for number, theme in enumerate(THEMES if drawn_theme(page) == THEMES[0] else THEMES[::-1]):
        switch_theme(page, theme)
        frames = [page.main_frame, *(frame for frame in page.frames if "st_aggrid" in frame.url)]
        wrong = [one for frame in frames for one in findings(frame, OF_COLOURS if number else OPTIONS)]
        assert wrong == [], theme


def test_axe_finds_nothing_serious_on_the_overview_and_the_rows_behind_it(open_page: Page) -> None:
    go_to(open_page, "Overview")
    check_in_both_themes(open_page)
    rows_button(open_page, "won_amount").click()
    expect(grid(open_page).locator(".ag-center-cols-container .ag-row").first).to_be_visible()
    check_in_both_themes(open_page)
    open_page.keyboard.press("Escape")
    expect(open_page.get_by_role("dialog")).to_have_count(0)


def test_axe_finds_nothing_serious_on_salespeople_and_one_of_them(open_page: Page) -> None:
    go_to(open_page, "Salespeople")
    check_in_both_themes(open_page)
    grid(open_page).locator(".ag-pinned-left-cols-container .ag-row").first.click()
    open_page.wait_for_url("**/salesperson?**")
    settle(open_page)
    check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_the_history_of_a_job_that_failed(open_page: Page, house: House) -> None:
    with suppress(LookupError):
        booked(house.services, house.organization_id, Slot(job="health", day=TODAY), _fail)
    go_to(open_page, "Jobs")
    keyed(open_page, "job_health_history").get_by_role("button").locator("visible=true").click()
    expect(open_page.get_by_text("Slots done")).to_be_visible()
    settle(open_page)
    check_in_both_themes(open_page)


def _fail() -> str:
    raise LookupError("It cannot be found.")


def test_axe_finds_nothing_serious_on_the_pipeline(open_page: Page) -> None:
    go_to(open_page, "Pipeline")
    check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_pipeline_health_and_the_flags_of_a_deal(open_page: Page, house: House) -> None:
    health.judge(house.services, house.organization_id, TODAY)
    go_to(open_page, "Pipeline health")
    check_in_both_themes(open_page)
    grid(open_page).locator(".ag-pinned-left-cols-container .ag-row").first.click()
    dialog = open_page.get_by_role("dialog")
    expect(dialog.get_by_text("Snooze", exact=True).first).to_be_visible()
    dialog.get_by_text("Snooze", exact=True).first.click()
    expect(dialog.get_by_role("button", name="Snooze this flag")).to_be_visible()
    check_in_both_themes(open_page)
    open_page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_axe_finds_nothing_serious_on_anomalies_and_their_leave(open_page: Page, house: House) -> None:
    detecting.look_weekly(house.services, house.organization_id, TODAY)
    go_to(open_page, "Anomalies")
    check_in_both_themes(open_page)
    keyed(open_page, "leave_edit").locator("summary").click()
    expect(open_page.get_by_role("button", name="Add", exact=True)).to_be_visible()
    settle(open_page)
    check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_a_coaching_note_its_rows_and_its_parts(open_page: Page, house: House) -> None:
    coaching_week.write_weekly(house.services, house.organization_id, TODAY)
    go_to(open_page, "Coaching")
    sentences = open_page.locator("[class*=st-key-note_] summary")
    for number in range(2):
        sentences.nth(number).click()
        expect(open_page.get_by_role("button", name="This is wrong")).to_have_count(number + 1)
        settle(open_page)
    open_page.locator("[class*=st-key-note_facts] summary").click()
    check_in_both_themes(open_page)
    for part in ("History", "How notes do"):
        open_page.get_by_role("radio", name=part).click()
        settle(open_page)
        check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_the_pipelines_changes_and_their_table(open_page: Page) -> None:
    go_to(open_page, "Pipeline changes")
    check_in_both_themes(open_page)
    keyed(open_page, "waterfall_table").locator("label").click()
    expect(open_page.get_by_role("table", name="Parts of the change")).to_be_visible()
    settle(open_page)
    check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_the_pipelines_flow_and_its_tables(open_page: Page) -> None:
    go_to(open_page, "Pipeline flow")
    check_in_both_themes(open_page)
    for key in ("flow_on_table", "flow_stay_table", "flow_cohort_table"):
        keyed(open_page, key).locator("label").click()
        settle(open_page)
    expect(open_page.get_by_role("table", name="Deals by the week in which they were created")).to_be_visible()
    check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_any_tab_of_data(open_page: Page) -> None:
    go_to(open_page, "Data")
    for name in ("Sources", "Import CSV", "Organization"):
        open_page.get_by_role("tab", name=name).click()
        expect(open_page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        check_in_both_themes(open_page)


def test_axe_finds_nothing_serious_on_any_tab_of_admin(open_page: Page) -> None:
    go_to(open_page, "Admin")
    names = [tab.inner_text() for tab in open_page.get_by_role("tab").all()]
    assert len(names) >= 7
    for name in names:
        open_page.get_by_role("tab", name=name, exact=True).click()
        expect(open_page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
        settle(open_page)
        assert findings(open_page.main_frame) == [], name
    switch_theme(open_page, "dark" if drawn_theme(open_page) == "light" else "light")
    for name in names:
        open_page.get_by_role("tab", name=name, exact=True).click()
        settle(open_page)
        assert findings(open_page.main_frame) == [], name


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until what has the focus is this."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{MOST_TABS} tabs do not lead to {selector}")


def test_filters_and_rows_are_reached_by_key(open_page: Page) -> None:
    go_to(open_page, "Overview")
    tab_to(open_page, ".st-key-chip_range button")
    open_page.keyboard.press("Enter")
    last_month = open_page.get_by_role("radio", name="Last 30 days")
    expect(last_month).to_be_visible()
    open_page.keyboard.press("Escape")
    expect(last_month).to_have_count(0)
    tab_to(open_page, ".st-key-open_won_amount button")
    open_page.keyboard.press("Enter")
    expect(open_page.get_by_role("dialog")).to_contain_text("deals won in ")
    open_page.keyboard.press("Escape")
    expect(open_page.get_by_role("dialog")).to_have_count(0)


def test_a_row_of_the_grid_is_opened_by_key(open_page: Page) -> None:
    go_to(open_page, "Salespeople")
    second = grid(open_page).locator(".ag-pinned-left-cols-container .ag-row").nth(1)
    name = second.inner_text().splitlines()[0]
    tab_to(open_page, "iframe")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        open_page.keyboard.press(key)
    shows(open_page, name)


def test_a_person_is_opened_by_the_box_beside_the_grid(open_page: Page) -> None:
    go_to(open_page, "Salespeople")
    tab_to(open_page, "[class*='st-key-people_open_'] input")
    open_page.keyboard.press("ArrowDown")
    expect(open_page.get_by_role("option").first).to_be_visible()
    open_page.keyboard.press("Enter")
    open_page.wait_for_url("**/salesperson?**")
    settle(open_page)
    expect(keyed(open_page, "kpi_won_amount")).to_be_visible()
