"""A model that is in use, made from a table whose one driver is known, so that tests of what shows scores need no
training on an organization's past."""

from __future__ import annotations

import numpy as np
import pandas as pd

from insights.scoring.known import NEVER
from insights.scoring.packing import pack
from insights.scoring.training import Table, Trained, train
from ops.services import Services
from snapshots import model_versions
from snapshots.model_versions import ModelVersion

SOURCES = ("Referral", "Website", "Paid search")
CHANCES = (0.6, 0.25, 0.08)


def made_past(n: int = 900, *, seed: int = 5, is_random: bool = False) -> Table:
    """Leads of three sources that convert with known chances, or at random; `visits` says a little, too."""
    chance = np.random.default_rng(seed)
    source = chance.integers(0, 3, n)
    visits = chance.poisson(4, n)
    odds = np.log(np.array(CHANCES) / (1 - np.array(CHANCES)))[source] + 0.2 * (visits - 4)
    share = np.full(n, 0.3) if is_random else 1 / (1 + np.exp(-odds))
    return Table(
        subject="lead",
        features=pd.DataFrame({
            "source": np.array(SOURCES, dtype=object)[source], "field: visits": visits.astype(float),
            "field: city": chance.choice(["Bonn", "Kiel", "Ulm"], n).astype(object),
        }),
        outcomes=(chance.random(n) < share).astype(np.int64),
        entities=np.arange(n, dtype=np.int64), created=np.full(n, NEVER), horizon_days=30,
        cut_off=pd.Timestamp("2024-06-01", tz="UTC").value,
    )  # fmt: skip


def put_in_use(services: Services, organization_id: int, trained: Trained, *, state: str = "active") -> ModelVersion:
    return model_versions.add(
        services.database, organization_id, "lead", card=trained.card,
        model=None if trained.model is None else pack(trained.model), cut_off=services.now(),
        n=int(trained.card["n"]), n_positive=int(trained.card["n_positive"]), data_hash=trained.data_hash, by="test",
        now=services.now(), state=state,
    )  # fmt: skip


def with_model(services: Services, organization_id: int) -> ModelVersion:
    """The organization scores leads by a model of the sources."""
    return put_in_use(services, organization_id, train(made_past()))
