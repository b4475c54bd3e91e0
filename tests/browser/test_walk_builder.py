"""The form builder as people use it, in a real browser: by mouse, by keyboard, two at once, with hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_texts import TEXTS
from made_installation import House
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect
from test_accessibility import THEMES, check_in_both_themes, findings
from walking import keyed, open_at, settle, switch_theme, value_of
from widget_world import Site, running_endpoint, serving

from snapshots import form_versions
from snapshots.form_versions import Draft, FormSummary
from workbench.builder.templates import EMPTY, TEMPLATES


@pytest.fixture
def forms_url(workbench_url: str, house: House) -> str:
    return f"{workbench_url}/forms?org={house.organization_id}"


def made(house: House, draft: dict[str, Any]) -> FormSummary:
    return form_versions.create_form(house.database, house.organization_id, "Made", draft, by="Ada")


def stored(house: House, form_id: int) -> Draft:
    return form_versions.get_draft(house.database, house.organization_id, form_id)


def open_form(page: Page, url: str, form: FormSummary) -> None:
    open_at(page, f"{url}&form={form.form_id}")
    expect(fields(page).first).to_be_visible()


def fields(page: Page) -> Locator:
    return page.locator(".builder .field")


def titles(page: Page) -> list[str]:
    return [one.removesuffix(" required") for one in fields(page).locator(".title").all_inner_texts()]


def input_(page: Page, key: str) -> Locator:
    return page.locator(f".builder [data-key='{key}']")


def preview(page: Page) -> FrameLocator:
    return page.frame_locator("iframe.frame")


def saved(page: Page) -> None:
    expect(page.locator(".standing")).to_have_text("All changes saved")
    settle(page)


def is_focused(page: Page, key: str) -> bool:
    found = "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot.activeElement?.dataset.key"
    return bool(page.evaluate(found) == key)


# --- by mouse --------------------------------------------------------------------------------------------------------


def test_a_form_is_made_dragged_edited_undone_and_published_by_mouse(page: Page, forms_url: str, house: House) -> None:
    open_at(page, forms_url)
    page.get_by_role("button", name="New form").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Newsletter", exact=True).click()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Newsletter")
    dialog.get_by_role("button", name="Make the form").click()
    expect(fields(page)).to_have_count(3)
    settle(page)

    page.locator("[data-kind=phone]").drag_to(fields(page).nth(1), target_position={"x": 60, "y": 4})
    assert titles(page) == ["E-mail", "Phone", "First name", "Privacy"]
    fields(page).nth(2).drag_to(fields(page).nth(0), target_position={"x": 60, "y": 4})
    assert titles(page) == ["First name", "E-mail", "Phone", "Privacy"]

    fields(page).nth(2).click()
    input_(page, "label").fill("Mobile")
    assert titles(page)[2] == "Mobile"
    expect(preview(page).get_by_label("Mobile")).to_be_visible()
    for _ in range(2):
        input_(page, "undo").click()
    assert titles(page) == ["E-mail", "Phone", "First name", "Privacy"]
    input_(page, "redo").click()
    assert titles(page) == ["First name", "E-mail", "Phone", "Privacy"]
    saved(page)

    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("dialog")).to_contain_text("its first version")
    check_in_both_themes(page)
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(keyed(page, "pagetitle")).to_contain_text("Version 1")
    found = form_versions.list_forms(house.database, house.organization_id)
    newsletter = next(one for one in found if one.name == "Newsletter")
    assert (newsletter.status, newsletter.has_unpublished_changes) == ("published", False)
    published = form_versions.versions(house.database, house.organization_id, newsletter.form_id)
    assert [one.name for one in published[0].definition.fields] == ["first_name", "email", "phone", "consent"]


def test_what_is_sent_from_the_preview_goes_nowhere(page: Page, forms_url: str, house: House) -> None:
    open_form(page, forms_url, made(house, EMPTY.draft()))
    preview(page).get_by_label("E-mail").fill("ada@example.com")
    preview(page).get_by_role("button", name="Send").click()
    expect(preview(page).get_by_text("Thank you. We will be in touch.")).to_be_visible()


# --- by keyboard -----------------------------------------------------------------------------------------------------


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def announced(page: Page) -> str:
    return page.locator(".builder .unseen").inner_text().strip()


def test_a_form_is_built_by_keyboard_alone_and_the_focus_survives_what_is_saved(
    page: Page, forms_url: str, house: House
) -> None:
    form = made(house, EMPTY.draft())
    open_form(page, forms_url, form)
    reach(page, "kind-text")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    assert titles(page) == ["E-mail", "Phone"]
    assert announced(page) == "Phone added, field 2 of 2. Type its label"
    assert is_focused(page, "label")
    page.keyboard.type("Your number")
    assert titles(page) == ["E-mail", "Your number"], "what is typed replaces the label, and a space adds no field"
    saved(page)
    assert is_focused(page, "label")
    press(page, *["Control+z"] * 2, "Control+Shift+z")
    assert titles(page) == ["E-mail", "Phone"]

    input_(page, "kind-phone").focus()
    press(page, "Home", " ")
    assert is_focused(page, "label")
    input_(page, "field-0-2").focus()
    press(page, "Alt+ArrowUp", "Alt+ArrowUp", "Alt+ArrowUp")
    assert titles(page) == ["Short text", "E-mail", "Phone"]
    assert announced(page) == "Short text stands first already"
    press(page, "Enter")
    assert is_focused(page, "label")
    page.keyboard.type("Your role")
    saved(page)
    assert is_focused(page, "label")
    assert titles(page)[0] == "Your role"
    page.keyboard.type("!")
    press(page, "Escape")
    assert is_focused(page, "field-0-0")
    press(page, "ArrowDown", "ArrowDown", "Delete")
    assert titles(page) == ["Your role!", "E-mail"]
    assert announced(page) == "Phone removed. Ctrl+Z brings it back"
    press(page, "Control+z")
    assert titles(page) == ["Your role!", "E-mail", "Phone"]
    press(page, "Control+Shift+z")
    assert titles(page) == ["Your role!", "E-mail"]
    saved(page)
    fields_ = stored(house, form.form_id).definition["steps"][0]["fields"]
    assert [(one["name"], one["label"]) for one in fields_] == [("your_role", "Your role!"), ("email", "E-mail")]

    press(page, *["Control+z"] * 20)
    assert titles(page) == ["E-mail"], "back to where it began"


def reach(page: Page, key: str) -> None:
    """By Tab alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if is_focused(page, key):
            return
    pytest.fail(f"60 tabs do not lead to {key}")


