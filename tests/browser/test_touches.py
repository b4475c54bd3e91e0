"""Where a visitor came from, until a form is sent: over pages without a form, and into a frame of another origin."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from playwright.sync_api import expect
from widget_world import CONTACT, Visit, World

from lead_endpoint import statics
from snapshots import visits
from snapshots.lead_funnel import FunnelReader, VisitFilter
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

KEPT = "() => localStorage.getItem('slms:touches')"
AD = "?utm_source=ads&utm_campaign=brand&gclid=abc"
CAME = {"utm_source": "ads", "utm_campaign": "brand", "click": "gclid", "click_id": "abc"}


def touch_script(world: World) -> str:
    """As the form builder shows it: frozen, and pinned by its hash."""
    file = statics.read("touch.v1.js")
    assert file is not None
    pinned = f'integrity="{file.integrity}" crossorigin="anonymous"'
    return f'<script async src="{world.endpoint}/touch.v1.js" {pinned}></script>'


def sent(world: World, key: str) -> list[dict[str, Any]]:
    """The touches of the form's only lead, without their times."""
    (lead,) = world.leads(key)
    return [{name: one[name] for name in one if name != "at"} for one in json.loads(bytes(lead["body"]))["_touches"]]


def path_of(address: str) -> str:
    return "/" + address.rpartition("/")[2]


def test_an_ad_that_leads_to_a_page_without_a_form_counts_for_the_lead_of_another_page(
    world: World, visit: Visit
) -> None:
    key, page = world.publish(CONTACT), visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    landing = world.page(f'<a href="{world.page(world.snippet(key))}">Contact us</a>{touch_script(world)}')
    page.goto(landing + AD)
    page.wait_for_function(KEPT)
    assert asked == [landing + AD, f"{world.endpoint}/touch.v1.js"]
    page.get_by_role("link").click()
    visit.enter(email="ad@example.org").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you")
    assert sent(world, key) == [CAME | {"landing": path_of(landing)}]
    visits.fold_leads(world.database, world.organization)
    reader = FunnelReader(Reader(world.database, Viewer(world.organization, Role.ADMIN)))
    (lead,) = world.leads(key)
    tomorrow = lead["received_at"].date() + timedelta(days=1)
    days = Slice(first_day=None, last_day=tomorrow, as_of=tomorrow)
    journeys = reader.journeys(days, VisitFilter(form_ids=(lead["form_id"],), kind=None))
    assert journeys[["source", "campaign"]].values.tolist() == [["ads", "brand"]]
    assert page.evaluate(KEPT) is None, "what was sent is not kept any longer"


def test_it_leaves_no_global_and_no_cookie_and_keeps_nothing_where_it_is_told_to(world: World, visit: Visit) -> None:
    page, names = visit.page, "JSON.stringify(Object.getOwnPropertyNames(window).sort())"
    page.goto(world.page("<p>No script</p>"))
    before = page.evaluate(names)
    page.goto(world.page(touch_script(world)) + AD)
    page.wait_for_function(KEPT)
    assert page.evaluate(names) == before
    assert page.context.cookies() == []
    page.evaluate("localStorage.clear()")
    with page.expect_response("**/touch.v1.js"):
        page.goto(world.page(touch_script(world).replace("async", 'data-remember="no"')) + AD)
    assert page.evaluate(KEPT) is None


def test_own_staff_is_marked_on_a_page_without_a_form(world: World, visit: Visit) -> None:
    key, page = world.publish(CONTACT), visit.page
    page.goto(world.page(touch_script(world)) + "?slms_staff=1")
    page.wait_for_function("() => sessionStorage.getItem('slms:visit')")
    page.goto(world.page(world.snippet(key)))
    visit.enter(email="own@example.org").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you")
    (lead,) = world.leads(key)
    assert lead["visit"].endswith("-staff")


def frame_of(world: World, key: str) -> str:
    return f'<iframe title="Contact" src="{world.endpoint}/forms/{key}/embed.html" height="100"></iframe>'


def test_a_lead_from_a_frame_says_where_the_visitor_of_the_page_around_it_came_from(world: World, visit: Visit) -> None:
    key, page = world.publish(CONTACT), visit.page
    landing = world.page(touch_script(world))
    around = world.page(f'{frame_of(world, key)}<script async src="{world.endpoint}/frame.js"></script>')
    page.goto(landing + AD)
    page.wait_for_function(KEPT)
    page.goto(around + "?utm_source=newsletter")
    inside = page.frame_locator("iframe")
    inside.locator("form:not(.plain) [name=email]").fill("framed@example.org")
    inside.get_by_role("button", name="Send").click()
    expect(inside.get_by_role("status")).to_contain_text("Thank you")
    assert sent(world, key) == [
        CAME | {"landing": path_of(landing)}, {"utm_source": "newsletter", "landing": path_of(around)},
    ]  # fmt: skip


def test_a_frame_believes_nobody_but_the_page_around_it(world: World, visit: Visit) -> None:
    key, page = world.publish(CONTACT), visit.page
    told = json.dumps({"slms": key, "touches": [{"utm_source": "made up"}]})
    page.add_init_script(f"if (parent !== window) setInterval(() => postMessage({told}, '*'), 10)")
    around = world.page(frame_of(world, key))
    page.goto(around)
    inside = page.frame_locator("iframe")
    inside.locator("form:not(.plain) [name=email]").fill("framed@example.org")
    inside.get_by_role("button", name="Send").click()
    expect(inside.get_by_role("status")).to_contain_text("Thank you")
    host = world.site.address.removeprefix("http://")
    assert sent(world, key) == [{"referrer": host, "landing": f"/forms/{key}/embed.html"}]


def test_the_page_around_listens_to_nobody_but_the_endpoint(world: World, visit: Visit) -> None:
    key, page = world.publish(CONTACT), visit.page
    stranger = world.page("<p>Another website</p>")
    frames = f'{frame_of(world, key)}<iframe id="other" src="{stranger}" height="100"></iframe>'
    around = world.page(
        f'{frames}<script async src="{world.endpoint}/frame.js"></script>',
        policy=world.policy.replace("frame-src", f"frame-src {world.site.address}"),
    )
    page.goto(around + AD)
    page.frame_locator("[title=Contact]").locator("form:not(.plain)").wait_for()
    page.evaluate("self.came = 0; addEventListener('message', ({ data }) => { came += data.height === 7 })")
    other = page.frame(url=stranger)
    assert other is not None
    other.evaluate(
        "self.heard = []; addEventListener('message', ({ data }) => heard.push(data));"
        f"parent.postMessage({{ slms: '{key}', asks: true, height: 7 }}, '*')"
    )
    page.wait_for_function("came === 1")
    assert page.locator("#other").get_attribute("height") == "100"
    assert other.evaluate("heard") == []


def test_the_title_is_translated_with_the_rest(world: World, visit: Visit) -> None:
    key = world.publish({**CONTACT, "translations": {"de": {"title": "Schreiben Sie uns"}, "fr": {}}})
    for language, title in (("de", "Schreiben Sie uns"), ("fr", "Contact us")):
        visit.page.goto(world.page(world.snippet(key, data_lang=language)))
        expect(visit.page.get_by_role("heading", level=2)).to_have_text(title)
