"""An installation with a source that is read every day, and a worker that does what is queued: for tests of jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import procrastinate
from sqlalchemy import text

from ops import jobs
from ops.services import Services
from ops.settings import Settings
from snapshots.access import WORKER_ROLE
from snapshots.database import Database
from snapshots.organizations import connect_crm

MORNING = datetime(2026, 3, 10, 9, tzinfo=UTC)
DEALS = "opportunity_id,account,deal_stage,engage_date,close_date,close_value\nA1,Acme,Won,2026-01-02,2026-02-03,100\n"


def services_of(database: Database) -> Services:
    return Services(
        settings=Settings(_env_file=None), database_url=database.url, database=database, now=lambda: MORNING
    )


def read_daily(services: Services, organization: int, folder: Path) -> int:
    """The organization, with a source that is read every day. Returns the connection's id."""
    (folder / "deals.csv").write_text(DEALS)
    return connect_crm(
        services.database, organization, provider="csv", name="Export", settings={"path": str(folder), "refresh": True}
    ).connection_id


def has_data(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as link:
        link.execute(text("UPDATE organizations SET data_version = 1"))


def app_of(services: Services) -> procrastinate.App:
    return jobs.make_app(
        services,
        procrastinate.PsycopgConnector(conninfo=services.database_url, kwargs={"options": f"-c role={WORKER_ROLE}"}),
    )


def work_off(services: Services, queue: str) -> None:
    """Everything that is due in a queue, then an end."""
    app_of(services).run_worker(wait=False, listen_notify=False, install_signal_handlers=False, queues=[queue])
