"""CRM_PROVIDER=pipedrive from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from made_loopback import on_loopback
from made_pipedrive import FREE, TOKEN, made_server, made_world

from adapters.errors import ConfigError
from adapters.records import Kind
from adapters.sandbox import live_on
from adapters.sandbox.pipedrive import PipedriveServer
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
from snapshots.status import missing_objects
from snapshots.sync import RunReport

ROWS = {Kind.COMPANY: "company", Kind.CONTACT: "contact", Kind.DEAL: "deal", Kind.LEAD: "lead"}
DAY_S = 86_400


@dataclass
class Installation:
    server: PipedriveServer
    services: Services
    organization_id: int

    def sync(self) -> RunReport:
        [connection] = list_connections(self.services.database, self.organization_id)
        return sync_now(self.services, connection, trigger="test")


@pytest.fixture
def installed(database: Database, tmp_path: Path) -> Iterator[Installation]:
    # The real clock paces the requests, and the sandbox's stands still: so its limits are left out here.
    server = made_server(made_world(), plan=FREE)
    with on_loopback(server) as address:
        settings = Settings(
            slms_home=tmp_path, crm_provider="pipedrive", pipedrive_api_token=TOKEN, pipedrive_base_url=address,
            pipedrive_lead_id_field="slms_lead_id", allow_private_hosts=True, organization_name="Acme Pipedrive",
            time_zone="Europe/Berlin", currency="EUR",
        )  # fmt: skip
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        services = Services(settings=settings, database_url=url, database=database, now=server.world.clock.now)
        organization = connect_provider(services)
        assert organization is not None
        yield Installation(server, services, organization.organization_id)


def test_a_first_sync_and_a_later_one_hold_what_the_account_holds(installed: Installation) -> None:
    """Pipedrive tells no totals to reconcile with; the sandbox knows."""
    world = installed.server.world
    for deeds in (0, 80):
        live_on(world, seed=1, deeds=deeds)
        world.clock.advance(DAY_S)
        report = installed.sync()
        assert (report.status, report.error_message) == ("succeeded", None)
        assert set(report.counts) == set(Kind) - {Kind.PRODUCT}
        assert {report.ours[kind] - len(world.live(name)) for kind, name in ROWS.items()} == {0}
        done = [
            row
            for kind in ("call", "meeting", "task", "appointment")
            for row in world.live(kind)
            if row.fields["status"] == "done"
        ]
        assert report.ours[Kind.ACTIVITY] == len(done)
        assert report.expected[Kind.DEAL] is None


def test_a_deal_s_stages_are_kept_though_a_later_sync_does_not_repeat_them(installed: Installation) -> None:
    world = installed.server.world
    installed.sync()
    events = "SELECT deal_id, stage_id, entered_at FROM stage_events ORDER BY 1, 3, 2"
    with installed.services.database.as_app(installed.organization_id) as connection:
        before = connection.exec_driver_sql(events).all()
    world.clock.advance(600)
    for row in world.live("deal"):
        world.update(row, {"name": "Renamed"})
    installed.sync()
    with installed.services.database.as_app(installed.organization_id) as connection:
        assert connection.exec_driver_sql(events).all() == before
    assert len(before) > len(world.live("deal"))


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


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.rights -= {"deals:read", "leads:read"}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id).set_index("kind")["reason"]
    assert report.status == "succeeded"
    assert "deals:read" in missing["deal"]
    assert "no activities" in missing["email"]
    installed.server.rights |= {"deals:read", "leads:read"}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id)
    assert set(missing["kind"]) == {"email", "note", "product"}
    assert report.ours[Kind.DEAL] == len(installed.server.world.live("deal"))


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.rights -= {"users:read"}
    found = {check.name.rpartition(": ")[2]: check for check in doctor._crms(replace(installed.services))}
    assert found["access"].ok
    assert not found["right users:read"].ok
    assert "without it users and teams are missing" in (found["right users:read"].remedy or "")
    assert found["right deals:read"].ok


def test_a_posted_lead_arrives_as_a_contact_with_its_id(installed: Installation) -> None:
    form = list_forms(installed.services.database, installed.organization_id)[0].key
    lead = {"form": form, "email": "Lea.Lead@example.com", "first_name": "Lea", "last_name": "דָּוִד 🎉"}
    answered = create_app(installed.services).test_client().post("/public/leads", json=lead).get_json()
    row = installed.server.world.get("contact", int(answered["crm_contact_id"]))
    assert row is not None
    assert (row.fields["email"], row.fields["last_name"]) == ("lea.lead@example.com", "דָּוִד 🎉")
    assert row.fields["slms_lead_id"] == answered["lead_id"]


def test_without_a_token_the_setting_is_named(installed: Installation) -> None:
    settings = installed.services.settings.model_copy(update={"pipedrive_api_token": None})
    [connection] = list_connections(installed.services.database, installed.organization_id)
    with pytest.raises(ConfigError) as error:
        replace(installed.services, settings=settings).adapter(connection)
    assert error.value.setting == "PIPEDRIVE_API_TOKEN"


def test_integrations_read_the_same_from_snapshots_and_from_the_account(installed: Installation) -> None:
    live_on(installed.server.world, seed=1, deeds=80)
    installed.sync()
    client = create_app(installed.services).test_client()
    for route in ("stats", "raw"):
        stored, live = (
            client.get(f"/integrations/pipedrive/salespeople/{route}", query_string={"days": 366, "live": live}).json
            for live in (0, 1)
        )
        rows = [found["results"] if isinstance(found, dict) else found for found in (stored, live)]
        by_id = [{row["owner_id"]: {**row, "team": None} for row in one} for one in rows]
        assert by_id[0] == by_id[1]
        assert sum(row["emails_last_n_days"] + row["new_deals_last_n_days"] for row in rows[0]) > 0
    health = client.get("/integrations/pipedrive/health", query_string={"live": 1}).json
    assert (health["provider"], all(check["is_ok"] for check in health["checks"])) == ("pipedrive", True)
