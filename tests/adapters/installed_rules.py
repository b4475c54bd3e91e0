"""What must hold of every CRM once it is installed: from settings to pages, as tests to inherit.

A module has a fixture `installed` (see `installation`) and a class that inherits `InstalledRules` and states its
differences as class attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from made_loopback import on_loopback

from adapters.errors import ConfigError
from adapters.records import Kind
from adapters.sandbox import live_on
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
    """server: the sandbox's account."""

    server: Any
    services: Services
    organization_id: int

    @property
    def world(self) -> Any:
        return self.server.world

    @property
    def provider(self) -> str:
        return str(self.services.settings.crm_provider)

    def sync(self) -> RunReport:
        [connection] = list_connections(self.services.database, self.organization_id)
        return sync_now(self.services, connection, trigger="test")

    def adapter(self, **changed: object) -> Any:
        """As the settings make it, some of them changed."""
        [connection] = list_connections(self.services.database, self.organization_id)
        settings = self.services.settings.model_copy(update=changed)
        return replace(self.services, settings=settings).adapter(connection)

    def missing(self) -> dict[str, str]:
        """Reasons by what is missing."""
        found = missing_objects(self.services.database, self.organization_id)
        return dict(zip(found["kind"], found["reason"], strict=True))

    def checks(self) -> dict[str, Any]:
        """The doctor's lines on the CRM, by what they are about."""
        return {check.name.rpartition(": ")[2]: check for check in doctor._crms(self.services)}

    def reader(self, organization_id: int | None = None) -> Reader:
        return Reader(self.services.database, Viewer(organization_id or self.organization_id, Role.ADMIN))

    def post(self, **lead: str) -> dict[str, Any]:
        """What a website hears that sends this lead."""
        form = list_forms(self.services.database, self.organization_id)[0].key
        patient = self.services.settings.model_copy(update={"lead_wait_s": 30.0})
        app = create_app(replace(self.services, settings=patient))
        answer = app.test_client().post("/public/leads", json={"form": form, **lead})
        return dict(answer.get_json())


@contextmanager
def installation(
    database: Database, home: Path, server: Any, provider: str, address_setting: str, **settings: object
) -> Iterator[Installation]:
    """The sandbox's account on loopback, connected as CRM_PROVIDER. address_setting: says where it is."""
    with on_loopback(server) as address:
        given = {
            "slms_home": home, "crm_provider": provider, address_setting: address, "allow_private_hosts": True,
            "organization_name": f"Acme on {provider}", "time_zone": "Europe/Berlin", "currency": "EUR", **settings,
        }  # fmt: skip
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        services = Services(
            settings=Settings(_env_file=None, **given), database_url=url, database=database, now=server.world.clock.now
        )
        organization = connect_provider(services)
        assert organization is not None
        yield Installation(server, services, organization.organization_id)


class InstalledRules:
    """unread: kinds that this adapter never reads. needed: settings without which it says which one is missing.
    last_name: the field in which the sandbox keeps a posted last name, with what stands there."""

    unread: ClassVar[frozenset[Kind]] = frozenset({Kind.PRODUCT})
    needed: ClassVar[tuple[str, ...]] = ()
    lead_id_field: ClassVar[str] = "slms_lead_id"
    last_name: ClassVar[tuple[str, str]] = ("last_name", "דָּוִד 🎉")

    def contact_number(self, external_id: str) -> int:
        """The sandbox's number of a contact."""
        return int(external_id)

    def check_totals(self, installed: Installation, report: RunReport) -> None:
        """Our counts are the CRM's own."""
        counted = {kind: count for kind, count in report.expected.items() if count is not None}
        assert counted == {kind: report.ours[kind] for kind in counted}
        assert set(counted) == set(Kind) - self.unread
        rows = reconciliation(installed.services.database, installed.organization_id, report.run_id)
        assert (rows["expected"] == rows["ours"]).all()

    def test_a_first_sync_and_later_ones_leave_no_difference(self, installed: Installation) -> None:
        for deeds in (0, 80, 80):
            live_on(installed.world, seed=deeds + 1, deeds=deeds)
            report = installed.sync()
            assert (report.status, report.error_message) == ("succeeded", None)
            assert set(report.counts) == set(Kind) - self.unread
            self.check_totals(installed, report)

    def test_pages_see_the_deals_of_the_account(self, installed: Installation) -> None:
        installed.sync()
        world, today = installed.world, installed.world.clock.now().date()
        events = installed.reader().deal_events(Slice(first_day=None, last_day=today, as_of=today))
        assert events.loc[events["event"] == "created", "n"].sum() == len(world.live("deal"))
        assert set(installed.reader().owners(today)["name"]) >= {
            f"{row.fields['first_name']} {row.fields['last_name']}" for row in world.live("owner")
        }

    def test_another_organization_sees_none_of_it(self, installed: Installation, other_organization: int) -> None:
        installed.sync()
        today = installed.world.clock.now().date()
        outsider = installed.reader(other_organization)
        assert outsider.deal_events(Slice(first_day=None, last_day=today, as_of=today)).empty

    def test_a_posted_lead_arrives_as_a_contact_with_its_id(self, installed: Installation) -> None:
        answered = installed.post(email="Lea.Lead@example.com", first_name="Lea", last_name="דָּוִד 🎉")
        row = installed.world.get("contact", self.contact_number(answered["crm_contact_id"]))
        name, value = self.last_name
        assert row is not None
        assert (row.fields["email"], row.fields[name]) == ("lea.lead@example.com", value)
        assert row.fields[self.lead_id_field] == answered["lead_id"]

    def test_without_a_credential_the_setting_is_named(self, installed: Installation) -> None:
        assert self.needed
        for name in self.needed:
            with pytest.raises(ConfigError) as error:
                installed.adapter(**{name: None}).list_owners()
            assert error.value.setting == name.upper()

    def test_integrations_read_the_same_from_snapshots_and_from_the_account(self, installed: Installation) -> None:
        live_on(installed.world, seed=1, deeds=80)
        installed.sync()
        client = create_app(installed.services).test_client()
        place = f"/integrations/{installed.provider}"
        for route in ("stats", "raw"):
            stored, live = (
                client.get(f"{place}/salespeople/{route}", query_string={"days": 366, "live": live}).json
                for live in (0, 1)
            )
            rows = [found["results"] if isinstance(found, dict) else found for found in (stored, live)]
            by_id = [{row["owner_id"]: {**row, "team": None} for row in one} for one in rows]
            assert by_id[0] == by_id[1]
            assert any(value for row in rows[0] for name, value in row.items() if name.endswith("_last_n_days"))
        health = client.get(f"{place}/health", query_string={"live": 1}).json
        assert (health["provider"], all(check["is_ok"] for check in health["checks"])) == (installed.provider, True)
