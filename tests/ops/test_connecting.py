"""Credentials of single connections, and a move from the sample CRM to the HubSpot sandbox and back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_installation import House
from made_move import TOKEN, brought_over, on_loopback, sandbox_of, values_for
from pydantic import SecretStr
from sqlalchemy import text

from adapters.demo.world import DemoSettings
from adapters.errors import ConfigError
from adapters.sandbox.hubspot import HubSpotServer
from ops import connecting, credentials, doctor, logs
from ops.first_run import born, connect_provider, demo_is_wanted, load_demo
from ops.importing import Import, import_export
from ops.jobs import sync_now
from ops.services import Services
from ops.settings import Settings
from snapshots import crm_changes, rollups
from snapshots.database import Database
from snapshots.handover import Choices, confirm
from snapshots.organizations import CrmConnection, connect_crm, get_organization, list_connections, retire_connection
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

NOW = datetime(2024, 6, 28, 15, tzinfo=UTC)
SMALL = DemoSettings(seed=7, owners=5, deals=80, activities=400, years=0.5, born=born(NOW.date(), 0.5))
KEY, OTHER_KEY = "k" * 40, "another key, forty letters long, as well"


@dataclass
class Clock:
    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(database: Database, tmp_path: Path, clock: Clock) -> Services:
    settings = Settings(_env_file=None, slms_home=tmp_path, secret_key=KEY, allow_private_hosts=True)
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return Services(settings=settings, database_url=url, database=database, now=clock)


@pytest.fixture
def hubspot(services: Services, organization: int) -> CrmConnection:
    values = {"hubspot_api_key": TOKEN, "hubspot_lead_id_property": "slms_lead_id"}
    return connecting.connect(services, organization, "hubspot", values, by="ann@acme.example", waits=True)


# --- credentials -----------------------------------------------------------------------------------------------------


def test_a_connection_is_wired_by_its_own_credentials(services: Services, hubspot: CrmConnection) -> None:
    elsewhere = services.settings.model_copy(update={"hubspot_api_key": SecretStr("pat-of-the-environment")})
    adapter = replace(services, settings=elsewhere).adapter(hubspot)
    assert adapter._own.token == TOKEN
    assert adapter._own.lead_id_property == "slms_lead_id"


def test_without_credentials_of_its_own_a_connection_takes_those_of_the_environment(
    services: Services, organization: int
) -> None:
    elsewhere = services.settings.model_copy(update={"hubspot_api_key": SecretStr("pat-of-the-environment")})
    connection = connect_crm(services.database, organization, provider="hubspot", name="HubSpot", settings={})
    assert replace(services, settings=elsewhere).adapter(connection)._own.token == "pat-of-the-environment"


def test_nothing_of_a_secret_is_readable_in_the_database(services: Services, hubspot: CrmConnection) -> None:
    with services.database.as_app(hubspot.organization_id) as connection:
        tables = connection.execute(text("SELECT * FROM crm_credentials")).all()
        connections = connection.execute(text("SELECT * FROM crm_connections")).all()
    assert len(tables) == 1
    assert TOKEN.encode() not in bytes(tables[0].sealed)
    assert TOKEN not in f"{tables} {connections} {list_connections(services.database, hubspot.organization_id)}"


def test_another_organization_reads_no_credentials(
    services: Services, hubspot: CrmConnection, other_organization: int
) -> None:
    theirs = replace(hubspot, organization_id=other_organization)
    with pytest.raises(ConfigError, match="HUBSPOT_API_KEY is missing"):
        services.adapter(theirs)


def test_a_changed_secret_key_is_named_with_the_remedy(services: Services, hubspot: CrmConnection) -> None:
    changed = services.settings.model_copy(update={"secret_key": SecretStr(OTHER_KEY)})
    with pytest.raises(ConfigError, match="sealed under another SECRET_KEY") as error:
        replace(services, settings=changed).adapter(hubspot)
    assert error.value.setting == "SECRET_KEY"
    assert "Data → Sources" in str(error.value)
    assert error.value.__cause__ is None


def test_a_secret_that_was_opened_is_in_no_log_line(services: Services, hubspot: CrmConnection) -> None:
    formatter = logs.RedactingFormatter([])
    services.adapter(hubspot)
    line = formatter.format(logging.LogRecord("x", logging.INFO, "x", 1, f"sent {TOKEN}", None, None))
    assert TOKEN not in line
    assert logs.HIDDEN in line


def test_a_missing_or_impossible_field_is_named_without_its_value(services: Services) -> None:
    with pytest.raises(credentials.WrongFields, match="Access token is missing"):
        credentials.settings_with(services.settings, "hubspot", {"hubspot_api_key": " "})
    values = {"hubspot_api_key": TOKEN, "hubspot_base_url": "ftp://somewhere"}
    with pytest.raises(credentials.WrongFields) as error:
        credentials.settings_with(services.settings, "hubspot", values)
    assert "Address must be an address that starts with http" in str(error.value)
    assert "somewhere" not in str(error.value)


def test_every_field_is_a_setting_of_its_crm() -> None:
    for provider, fields in credentials.FIELDS.items():
        assert {field.name for field in fields} <= Settings.model_fields.keys()
        assert all(field.name.startswith(f"{provider}_") for field in fields)
        secrets = {name for name, one in Settings.model_fields.items()
                   if name.startswith(f"{provider}_") and "SecretStr" in str(one.annotation)}  # fmt: skip
        assert secrets == {field.name for field in fields if field.is_secret}


def test_a_crm_provider_beside_another_crm_waits_to_be_mapped(services: Services, organization: int) -> None:
    connect_crm(services.database, organization, provider="csv", name="CSV old", settings={"path": "/nowhere"})
    settings = Settings(
        _env_file=None, slms_home=services.settings.slms_home, secret_key=KEY, crm_provider="hubspot",
        hubspot_api_key=TOKEN, organization_name="Acme",
    )  # fmt: skip
    connect_provider(replace(services, settings=settings))
    waiting = {one.name: one.is_waiting for one in list_connections(services.database, organization)}
    assert waiting == {"CSV old": False, "HubSpot": True}


# --- a move ----------------------------------------------------------------------------------------------------------


@dataclass
class Move:
    house: House
    server: HubSpotServer
    address: str
    clock: Clock

    @property
    def services(self) -> Services:
        return self.house.services

    def connection(self, name: str) -> CrmConnection:
        known = list_connections(self.services.database, self.house.organization_id)
        return next(one for one in known if one.name == name)

    def go(self, old: str, new: str) -> None:
        """Everything as it is guessed; what was not moved ends."""
        change = crm_changes.start(
            self.services.database, self.house.organization_id, from_connection_id=self.connection(old).connection_id,
            to_connection_id=self.connection(new).connection_id, now=self.clock.at,
        )  # fmt: skip
        connecting.read_for(self.services, change)
        sheet = crm_changes.sheet(self.services.database, change)
        pairs = {pair.theirs: pair.ours for pair in sheet.pairs}
        unmoved = frozenset(int(one.key) for one in sheet.unmoved(frozenset(pairs.values())))
        items = {kind: {key: one.ours for key, one in found.items()} for kind, found in sheet.guesses.items()}
        choices = Choices(items=items, deals=pairs, ended=unmoved)
        self.clock.at += timedelta(hours=1)
        confirm(self.services.database, change, choices, by="admin", now=self.clock.at)
        self.clock.at += timedelta(hours=1)
        report = sync_now(self.services, self.connection(new), trigger="test")
        assert (report.status, report.error_message) == ("succeeded", None)

    def totals(self, days_ago: int) -> list[str]:
        reader = Reader(self.services.database, Viewer(self.house.organization_id, Role.ADMIN))
        day = NOW.date() - timedelta(days=days_ago)
        part = Slice(first_day=None, last_day=day, as_of=day)
        frames = (reader.deal_events(part, by_owner=True), reader.open_stages(part, by_owner=True),
                  reader.activity_counts(part), reader.lead_counts(part, by_source=True),
                  reader.cycles(part))  # fmt: skip
        return [frame.to_csv() for frame in frames]

    def count(self, query: str) -> int:
        with self.services.database.as_app(self.house.organization_id) as connection:
            return int(connection.execute(text(query)).scalar_one())

    def open_deals(self) -> int:
        return self.count("SELECT count(*) FROM deal_versions WHERE superseded_at = 'infinity' AND status = 'open'")


@pytest.fixture
def move(services: Services, clock: Clock) -> Iterator[Move]:
    load_demo(services, SMALL)
    with services.database.as_worker() as connection:
        organization_id = connection.execute(text("SELECT organization_id FROM organizations")).scalar_one()
    house = House(services=services, organization=get_organization(services.database, organization_id))
    server = sandbox_of(brought_over(house, clock.at))
    with on_loopback(server) as address:
        values = values_for(address)
        connecting.connect(services, organization_id, "hubspot", values, by="admin", waits=True)
        yield Move(house, server, address, clock)


def test_from_the_sample_crm_to_the_sandbox_and_back(move: Move) -> None:
    before = [move.totals(days) for days in (1, 30, 90)]
    owners, stages = (move.count(f"SELECT count(*) FROM {table}") for table in ("owners", "stages"))
    move.go("Demo CRM", "HubSpot")
    open_there = sum(row.fields["stage_id"] in _open_stages(move) for row in move.server.world.live("deal"))
    assert [move.totals(days) for days in (1, 30, 90)] == before
    assert (move.count("SELECT count(*) FROM owners"), move.count("SELECT count(*) FROM stages")) == (owners, stages)
    assert move.open_deals() == open_there
    assert move.count("SELECT count(*) FROM deals WHERE gone_reason = 'not moved'") == 4

    move.clock.at += timedelta(days=3)
    move.server.world.clock.advance(3 * 86_400)
    move.go("HubSpot", "Demo CRM")
    assert [move.totals(days) for days in (1, 30, 90)] == before
    assert move.count("SELECT count(*) FROM owners") == owners
    with move.services.database.as_app(move.house.organization_id) as connection:
        assert set(rollups.differences(connection, move.house.organization_id).values()) == {0}


def _open_stages(move: Move) -> set[object]:
    return {row.row_id for row in move.server.world.live("stage") if row.fields["outcome"] == "open"}


def test_a_wrong_token_lets_nobody_in_and_is_not_shown(move: Move) -> None:
    checks = connecting.try_out(
        move.services, move.house.organization_id, "hubspot", values_for(move.address, "pat-no")
    )
    assert not connecting.works(checks)
    assert "pat-no" not in str(checks)


def test_a_missing_scope_is_named_with_what_is_missing_without_it(move: Move) -> None:
    move.server.scopes -= {"crm.objects.owners.read"}
    checks = connecting.try_out(move.services, move.house.organization_id, "hubspot", values_for(move.address))
    assert connecting.works(checks)
    [owners] = [one for one in checks if "crm.objects.owners.read" in one.name]
    assert not owners.ok
    assert "owners and teams are missing" in (owners.remedy or "")


def test_a_crm_that_cannot_be_read_says_why_and_changes_nothing(move: Move) -> None:
    move.server.token = "another"
    change = crm_changes.start(
        move.services.database, move.house.organization_id,
        from_connection_id=move.connection("Demo CRM").connection_id,
        to_connection_id=move.connection("HubSpot").connection_id, now=move.clock.at,
    )  # fmt: skip
    connecting.read_for(move.services, change)
    found = crm_changes.open_change(move.services.database, move.house.organization_id)
    assert found is not None
    assert (found.state, "HUBSPOT_API_KEY" in (found.error_message or "")) == ("failed", True)
    assert move.connection("Demo CRM").is_active


def test_the_sample_is_not_loaded_again_after_it_moved(move: Move) -> None:
    change = crm_changes.start(
        move.services.database, move.house.organization_id,
        from_connection_id=move.connection("Demo CRM").connection_id,
        to_connection_id=move.connection("HubSpot").connection_id, now=move.clock.at,
    )  # fmt: skip
    connecting.read_for(move.services, change)
    confirm(move.services.database, change, Choices(), by="admin", now=move.clock.at)
    assert not demo_is_wanted(move.services)


def test_the_doctor_looks_at_a_crm_that_waits_and_at_none_that_was_retired(move: Move) -> None:
    retire_connection(
        move.services.database, move.house.organization_id, move.connection("Demo CRM").connection_id, now=NOW
    )
    names = {check.name for check in doctor._crms(replace(move.services))}
    assert any("/ HubSpot: scope crm.objects.deals.read" in name for name in names)
    assert not any("Demo CRM" in name for name in names)


DEALS_CSV = """Deal name,Account,Owner,Stage,Status,Amount,Create date,Close date
Pumps,Acme,Ann Smith,Offer,Open,1200.50,2024-03-04,
Valves,Acme,Ann Smith,Offer,Open,99.95,2024-04-02,
Hoses,Beta,Bo Berg,Talk,Open,,2024-05-11,
Filters,Beta,Bo Berg,Won,Won,5000.10,2024-02-01,2024-04-15
Seals,Gamma,Ann Smith,Lost,Lost,700.00,2024-02-20,2024-03-30
"""


def test_from_a_csv_export_to_the_sandbox(services: Services, clock: Clock, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "deals.csv").write_text(DEALS_CSV)
    outcome = import_export(services, Import(source=folder, organization="Hoses & Co", currency="EUR"))
    assert outcome.status == "succeeded"
    organization = get_organization(services.database, outcome.organization_id)
    house = House(services=services, organization=organization)
    server = sandbox_of(brought_over(house, clock.at, n_left=1))
    with on_loopback(server) as address:
        connecting.connect(services, outcome.organization_id, "hubspot", values_for(address), by="admin", waits=True)
        move = Move(house, server, address, clock)
        before, n_owners = [move.totals(days) for days in (1, 60)], move.count("SELECT count(*) FROM owners")
        assert before[0][0].count("created") == 2
        move.go(outcome.connection, "HubSpot")
        assert [move.totals(days) for days in (1, 60)] == before
        assert move.count("SELECT count(*) FROM owners") == n_owners
        assert move.open_deals() == 2
