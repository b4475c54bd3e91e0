"""Leads through the worker, with and without a score before their rule is decided: how many per second, and how many
had their score in time. The CRM answers at once, so that what is measured is our own work."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import numpy as np
import pandas as pd
from sqlalchemy import text

from adapters.base import Capabilities, ContactInput, CrmAdapter, UpsertResult
from adapters.records import Kind
from benchmarks.report import Report
from insights.scoring.known import Companies
from insights.scoring.lead_features import LeadFacts, lead_features
from insights.scoring.packing import pack
from insights.scoring.training import Table, train
from ops.arrivals import make_scores
from ops.delivery import Deliverer, DeliveryWorker, make_outbox
from ops.score_one import frame_of
from ops.services import Services
from ops.settings import Settings
from snapshots import embedded, intake, model_versions, score_facts
from snapshots.database import Database, migrate
from snapshots.forms import list_forms
from snapshots.organizations import CrmConnection, connect_crm, create_organization, get_organization
from snapshots.routing import Router
from snapshots.routing_rules import Condition, Rule, save_rule
from snapshots.wakeup import Wakeup

BACKLOG = int(os.environ.get("BENCH_ARRIVALS", "2000"))
SOURCES = ("Referral", "Website", "Paid search", "Fair", "Partner")
CITIES = ("Bonn", "Kiel", "Ulm", "Linz", "Graz", "Bern")
DAY = 86_400_000_000_000


@dataclass(frozen=True)
class QuickCrm:
    """Takes every contact at once, and is where its own adapter comes from."""

    database: Database
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(kinds=frozenset(Kind), can_upsert=True, upsert_is_idempotent=True)
    )

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        return UpsertResult(external_id=contact.key or "", outcome="created")

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        return cast("CrmAdapter", self)

    def origin(self, connection: CrmConnection) -> object:
        return connection


def run() -> bool:
    report = Report("arrivals", packages=("psycopg", "sqlalchemy", "lightgbm", "pandas"))
    with _services() as services:
        plain = _measure(report, services, "without rules")
        ruled = _measure(report, services, "with a rule by source", by=Condition(what="source", values=("Fair",)))
        asked = Condition(what="score", values=("55",), test="at_least")
        scored = _measure(report, services, "with a rule by score", by=asked, has_model=True)
    report.add("a rule by score costs, ms per lead more than one by source", 1000 * (1 / scored - 1 / ruled))
    report.add("a rule by source costs, ms per lead more than none", 1000 * (1 / ruled - 1 / plain))
    report.write()
    return report.holds


@contextmanager
def _services() -> Iterator[Services]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        migrate(url)
        database = Database(url, pool_size=20)
        settings = Settings(_env_file=None, slms_home=Path(folder))
        try:
            yield Services(settings=settings, database_url=url, database=database)
        finally:
            database.close()
            embedded.release(place)


def _measure(
    report: Report, services: Services, what: str, *, by: Condition | None = None, has_model: bool = False
) -> float:
    """Leads per second."""
    database, url = services.database, services.database_url
    organization_id = create_organization(database, what).organization_id
    connect_crm(database, organization_id, provider="demo", name="CRM", settings={})
    if by is not None:
        _rules(database, organization_id, by)
    if has_model:
        _model(services, organization_id)
    _fill(url, organization_id, list_forms(database, organization_id)[0].form_id)
    scores = make_scores(services)
    if has_model:
        scores.warm_up()
    router = Router(database=database, scores=scores)
    deliverer = Deliverer(QuickCrm(database), make_outbox(database, "benchmark"), router=router)
    worker = DeliveryWorker(deliverer, Wakeup(url))
    thread = threading.Thread(target=worker.run)
    began = time.perf_counter()
    thread.start()
    while _count(database, organization_id, "received_leads WHERE state = 'pending' AND organization_id = :o"):
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    worker.stop()
    thread.join()
    scores.close()
    report.add(f"leads per second {what}", BACKLOG / seconds)
    if has_model:
        n = _count(database, organization_id, "scores WHERE organization_id = :o")
        report.at_least("share of leads that had their score in time", n / BACKLOG, 0.95)
    return BACKLOG / seconds


def _count(database: Database, organization_id: int, what: str) -> int:
    with database.as_worker() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {what}"), {"o": organization_id}).scalar_one())


def _rules(database: Database, organization_id: int, by: Condition) -> None:
    with database.as_app(organization_id) as connection:
        one, other = (
            int(
                connection.execute(
                    text("INSERT INTO owners (organization_id, name) VALUES (:o, :name) RETURNING owner_id"),
                    {"o": organization_id, "name": name},
                ).scalar_one()
            )
            for name in ("Ann", "Bo")
        )
    save_rule(database, organization_id, Rule(name="First", conditions=(by,), owner_id=one), by="benchmark")
    save_rule(database, organization_id, Rule(name="Rest", is_default=True, owner_id=other), by="benchmark")


def _model(services: Services, organization_id: int) -> None:
    """A model of all that is known of a lead when it comes in, by which some sources are better than others."""
    chance, n = np.random.default_rng(4), 4000
    leads = [_said(number, chance) | {"created_at": datetime(2026, 1, 1, tzinfo=UTC)} for number in range(n)]
    frame = frame_of(leads)
    facts = LeadFacts(
        leads=frame, versions=score_facts.lead_versions(services.database, organization_id, []),
        touches=score_facts.lead_touches(services.database, organization_id, []),
        spans=score_facts.lead_spans(services.database, organization_id, owner_ids=[]),
        companies=Companies(score_facts.companies(services.database, organization_id)),
        zone=get_organization(services.database, organization_id).zone,
    )  # fmt: skip
    at = pd.Timestamp("2026-01-01", tz="UTC").value
    features = lead_features(facts, pd.DataFrame({"lead_id": frame["lead_id"], "at": np.full(n, at)}))
    good = np.array([SOURCES.index(str(lead["source"])) for lead in leads])
    outcomes = (chance.random(n) < np.array([0.6, 0.3, 0.1, 0.4, 0.2])[good]).astype(np.int64)
    created = at - np.arange(n, dtype=np.int64)[::-1] * DAY // 20
    trained = train(
        Table(subject="lead", features=features, outcomes=outcomes, entities=np.arange(n), created=created,
              horizon_days=30, cut_off=at)
    )  # fmt: skip
    assert trained.model is not None
    assert trained.card["gate"]["open"], trained.card["gate"]
    model_versions.add(
        services.database, organization_id, "lead", card=trained.card, model=pack(trained.model),
        cut_off=services.now(), n=n, n_positive=int(outcomes.sum()), data_hash=trained.data_hash, by="benchmark",
        now=services.now(), state="active",
    )  # fmt: skip


def _said(number: int, chance: np.random.Generator) -> dict[str, object]:
    fields = {"city": str(chance.choice(CITIES)), "employees": str(chance.integers(1, 900)), "message": "Please call"}
    return {
        "source": str(chance.choice(SOURCES)), "campaign": None, "email": f"ada.{number}@firm{number % 300}.example",
        "phone": "+4930901820", "company_name": f"Firm {number % 300}", "fields": fields,
    }  # fmt: skip


def _fill(url: str, organization_id: int, form_id: int) -> None:
    connection, chance = intake.connect(url), np.random.default_rng(7)
    for start in range(0, BACKLOG, 200):
        intake.store(connection, [_lead(organization_id, form_id, start + n, chance) for n in range(200)])
    connection.close()


def _lead(organization_id: int, form_id: int, number: int, chance: np.random.Generator) -> intake.Received:
    said = _said(number, chance)
    email = str(said["email"])
    made = intake.Received(
        organization_id=organization_id, form_id=form_id, email=email, phone=str(said["phone"]),
        lead_id=UUID(int=(int(time.time() * 1000) << 80) | (7 << 76) | organization_id << 32 | number),
        idempotency_key=None, request_hash=hashlib.sha256(email.encode()).digest(), body=email.encode(),
        body_type="text/plain", network=None, contact_key=email, source=str(said["source"]),
        extra=cast("dict[str, str]", said["fields"]),
    )  # fmt: skip
    return replace(made, company=str(said["company_name"]))
