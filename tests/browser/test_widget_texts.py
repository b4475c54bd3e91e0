"""Whatever a form says stays text: nothing of three hundred hostile texts runs, nor becomes an element."""

from __future__ import annotations

from itertools import islice
from typing import Any

from hostile_texts import TEXTS
from playwright.sync_api import Page, expect
from widget_world import Visit, World

FIELDS = 36
ELEMENTS = {
    "A", "BUTTON", "DIV", "FIELDSET", "FORM", "H2", "H3", "I", "INPUT", "LABEL", "LEGEND", "OPTION", "P", "SELECT",
    "SPAN", "STRONG", "TEXTAREA",
}  # fmt: skip
LOOK = """() => [...document.querySelectorAll('main > div')].flatMap(host => [...host.shadowRoot.querySelectorAll('*')])
    .map(one => [one.tagName, [...one.attributes].map(at => at.name), one.tagName === 'A' ? one.protocol : ''])"""


def hostile_form() -> dict[str, Any]:
    """Every text that a form has is a hostile one, and each is there once at least."""
    texts = iter(TEXTS)

    def options(number: int) -> list[dict[str, str]]:
        return [{"value": text.replace(",", ";"), "label": text} for text in islice(texts, number)]

    fields: list[dict[str, Any]] = [
        {"name": "email", "kind": "email", "label": next(texts), "default": "a@example.org"}
    ]
    for number in range(FIELDS):
        kind = ("text", "long_text", "phone", "consent", "checkbox", "date")[number % 6]
        texts_of = {"consent": ("consent_text", "help"), "checkbox": ("label", "help")}
        names = texts_of.get(kind, ("label", "help", "placeholder"))
        fields.append({"name": f"f{number}", "kind": kind, **dict(zip(names, texts, strict=False))})
    fields.append({"name": "one", "kind": "select", "label": next(texts), "options": options(80)})
    title, step, thanks, word = islice(texts, 4)
    fields.append({"name": "many", "kind": "multi_select", "label": next(texts), "options": options(999)})
    return {
        "title": title,
        "steps": [{"title": step, "fields": fields}],
        "words": {"send": word, "optional": word, "choose": word, "check": word, "required": word},
        "thank_you": {"message": thanks},
        "protection": {"least_fill_s": 0},
    }


def check(page: Page) -> None:
    found = page.evaluate(LOOK)
    assert len(found) > 300
    assert {tag for tag, _, _ in found} <= ELEMENTS
    assert [names for _, names, _ in found if any(name.startswith(("on", "src", "action")) for name in names)] == []
    assert {protocol for tag, _, protocol in found if tag == "A"} <= {"https:"}


def test_no_text_of_a_form_runs_in_the_widget(world: World, visit: Visit) -> None:
    assert len(set(TEXTS)) == 300
    key = world.publish(hostile_form())
    page = visit.page
    page.goto(world.page(world.snippet(key)))
    expect(page.locator("form")).to_be_visible()
    check(page)
    shown = page.locator("form").evaluate(
        "one => one.textContent + [...one.querySelectorAll('[placeholder]')].map(at => at.placeholder)"
    )
    assert [text for text in TEXTS[:100] if text not in shown] == []
    page.locator("[name=email]").fill("nobody")
    page.locator("button.go").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("[name=email]").fill("ada@example.org")
    page.locator("button.go").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert len(world.leads(key)) == 1


def test_no_text_of_a_form_runs_on_its_own_page(world: World, visit: Visit) -> None:
    key = world.publish(hostile_form())
    visit.page.route("**/widget.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    visit.page.goto(f"{world.endpoint}/forms/{key}")
    expect(visit.page.locator("form")).to_be_visible()
    assert visit.page.locator("form input[type=checkbox]").count() > 50
    assert (
        visit.page.locator("img, svg, iframe, object, embed, video, audio, details, base, math, template").count() == 0
    )
    assert visit.page.locator("script").count() == 1
