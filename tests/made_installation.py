"""Installations with known content, for tests of the workbench: a database of their own, which is filled once in a run
and copied from then on.

The sample organization is the demo of a year that ended long ago, so that no page depends on the day of the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from databases import MIGRATED, CopyOf

from adapters.demo.world import DemoSettings
from ops import coaching_week
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
NOTED: Final = date(2024, 6, 24)
"""A Monday on which the notes of the week before are written."""
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
def empty_house(copy_of: CopyOf) -> Iterator[Services]:
    """A migrated database without any organization; gone afterwards."""
    with _services_on(copy_of(MIGRATED, migrate)) as services:
        yield services


@contextmanager
def demo_house_of(copy_of: CopyOf, **settings: Any) -> Iterator[House]:
    """Eight salespeople, 400 deals in four currencies, rates to EUR."""
    with _services_on(copy_of("demo", _fill_with_demo), **settings) as services:
        yield _house(services, SAMPLE_NAME)


@contextmanager
def coached_house_of(copy_of: CopyOf, **settings: Any) -> Iterator[House]:
    """The sample organization with the coaching notes of the week before NOTED."""
    with _services_on(copy_of("demo with notes", _fill_with_notes), **settings) as services:
        yield _house(services, SAMPLE_NAME)


@contextmanager
def real_house_of(copy_of: CopyOf, shared_data: Path) -> Iterator[House]:
    """The real export of a hardware seller: no creation date for 500 deals, no amount for any open one."""
    wanted = Import(source=shared_data / "crm_opportunities", organization=IMPORTED, currency="USD")

    def fill(url: str) -> None:
        with _services(url) as services:
            assert import_export(services, wanted).status == "succeeded"

    with _services_on(copy_of("opportunities", fill)) as services:
        yield _house(services, IMPORTED)


def _fill_with_demo(url: str) -> None:
    with _services(url) as services:
        report = load_demo(services, SMALL)
    assert report.status == "succeeded", report.error_message


def _fill_with_notes(url: str) -> None:
    _fill_with_demo(url)
    with _services(url) as services:
        coaching_week.write_weekly(services, _house(services, SAMPLE_NAME).organization_id, NOTED)


@contextmanager
def _services_on(database: AbstractContextManager[tuple[str, Any]], **settings: Any) -> Iterator[Services]:
    with database as (url, _), _services(url, **settings) as services:
        yield services


@contextmanager
def _services(url: str, **settings: Any) -> Iterator[Services]:
    services = Services(
        settings=Settings(_env_file=None, **settings), database_url=url, database=Database(url), now=lambda: NOW
    )
    try:
        yield services
    finally:
        services.close()


def _house(services: Services, name: str) -> House:
    organization = find_organization(services.database, name)
    assert organization is not None
    return House(services=services, organization=organization)
