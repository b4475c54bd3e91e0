"""A website that embeds forms, as a stranger's: its own origin, a strict policy, and the real endpoint beside it.

`World` publishes forms and looks at what came in; `Visit` is a person's page on that website, and hears what goes
wrong.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from databases import CopyOf
from made_installation import empty_house
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from snapshots import form_versions
from snapshots.database import Database
from snapshots.organizations import create_organization

sys.path.append(str(Path(__file__).parents[1] / "lead_endpoint"))
from running_endpoint import running_endpoint

CONTACT: Final[Mapping[str, Any]] = {
    "title": "Contact us",
    "steps": [
        {
            "fields": [
                {"name": "name", "kind": "text", "label": "Name"},
                {"name": "email", "kind": "email", "label": "E-mail", "is_required": True, "help": "Never shown."},
                {"name": "message", "kind": "long_text", "label": "Message"},
            ]
        }
    ],
    "protection": {"least_fill_s": 0},
}
STEPS: Final[Mapping[str, Any]] = {
    "title": "Ask for an offer",
    "language": "en",
    "steps": [
        {"title": "You", "fields": [
            {"name": "email", "kind": "email", "label": "E-mail", "is_required": True},
            {"name": "role", "kind": "select", "label": "Role", "options": [
                {"value": "buyer", "label": "Buyer"}, {"value": "press", "label": "Press"}]},
            {"name": "paper", "kind": "text", "label": "Newspaper", "is_required": True,
             "show_if": {"field": "role", "is_any_of": ["press"]}},
        ]},
        {"title": "Your press card", "fields": [
            {"name": "card", "kind": "text", "label": "Number", "show_if": {"field": "role", "is_any_of": ["press"]}}]},
        {"title": "Your wish", "fields": [
            {"name": "products", "kind": "multi_select", "label": "Products", "is_required": True, "options": [
                {"value": "a", "label": "Apples"}, {"value": "b", "label": "Bread"},
                {"value": "c", "label": "Cheese"}]},
            {"name": "people", "kind": "number", "label": "People", "limits": {"least": 2, "most": 50}},
            {"name": "starts", "kind": "date", "label": "Start"},
            {"name": "news", "kind": "checkbox", "label": "Send me news"},
            {"name": "plan", "kind": "hidden", "from_query": "plan", "default": "none"},
            {"name": "terms", "kind": "consent", "is_required": True,
             "consent_text": "I agree: https://example.com/terms"},
        ]},
    ],
    "translations": {"de": {
        "steps": ["Sie"], "fields": {"email": {"label": "E-Mail-Adresse"}}, "thanks": "Vielen Dank."}},
    "thank_you": {"message": "Your offer is on its way."},
    "protection": {"least_fill_s": 0},
}  # fmt: skip
AT: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
HARMLESS: Final = "Failed to load resource"
"""An answer that is an error, or none: tests bring that about, and look at what the visitor is told."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # werkzeug's own name
        pass


@dataclass
class Site:
    """Pages by their path, on an origin of their own."""

    address: str = ""
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, html: str, policy: str) -> str:
        path = f"/page-{next(self._numbers)}"
        self.pages[path] = (html, policy)
        return self.address + path

    def __call__(self, environ: Mapping[str, Any], start: Any) -> list[bytes]:
        html, policy = self.pages.get(environ["PATH_INFO"], ("", "default-src 'none'"))
        start("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy)])
        return [html.encode()]


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    server = make_server("127.0.0.1", 0, site, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class World:
    """endpoint: its address."""

    database: Database
    organization: int
    endpoint: str
    site: Site

    @property
    def policy(self) -> str:
        """The strictest that a page with a widget can have."""
        own = self.endpoint
        return (
            f"default-src 'none'; script-src {own}; connect-src {own}; style-src 'none'; form-action {own}; "
            f"frame-src {own}; base-uri 'none'; require-trusted-types-for 'script'"
        )

    def publish(self, definition: Mapping[str, Any]) -> str:
        """The key of a new form that is published as this."""
        made = form_versions.create_form(
            self.database, self.organization, f"Form {len(self.site.pages)}", dict(definition), by="test"
        )
        form_versions.publish(
            self.database, self.organization, made.form_id, expected_revision=made.draft_revision, by="test",
            now=AT,
        )  # fmt: skip
        return made.key

    def snippet(self, key: str, **data: str) -> str:
        """The script element with further attributes (`data_lang="de"`)."""
        more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in data.items())
        return f'<script async src="{self.endpoint}/widget.js" data-form="{key}"{more}></script>'

    def page(self, body: str, *, language: str = "en", policy: str | None = None) -> str:
        """The address of a new page on the website."""
        html = f'<!doctype html><html lang="{language}"><title>A website</title><body><main>{body}</main></body></html>'
        return self.site.add(html, policy or self.policy)

    def leads(self, key: str) -> list[dict[str, Any]]:
        query = text(
            "SELECT l.* FROM received_leads l JOIN forms f USING (organization_id, form_id) "
            "WHERE f.key = :key ORDER BY l.received_at"
        )
        with self.database.as_worker() as connection:
            return [dict(row) for row in connection.execute(query, {"key": key}).mappings()]


@contextmanager
def made_world(copy_of: CopyOf, home: Path) -> Iterator[World]:
    """An endpoint with an organization, and a website. home: a folder of the endpoint's own."""
    with empty_house(copy_of) as services, serving(Site()) as site:
        made = create_organization(services.database, "Acme", time_zone="Europe/Berlin", default_currency="EUR")
        with running_endpoint(services.database_url, home) as served:
            yield World(services.database, made.organization_id, served.address, site)


@dataclass
class Visit:
    """wrong: errors of scripts, breaches of the policy, dialogs."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_message)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self._on_dialog)

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and HARMLESS not in message.text:
            self.wrong.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def enter(self, **values: str) -> Locator:
        """Fills fields by name, in the widget or a plain form; returns the button that sends."""
        for name, value in values.items():
            self.page.locator(f"[name={name}]").fill(value)
        return self.page.locator("button.go")


@contextmanager
def visiting(browser: BrowserContext, world: World) -> Iterator[Visit]:
    """A first visit: nothing is kept in the browser from before."""
    page = browser.new_page()
    for origin in (world.site.address, world.endpoint):
        browser.new_cdp_session(page).send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    visit = Visit(page)
    try:
        yield visit
    finally:
        page.close()
    assert visit.wrong == [], visit.wrong
