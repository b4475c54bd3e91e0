"""Where a form wants to know, a lead whose address no mail reaches is noted; nothing waits for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import dns.resolver
import made_forms
import pytest
from sqlalchemy import text

from ops import mail_domains
from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database

NOW = datetime(2024, 3, 5, 9, 0, tzinfo=UTC)


def services(database: Database) -> Services:
    return Services(settings=Settings(_env_file=None), database_url=database.url, database=database, now=lambda: NOW)


def lead(database: Database, organization: int, email: str, version: int, *, age: timedelta = timedelta()) -> None:
    milliseconds = int((NOW - age).timestamp() * 1000)
    with database.as_app(organization) as connection:
        connection.execute(
            text(
                "INSERT INTO received_leads (organization_id, lead_id, form_id, request_hash, body, body_type, email, "
                "contact_key, form_version) SELECT :o, cast(:id AS uuid), form_id, '', '', '', :email, :email, "
                ":version FROM forms WHERE organization_id = :o AND is_default"
            ),
            {
                "o": organization,
                "id": f"{milliseconds:012x}{crc32(email.encode()):020x}",
                "email": email,
                "version": version,
            },
        )


def flags(database: Database, organization: int) -> dict[str, list[str]]:
    with database.as_app(organization) as connection:
        return {one.email: one.flags for one in connection.execute(text("SELECT email, flags FROM received_leads"))}


def test_only_leads_of_forms_that_want_to_know_are_asked_about_and_noted_once(
    database: Database, organization: int, other_organization: int
) -> None:
    silent = 1
    asks = made_forms.publish(database, organization, made_forms.definition(protection={"check_mx": True}))
    lead(database, organization, "a@Nowhere.example", asks)
    lead(database, organization, "b@fine.example", asks)
    lead(database, organization, "c@nowhere.example", silent)
    lead(database, organization, "d@old.example", asks, age=timedelta(hours=1))
    lead(database, other_organization, "e@nowhere.example", 1)
    asked: list[str] = []

    def takes_mail(domain: str) -> bool:
        asked.append(domain)
        return domain == "fine.example"

    assert mail_domains.note_of_all(services(database), takes_mail) == 1
    assert sorted(asked) == ["fine.example", "nowhere.example"]
    assert mail_domains.note_of_all(services(database), takes_mail) == 0
    assert flags(database, organization) == {
        "a@Nowhere.example": ["no_mail"], "b@fine.example": [], "c@nowhere.example": [], "d@old.example": [],
    }  # fmt: skip
    assert flags(database, other_organization) == {"e@nowhere.example": []}
    with database.as_app(organization) as connection:
        assert set(connection.execute(text("SELECT state FROM received_leads")).scalars()) == {"pending"}


@pytest.mark.parametrize(
    ("says", "takes"),
    [
        (dns.resolver.NXDOMAIN(), False),
        (dns.resolver.NoAnswer.__new__(dns.resolver.NoAnswer), False),
        (dns.resolver.LifetimeTimeout(timeout=3, errors=[]), True),
        (dns.resolver.NoNameservers.__new__(dns.resolver.NoNameservers), True),
    ],
)
def test_name_servers_that_say_nothing_say_nothing_against_an_address(
    monkeypatch: pytest.MonkeyPatch, says: Exception, takes: bool
) -> None:
    class Says:
        lifetime = 3.0

        def resolve(self, *_: Any, **__: Any) -> None:
            raise says

    monkeypatch.setattr(mail_domains, "_resolver", Says)
    assert mail_domains.by_name_servers("example.com") is takes
