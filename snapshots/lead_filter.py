"""Which of the leads that came in: the choices of a person, and the SQL condition that follows from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from snapshots.slices import Where

MOST_SEARCH: Final = 200
"""Characters of a search that count."""


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
    enough. search: a whole e-mail address or lead id, else part of a name, address, number or company."""

    since: datetime | None = None
    before: datetime | None = None
    states: tuple[LeadState, ...] = ()
    reasons: tuple[str, ...] = ()
    form_ids: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
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
