"""Installations with known content, for tests of the workbench: a database of their own, filled once and then read.

The sample organization is the demo of a year that ended long ago, so that no page depends on the day of the test.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from adapters.demo.world import DemoSettings
from ops.first_run import SAMPLE_NAME, born, load_demo
from ops.importing import Import, import_export
from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database, migrate
from snapshots.organizations import Organization, find_organization

NOW: Final = datetime(2024, 6, 28, 15, tzinfo=UTC)
TODAY: Final = date(2024, 6, 28)
"""In the zone of the sample organization too."""
SMALL: Final = DemoSettings(seed=7, owners=8, deals=400, activities=4_000, years=1.0, born=born(TODAY, 1.0))
IMPORTED: Final = "Hardware seller"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """An installation and the organization that a test looks at."""

    services: Services
    organization: Organization

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def organization_id(self) -> int:
        return self.organization.organization_id


@contextmanager
def empty_house(server: str) -> Iterator[Services]:
    """A migrated database without any organization; gone afterwards."""
    name = f"slms_house_{uuid.uuid4().hex[:8]}"
    _order(server, "CREATE DATABASE {}", name)
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    services = Services(settings=Settings(_env_file=None), database_url=url, database=Database(url), now=lambda: NOW)
    try:
        yield services
    finally:
        services.close()
        _order(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def with_demo(services: Services) -> House:
    """Eight salespeople, 400 deals in four currencies, rates to EUR."""
    report = load_demo(services, SMALL)
    assert report.status == "succeeded", report.error_message
    return _house(services, SAMPLE_NAME)


def with_opportunities(services: Services, shared_data: Path) -> House:
    """The real export of a hardware seller: no creation date for 500 deals, no amount for any open one."""
    wanted = Import(source=shared_data / "crm_opportunities", organization=IMPORTED, currency="USD")
    assert import_export(services, wanted).status == "succeeded"
    return _house(services, IMPORTED)


def _house(services: Services, name: str) -> House:
    organization = find_organization(services.database, name)
    assert organization is not None
    return House(services=services, organization=organization)


def _order(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))  # type: ignore[arg-type]
