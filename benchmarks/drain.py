"""A backlog of leads, and a CRM that allows so many requests per second: how much of what it allows do we use?

The CRM answers after a while, in this process; the budget is the one that all processes share; everything else is as in
the worker.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from adapters.base import Budget, Capabilities, ContactInput, CrmAdapter, UpsertResult
from adapters.records import Kind
from benchmarks.report import Report
from ops.delivery import Deliverer, DeliveryWorker, make_outbox
from snapshots import embedded, intake
from snapshots.budget import DatabaseBudget
from snapshots.database import Database, migrate
from snapshots.forms import list_forms
from snapshots.organizations import CrmConnection, connect_crm, create_organization
from snapshots.wakeup import Wakeup

BACKLOG = int(os.environ.get("BENCH_BACKLOG", "10000"))
ALLOWED_PER_S, BURST = 100.0, 10.0
ANSWERS_AFTER_S = 0.05


@dataclass
class PatientCrm:
    """Takes contacts as fast as its budget allows."""

    budget: Budget
    taken: Counter[str] = field(default_factory=Counter)
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(kinds=frozenset(Kind), can_upsert=True, upsert_is_idempotent=True)
    )

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        self.budget.acquire("account")
        time.sleep(ANSWERS_AFTER_S)
        assert contact.email is not None
        self.taken[contact.email] += 1
        return UpsertResult(external_id=contact.email, outcome="created")


@dataclass
class OneCrm:
    """What the deliverer is handed instead of services."""

    database: Database
    crm: PatientCrm

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        return cast("CrmAdapter", self.crm)

    def origin(self, connection: CrmConnection) -> object:
        return connection


def run() -> bool:
    report = Report("drain", packages=("psycopg", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url, pool_size=20)
        try:
            _measure(report, url, database)
        finally:
            database.close()
            embedded.release(place)
    report.write()
    return report.holds


def _measure(report: Report, url: str, database: Database) -> None:
    organization_id = create_organization(database, "Benchmark").organization_id
    connect_crm(database, organization_id, provider="demo", name="CRM", settings={})
    _fill(url, organization_id, list_forms(database, organization_id)[0].form_id)
    budget = DatabaseBudget(database=database, organization_id=organization_id, rate=ALLOWED_PER_S, burst=BURST)
    crm = PatientCrm(budget)
    outbox = make_outbox(database, "benchmark")
    worker = DeliveryWorker(Deliverer(OneCrm(database, crm), outbox), Wakeup(url))
    thread = threading.Thread(target=worker.run)
    began = time.perf_counter()
    thread.start()
    while _pending(database):
        time.sleep(0.25)
    seconds = time.perf_counter() - began
    worker.stop()
    thread.join()
    report.add("leads in the backlog", BACKLOG)
    report.add("allowed per second", ALLOWED_PER_S)
    report.add("seconds until all were delivered", seconds)
    report.at_least("share of what the CRM allows", BACKLOG / seconds / ALLOWED_PER_S, 0.9)
    twice = sum(times > 1 for times in crm.taken.values())
    report.add("contacts sent more than once", twice, "0", twice == 0)
    report.add("contacts sent", len(crm.taken), str(BACKLOG), len(crm.taken) == BACKLOG)


def _fill(url: str, organization_id: int, form_id: int) -> None:
    connection = intake.connect(url)
    for start in range(0, BACKLOG, 200):
        intake.store(connection, [_lead(organization_id, form_id, start + n) for n in range(200)])
    connection.close()


def _lead(organization_id: int, form_id: int, number: int) -> intake.Received:
    email = f"ada.{number}@example.com"
    known: dict[str, Any] = {"organization_id": organization_id, "form_id": form_id, "email": email}
    return intake.Received(
        **known,
        lead_id=UUID(int=(int(time.time() * 1000) << 80) | (7 << 76) | number),
        idempotency_key=None,
        request_hash=hashlib.sha256(email.encode()).digest(),
        body=email.encode(),
        body_type="text/plain",
        network=None,
        contact_key=email,
    )


def _pending(database: Database) -> bool:
    with database.as_worker() as connection:
        return bool(
            connection.execute(text("SELECT EXISTS (SELECT FROM received_leads WHERE state = 'pending')")).scalar_one()
        )
