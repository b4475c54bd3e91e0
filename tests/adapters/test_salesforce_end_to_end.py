"""CRM_PROVIDER=salesforce from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from installed_rules import Installation, InstalledRules, installation
from made_salesforce import SECRET, made_server, made_world
from pydantic import ValidationError
from test_salesforce_log_in import PEM

from adapters.base import ContactInput
from adapters.errors import ConfigError
from adapters.records import Kind
from adapters.salesforce import limits
from ops.settings import Settings
from snapshots.database import Database


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(limits, "RATE", 1_000.0)  # the real clock paces the calls
    with installation(
        database, tmp_path, made_server(made_world()), "salesforce", "salesforce_login_url",
        salesforce_client_id="client", salesforce_client_secret=SECRET, salesforce_lead_id_field="SLMS_Lead_Id__c",
    ) as made:  # fmt: skip
        yield made


class TestInstalled(InstalledRules):
    needed = ("salesforce_client_id", "salesforce_client_secret")

    def contact_number(self, external_id: str) -> int:
        return int(external_id[3:15])


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.hidden |= {"Opportunity", "ServiceAppointment", "Contact.Email"}
    assert installed.sync().status == "succeeded"
    missing = installed.missing()
    assert "Opportunity" in missing["deal"]
    assert "ServiceAppointment" in missing["appointment"]
    assert "addresses of contacts" in missing["Contact.Email"]
    installed.server.hidden.clear()
    report = installed.sync()
    assert set(installed.missing()) == {"product"}
    assert report.ours[Kind.DEAL] == len(installed.world.live("deal"))
    assert report.expected[Kind.ACTIVITY] == report.ours[Kind.ACTIVITY]


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.hidden |= {"Opportunity", "Contact:create"}
    found = installed.checks()
    assert found["access"].ok
    deals, writing = found["right Read on Opportunity"], found["right Create and Edit on Contact"]
    assert (deals.ok, writing.ok) == (False, False)
    assert "without it deals are missing" in (deals.remedy or "")
    assert found["right Read on Account"].ok


def test_eight_workers_that_race_log_in_once_and_again_once_when_the_token_ends(installed: Installation) -> None:
    for logins in (1, 2):
        adapters, start = [installed.adapter() for _ in range(8)], Barrier(8)

        def ask(number: int, adapters=adapters, start=start) -> int:
            start.wait()
            return len(adapters[number].list_owners())

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(8)))) == 1
        assert installed.server.logins == logins
        installed.server.tokens.clear()


def test_eight_processes_that_deliver_to_one_person_make_one_contact(installed: Installation) -> None:
    adapters, start = [installed.adapter() for _ in range(8)], Barrier(8)

    def deliver(number: int) -> str:
        start.wait()
        lead = ContactInput(email="ada@new.example", last_name="King", key=f"lead-{number}")
        return adapters[number].upsert_contact(lead).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(deliver, range(8)))
    assert outcomes.count("created") == 1
    rows = installed.world.live("contact")
    assert len([row for row in rows if row.fields.get("email") == "ada@new.example"]) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "SALESFORCE_CLIENT_ID is missing"),
        ({"salesforce_client_id": "c"}, "SALESFORCE_CLIENT_SECRET is missing"),
        (
            {"salesforce_client_id": "c", "salesforce_private_key_file": "key.pem"},
            "SALESFORCE_USERNAME is missing",
        ),
        (
            {"salesforce_client_id": "c", "salesforce_private_key_file": "no.pem", "salesforce_username": "u"},
            "SALESFORCE_PRIVATE_KEY_FILE does not exist",
        ),
        ({"salesforce_client_id": "c", "salesforce_api_version": "sixty"}, "salesforce_api_version"),
        ({"salesforce_client_id": "c", "salesforce_login_url": "acme"}, "http://"),
    ],
)
def test_settings_that_are_incomplete_are_refused_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(crm_provider="salesforce", **given)


def test_a_key_file_is_read_where_the_settings_say(installed: Installation, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(PEM)
    changed = {"salesforce_client_secret": None, "salesforce_username": "ada@acme.example"}
    assert installed.adapter(**changed, salesforce_private_key_file=tmp_path / "key.pem").list_owners()
    assert len(installed.server.assertions) == 1
    with pytest.raises(ConfigError, match="SALESFORCE_PRIVATE_KEY_FILE"):
        installed.adapter(**changed, salesforce_private_key_file=tmp_path / "gone.pem")
