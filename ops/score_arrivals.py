"""What the model in use says of leads from websites as they come in, several at once: reads them, scores them, keeps
the model between calls. Loads what models need, so that whoever does not score never imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import isfinite
from time import monotonic
from typing import Any, Final
from uuid import UUID

import numpy as np
import pandas as pd
import structlog

from insights.scoring.lead_features import lead_features
from insights.scoring.score_model import shown
from insights.scoring.scored import score_rows
from ops.score_one import frame_of
from ops.score_tables import LeadWorld, instant_of
from ops.scoring import InUse, in_use, to_issue
from ops.services import Services
from snapshots import arrivals, score_facts
from snapshots.arrivals import Arrival

KEPT_S: Final = 600.0
"""So long companies and the drift of a model are as they were read; another version counts at once."""
LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Kept:
    """used: None, the model of this version cannot be read. until: monotonic seconds."""

    version: int
    until: float
    used: InUse | None
    world: LeadWorld


@dataclass(slots=True)
class ArrivalModel:
    """Of one thread. clock: monotonic seconds."""

    services: Services
    clock: Callable[[], float] = monotonic
    _kept: dict[int, _Kept] = field(default_factory=dict)

    def scores(self, organization_id: int, version: int, lead_ids: Sequence[UUID]) -> dict[UUID, Arrival]:
        """Of those of these leads that have a score. version: the one in use."""
        before = arrivals.kept(self.services.database, organization_id, lead_ids)
        found = {key: _again(score, band) for key, (score, band) in before.items()}
        new = [one for one in lead_ids if one not in found]
        kept = self._ready(organization_id, version)
        if not new or kept.used is None:
            return found
        leads = arrivals.read(self.services.database, organization_id, new)
        young = {key: lead for key, lead in leads.items() if self._may_convert(lead, kept.used)}
        return found | self._each(organization_id, kept, young)

    def due_next(self, organization_id: int, most: int) -> Sequence[UUID]:
        return arrivals.due_next(self.services.database, organization_id, most)

    def _ready(self, organization_id: int, version: int) -> _Kept:
        kept = self._kept.get(organization_id)
        if kept is None or kept.version != version or self.clock() >= kept.until:
            database = self.services.database
            # Who owns a lead is decided after this, so that nobody's load counts.
            nobody = score_facts.lead_spans(database, organization_id, owner_ids=[])
            world = LeadWorld.read(database, organization_id, nobody)
            kept = _Kept(version, self.clock() + KEPT_S, in_use(self.services, organization_id, "lead"), world)
            self._kept[organization_id] = kept
        return kept

    def _may_convert(self, lead: Mapping[str, Any], used: InUse) -> bool:
        horizon = timedelta(days=int(used.version.card["horizon_days"]))
        return bool(lead["created_at"] + horizon > self.services.now())

    def _each(self, organization_id: int, kept: _Kept, leads: Mapping[UUID, Mapping[str, Any]]) -> dict[UUID, Arrival]:
        """All at once; in halves where that fails, so that what is wrong with one lead costs no other its score."""
        if not leads:
            return {}
        try:
            return self._made(organization_id, kept, leads)
        except Exception as error:  # whatever a lead may hold
            if len(leads) == 1:
                LOG.warning("a lead cannot be scored", lead_id=str(*leads), error=repr(error))
                return {}
        pairs, half = list(leads.items()), len(leads) // 2
        return self._each(organization_id, kept, dict(pairs[:half])) | self._each(
            organization_id, kept, dict(pairs[half:])
        )

    def _made(self, organization_id: int, kept: _Kept, leads: Mapping[UUID, Mapping[str, Any]]) -> dict[UUID, Arrival]:
        used, now = kept.used, self.services.now()
        assert used is not None
        frame = frame_of(list(leads.values()))
        facts = kept.world.facts(self.services.database, organization_id, frame)
        asked = pd.DataFrame({"lead_id": frame["lead_id"], "at": np.full(len(frame), instant_of(now))})
        rows = score_rows(used.model, lead_features(facts, asked), drift=used.drift)
        issued = to_issue(rows, facts, "lead", used, now)
        return {
            key: Arrival(
                score=shown(one.score), band=one.band, issued=replace(one, entity_key=str(key)),
                model_version=used.version.version,
            )
            for key, one in zip(leads, issued, strict=True)
            if isfinite(one.score) and one.probability is not None
        }  # fmt: skip


def _again(score: float, band: str) -> Arrival:
    return Arrival(score=shown(score), band=band, issued=None, model_version=None)