def test_steps_and_conditions_are_made_by_keyboard(page: Page, forms_url: str, house: House) -> None:
    form = made(house, TEMPLATES["event"].draft())
    open_form(page, forms_url, form)
    input_(page, "add-step").focus()
    press(page, "Enter")
    page.keyboard.type("?")
    input_(page, "field-0-7").focus()
    press(page, "Alt+ArrowDown")
    assert announced(page) == "Privacy moved, field 1 of 1 of Step 2?"
    press(page, "Enter")
    input_(page, "show-if").select_option("attendance")
    input_(page, "show-online").check()
    expect(fields(page).last).to_contain_text("shown if How do you take part? is On site or Online")
    saved(page)
    steps = stored(house, form.form_id).definition["steps"]
    assert steps[1]["fields"][0]["show_if"] == {"field": "attendance", "is_any_of": ["on_site", "online"]}
    for theme in THEMES:
        switch_theme(page, theme)
        for tab in ("Looks", "Texts", "Settings", "Fields"):
            page.get_by_role("tab", name=tab).click()
            assert findings(page.main_frame) == [], (theme, tab)


# --- faults, two at once, reloads ------------------------------------------------------------------------------------


def test_a_fault_leads_to_what_mends_it(page: Page, forms_url: str, house: House) -> None:
    open_form(page, forms_url, made(house, TEMPLATES["quote"].draft()))
    fields(page).nth(5).click()
    input_(page, "label").fill("")
    saved(page)
    fields(page).nth(0).click()
    page.get_by_role("button", name=re.compile("budget: it needs a label")).click()
    assert is_focused(page, "label")
    page.keyboard.type("Budget")
    saved(page)
    expect(page.locator(".builder .faults")).to_have_count(0)


def test_what_is_no_address_is_named_where_it_stands_and_missing_mail_is_told(
    page: Page, forms_url: str, house: House
) -> None:
    open_form(page, forms_url, made(house, EMPTY.draft()))
    page.get_by_role("tab", name="Settings").click()
    expect(page.locator(".builder .panel")).to_contain_text("Mail is not set up on this installation")
    input_(page, "notify").fill("sales@example.com\nnot-an-address")
    saved(page)
    page.get_by_role("tab", name="Fields").click()
    page.get_by_role("button", name=re.compile("'not-an-address' is no e-mail address; write it as")).click()
    assert is_focused(page, "notify")
    input_(page, "notify").fill("sales@example.com")
    saved(page)
    expect(page.locator(".builder .faults")).to_have_count(0)


