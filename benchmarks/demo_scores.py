"""Scores of the sample organization against what is planted there: every lead's true chance to convert is known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import text

from adapters.demo.facts import lead_chances
from adapters.demo.world import DemoWorld
from benchmarks.report import Report
from insights.scoring.packing import pack
from insights.scoring.score_model import CALIBRATION, SHARED
from insights.scoring.scored import Task, score_leads
from insights.scoring.training import Table, train
from ops.compute import executor
from ops.first_run import load_demo, usual_demo
from ops.score_tables import LeadWorld, Past, instant_of, open_leads, past_leads
from ops.services import Services
from ops.settings import Settings
from snapshots import embedded
from snapshots.database import Database, migrate
from snapshots.organizations import list_organizations

NOW = datetime(2026, 6, 26, 15, tzinfo=UTC)
BINS = 10
PLANTED = ("source", "field: company_size")
"""What of the drivers is known when a lead arrives; the third is how long it then waits."""


def measure(report: Report) -> None:
    with _demo() as (services, organization_id):
        past = past_leads(services.database, organization_id, at=NOW)
        _calibration(report, services, organization_id, past)
        _on_dask(report, services, organization_id, past.table)


@contextmanager
def _demo() -> Iterator[tuple[Services, int]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pg"
        url = embedded.start(place)
        try:
            migrate(url)
            services = Services(
                settings=Settings(_env_file=None), database_url=url, database=Database(url), now=lambda: NOW
            )
            load_demo(services, usual_demo(NOW.date()))
            yield services, list_organizations(services.database)[0].organization_id
            services.close()
        finally:
            embedded.release(place)


def _calibration(report: Report, services: Services, organization_id: int, past: Past) -> None:
    """Learnt from leads of the oldest four fifths; said of the newest fifth on arrival."""
    table = past.table
    border = int(np.quantile(table.created, 0.8))
    trained = train(_part(table, table.created < border))
    assert trained.model is not None
    is_new = (table.created >= border) & (table.features["age in days"].to_numpy(dtype=float) < 0.5)
    arrived = table.features[is_new].reset_index(drop=True)
    said = 1 / (1 + np.exp(-trained.model.log_odds(arrived)))
    converted = table.entities[table.outcomes == 1]
    within = len(np.unique(converted)) / max(_converted(services, organization_id, table), 1)
    known = _known(services, organization_id, table.entities[is_new]) * min(within, 1.0)
    order = np.argsort(said)
    off = sum(abs(said[one].sum() - known[one].sum()) for one in np.array_split(order, BINS)) / len(said)
    report.add("sample organization: leads of the newest fifth", float(len(said)))
    report.at_most("sample organization, on arrival: calibration error against the true chances", off, 0.03)
    parts = trained.model.contributions(arrived).drop(columns=[SHARED, CALIBRATION])
    first = list(parts.std().sort_values(ascending=False).index[:2])
    report.add(
        "sample organization, on arrival: by what scores differ most", ", ".join(first), ", ".join(PLANTED),
        set(first) == set(PLANTED),
    )  # fmt: skip


def _part(table: Table, rows: Any) -> Table:
    return replace(
        table, features=table.features[rows].reset_index(drop=True), outcomes=table.outcomes[rows],
        entities=table.entities[rows], created=table.created[rows],
    )  # fmt: skip


def _converted(services: Services, organization_id: int, table: Table) -> int:
    """How many of these leads converted, whenever that was."""
    with services.database.as_app(organization_id) as connection:
        found: int = connection.execute(
            text("SELECT count(*) FROM leads WHERE lead_id = ANY(:ids) AND converted"),
            {"ids": np.unique(table.entities).tolist()},
        ).scalar_one()
    return found


def _known(services: Services, organization_id: int, ids: Any) -> Any:
    world = DemoWorld(usual_demo(NOW.date()), today=NOW.date())
    chances = lead_chances(world, range(world.last_week + 1))
    with services.database.as_app(organization_id) as connection:
        links = connection.execute(text("SELECT entity_id, external_id FROM external_links WHERE kind = 'lead'")).all()
    names = {int(one.entity_id): str(one.external_id) for one in links}
    return np.array([chances[names[int(one)]] for one in ids])


def _on_dask(report: Report, services: Services, organization_id: int, table: Table) -> None:
    """The same pages scored in this process and by a Dask cluster of two processes."""
    from distributed import LocalCluster

    trained = train(table)
    assert trained.model is not None
    task = Task(model=pack(trained.model), at=instant_of(NOW))
    world = LeadWorld.read(services.database, organization_id)
    pages = [
        world.facts(services.database, organization_id, page)
        for page in open_leads(services.database, organization_id, at=NOW, horizon=table.horizon_days)
    ]
    here = pd.concat([score_leads(task, facts) for facts in pages], ignore_index=True)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        settings = services.settings.model_copy(update={"dask_scheduler": cluster.scheduler_address})
        with executor(settings) as pool:
            there = pd.concat([one.result() for one in [pool.submit(score_leads, task, facts) for facts in pages]],
                              ignore_index=True)  # fmt: skip
    is_same = here.astype(str).equals(there.astype(str))
    report.add("scores by a Dask cluster", "the same" if is_same else "others", "the same", is_same)
