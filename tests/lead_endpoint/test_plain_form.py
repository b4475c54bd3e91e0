"""A plain HTML form on somebody's static page: it works in a browser without JavaScript, as people use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import made_forms
import pytest
from browsing import page_of, served
from playwright.sync_api import Page
from running_endpoint import running_endpoint
from sqlalchemy import text

from snapshots.database import Database
from snapshots.forms import list_forms

FORM = """<!doctype html><html lang="en"><title>Contact</title>
<form action="{address}/public/leads" method="post">{hidden}
<label>E-mail <input name="email"></label> <label>Name <input name="name"></label>
<label>Phone <input name="phone"></label> <label>Company <input name="company"></label>
<button>Send</button></form></html>"""


@pytest.fixture
def site(database: Database, organization: int, tmp_path: Path, chromium: str) -> Iterator[Callable[..., object]]:
    """Opens the static page, of which the endpoint knows nothing, in a browser with JavaScript off."""
    with running_endpoint(database.url, tmp_path, DEFAULT_ORGANIZATION="Acme") as endpoint:

        @contextmanager
        def opened(hidden: str = "") -> Iterator[Page]:
            html = FORM.format(address=endpoint.address, hidden=hidden)

            def static(environ: object, start: Callable[..., object]) -> list[bytes]:
                start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
                return [html.encode()]

            with served(static) as address, page_of(chromium, scripts=False) as page:
                page.goto(address)
                yield page

        yield opened


def stored(database: Database, table: str = "received_leads") -> list[dict[str, object]]:
    with database.as_worker() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button").click()


def test_what_a_person_sends_is_stored_and_thanked_for(
    site: Callable[..., object], database: Database, organization: int
) -> None:
    with site() as page:
        fill(page, email="Ada@Example.com", name="Ada Łovelace", phone="+49 30 901820", company="Analytical & Co")
        page.wait_for_url("**/thanks")
        assert page.get_by_role("heading", name="Thank you").is_visible()
    (lead,) = stored(database)
    told = [lead[name] for name in ("organization_id", "email", "first_name", "last_name", "phone", "company", "state")]
    assert told == [
        organization, "Ada@example.com", "Ada", "Łovelace", "+4930901820", "Analytical & Co", "pending",
    ]  # fmt: skip


def test_a_mistake_is_shown_and_what_was_entered_is_still_there(
    site: Callable[..., object], database: Database
) -> None:
    with site() as page:
        fill(page, email="ada.example.com", name="Ada Lovelace")
        assert page.get_by_role("heading", name="Please check your entries").is_visible()
        assert "This is no e-mail address" in page.locator("main").inner_text()
        page.go_back()
        assert page.locator("[name=name]").input_value() == "Ada Lovelace"
        fill(page, email="ada@example.com")
        page.wait_for_url("**/thanks")
    assert [lead["first_name"] for lead in stored(database)] == ["Ada"]
    assert [(one["field"], bytes(one["body"])[:5]) for one in stored(database, "refused_submissions")] == [
        ("email", b"email")
    ]


def test_a_form_s_own_page_is_shown_where_it_is_on_its_list(
    site: Callable[..., object], database: Database, organization: int
) -> None:
    form = list_forms(database, organization)[0]

    def thanks(environ: object, start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>Our own thanks</h1>"]

    with served(thanks) as address:
        own = f"{address}/own"
        made_forms.publish(database, organization, made_forms.definition(redirects=[own], thank_you={"url": own}))
        hidden = f'<input type="hidden" name="form" value="{form.key}"><input type="hidden" name="_next" value="{{}}">'
        for wish in (f"{address}/own", "https://evil.example.com/"):
            with site(hidden.format(wish)) as page:
                fill(page, email="ada@example.com")
                page.wait_for_url(f"{address}/own")
                assert page.get_by_role("heading", name="Our own thanks").is_visible()
