"""What is known of leads and deals, read for scores: tables of the past to learn from, facts of today to score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from insights.scoring import landmarks as marks
from insights.scoring.deal_features import DealFacts, deal_features, open_at
from insights.scoring.known import DAY, NEVER, Companies, instants
from insights.scoring.lead_features import LeadFacts, lead_features
from insights.scoring.training import Subject, Table
from ops.jobs import is_refreshed
from snapshots import score_facts, tables
from snapshots.database import Database
from snapshots.organizations import get_organization, list_connections
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer
from snapshots.status import freshness

MOST_ENTITIES: Final = 40_000
"""The newest leads or deals that a model learns from; older ones say little of today."""
CHUNK: Final = 10_000
KNOWN_STAGES: Final = 0.5
"""Share of looks at deals that were won later of which the stage must be known."""
LONG_AGO: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A training table, and of deals what close dates are learnt from: features of landmarks of those that were won,
    days until then, and when the deals were created. decided: of deals that were open at an age in days, the share that
    was decided within the horizon."""

    table: Table
    won_rows: pd.DataFrame
    won_days: Any
    won_created: Any
    decided: list[tuple[float, float]] = field(default_factory=list)


def instant_of(moment: datetime) -> int:
    return int(pd.Timestamp(moment).value)


def present(database: Database, organization_id: int, now: datetime) -> datetime:
    """Until when things are known: now; while a source cannot be read, its last successful sync, for what nobody could
    read has not failed to happen; where the data end long ago, the end of their last day."""
    reader = Reader(database, Viewer(organization_id, Role.ADMIN))
    last = reader.filter_options(now.astimezone(reader.organization.zone).date()).last_day
    if last is None:
        return now
    end = datetime(last.year, last.month, last.day, tzinfo=reader.organization.zone) + timedelta(days=1)
    until = end if now - end > LONG_AGO else now
    read = [one for one in freshness(database, organization_id) if one.synced_at is not None]
    daily = {one.connection_id for one in list_connections(database, organization_id) if is_refreshed(one)}
    # A file that was imported once beside a source that is read daily holds nobody up.
    counted = [one for one in read if one.connection_id in daily] or read
    return min([until, *(one.synced_at for one in counted if one.synced_at is not None)])


# --- leads -----------------------------------------------------------------------------------------------------------


