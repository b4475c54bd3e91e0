"""How a test walks through the workbench: waits on what the page shows, never on the clock."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import ConsoleMessage, Frame, FrameLocator, Locator, Page, Request, expect

Theme = Literal["light", "dark"]
HARMLESS = ("/_stcore/health", "/_stcore/host-config")
"""Streamlit looks for its server below the page's path first, and finds nothing there."""
READY = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""
STILL = """() => document.getAnimations().every(one => one.playState !== 'running'
    || one.effect.getComputedTiming().iterations === Infinity)"""
"""Nothing is on its way from one colour or place to another."""


class Heard:
    """What a page asked of others, and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._on_request)
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname != "127.0.0.1":
            self.outside.append(request.url)

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(HARMLESS):
            self.errors.append(f"{message.text} ({message.location['url']})")


def open_at(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def go_to(page: Page, title: str) -> None:
    """By the navigation."""
    page.get_by_role("link", name=title, exact=True).click()
    shows(page, title)


def settle(page: Page) -> None:
    """Until the run is over and everything is drawn that it sent."""
    page.wait_for_function(READY)


def come_to_rest(part: Page | Frame) -> None:
    """Until its colours are those that stay: halfway between two themes text is hard to read for a moment."""
    part.wait_for_function(STILL)


def drawn_theme(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.slmsDrawn"))


def switch_theme(page: Page, theme: Theme) -> None:
    """As a person does it on the machine, until the page is drawn for it."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.slmsDrawn === theme", arg=theme)
    settle(page)


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def keyed(page: Page, key: str) -> Locator:
    """The part of the page with this key."""
    return page.locator(f".st-key-{key}")


def chip(page: Page, name: str) -> Locator:
    # Not by its role: while a chip is open, all but its list is hidden from assistive technology.
    return keyed(page, f"chip_{name}").locator("button")


def value_of(page: Page, kpi: str) -> Locator:
    return keyed(page, f"kpi_{kpi}").get_by_test_id("stMetricValue")


def rows_button(page: Page, kpi: str) -> Locator:
    """What opens the rows behind a number. Streamlit keeps a second one, unseen, for narrow screens."""
    return keyed(page, f"open_{kpi}").get_by_role("button").locator("visible=true")


def grid(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[src*=st_aggrid]").first


def shows(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    settle(page)
