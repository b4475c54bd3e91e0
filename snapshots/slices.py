"""Who asks, and for what part of the data: the viewer, the slice, and the SQL conditions that follow from them.

Rights are enforced here: every read goes through `owner_filter`, so a rep gets own rows and a manager those of the
teams he manages, whatever a page asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

NOBODY = 0
"""The owner id, in filters and rollups, of what has no owner."""
UNKNOWN = ""
"""The source, in filters and rollups, of what has none."""


class Role(StrEnum):
    ADMIN = "admin"
    SALES_OPS = "sales_ops"
    MANAGER = "manager"
    REP = "rep"
    ANALYST = "analyst"


SEES_EVERYTHING = frozenset({Role.ADMIN, Role.SALES_OPS, Role.ANALYST})
CHANGES_SETTINGS = frozenset({Role.ADMIN, Role.SALES_OPS})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking. owner_id: the salesperson that this user is; a rep or manager without one sees no rows."""

    organization_id: int
    role: Role
    owner_id: int | None = None

    @property
    def may_change_settings(self) -> bool:
        return self.role in CHANGES_SETTINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What part of the data a page shows.

    first_day: None means since the beginning, undated rows included. last_day and as_of are inclusive; nothing after
    `as_of` is seen. Empty filters mean all; `NOBODY` and `UNKNOWN` ask for what has no owner or source.

    The last five are for deals alone, all but known_on for those as of a day (`Reader.as_of`). closes: first and last
    close date. known_on: what we knew of deals at the end of this day; None: what we know now. product_ids: `NOBODY`
    asks for those without one. currency: deals in it, and open ones that have none yet.
    """

    first_day: date | None
    last_day: date
    as_of: date
    team_ids: tuple[int, ...] = ()
    owner_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    pipeline_ids: tuple[int, ...] = ()
    closes: tuple[date, date] | None = None
    known_on: date | None = None
    product_ids: tuple[int, ...] = ()
    currency: str | None = None

    @property
    def until(self) -> date:
        """The last day that counts."""
        return min(self.last_day, self.as_of)

    def undated(self) -> Slice:
        """The same, of what belongs to no day alone."""
        return replace(self, first_day=None, last_day=date.min)

    def end_of(self, zone: ZoneInfo, day: date | None = None) -> datetime:
        """The first instant after `day` (default: `as_of`), in the organization's zone."""
        return end_of_day(day or self.as_of, zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after it, in a zone."""
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=zone)


@dataclass(slots=True)
class Where:
    """Conditions joined by AND, with their parameters."""

    conditions: list[str] = field(default_factory=list)
    parameters: dict[str, object] = field(default_factory=dict)

    def add(self, condition: str, **parameters: object) -> Where:
        self.conditions.append(condition)
        self.parameters.update(parameters)
        return self

    def __str__(self) -> str:
        return " AND ".join(self.conditions) or "true"


def owner_filter(
    where: Where,
    viewer: Viewer,
    slice_: Slice,
    *,
    managed_teams: Sequence[int],
    owner: str,
    day: str,
) -> Where:
    """Narrow rows to what the viewer may see and the slice asks for.

    owner, day: SQL expressions of the row's owner (NOBODY or null: none) and of the day whose team membership counts.
    managed_teams: teams of a manager.
    """
    if viewer.role is Role.REP:
        where.add(f"{owner} = :viewer_owner", viewer_owner=viewer.owner_id if viewer.owner_id is not None else -1)
    elif viewer.role is Role.MANAGER:
        where.add(_member_of(owner, day, "managed_teams"), managed_teams=list(managed_teams))
    elif viewer.role not in SEES_EVERYTHING:
        raise PermissionError(f"The role {viewer.role} may not read sales data.")
    if slice_.team_ids:
        where.add(_member_of(owner, day, "teams"), teams=list(slice_.team_ids))
    if len(slice_.owner_ids) == 1 and NOBODY not in slice_.owner_ids:
        where.add(f"{owner} = :owner", owner=slice_.owner_ids[0])  # by which an index gives rows in their order
    elif slice_.owner_ids:
        where.add(f"coalesce({owner}, {NOBODY}) = ANY(:owners)", owners=list(slice_.owner_ids))
    return where


def _member_of(owner: str, day: str, teams: str) -> str:
    # `membership` is the common table expression of `MEMBERSHIP`.
    if day.startswith(":"):  # one day for all: its members are a set, which no wrong estimate makes a loop over rows
        return (
            f"coalesce({owner} IN (SELECT m.owner_id FROM membership m WHERE m.from_day <= {day} AND {day} < m.to_day "
            f"AND m.team_id = ANY(:{teams})), false)"
        )
    return (
        f"EXISTS (SELECT 1 FROM membership m WHERE m.owner_id = {owner} AND m.from_day <= {day} "
        f"AND {day} < m.to_day AND m.team_id = ANY(:{teams}))"
    )


MEMBERSHIP = """membership AS MATERIALIZED (
    SELECT owner_id, team_id,
        CASE WHEN valid_from = '-infinity' THEN '-infinity'::date ELSE (valid_from AT TIME ZONE :zone)::date END
            AS from_day,
        CASE WHEN valid_to = 'infinity' THEN 'infinity'::date ELSE (valid_to AT TIME ZONE :zone)::date END AS to_day
    FROM owner_versions WHERE organization_id = :organization AND valid_to > valid_from
)"""
"""A member of a team on a day is who was in it at the end of that day."""


def source_filter(where: Where, slice_: Slice, source: str) -> Where:
    if slice_.sources:
        where.add(f"coalesce({source}, '') = ANY(:sources)", sources=list(slice_.sources))
    return where


def deal_filter(where: Where, slice_: Slice) -> Where:
    """Deal versions `v` in the pipelines and with a close date that the slice asks for."""
    if slice_.pipeline_ids:
        where.add(f"coalesce(v.pipeline_id, {NOBODY}) = ANY(:pipelines)", pipelines=list(slice_.pipeline_ids))
    if slice_.closes is not None:
        where.add("v.close_on BETWEEN :closes_from AND :closes_to")
        where.parameters |= {"closes_from": slice_.closes[0], "closes_to": slice_.closes[1]}
    if slice_.currency is not None:
        where.add("(v.currency = :currency OR v.currency IS NULL AND v.status = 'open')", currency=slice_.currency)
    if slice_.product_ids:
        where.add(f"coalesce(v.product_id, {NOBODY}) = ANY(:products)", products=list(slice_.product_ids))
    return where


def period_filter(where: Where, slice_: Slice, day: str) -> Where:
    """Rows whose day lies in the slice; undated ones ('-infinity') only where the slice has no beginning."""
    where.add(f"{day} <= :until", until=slice_.until)
    if slice_.first_day is not None:
        where.add(f"{day} >= :first_day", first_day=slice_.first_day)
    return where
