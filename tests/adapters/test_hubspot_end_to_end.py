"""CRM_PROVIDER=hubspot from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from made_hubspot import FREE, TOKEN, made_server, made_world
from made_loopback import on_loopback

from adapters.errors import ConfigError
from adapters.hubspot import limits
from adapters.records import Kind
from adapters.sandbox import live_on
from adapters.sandbox.hubspot import HubSpotServer
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

APPOINTMENTS = "crm.objects.appointments.read"


@dataclass
class Installation:
    server: HubSpotServer
    services: Services
    organization_id: int

    def sync(self) -> RunReport:
        [connection] = list_connections(self.services.database, self.organization_id)
        return sync_now(self.services, connection, trigger="test")


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    # The real clock would pace the requests, while the sandbox's stands still: so there are no limits here.
    for name in ("GENERAL_RATE", "SEARCH_RATE"):
        monkeypatch.setattr(limits, name, 1e6)
    server = made_server(made_world(), plan=FREE)
    with on_loopback(server) as address:
        settings = Settings(
            slms_home=tmp_path, crm_provider="hubspot", hubspot_api_key=TOKEN, hubspot_base_url=address,
            hubspot_lead_id_property="slms_lead_id", allow_private_hosts=True, organization_name="Acme HubSpot",
            time_zone="Europe/Berlin", currency="EUR",
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


def test_pages_see_the_deals_of_the_account(installed: Installation) -> None:
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


def test_a_missing_scope_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.scopes -= {"crm.objects.deals.read", APPOINTMENTS}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id).set_index("kind")["reason"]
    assert report.status == "succeeded"
    assert "crm.objects.deals.read" in missing["deal"]
    assert APPOINTMENTS in missing["appointment"]
    installed.server.scopes |= {"crm.objects.deals.read", APPOINTMENTS}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id)
    assert set(missing["kind"]) == {"product"}
    assert report.ours[Kind.DEAL] == len(installed.server.world.live("deal"))
    assert report.expected[Kind.ACTIVITY] == report.ours[Kind.ACTIVITY]


def test_the_doctor_names_every_scope_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.scopes -= {"crm.objects.owners.read", "crm.objects.contacts.write"}
    found = {check.name.rpartition(": ")[2]: check for check in doctor._crms(replace(installed.services))}
    assert found["access"].ok
    owners, writing = found["scope crm.objects.owners.read"], found["scope crm.objects.contacts.write"]
    assert (owners.ok, writing.ok) == (False, False)
    assert "without it owners and teams are missing" in (owners.remedy or "")
    assert found["scope crm.objects.deals.read"].ok


def test_a_posted_lead_arrives_as_a_contact_with_its_id(installed: Installation) -> None:
    form = list_forms(installed.services.database, installed.organization_id)[0].key
    lead = {"form": form, "email": "Lea.Lead@example.com", "first_name": "Lea", "last_name": "דָּוִד 🎉"}
    answered = create_app(installed.services).test_client().post("/public/leads", json=lead).get_json()
    row = installed.server.world.get("contact", int(answered["crm_contact_id"]))
    assert row is not None
    assert (row.fields["email"], row.fields["last_name"]) == ("lea.lead@example.com", "דָּוִד 🎉")
    assert row.fields["slms_lead_id"] == answered["lead_id"]


def test_without_a_token_the_setting_is_named(installed: Installation) -> None:
    settings = installed.services.settings.model_copy(update={"hubspot_api_key": None})
    [connection] = list_connections(installed.services.database, installed.organization_id)
    with pytest.raises(ConfigError) as error:
        replace(installed.services, settings=settings).adapter(connection)
    assert error.value.setting == "HUBSPOT_API_KEY"


def test_integrations_read_the_same_from_snapshots_and_from_the_account(installed: Installation) -> None:
    live_on(installed.server.world, seed=1, deeds=80)
    installed.sync()
    client = create_app(installed.services).test_client()
    for route in ("stats", "raw"):
        stored, live = (
            client.get(f"/integrations/hubspot/salespeople/{route}", query_string={"days": 366, "live": live}).json
            for live in (0, 1)
        )
        rows = [found["results"] if isinstance(found, dict) else found for found in (stored, live)]
        by_id = [{row["owner_id"]: {**row, "team": None} for row in one} for one in rows]
        assert by_id[0] == by_id[1]
        assert sum(row["emails_last_n_days"] + row["new_deals_last_n_days"] for row in rows[0]) > 0
    health = client.get("/integrations/hubspot/health", query_string={"live": 1}).json
    assert (health["provider"], all(check["is_ok"] for check in health["checks"])) == ("hubspot", True)
