"""CRM_PROVIDER=nutshell from settings to pages: wired, synced, reconciled, examined, and written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from made_loopback import on_loopback
from made_nutshell import API_KEY, EMAIL, FREE, made_server, made_world

from adapters.errors import ConfigError
from adapters.nutshell import limits
from adapters.records import ActivityKind, Kind
from adapters.sandbox import live_on
from adapters.sandbox.nutshell import NutshellServer
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

NEVER = {"lead", "product", "team"}
SYNCED = set(Kind) - {Kind.LEAD, Kind.PRODUCT, Kind.TEAM}


@dataclass
class Installation:
    server: NutshellServer
    services: Services
    organization_id: int

    def sync(self) -> RunReport:
        [connection] = list_connections(self.services.database, self.organization_id)
        return sync_now(self.services, connection, trigger="test")


@pytest.fixture
def installed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    # The real clock would pace the requests, while the sandbox's stands still: so there is no limit here.
    monkeypatch.setattr(limits, "RATE", 1e6)
    server = made_server(made_world(), plan=FREE)
    with on_loopback(server) as address:
        settings = Settings(
            slms_home=tmp_path, crm_provider="nutshell", nutshell_email=EMAIL, nutshell_api_key=API_KEY,
            nutshell_base_url=address, nutshell_lead_id_field="SLMS lead", nutshell_company_field="Company",
            allow_private_hosts=True, organization_name="Acme Nutshell", time_zone="Europe/Berlin", currency="EUR",
        )  # fmt: skip
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        services = Services(settings=settings, database_url=url, database=database, now=server.world.clock.now)
        organization = connect_provider(services)
        assert organization is not None
        yield Installation(server, services, organization.organization_id)


def test_a_first_sync_and_later_ones_leave_no_difference(installed: Installation) -> None:
    for deeds in (0, 80, 80):
        live_on(installed.server.world, seed=deeds, deeds=deeds)
        report = installed.sync()
        assert (report.status, report.error_message) == ("succeeded", None)
        counted = {kind: count for kind, count in report.expected.items() if count is not None}
        assert counted == {kind: report.ours[kind] for kind in counted}
        assert set(counted) == set(report.counts) == SYNCED
        rows = reconciliation(installed.services.database, installed.organization_id, report.run_id)
        assert (rows["expected"] == rows["ours"]).all()


def test_pages_see_the_deals_of_the_account(installed: Installation) -> None:
    installed.sync()
    world, today = installed.server.world, installed.server.world.clock.now().date()
    reader = Reader(installed.services.database, Viewer(installed.organization_id, Role.ADMIN))
    events = reader.deal_events(Slice(first_day=None, last_day=today, as_of=today))
    assert events.loc[events["event"] == "created", "n"].sum() == len(world.live("deal"))
    won = [row for row in world.live("deal") if installed.server.show.of(row)["status"] == "won"]
    assert events.loc[events["event"] == "won", "n"].sum() >= len(won) > 0
    assert set(reader.owners(today)["name"]) >= {
        f"{row.fields['first_name']} {row.fields['last_name']}" for row in world.live("owner")
    }


def test_another_organization_sees_none_of_it(installed: Installation, other_organization: int) -> None:
    installed.sync()
    today = installed.server.world.clock.now().date()
    reader = Reader(installed.services.database, Viewer(other_organization, Role.ADMIN))
    assert reader.deal_events(Slice(first_day=None, last_day=today, as_of=today)).empty


def test_a_missing_right_is_shown_on_the_data_page_and_read_when_it_is_granted(installed: Installation) -> None:
    installed.server.hidden |= {"leads"}
    report = installed.sync()
    missing = missing_objects(installed.services.database, installed.organization_id).set_index("kind")["reason"]
    assert report.status == "succeeded"
    assert "to see leads" in missing["deal"]
    installed.server.hidden.clear()
    report = installed.sync()
    unlisted = {ActivityKind.EMAIL.value, ActivityKind.NOTE.value, ActivityKind.TASK.value}
    missing = missing_objects(installed.services.database, installed.organization_id)
    assert set(missing["kind"]) == NEVER | unlisted
    assert report.ours[Kind.DEAL] == len(installed.server.world.live("deal"))


def test_the_doctor_names_every_right_and_what_is_missing_without_it(installed: Installation) -> None:
    installed.server.hidden |= {"users", "accounts"}
    found = {check.name.rpartition(": ")[2]: check for check in doctor._crms(replace(installed.services))}
    assert found["access"].ok
    assert [found[f"right to see {noun}"].ok for noun in ("users", "companies", "people")] == [False, False, True]
    assert "Without it companies are missing" in (found["right to see companies"].remedy or "")
    assert found["field SLMS lead"].ok


def test_a_posted_lead_arrives_as_a_person_with_its_id(installed: Installation) -> None:
    form = list_forms(installed.services.database, installed.organization_id)[0].key
    lead = {
        "form": form, "email": "Lea.Lead@example.com", "first_name": "Lea", "last_name": "דָּוִד 🎉", "company": "Acme",
    }  # fmt: skip
    client = create_app(installed.services).test_client()
    answered = client.post("/public/leads", json=lead).get_json()
    row = installed.server.world.get("contact", int(answered["crm_contact_id"].partition("-")[0]))
    assert row is not None
    assert (row.fields["email"], row.fields["name"]) == ("lea.lead@example.com", "Lea דָּוִד 🎉")
    assert (row.fields["SLMS lead"], row.fields["Company"]) == (answered["lead_id"], "Acme")


@pytest.mark.parametrize("missing", ["nutshell_email", "nutshell_api_key"])
def test_without_credentials_the_setting_is_named(installed: Installation, missing: str) -> None:
    settings = installed.services.settings.model_copy(update={missing: None})
    [connection] = list_connections(installed.services.database, installed.organization_id)
    with pytest.raises(ConfigError) as error:
        replace(installed.services, settings=settings).adapter(connection)
    assert error.value.setting == missing.upper()


def test_integrations_read_the_same_from_snapshots_and_from_the_account(installed: Installation) -> None:
    live_on(installed.server.world, seed=1, deeds=80)
    installed.sync()
    client = create_app(installed.services).test_client()
    for route in ("stats", "raw"):
        stored, live = (
            client.get(f"/integrations/nutshell/salespeople/{route}", query_string={"days": 366, "live": live}).json
            for live in (0, 1)
        )
        rows = [found["results"] if isinstance(found, dict) else found for found in (stored, live)]
        assert sum(value for row in rows[0] for value in row.values() if isinstance(value, int)) > 0
        assert {row["owner_id"]: row for row in rows[0]} == {row["owner_id"]: row for row in rows[1]}
    health = client.get("/integrations/nutshell/health", query_string={"live": 1}).json
    assert (health["provider"], all(check["is_ok"] for check in health["checks"])) == ("nutshell", True)
