"""From visits of forms to deals, as frames: how many visits went how far, and each lead with what became of it.

Visits are the organization's: who may see rows whoever owns them sees their numbers. A lead belongs to whoever owns its
deal, else its contact, else to whom it was assigned, so that managers and reps see theirs.

A deal comes of a lead where the CRM ties it to the lead's contact and it was created after the lead was received. A
first touch is the first e-mail, call, meeting or appointment with the contact or on the deal, by a salesperson, after
the lead was received; what the contact sends does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from snapshots import tables
from snapshots.reads import Reader
from snapshots.rollups import WAS_CREATED
from snapshots.slices import SEES_EVERYTHING, Slice, Where, owner_filter

VISIT_COUNTS: Final[dict[str, str]] = {
    "day": "datetime64[ns]",
    "form_id": "int64",
    "version": "int64",  # 0: not said
    "source": "object",
    "campaign": "object",  # "": none
    "kind": "int64",  # 0 counted, 1 bots and machines, 2 staff, 3 repeats
    "n_views": "int64",
    "n_starts": "int64",
    "n_submits": "int64",
}
JOURNEYS: Final[dict[str, str]] = {
    "lead_id": "object",  # text; of several leads of one visit the one that got furthest
    "received_at": "datetime64[ns, UTC]",  # of the first of them
    "day": "datetime64[ns]",
    "form_id": "int64",
    "version": "int64",
    "source": "object",
    "campaign": "object",
    "kind": "int64",
    "n_leads": "int64",
    "name": "object",
    "email": "object",
    "company": "object",
    "state": "object",
    "outcome": "object",
    "delivered_at": "datetime64[ns, UTC]",
    "contact_id": "Int64",
    "owner_id": "Int64",
    "owner": "object",
    "team_id": "Int64",
    "team": "object",
    "touched_at": "datetime64[ns, UTC]",  # NaT: not yet
    "deal_id": "Int64",  # the first that came of it
    "n_deals": "int64",
    "deal_at": "datetime64[ns, UTC]",
    "n_won": "int64",
    "won_at": "datetime64[ns, UTC]",  # NaT also where the CRM does not say when
    "touches": "object",  # list of mappings, oldest first
}
DEAL_STAGES: Final[dict[str, str]] = {
    "deal_id": "int64",
    "pipeline_id": "Int64",
    "pipeline": "object",
    "stage_id": "int64",
    "stage": "object",
    "position": "int64",
    "entered_at": "datetime64[ns, UTC]",  # for the first time
}
LEAD_DEALS: Final[dict[str, str]] = {
    "deal_id": "int64",
    "contact_id": "int64",
    "name": "object",
    "status": "object",
    "created_at": "datetime64[ns, UTC]",
    "day": "datetime64[ns]",
    "closed_day": "datetime64[ns]",
    "amount_minor": "Int64",
    "currency": "object",
}
VISITS: Final[dict[str, str]] = {
    "visit": "object",
    "day": "datetime64[ns]",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "form_id": "int64",
    "version": "int64",
    "source": "object",
    "campaign": "object",
    "step": "int64",  # 1 view, 2 start, 3 submit
    "form_step": "int64",
    "has_lead": "bool",
}
EARLIEST: Final = date(1970, 1, 1)
"""No visit is older."""
KIND: Final = "CASE WHEN v.flags & 3 > 0 THEN 1 WHEN v.flags & 4 > 0 THEN 2 WHEN v.flags & 8 > 0 THEN 3 ELSE 0 END"
HOSTS: Final[dict[str, str]] = {
    "form_id": "int64", "host": "object", "last_day": "datetime64[ns]", "n": "int64",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFilter:
    """Empty lists mean all. form_versions: a form and a version of it. kind: None means every kind."""

    form_ids: tuple[int, ...] = ()
    form_versions: tuple[tuple[int, int], ...] = ()
    sources: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    kind: int | None = 0


@dataclass(frozen=True, slots=True)
class FunnelReader:
    """Reads for the viewer of `reader`. Teams and owners of a slice narrow leads; visits have none."""

    reader: Reader

    def visit_counts(self, slice_: Slice, wanted: VisitFilter | None = None) -> pd.DataFrame:
        """VISIT_COUNTS of the slice's days, of every kind unless asked otherwise. Raises PermissionError for who does
        not see everything."""
        where = self._visits(slice_, wanted or VisitFilter(kind=None), kind="v.kind")
        rows = self.reader.rows(
            "SELECT v.day, v.form_id, v.version, o.source, o.campaign, v.kind, sum(v.n_views)::bigint, "
            f"sum(v.n_starts)::bigint, sum(v.n_submits)::bigint FROM visit_daily v {_ORIGIN} WHERE {where} "
            "GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(v.n_views) <> 0 ORDER BY 1, 2, 3, 4, 5, 6",
            where,
        )
        return tables.shaped(rows, VISIT_COUNTS)

    def visits(
        self, slice_: Slice, wanted: VisitFilter, *, step: int = 1, after: tuple[object, str] | None = None,
        limit: int = 200,
    ) -> tuple[pd.DataFrame, tuple[object, str] | None]:  # fmt: skip
        """A page of VISITS that went at least as far as `step`, the newest first, and where the next begins. Those
        without a lead are there for 90 days."""
        where = self._visits(slice_, wanted, kind=KIND).add("v.step >= :step", step=step)
        if after is not None:
            where.add("(v.first_at, v.visit) < (:after_at, cast(:after_visit AS uuid))")
            where.parameters |= {"after_at": after[0], "after_visit": after[1]}
        rows = self.reader.rows(
            "SELECT v.visit::text, v.day, v.first_at, v.last_at, v.form_id, v.version, o.source, o.campaign, v.step, "
            f"v.form_step, v.has_lead FROM form_visits v {_ORIGIN} WHERE {where} "
            "ORDER BY v.first_at DESC, v.visit DESC LIMIT :limit",
            where.add("true", limit=limit + 1),
        )
        more, rows = len(rows) > limit, rows[:limit]
        return tables.shaped(rows, VISITS), (rows[-1][2], str(rows[-1][0])) if more else None

    def hosts(self) -> pd.DataFrame:
        """HOSTS: where each form was seen, the most frequent first."""
        where = Where().add("h.organization_id = :organization", organization=self.reader.viewer.organization_id)
        rows = self.reader.rows(
            f"SELECT h.form_id, h.host, h.last_day, h.n FROM form_hosts h WHERE {where} ORDER BY h.n DESC, h.host",
            where,
        )
        return tables.shaped(rows, HOSTS)

    def journeys(self, slice_: Slice, wanted: VisitFilter | None = None) -> pd.DataFrame:
        """JOURNEYS: one row per visit of the slice's days that a lead came of, of every kind unless asked otherwise."""
        wanted = wanted or VisitFilter(kind=None)
        where = Where().add("j.day IS NOT NULL")
        where.parameters |= self._bounds(slice_)
        owner_filter(
            where, self.reader.viewer, slice_, managed_teams=self.reader.managed_teams, owner="j.owner_id", day="j.day"
        )
        _narrow(where, wanted, source="j.source", campaign="j.campaign", kind="j.kind", prefix="j")
        names = ", ".join(f"j.{name}" for name in JOURNEYS)
        rows = self.reader.rows(
            f"SELECT {names} FROM ({_JOURNEYS}) j WHERE {where} ORDER BY j.received_at DESC, j.lead_id", where
        )
        return tables.shaped(rows, JOURNEYS)

    def stages(self, slice_: Slice, deal_ids: Sequence[int]) -> pd.DataFrame:
        """DEAL_STAGES: which stages these deals entered up to the end of the as-of day; a lost deal got as far as the
        stage before."""
        where = Where(parameters=self._bounds(slice_) | {"deals": [int(one) for one in deal_ids]})
        rows = self.reader.rows(
            "SELECT e.deal_id, s.pipeline_id, p.name, e.stage_id, s.name, s.position, min(e.entered_at) "
            "FROM stage_events e "
            "JOIN stages s ON s.organization_id = :organization AND s.stage_id = e.stage_id "
            "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = s.pipeline_id "
            "WHERE e.organization_id = :organization AND e.deal_id = ANY(:deals) AND e.entered_at < :end "
            "AND s.status <> 'lost' "
            "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 6",
            where,
        )
        return tables.shaped(rows, DEAL_STAGES)

    def deals(self, slice_: Slice, contact_ids: Sequence[int]) -> pd.DataFrame:
        """LEAD_DEALS: the deals of these contacts as of the end of the as-of day, whenever they were created."""
        where = self.reader.as_of(
            Slice(first_day=None, last_day=slice_.last_day, as_of=slice_.as_of), member_on=":as_of"
        )
        where.add("dc.contact_id = ANY(:contacts)", contacts=[int(one) for one in contact_ids])
        rows = self.reader.rows(
            "SELECT v.deal_id, min(dc.contact_id), d.name, v.status, v.created_at, v.created_day, v.closed_day, "
            "v.amount_minor, v.currency FROM deal_contacts dc "
            "JOIN deal_versions v ON v.organization_id = :organization AND v.deal_id = dc.deal_id "
            "JOIN deals d ON d.organization_id = :organization AND d.deal_id = v.deal_id "
            f"WHERE dc.organization_id = :organization AND {where} AND v.status IN {WAS_CREATED} "
            "AND v.created_at IS NOT NULL GROUP BY 1, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1",
            where,
        )
        return tables.shaped(rows, LEAD_DEALS)

    # --- how ---

    def _visits(self, slice_: Slice, wanted: VisitFilter, *, kind: str) -> Where:
        if self.reader.viewer.role not in SEES_EVERYTHING:
            raise PermissionError(f"The role {self.reader.viewer.role} may not see visits, which nobody owns.")
        where = Where().add("v.organization_id = :organization").add("v.day <= :until")
        where.parameters |= self._bounds(slice_)
        if slice_.first_day is not None:
            where.add("v.day >= :first_day")
        _narrow(where, wanted, source="o.source", campaign="o.campaign", kind=kind, prefix="v")
        return where

    def _bounds(self, slice_: Slice) -> dict[str, object]:
        return {
            "organization": self.reader.viewer.organization_id,
            "zone": self.reader.organization.time_zone,
            "first_day": slice_.first_day or EARLIEST,
            "until": slice_.until,
            "as_of": slice_.as_of,
            "end": slice_.end_of(self.reader.organization.zone),
        }


