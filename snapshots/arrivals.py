"""Scores of leads that come in from websites: what is known of one when it comes in, and the score that it had then.

What computes the score is handed in (`Scorer`): here nothing is known of models. The score is kept in the transaction
that gives the lead to somebody, so that what was decided and why stay together; no score holds that up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from sqlalchemy import Connection, text

from snapshots.database import Database
from snapshots.intake import CHANNEL
from snapshots.origins import Origin, load_rules, resolve
from snapshots.visits import read_touches

if TYPE_CHECKING:
    from snapshots.scores import Issued

KNOWN_FOR_S: Final = 5.0
"""Whether an organization scores its leads is asked again after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The score of a lead when it came in. score: as it is shown, from 0 to 100. issued: to be kept; None: it was kept
    before."""

    score: int
    band: str
    issued: Issued | None
    model_version: int | None


class Scorer(Protocol):
    """Says what the model in use thinks of leads that come in. It neither raises nor takes long."""

    def is_wanted(self, organization_id: int) -> bool:
        """Whether leads of this organization are scored at all; cheap."""
        ...

    def score(self, organization_id: int, lead_id: UUID) -> Arrival | None:
        """None: it has no score, whatever the reason."""
        ...


def version_in_use(database: Database, organization_id: int) -> int | None:
    """Of the model by which leads that come in are scored; None: there is none whose scores may be shown."""
    with database.as_app(organization_id) as connection:
        found: int | None = connection.execute(
            text(
                "SELECT version FROM model_versions WHERE organization_id = :organization AND subject = 'lead' "
                "AND state = 'active' AND (card #>> '{gate,open}')::boolean"
            ),
            {"organization": organization_id},
        ).scalar_one_or_none()
    return found


def organizations_that_score(database: Database) -> bool:
    """Whether there is any."""
    with database.as_worker() as connection:
        found = connection.execute(
            text("SELECT EXISTS (SELECT FROM model_versions WHERE subject = 'lead' AND state = 'active')")
        )
        return bool(found.scalar_one())


@dataclass(slots=True)
class InUse:
    """`version_in_use`, remembered for a moment. clock: monotonic seconds."""

    database: Database
    clock: Callable[[], float]
    _known: dict[int, tuple[float, int | None]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def version(self, organization_id: int) -> int | None:
        with self._guard:
            until, found = self._known.get(organization_id, (0.0, None))
        if self.clock() >= until:
            found = version_in_use(self.database, organization_id)
            with self._guard:
                self._known[organization_id] = (self.clock() + KNOWN_FOR_S, found)
        return found


def read(database: Database, organization_id: int, lead_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What websites sent, with names of `score_facts.LEAD_FACTS`: source and campaign as pages show them, owner_id to
    whom it was given (None: not yet). Without those that there are none of."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(_READ, {"organization": organization_id, "leads": list(lead_ids)}).mappings().all()
        driver: Any = connection.connection.driver_connection
        rules = load_rules(driver, organization_id) if rows else None
    found: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        said = dict(row)
        lead_id = said.pop("lead_id")
        touches = read_touches(bytes(said.pop("body")))
        origin = Origin.read(touches[-1] if touches else None, source=said["source"], campaign=said["campaign"])
        assert rules is not None
        said["source"], campaign = resolve(origin, rules)
        found[lead_id] = said | {"campaign": campaign or None}
    return found


def kept(database: Database, organization_id: int, lead_ids: Sequence[UUID]) -> dict[UUID, tuple[float, str]]:
    """Points and band of those whose first score was kept before."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT DISTINCT ON (entity_key) entity_key, score, band FROM scores "
                "WHERE organization_id = :organization AND subject = 'lead' AND entity_key = ANY(:keys) "
                "ORDER BY entity_key, scored_at"
            ),
            {"organization": organization_id, "keys": [str(one) for one in lead_ids]},
        )
        return {UUID(row.entity_key): (row.score, row.band) for row in rows}


def due_next(database: Database, organization_id: int, most: int) -> list[UUID]:
    """Leads that nobody was asked about yet, in the order in which they will be."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT lead_id FROM received_leads WHERE organization_id = :organization AND state = 'pending' "
                "AND NOT is_routed ORDER BY next_attempt_at LIMIT :most"
            ),
            {"organization": organization_id, "most": most},
        )
        return list(rows.scalars())


def keep(connection: Connection, organization_id: int, arrival: Arrival | None, *, now: datetime) -> None:
    """Issue the score of a lead that has none yet. What the database says against it undoes nothing else."""
    if arrival is None or arrival.issued is None:
        return
    from snapshots.scores import issue_first

    issue_first(connection, organization_id, arrival.issued, model_version=arrival.model_version, now=now)


def hand_over(database: Database, organization_id: int, lead_id: UUID) -> None:
    """Have a worker deliver this lead now; one that is under way or done is left alone."""
    with database.as_app(organization_id) as connection:
        connection.execute(_DUE, {"organization": organization_id, "lead": lead_id})
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def progress(database: Database, organization_id: int, lead_id: UUID) -> tuple[bool, bool]:
    """Whether somebody has taken this lead to deliver it, and whether it is not pending any more."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT fence > 0 AS is_taken, state <> 'pending' AS is_over FROM received_leads "
                "WHERE organization_id = :organization AND lead_id = :lead"
            ),
            {"organization": organization_id, "lead": lead_id},
        ).one()
    return bool(row.is_taken), bool(row.is_over)


_READ: Final = text(
    "SELECT lead_id, received_at AS created_at, source, campaign, routed_owner_id AS owner_id, email, phone, "
    "company AS company_name, extra AS fields, body FROM received_leads "
    "WHERE organization_id = :organization AND lead_id = ANY(:leads)"
)
_DUE: Final = text(
    "UPDATE received_leads SET next_attempt_at = clock_timestamp() WHERE organization_id = :organization "
    "AND lead_id = :lead AND state = 'pending' AND fence = 0"
)
