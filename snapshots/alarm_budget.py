"""How many false alarms about weeks an organization bears: set by people, noted in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from snapshots.audit import record
from snapshots.database import Database

USUAL: Final = 0.25
"""False alarms per series and quarter, where nobody set another number."""
LEAST: Final = 0.05
MOST: Final = 1.0


def budget_of(database: Database, organization_id: int) -> float:
    """False alarms per series and quarter of 13 weeks."""
    with database.as_app(organization_id) as connection:
        held = _budget(connection, organization_id)
    return USUAL if held is None else held


def set_budget(database: Database, organization_id: int, wanted: float, *, by: str, now: datetime) -> None:
    """Of looks from now on. Raises ValueError beyond LEAST and MOST. Whether who asks may set it is for the caller."""
    if not LEAST <= wanted <= MOST:
        raise ValueError(f"A budget is between {LEAST} and {MOST:.0f} alarms per series and quarter.")
    with database.as_app(organization_id) as connection:
        before = _budget(connection, organization_id)
        if wanted == (USUAL if before is None else before):
            return
        connection.execute(_SET, {"organization": organization_id, "budget": wanted, "now": now, "by": by})
        record(
            connection, organization_id, by=by, action="changed", subject="alarm budget",
            subject_id=str(organization_id), before={"budget": USUAL if before is None else before},
            after={"budget": wanted},
        )  # fmt: skip


_SET: Final = text(
    "INSERT INTO alarm_budgets (organization_id, budget, changed_at, changed_by) "
    "VALUES (:organization, :budget, :now, :by) ON CONFLICT (organization_id) DO UPDATE "
    "SET budget = excluded.budget, changed_at = excluded.changed_at, changed_by = excluded.changed_by"
)


def _budget(connection: Connection, organization_id: int) -> float | None:
    held: float | None = connection.execute(
        text("SELECT budget FROM alarm_budgets WHERE organization_id = :organization"),
        {"organization": organization_id},
    ).scalar_one_or_none()
    return held