def _narrow(where: Where, wanted: VisitFilter, *, source: str, campaign: str, kind: str, prefix: str) -> None:
    for column, values, name in (
        (f"{prefix}.form_id", wanted.form_ids, "forms"),
        (source, wanted.sources, "visit_sources"),
        (campaign, wanted.campaigns, "campaigns"),
    ):
        if values:
            where.add(f"{column} = ANY(:{name})", **{name: list(values)})
    if wanted.form_versions:
        where.add(
            f"({prefix}.form_id, {prefix}.version) IN "
            "(SELECT * FROM unnest(cast(:of_forms AS bigint[]), cast(:versions AS bigint[])))",
            of_forms=[form_id for form_id, _ in wanted.form_versions],
            versions=[version for _, version in wanted.form_versions],
        )
    if wanted.kind is not None:
        where.add(f"{kind} = :kind", kind=wanted.kind)


_ORIGIN = "JOIN visit_origins o ON o.organization_id = :organization AND o.origin_id = v.origin_id"
_TOUCH = (
    "a.organization_id = :organization AND a.gone_at IS NULL AND a.owner_id IS NOT NULL "
    "AND a.kind IN ('email', 'call', 'meeting', 'appointment') AND coalesce(a.direction, '') <> 'in' "
    "AND coalesce(lower(a.outcome), '') NOT IN ('cancelled', 'scheduled') "
    "AND a.occurred_at >= p.received_at AND a.occurred_at < :end"
)
# Of several leads of one visit the row is that of the one that got furthest.
_JOURNEYS = f"""
    SELECT p.lead_id::text AS lead_id, p.received_at, p.day, p.form_id, v.version, o.source, o.campaign,
        {KIND} AS kind, p.n_leads, nullif(concat_ws(' ', p.first_name, p.last_name), '') AS name, p.email, p.company,
        p.state, p.outcome, p.delivered_at, c.entity_id AS contact_id,
        coalesce(d.owner_id, k.owner_id, p.routed_owner_id, 0) AS owner_id, w.name AS owner, m.team_id, t.name AS team,
        least(a.contact_at, a.deal_at) AS touched_at, d.deal_id, coalesce(d.n_deals, 0) AS n_deals, d.deal_at,
        coalesce(d.n_won, 0) AS n_won, d.won_at, p.touches
    FROM (
        SELECT DISTINCT ON (j.day, j.form_id, j.visit) j.day, j.form_id, j.visit, j.lead_id, j.touches,
            min(l.received_at) OVER same AS received_at, count(*) OVER same AS n_leads, l.first_name, l.last_name,
            l.email, l.company, l.routed_owner_id, l.connection_id, l.external_id,
            CASE WHEN l.delivered_at >= :end THEN 'pending' ELSE l.state END AS state,
            CASE WHEN l.delivered_at < :end THEN l.outcome END AS outcome,
            CASE WHEN l.delivered_at < :end THEN l.delivered_at END AS delivered_at
        FROM lead_visits j
        JOIN received_leads l ON l.organization_id = :organization AND l.lead_id = j.lead_id
        WHERE j.organization_id = :organization AND j.day >= :first_day AND j.day <= :until AND l.received_at < :end
        WINDOW same AS (PARTITION BY j.day, j.form_id, j.visit)
        ORDER BY j.day, j.form_id, j.visit, (l.state = 'delivered') DESC, (l.state <> 'quarantined') DESC, j.lead_id
    ) p
    JOIN form_visits v ON v.organization_id = :organization AND v.day = p.day AND v.form_id = p.form_id
        AND v.visit = p.visit
    {_ORIGIN}
    LEFT JOIN external_links c ON p.delivered_at IS NOT NULL AND c.organization_id = :organization
        AND c.connection_id = p.connection_id AND c.kind = 'contact' AND c.external_id = p.external_id
    LEFT JOIN contacts k ON k.organization_id = :organization AND k.contact_id = c.entity_id
    LEFT JOIN LATERAL (
        SELECT count(*) AS n_deals, min(s.created_at) AS deal_at,
            (array_agg(s.deal_id ORDER BY s.created_at, s.deal_id))[1] AS deal_id,
            (array_agg(s.owner_id ORDER BY s.created_at, s.deal_id))[1] AS owner_id,
            count(*) FILTER (WHERE s.status = 'won') AS n_won,
            min(s.closed_at) FILTER (WHERE s.status = 'won') AS won_at
        FROM deal_contacts dc JOIN deal_versions s ON s.organization_id = :organization AND s.deal_id = dc.deal_id
        WHERE dc.organization_id = :organization AND dc.contact_id = c.entity_id AND s.created_at >= p.received_at
            AND s.valid_from < :end AND s.valid_to >= :end AND s.status IN {WAS_CREATED}
    ) d ON true
    LEFT JOIN LATERAL (
        SELECT (SELECT min(a.occurred_at) FROM activities a
                WHERE {_TOUCH} AND a.contact_id = c.entity_id) AS contact_at,
            (SELECT min(a.occurred_at) FROM activities a WHERE {_TOUCH} AND a.deal_id = d.deal_id) AS deal_at
    ) a ON true
    LEFT JOIN owners w ON w.organization_id = :organization
        AND w.owner_id = coalesce(d.owner_id, k.owner_id, p.routed_owner_id)
    LEFT JOIN owner_versions m ON m.organization_id = :organization AND m.owner_id = w.owner_id
        AND m.valid_from < :end AND m.valid_to >= :end
    LEFT JOIN teams t ON t.organization_id = :organization AND t.team_id = m.team_id
"""
