"""A form that is not there to be filled in says so in plain words, and its owner learns which pages asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import made_forms
import made_site
import pytest
from flask.testing import FlaskClient
from hostile_adapter import capable
from werkzeug.test import TestResponse
from world import World, world_of

from lead_endpoint import blocked, create_app
from lead_endpoint.blocked import BURST, BlockedPages
from lead_endpoint.messages import Request
from snapshots import beacons, blocked_pages
from snapshots.blocked_pages import KEPT, OTHERS, Blocked, blocked_since, forget_blocked, store
from snapshots.database import Database
from snapshots.form_versions import set_status
from snapshots.forms import list_forms
from snapshots.intake import Form, StoreUnavailable

OWN, OTHER = "https://www.example.com", "https://shop.example"
NOW = datetime(2024, 6, 28, 12, tzinfo=UTC)
TODAY = NOW.date()
GERMAN = {"Accept-Language": "de-AT,de;q=0.9"}


@pytest.fixture
def world(database: Database, organization: int) -> Iterator[World]:
    with world_of(database, organization, capable(upserts=True)) as made:
        yield made


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = create_app(world.parts.services)
    app.extensions["slms"] = world.parts
    return app.test_client()


def publish(world: World, **changes: Any) -> str:
    draft = made_forms.only({"name": "email", "kind": "email"}, domains=[OWN], **changes)
    made_forms.publish(world.database, world.organization_id, draft)
    world.parts.desk.forms._known.clear()
    return made_forms.default_form(world.database, world.organization_id).key


def ask(client: FlaskClient, key: str, origin: str = OTHER, **headers: str) -> TestResponse:
    said = {"Origin": origin, "User-Agent": made_site.BROWSER, **headers}
    return client.get(f"/public/forms/{key}", headers=said)


def test_a_page_that_may_not_show_the_form_can_read_why_in_a_language_of_the_form(
    world: World, client: FlaskClient
) -> None:
    key = publish(world, translations={"de": {}})
    found = ask(client, key)
    assert (found.status_code, found.headers["Access-Control-Allow-Origin"]) == (403, OTHER)
    assert found.json is not None
    assert found.json["detail"].startswith("This form is not available on this website.")
    assert "steps" not in found.json
    german = ask(client, key, **GERMAN).json
    assert german is not None
    assert german["detail"].startswith("Dieses Formular steht auf dieser Website nicht zur Verfügung.")
    assert [ask(client, key, origin=one).status_code for one in (OWN, "null", "http://localhost")] == [200, 200, 200]


def test_a_form_that_is_closed_says_so_in_its_own_words_where_it_has_some(world: World, client: FlaskClient) -> None:
    key = publish(world, words={"closed": "We are on holiday."}, translations={"de": {}})
    form = list_forms(world.database, world.organization_id)[0]
    set_status(world.database, world.organization_id, form.form_id, "paused", by="ann")
    world.parts.desk.forms._known.clear()
    said = [ask(client, key, origin=OWN, **more) for more in ({}, GERMAN)]
    assert [one.status_code for one in said] == [410, 410]
    texts = [one.json["detail"] for one in said if one.json]
    assert texts[0] == "We are on holiday."
    assert texts[1].startswith("Dieses Formular ist zurzeit geschlossen.")


def test_a_refused_page_is_counted_by_the_beacons_thread_and_never_by_its_request(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, link, flush = publish(world), beacons.connect(world.database.url), BlockedPages.flush
    asked: list[object] = []
    monkeypatch.setattr(BlockedPages, "flush", lambda *how, **more: asked.append(how))
    for origin in (OTHER, OTHER, "https://two.example:8443", "chrome-extension://abc", OWN):
        ask(client, key, origin=origin)
    ask(client, key, **{"User-Agent": made_site.BOT})
    assert seen(world) == {}
    world.parts.beacons.flush()
    assert asked
    flush(world.parts.beacons.blocked, lambda: link, at_once=True)
    link.close()
    assert seen(world) == {OTHER: 2, "https://two.example:8443": 1}


def seen(world: World) -> dict[str, int]:
    found = blocked_since(world.database, world.organization_id, date(2020, 1, 1))
    return {one.origin: one.n for one in found}


@dataclass
class Box:
    """A counter over the database, at a time of the test's choice."""

    form: Form
    at: list[datetime] = field(default_factory=lambda: [NOW])

    def now(self) -> datetime:
        return self.at[0]

    def made(self) -> BlockedPages:
        return BlockedPages(lambda _: False, self.now, lambda: self.now().timestamp())

    def request(self, origin: str, peer: str = "203.0.113.5") -> Request:
        return Request("GET", "/", {"origin": origin, "user-agent": "x"}, b"", peer)


