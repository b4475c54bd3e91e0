"""Open leads and deals as a score sees them now, to be tried with other values. Nothing is kept of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from insights.scoring.deal_features import deal_features
from insights.scoring.known import NEVER, Companies, instants
from insights.scoring.lead_features import lead_features
from insights.scoring.score_model import ScoreModel
from insights.scoring.training import Subject
from ops.score_tables import DealWorld, LeadWorld, instant_of, present
from ops.services import Services
from snapshots import score_facts
from snapshots.organizations import get_organization


def features_now(services: Services, organization_id: int, subject: Subject, ids: Sequence[int]) -> pd.DataFrame:
    """A row of features per lead or deal that is there, indexed by its id."""
    at = instant_of(present(services.database, organization_id, services.now()))
    if subject == "deal":
        deals = score_facts.deal_facts(services.database, organization_id, ids=ids)
        asked = pd.DataFrame({"deal_id": deals["deal_id"].to_numpy(), "at": np.full(len(deals), at)})
        known = DealWorld.read(services.database, organization_id).facts(services.database, organization_id, deals)
        return deal_features(known, asked).set_axis(asked["deal_id"], axis=0)
    leads = score_facts.lead_facts(services.database, organization_id, ids=ids)
    created = instants(leads["created_at"])
    asked = pd.DataFrame({"lead_id": leads["lead_id"].to_numpy(), "at": np.where(created == NEVER, NEVER, at)})
    owners = [int(one) for one in leads["owner_id"].dropna().unique()]
    world = LeadWorld(
        spans=score_facts.lead_spans(services.database, organization_id, owner_ids=owners),
        companies=Companies(score_facts.companies(services.database, organization_id)),
        zone=get_organization(services.database, organization_id).zone,
    )
    return lead_features(world.facts(services.database, organization_id, leads), asked).set_axis(
        asked["lead_id"], axis=0
    )


def typical(rows: pd.DataFrame) -> pd.DataFrame:
    """One row: of each column the median, or the most frequent value; missing where all are."""
    found: dict[str, object] = {}
    for name in rows.columns:
        known = rows[name].dropna()
        if known.empty:
            found[str(name)] = None
        elif pd.api.types.is_numeric_dtype(known):
            found[str(name)] = float(known.median())
        else:
            found[str(name)] = known.mode().iloc[0]
    return pd.DataFrame([found])


def changeable(model: ScoreModel) -> dict[str, str]:
    """The columns that the model looks at, with what each is: "number", "choice", "day" or "text"."""
    return {name: str(sort) for name, sort in model.shape.sorts_.items()}
