"""Who was away on which days, by people's word, and the country whose public holidays an organization keeps.

An entry that is taken back stays, with who did so. Changes stand in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, text

from snapshots.audit import record
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import Slice

LONGEST_DAYS: Final = 3 * 366
REASON_LENGTH: Final = 200
ROUTING: Final = "Lead routing"
"""By whom it was entered, of what stands beside the rules that give leads away."""


class BadAbsence(ValueError):
    """The days cannot be entered; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAbsence:
    """owner_id None: everybody. Both days are inclusive."""

    owner_id: int | None
    first_day: date
    last_day: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence(NewAbsence):
    """leave_id None: it was entered where leads are routed, and is taken back there."""

    leave_id: int | None
    entered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """country: ISO 3166-1, of two letters. subdivision: as ISO 3166-2 names it after the hyphen."""

    country: str
    subdivision: str | None


def list_absences(reader: Reader) -> list[Absence]:
    """Those that stand, the newest first, and those that leads are routed by: of everybody, and of whom the viewer may
    see now."""
    nothing = Slice(first_day=None, last_day=date.max, as_of=date.max)
    where = reader.where(nothing, owner="a.owner_id", day="date '9999-12-31'")
    rows = reader.rows(
        "SELECT a.leave_id, a.owner_id, a.first_day, a.last_day, a.reason, a.entered_by FROM ("
        "SELECT organization_id, leave_id, owner_id, first_day, last_day, reason, entered_by FROM leave_entries "
        "WHERE organization_id = :organization AND removed_at IS NULL UNION ALL "
        "SELECT organization_id, NULL, owner_id, first_day, last_day, '', :routing FROM absences "
        "WHERE organization_id = :organization) a "
        f"WHERE a.organization_id = :organization AND (a.owner_id IS NULL OR {where}) "
        "ORDER BY a.first_day DESC, a.owner_id, a.leave_id DESC",
        where.add("true", routing=ROUTING),
    )
    names = ("leave_id", "owner_id", "first_day", "last_day", "reason", "entered_by")
    return [Absence(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def add_absences(
    database: Database, organization_id: int, wanted: Sequence[NewAbsence], *, by: str, now: datetime
) -> int:
    """Enter all or none; those that stand already are left out. Returns how many were new. Raises BadAbsence."""
    for one in wanted:
        _check(one)
    with database.as_app(organization_id) as connection:
        _demand_owners(connection, organization_id, {one.owner_id for one in wanted if one.owner_id is not None})
        return sum(_add(connection, organization_id, one, by=by, now=now) for one in wanted)


def remove_absence(database: Database, organization_id: int, leave_id: int, *, by: str, now: datetime) -> None:
    """Take an entry back; one that is not there is left alone."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "UPDATE leave_entries SET removed_at = :now, removed_by = :by WHERE organization_id = :organization "
                "AND leave_id = :leave AND removed_at IS NULL RETURNING owner_id, first_day, last_day, reason"
            ),
            {"organization": organization_id, "leave": leave_id, "now": now, "by": by},
        ).one_or_none()
        if row is not None:
            record(
                connection, organization_id, by=by, action="removed", subject="leave", subject_id=str(leave_id),
                before=dict(row._mapping), after=None,
            )  # fmt: skip


def calendar_of(database: Database, organization_id: int) -> Calendar | None:
    """None: nobody said which."""
    with database.as_app(organization_id) as connection:
        return _calendar(connection, organization_id)


def set_calendar(database: Database, organization_id: int, wanted: Calendar | None, *, by: str, now: datetime) -> None:
    """None: no public holidays are known."""
    with database.as_app(organization_id) as connection:
        before = _calendar(connection, organization_id)
        if before == wanted:
            return
        connection.execute(_NO_CALENDAR, {"organization": organization_id})
        if wanted is not None:
            connection.execute(
                _CALENDAR,
                {
                    "organization": organization_id, "country": wanted.country, "subdivision": wanted.subdivision,
                    "now": now, "by": by,
                },
            )  # fmt: skip
        record(
            connection, organization_id, by=by, action="changed", subject="calendar", subject_id=str(organization_id),
            before=_said(before), after=_said(wanted),
        )  # fmt: skip


# --- how -------------------------------------------------------------------------------------------------------------

_NO_CALENDAR: Final = text("DELETE FROM calendars WHERE organization_id = :organization")
_CALENDAR: Final = text(
    "INSERT INTO calendars (organization_id, country, subdivision, changed_at, changed_by) "
    "VALUES (:organization, :country, :subdivision, :now, :by)"
)
_ADD: Final = text(
    "INSERT INTO leave_entries (organization_id, owner_id, first_day, last_day, reason, entered_by, entered_at) "
    "SELECT :organization, cast(:owner AS bigint), cast(:first AS date), cast(:last AS date), :reason, :by, :now "
    "WHERE NOT EXISTS (SELECT FROM leave_entries WHERE organization_id = :organization AND removed_at IS NULL "
    "AND owner_id IS NOT DISTINCT FROM cast(:owner AS bigint) AND first_day = :first AND last_day = :last) "
    "RETURNING leave_id"
)


def _check(one: NewAbsence) -> None:
    if one.last_day < one.first_day:
        raise BadAbsence(f"The last day, {one.last_day}, is before the first, {one.first_day}.")
    if (one.last_day - one.first_day).days > LONGEST_DAYS:
        raise BadAbsence("An absence lasts three years at most.")
    if len(one.reason) > REASON_LENGTH:
        raise BadAbsence(f"A reason has {REASON_LENGTH} letters at most.")


def _demand_owners(connection: Connection, organization_id: int, wanted: set[int]) -> None:
    rows = connection.execute(
        text("SELECT owner_id FROM owners WHERE organization_id = :organization AND owner_id = ANY(:owners)"),
        {"organization": organization_id, "owners": list(wanted)},
    )
    if wanted - {row[0] for row in rows}:
        raise BadAbsence("That salesperson is not in this organization.")


def _add(connection: Connection, organization_id: int, one: NewAbsence, *, by: str, now: datetime) -> int:
    made = connection.execute(
        _ADD,
        {
            "organization": organization_id, "owner": one.owner_id, "first": one.first_day, "last": one.last_day,
            "reason": one.reason.strip(), "by": by, "now": now,
        },
    ).scalar_one_or_none()  # fmt: skip
    if made is None:
        return 0
    record(
        connection, organization_id, by=by, action="created", subject="leave", subject_id=str(made), before=None,
        after={"owner_id": one.owner_id, "first_day": one.first_day, "last_day": one.last_day, "reason": one.reason},
    )  # fmt: skip
    return 1


def _calendar(connection: Connection, organization_id: int) -> Calendar | None:
    row = connection.execute(
        text("SELECT country, subdivision FROM calendars WHERE organization_id = :organization"),
        {"organization": organization_id},
    ).one_or_none()
    return None if row is None else Calendar(**row._mapping)


def _said(calendar: Calendar | None) -> dict[str, object] | None:
    return None if calendar is None else {"country": calendar.country, "subdivision": calendar.subdivision}
