"""Without the widget's script, and without a page to embed it: the plain form, the hosted page, the iframe; and that
nobody is kept out of any of them."""

from __future__ import annotations

import json
from typing import Final

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from widget_world import Visit, World

AXE: Final = Axe().axe_script
OPTIONS: Final = json.dumps({"resultTypes": ["violations"]})


def findings(page: Page) -> list[str]:
    """Everything that axe finds, of any impact; that a test page has no heading is its own affair."""
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run({OPTIONS}).then(done => done.violations)")
    return [
        f"{one['id']}: {[node['html'][:150] + node.get('failureSummary', '')[:200] for node in one['nodes'][:3]]}"
        for one in found
        if one["id"] not in {"page-has-heading-one"}
    ]


@pytest.fixture
def scriptless(browser: BrowserContext) -> Page:
    """A page of a browser that runs no scripts."""
    assert browser.browser is None or browser.browser
    page = browser.new_page()
    session = browser.new_cdp_session(page)
    session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    return page


def test_a_plain_form_on_the_page_is_what_is_left_without_scripts(world: World, scriptless: Page, contact: str) -> None:
    plain = (
        f'<form id="plain" action="{world.endpoint}/public/leads" method="post">'
        f'<input type="hidden" name="form" value="{contact}"><label>E-mail <input name="email"></label>'
        "<button>Send</button></form>"
    )
    scriptless.goto(world.page(plain + world.snippet(contact, data_replace="#plain")))
    scriptless.locator("[name=email]").fill("plain@example.org")
    scriptless.get_by_role("button").click()
    expect(scriptless.get_by_role("heading", name="Thank you")).to_be_visible()
    scriptless.close()
    (lead,) = [one for one in world.leads(contact) if one["email"] == "plain@example.org"]
    assert lead["state"] == "pending"


def test_the_hosted_page_is_a_plain_form_without_scripts(world: World, scriptless: Page, offer: str) -> None:
    scriptless.goto(f"{world.endpoint}/forms/{offer}")
    scriptless.get_by_label("E-mail").fill("hosted@example.org")
    scriptless.get_by_label("Apples").check()
    scriptless.get_by_label("Cheese").check()
    scriptless.get_by_label("I agree").check()
    scriptless.get_by_role("button", name="Send").click()
    expect(scriptless.get_by_role("heading", name="Thank you")).to_be_visible()
    scriptless.close()
    (lead,) = [one for one in world.leads(offer) if one["email"] == "hosted@example.org"]
    assert (lead["extra"]["products"], lead["form_version"]) == ("a, c", 1)


def test_the_hosted_page_shows_the_widget_with_what_the_address_fills_in(
    world: World, visit: Visit, offer: str
) -> None:
    visit.page.goto(f"{world.endpoint}/forms/{offer}?email=ada@example.org")
    expect(visit.page.get_by_role("heading", name="Step 1 of 2: You")).to_be_visible()
    expect(visit.page.locator(".plain")).to_have_count(0)
    expect(visit.page.get_by_label("E-mail")).to_have_value("ada@example.org")


def test_an_iframe_sends_and_is_as_high_as_its_form(world: World, visit: Visit, contact: str) -> None:
    address = f"{world.endpoint}/forms/{contact}/embed.html"
    frame = f'<iframe title="Contact" src="{address}" height="100"></iframe>'
    sizes = f'<script async src="{world.endpoint}/frame.js"></script>'
    visit.page.goto(world.page(frame + sizes))
    inside = visit.page.frame_locator("iframe")
    inside.get_by_label("E-mail").fill("framed@example.org")
    visit.page.wait_for_function("() => document.querySelector('iframe').offsetHeight > 300")
    inside.get_by_role("button", name="Send").click()
    expect(inside.get_by_role("status")).to_contain_text("Thank you")
    visit.page.wait_for_function("() => document.querySelector('iframe').offsetHeight < 300")
    assert "framed@example.org" in [one["email"] for one in world.leads(contact)]


def test_a_frame_that_is_not_shown_yet_is_not_seen(world: World, visit: Visit, contact: str) -> None:
    address = f"{world.endpoint}/forms/{contact}/embed.html"
    visit.page.goto(world.page(f'<iframe title="Contact" src="{address}" hidden></iframe>'))
    frame = visit.page.frame_locator("iframe")
    frame.locator("form:not(.plain)").wait_for(state="attached")
    visit.page.evaluate("document.querySelector('iframe').hidden = false")
    frame.get_by_label("E-mail").wait_for()
    # An observer that could not be made would have been heard by now.


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_on_any_step_nor_with_faults(world: World, visit: Visit, offer: str, mode: str) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(offer, data_mode=mode)))
    page.get_by_label("E-mail").wait_for()
    assert findings(page) == []
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []
    page.get_by_label("Bread").check()
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert findings(page) == []


def test_axe_finds_nothing_on_the_hosted_page_without_scripts(world: World, visit: Visit, offer: str) -> None:
    visit.page.route("**/widget.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    visit.page.goto(f"{world.endpoint}/forms/{offer}")
    expect(visit.page.get_by_label("E-mail")).to_be_visible()
    assert findings(visit.page) == []
