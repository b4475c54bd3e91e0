"""Which of the leads that came in: the choices of a person, and the SQL condition that follows from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from snapshots.slices import NOBODY, Where

MOST_SEARCH: Final = 200
"""Characters of a search that count."""


NO_CAMPAIGN: Final = ""
NO_SCORE: Final = "none"


class LeadState(StrEnum):
    """Where a lead's delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"
    QUARANTINED = "quarantined"


ASIDE: Final = (LeadState.PARKED, LeadState.QUARANTINED)
"""Those that wait for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """Which leads. Received in [since, before); None: without that end. Empty lists mean all; of several flags one is
    enough. sources, campaigns: of the visit, as pages show them; NO_CAMPAIGN: none. owner_ids: to whom it was given;
    NOBODY: to nobody. bands: of the score on arrival; NO_SCORE: it had none. search: a whole e-mail address or lead id,
    else part of a name, address, number or company."""

    since: datetime | None = None
    before: datetime | None = None
    states: tuple[LeadState, ...] = ()
    reasons: tuple[str, ...] = ()
    form_ids: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    owner_ids: tuple[int, ...] = ()
    bands: tuple[str, ...] = ()
    search: str = ""

    @property
    def is_of_all_time(self) -> bool:
        return self.since is None and self.before is None


def matching(organization_id: int, wanted: LeadFilter) -> Where:
    """The condition on `received_leads l`."""
    where = in_period(of_forms(organization_id, wanted, "l"), wanted, "l.received_at")
    if wanted.states:
        where.add("l.state = ANY(:states)", states=[state.value for state in wanted.states])
    if wanted.reasons:
        # Only these have a reason, and an index that holds nothing else.
        where.add("l.state IN ('parked', 'quarantined') AND l.reason = ANY(:reasons)", reasons=list(wanted.reasons))
    if wanted.flags:
        where.add("l.flags && :flags", flags=list(wanted.flags))
    _came_from(where, wanted)
    _given_and_scored(where, wanted)
    return _searched(where, wanted.search.strip()[:MOST_SEARCH])


def of_forms(organization_id: int, wanted: LeadFilter, table: str) -> Where:
    """Rows of the organization that came in through the forms asked for."""
    where = Where().add(f"{table}.organization_id = :organization", organization=organization_id)
    if wanted.form_ids:
        where.add(f"{table}.form_id = ANY(:forms)", forms=list(wanted.form_ids))
    return where


def in_period(where: Where, wanted: LeadFilter, at: str) -> Where:
    if wanted.since is not None:
        where.add(f"{at} >= :since", since=wanted.since)
    if wanted.before is not None:
        where.add(f"{at} < :before", before=wanted.before)
    return where


ORIGIN: Final = """lead_visits j
    JOIN form_visits v ON v.organization_id = :organization AND v.day = j.day AND v.form_id = j.form_id
        AND v.visit = j.visit
    JOIN visit_origins o ON o.organization_id = :organization AND o.origin_id = v.origin_id
    WHERE j.organization_id = :organization AND j.lead_id = l.lead_id"""
"""Where `received_leads l` came from: at most one row."""
SCORE: Final = """scores s WHERE s.organization_id = :organization AND s.subject = 'lead'
    AND s.entity_key = l.lead_id::text"""


def _came_from(where: Where, wanted: LeadFilter) -> None:
    tests = []
    if wanted.sources:
        tests.append("o.source = ANY(:sources)")
        where.add("true", sources=list(wanted.sources))
    if wanted.campaigns:
        tests.append("o.campaign = ANY(:campaigns)")
        where.add("true", campaigns=list(wanted.campaigns))
    if tests:
        where.add(f"EXISTS (SELECT FROM {ORIGIN} AND {' AND '.join(tests)})")


def _given_and_scored(where: Where, wanted: LeadFilter) -> None:
    if wanted.owner_ids:
        nobody = " OR l.routed_owner_id IS NULL" if NOBODY in wanted.owner_ids else ""
        where.add(f"(l.routed_owner_id = ANY(:owners){nobody})", owners=list(wanted.owner_ids))
    if wanted.bands:
        none = f" OR NOT EXISTS (SELECT FROM {SCORE})" if NO_SCORE in wanted.bands else ""
        where.add(f"(EXISTS (SELECT FROM {SCORE} AND s.band = ANY(:bands)){none})", bands=list(wanted.bands))


_WHOLE_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_NUMBER = re.compile(r"[\d\s()+./-]{4,}")


def _searched(where: Where, wanted: str) -> Where:
    if not wanted:
        return where
    if _WHOLE_ADDRESS.fullmatch(wanted):
        return where.add("l.contact_key = :contact", contact=wanted.lower())
    try:
        return where.add("l.lead_id = :lead", lead=UUID(wanted))
    except ValueError:
        pass
    columns = ("concat_ws(' ', l.first_name, l.last_name)", "l.email", "l.phone", "l.company")
    tests = [f"{column} ILIKE :pattern" for column in columns]
    digits = re.sub(r"\D", "", wanted).lstrip("0")
    if _NUMBER.fullmatch(wanted) and digits:
        # People write 030 12 34 56 for what is stored as +493012345 6: the last digits are the same.
        tests.append("l.phone LIKE :digits")
        where.add("true", digits=f"%{digits}%")
    escaped = re.sub(r"([\\%_])", r"\\\1", wanted.replace("\x00", ""))
    return where.add(f"({' OR '.join(tests)})", pattern=f"%{escaped}%")
