"""Whatever a CRM, a stranger or a colleague calls something, no page makes more of it than text.

A few pages with many of the words each; with SLMS_TEST_FULL=1 every page, tab and dialog.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPMessage
from itertools import product
from typing import Final
from urllib.parse import quote, urlsplit

import made_hostile
import pytest
from hostile_looks import Watch, missing, turned
from hostile_texts import EVERY, MARKDOWN, TEXTS
from made_hostile import BY, LAST, NAME, Hostile
from made_move import brought_over, on_loopback, sandbox_of, values_for
from playwright.sync_api import BrowserContext, Error, FrameLocator, Locator, Page, expect
from walking import chip, grid, keyed, open_at, settle

from insights.forecasting.nodes import TooLittlePast
from insights.report import html, pdf
from insights.report.document import Week
from ops import coaching_week, connecting, detecting, forecasting, health, reports
from ops.job_book import Slot, booked
from ops.services import utc_now
from snapshots import crm_changes
from snapshots.organizations import list_connections

IS_FULL = os.environ.get("SLMS_TEST_FULL") == "1"
Look = Callable[["Walk"], None]
SALES: Final = "/integrations/csv/salespeople"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}


class Walk:
    """A page over an organization full of hostile words."""

    def __init__(self, page: Page, hostile: Hostile, url: str) -> None:
        self.page, self.hostile, self.url = page, hostile, url
        self.watch = Watch(page)

    def go(self, place: str, **parameters: object) -> str:
        said = "".join(f"&{name}={value}" for name, value in parameters.items())
        open_at(self.page, f"{self.url}/{place}?org={self.hostile.house.organization_id}{said}")
        return self.look(place or "overview")

    def look(self, where: str) -> str:
        settle(self.page)
        said = self.watch.check(where)
        assert turned(said) == [], where
        return said

    def press(self, name: str) -> str:
        """A button by its words, the first of them."""
        self.page.get_by_role("button", name=name).locator("visible=true").first.click()
        return self.look(name)

    def unfold(self, part: Locator) -> str:
        """The list of a select box, as far as it is drawn."""
        part.locator("input").first.click()
        expect(self.page.get_by_role("option").first).to_be_visible()
        said = self.look("a list")
        self.page.keyboard.press("Escape")
        return said

    def tab(self, name: str) -> str:
        self.page.get_by_role("tab", name=name, exact=True).click()
        return self.look(name)

    def rows(self) -> FrameLocator:
        found = grid(self.page)
        expect(found.locator(".ag-center-cols-container .ag-row").first).to_be_visible()
        return found

    def point_at(self, part: Locator) -> str:
        """The tooltip of a bar."""
        for _ in range(3):
            with contextlib.suppress(Error):  # the chart was drawn anew meanwhile
                part.scroll_into_view_if_needed()
                part.hover(force=True)
                break
            settle(self.page)
        expect(self.page.locator("#vg-tooltip-element")).to_have_class("vg-tooltip visible light-theme")
        return self.look("a chart")


@pytest.fixture
def walk(page: Page, hostile: Hostile, hostile_url: str) -> Iterator[Walk]:
    walk = Walk(page, hostile, hostile_url)
    yield walk
    assert walk.watch.ran == []


@pytest.mark.parametrize("bad", [
    "<img src=x onerror=window.x=1>", "<a href='http://planted.invalid'>x</a>", "<iframe srcdoc=x></iframe>",
    "<a href='javascript:alert(1)'>x</a>", "<script>alert(1)</script>", "<span class=katex>x</span>",
    "<p data-testid=stMarkdownContainer><em>em</em></p>", "<p>a → b</p>",
])  # fmt: skip
def test_a_word_that_is_more_than_text_would_be_seen(browser: BrowserContext, bad: str) -> None:
    page = browser.new_page()
    watch = Watch(page)
    page.set_content("<p>[x](http://planted.invalid)</p>")
    watch.check("text")
    page.set_content(bad)
    with pytest.raises(AssertionError):
        watch.check("more than text")
    page.close()


def test_a_word_that_runs_would_be_heard(browser: BrowserContext) -> None:
    page = browser.new_page()
    watch = Watch(page)
    page.evaluate("alert(1)")
    assert watch.ran == ["dialog: 1"]
    page.close()


# --- a few pages, with many words each -------------------------------------------------------------------------------


def rules(walk: Walk) -> None:
    said = walk.go("admin", section="Routing")
    assert missing(said, EVERY) == []


def salespeople(walk: Walk) -> None:
    walk.go("salespeople")
    walk.rows()
    assert missing(walk.look("Salespeople"), EVERY) == []


def a_salesperson(walk: Walk) -> None:
    said = walk.go("salesperson", person=walk.hostile.person)
    assert MARKDOWN[0] in said
    expect(walk.page.get_by_role("heading", level=1)).to_have_text(MARKDOWN[0])


def a_lead_and_a_merge(walk: Walk) -> None:
    said = walk.go("lead", lead=walk.hostile.lead)
    assert len(EVERY) - len(missing(said, EVERY)) >= 30
    walk.press("Merge …")
    expect(walk.page.get_by_role("dialog").locator("table")).to_be_visible()
    assert len(EVERY) - len(missing(walk.look("a merge"), EVERY)) >= 60


def stages_of_a_pipeline(walk: Walk) -> None:
    said = walk.go("pipeline")
    assert missing(said, made_hostile.STAGES) == []
    # Its name is the one under which a tooltip would show a picture.
    assert keyed(walk.page, "pipeline_picked").locator("input").input_value() == made_hostile.PIPELINES[0]
    walk.point_at(keyed(walk.page, "stages_card").locator(".mark-rect path").nth(1))


QUICK: Final[tuple[Look, ...]] = (salespeople, rules, a_salesperson, a_lead_and_a_merge, stages_of_a_pipeline)


# --- everywhere ------------------------------------------------------------------------------------------------------


def overview(walk: Walk) -> None:
    walk.go("", owner=walk.hostile.person)
    for name in ("org", "team_ids", "owner_ids", "sources"):
        chip(walk.page, name).click()
        walk.unfold(keyed(walk.page, f"f_{name}"))
        walk.page.keyboard.press("Escape")


def rows_behind_the_numbers(walk: Walk) -> None:
    for key in ("won_amount", "new_deals", "open_pipeline", "activities"):
        walk.go("", rows=key)
        found = walk.rows()
        found.locator(".ag-center-cols-container .ag-cell").first.hover()
        assert len(EVERY) - len(missing(walk.look(key), EVERY)) >= 20


def pipelines(walk: Walk) -> None:
    walk.go("pipeline")
    for place in range(len(made_hostile.PIPELINES)):
        picked = keyed(walk.page, "pipeline_picked")
        picked.locator("input").click()
        walk.page.get_by_role("option").nth(place).click()
        walk.look("a pipeline")
        walk.page.mouse.move(0, 0)
        walk.point_at(keyed(walk.page, "stages_card").locator(".mark-rect path").nth(1))


def leads(walk: Walk) -> None:
    walk.go("leads")
    found = walk.rows()
    for _ in range(12):
        found.locator(".ag-body-viewport").hover()
        walk.page.mouse.wheel(0, 500)
        walk.look("Leads")
    chip(walk.page, "form_ids").click()
    walk.unfold(keyed(walk.page, "lead_form_ids"))


def refused(walk: Walk) -> None:
    walk.go("leads", tab="refused")
    walk.rows().locator(".ag-center-cols-container .ag-row").nth(2).click()
    expect(walk.page.get_by_role("dialog")).to_be_visible()
    walk.look("a refused submission")


def every_kind_of_lead(walk: Walk) -> None:
    for lead in walk.hostile.leads:
        walk.go("lead", lead=lead)
    walk.go("lead", lead=walk.hostile.parked)
    walk.press("Edit and")
    expect(walk.page.get_by_role("dialog")).to_be_visible()
    walk.look("a lead that is edited")


def everybody(walk: Walk) -> None:
    for person in walk.hostile.people:
        walk.go("salesperson", person=person)


def lead_analytics(walk: Walk) -> None:
    walk.go("lead_analytics")
    for by in ("Campaign", "Form", "Source"):
        keyed(walk.page, "lead_performance_by").get_by_role("radio", name=by).click()
        walk.look(by)
    walk.unfold(keyed(walk.page, "lead_capture_of"))
    for name in ("form_ids", "sources", "campaigns", "team_ids", "owner_ids"):
        keyed(walk.page, f"chip_funnel_{name}").locator("button").click()
        walk.unfold(keyed(walk.page, f"funnel_{name}"))
        walk.page.keyboard.press("Escape")
    walk.rows().locator(".ag-center-cols-container .ag-row").nth(1).click()
    expect(walk.page.get_by_role("dialog")).to_be_visible()
    walk.look("rows of a source")


def widgets(walk: Walk) -> None:
    walk.go("widgets")


def forms(walk: Walk) -> None:
    walk.go("forms")
    walk.page.locator("[class*='st-key-form_open_']").nth(3).get_by_role("button").locator("visible=true").click()
    walk.look("a form")
    for name in ("Versions", "Embed"):
        walk.tab(name)


def admin(walk: Walk) -> None:
    walk.go("admin")
    for tab in walk.page.get_by_role("tab").all():
        walk.tab(tab.inner_text())
    walk.tab("Users")
    walk.unfold(keyed(walk.page, "user_picked"))


def a_rule_that_is_saved(walk: Walk) -> None:
    walk.go("admin", section="Routing")
    walk.page.get_by_role("button", name="Edit", exact=True).locator("visible=true").first.click()
    expect(walk.page.get_by_role("dialog")).to_be_visible()
    walk.look("a rule")
    walk.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(walk.page.get_by_test_id("stToast")).to_contain_text(f"{TEXTS[0]} is saved.")
    walk.look("a rule that was saved")


def data(walk: Walk) -> None:
    walk.go("data")
    for name in ("Import CSV", "Organization", "Sources"):
        walk.tab(name)


def files_of_any_name(walk: Walk) -> None:
    walk.go("data")
    walk.tab("Import CSV")
    walk.page.get_by_text("Path on this machine").click()
    walk.page.get_by_label("Folder, zip or CSV file").fill(str(walk.hostile.files))
    walk.page.keyboard.press("Enter")
    expect(walk.page.get_by_role("heading", name="What would be taken")).to_be_visible()
    walk.look("files")


def a_change_of_crm(walk: Walk) -> None:
    house = walk.hostile.house
    settings = house.services.settings.model_copy(update={"allow_private_hosts": True})
    services, own = replace(house.services, settings=settings), house.organization_id
    with on_loopback(sandbox_of(brought_over(house, LAST))) as address:
        new = connecting.connect(services, own, "hubspot", values_for(address), by=MARKDOWN[1], waits=True)
        old = next(one for one in list_connections(house.database, own) if one.is_active)
        change = crm_changes.start(
            house.database, own, from_connection_id=old.connection_id, to_connection_id=new.connection_id, now=LAST
        )
        connecting.read_for(services, change)
    said = walk.go("change")
    following = keyed(walk.page, f"map_{change.change_id}_owner_page").get_by_role("button", name="Next")
    while following.is_enabled():
        following.click()
        said += walk.look("a page of people")
    assert len(EVERY) - len(missing(said, EVERY)) >= 250
    for part in walk.page.get_by_test_id("stExpander").all():
        part.locator("summary").click()
        walk.look("a part of the change")
    walk.go("data")


def changes_and_flow(walk: Walk) -> None:
    walk.go("waterfall", range="all")
    keyed(walk.page, "waterfall_table").locator("label").click()
    walk.look("the parts of the change")
    walk.rows()
    walk.go("flow", range="all")
    walk.rows()
    walk.look("the deals of a stage")


def pipeline_health(walk: Walk) -> None:
    house = walk.hostile.house
    health.judge_daily(house.services, house.organization_id, LAST.date())
    walk.go("health")
    walk.rows().locator(".ag-pinned-left-cols-container .ag-row").first.click()
    expect(walk.page.get_by_role("dialog")).to_be_visible()
    walk.look("the flags of a deal")


def anomalies(walk: Walk) -> None:
    house = walk.hostile.house
    detecting.look_weekly(house.services, house.organization_id, LAST.date())
    for measure in ("activities", "leads", "conversion"):
        walk.go("anomalies", measure=measure, range="all")


def forecast(walk: Walk) -> None:
    house = walk.hostile.house
    with contextlib.suppress(TooLittlePast):
        forecasting.issue(house.services, house.organization_id, LAST.date(), by=BY)
    walk.go("forecast")
    for measure, by in product(("bookings", "new_deals"), ("team", "owner", "product", "source")):
        walk.go("forecast", measure=measure, by=by)


def coaching(walk: Walk) -> None:
    house = walk.hostile.house
    coaching_week.write_weekly(house.services, house.organization_id, LAST.date())
    for owner in walk.hostile.people[:6]:
        walk.go("coaching", rep=owner)


def reports_of_a_week(walk: Walk) -> None:
    walk.go("reports")
    house = walk.hostile.house
    week, whose = Week.of(LAST.date() - timedelta(days=7)), reports.Whose("organization")
    document = reports.weekly(house.services, house.organization_id, whose, week)
    walk.page.set_content(html.html(document))
    assert len(EVERY) - len(missing(walk.watch.check("a report"), EVERY)) >= 10
    assert pdf.pdf(document).startswith(b"%PDF-")


def jobs(walk: Walk) -> None:
    house = walk.hostile.house
    services = replace(house.services, now=utc_now)  # as the page has it
    for n, word in enumerate(EVERY):
        slot = Slot(job="health", day=LAST.date() - timedelta(days=n), trigger="person", by=word)
        booked(services, house.organization_id, slot, partial(str, word))
    said = walk.go("jobs", job="health")
    assert len(EVERY) - len(missing(said, EVERY)) >= 60
    for word in MARKDOWN:
        with contextlib.suppress(LookupError):
            booked(services, house.organization_id, Slot(job="forecasts", day=LAST.date()), partial(_fail, word))
        walk.go("jobs")


def _fail(word: str) -> str:
    raise LookupError(word)


REST: Final[tuple[Look, ...]] = (
    overview, rows_behind_the_numbers, pipelines, leads, refused, every_kind_of_lead, everybody, lead_analytics,
    widgets, forms, admin, a_rule_that_is_saved, data, files_of_any_name, changes_and_flow, pipeline_health, anomalies,
    forecast, coaching, reports_of_a_week, jobs, a_change_of_crm,
)  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("look", [*QUICK, *(REST if IS_FULL else ())], ids=lambda one: one.__name__)
def test_a_hostile_word_is_text_and_nothing_else(walk: Walk, look: Look) -> None:
    look(walk)


# --- what the endpoint answers ---------------------------------------------------------------------------------------


def answered(hostile: Hostile, path: str, body: bytes | None = None, **headers: str) -> tuple[HTTPMessage, bytes]:
    connection = HTTPConnection(urlsplit(hostile.endpoint).netloc, timeout=30)
    connection.request("POST" if body else "GET", path, body, {"Authorization": f"Bearer {hostile.api_key}", **headers})
    given = connection.getresponse()
    said = given.read()
    connection.close()
    assert given.headers["x-content-type-options"] == "nosniff", path
    return given.headers, said


def test_the_endpoint_s_answers_are_json_and_say_the_words_as_they_are(hostile: Hostile) -> None:
    said = ""
    for path in (f"{SALES}/stats?days=30", f"{SALES}/owners", f"{SALES}/raw?days=30", f"{SALES}/health",
                 f"{SALES}/debug/deals?days=30"):  # fmt: skip
        headers, body = answered(hostile, path)
        assert headers.get_content_type() == "application/json", path
        said += "\n".join(_strings(json.loads(body)))
    assert missing(said, EVERY) == []


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)
    elif isinstance(value, str):
        yield value


def test_no_question_is_more_than_text_in_the_answer_to_it(walk: Walk) -> None:
    for text in (TEXTS[0], TEXTS[11], MARKDOWN[0], NAME):
        asked = quote(text, safe="")
        for path in (f"/{asked}", f"/forms/{asked}", f"/integrations/{asked}/salespeople/stats",
                     f"/docs?{asked}={asked}", f"{SALES}/stats?days={asked}&{asked}=1"):  # fmt: skip
            headers, _ = answered(walk.hostile, path)
            if headers.get_content_type() == "text/html":
                assert "default-src 'none'" in headers["content-security-policy"], path
            else:
                assert headers.get_content_type() == "application/problem+json", path
        form = f"email={asked}&name={asked}&{asked}={asked}".encode()
        headers, body = answered(walk.hostile, "/public/leads", form, **FORM)
        assert headers.get_content_type() == "text/html"
        assert "default-src 'none'" in headers["content-security-policy"]
        walk.page.set_content(body.decode())
        walk.watch.check(text)
    walk.page.goto(f"{walk.hostile.endpoint}/docs?{quote(TEXTS[1])}#{quote(TEXTS[2])}")
    walk.watch.check("the documentation")
