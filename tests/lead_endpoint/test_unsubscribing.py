"""The link of a weekly report's mail: looking ends nothing, the button and mail programs end it, for nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import text

from lead_endpoint import create_app
from ops import unsubscribing as links
from ops.services import Services
from ops.settings import Settings
from ops.unsubscribing import Named
from snapshots import report_archive
from snapshots.database import Database
from snapshots.report_archive import HasUnsubscribed, Readership, Recipient

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ALL = Readership("organization")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def services(database: Database) -> Services:
    settings = Settings(_env_file=None, secret_key=SecretStr("k" * 40), public_url="https://slms.example/")
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


def added(database: Database, organization: int, address: str = "ann@example.com", of: Readership = ALL) -> Named:
    return Named(organization, report_archive.add_recipient(database, organization, of, "email", address, by="bo"))


def place(services: Services, named: Named) -> str:
    link = links.link(services.settings, named)
    assert link is not None
    return link.removeprefix("https://slms.example")


def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def recipients(services: Services, organization: int) -> list[Recipient]:
    return report_archive.list_recipients(services.database, organization)


def test_looking_at_the_page_ends_nothing_and_its_button_does(services: Services, organization: int) -> None:
    named = added(services.database, organization)
    shown = client(services).get(place(services, named))
    assert shown.status_code == 200
    assert "ann@example.com" in shown.text
    assert '<form method="post">' in shown.text
    assert "form-action 'self'" in shown.headers["Content-Security-Policy"]
    assert recipients(services, organization)[0].unsubscribed_at is None
    done = client(services).post(place(services, named), data=ONE_CLICK)
    assert (done.status_code, "Unsubscribed" in done.text) == (200, True)
    assert recipients(services, organization)[0].unsubscribed_at == NOW
    assert "<form" not in client(services).get(place(services, named)).text


def test_it_is_written_down_once_who_did_it(services: Services, organization: int) -> None:
    named = added(services.database, organization)
    for _ in range(2):
        assert client(services).post(place(services, named), data=ONE_CLICK).status_code == 200
    with services.database.as_app(organization) as link:
        told = link.execute(
            text("SELECT by, action FROM audit_entries WHERE subject = 'report recipient' ORDER BY entry_id")
        ).all()
    assert [tuple(one) for one in told] == [("bo", "created"), ("ann@example.com", "unsubscribed")]


def test_one_report_of_one_address_is_ended_and_no_other(
    services: Services, organization: int, other_organization: int
) -> None:
    ended = added(services.database, organization)
    kept = [
        added(services.database, organization, "bo@example.com"),
        added(services.database, organization, of=Readership("rep", 7)),
        added(services.database, other_organization),
    ]
    client(services).post(place(services, ended))
    assert all(links.recipient(services.database, one).unsubscribed_at is None for one in kept)  # type: ignore[union-attr]


def test_a_link_that_is_none_of_ours_ends_nothing(services: Services, organization: int) -> None:
    mine, theirs = added(services.database, organization), added(services.database, organization, "bo@example.com")
    token = links.token(services.settings, mine)
    other_key = services.settings.model_copy(update={"secret_key": SecretStr("x" * 40)})
    for wrong in (
        f"{theirs.organization_id}-{theirs.recipient_id}-{token[-24:]}", token[:-1], token + "A", f"0{token}",
        f"{'9' * 19}-{'9' * 19}-{'A' * 24}", links.token(other_key, theirs), token.replace("-", "–", 1), "x",
    ):  # fmt: skip
        found = client(services).post(f"{links.PATH}{wrong}", data=ONE_CLICK)
        assert found.status_code == 404, wrong
    assert [one.unsubscribed_at for one in recipients(services, organization)] == [None, None]


def test_who_is_not_on_the_list_any_more_is_told_that_nothing_comes(services: Services, organization: int) -> None:
    named = added(services.database, organization)
    report_archive.remove_recipient(services.database, organization, named.recipient_id, by="bo")
    for ask in (client(services).get, client(services).post):
        found = ask(place(services, named))
        assert (found.status_code, "Unsubscribed" in found.text) == (200, True)


def test_nobody_is_put_on_the_list_again_by_mistake(services: Services, organization: int) -> None:
    named = added(services.database, organization)
    client(services).post(place(services, named))
    with pytest.raises(HasUnsubscribed, match="has unsubscribed"):
        added(services.database, organization, "Ann@Example.com")
    report_archive.remove_recipient(services.database, organization, named.recipient_id, by="bo")
    assert added(services.database, organization) != named


def test_what_is_typed_as_an_address_is_text_on_the_page(services: Services, organization: int) -> None:
    named = added(services.database, organization, "<b>ann@example.com")
    assert "&lt;b&gt;ann@example.com" in client(services).get(place(services, named)).text


def test_there_is_no_link_where_nobody_said_how_we_are_reached(services: Services) -> None:
    assert links.link(services.settings.model_copy(update={"public_url": None}), Named(1, 1)) is None
    bare = replace(services, settings=services.settings)
    assert links.read(bare.settings, links.token(bare.settings, Named(1, 2))) == Named(1, 2)