def past_leads(database: Database, organization_id: int, *, at: datetime) -> Past:
    """The landmarks of the newest leads whose horizon has passed at `at`."""
    cut_off = instant_of(at)
    loads = score_facts.lead_loads(database, organization_id, until=at)
    horizon = marks.horizon_days(loads["created_at"], loads["ended_at"], marks.LEAD_HORIZON)
    oldest = _oldest(instants(loads["created_at"]), cut_off - horizon * DAY)
    world = LeadWorld.read(database, organization_id, score_facts.lead_spans(database, organization_id, until=at))
    parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for leads in _pages(database, organization_id):
        created = instants(leads["created_at"])
        kept = leads[(created == NEVER) | (created >= oldest)].reset_index(drop=True)
        asked = marks.landmarks(
            kept.assign(is_won=kept["converted"]), key="lead_id", won="converted_at", ended="converted_at",
            ages=marks.LEAD_AGES, horizon=horizon, cut_off=cut_off,
        )  # fmt: skip
        if len(asked):
            parts.append((asked, lead_features(world.facts(database, organization_id, kept), asked)))
    asked, features = _joined(parts, "lead_id")
    return Past(
        table=_table("lead", asked, features, "lead_id", horizon, cut_off),
        won_rows=features.head(0), won_days=np.empty(0), won_created=np.empty(0, dtype=np.int64),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadWorld:
    """What facts of single leads are seen beside."""

    spans: pd.DataFrame
    companies: Companies
    zone: Any

    @classmethod
    def read(cls, database: Database, organization_id: int, spans: pd.DataFrame | None = None) -> LeadWorld:
        return cls(
            spans=score_facts.lead_spans(database, organization_id) if spans is None else spans,
            companies=Companies(score_facts.companies(database, organization_id)),
            zone=get_organization(database, organization_id).zone,
        )

    def facts(self, database: Database, organization_id: int, leads: pd.DataFrame) -> LeadFacts:
        ids = leads["lead_id"].tolist()
        return LeadFacts(
            leads=leads, versions=score_facts.lead_versions(database, organization_id, ids),
            touches=score_facts.lead_touches(database, organization_id, ids), spans=self.spans,
            companies=self.companies, zone=self.zone,
        )  # fmt: skip


def open_leads(database: Database, organization_id: int, *, at: datetime, horizon: int) -> Iterator[pd.DataFrame]:
    """Pages of leads that may still convert: not converted, there by `at`, and not older than the horizon."""
    until = instant_of(at)
    for leads in _pages(database, organization_id):
        created = instants(leads["created_at"])
        is_due = (created == NEVER) | ((created <= until) & (created > until - horizon * DAY))
        found = leads[is_due & ~leads["converted"].fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)
        if len(found):
            yield found


def _pages(database: Database, organization_id: int) -> Iterator[pd.DataFrame]:
    after = 0
    while True:
        page = score_facts.lead_facts(database, organization_id, after=after, limit=CHUNK)
        if page.empty:
            return
        yield page
        after = int(page["lead_id"].iloc[-1])


# --- deals -----------------------------------------------------------------------------------------------------------


def past_deals(database: Database, organization_id: int, *, at: datetime) -> Past:
    """The landmarks of the newest deals that were won or lost within the horizon, which has passed at `at`."""
    cut_off = instant_of(at)
    records = score_facts.deal_records(database, organization_id, until=at)
    won = records[records["status"] == "won"]
    horizon = marks.horizon_days(won["created_at"], won["closed_at"], marks.DEAL_HORIZON)
    oldest = _oldest(instants(records["created_at"]), cut_off - horizon * DAY)
    world = DealWorld.read(database, organization_id, score_facts.deal_spans(database, organization_id, until=at))
    parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    decisions: list[pd.DataFrame] = []
    for deals in _deal_pages(database, organization_id):
        created = instants(deals["created_at"])
        kept = deals[(created != NEVER) & (created >= oldest)].reset_index(drop=True)
        known = _decided(kept, horizon)
        decisions.append(_looks_at_decisions(known, horizon, cut_off))
        asked = marks.landmarks(
            known, key="deal_id", won="won_at", ended="closed_at", ages=marks.DEAL_AGES, horizon=horizon,
            cut_off=cut_off,
        ).merge(known[["deal_id", "won_at"]], on="deal_id")  # fmt: skip
        if len(asked):
            facts = world.facts(database, organization_id, kept)
            parts.append((asked.assign(is_open=open_at(facts, asked)), deal_features(facts, asked)))
    asked, features = _joined(parts, "deal_id", with_won=True)
    # What was deleted or not yet there at a landmark was not open then.
    is_there = asked["is_open"].to_numpy(dtype=bool)
    asked, features = asked[is_there].reset_index(drop=True), features[is_there].reset_index(drop=True)
    until = instants(asked["won_at"]) if len(asked) else np.empty(0, dtype=np.int64)
    is_won_row = (asked["outcome"] == 1).to_numpy() & (until != NEVER)
    return Past(
        table=_table(
            "deal", asked, features.drop(columns=_without_history(asked, features)), "deal_id", horizon, cut_off
        ),
        won_rows=features[is_won_row].reset_index(drop=True),
        won_days=(until[is_won_row] - asked["at"].to_numpy(dtype=np.int64)[is_won_row]) / DAY,
        won_created=asked["created"].to_numpy(dtype=np.int64)[is_won_row],
        decided=_shares(decisions),
    )


def _decided(deals: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """is_won: won or lost within the horizon; <NA>: not decided by then, which teaches nothing of winning."""
    in_time = (deals["closed_at"] - deals["created_at"]) <= pd.Timedelta(days=horizon)
    is_decided = (deals["status"].isin(["won", "lost"]) & in_time).to_numpy(dtype=bool)
    is_won = (deals["status"] == "won").astype("boolean").where(is_decided)
    return deals.assign(is_won=is_won, is_decided=is_decided, won_at=deals["closed_at"].where(is_won.fillna(False)))


def _looks_at_decisions(known: pd.DataFrame, horizon: int, cut_off: int) -> pd.DataFrame:
    """Looks at all deals that are still there, whether they were decided within the horizon or not."""
    there = known[known["status"].isin(["open", "won", "lost"])].reset_index(drop=True)
    there = there.assign(is_won=there["is_decided"], decided_at=there["closed_at"].where(there["is_decided"]))
    return marks.landmarks(
        there, key="deal_id", won="decided_at", ended="closed_at", ages=marks.DEAL_AGES, horizon=horizon,
        cut_off=cut_off,
    )  # fmt: skip


def _shares(decisions: list[pd.DataFrame]) -> list[tuple[float, float]]:
    """Of deals that were open at each age, the share that was decided within the horizon: (days, share)."""
    looks = pd.concat(decisions, ignore_index=True) if decisions else pd.DataFrame({"age": [], "outcome": []})
    rates = looks.groupby("age")["outcome"].mean()
    return [(float(marks.DEAL_AGES[int(age)]), float(rate)) for age, rate in rates.items()]  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class DealWorld:
    """What facts of single deals are seen beside."""

    spans: pd.DataFrame
    companies: Companies
    zone: Any

    @classmethod
    def read(cls, database: Database, organization_id: int, spans: pd.DataFrame | None = None) -> DealWorld:
        return cls(
            spans=score_facts.deal_spans(database, organization_id) if spans is None else spans,
            companies=Companies(score_facts.companies(database, organization_id)),
            zone=get_organization(database, organization_id).zone,
        )

    def facts(self, database: Database, organization_id: int, deals: pd.DataFrame) -> DealFacts:
        ids = deals["deal_id"].tolist()
        states = score_facts.deal_states(database, organization_id, ids)
        return DealFacts(
            deals=deals, states=states,
            touches=score_facts.deal_touches(database, organization_id, ids), spans=self.spans,
            companies=self.companies, zone=self.zone,
            decimals={str(one): tables.decimals(str(one)) for one in states["currency"].dropna().unique()},
        )  # fmt: skip


def open_deals(database: Database, organization_id: int, *, at: datetime) -> Iterator[pd.DataFrame]:
    """Pages of deals that are open at `at`."""
    for deals in _deal_pages(database, organization_id, until=at):
        found = deals[deals["status"] == "open"].reset_index(drop=True)
        if len(found):
            yield found


def _deal_pages(database: Database, organization_id: int, *, until: datetime | None = None) -> Iterator[pd.DataFrame]:
    after = 0
    while True:
        page = score_facts.deal_facts(database, organization_id, after=after, limit=CHUNK, until=until)
        if page.empty:
            return
        yield page
        after = int(page["deal_id"].iloc[-1])


def _without_history(asked: pd.DataFrame, features: pd.DataFrame) -> list[str]:
    """Columns of stages where the CRM tells no history of them: then closed deals were in an unknown stage, those that
    are open yet in a known one, and a stage would know that they did not close."""
    closed = (asked["outcome"] == 1).to_numpy()
    if not closed.any() or features.loc[closed, "stage"].notna().mean() >= KNOWN_STAGES:
        return []
    return [name for name in ("stage", "stage position", "days in stage", "steps forward", "steps back")
            if name in features]  # fmt: skip


# --- both ------------------------------------------------------------------------------------------------------------


def _oldest(created: Any, ripe_until: int) -> int:
    """Creation of the oldest of the newest ones whose horizon has passed."""
    ripe = np.sort(created[(created != NEVER) & (created <= ripe_until)])
    return int(ripe[-MOST_ENTITIES]) if len(ripe) > MOST_ENTITIES else 0


def _joined(
    parts: list[tuple[pd.DataFrame, pd.DataFrame]], key: str, *, with_won: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not parts:
        asked = pd.DataFrame({name: np.empty(0, dtype=np.int64) for name in (key, "at", "created", "outcome", "age")})
        if with_won:
            asked = asked.assign(won_at=pd.Series(dtype="datetime64[ns, UTC]"), is_open=pd.Series(dtype=bool))
        return asked, pd.DataFrame(index=range(0))
    asked = pd.concat([one for one, _ in parts], ignore_index=True)
    return asked, pd.concat([one for _, one in parts], ignore_index=True)


def _table(
    subject: Subject, asked: pd.DataFrame, features: pd.DataFrame, key: str, horizon: int, cut_off: int
) -> Table:
    ages = asked["age"].to_numpy(dtype=np.int64)
    return Table(
        subject=subject, features=features, outcomes=asked["outcome"].to_numpy(dtype=np.int64),
        entities=asked[key].to_numpy(dtype=np.int64), created=asked["created"].to_numpy(dtype=np.int64),
        horizon_days=horizon, cut_off=cut_off, ages=ages if len(np.unique(ages)) > 1 else None,
    )  # fmt: skip
