"""What is to be reached: of the organization, a team or an owner, in a period. A quota never changes: another one takes
its place, so that a past day shows what held then.

Who may change settings sets them. A rep sees his own, a manager those of his teams and of their owners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.organizations import get_organization
from snapshots.reads import Reader
from snapshots.slices import SEES_EVERYTHING, Role, Viewer, Where, end_of_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """owner_id, team_id: at most one; both None: of the organization. amount_minor: whole minor units of `currency`."""

    quota_id: int
    owner_id: int | None
    team_id: int | None
    first_day: date
    last_day: date
    amount_minor: int
    currency: str
    set_at: datetime
    set_by: str

    @property
    def node(self) -> tuple[str, str]:
        """Kind and key, as forecasts name their nodes."""
        if self.owner_id is not None:
            return "owner", str(self.owner_id)
        return ("team", str(self.team_id)) if self.team_id is not None else ("total", "")


def list_quotas(
    database: Database, viewer: Viewer, *, first_day: date | None = None, last_day: date | None = None,
    as_of: date | None = None,
) -> list[Quota]:  # fmt: skip
    """Those that the viewer may see and whose period touches the days, the earliest first. as_of: as they were at the
    end of this day; None: as they are."""
    where = Where().add("q.organization_id = :organization", organization=viewer.organization_id)
    _held(database, viewer, where, as_of)
    if first_day is not None:
        where.add("q.last_day >= :first_day", first_day=first_day)
    if last_day is not None:
        where.add("q.first_day <= :last_day", last_day=last_day)
    _seen(database, viewer, where)
    with database.as_app(viewer.organization_id) as connection:
        found = connection.execute(
            text(f"SELECT {_COLUMNS} FROM quotas q WHERE {where} ORDER BY q.first_day, q.last_day, q.quota_id"),
            where.parameters,
        )
        return [Quota(**row) for row in found.mappings()]


def put_quota(
    database: Database, viewer: Viewer, *, owner_id: int | None = None, team_id: int | None = None, first_day: date,
    last_day: date, amount_minor: int, currency: str, by: str, now: datetime,
) -> int:  # fmt: skip
    """Set a quota; one of the same node, period and currency gives way. Returns its id. Raises PermissionError, and
    ValueError where period or amount make no sense or the node is not there."""
    _demand_right(viewer)
    if owner_id is not None and team_id is not None:
        raise ValueError("A quota is of an owner or of a team, not of both.")
    if first_day > last_day:
        raise ValueError("The first day comes after the last.")
    if amount_minor <= 0:
        raise ValueError("A quota is more than nothing; remove it instead.")
    known = {
        "organization": viewer.organization_id, "owner": owner_id, "team": team_id, "first": first_day,
        "last": last_day, "amount": amount_minor, "currency": currency, "by": by, "now": now,
    }  # fmt: skip
    with database.as_app(viewer.organization_id) as connection:
        _demand_node(connection, known)
        before = connection.execute(_REPLACE, known).scalar_one_or_none()
        quota_id = int(connection.execute(_PUT, known).scalar_one())
        _note(connection, known, quota_id, before=before, after=amount_minor)
    return quota_id


def remove_quota(database: Database, viewer: Viewer, quota_id: int, *, by: str, now: datetime) -> None:
    """It holds no more. Raises PermissionError, and LookupError where none of this id holds."""
    _demand_right(viewer)
    with database.as_app(viewer.organization_id) as connection:
        row = connection.execute(
            text(
                "UPDATE quotas q SET replaced_at = :now, replaced_by = :by WHERE q.organization_id = :organization "
                "AND q.quota_id = :id AND q.replaced_at IS NULL "
                "RETURNING q.owner_id, q.team_id, q.first_day, q.last_day, q.currency, q.amount_minor"
            ),
            {"organization": viewer.organization_id, "id": quota_id, "now": now, "by": by},
        ).one_or_none()
        if row is None:
            raise LookupError("This quota does not hold any more.")
        known = {
            "organization": viewer.organization_id, "owner": row.owner_id, "team": row.team_id,
            "first": row.first_day, "last": row.last_day, "currency": row.currency, "by": by,
        }  # fmt: skip
        _note(connection, known, quota_id, before=row.amount_minor, after=None)


# --- how --------------------------------------------------------------------------------------------------------------

_COLUMNS = "q.quota_id, q.owner_id, q.team_id, q.first_day, q.last_day, q.amount_minor, q.currency, q.set_at, q.set_by"
_REPLACE = text(
    "UPDATE quotas SET replaced_at = :now, replaced_by = :by WHERE organization_id = :organization "
    "AND replaced_at IS NULL AND owner_id IS NOT DISTINCT FROM cast(:owner AS bigint) "
    "AND team_id IS NOT DISTINCT FROM cast(:team AS bigint) AND first_day = :first AND last_day = :last "
    "AND currency = :currency RETURNING amount_minor"
)
_PUT = text(
    "INSERT INTO quotas (organization_id, owner_id, team_id, first_day, last_day, amount_minor, currency, set_at, "
    "set_by) VALUES (:organization, :owner, :team, :first, :last, :amount, :currency, :now, :by) RETURNING quota_id"
)


def _demand_right(viewer: Viewer) -> None:
    if not viewer.may_change_settings:
        raise PermissionError("Quotas are set by administrators and sales ops.")


def _demand_node(connection: Connection, known: Mapping[str, object]) -> None:
    for table, key in (("owner", known["owner"]), ("team", known["team"])):
        if (
            key is not None
            and not connection.execute(
                text(
                    f"SELECT EXISTS (SELECT FROM {table}s WHERE organization_id = :organization AND {table}_id = :key "
                    "AND gone_reason IS DISTINCT FROM 'merged')"
                ),
                {"organization": known["organization"], "key": key},
            ).scalar_one()
        ):
            raise ValueError(f"There is no such {table}.")


def _note(
    connection: Connection, known: Mapping[str, object], quota_id: int, *, before: int | None, after: int | None
) -> None:
    """An amount beside whose it is and of when, so that the entry can be read alone."""
    of = {
        "owner_id": known["owner"], "team_id": known["team"], "first_day": known["first"], "last_day": known["last"],
        "currency": known["currency"],
    }  # fmt: skip
    audit.record(
        connection, int(str(known["organization"])), by=str(known["by"]), action="quota", subject="quota",
        subject_id=str(quota_id), before=None if before is None else {"amount_minor": before},
        after=None if after is None else of | {"amount_minor": after},
    )  # fmt: skip


def _held(database: Database, viewer: Viewer, where: Where, as_of: date | None) -> None:
    if as_of is None:
        where.add("q.replaced_at IS NULL")
        return
    zone = get_organization(database, viewer.organization_id).zone
    end = end_of_day(as_of, zone)
    where.add("q.set_at < :end AND (q.replaced_at IS NULL OR q.replaced_at >= :end)", end=end)


def _seen(database: Database, viewer: Viewer, where: Where) -> None:
    if viewer.role is Role.REP:
        where.add("q.owner_id = :own", own=viewer.owner_id if viewer.owner_id is not None else -1)
    elif viewer.role is Role.MANAGER:
        where.add(
            "(q.team_id = ANY(:managed) OR q.owner_id IN (SELECT o.owner_id FROM owners o "
            "WHERE o.organization_id = :organization AND o.team_id = ANY(:managed)))",
            managed=Reader(database, viewer).managed_teams,
        )
    elif viewer.role not in SEES_EVERYTHING:
        raise PermissionError(f"The role {viewer.role} may not read quotas.")
