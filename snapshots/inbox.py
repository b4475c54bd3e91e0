"""Leads that came in, for people to look at: how many stand where, which they are, and what was refused at the door.

Such a lead has no owner yet, so its row is shown to those who see everything and to nobody else, and only those who
change settings act on it (`snapshots.lead_actions`). How many there are is no secret inside the organization.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import TextClause, text

from snapshots import tables
from snapshots.database import Database
from snapshots.lead_filter import ORIGIN, SCORE, LeadFilter, LeadState, in_period, matching, of_forms
from snapshots.slices import SEES_EVERYTHING, Viewer, Where

PAGE_ROWS: Final = 200
BODY_GLANCE: Final = 4096
"""Bytes of a refused body that a list holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCounts:
    """How many leads of a period stand where, its forms apart from all other filters.

    by_state adds up to what was received. waiting_since: receipt of the oldest that is pending. elsewhere: the same
    states of leads that came in outside the period. refused: submissions that were not accepted, in the period;
    was_refused: whether there ever was one.
    """

    by_state: Mapping[LeadState, int]
    by_reason: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Mapping[LeadState, int] = field(default_factory=dict)
    waiting_since: datetime | None = None
    refused: int = 0
    was_refused: bool = False

    @property
    def received(self) -> int:
        return sum(self.by_state.values())

    @property
    def is_untouched(self) -> bool:
        """Nothing has ever come in."""
        return not (self.received or self.was_refused or any(self.elsewhere.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedAccount:
    """A CRM connection to which nothing is delivered until `until`, when one lead finds out whether it works again.

    failures: in a row. reason: the outcome of the attempt that paused it. waiting: leads that are pending meanwhile.
    """

    connection_id: int
    name: str
    provider: str
    since: datetime
    until: datetime
    reason: str
    detail: str | None
    failures: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSubmission:
    """A submission that was not accepted. field: the one that is wrong."""

    refused_id: int
    received_at: datetime
    form: str | None
    field: str | None
    reason: str
    network: str | None
    body_type: str
    body: bytes


RECEIVED: dict[str, str] = {
    "lead_id": "object",  # text
    "received_at": "datetime64[ns, UTC]",
    "name": "object",
    "email": "object",
    "phone": "object",
    "company": "object",
    "form": "object",
    "state": "object",
    "reason": "object",
    "detail": "object",
    "attempts": "int64",
    "next_attempt_at": "datetime64[ns, UTC]",  # NaT: none
    "is_under_way": "bool",
    "outcome": "object",
    "connection": "object",
    "external_id": "object",
    "delivered_at": "datetime64[ns, UTC]",
    "flags": "object",  # joined by commas
    "source": "object",  # of the visit, as everywhere; None: not looked at yet
    "campaign": "object",  # "": none
    "owner": "object",  # to whom it was given
    "score": "float64",  # on arrival, points, not clipped; NaN: it had none
    "band": "object",
    "probability": "float64",
}
REFUSED: dict[str, str] = {
    "refused_id": "int64",
    "received_at": "datetime64[ns, UTC]",
    "form": "object",
    "field": "object",
    "reason": "object",
    "network": "object",
    "body_type": "object",
    "body": "object",  # its first BODY_GLANCE bytes
    "n_bytes": "int64",
}
_FORM = "LEFT JOIN forms f ON f.organization_id = :organization AND f.form_id = {}.form_id"
_ROWS = f"""
    SELECT l.lead_id::text, l.received_at, nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.email, l.phone,
        l.company, f.name, l.state, l.reason, l.detail, l.attempts, l.next_attempt_at,
        coalesce(l.lease_until > clock_timestamp(), false), l.outcome, c.name, l.external_id, l.delivered_at,
        array_to_string(l.flags, ','), o.source, o.campaign, w.name, s.score, s.band, s.probability
    FROM (SELECT * FROM received_leads l WHERE {{where}} ORDER BY l.lead_id DESC LIMIT :limit) l {_FORM.format("l")}
    LEFT JOIN crm_connections c ON c.organization_id = :organization AND c.connection_id = l.connection_id
    LEFT JOIN LATERAL (SELECT o.source, o.campaign FROM {ORIGIN}) o ON true
    LEFT JOIN owners w ON w.organization_id = :organization AND w.owner_id = l.routed_owner_id
    LEFT JOIN LATERAL (SELECT s.score, s.band, s.probability FROM {SCORE} ORDER BY s.scored_at LIMIT 1) s ON true
"""
# Each part has an index that holds nothing else. Of leads that wait there are few, whatever their day.
_ASIDE = "'parked', 'quarantined'"
_WAITING = """
    SELECT l.state, l.reason, ({when}) AS is_inside, count(*) AS n, min(l.received_at) AS oldest
    FROM received_leads l WHERE {where} AND l.state IN ({states}) GROUP BY 1, 2, 3
"""
_DELIVERED = """
    SELECT 'delivered', NULL, true, count(*), NULL
    FROM received_leads l WHERE {where} AND {when} AND l.state = 'delivered'
"""
_EVER_DELIVERED = """
    SELECT 'delivered', NULL, NULL, coalesce(sum(d.n), 0)::bigint, NULL FROM delivered_counts d WHERE {where}
"""


@dataclass(frozen=True, slots=True)
class Inbox:
    """The leads of one viewer's organization."""

    database: Database
    viewer: Viewer

    @property
    def shows_leads(self) -> bool:
        """Whether the viewer may see who a lead is."""
        return self.viewer.role in SEES_EVERYTHING

    def counts(self, wanted: LeadFilter) -> InboxCounts:
        """Of `wanted` only the period and the forms count, so that the numbers stay when a list is narrowed.

        Reads the leads that wait, and those that were delivered in the period; all that ever were are counted already.
        """
        with self.database.as_app(self.viewer.organization_id) as connection:
            rows = connection.execute(*self._standing(wanted)).all()
            n_refused, was_refused = connection.execute(*self._refused(wanted)).one()
        n: Counter[tuple[str, bool | None]] = Counter()
        for row in rows:
            n[row.state, row.is_inside] += row.n
        ever = n[LeadState.DELIVERED, None]
        if wanted.is_of_all_time:
            n[LeadState.DELIVERED, True] = ever
        n[LeadState.DELIVERED, False] = ever - n[LeadState.DELIVERED, True]
        pending = [row.oldest for row in rows if row.state == LeadState.PENDING and row.is_inside]
        return InboxCounts(
            by_state={state: n[state, True] for state in LeadState},
            by_reason={row.reason: row.n for row in rows if row.reason is not None and row.is_inside},
            elsewhere={state: n[state, False] for state in LeadState},
            waiting_since=min(pending, default=None),
            refused=n_refused,
            was_refused=was_refused,
        )

    def _standing(self, wanted: LeadFilter) -> tuple[TextClause, dict[str, object]]:
        """One statement, so that a lead that is delivered meanwhile is counted once."""
        where = of_forms(self.viewer.organization_id, wanted, "l")
        when = in_period(Where(), wanted, "l.received_at")
        parts = [_WAITING.format(when=when, where=where, states=states) for states in ("'pending'", _ASIDE)]
        if not wanted.is_of_all_time:
            parts.append(_DELIVERED.format(when=when, where=where))
        parts.append(_EVER_DELIVERED.format(where=of_forms(self.viewer.organization_id, wanted, "d")))
        return text(" UNION ALL ".join(parts)), where.parameters | when.parameters

    def _refused(self, wanted: LeadFilter) -> tuple[TextClause, dict[str, object]]:
        where = of_forms(self.viewer.organization_id, wanted, "r")
        when = in_period(Where(), wanted, "r.received_at")
        statement = (
            f"SELECT (SELECT count(*) FROM refused_submissions r WHERE {where} AND {when}), "
            f"EXISTS (SELECT FROM refused_submissions r WHERE {where})"
        )
        return text(statement), where.parameters | when.parameters

    def count(self, wanted: LeadFilter) -> int:
        """How many leads match. Raises PermissionError for who may not see them."""
        where = self.matching(wanted)
        with self.database.as_app(self.viewer.organization_id) as connection:
            return int(
                connection.execute(
                    text(f"SELECT count(*) FROM received_leads l WHERE {where}"), where.parameters
                ).scalar_one()
            )

    def received_by_form(self, since: datetime) -> dict[int, int]:
        """How many leads each form took since then, whatever became of them; a form without any is left out."""
        # By state, for the indexes are partial ones.
        parts = (
            f"SELECT form_id FROM received_leads WHERE organization_id = :id AND received_at >= :since AND {which}"
            for which in ("state = 'pending'", "state = 'delivered'", f"state IN ({_ASIDE})")
        )
        with self.database.as_app(self.viewer.organization_id) as connection:
            rows = connection.execute(
                text(f"SELECT form_id, count(*) FROM ({' UNION ALL '.join(parts)}) l GROUP BY form_id"),
                {"id": self.viewer.organization_id, "since": since},
            )
            return {int(form_id): int(n) for form_id, n in rows}

    def n_pending(self) -> int:
        """How many leads are on their way, whenever they came in; cheap, to be asked again and again."""
        with self.database.as_app(self.viewer.organization_id) as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM received_leads WHERE organization_id = :id AND state = 'pending'"),
                    {"id": self.viewer.organization_id},
                ).scalar_one()
            )

    def page(self, wanted: LeadFilter, *, after: str | None = None, limit: int = PAGE_ROWS) -> pd.DataFrame:
        """A page of RECEIVED, the newest first. after: the last lead_id seen. Raises PermissionError."""
        where = self.matching(wanted)
        if after is not None:
            where.add("l.lead_id < cast(:after AS uuid)", after=after)
        # The page is found before anything is joined to it: of few leads in very many the rest would cost the most.
        return self._frame(f"{_ROWS.format(where=where)} ORDER BY l.lead_id DESC", where, RECEIVED, limit)

    def refused(self, wanted: LeadFilter, *, after: int | None = None, limit: int = PAGE_ROWS) -> pd.DataFrame:
        """A page of REFUSED, the newest first, of the period and the forms. Raises PermissionError."""
        self.demand_sight()
        where = in_period(of_forms(self.viewer.organization_id, wanted, "r"), wanted, "r.received_at")
        if after is not None:
            where.add("r.refused_id < :after", after=after)
        return self._frame(
            "SELECT r.refused_id, r.received_at, f.name, r.field, r.reason, r.network, r.body_type, "
            f"substring(r.body FROM 1 FOR {BODY_GLANCE}), octet_length(r.body) FROM refused_submissions r "
            f"{_FORM.format('r')} WHERE {where} ORDER BY r.refused_id DESC LIMIT :limit",
            where,
            REFUSED,
            limit,
        )

    def refused_submission(self, refused_id: int) -> RefusedSubmission | None:
        """One of them with its whole body. Raises PermissionError."""
        self.demand_sight()
        with self.database.as_app(self.viewer.organization_id) as connection:
            row = connection.execute(
                text(
                    "SELECT r.refused_id, r.received_at, f.name AS form, r.field, r.reason, r.network, r.body_type, "
                    f"r.body FROM refused_submissions r {_FORM.format('r')} "
                    "WHERE r.organization_id = :organization AND r.refused_id = :id"
                ),
                {"organization": self.viewer.organization_id, "id": refused_id},
            ).mappings().one_or_none()  # fmt: skip
        return None if row is None else RefusedSubmission(**row)

    def paused_accounts(self) -> list[PausedAccount]:
        """Raises PermissionError: what a CRM says may name people."""
        self.demand_sight()
        with self.database.as_app(self.viewer.organization_id) as connection:
            rows = connection.execute(
                text(
                    "SELECT a.connection_id, c.name, c.provider, coalesce(a.since, a.paused_until) AS since, "
                    "a.paused_until AS until, coalesce(a.reason, '') AS reason, a.detail, a.failures, "
                    "(SELECT count(*) FROM received_leads l WHERE l.organization_id = :organization "
                    "AND l.state = 'pending' AND (l.connection_id IS NULL OR l.connection_id = a.connection_id)) "
                    "AS waiting FROM delivery_accounts a JOIN crm_connections c "
                    "ON c.organization_id = :organization AND c.connection_id = a.connection_id "
                    "WHERE a.organization_id = :organization AND a.paused_until IS NOT NULL ORDER BY since"
                ),
                {"organization": self.viewer.organization_id},
            )
            return [PausedAccount(**row) for row in rows.mappings()]

    def demand_sight(self) -> None:
        """Raises PermissionError where the viewer may not see who a lead is."""
        if not self.shows_leads:
            raise PermissionError(f"The role {self.viewer.role} may not see leads that nobody owns yet.")

    def matching(self, wanted: LeadFilter) -> Where:
        """The condition on `received_leads l`. Raises PermissionError."""
        self.demand_sight()
        return matching(self.viewer.organization_id, wanted)

    def _frame(self, query: str, where: Where, columns: dict[str, str], limit: int) -> pd.DataFrame:
        with self.database.as_app(self.viewer.organization_id) as connection:
            rows = connection.execute(text(query), where.parameters | {"limit": limit}).all()
        return tables.shaped([tuple(row) for row in rows], columns)
