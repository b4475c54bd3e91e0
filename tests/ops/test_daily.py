"""Works of the day: once per organization and local day, after the syncs; again where they failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import procrastinate
import psycopg
import pytest
from sqlalchemy import text

from ops import daily, jobs
from ops.daily import defer_due_works
from ops.services import Services
from ops.settings import Settings
from snapshots.access import WORKER_ROLE
from snapshots.database import Database
from snapshots.organizations import connect_crm

MORNING = datetime(2026, 3, 10, 9, tzinfo=UTC)
DEALS = "opportunity_id,account,deal_stage,engage_date,close_date,close_value\nA1,Acme,Won,2026-01-02,2026-02-03,100\n"
done: list[tuple[int, date]] = []


def note(services: Services, organization_id: int, day: date) -> str:
    done.append((organization_id, day))
    return "noted"


def refuse(services: Services, organization_id: int, day: date) -> str:
    raise ValueError("not today")


@pytest.fixture
def services(database: Database) -> Services:
    return Services(
        settings=Settings(_env_file=None), database_url=database.url, database=database, now=lambda: MORNING
    )


@pytest.fixture
def read_daily(services: Services, organization: int, tmp_path: Path) -> int:
    """An organization with a source that is read every day."""
    (tmp_path / "deals.csv").write_text(DEALS)
    connect_crm(
        services.database, organization, provider="csv", name="Export",
        settings={"path": str(tmp_path), "refresh": True},
    )  # fmt: skip
    return organization


@pytest.fixture(autouse=True)
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    done.clear()
    monkeypatch.setattr(daily, "WORKS", {"note": f"{__name__}:note"})
    yield
    done.clear()


def has_data(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as link:
        link.execute(text("UPDATE organizations SET data_version = 1"))


def work_off(services: Services, queue: str) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=services.database_url, kwargs={"options": f"-c role={WORKER_ROLE}"}
    )
    jobs.make_app(services, connector).run_worker(
        wait=False, listen_notify=False, install_signal_handlers=False, queues=[queue]
    )


def statuses(services: Services) -> list[tuple[str, int]]:
    with psycopg.connect(services.database_url) as link:
        return link.execute(
            "SELECT status::text, attempts FROM procrastinate_jobs WHERE queue_name = 'daily' ORDER BY id"
        ).fetchall()


def test_a_work_follows_the_syncs_of_the_day_once(services: Services, read_daily: int) -> None:
    assert defer_due_works(services) == [], "no data yet"
    has_data(services, read_daily)
    assert defer_due_works(services) == [], "today's sync is not over"
    jobs.defer_due_refreshes(services)
    work_off(services, "sync")
    assert defer_due_works(services) == [(read_daily, "note", date(2026, 3, 10))]
    assert defer_due_works(services) == []
    work_off(services, daily.QUEUE)
    assert done == [(read_daily, date(2026, 3, 10))]
    tomorrow = replace(services, now=lambda: MORNING + timedelta(days=1))
    assert defer_due_works(tomorrow) == [], "tomorrow's sync is not over"


def test_a_work_that_fails_is_tried_again_later(
    services: Services, read_daily: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WORKS", {"refuse": f"{__name__}:refuse"})
    with services.database.as_app(read_daily) as transaction:
        assert daily.defer_work(transaction, read_daily, "refuse", date(2026, 3, 10))
        assert not daily.defer_work(transaction, read_daily, "refuse", date(2026, 3, 10)), "one waits already"
    work_off(services, daily.QUEUE)
    assert statuses(services) == [("todo", 1)]


def test_a_work_of_an_organization_that_is_gone_ends(services: Services) -> None:
    assert daily.run(services, 999_999, "note", date(2026, 3, 10)) == "gone"
    assert done == []