def test_two_people_at_once_are_asked_and_lose_nothing(page: Page, forms_url: str, house: House) -> None:
    form = made(house, EMPTY.draft())
    open_form(page, forms_url, form)
    theirs = EMPTY.draft()
    theirs["steps"][0]["fields"][0]["label"] = "Theirs"
    form_versions.save_draft(house.database, house.organization_id, form.form_id, theirs, expected_revision=1, by="Bo")
    fields(page).first.click()
    input_(page, "label").fill("Mine")
    expect(page.get_by_role("alert")).to_contain_text("Label “Theirs” is now “Mine”")
    assert stored(house, form.form_id).definition == theirs
    input_(page, "theirs").click()
    assert titles(page) == ["Theirs"]
    input_(page, "undo").click()
    assert titles(page) == ["Mine"]
    saved(page)
    assert stored(house, form.form_id).definition["steps"][0]["fields"][0]["label"] == "Mine"
    page.reload()
    expect(fields(page).first).to_contain_text("Mine")


# --- from the builder to the funnel ----------------------------------------------------------------------------------


@pytest.fixture
def endpoint(house: House, tmp_path: Path) -> Iterator[str]:
    with running_endpoint(house.services.database_url, tmp_path) as served:
        yield served.address


def as_a_person(page: Page) -> None:
    """Browsers that are driven say so, and are not counted."""
    page.add_init_script("Object.defineProperty(navigator, 'webdriver', { get: () => false })")
    agent = str(page.evaluate("navigator.userAgent")).replace("Headless", "")
    page.context.new_cdp_session(page).send("Emulation.setUserAgentOverride", {"userAgent": agent})


def test_a_form_is_published_embedded_filled_in_and_seen_in_the_funnel(
    page: Page, browser: BrowserContext, workbench_url: str, forms_url: str, house: House, endpoint: str
) -> None:
    form = made(house, EMPTY.draft() | {"protection": {"least_fill_s": 0}})
    open_form(page, forms_url, form)
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(keyed(page, "pagetitle")).to_contain_text("Version 1")
    page.get_by_role("tab", name="Embed").click()
    code = page.get_by_test_id("stCode").first
    expect(code).to_contain_text(form.key)
    # The workbench of the tests names the usual address, and this endpoint stands at another.
    snippet = code.locator("code").inner_text().replace("http://127.0.0.1:8000", endpoint)

    visitor = browser.new_page()
    as_a_person(visitor)
    with serving(Site()) as site:
        policy = f"default-src 'none'; script-src {endpoint}; connect-src {endpoint}"
        visitor.goto(site.add(f"<!doctype html><title>A website</title><main>{snippet}</main>", policy))
        visitor.get_by_label("E-mail").fill("ada@example.com")
        visitor.get_by_role("button", name="Send").click()
        expect(visitor.get_by_text("Thank you. We will be in touch.")).to_be_visible()
        visitor.close()

    open_at(page, f"{workbench_url}/widgets?org={house.organization_id}&form={form.form_id}")
    for step in ("views", "starts", "submits", "valid"):
        expect(value_of(page, f"step_{step}")).to_have_text("1")


# --- hostile texts ---------------------------------------------------------------------------------------------------


def hostile_draft() -> dict[str, Any]:
    """Each of the 300 texts where a form holds one: labels, helps, options, titles, words, messages."""
    left = iter(TEXTS)
    options = [{"value": f"o{n}", "label": next(left)} for n in range(170)]
    asked = [
        {"name": f"f{n}", "kind": "text", "label": next(left), "help": next(left), "placeholder": next(left)}
        for n in range(38)
    ]
    email = {"name": "email", "kind": "email", "label": next(left)}
    choice = {"name": "choice", "kind": "select", "label": next(left), "options": options}
    steps = [{"title": next(left), "fields": [email, choice]}, {"title": next(left), "fields": asked}]
    words = {name: next(left) for name in ("send", "next", "back", "optional", "choose")}
    message, source, campaign = next(left), next(left), next(left)
    german = {"thanks": next(left), "steps": [next(left), next(left)]}
    return {
        "title": next(left), "steps": steps, "words": words, "thank_you": {"message": message}, "source": source,
        "campaign": campaign, "translations": {"de": german},
    }  # fmt: skip


def test_no_text_of_a_form_runs_in_the_builder(page: Page, forms_url: str, house: House) -> None:
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    draft = hostile_draft()
    open_form(page, forms_url, made(house, draft))
    shown = [one["label"] for step in draft["steps"] for one in step["fields"]]
    assert fields(page).locator(".title").all_text_contents() == shown
    fields(page).nth(1).click()
    assert input_(page, "option-label-169").input_value() == TEXTS[169]
    expect(preview(page).locator("input[name=email]")).to_be_visible()
    for tab in ("Looks", "Texts", "Settings"):
        page.get_by_role("tab", name=tab).click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("dialog")).to_contain_text("its first version")
    page.keyboard.press("Escape")
    assert ran == []