@pytest.fixture
def box(database: Database, organization: int) -> Box:
    one = list_forms(database, organization)[0]
    return Box(
        Form(
            organization_id=organization, form_id=one.form_id, key=one.key, name=one.name, status=one.status, version=1,
            definition=None,
        )
    )  # fmt: skip


def test_one_network_counts_little_and_what_is_counted_is_written_now_and_then(
    database: Database, organization: int, box: Box
) -> None:
    pages, link = box.made(), beacons.connect(database.url)
    for _ in range(int(BURST) + 7):
        pages.take(box.form, box.request(OTHER))
    pages.flush(lambda: link)
    pages.take(box.form, box.request(OTHER, "198.51.100.9"))
    pages.flush(lambda: link)
    [first] = blocked_since(database, organization, TODAY)
    assert first.n == BURST
    box.at[0] += timedelta(seconds=blocked.WRITE_S)
    pages.flush(lambda: link)
    [then] = blocked_since(database, organization, TODAY)
    link.close()
    assert (then.n, then.last_at) == (BURST + 1, NOW)


def test_what_cannot_be_written_waits_for_the_database_and_never_for_a_defect(
    database: Database, organization: int, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, link, errors = box.made(), beacons.connect(database.url), [StoreUnavailable("away"), ValueError("wrong")]
    monkeypatch.setattr(blocked, "store", lambda *how: (_ for _ in ()).throw(errors.pop(0)) if errors else store(*how))
    pages.take(box.form, box.request(OTHER))
    for error in (StoreUnavailable, ValueError):
        with pytest.raises(error):
            pages.flush(lambda: link, at_once=True)
    pages.take(box.form, box.request(OTHER, "198.51.100.9"))
    pages.flush(lambda: link, at_once=True)
    link.close()
    assert [one.n for one in blocked_since(database, organization, TODAY)] == [1]


def test_made_up_origins_fill_neither_memory_nor_the_table(
    database: Database, organization: int, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "MOST_COUNTED", 5)
    monkeypatch.setattr(blocked_pages, "MOST_NEW", 3)
    pages, link = box.made(), beacons.connect(database.url)
    for number in range(20):
        pages.take(box.form, box.request(f"https://h{number:02d}.example", f"10.{number}.0.1"))
    pages.take(box.form, box.request("https://" + "a" * 300))
    pages.flush(lambda: link)
    first = blocked_since(database, organization, TODAY)
    assert [(one.origin, one.n) for one in first] == [
        ("https://h00.example", 1), ("https://h01.example", 1), ("https://h02.example", 1), (OTHERS, 17),
    ]  # fmt: skip
    store(link, organization, [Blocked(box.form.form_id, one, 2, NOW) for one in ("https://h01.example", OTHER)])
    known = {one.origin: one.n for one in blocked_since(database, organization, TODAY)}
    assert (known["https://h01.example"], known[OTHERS], len(known)) == (3, 19, 4)
    store(link, organization, [Blocked(box.form.form_id, OTHER, 1, NOW + timedelta(days=1))])
    link.close()
    assert OTHER in {one.origin for one in blocked_since(database, organization, TODAY)}, "the next day has new places"


def test_an_organization_sees_its_own_alone_and_days_are_forgotten(
    database: Database, organization: int, other_organization: int, box: Box
) -> None:
    link = beacons.connect(database.url)
    store(link, organization, [Blocked(box.form.form_id, OTHER, 1, NOW)])
    link.close()
    assert blocked_since(database, other_organization, TODAY) == []
    assert blocked_since(database, organization, TODAY + timedelta(days=1)) == []
    assert forget_blocked(database, other_organization, now=NOW + 2 * KEPT) == 0
    assert forget_blocked(database, organization, now=NOW + KEPT) == 0
    assert forget_blocked(database, organization, now=NOW + KEPT + timedelta(days=1)) == 1
