"""The widget on a stranger's page with the strictest policy: what a visitor can do with it, and what is stored."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, Route, expect
from sqlalchemy import text
from widget_world import CONTACT, Visit, World

from lead_endpoint import statics


def thanks(page: Page) -> None:
    expect(page.get_by_role("status")).to_contain_text("Thank you")


def test_a_lead_from_a_strict_page_is_stored_with_where_it_came_from(world: World, visit: Visit, contact: str) -> None:
    page, address = visit.page, world.page(world.snippet(contact, data_source="website", data_campaign="spring"))
    page.goto(address + "?utm_source=newsletter&utm_medium=email&gclid=abc")
    page.goto(address)
    visit.enter(email="strict@example.org", name="Ada Lovelace", message="Hello").click()
    thanks(page)
    (lead,) = [one for one in world.leads(contact) if one["email"] == "strict@example.org"]
    assert (lead["first_name"], lead["state"]) == ("Ada", "pending")
    assert (lead["source"], lead["campaign"], lead["form_version"]) == ("website", "spring", 1)
    sent = json.loads(bytes(lead["body"]))
    (touch,) = sent["_touches"]
    assert {name: touch[name] for name in touch if name not in {"at", "landing"}} == {
        "utm_source": "newsletter", "utm_medium": "email", "click": "gclid", "click_id": "abc",
    }  # fmt: skip
    assert sent["_page"] == address


def test_two_widgets_on_a_page_send_to_their_own_forms(world: World, visit: Visit, contact: str) -> None:
    other = world.publish({**CONTACT, "title": "Press"})
    visit.page.goto(
        world.page(
            world.snippet(contact)
            + '<div id="here"></div>'
            + world.snippet(other, data_target="#here", data_endpoint=f"{world.endpoint}/")
        )
    )
    forms = visit.page.locator("form")
    expect(forms).to_have_count(2)
    assert visit.page.locator("#here form").count() == 1
    for number, address in enumerate(("one@example.org", "two@example.org")):
        shown = visit.page.locator("main > div").nth(number)
        shown.locator("[name=email]").fill(address)
        shown.locator("button.go").click()
        expect(shown.get_by_role("status")).to_contain_text("Thank you")
    assert [one["email"] for one in world.leads(contact)][-1:] == ["one@example.org"]
    assert [one["email"] for one in world.leads(other)] == ["two@example.org"]


def test_the_frozen_script_can_be_pinned_by_its_hash(world: World, visit: Visit, contact: str) -> None:
    file = statics.read("widget.v1.js")
    assert file is not None
    pinned = f'src="{world.endpoint}/widget.v1.js" integrity="{file.integrity}" crossorigin="anonymous"'
    snippet = world.snippet(contact).replace(f'src="{world.endpoint}/widget.js"', pinned)
    visit.page.goto(world.page(snippet))
    expect(visit.page.get_by_label("E-mail")).to_be_visible()


def test_it_leaves_no_global_and_no_cookie(world: World, visit: Visit, contact: str) -> None:
    names = "JSON.stringify(Object.getOwnPropertyNames(window).sort())"
    visit.page.goto(world.page("<p>No widget</p>"))
    before = visit.page.evaluate(names)
    visit.page.goto(world.page(world.snippet(contact)))
    expect(visit.page.get_by_label("E-mail")).to_be_visible()
    assert visit.page.evaluate(names) == before
    assert visit.page.context.cookies() == []


def test_what_is_wrong_stands_at_the_field_and_on_top_and_the_first_has_the_focus(
    world: World, visit: Visit, contact: str
) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(contact)))
    visit.enter(email="ada").click()
    field = page.get_by_label("E-mail")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = field.get_attribute("aria-describedby") or ""
    texts = [page.locator(f"#{one}").inner_text() for one in described.split()]
    assert texts[0] == "Never shown."
    assert "@" in texts[1]
    expect(page.get_by_role("alert")).to_contain_text("E-mail: Please")
    field.fill("ada@example.org")
    expect(field).to_have_attribute("aria-invalid", "false")


def test_what_the_server_finds_stands_at_its_field(world: World, visit: Visit, contact: str) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(contact)))
    visit.enter(email="ada@localhost", name="Ada").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("E-mail: ")
    expect(page.get_by_label("Name")).to_have_value("Ada")
    assert [one for one in world.leads(contact) if one["email"] == "ada@localhost"] == []


def test_a_lead_that_the_network_loses_is_sent_once_after_a_reload(world: World, visit: Visit) -> None:
    key = world.publish(CONTACT)
    page = visit.page
    tries: list[str] = []
    is_down = True

    def lose(route: Route) -> None:
        """The first time the lead arrives and its answer does not, which is the worst case; then nothing arrives."""
        is_lead = route.request.method == "POST"
        if is_lead and not tries:
            route.fetch()
        if is_lead:
            tries.append(route.request.headers["idempotency-key"])
        (route.abort if is_down else route.continue_)()

    page.route("**/public/leads", lose)
    page.goto(world.page(world.snippet(key)))
    visit.enter(email="ada@example.org").click()
    expect(page.get_by_role("status")).to_contain_text("kept in this browser")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("kept in this browser")
    before = len(tries)
    is_down = False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    thanks(page)
    assert len(tries) > before
    assert set(tries) == {tries[0]}
    assert [one["email"] for one in world.leads(key)] == ["ada@example.org"]
    assert page.evaluate("Object.keys(localStorage).filter(name => name.includes('lead'))") == []


def test_steps_and_conditions_lead_to_what_fits(world: World, visit: Visit, offer: str) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(offer)) + "?plan=gold")
    heading = page.get_by_role("heading", level=3)
    expect(heading).to_have_text("Step 1 of 2: You")
    page.get_by_label("Role").select_option("press")
    expect(heading).to_have_text("Step 1 of 3: You")
    visit.enter(email="ada@example.org").click()
    expect(page.get_by_label("Newspaper")).to_be_focused()
    page.get_by_label("Newspaper").fill("The Times")
    page.get_by_label("Role").select_option("buyer")
    expect(page.get_by_label("Newspaper")).to_be_hidden()
    page.get_by_role("button", name="Next").click()
    expect(heading).to_have_text("Step 2 of 2: Your wish")
    expect(heading).to_be_focused()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("E-mail")).to_have_value("ada@example.org")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("People").fill("1")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("People: Value must be greater than or equal to 2.")
    page.get_by_label("Apples").check()
    page.get_by_label("Cheese").check()
    page.get_by_label("People").fill("12")
    page.get_by_label("Start").fill("2026-03-01")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Your offer is on its way.")
    sent = json.loads(bytes(world.leads(offer)[-1]["body"]))
    answers = {name: value for name, value in sent.items() if not name.startswith("_") and name != "form"}
    assert answers == {
        "email": "ada@example.org", "role": "buyer", "products": ["a", "c"], "people": "12", "starts": "2026-03-01",
        "plan": "gold", "terms": "yes",
    }  # fmt: skip


def test_all_of_it_goes_by_key(world: World, visit: Visit, offer: str) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(offer)))
    page.get_by_label("E-mail").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.type("ada@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3)).to_be_focused()
    for key in ("Tab", "Space", *["Tab"] * 20):
        page.keyboard.press(key)
        if page.evaluate("document.querySelector('main > div').shadowRoot.activeElement.name") == "terms":
            break
    page.keyboard.press("Space")
    expect(page.get_by_label("I agree")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_focused()
    assert json.loads(bytes(world.leads(offer)[-1]["body"]))["products"] == "a"


def test_texts_are_in_the_page_s_language_where_the_form_has_it(world: World, visit: Visit, offer: str) -> None:
    visit.page.goto(world.page(world.snippet(offer), language="de-AT"))
    expect(visit.page.get_by_role("heading", level=3)).to_have_text("Schritt 1 von 2: Sie")
    expect(visit.page.get_by_label("E-Mail-Adresse")).to_be_visible()
    visit.page.goto(world.page(world.snippet(offer, data_lang="en"), language="de"))
    expect(visit.page.get_by_role("button", name="Next")).to_be_visible()


HOSTILE = """* { display: none !important; font: 80px fantasy !important; color: red !important; opacity: 0 !important }
html, body, main { display: block !important; opacity: 1 !important }
input, button, form, label { position: fixed !important; left: -9999px !important; width: 1px !important }
div { visibility: hidden !important; pointer-events: none !important; transform: scale(0) !important }"""


def test_styles_of_a_hostile_page_do_not_reach_it(world: World, visit: Visit, contact: str) -> None:
    page = visit.page
    policy = world.policy.replace("style-src 'none'", "style-src 'unsafe-inline'")
    page.goto(world.page(f"<style>{HOSTILE}</style>{world.snippet(contact)}", policy=policy))
    visit.enter(email="ada@example.org")
    button = page.get_by_role("button", name="Send")
    box = button.bounding_box()
    assert box is not None
    assert 44 <= box["height"] <= 60
    assert button.evaluate("one => getComputedStyle(one).fontSize") == "16px"
    button.click()
    thanks(page)


def test_a_plain_form_gives_way_but_not_under_somebody_s_hands(world: World, visit: Visit, contact: str) -> None:
    page = visit.page
    plain = f'<form id="plain" action="{world.endpoint}/public/leads" method="post"><input name="email"></form>'
    address = world.page(plain + world.snippet(contact, data_replace="#plain"))
    page.goto(address)
    expect(page.get_by_role("heading", name="Contact us")).to_be_visible()
    expect(page.locator("#plain")).to_have_count(0)
    page.route("**/public/forms/*", lambda route: (page.locator("[name=email]").focus(), route.continue_()))
    with page.expect_response("**/public/forms/*"):
        page.goto(address)
    page.locator("[name=email]").fill("typed@example.org")
    expect(page.locator("#plain [name=email]")).to_have_value("typed@example.org")


def test_a_proof_of_work_that_is_asked_for_is_done(world: World, visit: Visit) -> None:
    key = world.publish({**CONTACT, "protection": {"least_fill_s": 0, "proof_of_work": "always"}})
    visit.page.goto(world.page(world.snippet(key)))
    visit.enter(email="ada@example.org").click()
    thanks(visit.page)
    assert [one["state"] for one in world.leads(key)] == ["pending"]


LISTEN = """() => {
    const send = navigator.sendBeacon.bind(navigator);
    window.told = [];
    navigator.sendBeacon = (address, body) => { window.told.push(JSON.parse(body)); return send(address, body); };
}"""
SEEN = """() => {
    document.dispatchEvent(new Event("visibilitychange"));
    return window.told.flatMap(one => one.events).some(one => one.kind === "view");
}"""


def test_what_a_visitor_does_is_told_in_batches(world: World, visit: Visit, offer: str) -> None:
    page = visit.page
    page.add_init_script(f"({LISTEN})()")
    page.goto(world.page(world.snippet(offer)))
    page.locator("form").wait_for()
    page.wait_for_function(SEEN)
    with page.expect_response("**/public/beacons") as answer:
        visit.enter(email="ada@example.org").click()
        page.get_by_role("button", name="Send").click()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert answer.value.status == 204
    told = page.evaluate("window.told")
    assert [event["kind"] for one in told for event in one["events"]] == ["view", "start", "step", "error"]
    assert [one["form"] for one in told] == [offer, offer]
    assert "ada@example.org" not in json.dumps(told)


def test_the_site_s_own_people_mark_their_visit_which_lasts_as_long_as_the_tab(
    world: World, visit: Visit, contact: str
) -> None:
    page = visit.page
    address = world.page(world.snippet(contact))
    page.goto(address + "?slms_staff=1")
    page.reload()  # it is marked once
    page.get_by_role("heading", name="Contact us").wait_for()
    page.goto(address)
    visit.enter(email="ann@example.org").click()
    thanks(page)
    assert re.fullmatch(r"\w{24}-staff", world.leads(contact)[-1]["visit"])
    assert page.evaluate("document.cookie") == ""


def test_a_form_that_is_not_for_this_page_or_closed_says_so_in_plain_words(world: World, visit: Visit) -> None:
    page = visit.page
    key = world.publish({**CONTACT, "domains": ["https://elsewhere.example"]})
    page.goto(world.page(world.snippet(key)))
    expect(page.get_by_role("status")).to_have_text(
        "This form is not available on this website. Please contact the owner of the site."
    )
    closed = world.publish({**CONTACT, "translations": {"de": {}}})
    with world.database.as_app(world.organization) as connection:
        connection.execute(text("UPDATE forms SET status = 'paused' WHERE key = :key"), {"key": closed})
    page.goto(world.page(world.snippet(closed)))
    expect(page.get_by_role("status")).to_have_text(
        "This form is closed at the moment. Please contact the owner of the site."
    )
    plain = f'<form id="plain" action="{world.endpoint}/public/leads" method="post"><input name="email"></form>'
    with page.expect_response("**/public/forms/*"):
        page.goto(world.page(plain + world.snippet(key, data_replace="#plain")))
    expect(page.locator("#plain")).to_be_visible()


def test_a_visitor_who_is_not_to_be_remembered_is_not(world: World, visit: Visit, contact: str) -> None:
    page = visit.page
    page.goto(world.page(world.snippet(contact, data_remember="no")) + "?utm_source=ads")
    page.evaluate("localStorage.clear(), sessionStorage.clear()")
    page.reload()
    visit.enter(email="ada@example.org").click()
    thanks(page)
    assert page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]") == [[], [], ""]
