"""CRM_PROVIDER=salesforce from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier

import pytest
from made_loopback import on_loopback
from made_salesforce import SECRET, made_server, made_world
from pydantic import ValidationError
from test_salesforce_log_in import PEM

from adapters.base import ContactInput
from adapters.errors import ConfigError
from adapters.records import Kind
from adapters.salesforce import limits
from adapters.sandbox import live_on
from adapters.sandbox.salesforce import SalesforceServer
from lead_endpoint.app import create_app
from ops import doctor
from ops.first_run import connect_provider
from ops.jobs import sync_now
from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database
from snapshots.forms import list_forms
from snapshots.organizations import list_connections
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.status import missing_objects, reconciliation
from snapshots.sync import RunReport


@dataclass
class Installation:
    server: SalesforceServer
    services: Services
    organization_id: int

    def sync(self) -> RunReport:
        [connection] = list_connections(self.services.database, self.organization_id)
        return sync_now(self.services, connection, trigger="test")


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(limits, "RATE", 1_000.0)  # the real clock paces the calls
    server = made_server(made_world())
    with on_loopback(server) as address:
        settings = Settings(
            slms_home=tmp_path, crm_provider="salesforce", salesforce_client_id="client",
            salesforce_client_secret=SECRET, salesforce_login_url=address, salesforce_lead_id_field="SLMS_Lead_Id__c",
            allow_private_hosts=True, organization_name="Acme Salesforce", time_zone="Europe/Berlin", currency="EUR",
        )  # fmt: skip
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        services = Services(settings=settings, database_url=url, database=database, now=server.world.clock.now)
        organization = connect_provider(services)
        assert organization is not None
        yield Installation(server, services, organization.organization_id)


def test_a_first_sync_and_a_later_one_leave_no_difference(installed: Installation) -> None:
    for deeds in (0, 80):
        live_on(installed.server.world, seed=1, deeds=deeds)
        report = installed.sync()
        assert (report.status, report.error_message) == ("succeeded", None)
        counted = {kind: count for kind, count in report.expected.items() if count is not None}
        assert counted == {kind: report.ours[kind] for kind in counted}
        assert set(counted) == set(report.counts) == set(Kind) - {Kind.PRODUCT}
        rows = reconciliation(installed.services.database, installed.organization_id, report.run_id)
        assert (rows["expected"] == rows["ours"]).all()


def test_pages_see_the_deals_of_the_org(installed: Installation) -> None:
    installed.sync()
    world, today = installed.server.world, installed.server.world.clock.now().date()
    reader = Reader(installed.services.database, Viewer(installed.organization_id, Role.ADMIN))
    events = reader.deal_events(Slice(first_day=None, last_day=today, as_of=today))
    assert events.loc[events["event"] == "created", "n"].sum() == len(world.live("deal"))
    assert set(reader.owners(today)["name"]) >= {
        f"{row.fields['first_name']} {row.fields['last_name']}" for row in world.live("owner")
    }


def test_another_organization_sees_none_of_it(installed: Installation, other_organization: int) -> None:
    installed.sync()
    today = installed.server.world.clock.now().date()
    reader = Reader(installed.services.database, Viewer(other_organization, Role.ADMIN))
    assert reader.deal_events(Slice(first_day=None, last_day=today, as_of=today)).empty


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.hidden |= {"Opportunity", "ServiceAppointment", "Contact.Email"}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id).set_index("kind")["reason"]
    assert report.status == "succeeded"
    assert "Opportunity" in missing["deal"]
    assert "ServiceAppointment" in missing["appointment"]
    assert "addresses of contacts" in missing["Contact.Email"]
    installed.server.hidden.clear()
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id)
    assert set(missing["kind"]) == {"product"}
    assert report.ours[Kind.DEAL] == len(installed.server.world.live("deal"))
    assert report.expected[Kind.ACTIVITY] == report.ours[Kind.ACTIVITY]


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.hidden |= {"Opportunity", "Contact:create"}
    found = {check.name.rpartition(": ")[2]: check for check in doctor._crms(replace(installed.services))}
    assert found["access"].ok
    deals, writing = found["right Read on Opportunity"], found["right Create and Edit on Contact"]
    assert (deals.ok, writing.ok) == (False, False)
    assert "without it deals are missing" in (deals.remedy or "")
    assert found["right Read on Account"].ok


def test_a_posted_lead_arrives_as_a_contact_with_its_id(installed: Installation) -> None:
    form = list_forms(installed.services.database, installed.organization_id)[0].key
    lead = {"form": form, "email": "Lea.Lead@example.com", "first_name": "Lea", "last_name": "דָּוִד 🎉"}
    answered = create_app(installed.services).test_client().post("/public/leads", json=lead).get_json()
    row = installed.server.world.get("contact", int(answered["crm_contact_id"][3:15]))
    assert row is not None
    assert (row.fields["email"], row.fields["last_name"]) == ("lea.lead@example.com", "דָּוִד 🎉")
    assert row.fields["slms_lead_id"] == answered["lead_id"]


def test_eight_workers_that_race_log_in_once_and_again_once_when_the_token_ends(installed: Installation) -> None:
    [connection] = list_connections(installed.services.database, installed.organization_id)
    for logins in (1, 2):
        adapters, start = [installed.services.adapter(connection) for _ in range(8)], Barrier(8)

        def ask(number: int, adapters=adapters, start=start) -> int:
            start.wait()
            return len(adapters[number].list_owners())

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(8)))) == 1
        assert installed.server.logins == logins
        installed.server.tokens.clear()


def test_eight_processes_that_deliver_to_one_person_make_one_contact(installed: Installation) -> None:
    [connection] = list_connections(installed.services.database, installed.organization_id)
    adapters, start = [installed.services.adapter(connection) for _ in range(8)], Barrier(8)

    def deliver(number: int) -> str:
        start.wait()
        lead = ContactInput(email="ada@new.example", last_name="King", key=f"lead-{number}")
        return adapters[number].upsert_contact(lead).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(deliver, range(8)))
    assert outcomes.count("created") == 1
    rows = installed.server.world.live("contact")
    assert len([row for row in rows if row.fields.get("email") == "ada@new.example"]) == 1


@pytest.mark.parametrize(
    ("gone", "setting"),
    [("salesforce_client_id", "SALESFORCE_CLIENT_ID"), ("salesforce_client_secret", "SALESFORCE_CLIENT_SECRET")],
)
def test_without_a_credential_the_setting_is_named(installed: Installation, gone: str, setting: str) -> None:
    settings = installed.services.settings.model_copy(update={gone: None})
    [connection] = list_connections(installed.services.database, installed.organization_id)
    with pytest.raises(ConfigError) as error:
        replace(installed.services, settings=settings).adapter(connection).list_owners()
    assert error.value.setting == setting


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
    changed = {
        "salesforce_client_secret": None, "salesforce_username": "ada@acme.example",
        "salesforce_private_key_file": tmp_path / "key.pem",
    }  # fmt: skip
    settings = installed.services.settings.model_copy(update=changed)
    [connection] = list_connections(installed.services.database, installed.organization_id)
    assert replace(installed.services, settings=settings).adapter(connection).list_owners()
    assert len(installed.server.assertions) == 1
    settings = settings.model_copy(update={"salesforce_private_key_file": tmp_path / "gone.pem"})
    with pytest.raises(ConfigError, match="SALESFORCE_PRIVATE_KEY_FILE"):
        replace(installed.services, settings=settings).adapter(connection)


def test_integrations_read_the_same_from_snapshots_and_from_the_org(installed: Installation) -> None:
    live_on(installed.server.world, seed=1, deeds=80)
    installed.sync()
    client = create_app(installed.services).test_client()
    for route in ("stats", "raw"):
        stored, live = (
            client.get(f"/integrations/salesforce/salespeople/{route}", query_string={"days": 366, "live": live}).json
            for live in (0, 1)
        )
        rows = [found["results"] if isinstance(found, dict) else found for found in (stored, live)]
        by_id = [{row["owner_id"]: {**row, "team": None} for row in one} for one in rows]
        assert by_id[0] == by_id[1]
        assert sum(row["emails_last_n_days"] + row["new_deals_last_n_days"] for row in rows[0]) > 0
    health = client.get("/integrations/salesforce/health", query_string={"live": 1}).json
    assert (health["provider"], all(check["is_ok"] for check in health["checks"])) == ("salesforce", True)
