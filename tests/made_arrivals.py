"""Scores of leads that come in, made up, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import log, log2
from uuid import UUID

import made_leads
from sqlalchemy import text

from snapshots.arrivals import Arrival
from snapshots.database import Database
from snapshots.scores import Issued

BASE_RATE = 0.2


def arrival(lead: UUID, chance: float = 0.5, *, band: str | None = None) -> Arrival:
    """Reasons add up to the score."""
    points = 50 + 10 * log2(chance / (1 - chance) / (BASE_RATE / (1 - BASE_RATE)))
    found = band or ("hot" if chance >= 0.4 else "warm" if chance >= 0.2 else "cool" if chance >= 0.1 else "cold")
    reasons = [
        {"group": "base", "words": "the average", "points": 50.0},
        {"group": "source", "words": "came by Referral", "points": points - 50},
        {"group": "next", "action": "Contact the lead now", "points": 6.0},
    ]
    issued = Issued(
        entity_key=str(lead), score=points, log_odds=log(chance / (1 - chance)), probability=chance,
        base_rate=BASE_RATE, band=found, reasons=reasons, due_on=(made_leads.AT + timedelta(days=30)).date(),
    )  # fmt: skip
    return Arrival(score=round(min(100, max(0, points))), band=found, issued=issued, model_version=1)


@dataclass
class Scores:
    """A `snapshots.arrivals.Scorer`: chances by lead, who has none has no score."""

    chances: Mapping[UUID, float] = field(default_factory=dict)
    band: str | None = None
    asked: list[UUID] = field(default_factory=list)

    def is_wanted(self, organization_id: int) -> bool:
        return True

    def score(self, organization_id: int, lead_id: UUID) -> Arrival | None:
        self.asked.append(lead_id)
        return arrival(lead_id, self.chances[lead_id], band=self.band) if lead_id in self.chances else None


def version(database: Database, organization_id: int, *, is_open: bool = True) -> None:
    """A model in use that nobody can compute with."""
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (organization_id, subject, version, state, trained_at, cut_off, n, "
                "n_positive, data_hash, card, model, trained_by) SELECT :o, 'lead', coalesce(max(version), 0) + 1, "
                "'active', :at, :at, 1, 31, 'x', jsonb_build_object('least_conversions', 60, 'n_positive', 31, "
                "'gate', jsonb_build_object('open', cast(:open AS boolean), 'why', '31 of 60 conversions so far.')), "
                "'none', 'test' FROM model_versions WHERE organization_id = :o"
            ),
            {"o": organization_id, "at": made_leads.AT, "open": is_open},
        )
