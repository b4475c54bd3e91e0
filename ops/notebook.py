"""A notebook's first two lines: finds this installation's database and opens the analyst's read-only door to it.

The embedded server, where that is the database, runs as long as the notebook's kernel. Holds no business rules.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from adapters.demo.world import DemoSettings
from ops import settings as settings_module
from ops.first_run import load_demo
from ops.services import Services, open_services
from snapshots.analyst import Analyst, NothingToReadError
from snapshots.analyst import open_analyst as open_at
from snapshots.database import revisions
from snapshots.organizations import list_organizations

SMALL_DEMO: Final = DemoSettings(seed=7, owners=9, deals=700, activities=7_000, years=1.2, born=date(2025, 1, 6))
SMALL_DEMO_NOW: Final = datetime(2026, 3, 27, 17, tzinfo=UTC)
"""The moment at which the small demo is read, so that it is the same wherever and whenever it is made."""


def open_analyst(organization: str | None = None, *, as_of: date | None = None) -> Analyst:
    """The read-only door to one organization of this installation; see `snapshots.analyst.open_analyst`.

    Raises SettingsError, EmbeddedServerError, DatabaseUnreachableError or NothingToReadError.
    """
    services = _services()
    services.close()
    return open_at(services.database_url, organization=organization, as_of=as_of)


def open_demo_if_empty(organization: str | None = None, *, as_of: date | None = None) -> Analyst:
    """The same; a database without any organization gets a small seeded demo first, marked as sample data."""
    services = _services()
    try:
        if not list_organizations(services.database):
            report = load_demo(replace(services, now=lambda: SMALL_DEMO_NOW), SMALL_DEMO)
            if report.status != "succeeded":
                raise RuntimeError(f"The demo could not be loaded: {report.error_message or report.status}.")
    finally:
        services.close()
    return open_at(services.database_url, organization=organization, as_of=as_of)


def _services() -> Services:
    settings = settings_module.load()
    # A shared database is brought up to date by those who run it, not by whoever opens a notebook.
    services = open_services(settings, with_migrations=settings.database_url is None)
    current, newest = revisions(services.database_url)
    if current != newest:
        services.close()
        raise NothingToReadError(
            f"The database is at revision {current or 'nothing'}, this program at {newest}. Run `slms migrate` first."
        )
    return services
